import json
import logging

import pytest
import structlog

from backend.observability import configure_logging

pytestmark = pytest.mark.usefixtures("process_wide")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_who_and_where_and_hides_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    structlog.contextvars.bind_contextvars(request_id="r1", store="292", terminal="T1", person="ana")
    log = structlog.get_logger("test")
    log.info("signed_in", pin="1234", access_token="eyJ", nats_password="x", pinned="shown")
    log.debug("unseen")
    logging.getLogger("library").warning("a library says %s", "this")

    ours, theirs = lines(capsys)
    assert ours.pop("timestamp")
    assert ours == {
        "event": "signed_in",
        "level": "info",
        "request_id": "r1",
        "store": "292",
        "terminal": "T1",
        "person": "ana",
        "pin": "***",
        "access_token": "***",
        "nats_password": "***",
        "pinned": "shown",
    }
    assert (theirs["event"], theirs["level"], theirs["request_id"]) == ("a library says this", "warning", "r1")


def test_an_error_keeps_its_traceback_for_the_operator(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        structlog.get_logger("test").error("request_failed", exc_info=error)
    (line,) = lines(capsys)
    assert "broken" in json.dumps(line["exception"])


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug", "console")
    structlog.get_logger("test").debug("seen", token="eyJ")
    shown = capsys.readouterr().err
    assert "seen" in shown
    assert "eyJ" not in shown
