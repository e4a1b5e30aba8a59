"""Money and numbers as people write them. Inside, money is always whole cents."""

from typing import Literal

Lang = Literal["en", "es"]

_MARKS: dict[Lang, tuple[str, str]] = {"en": (",", "."), "es": (".", ",")}


def money(cents: int, lang: Lang) -> str:
    """Returns `cents` with two decimals: 1,234.50 in English, 1.234,50 in Spanish."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{number(whole, lang)}{_MARKS[lang][1]}{rest:02d}"


def number(value: int, lang: Lang) -> str:
    """Returns a whole number with its thousands marked: 12,298 in English, 12.298 in Spanish."""
    return f"{value:,}".replace(",", _MARKS[lang][0])


def countdown(seconds: float) -> str:
    """Time left as mm:ss, an hour and more as h:mm:ss. The last started second counts; the past is 00:00."""
    left = max(0, -int(-seconds // 1))
    hours, rest = divmod(left, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def age(seconds: float) -> str:
    """Returns how old something is, in its largest unit: 42s, 7m, 3h, 2d."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
