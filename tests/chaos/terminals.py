"""Tills that sell through HTTP as a terminal's queue does: each batch is sent again until it is answered."""

import asyncio
import random
from collections.abc import Sequence
from itertools import cycle
from uuid import UUID

import httpx
from msgspec import Struct, json

from backend.ids import new_id
from backend.model.answers import Answer
from backend.model.commands import Command, Line, SaleLine
from backend.model.verbs.cancel import Cancel
from backend.model.verbs.confirm import Confirm
from backend.model.verbs.receive import Receive
from backend.model.verbs.reserve import Reserve
from backend.model.verbs.sell import Sell

STORES = ("292", "304")
PRODUCTS = ("tea", "jam", "milk", "bread", "rice")
OPENING = 20_000
BATCH = 10
PAUSE = 0.02
"""Seconds between a terminal's batches, so that there is room on the machine to start a server meanwhile."""


class _Batch(Struct):
    commands: Sequence[Command]


class _Answers(Struct):
    answers: list[Answer]


class Terminal:
    """One terminal. What it has sent, and the first answer it got to each command, is its memory."""

    def __init__(self, seed: int, urls: Sequence[str], token: str, store_id: str) -> None:
        self.sent: dict[UUID, Command] = {}
        self.answers: dict[UUID, Answer] = {}
        self.failures = 0
        """Requests that got no answer, or were told to come again."""
        self._random = random.Random(seed)
        self._urls = cycle(urls)
        self._url = next(self._urls)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._store_id = store_id
        self._holds: list[UUID] = []

    async def receive(self) -> None:
        """The opening stock of this terminal's store."""
        lines = tuple(Line(product, OPENING) for product in PRODUCTS)
        async with httpx.AsyncClient(timeout=30) as client:
            await self._send(client, [Receive(id=new_id(), store_id=self._store_id, lines=lines)])

    async def sell_until(self, closing: asyncio.Event) -> None:
        """Sell until closing time; then every command sent has its answer."""
        async with httpx.AsyncClient(timeout=30) as client:
            while not closing.is_set():
                batch = [self._command() for _ in range(BATCH)]
                answers = await self._send(client, batch)
                self._holds += [answer.id for answer in answers if self._is_new_hold(answer)]
                await asyncio.sleep(PAUSE)

    async def ask_again(self) -> list[Answer]:
        """Send everything once more; the answers."""
        commands = list(self.sent.values())
        async with httpx.AsyncClient(timeout=30) as client:
            pages = [commands[start : start + 500] for start in range(0, len(commands), 500)]
            return [answer for page in pages for answer in await self._ask(client, page)]

    async def _send(self, client: httpx.AsyncClient, batch: Sequence[Command]) -> list[Answer]:
        self.sent |= {command.id: command for command in batch}
        answers = await self._ask(client, batch)
        self.answers |= {answer.id: answer for answer in answers}
        return answers

    async def _ask(self, client: httpx.AsyncClient, batch: Sequence[Command]) -> list[Answer]:
        content = json.encode(_Batch(batch))
        while True:
            try:
                response = await client.post(f"{self._url}commands", content=content, headers=self._headers)
            except httpx.TransportError:
                pass
            else:
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    assert response.status_code == httpx.codes.OK, response.text
                    return json.decode(response.content, type=_Answers).answers
            self.failures += 1
            self._url = next(self._urls)
            await asyncio.sleep(0.05)  # as a terminal that does not hammer at a closed door

    def _command(self) -> Command:
        new, store = new_id(), self._store_id
        product, units = self._random.choice(PRODUCTS), self._random.randint(1, 5)
        hold = self._holds.pop() if self._holds and self._random.random() < 0.6 else None
        match self._random.randrange(5), hold:
            case 0, UUID():
                return Cancel(id=new, store_id=store, reservation_id=hold)
            case 1, UUID():
                return Confirm(id=new, store_id=store, reservation_id=hold)
            case _, UUID():
                return Sell(id=new, store_id=store, lines=(SaleLine(product, units, 100),), holds=(hold,))
            case 0 | 1, _:
                return Sell(id=new, store_id=store, lines=(SaleLine(product, units, 100), SaleLine("tea", 1, 100)))
            case _:
                ttl = self._random.choice((1, 900))
                return Reserve(id=new, store_id=store, lines=(Line(product, units), Line("jam", 1)), ttl_seconds=ttl)

    def _is_new_hold(self, answer: Answer) -> bool:
        return answer.accepted and isinstance(self.sent[answer.id], Reserve)
