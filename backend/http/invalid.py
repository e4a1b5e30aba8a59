"""What is wrong with a request, as a sentence that names the field and says what it must be."""

import re
from collections.abc import Callable

from msgspec import DecodeError, json

from backend.model.answers import Code
from backend.model.errors import InvalidInput
from backend.model.text import refused_character

QUANTITIES = {"quantity", "adjustment", "ttl_seconds", "ttl_minutes"}
_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "uuid": "a UUID",
}
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


class InvalidBody(InvalidInput):
    """A field of a request is missing, unknown or wrong. `code` is that of the ledger's refusal where it has one."""

    def __init__(self, field: str, message: str, code: str = InvalidInput.code) -> None:
        super().__init__(field, message)
        self.code = code


class MalformedBody(InvalidInput):
    """The body is not JSON at all."""

    code = "malformed_json"


class MediaTypeUnsupported(InvalidInput):
    """The body is of another type than JSON."""

    code = "unsupported_media_type"

    def __init__(self, kind: str) -> None:
        super().__init__("Content-Type", f"The body is {kind}; send JSON, with Content-Type: application/json.")


def invalid_body(reason: str, body: bytes) -> InvalidBody:
    """Returns the error for what msgspec says of a `body` that is JSON but not what the route takes."""
    match = _PATH.match(reason)
    assert match is not None  # every part of the pattern is optional
    if "matching regex" in match["what"] and (character := refused_character(_value_at(match["path"] or "", body))):
        field = match["path"] or "body"
        return InvalidBody(field, f"{field} has the control character {character} in it; remove it.")
    return invalid_field(match["path"] or "", match["what"])


def repeated(key: str) -> InvalidBody:
    """Returns the error for a key that an object of the body has twice."""
    return InvalidBody(key, f"{key} stands twice in one object; send it once.")


def _value_at(path: str, body: bytes) -> str:
    """Returns the text at `path` of the body, which is JSON; empty when the path has no way to it (a key of any
    name)."""
    try:
        value = json.decode(body)
    except (DecodeError, RecursionError):  # behind the value; what came first is told
        return ""
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d*)\]", path):
        if isinstance(value, list) and index:
            value = value[int(index)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return ""
    return value if isinstance(value, str) else ""


def malformed_body(reason: str) -> MalformedBody:
    """Returns the error for what msgspec says of a body that is not JSON."""
    why = "it ends too early" if "truncated" in reason else reason.removeprefix("JSON is malformed: ")
    return MalformedBody("body", f"The body is not valid JSON: {why}.")


def invalid_field(path: str, what: str) -> InvalidBody:
    """Returns the error for `what` (msgspec's words) about the value at `path`."""
    for pattern, sentence in _SENTENCES:
        if match := pattern.fullmatch(what):
            if match.groupdict().get("name"):
                path = f"{path}.{match['name']}" if path else match["name"]
            field = path or "body"
            return InvalidBody(field, f"{field} {sentence(match)}.", _code(field, what))
    field = path or "body"
    return InvalidBody(field, f"{field} is not right: {what}.", _code(field, what))


def _code(field: str, what: str) -> str:
    last = re.sub(r"\[\d*\]$", "", field).rpartition(".")[2]
    if last in QUANTITIES and "missing" not in what and "unknown" not in what:
        return Code.INVALID_QUANTITY
    if last == "lines" and "length >=" in what:
        return Code.EMPTY_BASKET
    return InvalidInput.code


def _type(names: str) -> str:
    return " or ".join(_NAMES.get(name, name) for name in names.split(" | "))


def _limit(match: re.Match[str]) -> str:
    word = "at least" if match["sign"] == ">=" else "at most"
    unit = {"str": " characters", "array": " entries"}.get(match["type"], "") if match["of"] else ""
    return f"must {'have' if unit else 'be'} {word} {match['limit']}{unit}"


_SENTENCES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"Object missing required field `(?P<name>.*)`"), lambda m: "is missing; add it"),
    (re.compile(r"Missing required \w+ parameter '(?P<name>\w+)'.*"), lambda m: "is missing; add it"),
    (re.compile(r"Missing required .*"), lambda m: "is missing; add it"),
    (
        re.compile(r"Object contains unknown field `(?P<name>.*)`"),
        lambda m: "is not a field of this request; remove it",
    ),
    (
        re.compile(r"Expected `(?P<type>.*)`, got `(?P<got>.*)`"),
        lambda m: f"must be {_type(m['type'])}, not {_type(m['got'])}",
    ),
    (re.compile(r"Expected `(?P<type>\w+)(?: \| null)?` (?P<of>of length )?(?P<sign>[<>]=) (?P<limit>\S+)"), _limit),
    (re.compile(r"Expected `.*` matching regex .*"), lambda m: "has a character that is not allowed here"),
    (
        re.compile(r"Invalid (?P<what>UUID)"),
        lambda m: "must be a UUID, for example 0197a2b4-7c1e-7d3a-9f00-2b6c5d4e3f21",
    ),
    (
        re.compile(r"Invalid (?P<what>value '.*')"),
        lambda m: f"does not know the {m['what']}; see docs/api.md for those it takes",
    ),
]
