"""Who works at this terminal: store, user and PIN; or only the PIN when a session ended in the middle of a sale."""

from collections.abc import Awaitable, Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static

from backend.model.errors import MostradorError
from backend.terminal.values import Notice, Session, Store, notice_of
from tui.actions import SIGN_IN, bindings
from tui.shared import Shared
from tui.type_ahead import when_typed

from .base import TerminalScreen

SignIn = Callable[[str, str, str], Awaitable[Session]]
"""(user, PIN, store id) → the session. Raises MostradorError."""


class SignInScreen(TerminalScreen[Session]):
    """Dismissed with the session. `again` names the session that ended: then only its user can go on."""

    ACTS = SIGN_IN
    BINDINGS = bindings(SIGN_IN)
    CSS_PATH = "sign_in.tcss"
    AUTO_FOCUS = ""
    PASTE_IS_TYPED = True

    def __init__(
        self,
        shared: Shared,
        sign_in: SignIn,
        stores: Sequence[Store],
        *,
        store_id: str | None = None,
        user: str = "",
        again: Session | None = None,
    ) -> None:
        super().__init__(shared)
        self._sign_in, self._again = sign_in, again
        self._busy = True  # until the first field has the focus
        options = [(f"{store.name}  ({store.id})", store.id) for store in sorted(stores, key=lambda store: store.name)]
        if len(stores) == 1:
            store_id = stores[0].id  # there is nothing to choose
        known = store_id in {store.id for store in stores}
        if not known and stores and (shared.demo or len(stores) == 1):
            store_id, known = min(store.id for store in stores), True
        self._store: Select[str] = Select(
            options,
            prompt=self.words("sign.store.choose"),
            value=store_id if known and store_id else Select.NULL,
            disabled=again is not None,
            id="store",
        )
        self._user = Input(user, id="user", disabled=again is not None)
        self._pin = Input(password=True, id="pin")

    def compose(self) -> ComposeResult:
        """Yields a form in the middle."""
        words = self.words
        rows: list[Widget] = [Static(words("sign.title"), classes="dialog-title", markup=False)]
        if self._again:
            rows.append(Static(words("sign.again"), classes="dialog-hint", markup=False))
        for label, field in (("sign.store", self._store), ("sign.user", self._user), ("sign.pin", self._pin)):
            rows.append(Horizontal(Label(words(label)), field, classes="field"))
        if self.shared.demo:
            rows.append(Static(words("sign.demo"), classes="dialog-hint", markup=False))
        yield from self.framed(Vertical(Vertical(*rows, classes="dialog", id="form"), classes="middle"))

    def on_mount(self) -> None:
        """Begin with the first field that is empty."""
        if self._store.value is Select.NULL:
            self.set_focus(self._store)
        else:
            self.set_focus(self._pin if self._user.value else self._user)
        self._go_on()

    @property
    def takes_keys(self) -> bool:
        """Not while it is being found out whether the PIN is right: the next key is for what comes then."""
        return self.is_mounted and not self._busy

    def _go_on(self) -> None:
        self._busy = False
        self.shared.keys.go_on()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter is the form's in the two fields where one types; elsewhere it opens and closes the list of stores."""
        return self.focused in (self._user, self._pin) if action == "enter" else True

    @on(Select.Changed, "#store")
    def _store_chosen(self) -> None:
        if self._store.value is not Select.NULL and self.is_mounted:
            self.set_focus(self._pin if self._user.value else self._user)

    def action_enter(self) -> None:
        """Go from the user to the PIN, and from there to the sale."""
        if self.focused is self._user:
            self.set_focus(self._pin)
        else:
            self.action_sign_in()

    def action_sign_in(self) -> None:
        """Try what the form says, once the characters that are on their way to its fields have arrived."""
        if not self._busy:
            self._busy = True
            when_typed((self._user, self._pin), self._submit)

    def _submit(self) -> None:
        store, user, pin = self._store.value, self._user.value.strip(), self._pin.value
        if not isinstance(store, str):
            self.shared.say(Notice("warning", "nothing_open"))
            self.set_focus(self._store)
            self._go_on()
        elif not user or not pin:
            self.shared.say(Notice("warning", "pin_missing"))
            self.set_focus(self._pin if user else self._user)
            self._go_on()
        else:
            self.do(self._try(user, pin, store), "sign in")

    async def _try(self, user: str, pin: str, store_id: str) -> None:
        self.shared.say(Notice("info", "signing_in"))
        try:
            session = await self._sign_in(user, pin, store_id)
        except MostradorError as error:
            self.shared.say(notice_of(error))
            self._pin.value = ""
            self.set_focus(self._pin)
            self._go_on()
        else:
            self.shared.keys.forget()  # the PIN may have been typed twice, and the next screen would show it
            self.dismiss(session)
