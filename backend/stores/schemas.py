"""How answers show stores."""

from typing import Annotated

from msgspec import Meta, Struct

from backend.model.text import LINE

StoreName = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]


class StoreShape(Struct, frozen=True):
    """A store, as a list shows it."""

    id: str
    name: str
