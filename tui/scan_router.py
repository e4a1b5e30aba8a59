"""Puts the judgements of `tui.scan` into effect: before any binding, field or modal screen sees a key."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from textual import events
from textual.app import App
from textual.screen import Screen
from textual.widgets import Input

from backend.terminal.values import Notice
from tui.screens.base import TerminalModal, TerminalScreen

from . import scan


class ScanRouter:
    """Sees every key of `app` first. Scans go to the screen on top, never to the field that has the focus."""

    def __init__(self, app: App[Any], prefix: str, say: Callable[[Notice], None]) -> None:
        self._app, self._prefix, self._say = app, prefix, say
        self._state = scan.State()
        self._before: tuple[Input, str] | None = None
        """The focused field and its text, as they were before the possible burst began."""

    def takes(self, event: events.Key) -> bool:
        """Returns whether the key belongs to a scan, so that nobody else may have it."""
        screen, focused = self._app.screen, self._app.focused
        key = scan.Key(event.key, event.character, event.time)
        bursts = screen.BURSTS if isinstance(screen, TerminalScreen | TerminalModal) else scan.Bursts.NONE
        self._state, verdict = scan.step(self._state, key, prefix=self._prefix, bursts=bursts)
        if verdict.begins:
            self._before = (focused, focused.value) if isinstance(focused, Input) else None
        if verdict.do is scan.Do.BROKEN:
            self._broke(verdict.code)
        elif verdict.do is scan.Do.SCAN:
            self._scanned(verdict, screen)
        elif self._state.prefixed:
            self._app.set_timer(scan.SILENCE + 0.1, self._check)
        return verdict.do in (scan.Do.SWALLOW, scan.Do.SCAN)

    def _scanned(self, verdict: scan.Verdict, screen: Screen[Any]) -> None:
        before = self._before if verdict.leaked else None

        def deliver() -> None:
            if before is not None:
                field, value = before
                field.value = value
            if isinstance(screen, TerminalScreen | TerminalModal):
                screen.take_scan(verdict.code)

        # Digits that leaked may still be in the field's queue: take them back after they have arrived.
        (before[0] if before else self._app).call_later(deliver)

    def _check(self) -> None:
        self._state, verdict = scan.overdue(self._state, monotonic())
        if verdict.do is scan.Do.BROKEN:
            self._broke(verdict.code)

    def _broke(self, code: str) -> None:
        self._app.bell()
        self._say(Notice("error", "scan_broken", {"barcode": code[:40]}))
