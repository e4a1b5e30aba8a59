"""Locks end with their process, terminals get the first free number, and a directory that cannot be used is named."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from backend.embedded.files import DataNotWritable, FileLock, ShopFiles, claim_terminal, shop_files, write_private


@pytest.fixture
def files(tmp_path: Path) -> ShopFiles:
    files = ShopFiles(tmp_path / "shop")
    files.prepare()
    return files


def test_a_lock_is_exclusive_until_it_is_released(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_lock_ends_with_the_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from backend.embedded.files import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = FileLock(tmp_path / "lock")
        assert not lock.acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert lock.acquire()
        lock.release()


def test_terminals_get_the_first_free_number(files: ShopFiles) -> None:
    first, second = claim_terminal(files), claim_terminal(files)
    assert (first.name, second.name) == ("T1", "T2")
    first.release()
    again = claim_terminal(files)
    assert again.name == "T1"
    again.release()
    second.release()


def test_a_private_file_is_replaced_whole_and_for_its_owner_only(files: ShopFiles) -> None:
    write_private(files.state, "one")
    write_private(files.state, "two")
    assert files.state.read_text() == "two"
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o600
    assert [path.name for path in files.root.iterdir() if path.is_file()] == ["keeper.json"]


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataNotWritable, match=r"file/shop cannot be written \(Not a directory\); choose another"):
        ShopFiles(tmp_path / "file" / "shop").prepare()


def test_the_data_directory_is_chosen_by_argument_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSTRADOR_DATA", str(tmp_path / "a"))
    assert shop_files(tmp_path / "b").root == tmp_path / "b"
    assert shop_files().root == tmp_path / "a"
    monkeypatch.delenv("MOSTRADOR_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "mostrador" in shop_files().root.name
    assert os.fspath(tmp_path) in os.fspath(shop_files().root)
