"""Point reads that are asked for at the same time become one question to the database.

Who asks joins a read that has not begun, never one that is under way: so nobody gets an answer that is older than their
question. All who ask in one turn of the event loop are asked for together, and while `AT_ONCE` reads are under way, the
next one gathers. A lone caller waits for nobody.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

AT_ONCE = 2
"""Reads under way: one is put together or taken apart here while the other is with the database."""


class Dataloader(Generic[Key, Value]):
    """Finds values by their keys, those of many callers at a time."""

    def __init__(self, find: Callable[[Sequence[Key]], Coroutine[None, None, Mapping[Key, Value]]]) -> None:
        """`find` answers the values of different keys, and leaves out the keys that have none."""
        self._find = find
        self._asked: dict[Key, asyncio.Future[Value | None]] = {}
        self._under_way = 0

    async def get(self, key: Key) -> Value | None:
        """Returns the value of `key` as it is now, or None.

        Raises what the read raises, as does everybody who shares it.
        """
        answer = self._asked.get(key)
        if answer is None:
            loop = asyncio.get_running_loop()
            answer = self._asked[key] = loop.create_future()
            loop.call_soon(self._begin)
        # Whoever leaves takes nothing from those who wait for the same.
        return await asyncio.shield(answer)

    def _begin(self) -> None:
        if self._asked and self._under_way < AT_ONCE:
            asked, self._asked = self._asked, {}
            self._under_way += 1
            read = asyncio.get_running_loop().create_task(self._find(list(asked)), name="gathered-read")
            read.add_done_callback(partial(self._end, asked))

    def _end(self, asked: Mapping[Key, asyncio.Future[Value | None]], read: asyncio.Task[Mapping[Key, Value]]) -> None:
        self._under_way -= 1
        self._begin()
        for key, answer in asked.items():
            if read.cancelled():
                answer.cancel()
            elif error := read.exception():
                answer.set_exception(error)
                answer.exception()  # told; when all who asked have left, nobody else takes it
            else:
                answer.set_result(read.result().get(key))
