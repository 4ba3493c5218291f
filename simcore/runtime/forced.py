"""An order that a recording is forced into: each step is a line of one actor, done only when all steps before it are done.

Only actors that a step names are traced, with `sys.settrace` (see `lines`); the rest of the program runs as ever. How far the
order has come is in a file of the run's folder that all processes map: one step is due at a time, and only the actor of that
step writes that it is done, so no lock is needed. Waiting is no event: a replay has the order from the trace.

Whether an order can still be had the controller judges, from outside (`simcore.engine.forced`); if not, everybody goes on.
"""

import mmap
import os
import sys
from collections.abc import Callable
from struct import Struct
from types import FrameType
from typing import Any, Final

from simcore.runtime import actors, originals
from simcore.runtime.actors import Actor
from simcore.runtime.frames import hide
from simcore.runtime.lines import Point, Tracer
from simcore.runtime.patches import Patches

STEPS: Final = "steps"
"""The file with the steps: four fields for each (actor, file, line, which time), all separated by NUL."""

PROGRESS: Final = "steps-done"
"""The file with how far the order has come: its head, then a STEP for each."""

WORD: Final = Struct("@Q")
STEP: Final = Struct("@QQQ")
"""State, since when (ns), index of the actor that came to it."""

DONE_AT: Final = 0
"""How many steps are done."""
GIVEN_UP_AT: Final = 8
REPLACED_AT: Final = 16
"""1 when a trace function of the program's took the place of ours."""
MOVED_AT: Final = 24
"""When the last step was done."""
HEAD_SIZE: Final = 32

WAITS: Final = 1
BEGUN: Final = 2
OVER: Final = 3

_SHORTEST_S, _LONGEST_S = 0.0001, 0.005
_ALONE_NS: Final = 120_000_000_000
"""So long an order stands still only when the controller is gone, which would have given it up."""


class Progress:
    """How far the order has come."""

    def __init__(self, folder: str) -> None:
        file = os.open(f"{folder}/{PROGRESS}", os.O_RDWR | os.O_CLOEXEC)
        try:
            self._data = mmap.mmap(file, 0)
        finally:
            os.close(file)

    def _get(self, place: int) -> int:
        (number,) = WORD.unpack_from(self._data, place)
        return int(number)

    def _say(self, step: int, state: int, actor: int) -> None:
        STEP.pack_into(self._data, HEAD_SIZE + step * STEP.size, state, originals.monotonic_ns(), actor)

    def replaced(self) -> None:
        """A trace function of the program's has taken the place of ours."""
        WORD.pack_into(self._data, REPLACED_AT, 1)

    def is_given_up(self) -> bool:
        """Whether everybody goes on without an order."""
        return bool(self._get(GIVEN_UP_AT))

    def come(self, step: int, actor: int) -> None:
        """The actor has come to this step: blocks until it is due, or the order is given up."""
        if self._get(DONE_AT) < step and not self.is_given_up():
            self._say(step, WAITS, actor)
            try:
                self._wait(step)
            except BaseException:
                self._say(step, 0, actor)  # a handler of a signal raised
                raise
        if not self.is_given_up():
            self._say(step, BEGUN, actor)

    def _wait(self, step: int) -> None:
        pause = _SHORTEST_S
        while (done := self._get(DONE_AT)) < step and not self.is_given_up():
            if originals.monotonic_ns() - max(self._get(MOVED_AT), self._get(HEAD_SIZE + step * STEP.size + 8)) > _ALONE_NS:
                WORD.pack_into(self._data, GIVEN_UP_AT, 1)
            # The step before ours may end any moment; one that is further away is not waited for so closely.
            originals.sleep(pause)
            pause = min(pause * 2, _LONGEST_S if done < step - 1 else _LONGEST_S / 5)

    def go(self, step: int, actor: int) -> None:
        """The step is done: the next one is due."""
        if self._get(DONE_AT) == step and not self.is_given_up():
            self._say(step, OVER, actor)
            WORD.pack_into(self._data, MOVED_AT, originals.monotonic_ns())
            WORD.pack_into(self._data, DONE_AT, step + 1)


class _Forcing:
    """The order of this run, in this process."""

    def __init__(self, folder: str, stop: Callable[[], object]) -> None:
        self._stop = stop
        with open(f"{folder}/{STEPS}", encoding="utf-8", errors="surrogateescape") as file:
            fields = file.read().split("\0")
        self._steps = [(fields[at], fields[at + 1], int(fields[at + 2]), int(fields[at + 3])) for at in range(0, len(fields), 4)]
        self.progress = Progress(folder)

    def tracer_of(self, actor: Actor, called: str) -> Tracer | None:
        """Of this actor, None where no step names it."""
        points: dict[tuple[str, int], Point] = {}
        for number, (who, file, line, time) in enumerate(self._steps):
            if who in (actor.name, called):
                points.setdefault((file, line), Point(file, line)).steps[time] = number
        return Tracer(actor.index, list(points.values()), self.progress, self._stop) if points else None


def install(folder: str, patches: Patches, main: Actor | None, called: str) -> None:
    """Force the order of the run; `main` is the actor of this thread, which the program calls `called`."""
    real_set, real_get = sys.settrace, sys.gettrace
    forcing = _Forcing(folder, lambda: real_set(None))

    def is_ours(function: object) -> bool:
        return isinstance(getattr(function, "__self__", None), Tracer)

    def begun(actor: Actor, called: str) -> None:
        """This thread is that actor from here on; in a forked child it was its parent's thread."""
        tracer = None if forcing.progress.is_given_up() else forcing.tracer_of(actor, called)
        if tracer is None and not is_ours(real_get()):
            return
        real_set(None if tracer is None else tracer.called)
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            local = None if tracer is None else tracer.called(frame, "call", None)
            if local is not None or getattr(getattr(frame.f_trace, "__self__", None), "is_of_tracer", False):
                frame.f_trace = local
            frame = frame.f_back

    def settrace(function: Callable[..., Any] | None, /) -> None:
        """As `sys.settrace`; one of the program's own takes the place of ours."""
        if is_ours(real_get()):
            if function is None:
                return  # there was none of the program's
            forcing.progress.replaced()
        try:
            real_set(function)
        except BaseException as error:
            hide(error)
            raise

    def gettrace() -> Any:
        """As `sys.gettrace`; ours is none of the program's business."""
        found = real_get()
        return None if is_ours(found) else found

    patches.set(sys, "settrace", settrace)
    patches.set(sys, "gettrace", gettrace)
    actors.begun = begun
    if main is not None:
        begun(main, called)
