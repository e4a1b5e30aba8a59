"""The terminal's own file: the queue of its acts, receipt numbers, unfinished sales, who was here last.

An act is committed here, with its number, before it is sent and before it is shown as done; it is deleted only when
the server has answered it. Whatever dies in between, it is sent again under the same command ids, so it is neither
lost nor done twice. What the server refused after the customer left stays as a conflict until a person has settled
it. The lines of the open sale are here before they are shown, and the holds that they ask for before they are asked
for, so a terminal that died takes both up again or gives them back.
"""

from .acts import LONGEST_RECEIPT_NUMBER, KeptAct, KeptSale
from .file import JournalUnusable
from .journal import Journal
from .open_sale import OpenSale, ParkedSale
from .receipts import KeptReceipt
from .rescue import Rescued
from .series import LONGEST_STORE_SHOWN

__all__ = [
    "LONGEST_RECEIPT_NUMBER",
    "LONGEST_STORE_SHOWN",
    "Journal",
    "JournalUnusable",
    "KeptAct",
    "KeptReceipt",
    "KeptSale",
    "OpenSale",
    "ParkedSale",
    "Rescued",
]
