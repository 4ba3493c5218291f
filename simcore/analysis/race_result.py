"""What `simcore races` answers, as plain data. Positions count from 0, as in `@412`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum, StrEnum
from typing import NoReturn

from simcore.analysis.result import Answer, LockInfo
from simcore.analysis.result import plain as plain_of
from simcore.trace.events import ObjectKind
from simcore.trace.model import Site, Trace


class Mistake(StrEnum):
    """What a race is known as by the kinds that come with simcore."""

    LOST_UPDATE = "lost update"
    CHECK_THEN_ACT = "check-then-act"
    PUBLISH_BEFORE_INIT = "publish before init"
    DOUBLE_CHECKED_LOCKING = "double-checked locking"
    READ_WRITE = "read-write"
    WRITE_WRITE = "write-write"


class Possible(Enum):
    """Whether it can do harm on the interpreter that recorded it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock, and where it was taken."""

    lock: LockInfo
    taken_at: Site


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two accesses: who did what (`reads`, `writes`, `updates`) where, at which event, holding which locks.

    `does` sums up all that met at this line; `position` is the event of the first meeting.
    """

    actor: str
    thread_name: str
    site: Site
    does: str
    position: int
    locks: tuple[HeldLock, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a lost update: who did what at which position."""

    position: int
    actor: str
    does: str


@dataclass(frozen=True, slots=True)
class Race:
    """Two lines whose accesses to one place nothing orders.

    `place` is what the program calls it, `object` the name of its object that agrees between runs, `kind` what it is, `made_at`
    where. `mistake` is a Mistake, or the name that a plugin gave; `title` has it with `{}` for the place, `means` says it in a
    sentence. `struck` says that it did its harm in this run, and `moments` how, event by event; of a lost update that did not
    strike they are the four that other turns could interleave. `possible` says whether this interpreter can let it, `because`
    why. `times` counts how often the two lines met, `places` at how many places called alike. `unsure` says that the items may
    have been different ones; `split` that a lock orders the accesses one by one, and is given back between a read and its write.
    `doubt` is what lay outside simcore's control and may order the two where nobody sees it, or empty. `fix` is one sentence.
    """

    place: str
    object: str
    kind: ObjectKind
    made_at: Site
    mistake: str
    title: str
    means: str
    struck: bool
    possible: Possible
    because: str
    sides: tuple[Side, Side]
    moments: tuple[Moment, ...]
    times: int
    places: int
    unsure: bool
    split: bool
    doubt: str
    fix: str


@dataclass(frozen=True, slots=True, eq=False)
class Races:
    """The answer of `simcore races`: pairs of lines, those that struck first, then those that this interpreter allows.

    `accesses` and `looked_at` say how many accesses to how many places were compared. `complete` says that these are all races of
    what was recorded; `unseen`, a phrase each, what may hide others. Races that are all in doubt are no answer. `problems` are
    kinds of bugs of plugins that raised, a line each: those races have other names.
    """

    trace: Trace
    answer: Answer
    races: tuple[Race, ...]
    accesses: int
    looked_at: int
    complete: bool
    unseen: tuple[str, ...]
    problems: tuple[str, ...] = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("Races is neither true nor false: ask for its answer, as in `found.answer is Answer.FOUND`")

    def to_json(self) -> dict[str, object]:
        """The answer as plain data, without the trace: keys as the fields here and of the classes above.

        A site is `{"file", "line", "function"}`, or None where unknown; kinds and the like are lower-case words.
        """
        return {one.name: plain(getattr(self, one.name)) for one in fields(self) if one.name != "trace"}


def plain(value: object) -> object:
    """A value of these classes as JSON has it."""
    match value:
        case Enum() if not isinstance(value, ObjectKind):
            return value.value
        case Site() | ObjectKind() | LockInfo():
            return plain_of(value)
        case tuple():
            return [plain(item) for item in value]
        case Race() | Side() | HeldLock() | Moment():
            return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value
