"""The root of the command line: quick to start, and every failure is one sentence with an exit code."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from backend.cli import errors
from backend.main import COMMANDS, mostrador
from backend.model.errors import InvalidInput, MostradorError

HEAVY = {"sqlalchemy", "litestar", "textual", "httpx", "nats", "alembic", "asyncio"}


def test_help_and_version_import_nothing_heavy() -> None:
    program = (
        "import sys; from backend import main; sys.argv = ['mostrador', '{option}']\n"
        "try: main.main()\nexcept SystemExit as stop: assert stop.code == 0\n"
        "print('loaded:', *sorted(set(sys.modules)))"
    )
    for option in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", program.format(option=option)], capture_output=True, text=True, check=True
        )
        loaded = set(done.stdout.rpartition("loaded:")[2].split())
        assert not loaded & HEAVY


def test_help_names_every_command_and_shows_an_example() -> None:
    text = CliRunner().invoke(mostrador, ["--help"]).output
    assert all(name in text for name in COMMANDS)
    assert "mostrador --store 292" in text


def test_a_point_of_sale_option_before_a_command_is_refused_rather_than_ignored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert errors.run(mostrador, ["--data", "x", "demo"]) == errors.WRONG_INPUT
    assert "--data belongs to the point of sale" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["--lang", "fr"], ["--no-such-option"], ["events"]])
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(mostrador, arguments) == errors.WRONG_INPUT
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "--help" in output.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["relay", "republish", "--since", "999999d"],
        ["verify", "--database-url", "postgresql://x@localhost:port/y"],
        ["backup", "copy.db", "--database-url", "nonsense"],
        ["explain", "\udcff", "1"],
    ],
)
def test_what_cannot_be_meant_is_wrong_input_and_no_bug(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.run(mostrador, arguments) == errors.WRONG_INPUT
    assert len(capsys.readouterr().err.splitlines()) == 1


def failing(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def command(as_json: bool) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InvalidInput("quantity", "The quantity must be at least 1."), 2, "The quantity must be at least 1."),
        (MostradorError("The database is away; try again."), 1, "The database is away; try again."),
        (PermissionError(13, "Permission denied", "shop/x"), 1, "shop/x: Permission denied."),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_a_failure_is_one_sentence(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.run(failing(error), []) == code
    assert capsys.readouterr().err.strip() == text


def test_a_failure_with_json_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(failing(InvalidInput("store", "There is no store 7.", known=24)), ["--json"]) == 2
    assert json.loads(capsys.readouterr().err) == {
        "code": "invalid_input",
        "message": "There is no store 7.",
        "field": "store",
        "known": 24,
    }


def test_the_number_a_command_returns_is_the_exit_code() -> None:
    @click.command()
    def drifted() -> int:
        return 1

    assert errors.run(drifted, []) == 1


def test_a_bug_leaves_its_traceback_in_a_file_and_a_sentence_on_the_terminal() -> None:
    program = "import sys; from backend.cli.errors import report_bug; sys.excepthook = report_bug; 1 / 0"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    log = Path(sentence.split()[-1].rstrip("."))
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    log.unlink()


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = (
        "import sys, click; from backend.cli import errors\n"
        "@click.command()\n"
        "def talk():\n"
        "    while True: click.echo('x' * 1000)\n"
        "sys.exit(errors.run(talk, []))"
    )
    talker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert talker.stdout is not None
    assert talker.stderr is not None
    with talker.stdout, talker.stderr:
        talker.stdout.readline()
        talker.stdout.close()
        assert talker.wait() == 1
        assert talker.stderr.read() == b""


def test_every_command_loads_and_explains_itself() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(mostrador, [name, "--help"])
        assert result.exit_code == 0
        assert result.output.startswith(f"Usage: mostrador {name} ")


def test_nats_config_keeps_the_key_that_servers_have(tmp_path: Path) -> None:
    def written() -> tuple[str, str]:
        assert errors.run(mostrador, ["nats-config", str(tmp_path), "--password", "secret"]) == 0
        return (tmp_path / "issuer.seed").read_text(), (tmp_path / "nats-server.conf").read_text()

    first = written()
    assert first == written()
    assert json.loads(first[1])["authorization"]["users"] == [{"user": "mostrador", "password": "secret"}]
