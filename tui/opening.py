"""Opens what the screens stand on: the server's address, the terminal's files, and whoever may be let in."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.model.errors import MostradorError

if TYPE_CHECKING:
    from backend.terminal.api import Api
    from backend.terminal.cache.cache import Cache
    from backend.terminal.journal import Journal
    from backend.terminal.people.known import Granted, KnownPeople
    from backend.terminal.people.signing_in import SigningIn
    from backend.terminal.values import Notice, Store

Report = Callable[[str, int, int], None]
"""Takes the name of a step, how much of it is done, and how much there is. May be called from any thread."""
Connect = Callable[[Report], Awaitable[str]]
"""Opens the shop, reports how that goes, and returns the server's URL. Raises MostradorError."""


@dataclass(frozen=True)
class Machine:
    """Which terminal this machine is: its name for itself and, in a fleet, what it was enrolled as."""

    data_dir: Path
    slot: str
    in_fleet: bool = False
    key: str = ""
    enrolled_as: str = ""

    @property
    def journal_file(self) -> Path:
        """The terminal's own file."""
        return self.data_dir / "terminals" / f"{self.slot}.db"


@dataclass(frozen=True)
class Opened:
    """The open shop; `granted` are those who may sign in, if only they can because no server answers."""

    api: "Api"
    journal: "Journal"
    signing_in: "SigningIn"
    stores: "tuple[Store, ...]"
    granted: "tuple[Granted, ...]"


class Opening:
    """Opens the shop, again after a failure, and closes it."""

    def __init__(
        self,
        connect: Connect,
        machine: Machine,
        make_api: "Callable[[str], Api] | None",
        say: "Callable[[Notice], None]",
    ) -> None:
        self._connect, self._machine, self._make_api, self._say = connect, machine, make_api, say
        self._api: Api | None = None
        self._journal: Journal | None = None
        self._people: KnownPeople | None = None
        self._copy: Cache | None = None

    async def once(self, report: Report) -> Opened:
        """Returns the open shop. Raises MostradorError; then the files are as open or closed as they were."""
        loading = asyncio.create_task(asyncio.to_thread(_load))
        url = await self._connect(report)
        await loading
        from backend.terminal.api import Api
        from backend.terminal.identity import Identity, place_of
        from backend.terminal.people.signing_in import SigningIn

        journal, people = await asyncio.to_thread(self._files)
        if self._api is not None:
            await self._api.close()
        self._api = await asyncio.to_thread(self._make_api or Api, url)
        machine = self._machine
        identity = Identity(machine.slot, not machine.in_fleet, machine.key, machine.enrolled_as)
        place = place_of(machine.journal_file.parent)
        signing_in = SigningIn(self._api, journal, people, identity, place, self._say)
        stores, granted = await signing_in.stores()
        return Opened(self._api, journal, signing_in, stores, tuple(granted))

    def _files(self) -> "tuple[Journal, KnownPeople]":
        from backend.terminal.identity import adopt_older
        from backend.terminal.journal import Journal
        from backend.terminal.people.known import KnownPeople
        from backend.terminal.people.signing_in import people_file

        path, slot = self._machine.journal_file, self._machine.slot
        if self._journal is None:
            journal = Journal(path, slot)
            try:
                adopt_older(journal, path.parent, slot)
            except MostradorError:
                journal.close()
                raise
            self._journal = journal
        if self._people is None:
            self._people = KnownPeople(people_file(path))
        return self._journal, self._people

    async def copy_of(self, store_id: str, clock: Callable[[], float]) -> "Cache":
        """Returns the terminal's copy of a store. Raises CacheUnusable."""
        from backend.terminal.cache.cache import Cache

        path = self._machine.journal_file.with_name(f"{self._machine.slot}-{store_id}.copy")
        self._copy = await asyncio.to_thread(Cache, path, store_id, clock=clock)
        return self._copy

    async def close_copy(self) -> None:
        """Close the copy, if it is open."""
        if self._copy is not None:
            copy, self._copy = self._copy, None
            await copy.close()

    async def close(self) -> None:
        """Close what was opened; what waits in the journal is sent at the next start."""
        if self._api is not None:
            await self._api.sign_out()
            await self._api.close()
        await self.close_copy()
        if self._journal is not None:
            self._journal.close()
        if self._people is not None:
            self._people.close()


def _load() -> None:
    """Import, in a thread, what selling needs behind the first screen."""
    for module in ("backend.terminal.desk", "tui.screens.sell", "tui.screens.sign_in"):
        importlib.import_module(module)
