"""The question about a sale that was open when the terminal stopped."""

import pytest

from .conftest import LARGE, SMALL, Opening

MILK, EGGS = "2000000010410", "2000000010434"


async def stopped_with_a_sale(counter: Opening) -> None:
    """A terminal that stops without a word, two lines in its sale."""
    async with counter() as c:
        c.scan(MILK)
        c.scan(EGGS)
        await c.until(lambda: c.desk.cart.units == 2)
        await c.settled()


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_it_is_offered_and_goes_on_with_enter(counter: Opening, size: tuple[int, int]) -> None:
    await stopped_with_a_sale(counter)
    async with counter(size, signed_in=False) as c:
        await c.sign_in(on="OpenSaleScreen")
        await c.shows(
            "A sale was open", "Ana", "2 lines, 4.68", "Whole milk", "Brown eggs", "Enter Go on", "Del Give back"
        )
        c.scan(MILK)
        await c.shows("A sale was open")
        await c.press("enter")
        await c.on("SellScreen")
        await c.until(lambda: c.desk.cart.units == 2)
        await c.settled()
        await c.shows("HOLD 15:00", "2 lines · 2 units")


async def test_declined_it_is_gone(counter: Opening) -> None:
    await stopped_with_a_sale(counter)
    async with counter(lang="es", signed_in=False) as c:
        await c.sign_in(on="OpenSaleScreen")
        await c.shows("Había una venta abierta", "Supr")
        await c.press("delete")
        await c.on("SellScreen")
        await c.settled()
        assert (c.desk.cart.lines, c.server.live_holds) == ([], 0)
    async with counter() as c:
        assert c.desk.found is None
