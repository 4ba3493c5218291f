"""What an analysis answers, as plain data. Positions count from 0, as in `@412`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import NoReturn

from simcore.trace.events import ObjectKind
from simcore.trace.model import Site, Trace


class Answer(Enum):
    """Whether an analysis found what it looks for. It is no boolean: compare with `is`."""

    NONE = "none"
    FOUND = "found"
    INCONCLUSIVE = "inconclusive"

    def __bool__(self) -> NoReturn:
        raise TypeError("an answer is neither true nor false: compare it, as in `answer is Answer.FOUND`")


@dataclass(frozen=True, slots=True)
class LockInfo:
    """A lock: its name that agrees between runs (`main:lock1`), what the program calls it, its kind, where it was made."""

    name: str
    label: str
    kind: ObjectKind
    site: Site


@dataclass(frozen=True, slots=True)
class Request:
    """One actor's part of a cycle: it holds `held`, taken at `taken_at`, and asks for `asked` at `asked_at`.

    `gates` are the other locks that it holds at that moment. `position` is the event that got the lock, None where it never came.
    `times` is how often anybody in the trace asked for `asked` while it held `held`.
    """

    actor: str
    thread_name: str
    held: LockInfo
    taken_at: Site
    asked: LockInfo
    asked_at: Site
    gates: tuple[LockInfo, ...]
    position: int | None
    times: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """A deadlock: each actor of `requests` asks for what the next one holds. `struck` says that this run ended in it."""

    requests: tuple[Request, ...]
    struck: bool

    @property
    def rarest(self) -> Request | None:
        """The request whose two locks are taken in this order less often than those of all others; None where others are as rare.

        Turned round it leaves all locks in one order, with the fewest requests changed.
        """
        least = min(request.times for request in self.requests)
        rare = [request for request in self.requests if request.times == least]
        return rare[0] if len(rare) == 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class Locks:
    """The answer of `simcore locks`: the deadlocks that a trace shows to be possible, the one that struck first.

    `deadlock` says that the run ended in a deadlock, which need not be one of `cycles`: see `trace.ending.deadlock`. `requests`
    counts those that were made while another lock was held, `locks` all that were used. `complete` says that these are all cycles
    of what was recorded; `unseen`, a phrase each, what may hide others: something uncontrolled, a trace that was cut off.
    """

    trace: Trace
    answer: Answer
    deadlock: bool
    cycles: tuple[Cycle, ...]
    requests: int
    locks: int
    complete: bool
    unseen: tuple[str, ...]

    def __bool__(self) -> NoReturn:
        raise TypeError("Locks is neither true nor false: ask for its answer, as in `found.answer is Answer.FOUND`")

    def to_json(self) -> dict[str, object]:
        """The answer as plain data, without the trace: keys as the fields here and of the classes above.

        A site is `{"file", "line", "function"}`, or None where unknown; kinds are lower-case words.
        """
        return {
            "answer": self.answer.value,
            "deadlock": self.deadlock,
            "cycles": [plain(cycle) for cycle in self.cycles],
            "requests": self.requests,
            "locks": self.locks,
            "complete": self.complete,
            "unseen": list(self.unseen),
        }


def plain(value: object) -> object:
    """A value of these classes as JSON has it."""
    match value:
        case Site():
            return {"file": value.file, "line": value.line, "function": value.function} if value.line else None
        case ObjectKind():
            return value.name.lower()
        case tuple():
            return [plain(item) for item in value]
        case LockInfo() | Request() | Cycle():
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value
