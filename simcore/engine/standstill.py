"""Deadlock and stall: who waits for whom, and whether anybody can still end it.

A **deadlock** is a cycle through owned locks and joins, or an owner that has ended. Some cycles are final whatever all others do:

- through re-entrant locks and joins, for nobody but their owners and targets can end such a wait;
- through plain locks of two actors or more, each holding what the other wants, when no lock in it was ever released by somebody
  else than its owner: it is a mutex, not a signal. When a join is part of the cycle the lock must have shown that it is a mutex,
  by a `with` statement or by a release of its owner's before, for an actor may well hold a signal that it took itself and join
  its waiter.

All other cycles (a plain lock that waits for itself, or whose taker has ended) may still be ended by anybody who runs: they are
final only when nobody is left to do it. When everyone waits and no chain of either kind is there, the run is **stalled**.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.twins import Twins

LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.RLOCK, ObjectKind.PLOCK, ObjectKind.PRLOCK})
"""Objects that have an owner."""

_SHARED_LOCKS: Final = frozenset({ObjectKind.PLOCK, ObjectKind.PRLOCK})
_REENTRANT: Final = frozenset({ObjectKind.RLOCK, ObjectKind.PRLOCK})

_TURNING: Final = frozenset({Kind.ACQUIRE, Kind.RELEASE, Kind.UNDO, Kind.PUT, Kind.GET, Kind.END, Kind.EXIT})
"""Events that change who holds what."""


MESSAGES: Final = frozenset({Kind.SEND, Kind.RECV})


@dataclass(frozen=True, slots=True)
class Standstill:
    """What was found: the actors of a deadlock, each waiting for the `owners` of the same place; both empty for a stall."""

    chain: tuple[int, ...] = ()
    owners: tuple[int, ...] = ()


class History:
    """What the events fed so far say of locks and queues. Actors and objects are numbers of the caller's."""

    def __init__(self, hosts: Mapping[int, int] | None = None) -> None:
        self.twins = Twins(hosts)
        self.items: dict[int, int] = {}
        self.returned: set[int] = set()
        """Locks that an owner has given back."""
        self.users: dict[int, int] = {}
        """Who has last sent or received at each end of a pipe."""
        self.orphaned: set[int] = set()
        """Copies of locks that came into a forked child as taken by a thread that the child does not have."""

    def feed(self, actor: int, kind: int, object_id: int, object_kind: int, value: int, site: int) -> None:
        """Take one event, in the order of the run."""
        if kind in MESSAGES:
            self.users[object_id] = actor
        if kind not in _TURNING:
            return
        if kind == Kind.RELEASE:
            twin = self.twins.locks.get(object_id)
            if twin is not None and twin.owner == actor:
                self.returned.add(object_id)
        elif kind == Kind.PUT:
            self.items[object_id] = self.items.get(object_id, 0) + 1
            return
        elif kind == Kind.GET:
            if value >= 0:
                self.items[object_id] = self.items.get(object_id, 0) - 1
            return
        self.twins.feed(actor, kind, object_id, object_kind, value, site)

    def fork(self, forker: int, child: int, copies: Mapping[int, int]) -> None:
        """A process was forked: `copies` has the child's copy of each object that it uses.

        What the forking thread held the child's main thread holds; what another one held nobody holds who could give it back.
        """
        for original, copy in copies.items():
            twin = self.twins.locks.get(original)
            if twin is None or twin.owner < 0:
                continue
            owner = child if twin.owner == forker else twin.owner
            self.twins.locks[copy] = replace(twin, owner=owner, taken=list(twin.taken), released=list(twin.released))
            if owner != child:
                self.orphaned.add(copy)


@dataclass(frozen=True, slots=True)
class Scene:
    """A run at one moment, in one numbering of actors, objects and sites.

    `waits` has the actors that wait without a timeout, with kind and object; `thread_of` the actor behind a thread object;
    `alive` all that have begun or are about to and have not ended. `closed` says whether these are all there is: nothing from
    outside (a signal handler, a native thread) can wake them. `is_with` says whether a site is a `with` statement. `killed` are
    actors that may have been killed between taking or giving back a lock and recording it. `ends` has for each end of a pipe its
    other end and who made it.
    """

    waits: Mapping[int, tuple[int, int]]
    object_kinds: Mapping[int, int]
    thread_of: Mapping[int, int]
    alive: Collection[int]
    history: History
    closed: bool
    is_with: Callable[[int], bool]
    killed: Collection[int] = ()
    ends: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def can_go_on(self, actor: int) -> bool:
        """Whether a waiting actor has what it waits for already, and only has not run yet."""
        kind, object_id = self.waits[actor]
        if kind == Kind.ACQUIRE:
            twin = self.history.twins.locks.get(object_id)
            free = twin is None or twin.owner < 0
            return free and not (self.killed and self.object_kinds.get(object_id) in _SHARED_LOCKS)
        if kind == Kind.JOIN:
            target = self.thread_of.get(object_id)
            return target is None or target in self.history.twins.ended
        if kind == Kind.GET:
            return self.history.items.get(object_id, 0) > 0
        return False

    def owner_of(self, wait: tuple[int, int]) -> int:
        """The actor that alone is waited for, or -1."""
        kind, object_id = wait
        if kind == Kind.JOIN:
            return self.thread_of.get(object_id, -1)
        if kind in MESSAGES and object_id in self.ends:
            other, maker = self.ends[object_id]
            return self.history.users.get(other, maker)
        if kind == Kind.ACQUIRE and self.object_kinds.get(object_id) in LOCKS:
            twin = self.history.twins.locks.get(object_id)
            if (twin is None or twin.owner < 0) and self.killed and self.object_kinds.get(object_id) in _SHARED_LOCKS:
                return twin.owner_before if twin is not None and twin.owner_before in self.killed else min(self.killed)
            return twin.owner if twin is not None else -1
        return -1

    def is_final(self, waits: Collection[tuple[int, int]]) -> bool:
        """Whether the waits of a cycle never end, whatever all others do."""
        joins = any(kind == Kind.JOIN for kind, _ in waits)
        for kind, object_id in waits:
            if kind in MESSAGES:
                return False  # whoever has the other end may read or write there
            if kind == Kind.JOIN or self.object_kinds[object_id] in _REENTRANT:
                continue
            twin = self.history.twins.locks[object_id]
            is_mutex = object_id in self.history.returned or self.is_with(twin.taken[-1])
            if len(waits) == 1 or not twin.disciplined or (joins and not is_mutex):
                return False
        return True


def find(scene: Scene, *, is_over: bool = False) -> Standstill | None:
    """The deadlock or stall of this scene, or None while somebody can still run; `is_over` says that nobody can any more."""
    waits = {actor: wait for actor, wait in scene.waits.items() if not scene.can_go_on(actor)}
    nobody_left = is_over or (scene.closed and len(waits) == len(scene.alive))
    for start in sorted(waits):
        if (found := _chain(scene, waits, start, nobody_left=False)) is not None:
            return found
    if not nobody_left:
        return None
    for start in sorted(waits):
        if (found := _chain(scene, waits, start, nobody_left=True)) is not None:
            return found
    return Standstill() if waits else None


def followers(scene: Scene, found: Standstill) -> list[tuple[int, int]]:
    """The other actors that wait, directly or not, for one of a deadlock's: (actor, owner), nearest first."""
    stuck = set(found.chain)
    result: list[tuple[int, int]] = []
    while True:
        more = [
            (actor, owner)
            for actor, wait in sorted(scene.waits.items())
            if actor not in stuck
            and ((owner := scene.owner_of(wait)) in stuck or owner in found.owners)
            and not scene.can_go_on(actor)
        ]
        if not more:
            return result
        result += more
        stuck.update(actor for actor, _ in more)


def _chain(scene: Scene, waits: Mapping[int, tuple[int, int]], start: int, *, nobody_left: bool) -> Standstill | None:
    """The deadlock that one reaches from this actor by asking each for the owner of what it waits for."""
    chain: list[int] = []
    owners: list[int] = []
    actor = start
    while actor not in chain:
        wait = waits.get(actor)
        owner = scene.owner_of(wait) if wait is not None else -1
        if wait is None or owner < 0:
            return None
        chain.append(actor)
        owners.append(owner)
        if wait[1] in scene.history.orphaned:
            return Standstill((actor,), (owner,))
        if owner in scene.history.twins.ended:
            final = scene.object_kinds.get(wait[1]) in _REENTRANT
            return Standstill((actor,), (owner,)) if final or nobody_left else None
        actor = owner
    first = chain.index(actor)
    final = scene.is_final([waits[member] for member in chain[first:]])
    return Standstill(tuple(chain[first:]), tuple(owners[first:])) if final or nobody_left else None
