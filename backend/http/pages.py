"""Pages of the lists that grow: `limit`, an opaque `cursor`, and a Link to the next page.

A page begins behind the key of the row before it, not at a row's number: rows that come or go meanwhile are neither
shown twice nor hidden, and the thousandth page costs what the first does. A route asks its repository for one row more
than `limit`, from the key that `behind` reads out of the cursor, and gives what it got to `page`.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from litestar.params import QueryParameter
from msgspec import DecodeError, json

from backend.model.errors import InvalidInput

from .request import ApiRequest

Row = TypeVar("Row")
Key = TypeVar("Key", bound=tuple[Any, ...])

MAX_LIMIT = 500
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Rows of a page.")]
Cursor = Annotated[str | None, QueryParameter(max_length=500, description="From the `next` link of the page before.")]


def behind(cursor: str | None, key: type[Key]) -> Key | None:
    """Returns the key of the row that the page begins behind; None for the first page.

    `key` is a named tuple with types as narrow as what the database takes: anybody can write a cursor.

    Raises InvalidInput for a cursor that no page of this list has handed out.
    """
    if cursor is None:
        return None
    try:
        decoded: Key = json.decode(urlsafe_b64decode(cursor), type=key)
        for part in decoded:
            if isinstance(part, datetime):
                part.astimezone(UTC)  # as the database has it; not every moment with an offset is one there
    except (ValueError, DecodeError, OverflowError) as error:
        message = "cursor is not one of this list; take it from the next link of the page before."
        raise InvalidInput("cursor", message) from error
    return decoded


def page(
    request: ApiRequest, rows: Sequence[Row], limit: int, key: Callable[[Row], Key]
) -> tuple[Sequence[Row], dict[str, str]]:
    """Returns the first `limit` of `rows`, and the headers that lead to the rest of them."""
    shown = rows[:limit]
    if len(rows) <= limit:
        return shown, {}
    return shown, next_link(request, "cursor", cursor_of(key(shown[-1])))


def cursor_of(key: tuple[Any, ...]) -> str:
    """Returns the cursor of the page behind the row with this key."""
    return urlsafe_b64encode(json.encode(key)).decode()


def next_link(request: ApiRequest, parameter: str, value: str) -> dict[str, str]:
    """Returns the header that leads to the same question with another `value` of `parameter`."""
    asked = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query = urlencode([*(pair for pair in asked if pair[0] != parameter), (parameter, value)])
    # Without the host: behind a proxy only the client knows the right one.
    return {"Link": f'<{quote(request.scope["path"])}?{query}>; rel="next"'}
