"""What the controller does while it records: looks for a standstill, tells of a stall, knows which signals the program got."""

import logging
from pathlib import Path
from typing import Final

from simcore.engine.forced import ForcedOrder
from simcore.engine.run_reader import RunReader
from simcore.engine.standstill import Standstill
from simcore.engine.watch import Watch
from simcore.trace.events import SIGNAL_NUMBER, Kind

_log = logging.getLogger("simcore")

_MARGIN_NS: Final = 500_000_000
"""A signal to a group reaches the program as much earlier than us."""

_MOST_SHOWN: Final = 4


class Observer:
    """Looks after one recording. One that fails is switched off and said so: it never ends the program."""

    def __init__(self, reader: RunReader, *, ends_stalls: bool, order: ForcedOrder | None = None) -> None:
        self._reader, self._ends_stalls, self._order = reader, ends_stalls, order
        self._watch: Watch | None = Watch(reader, None if order is None else lambda: order.heads(reader))
        self._told = False

    def look(self, _pid: int) -> str:
        """A reason to end the program (`deadlock`, `stalled`), or ''."""
        if not self._reader.exists():
            return ""
        found = self._stands_still()
        if self._order is not None and self._order.look(self._reader, found):
            return ""  # it has just been given up: whoever waited for a turn goes on
        if found is None:
            return ""
        if found.chain:
            return "deadlock"
        if self._ends_stalls:
            return "stalled"
        if not self._told:
            self._told = True
            _log.warning("%s", self._stall())
        return ""

    def _stands_still(self) -> Standstill | None:
        if self._watch is None:
            return None
        try:
            return self._watch.look()
        except Exception as error:
            self._watch = None
            _log.warning("simcore: deadlocks are not looked for any more, since reading the run failed: %r", error)
            return None

    def _stall(self) -> str:
        """One line: who waits where."""
        known = self._reader.definitions
        places = []
        for actor, (_, wait) in sorted(self._reader.heads().items()):
            if wait.since and actor in known.actors:
                name, thread_name, _ = known.actors[actor]
                file, line, _ = known.sites.get(wait.site, ("", 0, ""))
                shown = f'{name} "{thread_name}"' if thread_name and name != "main" else name
                places.append(f"{shown} at {Path(file).name}:{line}" if line else shown)
        more = f" and {len(places) - _MOST_SHOWN} more" if len(places) > _MOST_SHOWN else ""
        who = ", ".join(places[:_MOST_SHOWN]) + more
        return (
            f"simcore: STALLED: everyone waits and nobody owns what is waited for: {who}. It goes on; on_stall=end would end it"
        )

    def has_heard(self, number: int, since_ns: int) -> bool:
        """Whether the program has run a handler for this signal since about then."""
        if not self._reader.exists():
            return False
        self._reader.refresh_records()
        return any(
            value & SIGNAL_NUMBER == number and stamp > since_ns - _MARGIN_NS
            for records in self._reader.records.values()
            for value, _, _, _, _, _, stamp in records.of_kinds((Kind.SIGNAL,))
        )
