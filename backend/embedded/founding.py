"""Founding a shop of one's own in a data directory, by the command that does it everywhere: `mostrador init`.

It runs as a process of its own, so that whoever asks, a screen, loads no database. Quick to import.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass

from backend.model.errors import MostradorError

from .files import ShopFiles


@dataclass(frozen=True)
class NewShop:
    """What a person says of a shop to be. Its first store has the shop's name and the number 1."""

    name: str
    currency: str
    admin: str
    secret: str


class NotFounded(MostradorError):
    """The shop could not be founded; code and sentence are the command's, and `field` names what was wrong."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message, field=field)
        self.code = code


async def found(files: ShopFiles, shop: NewShop) -> None:
    """Found the shop in the data directory, which remembers that it is no demo. Raises NotFounded."""
    files.prepare()
    words = ["--store", f"1={shop.name}", "--admin", shop.admin, "--currency", shop.currency]
    where = ["--secret-file", "-", "--data", str(files.root), "--json"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "backend.main", "init", *words, *where),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        cwd=files.root,
    )
    _, said = await process.communicate(shop.secret.encode() + b"\n")
    if process.returncode != 0:
        raise _last_words(said.decode(errors="replace"))


def _last_words(said: str) -> NotFounded:
    try:
        told = json.loads(said.splitlines()[-1])
        return NotFounded(told["code"], told["message"], str(told.get("field", "")))
    except (IndexError, ValueError, KeyError, TypeError):
        return NotFounded("not_founded", f"The shop could not be founded: {said.strip() or 'no reason was given'}.", "")
