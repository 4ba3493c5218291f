"""Who is alive and who waits at one place of a trace."""

from __future__ import annotations

from typing import Final

from simcore.trace.events import Kind
from simcore.trace.model import Trace
from simcore.trace.words import WAITING

LOOK_AHEAD: Final = 5000
"""So many events on the next one of an actor is looked for; one that comes later is not worth the time."""


class Lives:
    """Answers for the actors of a trace by their paths. Each answer takes a look at the columns: ask for few."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._index = {info.name: index for index, info in enumerate(trace.actors)}
        self._spans: dict[int, tuple[int, int]] = {}
        self._pending = {pending.actor: pending.since_ns for pending in trace.ending.pending}

    def state(self, path: str, position: int) -> str:
        """`alive`, `waiting`, or empty for an actor that has not begun or has ended; `position` may be the end of the trace."""
        actor = self._index.get(path)
        if actor is None:
            return ""
        first, last = self._life(actor)
        if not first <= position <= last:
            return ""
        return "waiting" if self._waits(actor, position) else "alive"

    def _life(self, actor: int) -> tuple[int, int]:
        """The first and the last position of its life."""
        if actor not in self._spans:
            column = self.trace.columns.actor
            try:
                first = column.index(actor)
            except ValueError:
                first = len(column) + 1
            last = len(column) if actor in self._pending or path_is_main(self.trace, actor) else self._last(actor)
            self._spans[actor] = first, last
        return self._spans[actor]

    def _last(self, actor: int) -> int:
        kinds, column = self.trace.columns.kind.tobytes(), self.trace.columns.actor
        position = kinds.rfind(Kind.END)
        while position >= 0:
            if column[position] == actor:
                return position
            position = kinds.rfind(Kind.END, 0, position)
        return len(column)

    def _waits(self, actor: int, position: int) -> bool:
        c = self.trace.columns
        now_ns = c.at_ns[position] if position < len(c) else self.trace.ending.duration_ns
        for near in range(position + 1, min(position + LOOK_AHEAD, len(c))):
            if c.actor[near] == actor:
                waited_ns = c.waited_us[near] * 1000
                return c.kind[near] in WAITING and waited_ns > 0 and c.at_ns[near] - waited_ns <= now_ns
        since = self._pending.get(actor)
        return since is not None and since <= now_ns


def path_is_main(trace: Trace, actor: int) -> bool:
    """Whether this is the first actor of its process: it has no end of its own."""
    return trace.processes[actor] == trace.actors[actor].name
