"""Which component of the vector clocks is whose: threads that are known to have ended hand theirs on.

A thread that somebody starts after having joined another one comes behind all that the other did, so both can count on in one
component, as one actor would. A program that starts thousands of threads, a few at a time, needs a few components.
"""

from __future__ import annotations

from typing import Final

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.twins import hosts_of
from simcore.trace.words import runner_actors

FEW: Final = 64
"""Of no more actors each has a component of its own."""


def hosts(trace: Trace) -> list[int]:
    """Per actor itself; for a signal handler the actor that it runs on, for it is part of what that one does."""
    found = hosts_of((index, info.name) for index, info in enumerate(trace.actors))
    return [found.get(actor, actor) for actor in range(len(trace.actors))]


def slots(trace: Trace, host_of: list[int]) -> list[int]:
    """Per actor its component, numbered from 0."""
    if len(trace.actors) <= FEW:
        return host_of
    runners = runner_actors(trace)
    slot = list(range(len(trace.actors)))
    free: dict[int, list[int]] = {}
    """Per actor the components of those that it has joined, and nobody else took over."""
    given: set[int] = set()
    c = trace.columns
    start, join = int(Kind.START), int(Kind.JOIN)
    for who, kind, thing, value in zip(c.actor, c.kind, c.object, c.value, strict=True):
        if kind == start:
            mine = free.get(host_of[who])
            if mine and 0 <= value < len(slot) and trace.objects[thing].kind is ObjectKind.THREAD:
                slot[value] = mine.pop()
        elif kind == join and value > 0 and trace.objects[thing].kind is ObjectKind.THREAD:
            target = runners.get(thing, -1)
            if target >= 0 and target not in given:
                given.add(target)
                free.setdefault(host_of[who], []).append(slot[target])
    numbers: dict[int, int] = {}
    return [numbers.setdefault(slot[host], len(numbers)) for host in host_of]
