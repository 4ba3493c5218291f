"""Events in words, for many of them: a phrase that comes again is not made again."""

from __future__ import annotations

from typing import Final

from simcore.exports.part import Part
from simcore.trace.events import Kind
from simcore.trace.text import duration
from simcore.trace.words import WAITING

_MOST: Final = 200_000


class Phrases:
    """The same words as `Words.event`. What an event of one kind did depends on its actor, object and value alone."""

    def __init__(self, part: Part) -> None:
        self._words, self._columns = part.words, part.trace.columns
        self._known: dict[tuple[int, int, int, int], str] = {}
        self._waiting = frozenset(map(int, WAITING))

    def event(self, position: int) -> str:
        """What the event did: `took balance_lock after 45 us`."""
        c = self._columns
        kind, waited_us = c.kind[position], c.waited_us[position]
        key = (kind, c.actor[position], c.object[position], c.value[position])
        phrase = self._known.get(key)
        if phrase is None:
            if kind == Kind.WRITE:
                return self._words.event(position)
            if len(self._known) >= _MOST:
                self._known.clear()
            phrase = self._known[key] = self._words.done(position)
        return f"{phrase} after {duration(waited_us * 1000)}" if waited_us and kind in self._waiting else phrase
