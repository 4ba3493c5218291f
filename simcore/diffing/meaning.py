"""What of an event is compared, and which events carry order between actors.

Two runs have the same order when every actor did the same, and every object met the same operations of the same actors in the
same order. Two events of different actors on different objects commute: it says nothing which of them came first.

What an actor did is its sequence of (kind, object, value). Of the value there counts, per kind:

- the result of a try (`acquire`, `join`, a `get` that found nothing), how a thread ended, whom a `start` started, a flag that was
  read, the module of an `import`, the number of a `signal`, the text of a `write`: an event with another one is another event;
- the item that a `get` returned, a number or list that was read (`qsize`, `count`, `n_waiting`, `enumerate`), an exit status: the
  same event with another result; so is whose `Condition.wait` a `release` ended;
- nothing of `put` (its item is told by who puts and how often it did), `release`, `undo`, `begin`, `pause`;
- nothing of `clock`, `seed`, `entropy`, `sleep`: what they hand out or are asked for is an input, and listed as such.

Order is carried by what has an effect on an object: `acquire` that got it, `release`, `undo`, `put`, `get` that got an item,
`start`, `begin`, `end`, `join` that found the end, and `write` for its stream. Imports are ordered per module. Failed tries,
timeouts and reads change nothing: had their place mattered, their result would differ, and results are compared. Sleeps, clocks,
seeds, signals and exits belong to one actor and order nobody else; the lock of a single `Condition.wait` is passed in the
order in which its condition's own lock was taken. Garbage collections are counted as inputs only.
"""

from enum import IntEnum
from typing import Final

from simcore.trace.events import Kind


class Value(IntEnum):
    """How an event's value takes part in what the event is."""

    PLAIN = 0  # as it stands
    IGNORED = 1
    SIGN = 2  # only whether it is negative, and which negative
    ACTOR = 3  # index of an actor
    TEXT = 4  # index of a text


class Lane(IntEnum):
    """Which sequence of its actor an event stands in."""

    STEP = 0
    WRITE = 1  # writes are no steps: one more `print` must not shift anything
    NONE = 2


def _table(default: int, special: dict[Kind, int]) -> tuple[int, ...]:
    """One number per possible kind: a kind from a later version gets the default."""
    return tuple(special.get(kind, default) if (kind := _KINDS.get(number)) else default for number in range(256))


_ANY, _NONE = -(1 << 64), 1 << 64
"""Less and more than any value."""

_KINDS: Final = {int(kind): kind for kind in Kind}

VALUE: Final = _table(
    Value.PLAIN,
    {
        Kind.RELEASE: Value.IGNORED,
        Kind.UNDO: Value.IGNORED,
        Kind.START: Value.ACTOR,
        Kind.BEGIN: Value.IGNORED,
        Kind.PUT: Value.IGNORED,
        Kind.GET: Value.SIGN,
        Kind.SLEEP: Value.IGNORED,
        Kind.WRITE: Value.IGNORED,  # texts are compared apart: there may be as many as writes
        Kind.CLOCK: Value.IGNORED,
        Kind.SEED: Value.IGNORED,
        Kind.ENTROPY: Value.IGNORED,
        Kind.DRAW: Value.IGNORED,
        Kind.GC: Value.IGNORED,
        Kind.EXIT: Value.IGNORED,
        Kind.PAUSE: Value.IGNORED,
        Kind.QSIZE: Value.IGNORED,
        Kind.COUNT: Value.IGNORED,
        Kind.ENUMERATE: Value.IGNORED,
        Kind.N_WAITING: Value.IGNORED,
        Kind.IMPORT: Value.IGNORED,
        Kind.IMPORTED: Value.IGNORED,
    },
)

RESULTS: Final = frozenset({Kind.GET, Kind.QSIZE, Kind.COUNT, Kind.ENUMERATE, Kind.N_WAITING, Kind.EXIT})
"""Kinds whose value is a result: compared between events that are the same otherwise."""

INPUTS: Final = frozenset({Kind.CLOCK, Kind.SEED, Kind.ENTROPY, Kind.DRAW, Kind.SLEEP})
"""Kinds whose value comes from outside or goes there: a difference is listed, and is none of the schedule."""

_UNORDERED = frozenset(
    {
        *(Kind.SLEEP, Kind.CLOCK, Kind.SEED, Kind.ENTROPY, Kind.DRAW, Kind.GC, Kind.SIGNAL, Kind.EXIT, Kind.PAUSE),
        *(Kind.IMPORT, Kind.IMPORTED),
        *(
            Kind.LOCKED,
            Kind.IS_SET,
            Kind.IS_ALIVE,
            Kind.EMPTY,
            Kind.QSIZE,
            Kind.COUNT,
            Kind.ENUMERATE,
            Kind.N_WAITING,
            Kind.BROKEN,
        ),
    }
)

LANE: Final = _table(Lane.STEP, {Kind.WRITE: Lane.WRITE, Kind.GC: Lane.NONE, Kind.IMPORT: Lane.NONE, Kind.IMPORTED: Lane.NONE})


_LEAST: Final = _table(_ANY, {Kind.ACQUIRE: 1, Kind.JOIN: 1, Kind.GET: 0} | dict.fromkeys(_UNORDERED, _NONE))


def carries_order(kind: int, value: int) -> bool:
    """Whether an event of this kind and value has an effect that others on the same object can see."""
    return value >= _LEAST[kind]
