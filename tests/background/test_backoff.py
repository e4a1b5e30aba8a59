"""Pauses double up to their limit, begin again after a success, and stay within their jitter."""

from backend.background.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_begin_again_after_a_success() -> None:
    backoff = Backoff(0.1, 0.5, jitter=0)
    assert [round(backoff.pause(), 3) for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.pause() == 0.1


def test_a_part_of_each_pause_is_drawn_by_lot() -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    backoff = Backoff(2.0, 60.0, jitter=0.25, uniform=uniform)
    assert [backoff.pause(), backoff.pause()] == [1.5, 3.0]
    assert drawn == [(1.5, 2.0), (3.0, 4.0)]
