"""Progress on standard error, while somebody watches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress_bars(steps: Sequence[str], *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Gives the block what to call with a step, how much of it is done, and how much there is."""
    screen = Console(stderr=True)
    if quiet or not screen.is_terminal:
        yield lambda _step, _done, _total: None
        return
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen) as bars:
        tasks = {step: bars.add_task(step, total=None) for step in steps}
        yield lambda step, done, total: bars.update(tasks[step], completed=done, total=total)
