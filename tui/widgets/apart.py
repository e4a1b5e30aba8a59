"""Cuts texts that are too long for their column so that no two of them look alike.

Names of products end in what tells them apart, a size or a variety, so the end always stays.
"""

from collections import Counter
from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

HEADS = (0.7, 0.5, 0.35, 0.2)
"""How much of the room the beginning of a text gets before the ellipsis, in the order in which this is tried."""


def told_apart(texts: Iterable[str], size: int) -> dict[str, str]:
    """Returns each of `texts` in at most `size` cells: without a part of its middle, as far right as tells it from the
    others.

    Texts that no such cut tells apart are cut in the middle.
    """
    every = set(texts)
    shown = {text: text for text in every if cell_len(text) <= size}
    for share in HEADS:
        cuts = {text: _cut(text, size, share) for text in every - shown.keys()}
        seen = Counter([*cuts.values(), *shown.values()])
        shown |= {text: cut for text, cut in cuts.items() if seen[cut] == 1}
    return shown | {text: _cut(text, size, 0.5) for text in every - shown.keys()}


def _cut(text: str, size: int, share: float) -> str:
    head = round((size - 1) * share)
    tail = size - 1 - head
    start = set_cell_size(text, head).rstrip()
    return f"{start}…{_end(text, tail).lstrip()}"


def _end(text: str, size: int) -> str:
    """As much of the end of `text` as has room in `size` cells."""
    first = len(text)
    while first and cell_len(text[first - 1 :]) <= size:
        first -= 1
    return text[first:]
