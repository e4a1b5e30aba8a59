"""What a sale's receipt says besides its lines: who sold, where, and when by the server's clock."""

from collections.abc import Callable
from contextlib import suppress

from .api import Api
from .clock import SKEWED
from .journal import Journal, JournalUnusable, KeptSale
from .money import Lang
from .receipts.paper import Paper
from .values import Notice, Session


def paper_of(sale: KeptSale, names: tuple[str, ...], session: Session, terminal_id: str, lang: Lang) -> Paper:
    """Returns the receipt of a sale; `names` are those of its lines, in their order."""
    return Paper(
        number=sale.receipt_number,
        sale_id=sale.id,
        store_id=sale.store_id,
        store_name=session.store_name,
        terminal_id=terminal_id,
        clerk=session.display_name,
        at=sale.made_at.astimezone(),
        lines=sale.sell.lines,
        names=names,
        tenders=sale.sell.tenders or (),
        lang=lang,
    )


def keep_time(api: Api, journal: Journal, say: Callable[[Notice], None]) -> None:
    """Date what is kept by the server's clock; how far this machine's is off is remembered."""

    def keep(offset: float) -> None:
        with suppress(JournalUnusable):  # it is measured again by the next start
            journal.remember(clock_offset=f"{offset:.3f}")
        if abs(offset) > SKEWED:
            say(Notice("warning", "clock_skewed", {"minutes": round(abs(offset) / 60)}))

    api.clock.kept_by(float(journal.recall("clock_offset") or 0), keep)
    journal.now = api.clock.now
