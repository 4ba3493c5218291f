"""An order that a recording is forced into: the list that the program gets, and whether the order can still be had.

The program waits by itself (see `simcore.runtime.forced`); this looks at it from outside. An order is given up when it is certain
that a step is never done, or when nothing of it was done for a while: then everybody goes on, and what was missed can be told.
"""

import math
import mmap
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from simcore.engine.code_lines import code_lines
from simcore.engine.run_reader import RunReader
from simcore.engine.segments import Definitions, Wait
from simcore.engine.standstill import Standstill
from simcore.errors import UsageError
from simcore.runtime import forced as layout
from simcore.runtime.lines import is_called
from simcore.runtime.segment import PHASE_ENDED
from simcore.trace.model import Scenario
from simcore.trace.text import join

PATIENCE_S: Final = 10.0
"""An order in which nothing has been done for so long, while somebody waits, is given up."""

_TURN: Final = 0xFFFF
_NO_OBJECT: Final = 0xFFFFFFFF
"""How a wait for a turn is told from all others, which are for an object."""

_FLAG: Final = {"SIMCORE_STEPS": "1"}


class Step(NamedTuple):
    """A line of one actor; `time` is which time it comes there, from 1."""

    actor: str
    file: str
    line: int
    time: int

    @property
    def place(self) -> str:
        """The line as it was given."""
        return f"{self.file}:{self.line}"

    def is_in(self, path: str) -> bool:
        """Whether the line may be one of the file at this path."""
        return is_called(path, self.file)

    def __str__(self) -> str:
        again = f", time {self.time}" if self.time > 1 else ""
        return f"{self.actor} at {self.place}{again}"


@dataclass(frozen=True, slots=True)
class Missed:
    """The first step of an order that was not done.

    `waited` are the later steps whose actors waited for it, `begun` says that it was under way. `why` is one of the words below,
    empty when nobody waited and the run ended. `at_ns` is when it was given up, on CLOCK_MONOTONIC. `replaced` says that the
    program set a trace function of its own.
    """

    number: int
    step: Step
    waited: tuple[tuple[int, Step], ...] = ()
    begun: bool = False
    why: str = ""
    at_ns: int = 0
    replaced: bool = False


ENDED: Final = "its actor had ended"
DEADLOCK: Final = "there was a deadlock"
STOOD_STILL: Final = "everybody waited"
TURNED_ROUND: Final = "its actor came to a later step of its own first"
NO_PATIENCE: Final = "the patience was at its end"


class ForcedOrder:
    """The order of one recording. `missed` says after it what came of it: None when every step was done in its turn."""

    def __init__(self, order: Sequence[object], patience_s: float = PATIENCE_S) -> None:
        self.steps = _parsed(order)
        if not isinstance(patience_s, int | float) or isinstance(patience_s, bool) or not 0 < patience_s < math.inf:
            raise UsageError(f"patience_s is {patience_s!r}, expected seconds, more than 0")
        self._patience_ns = int(patience_s * 1e9)
        self._data: mmap.mmap | None = None
        self.missed: Missed | None = None

    def check(self, scenario: Scenario) -> None:
        """Raises: UsageError for a line of the program's own file that has no code: no run is needed to see that."""
        own = own_file(scenario)
        for step in self.steps:
            if step.is_in(own):
                require_code(step, [own])

    def prepare(self, run: Path) -> Mapping[str, str]:
        """Write what the program needs to its folder; what it needs in its environment."""
        fields = [str(field) for step in self.steps for field in step]
        (run / layout.STEPS).write_text("\0".join(fields), encoding="utf-8", errors="surrogateescape")
        (run / layout.PROGRESS).write_bytes(bytes(layout.HEAD_SIZE + len(self.steps) * layout.STEP.size))
        with open(run / layout.PROGRESS, "r+b") as file:
            self._data = mmap.mmap(file.fileno(), 0)
        return _FLAG

    def close(self) -> None:
        """The run has ended: what was not done until now never is."""
        if self._data is None:
            return
        done = self._get(layout.DONE_AT)
        last = len(self.steps) - 1
        # The last one need not come to its end: it may be what the program stops in.
        if self.missed is None and done <= last and not (done == last and self._state(last)[0] == layout.BEGUN):
            self.missed = self._missed(done)
        self._data.close()
        self._data = None

    def heads(self, reader: RunReader) -> dict[int, tuple[int, Wait]]:
        """As the reader's, with those who wait for a turn among those who wait."""
        found = reader.heads()
        for actor, since in self._turns().items():
            if actor in found:
                found[actor] = (found[actor][0], Wait(_NO_OBJECT, 0, _TURN, 0, since))
        return found

    def look(self, reader: RunReader, found: Standstill | None) -> bool:
        """Give the order up if it cannot be had; whether that was done now. `found` is the standstill that the run is in."""
        if self._data is None or self._get(layout.GIVEN_UP_AT):
            return False
        done = self._get(layout.DONE_AT)
        turns = self._turns()
        if not turns or done == len(self.steps):
            return False
        step = self.steps[done]
        heads = reader.heads()
        whose = _actors(reader.definitions, step.actor)
        begun = self._state(done)[0] == layout.BEGUN
        ended = bool(whose) and all(actor in heads and heads[actor][0] == PHASE_ENDED for actor in whose)
        turned_round = not begun and any(actor in turns for actor in whose)
        since = max(self._get(layout.MOVED_AT), min(turns.values()))
        impatient = time.monotonic_ns() - since > self._patience_ns
        stuck, everybody = found is not None and bool(found.chain), found is not None
        reasons = {ENDED: ended, TURNED_ROUND: turned_round, DEADLOCK: stuck, STOOD_STILL: everybody, NO_PATIENCE: impatient}
        why = next((reason for reason, holds in reasons.items() if holds), "")
        if not why or self._get(layout.DONE_AT) != done:  # it has just been done, and all this is of the time before
            return False
        self.missed = self._missed(done, why)
        layout.WORD.pack_into(self._data, layout.GIVEN_UP_AT, 1)
        return True

    def _missed(self, number: int, why: str = "") -> Missed:
        later = range(number + 1, len(self.steps))
        waited = tuple((step, self.steps[step]) for step in later if self._state(step)[0] == layout.WAITS)
        begun = self._state(number)[0] == layout.BEGUN
        replaced = bool(self._get(layout.REPLACED_AT))
        return Missed(number, self.steps[number], waited, begun, why, time.monotonic_ns(), replaced)

    def _turns(self) -> dict[int, int]:
        """The actors that wait for a step before theirs, with since when."""
        if self._data is None or self._get(layout.GIVEN_UP_AT):
            return {}
        done = self._get(layout.DONE_AT)
        states = [self._state(step) for step in range(done + 1, len(self.steps))]
        return {actor: since for state, since, actor in states if state == layout.WAITS}

    def _get(self, place: int) -> int:
        assert self._data is not None
        (number,) = layout.WORD.unpack_from(self._data, place)
        return int(number)

    def _state(self, step: int) -> tuple[int, int, int]:
        assert self._data is not None
        state, since, actor = layout.STEP.unpack_from(self._data, layout.HEAD_SIZE + step * layout.STEP.size)
        return int(state), int(since), int(actor)


def own_file(scenario: Scenario) -> str:
    """The path of the file that is run, '' where that is a module or a command."""
    own = scenario.plugin_file or (scenario.name if scenario.target == "file" else "")
    return os.path.normpath(os.path.join(scenario.cwd, own)) if own else ""


def _actors(known: Definitions, name: str) -> set[int]:
    """The actors of this path, else of this name."""
    found = {index for index, (path, _, _) in known.actors.items() if path == name}
    return found or {index for index, (_, given, _) in known.actors.items() if given == name}


def require_code(step: Step, files: Sequence[str]) -> None:
    """Raises: UsageError when in none of these files there is code at the line of this step."""
    found = [lines for file in files if (lines := code_lines(file)) is not None]
    if found and not any(step.line in lines for lines in found):
        nearest = sorted(sorted(found[0], key=lambda line: abs(line - step.line))[:6])
        near = f"the nearest lines that have some are {join(list(map(str, nearest)))}" if nearest else "the file has none"
        raise UsageError(f"there is no code at {step.place}, where {step.actor} was to come", near)


_SHAPE: Final = '("desk-2", "prices.py:30")'


def _parsed(order: Sequence[object]) -> list[Step]:
    """The steps of an order as a test writes it. Raises: UsageError."""
    if isinstance(order, str) or not isinstance(order, Sequence) or not order:
        raise UsageError(f"the order is {order!r}, expected steps", f"each is an actor and a line: {_SHAPE}")
    steps: list[Step] = []
    listed: dict[tuple[str, str, int], int] = {}
    for given in order:
        fields = tuple(given) if isinstance(given, tuple | list) else ()
        if not 2 <= len(fields) <= 3 or not all(isinstance(field, str) and field for field in fields[:2]):
            raise UsageError(f"a step of the order is {given!r}, expected an actor and a line", f"write it as {_SHAPE}")
        actor, place = fields[:2]
        file, _, line = place.rpartition(":")
        if not file or not (line.isascii() and line.isdigit()) or not int(line):
            raise UsageError(f"a step of the order is at {place!r}, expected FILE:LINE", f"write it as {_SHAPE}")
        key = (actor, _ending(file), int(line))
        time_ = fields[2] if len(fields) == 3 else listed.get(key, 0) + 1
        if not isinstance(time_, int) or isinstance(time_, bool) or time_ <= listed.get(key, 0):
            expected = f"a number from {listed.get(key, 0) + 1} on: which time it comes there"
            raise UsageError(f"a step of the order is {given!r}, its last part is {time_!r}", f"expected {expected}")
        listed[key] = time_
        steps.append(Step(*key, time_))
    return steps


def _ending(file: str) -> str:
    """The end of a path, as the program knows the file: what stands for the library's place in a trace is left out."""
    for known in ("<site-packages>/", "<library>/"):
        file = file.removeprefix(known)
    return os.path.normpath(file)
