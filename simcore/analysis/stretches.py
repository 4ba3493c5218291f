"""What every actor did from when to when, who held which lock meanwhile, and who waited for what: figures, nothing is drawn here.

A stretch is a time in which the state of an actor does not change. It is known from its events alone: between two of them an
actor runs, but for the time that the second one says it waited. Whether it had a processor (or the GIL) is not in a trace.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from simcore.analysis.states import END_OF_RUN, Holds, Mode, Share, State, Wait
from simcore.trace.events import RUNNING, Kind, ObjectKind
from simcore.trace.forks import Forks
from simcore.trace.model import Span, Trace
from simcore.trace.spans import outermost
from simcore.trace.twins import hosts_of
from simcore.trace.words import runner_actors

LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.RLOCK, ObjectKind.PLOCK, ObjectKind.PRLOCK})
"""Objects that one actor holds at a time."""

_REENTRANT: Final = frozenset({ObjectKind.RLOCK, ObjectKind.PRLOCK})
_INNER: Final = frozenset(
    {
        *(ObjectKind.WAITER, ObjectKind.CONNECTION, ObjectKind.PSEMAPHORE, ObjectKind.SIMPLEQUEUE),
        *(ObjectKind.PROCESS, ObjectKind.NONE),
    }
)
"""Objects that nobody waits for on their own account where the programmer's operation names another one."""

_KINDS: Final = {int(kind): kind for kind in Kind}
_TURNING: Final = frozenset({int(Kind.ACQUIRE), int(Kind.RELEASE), int(Kind.UNDO)})
_TAKING: Final = frozenset({Kind.ACQUIRE, Kind.POLL, Kind.ACCEPT, Kind.CONNECT})
_ENDING: Final = frozenset(map(int, (Kind.END, Kind.EXIT, Kind.JOIN, Kind.STATUS, Kind.WAIT)))


class Stretches:
    """All stretches, holds and waits of a trace, found in one pass. Times are ns since the start of the run.

    `starts` has per actor when its stretches begin, `codes` which of `states` they are in, `ends` when it ended.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        size = len(trace.actors)
        self.states: list[State] = []
        self.starts = [array("q") for _ in range(size)]
        self.codes = [array("l") for _ in range(size)]
        self.ends = [0] * size
        self.holds: dict[int, Holds] = {}
        self.waits: list[Wait] = []
        last = trace.columns.at_ns[-1] if len(trace) else 0
        self.end_ns = max(trace.ending.duration_ns, last)
        _Pass(self).run()

    def of_actor(self, actor: int, first_ns: int = 0, last_ns: int = END_OF_RUN) -> Iterator[tuple[int, int, State]]:
        """Beginning, end and state of its stretches in this time, cut to it; none of no length."""
        starts, codes, states, end = self.starts[actor], self.codes[actor], self.states, min(self.ends[actor], last_ns)
        size = len(starts)
        for number in range(max(bisect_right(starts, first_ns) - 1, 0), size):
            since = starts[number]
            if since >= end:
                return
            until = min(starts[number + 1], end) if number + 1 < size else end
            if until > max(since, first_ns):
                yield max(since, first_ns), until, states[codes[number]]

    def holders(self, wait: Wait) -> list[Share]:
        """Who had the lock while this wait lasted, the one that had it longest first; empty for what is no lock."""
        holds = self.holds.get(wait.object)
        if holds is None:
            return []
        within = holds.within(wait.since_ns, wait.until_ns)
        if within and holds.position[within.stop - 1] == wait.position:
            within = within[:-1]
        found = [share for share in holds.shares(within, wait.since_ns, wait.until_ns) if share.actor != wait.actor]
        return sorted(found, key=lambda share: (-share.held_ns, share.actor))

    def waited_for(self, actor: int, position: int, thing: int) -> int:
        """What the programmer's operation around this event waits for, or the object itself."""
        objects = self.trace.objects
        if objects[thing].kind not in _INNER or actor not in self._spans:
            return thing
        firsts, spans = self._spans[actor]
        number = bisect_right(firsts, position) - 1
        if number < 0 or spans[number].last < position or objects[spans[number].object].kind is ObjectKind.NONE:
            return thing
        return spans[number].object

    def last_span_at(self, actor: int, site: int) -> int:
        """A position in the actor's last operation if that was called here, else -1."""
        spans = self._spans[actor][1] if actor in self._spans else []
        return spans[-1].last if spans and spans[-1].site == site else -1

    @cached_property
    def runners(self) -> dict[int, int]:
        """Per object that stands for a thread or process the actor that it was started as."""
        return runner_actors(self.trace)

    @cached_property
    def _spans(self) -> dict[int, tuple[list[int], list[Span]]]:
        return {actor: ([span.first for span in spans], spans) for actor, spans in outermost(self.trace).items()}


class _Pass:
    """Feeds the events of a trace one by one and writes down what they tell."""

    def __init__(self, to: Stretches) -> None:
        self.to, self.trace = to, to.trace
        objects = self.trace.objects
        self.numbers: dict[tuple[int, ...], int] = {}
        self.is_lock = [info.kind in LOCKS for info in objects]
        self.reentrant = [info.kind in _REENTRANT for info in objects]
        # What a signal handler takes, the thread holds on which it runs.
        self.hosts = hosts_of((index, info.name) for index, info in enumerate(self.trace.actors))
        self.owners = [-1] * len(objects)
        self.depths = [0] * len(objects)
        self.given_by = [-1] * len(objects)
        self.forks = Forks(self.trace)
        self.copied: dict[int, list[tuple[int, int]]] = {}
        """Of what an actor holds the copies that it holds only because a process was forked: since when, which."""
        self.held: list[list[int]] = [[] for _ in self.trace.actors]
        self.last = [0] * len(self.trace.actors)
        self.ended: dict[int, int] = {}
        self.gone: dict[str, int] = {}
        """When a process was over, as it said itself or somebody saw."""

    def run(self) -> None:
        """Feed all events, then what was never finished."""
        columns, starts, last = self.trace.columns, self.to.starts, self.last
        rows = zip(columns.actor, columns.kind, columns.object, columns.value, columns.waited_us, columns.at_ns, strict=True)
        for position, (actor, kind, thing, value, waited_us, at_ns) in enumerate(rows):
            before = last[actor]
            if at_ns < before:
                at_ns = before  # the order of two events may be known better than their times
            last[actor] = at_ns
            if not starts[actor]:
                before = max(at_ns - waited_us * 1000, 0)
                self._turn(actor, before, Mode.RUNS)
            if waited_us:
                self._wait(position, actor, kind, thing, value, max(at_ns - waited_us * 1000, before), at_ns)
            if kind in _TURNING:
                if self.is_lock[thing]:
                    self._lock(position, self.hosts.get(actor, actor), kind, thing, value, at_ns)
                if kind == Kind.RELEASE:
                    self.given_by[thing] = actor
            elif kind in _ENDING:
                self._end(actor, kind, thing, value, at_ns)
            elif kind == Kind.START and self.forks.is_fork(kind, thing, value):
                self._fork(actor, value, at_ns)
        self._finish()

    def _turn(self, actor: int, at_ns: int, mode: Mode, thing: int = -1) -> None:
        """From now on the actor is in this state."""
        to, held = self.to, self.held[actor]
        if actor in self.copied:
            later = [copy for since_ns, copy in self.copied[actor] if since_ns > at_ns]
            held = [one for one in held if one not in later]
        key = (mode, thing, *held)
        code = self.numbers.get(key, -1)
        if code < 0:
            code = self.numbers[key] = len(to.states)
            to.states.append(State(mode, thing, key[2:]))
        starts, codes = to.starts[actor], to.codes[actor]
        while len(starts) > 1 and starts[-1] > at_ns:
            # Somebody took from it what it held while it waited: that it waited is known only now.
            starts.pop()
            codes.pop()
        if starts and starts[-1] >= at_ns:
            codes[-1] = code
        elif not starts or codes[-1] != code:
            starts.append(at_ns)
            codes.append(code)

    def _wait(self, position: int, actor: int, kind: int, thing: int, value: int, since_ns: int, at_ns: int) -> None:
        if since_ns >= at_ns:
            return
        if kind == Kind.SLEEP:
            self._turn(actor, since_ns, Mode.SLEEPS)
            self._copied_since(actor, since_ns, Mode.SLEEPS)
        else:
            meant = self.to.waited_for(actor, position, thing)
            by = self._ender(kind, thing, value)
            got = self._got(kind, thing, value)
            site = self.trace.columns.site[position]
            self._turn(actor, since_ns, Mode.WAITS, meant)
            self._copied_since(actor, since_ns, Mode.WAITS, meant)
            self.to.waits.append(Wait(actor, _KINDS[kind], meant, site, since_ns, at_ns, position, by, got))
        self._turn(actor, at_ns, Mode.RUNS)

    def _ender(self, kind: int, thing: int, value: int) -> int:
        """The actor that ended a wait as far as the trace tells, -1 where it does not."""
        if kind == Kind.ACQUIRE and not self.is_lock[thing]:
            return self.given_by[thing] if value > 0 else -1
        if kind == Kind.GET and 0 <= value >> 32 < len(self.trace.actors):
            return value >> 32
        if kind == Kind.JOIN:
            return self.to.runners.get(thing, -1)
        return -1

    def _got(self, kind: int, thing: int, value: int) -> bool:
        """Whether a wait ended with what it was for."""
        if kind == Kind.JOIN:
            return value != (RUNNING if self.trace.objects[thing].kind is ObjectKind.CHILD else 0)
        # The end of a file is an answer, too.
        return value > 0 if kind in _TAKING else value >= (-1 if kind == Kind.RECV else 0)

    def _lock(self, position: int, actor: int, kind: int, thing: int, value: int, at_ns: int) -> None:
        owner = self.owners[thing]
        if kind == Kind.ACQUIRE:
            if value <= 0:
                self.to.holds.setdefault(thing, Holds()).tries += 1
            elif owner == actor and self.reentrant[thing]:
                self.depths[thing] += value
            else:
                if owner >= 0:
                    self._leave(thing, owner, at_ns)
                self._take(thing, actor, value, at_ns, position)
        elif kind == Kind.RELEASE:
            if owner >= 0:
                self.depths[thing] -= value if self.reentrant[thing] else self.depths[thing]
                if self.depths[thing] <= 0:
                    self._leave(thing, owner, at_ns)
        elif owner < 0 and len(self.to.holds.get(thing, ())):
            # The release just before raised: whoever had the lock has it still.
            holds = self.to.holds[thing]
            holds.until_ns[-1] = END_OF_RUN
            self.owners[thing], self.depths[thing] = holds.actor[-1], 1
            self.held[holds.actor[-1]].append(thing)
            self._turn(holds.actor[-1], max(at_ns, self.last[holds.actor[-1]]), Mode.RUNS)

    def _take(self, thing: int, actor: int, depth: int, at_ns: int, position: int, *, begun: bool = True) -> None:
        holds = self.to.holds.get(thing)
        if holds is None:
            holds = self.to.holds[thing] = Holds()
        holds.actor.append(actor)
        holds.since_ns.append(max(at_ns, holds.until_ns[-1]) if holds.until_ns else at_ns)
        holds.until_ns.append(END_OF_RUN)
        holds.position.append(position)
        self.owners[thing], self.depths[thing] = actor, depth
        self.held[actor].append(thing)
        if begun:
            self._turn(actor, at_ns, Mode.RUNS)

    def _leave(self, thing: int, owner: int, at_ns: int) -> None:
        holds = self.to.holds[thing]
        holds.until_ns[-1] = max(at_ns, holds.since_ns[-1])
        self.owners[thing], self.depths[thing] = -1, 0
        self.held[owner].remove(thing)
        self._turn(owner, max(at_ns, self.last[owner]), Mode.RUNS)

    def _fork(self, forker: int, child: int, at_ns: int) -> None:
        """A process was forked: what the forking thread held the child holds; what another held nobody gives back there.

        That a lock was made anew in the child is in no event: there somebody takes it who could not.
        """
        for original, copy in self.forks.copies(forker, child).items():
            owner = self.owners[original]
            if owner < 0 or not self.is_lock[copy] or self.owners[copy] >= 0:
                continue
            heir = child if owner == self.hosts.get(forker, forker) else owner
            if self.free_at_first.get(copy) and not (heir == child and self.reentrant[copy]):
                continue
            if heir != child:
                self.copied.setdefault(heir, []).append((at_ns, copy))
            position = self.to.holds[original].position[-1]
            self._take(copy, heir, self.depths[original], at_ns, position, begun=heir != child)

    @cached_property
    def free_at_first(self) -> dict[int, bool]:
        """Per lock whether the first event on it took it; one that could not shows that it was held."""
        columns, found = self.trace.columns, dict[int, bool]()
        for kind, thing, value in zip(columns.kind, columns.object, columns.value, strict=True):
            if kind in _TURNING:
                found.setdefault(thing, kind == Kind.ACQUIRE and value > 0)
        return found

    def _copied_since(self, actor: int, since_ns: int, mode: Mode, thing: int = -1) -> None:
        """The actor is in this state since then: what it held in between by a fork it held from there on only."""
        for at_ns, _ in self.copied.get(actor, ()):
            if at_ns > since_ns:
                self._turn(actor, at_ns, mode, thing)

    def _end(self, actor: int, kind: int, thing: int, value: int, at_ns: int) -> None:
        processes = self.trace.processes
        if kind in (Kind.END, Kind.EXIT):
            self.ended[actor] = at_ns
            if kind == Kind.EXIT:
                self.gone.setdefault(processes[actor], at_ns)
        elif kind == Kind.WAIT:
            if 0 <= value >> 32 < len(processes):
                self.gone.setdefault(processes[value >> 32], at_ns)
        elif self.trace.objects[thing].kind is ObjectKind.CHILD and value != RUNNING and thing in self.to.runners:
            self.gone.setdefault(processes[self.to.runners[thing]], at_ns)

    def _finish(self) -> None:
        to, ending = self.to, self.trace.ending
        for actor in range(len(to.ends)):
            over = self.gone.get(self.trace.processes[actor], to.end_ns)
            to.ends[actor] = self.ended.get(actor, max(over, self.last[actor])) if to.starts[actor] else 0
        for actor, kind, thing, site, since_ns, _ in ending.pending:
            since = max(since_ns, self.last[actor])
            if actor in self.ended or not to.starts[actor] or since >= to.ends[actor]:
                continue
            if kind is Kind.SLEEP:
                self._turn(actor, since, Mode.SLEEPS)
                self._copied_since(actor, since, Mode.SLEEPS)
                continue
            meant = to.waited_for(actor, to.last_span_at(actor, site), thing)
            self._turn(actor, since, Mode.WAITS, meant)
            self._copied_since(actor, since, Mode.WAITS, meant)
            to.waits.append(Wait(actor, kind, meant, site, since, to.ends[actor], -1, -1, False))
        for holds in to.holds.values():
            if holds.until_ns and holds.until_ns[-1] == END_OF_RUN:
                holds.until_ns[-1] = max(to.end_ns, holds.since_ns[-1])
