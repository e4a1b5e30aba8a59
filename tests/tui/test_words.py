import re
from decimal import Decimal
from itertools import chain
from pathlib import Path
from string import Formatter

import pytest

from backend.model.answers import Code
from backend.terminal.money import Lang
from backend.terminal.values import Notice, Product
from tui import actions
from tui.screens.start import STEP
from tui.words import CATALOGUES, LANGUAGES, Words, language

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tui").rglob("*.py") if "words" not in path.parts}
CORE = {path: path.read_text(encoding="utf-8") for path in (ROOT / "backend" / "terminal").rglob("*.py")}
NOT_MET_HERE = {"insufficient_stock", "unknown_reservation", "reservation_not_due", "not_recorded"}
"""Refusals that a counter tells in words of its own, or that none of its commands can meet."""


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_fields() -> None:
    english, spanish = CATALOGUES["en"], CATALOGUES["es"]
    assert english.keys() == spanish.keys()
    assert {key: fields(text) for key, text in english.items()} == {key: fields(text) for key, text in spanish.items()}


def test_every_sentence_of_the_screens_exists() -> None:
    used = {key for text in SOURCES.values() for key in re.findall(r"""words\(\s*["']([a-z_.]+)["']""", text)}
    assert len(used) > 40
    assert used <= CATALOGUES["en"].keys()


def test_every_sentence_is_used() -> None:
    text = "".join(SOURCES.values()).replace("'", '"')
    families = (
        "settle.reason.",
        "link.",
        "key.",
        "name.",
        "say.",
        "start.step.",
        "hold.",
        "receipt.",
        "status.",
        "ask.",
    )
    keys = {key.removesuffix(".one") for key in CATALOGUES["en"] if not key.startswith(families)}
    assert {key for key in keys if f'"{key}"' not in text} == set()


def test_everything_the_core_and_the_screens_say_has_words() -> None:
    text = "".join(SOURCES.values()) + "".join(CORE.values())
    said = set(re.findall(r"""Notice\(\s*"\w+",\s*"(\w+)\"""", text)) | set(re.findall(r"""code = "(\w+)\"""", text))
    said |= {f"{some}_{where}" for some in ("short", "none") for where in ("here", "anywhere")}
    said |= {"quantity_set", "voided", "undone", "undone_gone", "sold", "sold_queued"}
    said |= {code.value for code in Code} - NOT_MET_HERE
    catalogue = {key.split(".")[1] for key in CATALOGUES["en"] if key.startswith("say.")}
    assert said <= catalogue
    assert len(said) > 30


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_action_has_a_name_and_a_help_line(lang: Lang) -> None:
    words = Words(lang)
    groups = (
        actions.APP,
        actions.SELL,
        actions.SIGN_IN,
        actions.ASK,
        actions.CONFLICTS,
        actions.START,
        actions.WELCOME,
        actions.FORM,
        actions.HELP,
        actions.SETTLE,
        actions.OPEN_SALE,
        actions.PALETTE,
    )
    for act in chain.from_iterable(groups):
        assert words(f"key.{act.id}")
        assert words(f"key.{act.id}.help")
        assert actions.key_names(act.keys, words)


def test_numbers_and_money_are_written_the_way_of_the_language() -> None:
    notice = Notice("ok", "sold", {"receipt": "292-T1-000042", "total_cents": 123456})
    assert "1,234.56" in Words("en").say(notice)
    assert "1.234,56" in Words("es").say(notice)
    assert (
        Words("es").say(Notice("error", "bad_quantity", {"entered": "0", "maximum": 1_000_000})).count("1.000.000") == 1
    )


def test_one_is_not_many() -> None:
    words = Words("en")
    assert (words("sell.lines", n=1), words("sell.lines", n=2)) == ("1 line", "2 lines")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_unit_is_singular_in_every_sentence_with_a_number(lang: Lang) -> None:
    words = Words(lang)
    assert words("card.available", n=1) == {"en": "available here", "es": "disponible aquí"}[lang]
    assert words("card.reserved", n=1) == {"en": "1 reserved", "es": "1 reservada"}[lang]
    one = words.say(Notice("info", "holding_again", {"count": 1}))
    assert one == {"en": "Asking again for one line…", "es": "Pidiendo otra vez una línea…"}[lang]


def test_the_kind_of_damage_picks_the_sentence() -> None:
    said = Words("en").say(Notice("error", "damaged_barcode", {"barcode": "2000000010411", "damage": "check_digit"}))
    assert "check digit" in said


def test_a_code_without_words_is_shown_with_the_sentence_it_brought() -> None:
    assert Words("es").say(Notice("error", "from_the_future", {"message": "Do this."})) == "Do this."
    assert "from_the_future" in Words("es").say(Notice("error", "from_the_future"))


@pytest.mark.parametrize(
    ("wanted", "environment", "found"),
    [
        (None, {"LANG": "es_ES.UTF-8"}, "es"),
        (None, {"LANG": "en_GB.UTF-8"}, "en"),
        (None, {"LANG": "C.UTF-8"}, "en"),
        (None, {"LANG": "en_US", "LC_ALL": "es_MX"}, "es"),
        (None, {}, "en"),
        ("en", {"LANG": "es_ES"}, "en"),
        ("es", {}, "es"),
    ],
)
def test_the_language_is_the_one_wanted_or_the_environments(
    wanted: str | None, environment: dict[str, str], found: str
) -> None:
    assert language(wanted, environment) == found


SAID = [key.removeprefix("say.") for key in CATALOGUES["en"] if key.startswith("say.")]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", SAID)
def test_a_problem_that_lacks_what_a_sentence_names_is_told_in_its_own_sentence(lang: Lang, code: str) -> None:
    words, named = Words(lang), fields(CATALOGUES[lang][f"say.{code}"])
    bare, _, kind = code.partition(".")
    given: dict[str, str | int] = {"reason": kind} if kind else {}
    for missing in named:
        some = {name: 1 for name in named if name != missing}
        assert words.say(Notice("error", bare, {"message": "Its own.", **given, **some})) == "Its own."
        assert words.say(Notice("error", bare, {**given, **some})) == words("say.unforeseen", code=bare)
    whole = words.say(Notice("error", bare, {"message": "Its own.", **given, **dict.fromkeys(named, "x")}))
    assert whole
    assert "{" not in whole


@pytest.mark.parametrize("lang", LANGUAGES)
def test_whatever_a_problem_brings_along_can_be_said(lang: Lang) -> None:
    strange: dict[str, str | int] = {"key": "k", "self": "s", "n": 1, "message": "Its own.", "barcode": "{0} {x}"}
    for code in SAID:
        assert Words(lang).say(Notice("error", code, strange))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_name_of_every_step_of_a_start_fits_its_column(lang: Lang) -> None:
    assert all(len(text) < STEP for key, text in CATALOGUES[lang].items() if key.startswith("start.step."))


def test_what_a_kilogram_costs_is_said_as_a_price_tag_says_it() -> None:
    ham = Product("1", "1", "Ham", Decimal("15.90"), price_per=1000, unit="gram")
    assert [Words(lang).price(ham) for lang in ("en", "es")] == ["15.90/kg", "15,90/kg"]
    assert Words("en").price(Product("2", "2", "Oil", Decimal("0.50"), price_per=100, unit="millilitre")) == "0.50/100"
    assert Words("en").price(Product("3", "3", "Tea", Decimal("1.50"))) == "1.50"
