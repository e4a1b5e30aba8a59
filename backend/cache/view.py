"""What a view tells of itself, and how its use is counted."""

from time import time
from typing import Generic, NamedTuple, TypeVar

from backend.observability.metrics import CACHE_REQUESTS

T = TypeVar("T")


class Viewed(NamedTuple, Generic[T]):
    """Something computed from the database `age` seconds ago; 0 if just now."""

    value: T
    age: float


def age_of(as_of: float) -> float:
    """Seconds since `as_of`, a time in Unix seconds on some server's clock."""
    return max(0.0, time() - as_of)


def count(view: str, result: str) -> None:
    """Count one use of a view: hit, miss (computed and kept), or away (computed, because Redis is away)."""
    CACHE_REQUESTS.labels(view, result).inc()
