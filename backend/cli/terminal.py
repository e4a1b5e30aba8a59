"""`mostrador` without a command: the point of sale on this machine's own shop, or on a running server."""

import asyncio
import json
import re
import sys
import threading
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from backend.embedded.choice import DEMO, OWN, Choice, remember, remembered
from backend.embedded.client import Lease, Progress, join_or_start
from backend.embedded.files import ShopFiles, claim_terminal, shop_files
from backend.embedded.founding import found
from backend.model.errors import InvalidInput, MostradorError


class Shop:
    """This machine's own servers, as the screens open them: again after a failure, if the person wants."""

    def __init__(self, files: ShopFiles) -> None:
        self._files = files
        self._lease: Lease | None = None
        self.failure: MostradorError | None = None
        """Why the shop is not open, after `connect` raised."""

    async def connect(self, progress: Progress) -> str:
        """Returns the URL of the server, joined or started. Raises MostradorError."""
        self.close()
        lease: Future[Lease] = Future()
        # Not asyncio's own threads: leaving the program would wait for them, and a first start takes seconds.
        threading.Thread(target=self._join, args=(progress, lease), daemon=True).start()
        try:
            self._lease = await asyncio.wrap_future(lease)
        except MostradorError as error:
            self.failure = error
            raise
        self.failure = None
        return self._lease.server_url

    def _join(self, progress: Progress, lease: "Future[Lease]") -> None:
        try:
            lease.set_result(join_or_start(self._files, progress))
        except (MostradorError, OSError) as error:
            lease.set_exception(error)

    def close(self) -> None:
        """Give the servers back; they stop if no other terminal uses them."""
        if self._lease is not None:
            self._lease.close()
            self._lease = None


def open_counter(
    *, server: str | None, data: Path | None, store: str | None, lang: str | None, demo: bool = False
) -> None:
    """Show the point of sale until the person leaves it.

    With `server` it is that server's. Else it is what the data directory has: the demo's or an own shop's private
    servers are joined or started, and stop with the last terminal. A new directory opens the `demo`, or the person is
    asked first. Raises MostradorError when there is no terminal to show it on, or when it was left without the shop
    ever opening.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            "terminal",
            "The point of sale needs a terminal to show itself on. Without one: mostrador init founds a shop, mostrador"
            " demo builds the demo, mostrador serve runs the server; on one, --demo or --server URL open it unasked.",
        )
    files = shop_files(data)
    if server is None and demo:
        _check_demo(files)
    choice = Choice("server", server) if server else (remembered(files) if not demo else DEMO) or _ask(files, lang)
    if choice is None:
        return
    if choice.kind == "server":
        _open_remote(choice.server, files, store, lang)
    else:
        _open_own(files, store, lang, demo=choice == DEMO)


def _check_demo(files: ShopFiles) -> None:
    if remembered(files) == OWN:
        raise InvalidInput(
            "demo", f"{files.root} has a shop of your own; leave --demo out, or name another --data DIR."
        )


def _ask(files: ShopFiles, lang: str | None) -> Choice | None:
    """Returns what a new data directory is to open; None if the person leaves."""
    from tui.first_start import Ways, ask

    async def join(address: str) -> str:
        from backend.terminal.api import Api

        url = (address if "://" in address else f"http://{address}").rstrip("/")
        fleet_files(url, files)
        api = await asyncio.to_thread(Api, url)
        try:
            await api.stores()
        finally:
            await api.close()
        remember(files, Choice("server", url))
        return url

    files.prepare()
    return ask(Ways(found=partial(found, files), join=join), lang)


def _open_own(files: ShopFiles, store: str | None, lang: str | None, *, demo: bool) -> None:
    from tui.app import run

    files.prepare()
    terminal, shop = claim_terminal(files), Shop(files)
    try:
        run(connect=shop.connect, data_dir=files.root, terminal_id=terminal.name, lang=lang, demo=demo, store=store)
    finally:
        shop.close()
        terminal.release()
    if shop.failure is not None:
        raise shop.failure


def _open_remote(server: str, files: ShopFiles, store: str | None, lang: str | None) -> None:
    from tui.app import run

    files = fleet_files(server, files)
    files.prepare()
    terminal = claim_terminal(files)
    enrolled = _enrolment(files)

    async def connect(_: Progress) -> str:
        return server.rstrip("/")

    try:
        run(
            connect=connect,
            data_dir=files.root,
            terminal_id=terminal.name,
            lang=lang,
            in_fleet=True,
            terminal_key=enrolled.get("key", ""),
            enrolled_as=enrolled.get("terminal_id", ""),
            store=store or enrolled.get("store_id"),
        )
    finally:
        terminal.release()


def fleet_files(server: str, files: ShopFiles) -> ShopFiles:
    """Returns this machine's files for the fleet at `server`. Raises InvalidInput for what is no address."""
    url = urlsplit(server)
    if url.scheme not in ("http", "https") or not url.netloc:
        raise InvalidInput("server", f"{server} is no server's address; give one like http://shop.example:8000")
    # What waits to be sent to one fleet must never reach another one, so each has files of its own.
    return ShopFiles(files.root / "fleets" / re.sub(r"[^A-Za-z0-9.-]+", "_", url.netloc))


def _enrolment(files: ShopFiles) -> dict[str, str]:
    """Returns what `mostrador enrol` left: the terminal's store and key; nothing for a terminal that is not
    enrolled."""
    try:
        kept: dict[str, str] = json.loads(files.enrolment.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept
