"""What is reported beside the order: outcomes, inputs, times, places in the source, and what the two runs were."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress, islice
from operator import and_, gt, ne, sub

from simcore.diffing.meaning import INPUTS, LANE, Lane
from simcore.diffing.pairing import Pairing
from simcore.diffing.result import InputDiff, Moved
from simcore.diffing.shapes import Shapes
from simcore.diffing.spans import minor
from simcore.diffing.tables import Tables, translated, without_addresses
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.words import Words

MOST_SOURCES = 8
"""So many sources of inputs are named per kind."""


def same_outcome(a: Trace, b: Trace) -> bool:
    """Whether both ended alike: outcome, exit code where both are known, error (addresses aside), who waited for whom."""
    first, second = a.ending, b.ending
    codes = {first.exit_code, second.exit_code} - {None}
    return (
        first.outcome is second.outcome
        and len(codes) < 2
        and without_addresses(first.error) == without_addresses(second.error)
        and _deadlock(a) == _deadlock(b)
    )


def _deadlock(trace: Trace) -> set[tuple[str, str, str]]:
    """Who waits for what of whom, in names."""
    actors, objects = [info.name for info in trace.actors], trace.object_names
    return {(_name(actors, link.actor), _name(objects, link.object), _name(actors, link.owner)) for link in trace.ending.deadlock}


def _name(names: Sequence[str], index: int) -> str:
    return names[index] if 0 <= index < len(names) else ""


class Paired:
    """The pairs of events, in the order of A: `mask` says which events of A have one, `in_b` where in B it stands."""

    def __init__(self, tables: Tables, pairing: Pairing) -> None:
        self.a, self.b = tables.a, tables.b
        self.changed = set(pairing.steps)
        self.mask = bytes(map(and_, map((-1).__lt__, pairing.back), map(_SHIFTING.__getitem__, tables.a.columns.kind)))
        self.in_b = array("i", compress(pairing.back, self.mask))

    @property
    def in_order(self) -> bool:
        """Whether every event that counts has its twin and all come in one order."""
        counted = (sum(trace.columns.kind.tobytes().count(kind) for kind in _UNPAIRED) for trace in (self.a, self.b))
        whole = all(len(trace) - left_out == len(self.in_b) for trace, left_out in zip((self.a, self.b), counted, strict=True))
        return whole and not any(map(gt, self.in_b, islice(self.in_b, 1, None)))

    def times_differ_ns(self) -> int:
        """The largest difference between the times of the two events of a pair."""
        a, b = self.a.columns.at_ns, self.b.columns.at_ns
        return max(map(abs, map(sub, compress(a, self.mask), map(b.__getitem__, self.in_b))), default=0)

    def moved(self, tables: Tables) -> list[Moved]:
        """Pairs of places in the source between which events moved, the most frequent first."""
        number_a, number_b = tables.sites()
        first = array("I", compress(self.a.columns.site, self.mask))
        second = array("I", map(self.b.columns.site.__getitem__, self.in_b))
        if not number_a == number_b == list(range(len(number_a))):
            first, second = translated(first, number_a), translated(second, number_b)
        if first.tobytes() == second.tobytes():
            return []
        # Of an actor that did something else it is not sure which of its events are the same.
        steady = [actor not in self.changed for actor in range(len(tables.actor_a))]
        sure = map(steady.__getitem__, compress(self.a.columns.actor, self.mask))
        found = Counter(compress(zip(first, second, strict=True), map(and_, map(ne, first, second), sure)))
        places = dict(zip(number_a, self.a.sites, strict=True)) | dict(zip(number_b, self.b.sites, strict=True))
        moved = [Moved(places[one], places[other], events) for (one, other), events in found.most_common()]
        # A spawned child is called from a text on its command line, a forked one from where it was forked.
        return [one for one in moved if not (tables.methods and "<string>" in (one.a.file, one.b.file))]


_UNPAIRED = [int(kind) for kind in Kind if LANE[kind] in (Lane.NONE, Lane.INPUT)]
_SHIFTING = [lane not in (Lane.NONE, Lane.INPUT) for lane in LANE]


def input_diffs(tables: Tables, shapes: Shapes, pairing: Pairing) -> list[InputDiff]:
    """What came from outside, per kind, in the order of the kinds; kinds that neither run has are left out."""
    a, b = tables.a.columns, tables.b.columns
    compared, differ = Counter[int](), Counter[int]()
    first: dict[int, tuple[int, int]] = {}
    sources: dict[int, dict[int, int]] = {}
    for position in shapes.inputs(pairing.b.shape):
        other = pairing.twin[position]
        if other < 0:
            continue
        kind, value_a, value_b = b.kind[position], a.value[other], b.value[position]
        compared[kind] += 1
        if kind in (Kind.SEND, Kind.RECV) and (min(value_a, value_b) < 0 or tables.methods):
            continue  # the name of a process, which is in many messages, tells how it was started
        if kind in (Kind.ENTROPY, Kind.INPUT):
            value_a, value_b = _number(tables.text_a, value_a), _number(tables.text_b, value_b)
        if value_a != value_b:
            differ[kind] += 1
            first[kind] = min(first.get(kind, (other, position)), (other, position))
            sources.setdefault(kind, {}).setdefault(b.object[position], position)
    result = []
    for kind in [*sorted(INPUTS), Kind.GC]:
        events_a, events_b = a.kind.tobytes().count(kind), b.kind.tobytes().count(kind)
        if events_a or events_b:
            first_a, first_b = first.get(kind, (None, None))
            places = tables.told_a.place(first_a), tables.told_b.place(first_b)
            named = _sources(tables, sources.get(kind, ()))
            counts = (events_a, events_b, compared[kind], differ[kind])
            result.append(InputDiff(kind.name.lower(), *counts, *places, named))
    return result


def _sources(tables: Tables, things: Iterable[int]) -> tuple[str, ...]:
    """What inputs came from, by the name that a person knows it by: a program by the one that it was started as."""
    words, kinds = Words(tables.told_b.recorded), tables.b.objects
    named = (words.called(thing) for thing in things if kinds[thing].kind not in (ObjectKind.PROCESS, ObjectKind.NONE))
    return tuple(dict.fromkeys(name for name in named if name))[:MOST_SOURCES]


def _number(texts: Sequence[int], index: int) -> int:
    return texts[index] if 0 <= index < len(texts) else -1


def notes(a: Trace, b: Trace) -> Iterator[str]:
    """What a reader should know about the two runs before he trusts the answer."""
    one, other = a.header, b.header
    if minor(a) != minor(b):
        yield "each Python's library has its own steps: compared by the operations that the program wrote"
    changed = sorted(file for file, digest in one.files.items() if other.files.get(file, digest) != digest)
    if changed:
        yield f"changed between the runs: {', '.join(changed[:3])}{f' and {len(changed) - 3} more' if len(changed) > 3 else ''}"
    for letter, trace in (("A", a), ("B", b)):
        if trace.ending.cut_off:
            yield f"{letter} is cut off after {len(trace):,} events: {trace.ending.cut_off}"


def place_notes(tables: Tables, left_out: Collection[int]) -> Iterator[str]:
    """Which accesses were not compared, because the other trace does not have their places."""
    for letter, other, trace, numbers in (("A", "B", tables.a, tables.object_a), ("B", "A", tables.b, tables.object_b)):
        alone = [index for index, number in enumerate(numbers) if number in left_out]
        if not alone:
            continue
        labels = list(dict.fromkeys(f"`{trace.object_labels[index]}`" for index in alone))
        named = ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
        yield f"accesses only {letter} has are not compared: {named}; in {other} one actor at most touched it, or nobody wrote"
