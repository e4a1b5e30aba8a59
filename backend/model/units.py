"""What quantities of a product count: whole numbers of its base unit, so weighed goods are counted in grams."""

from typing import Annotated, Literal

from msgspec import Meta

from .text import REFUSED

Unit = Literal["piece", "gram", "millilitre", "millimetre"]
"""The base unit of a product, in the singular."""
CategoryPath = Annotated[str, Meta(max_length=500, pattern=rf"^$|^[^{REFUSED}/]+(/[^{REFUSED}/]+)*$(?!\n)")]
"""A place in the tree of categories, from the root: `Grocery/Dairy/Milk`."""
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
"""Hundredths of a percent: 2100 is 21 %."""
