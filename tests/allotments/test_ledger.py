"""Allotments in the real ledgers: stored, drawn on in one batch, and every order of what may meet at two servers."""

import asyncio
from itertools import permutations
from uuid import UUID

import pytest
from msgspec import structs

from backend.database.engine import Database
from backend.events.subjects import parts
from backend.ledger.lanes import Ledger
from backend.model.answers import Code
from backend.model.books import Request
from backend.model.events import Outgoing
from backend.model.shortfalls import Offline, ShortfallBody
from backend.proof.books import prove
from backend.reservations.expiry import ExpiryLoop
from tests.ledger.shop import codes, counters, open_shop, receive, reserve, running_ledger, sell

from .shelf import ANA, EVA, LUIS, allot, draw, drawn, kept, reclaim, release


async def filled(database: Database, ledger: Ledger, tea: int = 10) -> None:
    await open_shop(database)
    await ledger.submit(receive(tea=tea))


async def given(ledger: Ledger, order: Request) -> UUID:
    """The id of the allotment that was made or renewed."""
    answer = await ledger.submit(order)
    assert answer.allotment is not None
    return answer.allotment.id


async def test_several_sales_draw_on_one_allotment_in_one_batch(database: Database) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(6))
        assert (await counters(database, "tea"))[:2] == (10, 6)
        orders = [draw(mine, 2), draw(mine, 1), sell(tea=4), draw(mine, 3)]
        answers = await ledger.submit_many(orders)
        assert codes(answers) == [None] * 4
        assert await ledger.submit_many(orders) == answers
    assert await kept(database, mine) == ("CONFIRMED", 0)
    assert await drawn(database, mine) == [2, 1, 3]
    assert (await counters(database, "tea"))[:2] == (0, 0)
    assert not (await prove(database)).drifts


async def test_made_resized_drawn_and_given_back_in_one_batch(database: Database) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        asked = allot(3)
        mine = asked.command.id
        batch = [asked, draw(mine, 2), allot(5, mine), draw(mine, 1), release(mine)]
        assert codes(await ledger.submit_many(batch)) == [None] * 5
    assert await kept(database, mine) == ("CANCELLED", 0)
    assert await drawn(database, mine) == [2, 1]
    assert (await counters(database, "tea"))[:2] == (7, 0)
    assert not (await prove(database)).drifts


async def test_no_loop_and_no_shortage_ends_it(database: Database) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(6, ttl=1))
        dead = (await ledger.submit(reserve(ttl=1, tea=4))).id
        await ExpiryLoop(database, ledger).look()
        assert codes([await ledger.submit(sell(tea=7))]) == [Code.INSUFFICIENT_STOCK]
        assert await kept(database, mine) == ("PENDING", 6)
        assert await ExpiryLoop(database, ledger).look() <= 1.0
        assert await kept(database, dead)
    assert not (await prove(database)).drifts


async def test_a_shortage_is_told_to_who_keeps_units_once(database: Database) -> None:
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await filled(database, ledger)
        mine, other = await given(ledger, allot(3)), await given(ledger, allot(7, who=LUIS))
        published.clear()
        await ledger.submit_many([reserve(tea=2), reserve(tea=1), draw(mine, 9, 0, EVA)])
        (told,) = published
        assert [(x.allotment_id, x.terminal_id, x.wanted) for x in told.message.recalls] == [
            (mine, "T1", 3),
            (other, "T2", 7),
        ]
        assert [subject for subject, _ in parts(told.message)] == ["inventory.292.recall.batch"]
        published.clear()
        await ledger.submit(draw(mine, 1, 0, EVA))
        assert published == []
        await ledger.submit_many([allot(2, mine), sell(tea=1), draw(mine, 1, 0, EVA)])
        assert [row.product_id for row in published[0].message.stock] == ["tea"]
    assert not (await prove(database)).drifts


async def test_who_gives_back_is_asked_no_more(database: Database) -> None:
    published: list[Outgoing] = []
    async with running_ledger(database, published) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(10))
        await ledger.submit(draw(mine, 2, 0, EVA))
        (asked,) = published[-1].message.recalls
        answers = await ledger.submit_many([allot(10 - asked.wanted, mine), draw(mine, 2, 0, EVA)])
        assert codes(answers) == [None, None]
        # All of what is left is wanted again at once: the terminal has answered the first time.
        await ledger.submit(draw(mine, 2, 0, EVA))
        assert [x.wanted for x in published[-1].message.recalls] == [2]


@pytest.mark.parametrize("order", list(permutations(("draw", "reclaim", "sell"))), ids="-".join)
async def test_every_order_of_a_draw_and_a_reclaim(database: Database, order: tuple[str, ...]) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(6))
        steps = {"draw": draw(mine, 5), "reclaim": reclaim(mine), "sell": sell(tea=7)}
        answers = {name: await ledger.submit(steps[name]) for name in order}
    sold = {name: answers[name].accepted for name in ("draw", "sell")}
    if order.index("reclaim") < order.index("sell") < order.index("draw"):
        assert sold == {"draw": False, "sell": True}  # reclaimed, and then sold to somebody else: it is short
    else:
        assert sold == {"draw": True, "sell": False}
    assert answers["draw"].draws == () or order.index("draw") < order.index("reclaim")
    assert (await counters(database, "tea"))[:2] == (10 - 5 * sold["draw"] - 7 * sold["sell"], 0)
    assert not (await prove(database)).drifts


async def test_what_was_sold_of_a_reclaimed_allotment_and_is_not_there_is_a_case(database: Database) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(6))
        await ledger.submit_many([reclaim(mine), sell(tea=7)])
        late = draw(mine, 5)
        fact = structs.replace(late.command, offline=Offline(sequence=7, guaranteed=True), holds=(mine,))
        answer = await ledger.submit(Request(fact, ANA))
        assert (answer.accepted, answer.draws) == (True, ())
        (case,) = answer.documents
        assert case.read(ShortfallBody).open == {"tea": 2}
    assert (await counters(database, "tea"))[:2] == (0, 0)
    assert not (await prove(database)).drifts


async def test_a_fact_draws_before_anything_is_short(database: Database) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine, other = await given(ledger, allot(6)), await given(ledger, allot(4, who=LUIS))
        fact = structs.replace(draw(mine, 8, 6).command, offline=Offline(sequence=8, approved_by="luis"))
        answer = await ledger.submit(Request(fact, ANA))
        assert [x.quantity for x in answer.draws] == [6]
        assert answer.documents[0].read(ShortfallBody).open == {"tea": 2}
    assert await kept(database, other) == ("PENDING", 4)
    assert (await counters(database, "tea"))[:2] == (4, 4)
    assert not (await prove(database)).drifts


@pytest.mark.parametrize("resized", [2, 9])
@pytest.mark.parametrize("first", ["draw", "resize"])
async def test_a_draw_is_right_before_and_after_a_resize(database: Database, first: str, resized: int) -> None:
    async with running_ledger(database) as ledger:
        await filled(database, ledger)
        mine = await given(ledger, allot(5))
        orders = [draw(mine, 2), allot(resized, mine)]
        answers = await ledger.submit_many(orders if first == "draw" else orders[::-1])
        assert codes(answers) == [None, None]
    left = resized - 2 if first == "resize" else min(resized, 8)
    assert await kept(database, mine) == (("PENDING", left) if left else ("CONFIRMED", 0))
    assert await drawn(database, mine) == [2]
    assert (await counters(database, "tea"))[:2] == (8, left)
    assert not (await prove(database)).drifts


async def test_two_terminals_ask_for_the_last_unit_at_two_servers(database: Database) -> None:
    async with running_ledger(database) as one, running_ledger(database) as two:
        await filled(database, one, tea=1)
        for _ in range(3):
            orders = [(ANA, one), (LUIS, two), (EVA, one)]
            answers = await asyncio.gather(*[server.submit(allot(2, who=who)) for who, server in orders])
            assert sorted(codes(answers), key=str) == [None, Code.INSUFFICIENT_STOCK, Code.INSUFFICIENT_STOCK]
            (won,) = [(x.allotment, who) for x, (who, _) in zip(answers, orders, strict=True) if x.allotment]
            assert won[0].quantity == 1
            await two.submit(release(won[0].id, won[1]))
    assert (await counters(database, "tea"))[:2] == (1, 0)
    assert not (await prove(database)).drifts


async def test_draws_resizes_and_a_reclaim_meet_at_two_servers(database: Database) -> None:
    async with running_ledger(database) as one, running_ledger(database) as two:
        await filled(database, one, tea=40)
        mine = await given(one, allot(20))
        work = [
            *[(one, two)[n % 2].submit(draw(mine, 2)) for n in range(6)],
            *[(one, two)[n % 2].submit(allot(8 + n, mine)) for n in range(4)],
            *[two.submit(sell(tea=2)) for _ in range(4)],
        ]
        answers = await asyncio.gather(*work)
        await asyncio.gather(one.submit(draw(mine, 1)), two.submit(reclaim(mine)))
    sold = 2 * sum(x.accepted for x in (*answers[:6], *answers[10:])) + 1
    on_hand, reserved, _ = await counters(database, "tea")
    assert (on_hand, all(answer.accepted for answer in answers[:6])) == (40 - sold, True)
    assert sum(await drawn(database, mine)) <= 13
    assert reserved >= 0
    assert not (await prove(database)).drifts
