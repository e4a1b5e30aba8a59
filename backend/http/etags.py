"""ETags: a client skips what it has already (If-None-Match), and changes only what it has seen (If-Match).

A tag is `"<version>-<digest>"`. The version is what a write is compared with. The digest covers all that is shown,
because some of it changes without a new version (a hold reaches its deadline, a product gets another name).
"""

import re
from hashlib import blake2b
from typing import TypeVar

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct, json, to_builtins

from backend.model.errors import InvalidInput, MostradorError

from .request import ApiRequest

Shape = TypeVar("Shape", bound=Struct)

IF_MATCH = "If-Match"
UNCHANGED = {304: ResponseSpec(None, description="What If-None-Match names is what there is still.")}
"""For the `responses` of a GET that answers `tagged`."""
_TAG = re.compile(r'(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile(r"(\d{1,18})(?:-[0-9a-f]+)?")


class PreconditionRequired(MostradorError):
    """A write that must say what it has seen does not."""

    code = "precondition_required"

    def __init__(self) -> None:
        super().__init__(f"This needs the header {IF_MATCH}; send the ETag that GET gave you.", header=IF_MATCH)


class PreconditionFailed(MostradorError):
    """The caller has seen another version; `current` is what there is now, and `etag` its tag."""

    code = "version_moved"

    def __init__(self, version: int, current: Struct) -> None:
        super().__init__(
            f"It has changed since you read it and is at version {version} now; look at it and send the change again.",
            current=to_builtins(current),
            etag=etag(version, current),
        )


class Match(Struct, frozen=True):
    """What If-Match allows: one version, or any (None). A tag that is none of ours allows -1, which no version is."""

    version: int | None


def etag(version: int, shown: Struct) -> str:
    """Returns the strong ETag of `shown`, which is at `version`."""
    return f'"{version}-{blake2b(json.encode(shown), digest_size=6).hexdigest()}"'


def tagged(request: ApiRequest, version: int, shown: Shape, status: int = 200) -> Response[Shape]:
    """Returns the response with its ETag; for a GET whose If-None-Match names that tag 304 and no body."""
    tag = etag(version, shown)
    # The caller may keep the answer, but has to ask again each time; nobody in between may.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.method == "GET" and _names(request.headers.get("If-None-Match", ""), tag):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
    return Response(shown, status_code=status, headers=headers)


def if_match(request: ApiRequest) -> Match | None:
    """Returns what the caller has seen; None when the request does not say.

    Raises InvalidInput for a header that is neither `*` nor one ETag.
    """
    sent = request.headers.get(IF_MATCH)
    if sent is None:
        return None
    if sent.strip() == "*":
        return Match(None)
    found = _TAG.fullmatch(sent.strip())
    if found is None:
        raise InvalidInput(
            IF_MATCH, f'{IF_MATCH} must be one ETag in its quotes, as GET gave it, for example "7-0a1b".'
        )
    # The comparison is strong: a weak tag matches nothing.
    version = None if found["weak"] else _VERSION.fullmatch(found["tag"])
    return Match(int(version[1]) if version else -1)


def _names(if_none_match: str, tag: str) -> bool:
    """Returns whether the header names `tag`; here a weak tag is as good."""
    return if_none_match.strip() == "*" or any(f'"{found["tag"]}"' == tag for found in _TAG.finditer(if_none_match))
