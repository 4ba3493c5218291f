"""What each kind of event is called: sentences whose verb stands in brackets and takes any tense.

`{0}` is the object, `{1}` what else there is to say. All sentences are constants: names are put in afterwards, so that nothing
in a name is ever taken for a verb.
"""

import re
from enum import IntEnum
from functools import cache
from typing import Final

from simcore.trace.events import Kind


class Tense(IntEnum):
    """`take`, `takes`, `took`."""

    INFINITIVE = 0
    PRESENT = 1
    PAST = 2


_IRREGULAR: Final = {
    "begin": ("begins", "began"),
    "draw": ("draws", "drew"),
    "find": ("finds", "found"),
    "get": ("gets", "got"),
    "give": ("gives", "gave"),
    "put": ("puts", "put"),
    "read": ("reads", "read"),
    "see": ("sees", "saw"),
    "send": ("sends", "sent"),
    "sleep": ("sleeps", "slept"),
    "take": ("takes", "took"),
    "try": ("tries", "tried"),
    "wake": ("wakes", "woke"),
    "write": ("writes", "wrote"),
}

_VERB: Final = re.compile(r"\[(\w+)\]")


@cache
def conjugated(sentence: str, tense: Tense) -> str:
    """The sentence with its verbs in that tense; the actor, who is its subject, stays unsaid."""

    def verb(match: re.Match[str]) -> str:
        word = match[1]
        regular = (f"{word}s", f"{word}d" if word.endswith("e") else f"{word}ed")
        return word if tense is Tense.INFINITIVE else _IRREGULAR.get(word, regular)[tense - 1]

    return _VERB.sub(verb, sentence)


WANTED: Final = {
    Kind.ACQUIRE: "[take] {0}",
    Kind.RELEASE: "[release] {0}",
    Kind.JOIN: "[join] {0}",
    Kind.GET: "[get] from {0}",
    Kind.PUT: "[put] into {0}",
    Kind.WRITE: "[write] to {0}",
    Kind.SEND: "[send] through {0}",
    Kind.RECV: "[receive] from {0}",
    Kind.POLL: "[find] something to read in {0}",
    Kind.READY: "[find] something ready",
    Kind.WAIT: "[see] a child process end",
    Kind.CONNECT: "[connect] to {0}",
    Kind.ACCEPT: "[accept] a connection at {0}",
    Kind.READ: "[read] {0}",
    Kind.STORE: "[store] into {0}",
    Kind.START: "[start] {0}",
    Kind.BEGIN: "[begin]",
    Kind.PAUSE: "[return] from signal.pause",
    Kind.INPUT: "[read] from {0}",
    Kind.LOAD: "[read] {0}",
    Kind.ASSIGN: "[write] {0}",
    Kind.UPDATE: "[update] {0}",
}
"""An operation without its result: what somebody waits to do, or what two actors did in turn."""

FIXED: Final = {
    Kind.RELEASE: "[release] {0}",
    Kind.UNDO: "[fail] to release {0}",
    Kind.PUT: "[put] {1} into {0}",
    Kind.SLEEP: "[sleep] {1}",
    Kind.WRITE: "[write] {1} to {0}",
    Kind.CLOCK: "[read] {0}: {1}",
    Kind.SEED: "[seed] a random generator with {1}",
    Kind.ENTROPY: "[draw] {1} of entropy",
    Kind.DRAW: "[draw] a random number",
    Kind.GC: "[collect] garbage (generation {1})",
    Kind.SIGNAL: "[handle] {1}",
    Kind.PAUSE: "[return] from signal.pause",
    Kind.QSIZE: "[find] {1} in {0}",
    Kind.COUNT: "[count] {1}",
    Kind.ENUMERATE: "[list] {1}",
    Kind.N_WAITING: "[find] {1} waiting at {0}",
    Kind.IMPORT: "[import] {1}",
    Kind.IMPORTED: "[release] the import lock of {1}",
    Kind.READY: "[find] {1} ready",
    Kind.KILL: "[send] {1} to {0}",
    Kind.PID: "[get] the pid of {0}: {1}",
    Kind.PARENT: "[get] the pid of its parent: {1}",
    Kind.VALUE: "[find] {0} at {1}",
    Kind.INPUT: "[read] {1} from {0}",
    Kind.LOAD: "[read] {0}",
    Kind.ASSIGN: "[write] {0}",
    Kind.UPDATE: "[update] {0}",
}
"""Kinds that are told alike whatever their value."""

BY_VALUE: Final = {
    Kind.ACQUIRE: {1: "[take] {0}", 0: "[find] {0} not free", -1: "[give] up on {0}"},
    Kind.END: {0: "[end]", 1: "[end] by an exception"},
    Kind.GET: {-1: "[find] {0} empty", -2: "[give] up on {0}, which is empty"},
    Kind.LOCKED: {0: "[find] {0} not locked", 1: "[find] {0} locked"},
    Kind.IS_SET: {0: "[find] {0} not set", 1: "[find] {0} set"},
    Kind.IS_ALIVE: {0: "[find] {0} not alive", 1: "[find] {0} alive"},
    Kind.EMPTY: {0: "[find] {0} not empty", 1: "[find] {0} empty"},
    Kind.BROKEN: {0: "[find] {0} not broken", 1: "[find] {0} broken"},
    Kind.EXIT: {0: "[end] the process"},
    Kind.SEND: {-1: "[fail] to send through {0}"},
    Kind.RECV: {-1: "[find] the end of {0}", -2: "[fail] to receive from {0}"},
    Kind.POLL: {0: "[find] nothing to read in {0}", 1: "[find] something to read in {0}"},
    Kind.CONNECT: {0: "[fail] to connect to {0}", 1: "[connect] to {0}"},
    Kind.ACCEPT: {0: "[fail] to accept a connection at {0}", 1: "[accept] a connection at {0}"},
    Kind.WAIT: {-1: "[find] no child process ended", -2: "[fail] to wait for a child process"},
}
"""Kinds that say something else for these values."""

OTHERWISE: Final = {
    Kind.GET: "[get] {1} from {0}",
    Kind.EXIT: "[end] the process with {1}",
    Kind.SEND: "[send] {1} through {0}",
    Kind.RECV: "[receive] {1} from {0}",
    Kind.WAIT: "[see] {1}",
}
"""What those kinds say for all other values; where none is given, the kind and the value stand as they are."""

LOOKS: Final = {
    Kind.LOCKED: "[look] whether {0} is locked",
    Kind.IS_SET: "[look] whether {0} is set",
    Kind.IS_ALIVE: "[look] whether {0} is alive",
    Kind.EMPTY: "[look] whether {0} is empty",
    Kind.QSIZE: "[look] how many items are in {0}",
    Kind.N_WAITING: "[look] how many wait at {0}",
    Kind.BROKEN: "[look] whether {0} is broken",
    Kind.POLL: "[look] whether {0} has something to read",
    Kind.STATUS: "[look] whether {0} has ended",
    Kind.READ: "[read] {0}",
    Kind.VALUE: "[look] at the count of {0}",
    Kind.LOAD: "[read] {0}",
}
"""Kinds that change nothing, without what they found."""
