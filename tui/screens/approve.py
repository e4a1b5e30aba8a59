"""The form in which a supervisor agrees to sell, without a server, more than this terminal keeps."""

from textual.widgets import Input

from backend.terminal.terms import SupervisorNeeded
from backend.terminal.values import Approval
from tui.shared import Shared

from .form import FormScreen


class ApproveScreen(FormScreen[Approval]):
    """Dismissed with the name and the PIN that were typed; the desk finds out whether they are right."""

    def __init__(self, shared: Shared, needed: SupervisorNeeded) -> None:
        words, told = shared.words, needed.fields
        self._user, self._pin = Input(id="user"), Input(password=True, id="pin")
        hint = words(
            "approve.hint",
            name=str(told["name"]),
            kept=int(str(told["kept"])),
            requested=int(str(told["requested"])),
        )
        fields = [(words("approve.user"), self._user), (words("sign.pin"), self._pin)]
        super().__init__(shared, words("approve.title"), hint, fields)

    async def send(self) -> Approval:
        """Returns what was typed."""
        return Approval(self._user.value.strip(), self._pin.value)
