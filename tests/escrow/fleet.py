"""A fleet of terminals and servers in one process, with all that can go wrong, played from a seed.

A schedule is a row of steps drawn at random: a customer comes, a message arrives (or is lost, or arrives twice), a
server goes one step further in settling its batch, a process dies, a connection is cut, a clock jumps, somebody takes
an allotment back. After each the checker looks. In the end all is mended and told, and the checker looks at the whole.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import timedelta
from random import Random
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from backend.ledger.asking import Settled, Ticket
from backend.ledger.errors import Conflict
from backend.ledger.settle import fingerprint
from backend.model.allotments import AllotmentPolicy, Beyond
from backend.model.answers import Answer
from backend.model.books import Request
from backend.model.commands import Command, Line
from backend.model.reservations import Status
from backend.model.stock import Who
from backend.model.verbs.allot_reclaim import AllotReclaim
from backend.model.verbs.receive import Receive
from backend.model.verbs.sell import Sell

from .checker import Checker
from .memory import MemoryDatabase, settling
from .till import STORE, Crash, Till, some_id

PRODUCTS = ("tea", "jam", "milk")
BATCH = 4
"""Commands that a terminal sends at once."""
LUIS = Who("luis", "T0")


class Message(NamedTuple):
    """Commands on their way to a server."""

    sender: int | None
    """The terminal; None for a supervisor's browser, which waits for no answer."""
    server: int
    commands: tuple[Command, ...]


class Reply(NamedTuple):
    """Answers on their way back."""

    till: int
    answers: tuple[Answer, ...]


class Recalled(NamedTuple):
    """A word to a terminal that somebody wants units of its allotment."""

    terminal_id: str
    allotment_id: UUID
    units: int


class Server:
    """One server: what waits in it, and the batch that it settles."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.batch: list[Message] = []
        self.work: Generator[None, None, Settled] | None = None


class Fleet:
    """`tills` terminals, `servers` servers and one database."""

    def __init__(self, seed: int, tills: int = 20, servers: int = 3, till: type[Till] = Till) -> None:
        self.random = Random(seed)
        self.crashing = True
        self.plenty = self.random.choice((5, 15, 60))
        """The most units of a product in a delivery."""
        self.tills = [till(f"T{n + 1}", self._policy(), self.random, self._fault) for n in range(tills)]
        self.checker = Checker(self.tills)
        self.database = self.checker.database = MemoryDatabase(STORE, PRODUCTS, self.checker.committed)
        self.servers = [Server() for _ in range(servers)]
        self.messages: list[Message] = []
        self.replies: list[Reply] = []
        self.recalls: list[Recalled] = []
        self.cut: set[int] = set()
        """Terminals that reach no server."""
        self.waits: set[int] = set()
        """Terminals that have sent something and wait for the answer."""
        self.crashes = self.conflicts = 0

    def _policy(self) -> AllotmentPolicy:
        return AllotmentPolicy(units=self.random.randint(0, 8), minutes=30, beyond=self.random.choice(list(Beyond)))

    def _fault(self) -> None:
        if self.crashing and self.random.random() < 0.01:
            raise Crash

    def play(self, steps: int) -> None:
        """Plays a schedule and its end."""
        for _ in range(3):
            self._goods_arrive()
        kinds: dict[Callable[[], None], int] = {
            self._customer: 25,
            self._send: 40,
            self._deliver: 30,
            self._server_step: 60,
            self._reply: 30,
            self._look_after: 25,
            self._recall: 3,
            self._cut_or_mend: 8,
            self._give_up: 3,
            self._server_dies: 1,
            self._clock_jumps: 1,
            self._reclaim: 1,
            self._goods_arrive: 1,
        }
        for step in self.random.choices(list(kinds), list(kinds.values()), k=steps):
            step()
            self.checker.check()
        self._mend()
        self.checker.check_end()

    def seen(self) -> dict[str, int]:
        """Returns how much of what has happened."""
        facts = [x for x in self.checker.sent.values() if isinstance(x, Sell) and x.offline is not UNSET]
        return {
            "sales": len(self.checker.sold),
            "made without a server": len(facts),
            "of them guaranteed": sum(x.offline is not UNSET and x.offline.guaranteed for x in facts),
            "shortfall cases": self.checker.cases,
            "allotments": len(self.database.holds),
            "reclaimed": len(self.checker.reclaimed),
            "crashes of terminals": self.crashes,
            "conflicts of servers": self.conflicts,
        }

    def _some_till(self) -> int:
        return self.random.randrange(len(self.tills))

    def _alive(self, number: int, act: Callable[[Till], None]) -> None:
        """Does something at a terminal. If it dies of it, it starts again, and its connections are gone."""
        try:
            act(self.tills[number])
        except Crash:
            self.crashes += 1
            self.waits.discard(number)
            self.replies = [x for x in self.replies if x.till != number]
            self.tills[number].restart()

    # Terminals.

    def _customer(self) -> None:
        number = self._some_till()
        product, units = self.random.choice(PRODUCTS), self.random.choice((1, 1, 2, 3))
        now, online = self.database.now, number not in self.cut
        self._alive(number, lambda till: till.sells(product, units, now, is_online=online))

    def _look_after(self) -> None:
        number = self._some_till()
        if number not in self.cut:
            self._alive(number, lambda till: till.looks_after_its_allotments(self.database.now + till.skew))

    def _send(self, number: int | None = None) -> None:
        number = self._some_till() if number is None else number
        queue = self.tills[number].disk.queue
        if queue and number not in self.cut and number not in self.waits:
            self.waits.add(number)
            server = self.random.randrange(len(self.servers))
            self.messages.append(Message(number, server, tuple(queue[:BATCH])))

    def _give_up(self) -> None:
        """A terminal has waited long enough; what it sent may still arrive."""
        if self.waits:
            self.waits.discard(self.random.choice(sorted(self.waits)))

    # The network: what is on its way arrives in any order, is lost, or stays to arrive once more.

    def _deliver(self) -> None:
        if not self.messages:
            return
        message = self.messages[index := self.random.randrange(len(self.messages))]
        fate = self.random.random()
        if fate > 0.1:  # else it arrives again
            del self.messages[index]
        if fate > 0.95:
            return
        self.checker.sent.update({command.id: command for command in message.commands})
        self.servers[message.server].waiting.append(message)

    def _reply(self) -> None:
        if not self.replies:
            return
        reply = self.replies[index := self.random.randrange(len(self.replies))]
        fate = self.random.random()
        if fate > 0.1:
            del self.replies[index]
        if fate > 0.95 or reply.till in self.cut:
            return
        self.waits.discard(reply.till)
        self._alive(reply.till, lambda till: till.hears(reply.answers, self.database.now + till.skew))

    def _recall(self) -> None:
        if self.recalls:
            word = self.recalls.pop(self.random.randrange(len(self.recalls)))
            for number, till in enumerate(self.tills):
                if till.who.terminal_id == word.terminal_id and number not in self.cut:
                    till.is_recalled(word.allotment_id, word.units)

    def _cut_or_mend(self) -> None:
        self.cut ^= {self._some_till()}

    # Servers.

    def _server_step(self, server: Server | None = None) -> None:
        server = server or self.random.choice(self.servers)
        if server.work is None:
            if not server.waiting:
                return
            server.batch, server.waiting = server.waiting, []
            server.work = settling(self.database, self._tickets(server.batch))
        try:
            next(server.work)
        except Conflict:
            self.conflicts += 1
            server.work = settling(self.database, self._tickets(server.batch))
        except StopIteration as stop:
            self._answer(server, stop.value)

    def _tickets(self, batch: Sequence[Message]) -> list[Ticket]:
        tickets = []
        for message in batch:
            who = LUIS if message.sender is None else self.tills[message.sender].who
            for command in message.commands:
                request = Request(command, who)
                tickets.append(Ticket(request, fingerprint(request)))
        return tickets

    def _answer(self, server: Server, settled: Settled) -> None:
        answers = list(settled.answers)
        for message in server.batch:
            own, answers = answers[: len(message.commands)], answers[len(message.commands) :]
            if message.sender is not None:
                self.replies.append(Reply(message.sender, tuple(own)))
        server.batch, server.work = [], None
        for out in settled.outgoing:
            self.recalls += [Recalled(x.terminal_id, x.allotment_id, x.wanted) for x in out.message.recalls]

    def _server_dies(self) -> None:
        """What it had not committed never happened; what it had, nobody is told."""
        server = self.random.choice(self.servers)
        server.waiting, server.batch, server.work = [], [], None

    def _clock_jumps(self) -> None:
        minutes = self.random.choice((-90, -1, 1, 45, 600))
        if self.random.random() < 0.5:
            self.database.now += timedelta(minutes=minutes)
        else:
            self.tills[self._some_till()].skew += timedelta(minutes=minutes)

    # People.

    def _reclaim(self) -> None:
        kept = [x for x in self.database.holds.values() if x.status is Status.PENDING]
        if kept:
            one = self.random.choice(kept)
            self._browser(
                AllotReclaim(id=some_id(self.random), store_id=STORE, allotment_id=one.id, reason="does not answer")
            )

    def _goods_arrive(self) -> None:
        lines = tuple([Line(product, self.random.randint(1, self.plenty)) for product in PRODUCTS])
        self._browser(Receive(id=some_id(self.random), store_id=STORE, lines=lines))

    def _browser(self, command: Command) -> None:
        self.messages.append(Message(None, self.random.randrange(len(self.servers)), (command,)))

    # The end.

    def _mend(self) -> None:
        """Nothing goes wrong any more, and everybody tells what they have, until nobody has anything."""
        self.crashing, self.cut = False, set()
        for _ in range(10_000):
            for server in self.servers:
                while server.work or server.waiting:
                    self._server_step(server)
            for reply in self.replies:
                self.tills[reply.till].hears(reply.answers, self.database.now)
            self.replies, self.waits = [], set()
            for message in self.messages:
                self.checker.sent.update({command.id: command for command in message.commands})
                self.servers[message.server].waiting.append(message)
            self.messages = []
            if not any(till.disk.queue for till in self.tills) and not any(x.waiting for x in self.servers):
                return
            for number in range(len(self.tills)):
                self._send(number)
        raise AssertionError("the fleet does not come to rest")
