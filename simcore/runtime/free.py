"""Policy `free`: record, never wait. Order is the operating system's; stamps after what takes, before what gives."""

from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from simcore.runtime import originals, rest
from simcore.runtime.actors import Actor, emit, ready
from simcore.runtime.core import core
from simcore.runtime.sites import caller, intern_text
from simcore.trace.events import Kind

_TILL_END_S = 0.05
_second: Callable[[tuple[Any, str]], str] = itemgetter(1)


class Free:
    """The gate of a recording."""

    following = False

    def __init__(self) -> None:
        # Re-entrant, since a signal handler may print while its own thread is printing.
        self.write_lock = originals.RLock()

    def begin_process(self, index: int) -> None:
        """Another thread of the parent may have been writing."""
        self.write_lock = originals.RLock()

    def ends_itself(self, index: int) -> bool:
        """Nobody's end is known yet."""
        return True

    def enter(self, actor: Actor, kind: Kind, object_id: int, site: int) -> None:
        """Nothing is prescribed."""
        if actor.rest is not None:
            actor.look()

    def leave(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int, waited_us: int = 0) -> None:
        """Record what has happened."""
        emit(actor, kind, object_id, site, value, waited_us)

    def give(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int) -> None:
        """Record what is about to happen: whoever acts on it is stamped later."""
        emit(actor, kind, object_id, site, value)

    def gave(self, actor: Actor) -> None:
        """Nothing to hand back."""

    def read(self, actor: Actor, kind: Kind, object_id: int, site: int, ask: Callable[[], int]) -> int:
        """Ask and record."""
        value = ask()
        emit(actor, kind, object_id, site, value)
        return value

    def local(self, actor: Actor, kind: Kind, object_id: int, ask: Callable[[], int]) -> int:
        """Ask and record; the site of a clock read is not worth its cost."""
        value = ask()
        emit(actor, kind, object_id, 0, value)
        return value

    def write(self, actor: Actor, stream: int, text: str, put: Callable[[str], int]) -> int:
        """Record and write as one, so that the order of the events is the order on the screen.

        The record comes first: who reads this at the other end of a pipe is stamped later.
        """
        if actor.rest is not None:
            actor.look()
        site = caller(3)
        number = intern_text(text)
        with self.write_lock:
            recorded = iter(ready(actor, Kind.WRITE, stream, site, number), text)
            done: list[int] = []
            done.extend(map(put, map(_second, zip(recorded, (text,), strict=False))))  # in one step, for handlers of signals
        return done[0]

    def settle(self, actor: Actor) -> None:
        """Stop each of the others at its next operation; wait a moment for those that are busy."""
        rest.close(actor, _TILL_END_S)

    def must(self, actor: Actor, done: bool, reason: str) -> None:
        """A recording cannot contradict itself."""

    if not TYPE_CHECKING and core is not None:
        enter, leave, give, gave = core.enter, core.emit, core.emit, core.gave
