"""Delivers commands to the server: in order, one batch at a time, again and again under the same ids until answered."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from uuid import UUID

from backend.model.answers import Answer, Code, Refusal
from backend.model.commands import Command
from backend.model.errors import MostradorError
from backend.model.told import Told

from .api import Api
from .values import SESSION_OVER

BATCH = 200
PAUSES = (0.2, 0.5, 1, 2, 4)
"""Seconds before each repetition, up to half more or less by chance; the last one repeats."""


class Sender:
    """A queue of commands in front of `api`.

    `answered` is called with every command and its answer. `failed` is called with the error when attempts begin to
    fail (or fail for another reason), and with None once one gets through again. `idle` is set while nothing waits.
    The answers of one request are told `together`.
    """

    def __init__(
        self,
        api: Api,
        answered: Callable[[Command, Answer], None],
        failed: Callable[[MostradorError | None], None],
        pauses: Sequence[float] = PAUSES,
        together: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._api, self._answered, self._failed, self._pauses = api, answered, failed, pauses
        self._together = together
        self._queue: dict[UUID, Command] = {}
        self._acts: dict[UUID, Told] = {}
        """The acts that end with the commands of these ids."""
        self._wake = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self._failures = 0
        self._failing_with = ""
        self._one_by_one = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt reached nobody."""
        return self._failures > 0

    def put(self, commands: Iterable[Command], act: Told | None = None) -> None:
        """Send these after what waits already. A command that waits already is not queued twice.

        `act` is what the last of them ends, if that is one of the terminal's numbered acts.
        """
        last = None
        for command in commands:
            self._queue.setdefault(command.id, command)
            last = command.id
        if act is not None and last is not None:
            self._acts[last] = act
        if self._queue:
            self.idle.clear()
            if not self._failures:
                self._wake.set()

    def hurry(self) -> None:
        """Try now instead of after the pause."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled. An error that a repetition may heal is repeated, any other answers the command."""
        while True:
            if self._queue:
                await self._attempt()
            if self._failures:
                # By chance: the terminals of a shop must not all come back in the same moment.
                pause = self._pauses[min(self._failures, len(self._pauses)) - 1] * random.uniform(0.5, 1.5)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
            elif not self._queue:
                await self._wake.wait()
            self._wake.clear()

    async def _attempt(self) -> None:
        size = 1 if self._one_by_one else BATCH
        batch = list(self._queue.values())[:size]
        try:
            answers = await self._api.send(batch, [self._acts.get(x.id) for x in batch])
        except MostradorError as error:
            if error.retryable or error.code in SESSION_OVER:
                self._failures += 1
                if error.code != self._failing_with:
                    self._failing_with = error.code
                    self._failed(error)
                return
            if len(batch) > 1:
                # One bad command must not answer for the others: give them to the server one at a time.
                self._one_by_one = len(batch)
                return
            answers = [Answer(batch[0].id, Refusal(Code.NOT_RECORDED, error.message))]
        self._one_by_one = max(0, self._one_by_one - len(batch))
        if self._failures:
            self._failures, self._failing_with = 0, ""
            self._failed(None)
        with self._together():
            for command, answer in zip(batch, answers, strict=True):
                self._queue.pop(command.id, None)
                self._acts.pop(command.id, None)
                self._answered(command, answer)
        if not self._queue:
            self.idle.set()
