"""How answers show stores."""

from typing import Annotated

from msgspec import Meta, Struct

StoreName = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$(?!\n)")]


class StoreShape(Struct, frozen=True):
    """A store, as a list shows it."""

    id: str
    name: str
