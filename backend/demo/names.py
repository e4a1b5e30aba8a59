"""Product names that a clerk can read, from the source's abbreviations: `SFT DRNK 2 LITER BTL CARB INCL` has many.

Products that the source does not tell apart get a variety number, so no two names are the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from .source import SourceProduct

CUT = 30
"""The source cuts its words here, often in the middle of one."""

_WORDS = {
    "ACCSS": "accessories", "ACCESSIORES": "accessories", "ASCEPTIC": "aseptic", "BKD": "baked", "BEV": "beverage",
    "BG": "bag", "BN": "bean", "BR": "bread", "BRD": "breaded", "BRKFST": "breakfast", "BTL": "bottle",
    "BTR": "butter", "CALC": "calculators", "CARB": "carbonated", "CATFD": "cat food", "CHIX": "chicken",
    "CHOCOCLATE": "chocolate", "CHP": "chops", "CIG": "cigarette", "CKE": "cake", "CKYS": "cookies",
    "CLEANG": "cleaning", "CND": "canned", "CNDLES": "candles", "CNDY": "candy", "CNTRL": "control",
    "CONC": "concentrate", "CRBNTD": "carbonated", "CRKR": "crackers", "CRMD": "creamed", "CRYSTL": "crystal",
    "CTLRYTBLCLTHSTTHPKSST": "cutlery and tablecloths", "DECAFFINATED": "decaffeinated", "DEOD": "deodorant",
    "DIPILATORIES": "depilatories", "DISPOSIBLE": "disposable", "DNR": "dinner", "DNRS": "dinners",
    "DOGFD": "dog food", "DPS": "dips", "DRESSNG": "dressing", "DRNK": "drink", "DRNKING": "drinking",
    "DRNKNG": "drinking", "DRNKS": "drinks", "DRP": "drops", "DRSNG": "dressing", "DSH": "dish", "FD": "food",
    "FDS": "food", "FEM": "feminine", "FLAV": "flavored", "FLVR": "flavored", "FLVRD": "flavored", "FRD": "fried",
    "FRE": "fresh", "FRZ": "frozen", "FRZN": "frozen", "GDS": "goods", "GNG": "ginger", "GNGR": "ginger",
    "GRND": "ground", "HBC": "care", "HYGN": "hygiene", "ING": "ingredients", "IQF": "quick frozen",
    "IWS": "wrapped", "JCE": "juice", "JUI": "juice", "LIQ": "liquid", "LIQS": "liquids", "LOZNG": "lozenges",
    "LSS": "less", "LTR": "lighter", "MACH": "machine", "MINERAL": "mineral", "MISC": "assorted",
    "MISCELLANEOUS": "assorted", "MIXS": "mixes", "MLK": "milk", "MLT": "multi", "MNERAL": "mineral",
    "MNRL": "mineral", "MULT": "multi", "MW": "microwave", "MX": "mix", "MXS": "mixes", "NATRL": "natural",
    "OCCAS": "occasions", "OJ": "orange juice", "ORIENTAL": "Asian", "OTH": "other", "PAC": "pack",
    "PICANTEE": "picante", "PK": "pack", "PKG": "packaged", "PKGD": "packaged", "PKLD": "pickled",
    "PLSTC": "plastic", "PNCH": "punch", "PNT": "peanut", "PORTON": "portions", "PPK": "prepacked",
    "PRELSCD": "sliced", "PREM": "premium", "PREP": "prepared", "PREPORTND": "portioned", "PRESLC": "sliced",
    "PRESLCD": "sliced", "PROTIEN": "protein", "PRPCK": "prepacked", "PRSLC": "sliced", "PWDR": "powder",
    "PWDRS": "powders", "QSR": "quick service", "RECHARABLE": "rechargeable", "REFIGERATED": "refrigerated",
    "REFRGRATD": "refrigerated", "REFRIG": "refrigerated", "REG": "regular", "RTS": "ready to serve",
    "SAL": "salad", "SALD": "salad", "SAUCESSALSAPICANTEE": "sauces and salsa", "SAUS": "sausage", "SGL": "single",
    "SFT": "soft", "SHERBTS": "sherbets", "SHLDR": "shoulder", "SHLFSH": "shellfish", "SLC": "slices",
    "SMI": "semi", "SNDWCH": "sandwich", "SNGL": "single", "SNKS": "snacks", "SPEC": "special",
    "SPECILATY": "specialty", "SPLY": "supply", "SPRD": "spread", "SRV": "serve", "SS": "single serve",
    "STK": "sticks", "STRP": "strips", "STW": "stew", "SUP": "super", "SUPPPLIES": "supplies", "SV": "serve",
    "SW": "sweet", "SWEETNERS": "sweeteners", "SWT": "sweet", "SYRP": "syrup", "TISS": "tissue", "TORT": "tortilla",
    "TRSH": "trash", "VAC": "vacuum", "VEG": "vegetable", "VEND": "vending", "WAT": "water", "WATE": "water",
    "WHL": "whole", "WHLSM": "wholesome", "WT": "weight", "WTR": "water", "XMAS": "Christmas", "XPCTRNT": "expectorant",
    "BEERALE": "beer and ale", "BEERALEMALT": "beer, ale and malt", "O": "orange",
}  # fmt: skip
_FILLERS = {
    "ALL",
    "AND",
    "EX",
    "EXC",
    "EXCE",
    "EXCEPT",
    "EXCP",
    "ET",
    "INCL",
    "INCLUDED",
    "INCLUDING",
    "NOT",
    "OF",
    "RW",
}
"""Words that say something about the source's own lists, and nothing when they come last."""
_SMALL = {"and", "of", "or", "with", "for", "in", "on", "to", "the", "by"}
_VAGUE = {
    "adult", "angus", "assorted", "bean", "blends", "boneless", "breast", "butts", "chuck", "collegiate", "cooked",
    "cups", "decaffeinated", "decor", "drums", "dry", "economy", "enhanced", "entrees", "everyday", "external",
    "flank", "flavored", "fresh", "frozen", "garden", "ground", "instant", "internal", "kits", "lean", "leg", "links",
    "mainstream", "marinated", "meat", "microwavable", "microwave", "natural", "other", "oven", "pack", "pails",
    "pantry", "patties", "patty", "pints", "plain", "plus", "premium", "primal", "processed", "quarts", "raw", "red",
    "regular", "ribs", "rolls", "round", "seasonal", "select", "single", "smoked", "special", "specialty", "super",
    "thighs", "traditional", "treats", "value", "variety", "whole", "wings", "wire",
}  # fmt: skip
"""Kinds made of these words say nothing without their category: `LEAN` is beef."""
_MEASURED = re.compile(r"^[NL]\s+")
_ASIDE = re.compile(r"\([^)]*\)?")
_KEPT_ASIDE = re.compile(r"\((HOT|COLD)\)")
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")


def product_names(products: Sequence[SourceProduct]) -> dict[str, str]:
    """Product id → name; all names differ."""
    whole = _whole_words(products)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for product in products:
        alike[_name(product, whole)].append(product.id)
    return {
        product_id: name if len(ids) == 1 else f"{name} No. {number}"
        for name, ids in alike.items()
        for number, product_id in enumerate(ids, 1)
    }


@cache
def readable(text: str, whole: frozenset[str] = frozenset()) -> str:
    """Returns the source's words spelled out, as a heading.

    Of a cut text the last word stays only if it is in `whole`.
    """
    cut = len(text) >= CUT and text.count("(") == text.count(")")  # a word cut in brackets goes with them
    text = _KEPT_ASIDE.sub(r" \1", text).replace("W/O ", "WITHOUT ").replace("W/", "WITH ").replace("&", " AND ")
    text = _ASIDE.sub(" ", text.replace("NOT MULTI-PACKS", ""))
    text = re.sub(r"(\d)(?=PK\b)", r"\1 ", re.sub(r"[:,.](?!\d)", " ", text))
    words = text.split()
    if cut and len(words) > 1 and _last_word(words[-1]) not in whole:
        words.pop()
    while len(words) > 1 and (words[-1] in _FILLERS or not _WORD.search(words[-1])):
        words.pop()
    spelled = _WORD.sub(lambda match: _WORDS.get(match[0], match[0].lower()), " ".join(words))
    spelled = re.sub(r"\s*-\s+|\s+-\s*", " ", spelled).removesuffix("/n").strip(" -/")
    return " ".join(word if word in _SMALL else _WORD.sub(_capital, word) for word in spelled.split())


def readable_size(size: str) -> str:
    """Returns `15.75 OZ` as `15.75 oz`, and only litres keep their capital letter."""
    words = _MEASURED.sub("", size).split()
    return " ".join(word if word == "L" else word.lower() for word in words if words != ["L"])


def _capital(word: re.Match[str]) -> str:
    return word[0][0].upper() + word[0][1:]


def _name(product: SourceProduct, whole: frozenset[str]) -> str:
    kind, category = readable(product.type, whole), readable(product.category, whole).split("/")[0]
    words = {word.lower() for word in _WORD.findall(kind)}
    if words <= _VAGUE and category.lower() not in kind.lower():
        kind = f"{category} {kind}".strip()
    own = "Store Brand" if product.brand == "Private" else ""
    return " ".join(part for part in (kind or "Unlisted Item", own, readable_size(product.size)) if part)


def _whole_words(products: Iterable[SourceProduct]) -> frozenset[str]:
    """Words that stand somewhere in a text that is not cut, so they are no half words."""
    seen: set[str] = set()
    for product in products:
        for text in (product.type, product.category):
            if len(text) < CUT:
                seen.update(_WORD.findall(text))
    return frozenset(seen)


def _last_word(text: str) -> str:
    found = _WORD.findall(text)
    return found[-1] if found else ""
