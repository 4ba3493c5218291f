"""Deadlock and stall: who waits for whom, and whether anybody can still end it.

A **deadlock** is a cycle through owned locks and joins, or an owner that has ended. With re-entrant locks, joins, and locks that only
their owners ever released, a cycle of two or more is final whatever the others do. A plain lock that waits for itself, or whose
taker has ended, may still be released by anybody: that is final only when nobody is left to do it. When everyone waits and no such
chain is there, the run is **stalled**.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.twins import Twins


@dataclass(frozen=True, slots=True)
class Standstill:
    """What was found: the actors of a deadlock in the order of its chain (empty for a stall), each waiting for the next."""

    chain: tuple[int, ...]
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A run at one moment, in one numbering of actors and objects.

    `waits` has the actors that wait without a timeout, with kind and object; `thread_of` the actor behind a thread object;
    `everyone` says whether these and the actors that have ended are all there is, and nothing from outside can wake them.
    """

    waits: Mapping[int, tuple[int, int]]
    object_kinds: Mapping[int, int]
    thread_of: Mapping[int, int]
    twins: Twins
    alive: frozenset[int]
    everyone: bool
    items: Mapping[int, int]


def can_go_on(scene: Scene, actor: int) -> bool:
    """Whether a waiting actor has what it waits for already, and only has not run yet."""
    kind, object_id = scene.waits[actor]
    if kind == Kind.ACQUIRE:
        twin = scene.twins.locks.get(object_id)
        return twin is None or twin.owner < 0
    if kind == Kind.JOIN:
        target = scene.thread_of.get(object_id)
        return target is None or target in scene.twins.ended
    if kind == Kind.GET:
        return scene.items.get(object_id, 0) > 0
    return False


def find(scene: Scene) -> Standstill | None:
    """The deadlock or stall of this scene, or None while somebody can still run."""
    waits = {actor: wait for actor, wait in scene.waits.items() if not can_go_on(scene, actor)}
    nobody_left = scene.everyone and len(waits) == len(scene.alive)
    for start in sorted(waits):
        chain: list[int] = []
        owners: list[int] = []
        firm = True
        actor = start
        while True:
            if actor in chain:
                first = chain.index(actor)
                cycle = chain[first:]
                if len(cycle) == 1 and scene.object_kinds.get(waits[actor][1]) != ObjectKind.RLOCK:
                    firm = False
                if firm or nobody_left:
                    return Standstill(tuple(cycle), tuple(owners[first:]))
                break
            wait = waits.get(actor)
            if wait is None:
                if actor not in scene.twins.ended or not chain:
                    break
                last = waits[chain[-1]]
                if scene.object_kinds.get(last[1]) == ObjectKind.RLOCK or nobody_left:
                    return Standstill((chain[-1],), (actor,))
                break
            kind, object_id = wait
            if kind == Kind.JOIN:
                owner = scene.thread_of.get(object_id, -1)
            elif kind == Kind.ACQUIRE and scene.object_kinds.get(object_id) in (ObjectKind.LOCK, ObjectKind.RLOCK):
                twin = scene.twins.locks[object_id]
                owner = twin.owner
                firm = firm and (twin.disciplined or scene.object_kinds[object_id] == ObjectKind.RLOCK)
            else:
                break
            if owner < 0:
                break
            chain.append(actor)
            owners.append(owner)
            actor = owner
    return Standstill((), ()) if nobody_left and waits else None
