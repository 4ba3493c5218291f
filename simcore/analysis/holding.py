"""Who asked for which lock while holding which: one pass over the events of a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from simcore.analysis.ordering import Segments
from simcore.analysis.requests import Asks, Lines
from simcore.trace.events import RUNNING, SHARED_KINDS, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.twins import hosts_of
from simcore.trace.words import runner_actors

LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.RLOCK, ObjectKind.PLOCK, ObjectKind.PRLOCK})
"""What has an owner. A semaphore has none, and the lock of one `Condition.wait` is given back by whoever notifies."""

_REENTRANT: Final = frozenset({ObjectKind.RLOCK, ObjectKind.PRLOCK})

_NOBODY: Final = -1

MOST_PAIRS: Final = 1_000_000
"""So many pairs of a held and an asked lock, at different places, are kept; they take some 300 MB."""

NEVER: Final = -1
"""The position of a request that was still waiting when the trace ended."""


class Edge(NamedTuple):
    """Somebody who held the lock `held`, taken at the site `taken`, asked for the lock `asked` at the site `at`.

    `all_held` are all locks that were held then, `held` among them.
    """

    held: int
    taken: int
    asked: int
    at: int
    all_held: frozenset[int]


@dataclass(slots=True)
class Holding:
    """What the pass found.

    `edges` has for each edge the segments in which it was seen, each with the position of the event that got the lock, or NEVER;
    `times` counts per pair (held, asked) its requests, tries too; `segments` orders them. `requests` counts those that were made
    while another lock was held, `locks` all locks that were used; `complete` says that no edge was left out.
    """

    edges: dict[Edge, dict[int, int]]
    times: Counter[tuple[int, int]]
    segments: Segments
    requests: int
    locks: int
    complete: bool


class _Request(NamedTuple):
    segment: int
    asked: int
    site: int
    held: tuple[tuple[int, int], ...]


class _Pass:
    """The state of all locks after the events so far."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        hosts = hosts_of((index, info.name) for index, info in enumerate(trace.actors))
        # What a signal handler takes, the thread holds that it runs on.
        self.actor_of = [hosts.get(actor, actor) for actor in range(len(trace.actors))]
        self.segments = Segments(len(trace.actors))
        self.held: list[dict[int, int]] = [{} for _ in trace.actors]
        """Per actor the locks that it holds, in the order in which it took them, each with the site where."""
        self.owner = [_NOBODY] * len(trace.objects)
        self.depth = [0] * len(trace.objects)
        self.given: dict[int, tuple[int, int, int]] = {}
        """Per lock its owner, depth and site before it was given back."""
        self.signals: set[int] = set()
        """Plain locks that somebody else than their owner gave back: they are no mutexes, but say that something is done."""
        self.requests: dict[_Request, list[int]] = {}
        """How often each request came, and the first event that it led to, or NEVER once it led to none."""
        self.room = MOST_PAIRS
        self.complete = True
        self.without: set[tuple[int, int]] = set()
        """(lock, site) where a try failed or a wait timed out."""
        self.runners = runner_actors(trace)
        self.members: dict[str, list[int]] = {}
        for actor, process in enumerate(trace.processes):
            self.members.setdefault(process, []).append(actor)
        self.copies: dict[tuple[str, int, ObjectKind, int], int] = {
            (info.process, *info[:3]): index for index, info in enumerate(trace.objects) if info.process and info.kind in LOCKS
        }

    def run(self) -> None:
        """Take all events, then what never completed."""
        self.take(0, len(self.trace))
        for pending in self.trace.ending.pending:
            thing = pending.object
            if pending.kind is Kind.ACQUIRE and not pending.timed and self.trace.objects[thing].kind in LOCKS:
                actor = self.actor_of[pending.actor]
                held = self.held[actor]
                if held and self.owner[thing] != actor:
                    request = _Request(self.segments.current[actor], thing, pending.site, tuple(held.items()))
                    self.requests[request] = [self.requests.get(request, [0])[0] + 1, NEVER]

    def take(self, first: int, behind: int) -> None:
        """Take the events from `first` on that come before `behind`."""
        trace, c = self.trace, self.trace.columns
        is_lock = [info.kind in LOCKS for info in trace.objects]
        reentrant = [info.kind in _REENTRANT for info in trace.objects]
        actor_of, owner, depth, held, requests, current = (
            self.actor_of,
            self.owner,
            self.depth,
            self.held,
            self.requests,
            self.segments.current,
        )
        acquire, release = int(Kind.ACQUIRE), int(Kind.RELEASE)
        rare = frozenset({int(Kind.UNDO), int(Kind.START), int(Kind.JOIN), int(Kind.WAIT)})
        part = slice(first, behind)
        columns = zip(c.actor[part], c.kind[part], c.object[part], c.site[part], c.value[part], strict=True)
        for position, (who, kind, thing, site, value) in enumerate(columns, first):
            if kind == acquire:
                if not is_lock[thing]:
                    continue
                if value <= 0:
                    self.without.add((thing, site))
                    continue
                actor = actor_of[who]
                mine = held[actor]
                before = owner[thing]
                if before == actor and reentrant[thing]:
                    depth[thing] += value
                    continue
                if before >= 0:
                    # It was given back where nobody saw it, or an ended thread's ident was given to this one.
                    held[before].pop(thing, None)
                if mine:
                    request = _Request(current[actor], thing, site, tuple(mine.items()))
                    known = requests.get(request)
                    if known is not None:
                        known[0] += 1
                    elif self.room >= len(mine):
                        self.room -= len(mine)
                        requests[request] = [1, position]
                    else:
                        self.complete = False
                mine[thing] = site
                owner[thing] = actor
                depth[thing] = value
            elif kind == release:
                if is_lock[thing]:
                    self._release(actor_of[who], thing, value, reentrant[thing])
            elif kind in rare:
                self._rare(actor_of[who], kind, thing, value)

    def _release(self, actor: int, thing: int, value: int, reentrant: bool) -> None:
        owner = self.owner[thing]
        if owner < 0:
            return
        self.given[thing] = (owner, self.depth[thing], self.held[owner].get(thing, 0))
        if owner != actor:
            if reentrant:
                return  # it raises
            self.signals.add(thing)
        elif reentrant and self.depth[thing] > value:
            self.depth[thing] -= value
            return
        self.held[owner].pop(thing, None)
        self.owner[thing] = _NOBODY

    def _rare(self, actor: int, kind: int, thing: int, value: int) -> None:
        trace = self.trace
        if kind == Kind.UNDO:
            if thing in self.given:
                self.owner[thing], self.depth[thing], site = self.given.pop(thing)
                self.held[self.owner[thing]].setdefault(thing, site)
        elif kind == Kind.START:
            if 0 <= value < len(trace.actors):
                self.segments.start(actor, value)
                self._fork(actor, value)
        elif kind == Kind.WAIT:
            if value >= 0 and value >> 32 < len(trace.actors):
                self.segments.join(actor, self.members[trace.processes[value >> 32]])
        elif kind == Kind.JOIN:
            target = self.runners.get(thing, _NOBODY)
            if target < 0:
                return
            if trace.objects[thing].kind is ObjectKind.CHILD:
                if value != RUNNING:
                    self.segments.join(actor, self.members[trace.processes[target]])
            elif value > 0:
                self.segments.join(actor, [self.actor_of[target]])

    def _fork(self, actor: int, child: int) -> None:
        """What the forking thread holds, the child's main thread holds in copies of its own."""
        process = self.trace.processes[child]
        for thing, site in self.held[actor].items():
            copy = self.copies.get((process, *self.trace.objects[thing][:3]))
            if copy is not None:
                self.held[child][copy] = site
                self.owner[copy], self.depth[copy] = child, self.depth[thing]


def held_at(trace: Trace, positions: Iterable[int]) -> dict[int, dict[int, int]]:
    """Per position the locks that its actor held just before it, in the order in which it took them, each with the site."""
    state = _Pass(trace)
    found: dict[int, dict[int, int]] = {}
    at = 0
    for position in sorted(set(positions)):
        state.take(at, position)
        at = position
        found[position] = dict(state.held[state.actor_of[trace.columns.actor[position]]])
    return {at: {lock: site for lock, site in held.items() if lock not in state.signals} for at, held in found.items()}


def holding(trace: Trace) -> Holding:
    """All requests of a trace that were made while another lock was held."""
    found = _Pass(trace)
    found.run()
    lines = Lines(trace.sources)
    edges: dict[Edge, dict[int, int]] = {}
    times: Counter[tuple[int, int]] = Counter()
    total = 0
    for request, (number, position) in found.requests.items():
        held = [(lock, site) for lock, site in request.held if lock not in found.signals]
        if not held or request.asked in found.signals:
            continue
        total += number
        waits = position == NEVER or _waits(trace, lines, request, found.without)
        all_held = frozenset(lock for lock, _ in held)
        for lock, site in held:
            times[lock, request.asked] += number
            if waits:
                seen = edges.setdefault(Edge(lock, site, request.asked, request.site, all_held), {})
                seen[request.segment] = min(position, seen.get(request.segment, position))
    used = sum(trace.objects[thing].kind in LOCKS for thing in set(trace.columns.object))
    return Holding(edges, times, found.segments, total, used, found.complete)


def _waits(trace: Trace, lines: Lines, request: _Request, without: set[tuple[int, int]]) -> bool:
    """Whether a request that got its lock would have waited for it for ever."""
    how = lines.asks(trace.sites[request.site], shared=trace.objects[request.asked].kind in SHARED_KINDS)
    return how is Asks.WAITS or (how is Asks.UNKNOWN and (request.asked, request.site) not in without)
