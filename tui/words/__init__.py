"""Every sentence the screens show, in English and Spanish. Numbers and money are written the way each language does.

A sentence is found by its key. What the core says (`Notice`) is found under `say.<code>`; a code this program has no
words for (a newer server's) is shown with the sentence it brought along.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

from backend.terminal.money import Lang, money, number

from . import en, es

if TYPE_CHECKING:
    from backend.terminal.values import Notice, Product

LANGUAGES: tuple[Lang, ...] = get_args(Lang)
CATALOGUES: dict[Lang, Mapping[str, str]] = {"en": en.WORDS, "es": es.WORDS}

NUMBERS: Mapping[object, str] = {0: "none", 1: "one"}
"""Numbers of units or lines for which a notice may have a sentence of its own."""
_MEASURES = {("gram", 1000): "kg", ("millilitre", 1000): "l", ("millimetre", 1000): "m"}
"""What so many units are called in both languages."""


def language(wanted: str | None, environment: Mapping[str, str]) -> Lang:
    """Returns the language to speak: the one wanted, else the first that LC_ALL, LC_MESSAGES or LANG names, else
    English."""
    for name in (wanted, *(environment.get(x) for x in ("LC_ALL", "LC_MESSAGES", "LANG"))):
        if name:
            return "es" if name.lower().startswith("es") else "en"
    return "en"


class Words:
    """The catalogue of one language."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self._catalogue = CATALOGUES[lang]

    def __call__(self, key: str, /, **fields: str | int) -> str:
        """Returns the sentence of `key`.

        A field `n` equal to 1 picks the singular `key.one`; `…_cents` becomes money.
        """
        if fields.get("n") == 1:
            key = f"{key}.one"
        return self._filled(key, fields)

    def say(self, notice: "Notice") -> str:
        """Returns the sentence for a notice. Never raises: what a server sends decides about words, not about a sale.

        It is that of the notice's kind of damage or reason, or of its number, where there is one. A notice without
        words here, or without a field that its words name, is told in the sentence it brought.
        """
        key = f"say.{notice.code}"
        kind = notice.fields.get("damage", notice.fields.get("reason"))
        number = NUMBERS.get(notice.fields.get("available", notice.fields.get("count", "")))
        variants = (f"{key}.{kind}", f"{key}.{number}", key)
        try:
            return self._filled(next((x for x in variants if x in self._catalogue), key), notice.fields)
        except KeyError:  # no such sentence, or a field that it names is missing
            own = notice.fields.get("message")
            return str(own) if own else self("say.unforeseen", code=notice.code)

    def _filled(self, key: str, fields: "Mapping[str, str | int]") -> str:
        return self._catalogue[key].format_map({name: self._shown(name, value) for name, value in fields.items()})

    def step(self, name: str) -> str:
        """Returns the name of a step of opening the shop; a step without words of its own keeps its name."""
        return self._catalogue.get(f"start.step.{name}", name)

    def money(self, cents: int) -> str:
        """Cents as money."""
        return money(cents, self.lang)

    def price(self, product: "Product") -> str:
        """Returns what a unit costs, or what a kilogram, a litre or another number of units costs."""
        price = product.unit_price
        if price.per == 1:
            return self.money(price.cents)
        return f"{self.money(price.cents)}/{_MEASURES.get((product.unit, price.per)) or self.number(price.per)}"

    def number(self, value: int) -> str:
        """Returns a whole number."""
        return number(value, self.lang)

    def _shown(self, name: str, value: object) -> str:
        if not isinstance(value, int):
            return str(value)
        return self.money(value) if name.endswith("_cents") else self.number(value)
