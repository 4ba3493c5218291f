"""What an actor can be at, the waits and holds of a run: the figures that the timeline and the statistics are made of."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Final, NamedTuple

from simcore.trace.events import Kind

END_OF_RUN: Final = 1 << 62
"""Later than any run ends."""


class Mode(IntEnum):
    """What an actor is at. One that has not begun, or has ended, is at nothing."""

    RUNS = 0
    SLEEPS = 1
    WAITS = 2


class State(NamedTuple):
    """`object` is what it waits for, -1 for nothing; `held` are the locks that it holds, in the order in which it took them."""

    mode: Mode
    object: int = -1
    held: tuple[int, ...] = ()


class Wait(NamedTuple):
    """One time that an actor was blocked. `object` is what the programmer waited for: the queue, not the lock inside it.

    `position` is that of the event that ended the wait, -1 when none did. `by` is the actor that ended it as far as the trace
    tells (who put the item, woke the waiter, ended), -1 where it does not; of locks see `Stretches.holders`. `got` is False for a
    wait that ended with nothing: a timeout, or the end of the run.
    """

    actor: int
    kind: Kind
    object: int
    site: int
    since_ns: int
    until_ns: int
    position: int
    by: int
    got: bool

    @property
    def took_ns(self) -> int:
        """How long it lasted."""
        return self.until_ns - self.since_ns


class Share(NamedTuple):
    """What one actor held of a lock while another waited: how long, how often, where it took it first."""

    actor: int
    held_ns: int
    times: int
    position: int


@dataclass
class Holds:
    """Who held one lock from when to when, in order; `position` is where it was taken. One that was never given back ends with
    the run. `tries` counts those that did not get it."""

    actor: array[int] = field(default_factory=lambda: array("l"))
    since_ns: array[int] = field(default_factory=lambda: array("q"))
    until_ns: array[int] = field(default_factory=lambda: array("q"))
    position: array[int] = field(default_factory=lambda: array("q"))
    tries: int = 0

    def __len__(self) -> int:
        return len(self.actor)

    def within(self, first_ns: int, last_ns: int) -> range:
        """The numbers of those that lie in this time, wholly or in part."""
        return range(bisect_right(self.until_ns, first_ns), bisect_right(self.since_ns, last_ns))

    def shares(self, within: range, first_ns: int, last_ns: int) -> list[Share]:
        """What each actor had of the lock by these of its holds, cut to a time."""
        found = []
        cut = dict.fromkeys((within.start, within.stop - 1), 0) if within else {}
        for number in cut:
            since, until = self.since_ns[number], self.until_ns[number]
            cut[number] = until - since - max(min(until, last_ns) - max(since, first_ns), 0)
        for actor, (numbers, held_ns) in self._of_actors.items():
            first, last = bisect_left(numbers, within.start), bisect_left(numbers, within.stop)
            if first < last:
                less = sum(cut[number] for number in cut if self.actor[number] == actor)
                held = held_ns[last] - held_ns[first] - less
                found.append(Share(actor, held, last - first, self.position[numbers[first]]))
        return found

    @cached_property
    def _of_actors(self) -> dict[int, tuple[array[int], array[int]]]:
        """Per actor the numbers of its holds, and how long all of them before each lasted: asked again and again for one lock."""
        found: dict[int, tuple[array[int], array[int]]] = {}
        for number, actor in enumerate(self.actor):
            if actor not in found:
                found[actor] = array("q"), array("q", [0])
            numbers, held_ns = found[actor]
            numbers.append(number)
            held_ns.append(held_ns[-1] + self.until_ns[number] - self.since_ns[number])
        return found
