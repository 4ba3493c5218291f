"""The gate: the one place where an actor waits for its turn. Its policy decides; the families only say what they are about to do.

An operation is one of four:

- it *takes* (acquire, get, join, begin, sleep): it may block, and it has happened when it returns. `enter` before, `leave` after.
- it *gives* (release, put, start, end): it never blocks, and others may act on it at once. `give` before, `gave` after.
- it *reads* (locked, is_set, is_alive): no effect; the result is recorded and, in replay, returned without asking again. `read`.
- it is a *local input* (clock, seed): nobody else can tell when. `local`.

`enter` and `give` return what the trace says came of the operation, or None when nothing is prescribed and it is to be done for
real. What one of them grants must be handed back, also when the operation raises.
"""

from collections.abc import Callable
from typing import Protocol

from simcore.runtime.actors import Actor
from simcore.trace.events import Kind


class Gate(Protocol):
    """What a policy does. Sites and objects are ids; values mean, per kind, what `simcore.trace.events.Kind` says."""

    following: bool

    def begin_process(self, index: int) -> None:
        """This process is now the child whose main actor has this index: nothing of its parent's threads holds any more."""

    def ends_itself(self, index: int) -> bool:
        """In replay: whether the process of this actor came to its own end, and was not killed."""

    def enter(self, actor: Actor, kind: Kind, object_id: int, site: int) -> int | None:
        """Wait for the turn of an operation that takes; what it came to in the trace, or None."""

    def leave(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int, waited_us: int = 0) -> None:
        """It is done: record it and pass the turn on."""

    def give(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int) -> int | None:
        """Wait for the turn of an operation that gives, and record it; what the trace says, or None."""

    def gave(self, actor: Actor) -> None:
        """It is done: pass the turn on."""

    def read(self, actor: Actor, kind: Kind, object_id: int, site: int, ask: Callable[[], int]) -> int:
        """The answer of a read-only operation: `ask()` while recording, the trace's in replay."""

    def local(self, actor: Actor, kind: Kind, object_id: int, ask: Callable[[], int]) -> int:
        """A local input: `ask()` while recording, the trace's in replay."""

    def write(self, actor: Actor, stream: int, text: str, put: Callable[[str], int]) -> int:
        """Write a text in its turn; one that the trace does not have is written at once."""

    def settle(self, actor: Actor) -> None:
        """The process is about to end: let all other actors come to rest, for what they still did would be in no trace."""

    def must(self, actor: Actor, done: bool, reason: str) -> None:
        """Replay has just tried what the trace says was possible; if it was not `done`, that is a divergence."""


current: Gate
"""The gate of this process; set once by `install`. Families ask for `gate.current`."""
