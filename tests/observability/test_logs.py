import json
import logging
from typing import Literal

import pytest
import structlog

from backend.observability.logs import configure_logging

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


SECRETS = {
    "in an address": ("no database at postgresql://me:hunter2@db/x", "no database at postgresql://me:***@db/x"),
    "in a header": ("sent Authorization: Bearer abc.def-ghi=", "sent Authorization: Bearer ***"),
    "alone": ("refused eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbmEifQ.c2ln", "refused ***"),
    "in a query": ("GET /live?store=292&access_token=abcdef&x=1", "GET /live?store=292&access_token=***&x=1"),
    "in a body": ('{"user": "ana", "pin": "pin-9f3"}', '{"user": "ana", "pin": "***"}'),
    "of a session": (f"GET /products/-{'a' * 21}._{'b' * 42} was refused", "GET /products/*** was refused"),
    "of NATS": (f"seed SAA{'B' * 55} is wrong", "seed *** is wrong"),
}


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(("told", "shown"), SECRETS.values(), ids=SECRETS)
def test_no_secret_gets_out_of_a_sentence_or_an_exception(
    capsys: pytest.CaptureFixture[str], style: Literal["json", "console"], told: str, shown: str
) -> None:
    configure_logging("info", style)
    log = structlog.get_logger("test")
    log.info(told, detail=told, sent=[{"why": told}])
    logging.getLogger("library").warning("%s", told)
    try:
        raise RuntimeError(told)
    except RuntimeError as error:
        log.error("request_failed", exc_info=error)
    text = capsys.readouterr().err
    for secret in ("hunter2", "abc.def-ghi", "eyJhbG", "abcdef", "pin-9f3", "SAAB"):
        assert secret not in text
    assert text.replace("\\", "").count(shown) >= 4


def test_no_secret_gets_out_under_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "json")
    key = "a1b2c3"

    def fails(password: str) -> None:
        raise RuntimeError("broken")

    try:
        fails(key)
    except RuntimeError as error:
        structlog.get_logger("test").error(
            "failed", exc_info=error, headers={"X-API-Key": key, "Cookie": key, "host": "shop"}, accessToken=key
        )
    structlog.get_logger("test").info("seen", user={"pinned": "yes", "logins": [{"PIN": key}]}, token=None, tokens=2)
    text = capsys.readouterr().err
    assert key not in text
    failed, seen = map(json.loads, text.splitlines())
    assert failed["headers"] == {"X-API-Key": "***", "Cookie": "***", "host": "shop"}
    assert seen["user"] == {"pinned": "yes", "logins": [{"PIN": "***"}]}
    assert (seen["token"], seen["tokens"]) == (None, 2)
