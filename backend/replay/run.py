"""A whole replay: opening stock, then all counters at once, then what came of it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from time import monotonic

from msgspec import Struct

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.terminal.api import Api

from .baskets import Basket
from .counter import Counter, Sold
from .opening import OpeningStock, demand_of, opening_stock, receipts, surpluses
from .sender import Credentials, Sender, Tally

RECEIPTS_AT_ONCE = 4
"""Receive commands in one request; each has up to 500 lines."""
SURPLUSES_AT_ONCE = 500

Watcher = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class OpeningRefused(MostradorError):
    """The server knows a store or product of the file under no such name, or does not let this user receive goods."""

    code = "opening_refused"


class Plan(Struct, frozen=True):
    """How to sell the baskets. `speed` is a multiple of real time; None is as fast as the server answers."""

    baskets: Sequence[Basket]
    opening: OpeningStock
    terminals: int
    speed: float | None


class Result(Struct, frozen=True):
    """What came of it. Latencies are of single commands, from the first attempt to the answer."""

    run: str
    """The receipts of this replay begin with it."""
    baskets: int
    baskets_sold: int
    lines_sold: int
    units_asked: int
    units_sold: int
    units_refused: int
    """For lack of stock: asked for and not there."""
    retries: int
    commands: int
    seconds: float
    commands_per_second: float
    p50_ms: float
    p99_ms: float
    errors: tuple[str, ...]
    """Refusals for anything else than lack of stock."""


async def replay(plan: Plan, base_url: str, credentials: Credentials, watch: Watcher) -> Result:
    """Sell all baskets of `plan` through the server at `base_url`.

    Raises ServerAway, ServerRefused (a wrong PIN, …) or OpeningRefused.
    """
    run = f"R{new_id().hex[-8:]}"
    tally, sold = Tally(), Sold()
    demand = demand_of(plan.baskets)
    async with AsyncExitStack() as stack:
        senders = []
        for number in range(1, plan.terminals + 1):
            api = Api(base_url)
            stack.push_async_callback(api.close)
            sender = Sender(api, credentials, f"replay-{number}", tally)
            await sender.open()
            senders.append(sender)
        await _open(senders[0], opening_stock(demand, plan.opening), plan.opening, run, watch)
        tally.commands, tally.latencies = 0, []  # the speed of selling is what is measured
        started = monotonic()
        await _sell_all(plan, [Counter(x, f"{run}-{n}", sold) for n, x in enumerate(senders, 1)], watch)
        seconds = monotonic() - started
    latencies = sorted(tally.latencies)
    return Result(
        run=run,
        baskets=len(plan.baskets),
        baskets_sold=sold.baskets,
        lines_sold=sold.lines,
        units_asked=sum(demand.values()),
        units_sold=sold.units,
        units_refused=sold.refused_units,
        retries=tally.retries,
        commands=tally.commands,
        seconds=round(seconds, 3),
        commands_per_second=round(tally.commands / seconds, 1),
        p50_ms=_milliseconds(latencies, 0.50),
        p99_ms=_milliseconds(latencies, 0.99),
        errors=tuple(sold.errors),
    )


async def _open(
    sender: Sender, opening: dict[tuple[str, str], int], kind: OpeningStock, run: str, watch: Watcher
) -> None:
    what = f"opening stock of replay {run}"
    answers = await _all(sender, list(receipts(opening, what)), RECEIPTS_AT_ONCE, "Receiving the opening stock", watch)
    if kind == "tight":
        corrections = list(surpluses(opening, answers, what))
        await _all(sender, corrections, SURPLUSES_AT_ONCE, "Taking away what was there before", watch)


async def _all(sender: Sender, commands: Sequence[Command], at_once: int, phase: str, watch: Watcher) -> list[Answer]:
    answers: list[Answer] = []
    for start in range(0, len(commands), at_once):
        watch(phase, start, len(commands))
        for answer in await sender.send(commands[start : start + at_once]):
            if answer.refusal is not None:
                raise OpeningRefused(f"The opening stock was refused: {answer.refusal.message}")
            answers.append(answer)
    watch(phase, len(commands), len(commands))
    return answers


async def _sell_all(plan: Plan, counters: Iterable[Counter], watch: Watcher) -> None:
    """Each counter takes the next basket in time as soon as it has sold its last one."""
    waiting = iter(plan.baskets)
    done = 0
    started = monotonic()

    async def work(counter: Counter) -> None:
        nonlocal done
        for basket in waiting:
            if plan.speed is not None:
                due = started + (basket.at - plan.baskets[0].at).total_seconds() / plan.speed
                await asyncio.sleep(max(0.0, due - monotonic()))
            await counter.sell(basket)
            done += 1
            watch("Selling", done, len(plan.baskets))

    try:
        async with asyncio.TaskGroup() as counting:
            for counter in counters:
                counting.create_task(work(counter))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


def _milliseconds(latencies: Sequence[float], share: float) -> float:
    """Returns the latency that `share` of the sorted `latencies` do not exceed."""
    return round(latencies[min(int(len(latencies) * share), len(latencies) - 1)] * 1000, 2) if latencies else 0.0
