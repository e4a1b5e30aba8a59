"""The three lines around every screen: where and who we are, what happened last, which keys work now."""

import re
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from backend.terminal.money import age
from backend.terminal.values import Notice
from tui.actions import APP, PALETTE, Act, key_name
from tui.shared import Shared

GLYPHS = {"ok": "✓", "info": "·", "warning": "▲", "error": "✗"}


@runtime_checkable
class OffersKeys(Protocol):
    """A screen that knows which of its actions would do something now."""

    ACTS: ClassVar[tuple[Act, ...]]

    def works(self, action: str) -> bool:
        """Returns whether the key bar should offer this action."""

    def key_label(self, act: Act) -> str:
        """Returns what the key bar calls an action."""


class StatusLine(Widget):
    """Store · terminal · clerk on the left; link, queue, conflicts and the clock on the right."""

    COMPONENT_CLASSES = {"status--brand", "status--good", "status--warning", "status--bad", "status--quiet"}  # noqa: RUF012
    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        background: $panel;
        color: $foreground;
        .status--brand { background: $primary; color: $background; text-style: bold; }
        .status--good { color: $text-success; text-style: bold; }
        .status--warning { color: $text-warning; text-style: bold; }
        .status--bad { color: $text-error; text-style: bold; }
        .status--quiet { color: $text-muted; }
    }
    """

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared

    def render(self) -> RenderResult:
        """Returns the line, in exactly the width there is."""
        words, desk = self._shared.words, self._shared.desk
        right = Text()
        if desk is not None:
            link, since = desk.live.link.value, ""
            if desk.is_away:
                link = "offline"
            if link in ("offline", "degraded"):
                since = f" {age(desk.stale_for)}"
            glyph, look = {
                "connecting": ("◌", "quiet"),
                "online": ("●", "good"),
                "degraded": ("◐", "warning"),
                "offline": ("○", "bad"),
            }[link]
            if desk.checkout.conflicts:
                right.append(f"▲ {words('status.conflicts', n=len(desk.checkout.conflicts))}  ", self._look("bad"))
            if desk.checkout.queued:
                right.append(f"◷ {words('status.queued', n=desk.checkout.queued)}  ", self._look("warning"))
            right.append(f"{glyph} {words(f'link.{link}')}{since}", self._look(look))
        right.append(f"  {self._shared.now():%H:%M} ")
        left = Text(no_wrap=True).append(" MOSTRADOR ", self._look("brand"))
        parts = [self._shared.terminal_id]
        if desk is not None:
            session = desk.session
            parts = [f"{session.store_id} {session.store_name}".strip(), *parts, session.display_name]
        left.append("  " + " · ".join(parts), Style.null())
        room = self.size.width - right.cell_len - 1
        left.truncate(room, overflow="ellipsis", pad=True)
        return left.append(" ").append_text(right)

    def _look(self, name: str) -> Style:
        return self.get_component_rich_style(f"status--{name}", partial=True)


class MessageLine(Widget):
    """The last sentence, for as long as there is no newer one."""

    COMPONENT_CLASSES = {"message--ok", "message--info", "message--warning", "message--error"}  # noqa: RUF012
    DEFAULT_CSS = """
    MessageLine {
        height: auto;
        min-height: 1;
        max-height: 2;
        padding: 0 1;
        background: $surface;
        .message--ok { color: $text-success; }
        .message--info { color: $foreground; }
        .message--warning { color: $text-warning; text-style: bold; }
        .message--error { color: $text-error; text-style: bold; }
    }
    """

    def __init__(self, shared: Shared) -> None:
        super().__init__()
        self._shared = shared
        self._told: tuple[datetime, Notice] | None = None

    def tell(self) -> None:
        """Show the last sentence, if it is not the one shown; it may need a line more or less than that."""
        last = self._shared.messages[-1] if self._shared.messages else None
        if last is not self._told:
            self._told = last
            self.refresh(layout=True)

    def render(self) -> RenderResult:
        """Glyph and sentence; its look only repeats what the glyph says."""
        if not self._shared.messages:
            return Text("")
        _, notice = self._shared.messages[-1]
        style = self.get_component_rich_style(f"message--{notice.level}", partial=True)
        return Text(f"{GLYPHS[notice.level]} {self._shared.words.say(notice)}", style)


class KeyBar(Widget):
    """The keys that work now, the most needed first, as many as fit; F1 is always there for the others.

    A key that the last message names comes before all others. Under a dialog these are the dialog's keys.
    """

    COMPONENT_CLASSES = {"keys--key", "keys--label"}  # noqa: RUF012
    DEFAULT_CSS = """
    KeyBar {
        height: 1;
        background: $panel;
        .keys--key { color: $primary; text-style: bold; }
        .keys--label { color: $foreground; }
    }
    """

    def __init__(self, shared: Shared, acts: tuple[Act, ...], *, app_keys: bool = True) -> None:
        super().__init__()
        self._shared, self._acts, self._app_keys = shared, acts, app_keys

    def render(self) -> RenderResult:
        """As many keys as the width holds."""
        top = self.app.screen
        if top is self.screen:
            acts, last = (*self._acts, *APP) if self._app_keys else self._acts, APP[0] if self._app_keys else None
        else:
            acts, last = top.ACTS if isinstance(top, OffersKeys) else PALETTE, None
        entries = [self._entry(act, top) for act in self._working(acts, top) if act is not last]
        end = self._entry(last, top) if last else Text()
        room = self.size.width - end.cell_len - 3
        line = Text(" ", no_wrap=True)
        for entry in entries:
            if line.cell_len + entry.cell_len > room:
                line.append("…")
                break
            line.append_text(entry)
        line.truncate(self.size.width - end.cell_len, pad=True)
        return line.append_text(end)

    def _entry(self, act: Act, top: object) -> Text:
        words = self._shared.words
        label = top.key_label(act) if isinstance(top, OffersKeys) else words(f"key.{act.id}")
        text = Text().append(key_name(act.keys, words), self.get_component_rich_style("keys--key", partial=True))
        return text.append(f" {label}  ", self.get_component_rich_style("keys--label", partial=True))

    def _working(self, acts: tuple[Act, ...], top: object) -> list[Act]:
        """Returns those of `acts` that would do something now: those that the message names first, then the most
        needed."""
        words, messages = self._shared.words, self._shared.messages
        named = top is self.screen and messages  # under a dialog the message is about what was before it
        said = set(re.split(r"[\s;,.:]+", words.say(messages[-1][1]))) if named else set()
        found = [
            act
            for act in acts
            if act.in_bar
            and (act.action.startswith("app.") or not isinstance(top, OffersKeys) or top.works(act.action))
        ]
        return sorted(found, key=lambda act: (key_name(act.keys, words) not in said, act.rank))
