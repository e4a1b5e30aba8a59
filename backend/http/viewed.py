"""Answers that may come from a view: they tell their age, and whoever wants none says so."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from backend.cache.view import Viewed

from .request import ApiRequest

T = TypeVar("T")
Load = Callable[[], Awaitable[T]]


async def viewed(
    request: ApiRequest, read: Callable[[str, Load[T]], Awaitable[Viewed[T]]] | None, question: str, load: Load[T]
) -> tuple[T, dict[str, str]]:
    """Returns what `read` has for `question`, with the header Age; what `load` reads from the database now where there
    are no
    views, or the caller says `Cache-Control: no-cache`."""
    if read is None or "no-cache" in request.headers.get("cache-control", ""):
        return await load(), {}
    value, age = await read(question, load)
    return value, {"Age": str(int(age))}
