"""Settling refused sales by hand: kept here until the server has recorded it, so that no sale vanishes unexplained."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from backend.auth.roles import ROLES
from backend.ids import new_id
from backend.model.conflicts import Settlement, SettlingReason, needs_supervisor
from backend.model.errors import MostradorError
from backend.model.scopes import Scope

from .api import Api
from .checkout import Checkout
from .journal import Journal, KeptSale
from .values import Approval, Notice, Session, notice_of

_LATER = {"server_away", "session_ended"}
PAUSE = 10.0
"""Seconds between attempts to have the server record what waits."""


class NoteMissing(MostradorError):
    """The reason says nothing by itself."""

    code = "settle_note_missing"


class ApprovalMissing(MostradorError):
    """A supervisor has to say yes, and nobody was named."""

    code = "approval_needed"


class Settling:
    """Settles conflicts of `checkout`. `waiting` are those that the server has not recorded, by the conflict's id."""

    def __init__(self, api: Api, journal: Journal, checkout: Checkout, say: Callable[[Notice], None]) -> None:
        self._api, self._journal, self._checkout, self._say = api, journal, checkout, say
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self.waiting: dict[UUID, Settlement] = journal.settlements()

    @staticmethod
    def needs_approval(conflict: KeptSale, session: Session) -> bool:
        """Returns whether somebody else has to approve what the person of `session` settles."""
        alone = Scope.SALES_SETTLE in ROLES.get(session.role, frozenset())
        return needs_supervisor(conflict.total_cents) and not alone

    async def settle(
        self,
        conflict: KeptSale,
        reason: SettlingReason,
        note: str,
        session: Session,
        approval: Approval | None,
        *,
        away: bool,
    ) -> bool:
        """Settle a conflict; returns whether it is settled now, or kept here as settled until the server answers.

        Raises NoteMissing, ApprovalMissing, JournalUnusable, and what the server
        refuses; then the conflict is as open as before. A PIN can only be checked by the server and is not kept: what
        needs one is not settled while the server is away.
        """
        if reason is SettlingReason.OTHER and not note:
            raise NoteMissing("Say in the note what was done.")
        if self.needs_approval(conflict, session):
            if approval is None:
                raise ApprovalMissing("A supervisor must approve this; type their user and PIN.")
            if away:
                self._say(Notice("warning", "settle_offline"))
                return False
        async with self._turn:
            if conflict.id in self.waiting or conflict.refusal is None:
                return False
            sell = conflict.sell
            settlement = Settlement(
                id=new_id(),
                store_id=sell.store_id,
                receipt_number=conflict.receipt_number,
                sale_id=sell.id,
                sold_at=conflict.made_at,
                lines=sell.lines,
                refusal=conflict.refusal.code.value,
                reason=reason,
                note=note,
                settled_by=session.user,
            )
            self._journal.settle(settlement)
            self.waiting[conflict.id] = settlement
            try:
                await self._deliver(conflict, settlement, approval)
            except MostradorError as error:
                if error.code not in _LATER and not (error.retryable and approval is None):
                    self._open_again(conflict)
                    raise
                self._say(Notice("warning", "settle_queued", {"receipt": conflict.receipt_number}))
        return True

    def hurry(self) -> None:
        """Try now what waits."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver what waits until cancelled."""
        while True:
            for conflict in [x for x in self._checkout.conflicts if x.id in self.waiting]:
                async with self._turn:
                    await self._again(conflict)
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE if self.waiting else None):
                    await self._wake.wait()
            self._wake.clear()

    async def _again(self, conflict: KeptSale) -> None:
        settlement = self.waiting.get(conflict.id)
        if settlement is None:
            return
        try:
            await self._deliver(conflict, settlement, None)
        except MostradorError as error:
            if error.retryable or error.code == "session_ended":
                return
            self._open_again(conflict)
            if error.code == "approval_needed":  # it never arrived while the supervisor was here
                self._say(Notice("error", "settle_again", {"receipt": conflict.receipt_number}))
            else:
                self._say(notice_of(error))

    async def _deliver(self, conflict: KeptSale, settlement: Settlement, approval: Approval | None) -> None:
        await self._api.settle(settlement, approval)
        self.waiting.pop(conflict.id, None)
        self._checkout.settled(conflict)
        self._say(Notice("ok", "sale_settled", {"receipt": conflict.receipt_number}))

    def _open_again(self, conflict: KeptSale) -> None:
        self._journal.unsettle(conflict.id)
        self.waiting.pop(conflict.id, None)
