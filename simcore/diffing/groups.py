"""Comparing groups of runs, passing with failing: which orders separate them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log10

from simcore.diffing.grouped import GroupDiff, GroupOfRuns, Ordering, Turn
from simcore.diffing.orders import Names, orders_of
from simcore.diffing.orders import Sequence as Operations
from simcore.diffing.result import Moment, Split
from simcore.diffing.sentence import moment
from simcore.diffing.separate import Fact, Groups, Operation, Search, search, turned
from simcore.diffing.settings import settings
from simcore.diffing.spans import by_events
from simcore.errors import UsageError
from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Site, Trace
from simcore.trace.text import clean

MOST_TOLD = 5
"""So many orderings are handed out; how many more there are is counted."""


@dataclass(slots=True)
class _Side:
    """One group as it is read: of each run the orders, of all the outcomes, and the shortest run of each kind of end."""

    runs: list[dict[str, Operations]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    events: list[int] = field(default_factory=list)
    passed: int = 0
    cut_off: int = 0
    example: tuple[int, Trace] | None = None

    def add(self, trace: Trace, orders: dict[str, Operations]) -> None:
        number = len(self.runs)
        self.runs.append(orders)
        self.names.append(trace.path.name if trace.path is not None else str(number + 1))
        ending = trace.ending
        self.outcomes[ending.outcome.word] += 1
        if ending.error:
            self.errors[ending.error] += 1
        self.events.append(len(trace))
        self.passed += ending.outcome is Outcome.OK
        self.cut_off += bool(ending.cut_off)
        if self.example is None or len(trace) < len(self.example[1]):
            self.example = number, trace

    def told(self, letter: str, word: str) -> GroupOfRuns:
        outcomes = tuple(self.outcomes.most_common())
        return GroupOfRuns(letter, word, len(self.runs), tuple(self.names), outcomes, tuple(self.errors.most_common()))


def diff_groups(a: Iterable[Trace], b: Iterable[Trace]) -> GroupDiff:
    """What separates the runs of group B from those of group A: orders that all runs of one have and none of the other.

    Both may be generators: a trace is read once and, but for one of each group, let go. Raises: UsageError for an empty group,
    TypeError for what is no trace.
    """
    names, sides = Names(), (_Side(), _Side())
    first: Trace | None = None
    noted: list[str] = []
    for side, traces in zip(sides, (a, b), strict=True):
        for trace in traces:
            if not isinstance(trace, Trace):
                raise TypeError(f"diff_groups compares traces, not a {type(trace).__name__}: load a file with Trace.load(path)")
            first = trace if first is None else first
            noted += [setting.name for setting in settings(first, trace)]
            side.add(trace, orders_of(trace, names))
    if not all(side.runs for side in sides):
        raise UsageError("a group without runs cannot be compared", "simcore diff A1 A2 ... --against B1 B2 ...")
    groups = Groups(len(sides[0].runs), len(sides[1].runs))
    found = search([*sides[0].runs, *sides[1].runs], names, groups)
    telling = _Telling(names, groups, sides)
    separating = [fact for fact in found.facts if fact.score == 1]
    words = _words(*sides)
    told = separating or found.facts
    if words[0] == "failing":  # what makes runs fail is told, whichever group they are
        told = [turned(fact) if fact.why in ("order", "place") else fact for fact in told]
    verdict = Verdict.DIFFERENT if separating else Verdict.INCONCLUSIVE if found.varying else Verdict.SAME
    return GroupDiff(
        verdict=verdict,
        a=sides[0].told("A", words[0]),
        b=sides[1].told("B", words[1]),
        orderings=tuple(telling.ordering(fact) for fact in told[:MOST_TOLD]),
        more=max(len(separating) - MOST_TOLD, 0),
        varying=found.varying,
        whole=found.whole,
        by_chance=_by_chance(found, groups),
        split=next(filter(None, map(telling.split, told[:1])), None),
        notes=tuple(_notes(noted, found, sides)),
        examples=tuple(side.example[1] for side in sides if side.example is not None),
    )


def _words(a: _Side, b: _Side) -> tuple[str, str]:
    """What the groups are called: passing and failing where that is what they are."""
    passed = (a.passed / len(a.runs), b.passed / len(b.runs))
    return ("passing", "failing") if passed == (1, 0) else ("failing", "passing") if passed == (0, 1) else ("A", "B")


def _by_chance(found: Search, groups: Groups) -> float:
    """How many orders would separate the groups if each were a coin thrown per run."""
    runs = groups.a + groups.b
    return 0.0 if not found.varying else float(10 ** (log10(found.varying) - (runs - 1) * log10(2)))


def _notes(noted: list[str], found: Search, sides: tuple[_Side, _Side]) -> Iterator[str]:
    for name, number in Counter(noted).items():
        yield f"{name} is not the same in all runs ({number} of {sum(len(side.runs) for side in sides)} differ from the first)"
    for letter, side in zip("AB", sides, strict=True):
        if side.cut_off:
            yield f"{side.cut_off} of {len(side.runs)} traces of {letter} are cut off"
    if not found.whole:
        yield "of objects with very many operations only the first were looked at"


class _Telling:
    """Puts facts into words."""

    def __init__(self, names: Names, groups: Groups, sides: tuple[_Side, _Side]) -> None:
        self.names, self.groups, self.sides = names, groups, sides
        self.runs = [*sides[0].runs, *sides[1].runs]

    def ordering(self, fact: Fact) -> Ordering:
        """The fact for a reader."""
        label, kind = self.names.labels.get(fact.thing, ("", None))
        return Ordering(
            fact.why,
            self.sentence(fact),
            fact.thing,
            label,
            kind.name.lower() if kind is not None else "",
            (fact.yes & self.groups.mask_a).bit_count(),
            (fact.yes & self.groups.mask_b).bit_count(),
            fact.score == 1,
            round(fact.score, 3),
            () if fact.halves else (self.turn(fact, fact.first), self.turn(fact, fact.second)),
            self.names.sites[fact.between] if fact.between >= 0 else None,
            tuple(map(self.ordering, fact.halves)),
        )

    def turn(self, fact: Fact, operation: Operation) -> Turn:
        """One of the two operations."""
        doer = self.names.doers[operation.doer]
        anybody = operation.site >= 0
        site = self.names.sites[operation.site] if anybody else self.site(fact, operation)
        return Turn("" if anybody else doer.actor, self.thread(operation), doer.phrase, operation.nth, site)

    def thread(self, operation: Operation) -> str:
        name = self.names.threads.get(self.names.doers[operation.doer].actor, "")
        return "" if operation.site >= 0 or name == "MainThread" else name

    def site(self, fact: Fact, operation: Operation) -> Site:
        """Where this operation is done, in the first run that has it."""
        for run in self.runs:
            index = self.index(run, fact.thing, operation)
            if index is not None:
                return self.names.sites[run[fact.thing].sites[index]]
        return Site("", 0, "")

    def index(self, run: dict[str, Operations], thing: str, operation: Operation) -> int | None:
        """Where in the order of its object an operation stands in a run."""
        operations = run.get(thing)
        if operations is None:
            return None
        if operation.site >= 0:
            return operations.sites.index(operation.site) if operation.site in operations.sites else None
        left = operation.nth
        for index, doer in enumerate(operations.doers):
            left -= doer == operation.doer
            if not left:
                return index
        return None

    def sentence(self, fact: Fact) -> str:
        """`main/2 takes `cache_lock` (pool.py:88) before main/1 does (api.py:41)`."""
        if fact.halves:
            return ", and ".join(map(self.sentence, fact.halves))
        first, second = (self.turn(fact, operation) for operation in (fact.first, fact.second))
        if fact.why == "between":
            between = self.names.sites[fact.between]
            label = self.names.labels.get(fact.thing, ("", None))[0]
            return clean(
                f"between an actor's turns at `{label}` ({first.site}, then {second.site}) another actor comes in ({between})"
            )
        if fact.why == "place":
            what = "the same is done" if first.action == second.action else f"somebody {second.action}"
            return clean(f"somebody {first.action} at {first.site} before {what} at {second.site}")
        counted = first.nth > 1 or second.nth > 1
        does = "does" if first.action == second.action else second.action
        return clean(
            f"{_who(first)} {first.action}{_times(first, counted)}{_at(first)} before "
            f"{_who(second)} {does}{_times(second, counted)}{_at(second)}"
        )

    def split(self, fact: Fact) -> Split | None:
        """The places in one run of each group where they part by this."""
        for one in fact.halves or (fact,):
            moments = []
            for side, shift in zip(self.sides, (0, self.groups.a), strict=True):
                if side.example is None:
                    return None
                number, trace = side.example
                holds = one.yes >> (number + shift) & 1
                moments.append((holds, self._moment(one, side.runs[number], trace, holds=bool(holds))))
            (holds_a, a), (holds_b, b) = moments
            if holds_a != holds_b and a is not None and b is not None:
                return Split(one.why, a, b, self.sentence(fact))
        return None

    def _moment(self, fact: Fact, run: dict[str, Operations], trace: Trace, *, holds: bool) -> Moment | None:
        """The operation that comes first in this run: of two the one before the other, of a disturbance the disturbing one."""
        index = self._turn_of_other(fact, run, holds=holds) if fact.why == "between" else None
        if fact.why != "between":
            index = self.index(run, fact.thing, fact.first if holds else fact.second)
        if index is None or fact.thing not in run:
            return None
        return moment(by_events(trace), run[fact.thing].positions[index])

    def _turn_of_other(self, fact: Fact, run: dict[str, Operations], *, holds: bool) -> int | None:
        """What follows the first operation at that place: where it holds the disturbance, else the second one."""
        operations = run.get(fact.thing)
        if operations is None:
            return None
        actors = [self.names.doers[doer].actor for doer in operations.doers]
        for index, site in enumerate(operations.sites[:-1]):
            disturbed = actors[index + 1] != actors[index]
            if site == fact.first.site and disturbed is holds and (not holds or operations.sites[index + 1] == fact.between):
                return index + 1
        return None


def _who(turn: Turn) -> str:
    return f'{turn.actor} "{turn.thread_name}"' if turn.thread_name else turn.actor


def _at(turn: Turn) -> str:
    return f" ({turn.site})" if turn.site.line else ""


def _times(turn: Turn, counted: bool) -> str:
    if not counted:
        return ""
    end = "th" if turn.nth % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(turn.nth % 10, "th")
    return f" for the {turn.nth}{end} time"
