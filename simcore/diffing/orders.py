"""Who did what to each object in which order, in one run: written down in names, so that many runs can be set side by side.

Of an operation that the programmer wrote (`Event.set`) only the whole counts, not the steps of the library inside of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from simcore.diffing.meaning import carries_order
from simcore.diffing.spans import SpanIndex
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Site, Span, Trace
from simcore.trace.phrases import LOOKS, Tense, conjugated
from simcore.trace.words import Words

MOST_OPERATIONS: Final = 2000
"""So many operations on each object are looked at; where two kinds of runs part they part early, or again and again."""

PROGRAM: Final = "begins and ends"
"""The name of what is no object: the begins and ends of all actors."""

_LOOKS: Final = frozenset(int(kind) for kind in LOOKS)
_TAKES: Final = frozenset(
    {
        *(Kind.ACQUIRE, Kind.PUT, Kind.GET, Kind.SEND, Kind.RECV, Kind.STORE, Kind.START, Kind.KILL, Kind.ACCEPT, Kind.JOIN),
    }
)
_LEFT_OUT: Final = frozenset({ObjectKind.WAITER, ObjectKind.STREAM, ObjectKind.CLOCK, ObjectKind.NONE, ObjectKind.IMPORTS})
_AT_ITS_START: Final = frozenset({"Condition.wait", "Condition.wait_for", "Barrier.wait"})
_FAILED: Final = 256


class Doer(NamedTuple):
    """What operations on one object are counted by: who does them, and what is done, in words."""

    actor: str
    phrase: str
    looks: bool


@dataclass(slots=True)
class Sequence:
    """The operations on one object in their order: doers and places by number, positions in the recorded trace.

    `cut` says that there were more than are kept.
    """

    doers: array[int] = field(default_factory=lambda: array("I"))
    sites: array[int] = field(default_factory=lambda: array("I"))
    positions: array[int] = field(default_factory=lambda: array("I"))
    cut: bool = False


class Names:
    """The numbers that all runs share: of doers, of places in the source and of objects."""

    def __init__(self) -> None:
        self._doers: dict[Doer, int] = {}
        self._sites: dict[Site, int] = {}
        self.doers: list[Doer] = []
        self.sites: list[Site] = []
        self.labels: dict[str, tuple[str, ObjectKind]] = {}
        self.threads: dict[str, str] = {}

    def doer(self, doer: Doer) -> int:
        """The number of a doer; a new one gets the next."""
        number = self._doers.setdefault(doer, len(self.doers))
        if number == len(self.doers):
            self.doers.append(doer)
        return number

    def site(self, site: Site) -> int:
        """The number of a place in the source."""
        number = self._sites.setdefault(site, len(self.sites))
        if number == len(self.sites):
            self.sites.append(site)
        return number


class _Step(NamedTuple):
    """An operation as it comes: on an object or PROGRAM, `what` a kind, _FAILED + kind, or the name of a span."""

    thing: int
    actor: int
    what: int | str
    site: int
    position: int


def orders_of(trace: Trace, names: Names) -> dict[str, Sequence]:
    """Per object, by name, the operations on it. Objects of one actor's own are among them: another run may share them."""
    words, called = Words(trace, exact=True), _names(trace)
    doers: dict[tuple[int, int, int | str], int] = {}
    sites = [names.site(site) for site in trace.sites]
    found: dict[str, Sequence] = {}
    for step in _steps(trace):
        sequence = found.setdefault(PROGRAM if step.thing < 0 else called[step.thing], Sequence())
        if len(sequence.doers) >= MOST_OPERATIONS:
            sequence.cut = True
            continue
        key = (step.thing, step.actor, step.what)
        doer = doers.get(key)
        if doer is None:
            looks = isinstance(step.what, int) and (step.what >= _FAILED or step.what in _LOOKS)
            who = trace.actors[step.actor].name
            doer = doers[key] = names.doer(Doer(who, _phrase(words, step.thing, step.what), looks))
        sequence.doers.append(doer)
        sequence.sites.append(sites[step.site])
        sequence.positions.append(step.position)
    for thing, name in enumerate(called):
        if name in found:
            names.labels.setdefault(name, (trace.object_labels[thing], trace.objects[thing].kind))
    for info in trace.actors:
        # A pool gives its threads the names of whoever came first: only one that never changes says something.
        if names.threads.setdefault(info.name, info.thread_name) != info.thread_name:
            names.threads[info.name] = ""
    return found


def _names(trace: Trace) -> list[str]:
    """Per object what it is matched by: who has it, its kind and label. Counters count what only one Python or method makes."""
    names = list(trace.object_names)
    seen: Counter[str] = Counter()
    for index in sorted(range(len(names)), key=lambda index: (trace.objects[index].creator, trace.objects[index].n)):
        info = trace.objects[index]
        if info.label and info.creator < len(trace.actors):
            key = f"{info.process or trace.actors[info.creator].name}:{info.kind.name.lower()}:{info.label}"
            seen[key] += 1
            names[index] = f"{key}#{seen[key]}"
    return names


def _steps(trace: Trace) -> Iterator[_Step]:
    """The operations of a trace, those that begin and end actors included, in the order of the trace."""
    c = trace.columns
    kinds = [info.kind for info in trace.objects]
    left_out = bytes(kind in _LEFT_OUT for kind in kinds)
    wanted = bytes(kind in _TAKES or kind in _LOOKS or kind in (Kind.BEGIN, Kind.END, Kind.RELEASE) for kind in range(256))
    spans = SpanIndex(trace)
    wholes = _Wholes(spans) if trace.spans else None
    for position, (actor, kind, thing) in enumerate(zip(c.actor, c.kind, c.object, strict=True)):
        span = None
        if wholes is not None and (span := wholes.at(actor, position)) is not None and position == wholes.place(span):
            yield _Step(span.object, actor, span.operation, span.site, position)
        if not wanted[kind] or left_out[thing]:
            continue
        if kind in (Kind.BEGIN, Kind.END):
            yield _Step(-1, actor, kind, 0, position)  # its place is that of the start, which says nothing
            if kind == Kind.BEGIN:
                continue
        elif span is not None and span.operation not in _AT_ITS_START and span.object != thing:
            continue
        what = kind
        if kind == Kind.RELEASE and kinds[thing] is not ObjectKind.PSEMAPHORE:
            continue
        if kind in _TAKES and not carries_order(kind, c.value[position], child=kinds[thing] is ObjectKind.CHILD):
            what = _FAILED + kind
        yield _Step(thing, actor, what, c.site[position], position)


class _Wholes:
    """Finds the outermost span of an event by going along with the trace."""

    def __init__(self, index: SpanIndex) -> None:
        self._spans = index.of_actor
        self._firsts = {actor: [span.first for span in spans] for actor, spans in index.of_actor.items()}

    def at(self, actor: int, position: int) -> Span | None:
        """The outermost span of this actor around this event."""
        firsts = self._firsts.get(actor)
        if firsts is None:
            return None
        index = bisect_right(firsts, position) - 1
        if index < 0 or position > (span := self._spans[actor][index]).last:
            return None
        return span

    def place(self, span: Span) -> int:
        """Where the whole operation stands in the order: one that waits for others stands where it began."""
        return span.first if span.operation in _AT_ITS_START else span.last


def _phrase(words: Words, thing: int, what: int | str) -> str:
    """`takes `cache_lock``: what is done, for a sentence about any run."""
    if isinstance(what, str):
        return f"does {what} on {words.called(thing)}"
    if thing < 0:
        return "begins" if what == Kind.BEGIN else "ends"
    if what >= _FAILED:
        operation = words.operation(Kind(what - _FAILED), thing)
        return f"fails to {operation}"
    if (sentence := LOOKS.get(Kind(what))) is not None:
        return conjugated(sentence, Tense.PRESENT).format(words.called(thing))
    return words.operation(Kind(what), thing, Tense.PRESENT)
