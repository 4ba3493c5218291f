"""Signals that are put off: tripped again, so that the interpreter comes with them at its next place.

All of it happens in C when an object goes: a line of Python would be that next place. Where the program has a descriptor
written to for each signal, another signal is tripped in its stead, for a byte that tells its number would be one signal more to
asyncio, which calls its handlers by them.
"""

import _thread
import signal
from collections.abc import Callable
from functools import partial
from typing import Any, Final

CARRIER: Final = int(signal.SIGRTMAX) - 4 if hasattr(signal, "SIGRTMAX") else int(getattr(signal, "SIGIO", 0))
"""What is tripped in the stead of others: a number that nobody has a handler for is not minded."""
wakes = False
"""Whether the program has such a descriptor."""
_again: dict[int, Any] = {}
_carried: set[int] = set()

_interrupt: Callable[..., None] = _thread.interrupt_main


def trip_again(number: int) -> object:
    """Something that trips a signal when it goes. All in C: a line of ours would be the next place to be interrupted."""
    if wakes:
        _carried.add(number)
        number = CARRIER
    cls = _again.get(number)
    if cls is None:
        cls = type("_Again", (), {"__slots__": (), "__del__": staticmethod(partial(_interrupt, number))})
        _again[number] = cls
    return cls()


def carried_by(number: int) -> int:
    """The signal that came, where this is one that was tripped in its stead; else this one."""
    return _carried.pop() if number == CARRIER and _carried else number


def all_carried() -> list[int]:
    """The signals that others stand for; they do no longer."""
    found = []
    while _carried:
        found.append(_carried.pop())
    return found
