"""What of an event is compared, and which events carry order between actors.

Two runs have the same order when every actor did the same, and every object met the same operations of the same actors in the
same order. Two events of different actors on different objects commute: it says nothing which of them came first.

What an actor did is its sequence of (kind, object, value). Of the value there counts, per kind:

- the result of a try (`acquire`, `join`, a `get` that found nothing), how a thread ended, whom a `start` started, a flag that was
  read, the module of an `import`, the number of a `signal`, the text of a `write`: an event with another one is another event;
- the item that a `get` returned, a number or list that was read (`qsize`, `count`, `value`, `n_waiting`, `enumerate`, `ready`),
  what a shared value was read or set to, an exit status, the child that a `wait` saw end: the same event with another result;
  so is whose `Condition.wait` a `release` ended;
- nothing of `put` (its item is told by who puts and how often it did), `release`, `undo`, `begin`, `pause`;
- of `send` and `recv` only whether they failed: the length of a message is an input, as names and numbers of processes are in it;
- nothing of `clock`, `seed`, `entropy`, `sleep`, `input`: what they hand out or are asked for is an input, and listed as such;
- nothing of `pid` and `parent`: they differ between any two runs.

Order is carried by what has an effect on an object: `acquire` that got it, `release`, `undo`, `put`, `get` that got an item,
`send` and `recv` of a message, `store`, `start`, `begin`, `end`, `kill`, `accept`, `join` that found the end, and
`write` for its stream. Imports are ordered per module. Failed tries, timeouts and reads change nothing: had their place mattered,
their result would differ, and results are compared. Sleeps, clocks, seeds, signals and exits belong to one actor and order nobody
else; who connected before whom is told by what the listener accepted; the lock of a single `Condition.wait` is passed in the
order in which its condition's own lock was taken. Garbage collections are counted as inputs only. How many seeds, random bytes
and pids an actor drew says nothing of what it did: one start method draws more than another.
"""

from enum import IntEnum
from typing import Final

from simcore.trace.events import RUNNING, Kind


class Value(IntEnum):
    """How an event's value takes part in what the event is."""

    PLAIN = 0  # as it stands
    IGNORED = 1
    SIGN = 2  # only whether it is negative, and which negative
    ACTOR = 3  # index of an actor
    TEXT = 4  # index of a text
    LOWEST = 5  # only its lowest byte


class Lane(IntEnum):
    """Which sequence of its actor an event stands in."""

    STEP = 0
    WRITE = 1  # writes are no steps: one more `print` must not shift anything
    NONE = 2
    INPUT = 3  # paired kind by kind, the first with the first: one more shifts nothing either


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
        Kind.SIGNAL: Value.LOWEST,
        Kind.EXIT: Value.IGNORED,
        Kind.PAUSE: Value.IGNORED,
        Kind.QSIZE: Value.IGNORED,
        Kind.COUNT: Value.IGNORED,
        Kind.ENUMERATE: Value.IGNORED,
        Kind.N_WAITING: Value.IGNORED,
        Kind.IMPORT: Value.IGNORED,
        Kind.IMPORTED: Value.IGNORED,
        Kind.SEND: Value.SIGN,
        Kind.RECV: Value.SIGN,
        Kind.WAIT: Value.SIGN,
        Kind.READY: Value.IGNORED,
        Kind.PID: Value.IGNORED,
        Kind.PARENT: Value.IGNORED,
        Kind.READ: Value.IGNORED,
        Kind.STORE: Value.IGNORED,
        Kind.VALUE: Value.IGNORED,
        Kind.INPUT: Value.IGNORED,
        Kind.LOAD: Value.IGNORED,
        Kind.ASSIGN: Value.IGNORED,
        Kind.UPDATE: Value.IGNORED,
    },
)

RESULTS: Final = frozenset(
    {
        *(Kind.GET, Kind.QSIZE, Kind.COUNT, Kind.ENUMERATE, Kind.N_WAITING, Kind.EXIT),
        *(Kind.WAIT, Kind.READY, Kind.READ, Kind.STORE, Kind.VALUE),
    }
)
"""Kinds whose value is a result: compared between events that are the same otherwise."""

INPUTS: Final = frozenset(
    {Kind.CLOCK, Kind.SEED, Kind.ENTROPY, Kind.DRAW, Kind.SLEEP, Kind.SEND, Kind.RECV, Kind.INPUT},
)
"""Kinds whose value comes from outside or goes there: a difference is listed, and is none of the schedule."""

_UNORDERED = frozenset(
    {
        *(Kind.SLEEP, Kind.CLOCK, Kind.SEED, Kind.ENTROPY, Kind.DRAW, Kind.GC, Kind.SIGNAL, Kind.EXIT, Kind.PAUSE),
        *(Kind.IMPORT, Kind.IMPORTED, Kind.PID, Kind.PARENT, Kind.INPUT),
        *(Kind.LOCKED, Kind.IS_SET, Kind.IS_ALIVE, Kind.EMPTY, Kind.QSIZE, Kind.COUNT, Kind.ENUMERATE, Kind.N_WAITING),
        *(Kind.CONNECT, Kind.BROKEN, Kind.POLL, Kind.READY, Kind.STATUS, Kind.WAIT, Kind.READ, Kind.VALUE, Kind.LOAD),
    }
)

LANE: Final = _table(
    Lane.STEP,
    dict[Kind, int]({Kind.WRITE: Lane.WRITE})
    | dict.fromkeys((Kind.GC, Kind.IMPORT, Kind.IMPORTED), Lane.NONE)
    | dict.fromkeys((Kind.SEED, Kind.ENTROPY, Kind.PID, Kind.PARENT), Lane.INPUT),
)


_LEAST: Final = _table(
    _ANY,
    {Kind.ACQUIRE: 1, Kind.JOIN: 1, Kind.GET: 0, Kind.SEND: 0, Kind.RECV: 0, Kind.ACCEPT: 1} | dict.fromkeys(_UNORDERED, _NONE),
)


def carries_order(kind: int, value: int, *, child: bool = False) -> bool:
    """Whether an event of this kind and value has an effect that others on the same object can see; `child` for a process."""
    return value > RUNNING if child and kind == Kind.JOIN else value >= _LEAST[kind]
