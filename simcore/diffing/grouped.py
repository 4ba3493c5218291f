"""What the comparison of two groups of runs answers, as plain data. Positions and times are as in `simcore.diffing.result`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from simcore.diffing.result import Split, plain
from simcore.trace.events import Verdict
from simcore.trace.model import Site, Trace


@dataclass(frozen=True, slots=True)
class GroupOfRuns:
    """One group. `word` is `passing` or `failing` where all runs of one group are ok and none of the other's, else its letter.

    `names` are the files of its traces; `outcomes` and `errors` pairs of a word and how many runs ended so, the most frequent
    first.
    """

    letter: str
    word: str
    runs: int
    names: tuple[str, ...]
    outcomes: tuple[tuple[str, int], ...]
    errors: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One operation of an ordering: the `nth`, from 1, of this kind that the actor does to the object, and where in the source.

    `actor` is empty where it is the first operation of anybody at this place.
    """

    actor: str
    thread_name: str
    action: str
    nth: int
    site: Site


@dataclass(frozen=True, slots=True)
class Ordering:
    """Something about the order of operations on one object that tells the groups apart, and in how many runs of each it is so.

    `why` is `order` (one of two `turns` comes before the other), `place` (the same, whoever comes to these places), `between`
    (between two successive turns of one actor another comes in, at `between`) or `both` (both of two `halves` hold: no single
    order separates). `separates` says that it is so in all runs of one group, and the other way round in all of the other.
    `score` is 1 then, and 0 for what says nothing.
    """

    why: str
    sentence: str
    object: str
    label: str
    kind: str
    runs_a: int
    runs_b: int
    separates: bool
    score: float
    turns: tuple[Turn, ...]
    between: Site | None
    halves: tuple[Ordering, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupDiff:
    """What separates group B from group A. It is no boolean: compare `verdict`.

    `verdict` is DIFFERENT when an ordering separates them, INCONCLUSIVE when orders vary but none does, SAME when all runs have
    the same orders. `orderings` are those that separate, the earliest first, and `more` how many there are beyond; where none
    does, those that come nearest. `varying` counts the orders that are not the same in all runs, `by_chance` how many of so many
    would separate so few runs if each were left to chance; `whole` is False where not all operations were looked at. `split` is
    where the two `examples`, the shortest run of each group, part by the first ordering.
    """

    verdict: Verdict
    a: GroupOfRuns
    b: GroupOfRuns
    orderings: tuple[Ordering, ...]
    more: int
    varying: int
    whole: bool
    by_chance: float
    split: Split | None
    notes: tuple[str, ...]
    examples: tuple[Trace, ...]

    def __bool__(self) -> NoReturn:
        raise TypeError("a GroupDiff is neither true nor false: ask for its verdict, as in `d.verdict is Verdict.DIFFERENT`")

    def to_json(self) -> dict[str, object]:
        """The answer as plain data: keys as the fields here and of the classes above; `examples` are paths, or None."""
        names = ("a", "b", "orderings", "more", "varying", "whole", "by_chance", "split", "notes")
        result: dict[str, object] = {"verdict": self.verdict.value}
        result |= {name: plain(getattr(self, name)) for name in names}
        return result | {"examples": [str(trace.path) if trace.path is not None else None for trace in self.examples]}
