import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.ids import new_id
from backend.model.answers import Answer, Code
from backend.model.commands import Command, Line
from backend.model.errors import MostradorError
from backend.model.verbs.reserve import Reserve
from backend.terminal.sender import Sender
from tests.eventually import eventually

from .fake_server import FakeServer


def reserve(product: str = "1041", quantity: int = 1) -> Reserve:
    return Reserve(id=new_id(), store_id="292", lines=(Line(product, quantity),), ttl_seconds=900)


class Outcome:
    """What a sender reported."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.failures: list[str] = []

    def answered(self, _: Command, answer: Answer) -> None:
        self.answers.append(answer)

    def failed(self, error: MostradorError | None) -> None:
        self.failures.append(error.code if error else "")


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def outcome() -> Outcome:
    return Outcome()


@asynccontextmanager
async def sending(server: FakeServer, outcome: Outcome) -> AsyncIterator[Sender]:
    sender = Sender(server.signed_in(), outcome.answered, outcome.failed, pauses=(0.01,))
    task = asyncio.create_task(sender.run())
    yield sender
    task.cancel()
    await asyncio.wait([task])


async def test_commands_are_delivered_in_order(server: FakeServer, outcome: Outcome) -> None:
    commands = [reserve() for _ in range(5)]
    async with sending(server, outcome) as sender:
        sender.put(commands)
        await sender.idle.wait()
    assert [x.id for x in outcome.answers] == [x.id for x in commands]
    assert outcome.failures == []


async def test_while_the_server_is_away_the_same_commands_are_tried_again(server: FakeServer, outcome: Outcome) -> None:
    server.away = True
    async with sending(server, outcome) as sender:
        sender.put([reserve()])
        await eventually(lambda: server.requests.count("/commands") > 2)
        assert sender.is_failing
        sender.put([reserve()])
        server.away = False
        await sender.idle.wait()
    assert [x.accepted for x in outcome.answers] == [True, True]
    assert len(server.commands) == 2
    assert outcome.failures == ["server_away", ""]


async def test_a_lost_answer_costs_no_second_effect(server: FakeServer, outcome: Outcome) -> None:
    command = reserve(quantity=4)
    server.decide(command)
    async with sending(server, outcome) as sender:
        sender.put([command])
        await sender.idle.wait()
    assert outcome.answers[0].accepted
    assert server.available("1041") == 6


async def test_a_command_that_waits_already_is_not_sent_twice(server: FakeServer, outcome: Outcome) -> None:
    command = reserve()
    async with sending(server, outcome) as sender:
        sender.put([command, command])
        sender.put([command])
        await sender.idle.wait()
    assert len(outcome.answers) == 1


@pytest.mark.parametrize("code", ["busy", "database_away", "shutting_down"])
async def test_a_busy_server_is_tried_again(server: FakeServer, outcome: Outcome, code: str) -> None:
    server.problem = {"status": 503, "code": code, "detail": "Later.", "retryable": True}
    async with sending(server, outcome) as sender:
        sender.put([reserve()])
        await eventually(lambda: outcome.failures == [code])
        server.problem = None
        await sender.idle.wait()
    assert outcome.answers[0].accepted


@pytest.mark.parametrize("code", ["database_damaged", "database_refused", "data_not_writable"])
async def test_commands_wait_until_somebody_has_mended_the_database(
    server: FakeServer, outcome: Outcome, code: str
) -> None:
    server.problem = {"status": 500, "code": code, "detail": "Tell the operator.", "retryable": False}
    async with sending(server, outcome) as sender:
        sender.put([reserve(), reserve()])
        await eventually(lambda: outcome.failures == [code])
        server.problem = None
        await sender.idle.wait()
    assert [answer.accepted for answer in outcome.answers] == [True, True]


async def test_an_ended_session_holds_the_queue_until_somebody_signs_in(server: FakeServer, outcome: Outcome) -> None:
    server.session_over = True
    async with sending(server, outcome) as sender:
        sender.put([reserve()])
        await eventually(lambda: outcome.failures == ["session_ended"])
        server.session_over = False
        sender.hurry()
        await sender.idle.wait()
    assert outcome.answers[0].accepted


async def test_pain_7_one_bad_command_does_not_answer_for_the_others(server: FakeServer, outcome: Outcome) -> None:
    good = [reserve(), reserve()]
    bad = Reserve(id=new_id(), store_id="292", lines=(), ttl_seconds=900)  # no server decodes this
    async with sending(server, outcome) as sender:
        sender.put([good[0], bad, good[1]])
        await sender.idle.wait()
    assert [x.refusal.code if x.refusal else None for x in outcome.answers] == [None, Code.NOT_RECORDED, None]
