"""GET /shop: what a terminal or another program has to know of the shop before anybody has signed in."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from backend.database.engine import Database
from backend.database.reads import reading
from backend.http.access import PUBLIC

from .queries import find_shop


class ShopShape(Struct, frozen=True):
    """The shop. All three are null where nobody has said: in a chain that is older than the question."""

    name: str | None
    currency: str | None
    """ISO 4217. Prices have two decimals."""
    time_zone: str | None
    """A name of the IANA database, such as Europe/Madrid."""


def shop_routes(db: Database) -> list[HTTPRouteHandler]:
    """/shop"""

    @get("/shop", scope=PUBLIC)
    async def shop() -> ShopShape:
        """Returns the shop's name, currency and time zone."""
        async with reading(db) as connection:
            found = await find_shop(connection)
        return ShopShape(found.name, found.currency, found.time_zone) if found else ShopShape(None, None, None)

    return [shop]
