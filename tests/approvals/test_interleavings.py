"""Approvals in the real ledgers: every order of grant, refusal and sale, at two servers at once."""

import asyncio
from itertools import permutations

import pytest
from msgspec import to_builtins

from backend.database.engine import Database
from backend.ids import new_id
from backend.ledger.lanes import Ledger
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.stock import Who
from backend.model.verbs.adjust import Adjust
from backend.model.verbs.approval_grant import ApprovalGrant
from backend.model.verbs.approval_refuse import ApprovalRefuse
from backend.model.verbs.approval_request import ApprovalRequest
from backend.proof.books import prove
from tests.ledger.shop import codes, counters, open_shop, receive, running_ledger, sell

ANA, LUIS, EVA = Who("ana", "T1"), Who("luis", "T2"), Who("eva", "T3")


async def asked(ledger: Ledger, units: int = -6) -> ApprovalRequest:
    """An approval that waits for a correction of the tea in store 292."""
    inner = Adjust(id=new_id(), store_id="292", product_id="tea", adjustment=units, reason="torn")
    asking = ApprovalRequest(
        id=inner.id, store_id="292", command=to_builtins(inner), reason="look", price_cents={"tea": 100}
    )
    assert codes([await ledger.submit(Request(asking, ANA))]) == [None]
    return asking


def grant(asking: ApprovalRequest, who: Who = LUIS) -> Request:
    return Request(ApprovalGrant(id=new_id(), store_id="292", approval_id=asking.id), who)


def refuse(asking: ApprovalRequest, who: Who = EVA) -> Request:
    return Request(ApprovalRefuse(id=new_id(), store_id="292", approval_id=asking.id, reason="no"), who)


@pytest.mark.parametrize("order", list(permutations(("grant", "refuse", "sell"))), ids="-".join)
async def test_every_order_of_grant_refusal_and_sale(database: Database, order: tuple[str, ...]) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
        asking = await asked(ledger)
        steps = {"grant": grant(asking), "refuse": refuse(asking), "sell": sell(tea=8)}
        answers = {name: await ledger.submit(steps[name]) for name in order}
    found = {name: answer.refusal.code if answer.refusal else None for name, answer in answers.items()}
    on_hand, _, _ = await counters(database, "tea")
    if order.index("sell") < order.index("grant"):
        # The stock was gone: the grant moved nothing, and the refusal still decides the approval.
        if order.index("refuse") < order.index("grant"):
            assert found == {"grant": Code.WRONG_STATUS, "refuse": None, "sell": None}
        else:
            assert found == {"grant": Code.INSUFFICIENT_STOCK, "refuse": None, "sell": None}
        assert on_hand == 2
    elif order.index("refuse") < order.index("grant"):
        assert found == {"grant": Code.WRONG_STATUS, "refuse": None, "sell": None}
        assert on_hand == 2
    else:
        assert found == {"grant": None, "refuse": Code.WRONG_STATUS, "sell": Code.INSUFFICIENT_STOCK}
        assert on_hand == 4
    assert not (await prove(database)).drifts


async def test_of_many_who_decide_at_two_servers_one_does(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=30))
        for _ in range(3):
            asking = await asked(one)
            deciding = [
                (one, two)[n % 2].submit((grant, refuse)[n // 2 % 2](asking, (LUIS, EVA)[n % 2])) for n in range(12)
            ]
            found = codes(await asyncio.gather(*deciding))
            assert sorted(found, key=str) == [None, *[Code.WRONG_STATUS] * 11]
    on_hand, _, _ = await counters(database, "tea")
    assert on_hand in (12, 18, 24, 30)
    assert not (await prove(database)).drifts


async def test_a_grant_and_sales_of_the_same_units_at_two_servers(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as one, running_ledger(database) as two:
        await one.submit(receive(tea=10))
        asking = await asked(one)
        work = [one.submit(grant(asking)), *[two.submit(sell(tea=2)) for _ in range(4)]]
        granted, *sold = await asyncio.gather(*work)
    left = 10 - 6 * granted.accepted - 2 * sum(answer.accepted for answer in sold)
    assert left >= 0
    assert (await counters(database, "tea"))[0] == left
    assert granted.accepted or left < 6
    assert not (await prove(database)).drifts


async def test_asked_and_granted_in_one_batch(database: Database) -> None:
    await open_shop(database)
    async with running_ledger(database) as ledger:
        await ledger.submit(receive(tea=10))
        inner = Adjust(id=new_id(), store_id="292", product_id="tea", adjustment=-6, reason="torn")
        asking = ApprovalRequest(
            id=inner.id, store_id="292", command=to_builtins(inner), reason="look", price_cents={"tea": 100}
        )
        answers = await ledger.submit_many([Request(asking, ANA), grant(asking), Request(inner, ANA)])
    assert codes(answers) == [None, None, Code.COMMAND_REUSED]
    assert (await counters(database, "tea"))[0] == 4
    assert not (await prove(database)).drifts
