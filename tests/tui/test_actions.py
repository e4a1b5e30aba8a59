import pytest

from tui.actions import (
    APP,
    ASK,
    CONFLICTS,
    FORM,
    HELP,
    OPEN_SALE,
    SELL,
    SETTLE,
    SIGN_IN,
    START,
    WELCOME,
    Act,
    key_name,
    key_names,
)
from tui.words import Words

SCREENS = {"sell": SELL, "sign in": SIGN_IN, "ask": ASK, "conflicts": CONFLICTS, "help": HELP, "start": START} | {
    "open sale": OPEN_SALE,
    "settle": SETTLE,
    "welcome": WELCOME,
    "form": FORM,
}


@pytest.mark.parametrize("acts", SCREENS.values(), ids=SCREENS.keys())
def test_ids_are_unique_so_that_a_keymap_can_name_them(acts: tuple[Act, ...]) -> None:
    ids = [act.id for act in (*acts, *APP)]
    assert len(ids) == len(set(ids))
    assert [act.binding.id for act in acts] == [act.id for act in acts]


@pytest.mark.parametrize("acts", SCREENS.values(), ids=SCREENS.keys())
def test_no_two_actions_share_a_key_but_enter(acts: tuple[Act, ...]) -> None:
    keys = [key for act in (*acts, *APP) for key in act.keys.split(",") if key != "enter"]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("acts", [*SCREENS.values(), APP], ids=[*SCREENS.keys(), "app"])
def test_every_f_key_has_an_alt_twin(acts: tuple[Act, ...]) -> None:
    for act in acts:
        keys = act.keys.split(",")
        if any(key[0] == "f" and key[1:].isdigit() for key in keys):
            assert any(key.startswith("alt+") for key in keys)


def test_keys_are_called_what_is_printed_on_them() -> None:
    english, spanish = Words("en"), Words("es")
    assert key_names("f9,alt+p", english) == "F9 · alt+p"
    assert key_names("plus", english) == "+"
    assert (key_name("delete", english), key_name("delete", spanish)) == ("Del", "Supr")
    assert key_name("ctrl+z", english) == "ctrl+z"
