"""Everything a key can do, once: from here come the bindings, the key bar, the help page and the command palette.

Every binding has an id, so `App.set_keymap` can give it other keys. F-keys have an alt+letter twin, because terminals
and browsers keep some F-keys for themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from .words import Words


@dataclass(frozen=True)
class Act:
    """An action of a screen. Its words are `key.<id>` and `key.<id>.help`; `rank` says what the key bar drops last."""

    id: str
    keys: str
    action: str
    rank: int = 50
    in_palette: bool = True
    in_bar: bool = True
    first: bool = False
    """Whether it comes before the keys of the field that has the focus, and acts before the next key is delivered."""

    @property
    def binding(self) -> Binding:
        """For Textual. The program's come before any field's own keys; most of a screen's wait for their turn."""
        return Binding(self.keys, self.action, self.id, show=False, priority=self.first or self in APP, id=self.id)


APP = (
    Act("help", "f1,alt+k", "app.help", rank=5),
    Act("palette", "ctrl+p", "app.command_palette", rank=95, in_palette=False),
    Act("quit", "ctrl+q", "app.quit", rank=90),
)
SELL = (
    Act("accept", "enter", "accept", rank=1, in_palette=False),
    Act("set", "enter", "set", rank=1, in_palette=False),
    Act("again", "enter", "again", rank=2),
    Act("finish", "f9,alt+p", "finish", rank=3),
    Act("take", "equals_sign", "take", rank=2),
    Act("more", "plus", "more", rank=20),
    Act("less", "minus", "less", rank=21),
    Act("void", "delete", "void", rank=10),
    Act("undo", "ctrl+z", "undo", rank=30),
    Act("back", "escape", "back", rank=40),
    Act("conflicts", "f10,alt+q", "conflicts", rank=4),
    Act("up", "up", "up", in_palette=False, in_bar=False),
    Act("down", "down", "down", in_palette=False, in_bar=False),
    Act("page_up", "pageup", "page(-1)", in_palette=False, in_bar=False, first=True),
    Act("page_down", "pagedown", "page(1)", in_palette=False, in_bar=False, first=True),
    Act("first", "home", "end(-1)", in_palette=False, in_bar=False, first=True),
    Act("last", "end", "end(1)", in_palette=False, in_bar=False, first=True),
)
SIGN_IN = (
    Act("sign_in", "f9,alt+p", "sign_in", rank=1, first=True),
    Act("enter", "enter", "enter", rank=2, in_palette=False, first=True),
    Act("next", "tab", "app.focus_next", rank=20, in_palette=False, first=True),
    Act("previous", "shift+tab", "app.focus_previous", in_palette=False, in_bar=False, first=True),
)
ASK = (
    Act("keep", "escape,enter", "keep", rank=1, in_palette=False),
    Act("throw", "delete", "throw", rank=2, in_palette=False),
)
CONFLICTS = (
    Act("retry", "f9,alt+p", "retry", rank=1),
    Act("settle", "delete", "settle", rank=2),
    Act("back", "escape", "back", rank=3, in_palette=False),
    Act("up", "up", "up", in_palette=False, in_bar=False),
    Act("down", "down", "down", in_palette=False, in_bar=False),
)
SETTLE = (
    Act("settle", "f9,alt+p", "settle", rank=1, in_palette=False, first=True),
    Act("next", "tab", "app.focus_next", rank=2, in_palette=False, first=True),
    Act("previous", "shift+tab", "app.focus_previous", in_palette=False, in_bar=False, first=True),
    Act("enter", "enter", "enter", in_palette=False, in_bar=False, first=True),
    Act("back", "escape", "back", rank=3, in_palette=False),
    Act("up", "up", "up", in_palette=False, in_bar=False, first=True),
    Act("down", "down", "down", in_palette=False, in_bar=False, first=True),
)
OPEN_SALE = (
    Act("take_up", "enter,f9,alt+p", "take_up", rank=1, in_palette=False),
    Act("give_back", "delete", "give_back", rank=2, in_palette=False),
)
WELCOME = (
    Act("pick", "enter", "choose", rank=1, in_palette=False),
    Act("up", "up", "up", rank=2, in_palette=False),
    Act("down", "down", "down", rank=3, in_palette=False),
)
FORM = (
    Act("send", "f9,alt+p", "send", rank=1, first=True),
    Act("next", "tab", "app.focus_next", rank=20, in_palette=False, first=True),
    Act("previous", "shift+tab", "app.focus_previous", in_palette=False, in_bar=False, first=True),
    Act("enter", "enter", "enter", in_palette=False, in_bar=False, first=True),
    Act("back", "escape", "back", rank=10, in_palette=False),
)
START = (Act("reconnect", "f9,alt+p", "reconnect", rank=1),)
PALETTE = (
    Act("choose", "enter", "command_list", rank=1, in_palette=False),
    Act("back", "escape", "dismiss", rank=2, in_palette=False),
)
HELP = (Act("back", "escape", "back", rank=1, in_palette=False),)


def bindings(acts: Iterable[Act]) -> list[BindingType]:
    """Returns the BINDINGS of a screen."""
    return [act.binding for act in acts]


def key_name(keys: str, words: Words) -> str:
    """Returns the first of `keys` as people call it: F9, Enter, ctrl+z."""
    first = keys.split(",")[0]
    symbols = {"plus": "+", "minus": "−", "equals_sign": "="}
    if first in symbols:
        return symbols[first]
    if first in ("enter", "escape", "delete", "up", "down", "tab", "pageup", "pagedown", "home", "end"):
        return words(f"name.{first}")
    return first.upper() if first[0] == "f" and first[1:].isdigit() else first


def key_names(keys: str, words: Words) -> str:
    """Returns all of `keys` that differ in name, for the help page."""
    return " · ".join(key_name(key, words) for key in keys.split(","))
