"""How answers show stores."""

from msgspec import Struct


class StoreShape(Struct, frozen=True):
    """A store, as a list shows it."""

    id: str
    name: str
