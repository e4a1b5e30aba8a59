"""Finds the words of a vocabulary that somebody may have meant who typed one that is not in it.

A word is cut in two. One typing error leaves one of the halves as it is, unless two neighbours were swapped across the
cut; so an index by the beginnings and one by the second halves of the words name all that can be meant.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

SHORTEST = 4
"""Letters of a word that can be told to be wrong; shorter ones are an error away from too many."""
TWO_ERRORS_FROM = 8
"""Letters of a word in which two errors are forgiven."""
MAX_MEANT = 8


class Clues(Struct, frozen=True):
    """What to look up in a vocabulary: words that begin with `start`, end in one of `finishes`, or are in `swapped`."""

    start: str
    finishes: tuple[str, ...]
    swapped: tuple[str, ...]


def clues(word: str) -> Clues:
    """Returns where the words can be found that `word` is one typing error away from."""
    length = len(word)
    lengths = range(length - 1, length + 2)
    return Clues(
        start=word[: (length - 1) // 2],
        finishes=tuple(sorted({word[length - (n - n // 2) :] for n in lengths})),
        swapped=tuple(word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(length - 1)),
    )


def meant(word: str, vocabulary: Iterable[str]) -> tuple[str, ...]:
    """Returns those of `vocabulary` that `word` is nearest to, at most MAX_MEANT.

    First whole words with one error, then words of which `word` is the beginning with one error, then, for a long
    `word`, those with two.
    """
    known = sorted(set(vocabulary))
    found = [x for x in known if is_one_error(word, x)]
    if not found:
        found = [
            x for x in known if len(x) > len(word) and any(is_one_error(word, start) for start in _starts(word, x))
        ]
    if not found and len(word) >= TWO_ERRORS_FROM:
        found = [x for x in known if abs(len(x) - len(word)) <= 2 and errors(word, x) <= 2]
    return tuple(sorted(found, key=lambda x: (abs(len(x) - len(word)), x))[:MAX_MEANT])


def is_one_error(a: str, b: str) -> bool:
    """Tells whether one letter more, less or other, or two neighbours swapped, make `b` of `a`."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[same:], b[same:]
    if len(a) != len(b):
        return a[1:] == b if len(a) > len(b) else b[1:] == a
    return a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def errors(a: str, b: str) -> int:
    """Returns how many errors are between two words (the optimal string alignment distance)."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def _starts(word: str, longer: str) -> Iterator[str]:
    return (longer[:n] for n in range(len(word) - 1, len(word) + 2) if n <= len(longer))
