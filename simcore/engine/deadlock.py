"""Fills in who waited for whom in a trace that ended in a deadlock, from its events and what never completed."""

from pathlib import Path

from simcore.engine.standstill import History, Scene, find, followers
from simcore.engine.withs import WithLines, read_source
from simcore.trace.events import RUNNING, Kind, ObjectKind, Outcome
from simcore.trace.forks import Forks
from simcore.trace.model import DeadlockLink, Trace
from simcore.trace.pipes import pipes_of
from simcore.trace.twins import hosts_of


def explain(trace: Trace, *, like: Trace | None = None) -> None:
    """Fill in `ending.deadlock` of a trace: first the actors of the cycle, then those that wait for them.

    Does nothing unless the outcome is a deadlock. In the trace of a replay a wait with a timeout looks like one without, so there
    `like` is the trace that was replayed: the same events and the same waits then give the same links.
    """
    if trace.outcome is not Outcome.DEADLOCK:
        return
    scene = _scene(trace, _timed(like) if like is not None else frozenset())
    found = find(scene, is_over=True)
    if found is None:
        return
    links = [*zip(found.chain, found.owners, strict=True), *followers(scene, found)]
    trace.ending.deadlock = [_link(trace, scene.history, actor, owner) for actor, owner in links]


def _timed(trace: Trace) -> frozenset[str]:
    """The actors that waited with a timeout."""
    return frozenset(trace.actors[pending.actor].name for pending in trace.ending.pending if pending.timed)


def _scene(trace: Trace, timed: frozenset[str]) -> Scene:
    """The last moment of a trace. That nobody could end the waits any more was seen when the run was ended."""
    c = trace.columns
    history = History(hosts_of((index, info.name) for index, info in enumerate(trace.actors)))
    kinds = [int(info.kind) for info in trace.objects]
    thread_of = {}
    seen_dead = set()
    forks = Forks(trace)
    for actor, kind, obj, value, site in zip(c.actor, c.kind, c.object, c.value, c.site, strict=True):
        if kind == Kind.START:
            thread_of[obj] = value
            if forks.is_fork(kind, obj, value):
                history.fork(actor, value, forks.copies(actor, value))
        if kind in (Kind.JOIN, Kind.STATUS) and kinds[obj] == ObjectKind.CHILD and value != RUNNING and obj in thread_of:
            seen_dead.add(trace.processes[thread_of[obj]])  # if it was killed, it recorded no end
        history.feed(actor, kind, obj, kinds[obj], value, site)
    dead = {actor for actor, process in enumerate(trace.processes) if process in seen_dead}
    killed = dead - history.twins.ended
    history.twins.ended |= dead
    waits = {
        pending.actor: (int(pending.kind), pending.object)
        for pending in trace.ending.pending
        if not pending.timed and trace.actors[pending.actor].name not in timed
    }
    ends = pipes_of(trace)
    return Scene(
        waits, dict(enumerate(kinds)), thread_of, waits.keys(), history, True, _with_sites(trace).__contains__, killed, ends
    )


def _with_sites(trace: Trace) -> frozenset[int]:
    """The sites that are `with` statements."""
    root = Path(trace.header.root)
    lines = WithLines(lambda name: trace.sources.get(name) or read_source(str(root / name)))
    waited = {
        pending.object
        for pending in trace.ending.pending
        if trace.objects[pending.object].kind in (ObjectKind.LOCK, ObjectKind.PLOCK)
    }
    c = trace.columns
    taken = {site for obj, site in zip(c.object, c.site, strict=True) if obj in waited}
    return frozenset(site for site in taken if lines.has(trace.sites[site].file, trace.sites[site].line))


def _link(trace: Trace, history: History, actor: int, owner: int) -> DeadlockLink:
    pending = next(pending for pending in trace.ending.pending if pending.actor == actor)
    twin = history.twins.locks.get(pending.object) if pending.kind is Kind.ACQUIRE else None
    return DeadlockLink(
        actor,
        pending.object,
        pending.kind,
        pending.site,
        pending.since_ns,
        owner,
        owner in history.twins.ended,
        tuple(twin.taken) if twin is not None else (),
        tuple(twin.released) if twin is not None else (),
    )
