"""The form of a shop of one's own: its name, its currency, and who is its first admin."""

from collections.abc import Awaitable, Callable

from textual.widgets import Input

from backend.embedded.founding import NewShop
from backend.model.errors import MostradorError
from backend.terminal.values import Notice
from tui.shared import Shared

from .form import FormScreen

Found = Callable[[NewShop], Awaitable[None]]
"""Founds the shop. Raises MostradorError; its `field` is one of `FIELDS` where it is the person's to mend."""
FIELDS = {"store": "shop", "currency": "currency", "name": "admin", "pin": "pin"}
"""The command's names of what may be wrong, and those of the fields here."""


class FoundScreen(FormScreen[bool]):
    """Dismissed with True once the shop is founded."""

    def __init__(self, shared: Shared, found: Found) -> None:
        words = shared.words
        self._found = found
        self._shop, self._currency = Input(id="shop"), Input("EUR", id="currency", max_length=3)
        self._admin = Input(id="admin")
        self._pin, self._again = Input(password=True, id="pin"), Input(password=True, id="again")
        fields = (
            (words("found.shop"), self._shop),
            (words("found.currency"), self._currency),
            (words("found.admin"), self._admin),
            (words("found.pin"), self._pin),
            (words("found.again"), self._again),
        )
        super().__init__(shared, words("found.title"), words("found.hint"), fields)

    def wrong(self) -> tuple[Input, Notice] | None:
        """Returns what is missing, or that the two secrets differ."""
        found = super().wrong()
        if found is None and self._pin.value != self._again.value:
            self._again.value = ""
            return self._again, Notice("warning", "found_again")
        return found

    async def send(self) -> bool:
        """Found the shop."""
        currency, admin = self._currency.value.strip().upper(), self._admin.value.strip()
        await self._found(NewShop(self._shop.value.strip(), currency, admin, self._pin.value))
        return True

    def failed(self, error: MostradorError) -> None:
        """Say it in this form's own words where a field is wrong, and go there."""
        field = FIELDS.get(str(error.fields.get("field", "")))
        if field is None:
            super().failed(error)
        else:
            self.refuse(self.query_one(f"#{field}", Input), Notice("error", f"found_{field}"))
