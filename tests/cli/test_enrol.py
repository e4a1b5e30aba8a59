"""`mostrador enrol`: the key ends in a file of the terminal's owner, also when the first answer is lost."""

import json
import stat
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from backend.cli import errors
from backend.cli.terminal import _enrolment, fleet_files
from backend.embedded.files import shop_files
from backend.main import mostrador
from backend.terminal.api import Api

KEY = f"mk_{'0' * 16}.{'A' * 43}"
SERVER = "http://shop.example:8000"


class Fleet:
    """Loses its first answers, then gives the key of the first attempt to whoever repeats it."""

    def __init__(self, lost: int = 0) -> None:
        self.lost = lost
        self.attempts: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.attempts.append(request.headers["idempotency-key"])
        if len(self.attempts) <= self.lost:
            raise httpx.ReadError("the connection broke")
        if json.loads(request.content) != {"code": "7K3QP-M0XVD"}:
            problem = {"code": "enrolment_refused", "detail": "This enrolment code is not valid."}
            return httpx.Response(401, json=problem)
        return httpx.Response(201, json={"store_id": "292", "terminal_id": "T9", "name": "Back door", "key": KEY})


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    answers = Fleet()
    monkeypatch.setattr("backend.cli.enrol.Api", lambda url: Api(url, httpx.MockTransport(answers)))
    return answers


def test_the_key_is_kept_for_its_owner_and_not_shown(fleet: Fleet, tmp_path: Path) -> None:
    fleet.lost = 2
    command = ["enrol", "7K3QP-M0XVD", "--server", SERVER, "--data", str(tmp_path), "--json"]
    done = CliRunner().invoke(mostrador, command)
    assert done.exit_code == 0, done.output
    assert KEY not in done.output
    said = json.loads(done.stdout)
    assert (said["store_id"], said["terminal_id"], said["name"]) == ("292", "T9", "Back door")
    assert len(fleet.attempts) == 3
    assert len(set(fleet.attempts)) == 1

    files = fleet_files(SERVER, shop_files(tmp_path))
    assert said["file"] == str(files.enrolment)
    assert json.loads(files.enrolment.read_text())["key"] == KEY
    assert stat.S_IMODE(files.enrolment.stat().st_mode) == 0o600
    assert _enrolment(files)["store_id"] == "292"


@pytest.mark.parametrize(("lost", "code"), [(0, "enrolment_refused"), (3, "server_away")])
def test_a_failure_is_told_and_leaves_nothing(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: int, code: str
) -> None:
    fleet.lost = lost
    command = ["enrol", "AAAAA-AAAAA", "--server", SERVER, "--data", str(tmp_path), "--json"]
    assert errors.run(mostrador, command) == errors.FAILED
    assert json.loads(capsys.readouterr().err)["code"] == code
    files = fleet_files(SERVER, shop_files(tmp_path))
    assert not files.enrolment.exists()
    assert _enrolment(files) == {}
