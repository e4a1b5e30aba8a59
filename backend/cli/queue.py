"""`mostrador queue`: what this machine's terminals have not sent yet, carried by a file to another one if need be."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.table import Table

from backend.embedded.files import FileLock, ShopFiles, shop_files
from backend.model.errors import InvalidInput, MostradorError
from backend.private_files import open_private
from backend.terminal.journal import Journal, KeptAct
from backend.terminal.journal.export import read, written

from .options import console
from .terminal import fleet_files

_OWN = "a shop of its own"


class TerminalRunning(MostradorError):
    """The terminal is open, and would not see what is put into its queue."""

    code = "terminal_running"


class Shown(msgspec.Struct, frozen=True):
    """An act as the list shows it."""

    terminal: str
    sequence: int
    kind: str
    store_id: str
    actor: str
    made_at: datetime
    receipt_number: str
    refused: str


@click.group()
def queue() -> None:
    """What the terminals of this machine did and the server has not answered.

    \b
    Examples:
      mostrador queue list
      mostrador queue export unsent.json
      mostrador queue import unsent.json --server https://shop.example
    """


def _options(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--terminal", metavar="T1", help="Only this terminal of the machine."),
        click.option("--server", metavar="URL", envvar="MOSTRADOR_SERVER", help="The fleet; default: an own shop."),
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Data directory of the terminal (MOSTRADOR_DATA).",
        ),
    ):
        command = option(command)
    return command


@queue.command(name="list")
@_options
def list_(data: Path | None, server: str | None, terminal: str | None, as_json: bool) -> None:
    """List what waits for an answer, and what was refused and nobody has settled yet.

    \b
    Example:
      mostrador queue list --server https://shop.example --json
    """
    files, _ = _place(data, server)
    shown = [_shown(slot, act) for slot, acts in _queues(files, terminal) for act in acts]
    if as_json:
        click.echo(msgspec.json.encode(shown))
    elif not shown:
        click.echo("Everything that was done here was answered by the server.")
    else:
        table = Table(*Shown.__struct_fields__, box=None)
        for each in shown:
            table.add_row(*[str(getattr(each, name)) for name in Shown.__struct_fields__])
        console().print(table)


@queue.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_options
def export(file: Path, data: Path | None, server: str | None, terminal: str | None, as_json: bool) -> None:
    """Write what one terminal has not sent to FILE, to import it at another one. It stays in the queue here too.

    \b
    Example:
      mostrador queue export unsent.json --terminal T1
    """
    files, place = _place(data, server)
    [path] = _files(files, terminal or "T1")
    if file.exists():
        raise InvalidInput("file", f"{file} exists; name another file.")
    with _opened(path) as journal:
        acts = _unsent(journal)
        content = written(acts, place, journal.recall("series") or path.stem, journal.name, datetime.now(UTC))
    with open_private(file, "wb") as out:
        out.write(content)
    done = {"file": str(file), "acts": len(acts)}
    click.echo(msgspec.json.encode(done) if as_json else f"{file} has {len(acts)} acts of {path.stem}.")


@queue.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask before acts of other people are taken in.")
@_options
def import_(file: Path, yes: bool, data: Path | None, server: str | None, terminal: str | None, as_json: bool) -> None:
    """Put the acts of FILE into a terminal's queue; it sends them when it is opened next, each once.

    Who did them goes with them: the server keeps their names beside the name of who sends them.

    \b
    Example:
      mostrador queue import unsent.json --terminal T1
    """
    files, place = _place(data, server)
    exported, acts = read(file.read_bytes(), place)
    people = sorted({act.actor or "somebody of an older version" for act in acts})
    if people and not yes and not as_json:
        who = ", ".join(people)
        click.confirm(f"{len(acts)} acts of {who} at {exported.terminal}: take them into this terminal?", abort=True)
    elif people and not yes:
        raise InvalidInput("yes", f"The file has acts of {', '.join(people)}; say --yes to take them in.")
    files.prepare()
    path = files.root / "terminals" / f"{terminal or 'T1'}.db"
    lock = FileLock(path.with_suffix(".lock"))
    if not lock.acquire():
        raise TerminalRunning(f"Terminal {path.stem} is open; leave it, or name another with --terminal.")
    try:
        with _opened(path) as journal:
            new = journal.take_in(acts)
    finally:
        lock.release()
    done = {"terminal": path.stem, "acts": len(new), "known": len(acts) - len(new), "people": people}
    sentence = f"{len(new)} acts wait in {path.stem} now; {len(acts) - len(new)} were taken in before."
    click.echo(msgspec.json.encode(done) if as_json else sentence)


def _place(data: Path | None, server: str | None) -> tuple[ShopFiles, str]:
    """Returns the files of the fleet, or of the machine's own shop, and its name."""
    if server is None:
        return shop_files(data), _OWN
    files = fleet_files(server, shop_files(data))
    return files, files.root.name


def _files(files: ShopFiles, terminal: str | None) -> list[Path]:
    found = sorted((files.root / "terminals").glob(f"{terminal or 'T*'}.db"))
    if terminal is not None and not found:
        raise InvalidInput("terminal", f"There is no terminal {terminal} in {files.root}; mostrador queue list.")
    return found


def _queues(files: ShopFiles, terminal: str | None) -> Iterator[tuple[str, list[KeptAct]]]:
    for path in _files(files, terminal):
        with _opened(path) as journal:
            yield path.stem, _unsent(journal)


@contextmanager
def _opened(path: Path) -> Iterator[Journal]:
    journal = Journal(path, path.stem)
    try:
        yield journal
    finally:
        journal.close()


def _unsent(journal: Journal) -> list[KeptAct]:
    return sorted((*journal.acts(), *journal.refused_acts()), key=lambda act: act.sequence)


def _shown(terminal: str, act: KeptAct) -> Shown:
    refused = act.refusal.code.value if act.refusal else ""
    number = getattr(act, "receipt_number", "")
    return Shown(terminal, act.sequence, act.kind, act.store_id, act.actor, act.made_at, number, refused)
