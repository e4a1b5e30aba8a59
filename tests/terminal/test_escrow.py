"""What a terminal keeps: sized by what it sells, drawn on, given back; and never more counted than the server keeps."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ids import new_id
from backend.model.allotments import DEFAULT_POLICY, Allotment, AllotmentPolicy, Beyond, Draw
from backend.terminal.escrow import ASKED_AGAIN, Ask, Escrow, GiveBack, OwnAllotment, Verdict, verdict, wanted_units

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEA = UUID(int=7)


def keeping(quantity: int, *, product_id: str = "tea", due: timedelta = 2 * HOUR) -> Escrow:
    return Escrow([OwnAllotment(TEA, product_id, quantity, NOW, NOW + due)])


def steps(
    escrow: Escrow, rate: float, now: datetime = NOW, cart: Mapping[str, int] | None = None, units: int = 20
) -> list[Ask | GiveBack]:
    policy = AllotmentPolicy(units=units, minutes=60)
    return escrow.steps({"tea": rate} if rate else {}, lambda _: policy, now, cart or {})


@pytest.mark.parametrize(
    ("rate", "minutes", "cap", "wanted"),
    [(0, 60, 20, 0), (0.1, 60, 20, 6), (0.11, 60, 20, 7), (3, 60, 20, 20), (3, 60, 0, 0)],
)
def test_it_is_sized_by_what_is_sold_and_capped(rate: float, minutes: int, cap: int, wanted: int) -> None:
    assert wanted_units(rate, AllotmentPolicy(units=cap, minutes=minutes)) == wanted


def test_the_first_units_are_asked_for_once() -> None:
    escrow = Escrow()
    (ask,) = steps(escrow, 0.1)
    assert ask == Ask("tea", 6, None, 2 * 3600)
    escrow.asking(ask)
    assert steps(escrow, 0.1) == []
    escrow.answered("tea", Allotment(TEA, "292", "tea", "T1", 6, NOW + 2 * HOUR), NOW)
    assert (escrow.free("tea"), steps(escrow, 0.1)) == (6, [])


def test_it_is_filled_up_at_half_and_renewed_at_half_of_its_time() -> None:
    escrow = keeping(6)
    escrow.drew([Draw(TEA, "tea", 2)])
    assert steps(escrow, 0.1) == []
    escrow.drew([Draw(TEA, "tea", 1)])
    assert steps(escrow, 0.1) == [Ask("tea", 6, TEA, 2 * 3600)]
    assert steps(keeping(6), 0.1, NOW + HOUR - timedelta(seconds=1)) == []
    assert steps(keeping(6), 0.1, NOW + HOUR) == [Ask("tea", 6, TEA, 2 * 3600)]


def test_it_is_given_back_when_nothing_is_sold_but_not_what_is_in_the_cart() -> None:
    assert steps(keeping(6), 0) == [GiveBack("tea", TEA)]
    assert steps(keeping(6), 0, cart={"tea": 2}) == [Ask("tea", 2, TEA, 2 * 3600)]
    assert steps(keeping(6), 0, cart={"tea": 9}) == []
    assert steps(keeping(6), 0.02) == [Ask("tea", 2, TEA, 2 * 3600)]
    assert steps(keeping(4), 0.02) == []


def test_what_others_want_is_given_back_at_once_but_not_what_is_in_the_cart() -> None:
    escrow = keeping(6)
    escrow.recalled(TEA, 2)
    escrow.recalled(UUID(int=1), 5)
    assert steps(escrow, 0.1) == [Ask("tea", 4, TEA, 2 * 3600)]
    assert steps(escrow, 0.1, cart={"tea": 5}) == [Ask("tea", 5, TEA, 2 * 3600)]
    escrow.recalled(TEA, 6)
    assert steps(escrow, 0.1) == [GiveBack("tea", TEA)]
    (step,) = steps(escrow, 0.1)
    escrow.asking(step)
    assert escrow.free("tea") == 0
    escrow.answered("tea", None, NOW)
    assert (escrow.kept, steps(escrow, 0.1)) == ([], [Ask("tea", 6, None, 2 * 3600)])


def test_who_gets_less_than_asked_waits_before_asking_again() -> None:
    escrow = Escrow()
    (ask,) = steps(escrow, 0.2)
    escrow.asking(ask)
    escrow.answered("tea", Allotment(TEA, "292", "tea", "T1", 1, NOW + 2 * HOUR), NOW)
    assert steps(escrow, 0.2) == []
    assert steps(escrow, 0.2, NOW + ASKED_AGAIN) == [Ask("tea", 12, TEA, 2 * 3600)]
    none = Escrow()
    none.asking(ask)
    none.answered("tea", None, NOW)
    assert (steps(none, 0.2), steps(none, 0.2, NOW + ASKED_AGAIN)) == ([], [ask])
    capped = keeping(6)
    capped.asking(Ask("tea", 9, TEA, 60))
    capped.refused("tea", NOW)
    assert (capped.free("tea"), steps(capped, 0.3)) == (6, [])


def test_a_sale_draws_what_there_is_and_tells_what_is_beyond() -> None:
    escrow = keeping(3)
    plan = escrow.plan({"tea": 2})
    assert (plan.draws, plan.guaranteed) == ((Draw(TEA, "tea", 2),), True)
    plan = escrow.plan({"tea": 5, "jam": 1})
    assert (plan.draws, plan.beyond, plan.guaranteed) == ((Draw(TEA, "tea", 3),), {"tea": 2, "jam": 1}, False)
    escrow.drew(plan.draws)
    assert escrow.plan({"tea": 1}).draws == ()


@pytest.mark.parametrize(
    ("beyond", "says"),
    [(Beyond.BLOCK, Verdict.BLOCKED), (Beyond.SUPERVISOR, Verdict.SUPERVISOR), (Beyond.ALLOW, Verdict.ALLOWED)],
)
def test_the_policy_decides_beyond_the_allotment(beyond: Beyond, says: Verdict) -> None:
    policy = AllotmentPolicy(beyond=beyond)
    assert verdict(policy, 0) is Verdict.GUARANTEED
    assert verdict(policy, 490) is says


def test_a_reclaimed_allotment_is_gone_with_the_answer_of_the_first_sale() -> None:
    escrow = keeping(5)
    draws = [Draw(TEA, "tea", 2)]
    escrow.drew(draws)
    escrow.settled(draws, [])
    assert (escrow.free("tea"), escrow.kept) == (0, [])


def test_what_is_known_survives_a_restart() -> None:
    escrow = keeping(5)
    escrow.drew([Draw(TEA, "tea", 2)])
    assert Escrow(escrow.kept).free("tea") == 3


class Server:
    """The server's side of one product, as the rule book has it: what it keeps, and what it has in all."""

    def __init__(self, available: int) -> None:
        self.available = available
        self.allotments: dict[UUID, int] = {}

    def allot(self, ask: Ask) -> Allotment | None:
        id_ = ask.allotment_id if ask.allotment_id in self.allotments else new_id()
        assert id_ is not None
        kept = self.allotments.get(id_, 0)
        units = min(ask.quantity, kept + self.available)
        if not units:
            return None
        self.available -= units - kept
        self.allotments[id_] = units
        return Allotment(id_, "292", "tea", "T1", units, NOW + 2 * HOUR)

    def release(self, id_: UUID) -> None:
        self.available += self.allotments.pop(id_, 0)

    def draw(self, draws: tuple[Draw, ...]) -> list[Draw]:
        taken = []
        for draw in draws:
            if units := min(draw.quantity, self.allotments.get(draw.allotment_id, 0)):
                taken.append(Draw(draw.allotment_id, "tea", units))
                self.allotments[draw.allotment_id] -= units
                if not self.allotments[draw.allotment_id]:
                    del self.allotments[draw.allotment_id]
        return taken


Sent = Ask | GiveBack | tuple[Draw, ...]
KINDS = ["sell", "sell", "steps", "steps", "send", "answer", "all", "all", "recall", "restart", "goods"]
ACTS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9)), min_size=5, max_size=60)


class Till:
    """A terminal with its queue, and answers that are on their way back."""

    def __init__(self, server: Server) -> None:
        self.server, self.escrow, self.now = server, Escrow(), NOW
        self.queue: list[Sent] = []
        self.answers: list[tuple[Sent, list[Draw] | Allotment | None]] = []

    def sell(self, units: int) -> None:
        plan = self.escrow.plan({"tea": units})
        if plan.draws:
            self.escrow.drew(plan.draws)
            self.queue.append(plan.draws)

    def steps(self, number: int) -> None:
        for step in self.escrow.steps({"tea": number / 20}, lambda _: DEFAULT_POLICY, self.now, {"tea": number % 3}):
            self.escrow.asking(step)
            self.queue.append(step)

    def send(self) -> None:
        sent = self.queue.pop(0)
        if isinstance(sent, Ask):
            self.answers.append((sent, self.server.allot(sent)))
        elif isinstance(sent, GiveBack):
            self.server.release(sent.allotment_id)
            self.answers.append((sent, None))
        else:
            taken = self.server.draw(sent)
            assert taken == list(sent), "a guaranteed sale was not covered"
            self.answers.append((sent, taken))

    def answer(self) -> None:
        sent, answer = self.answers.pop(0)
        if isinstance(sent, Ask | GiveBack):
            assert not isinstance(answer, list)
            self.escrow.answered("tea", answer, self.now)
        else:
            assert isinstance(answer, list)
            self.escrow.settled(sent, answer)

    def all(self) -> None:
        while self.queue:
            self.send()
        while self.answers:
            self.answer()

    def drawn(self) -> int:
        """Units of sales in the queue."""
        return sum(x.quantity for sent in self.queue if not isinstance(sent, Ask | GiveBack) for x in sent)


@settings(deadline=None)
@given(st.integers(0, 15), ACTS)
def test_it_never_counts_on_more_than_the_server_keeps(available: int, acts: list[tuple[str, int]]) -> None:
    """Whatever is in the queue, sent or answered: what is free here is kept there, after all that is under way."""
    till = Till(Server(available))
    for act, number in acts:
        till.now += timedelta(minutes=number)
        if act == "sell":
            till.sell(number)
        elif act == "steps":
            till.steps(number)
        elif act == "send" and till.queue:
            till.send()
        elif act == "answer" and till.answers:
            till.answer()
        elif act == "all":
            till.all()
        elif act == "recall" and till.server.allotments:
            till.escrow.recalled(next(iter(till.server.allotments)), number)
        elif act == "restart" and not till.queue and not till.answers:
            till.escrow = Escrow(till.escrow.kept)
        elif act == "goods":
            till.server.available += number
        assert till.escrow.free("tea") <= max(0, sum(till.server.allotments.values()) - till.drawn())
    till.all()
