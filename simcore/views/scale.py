"""The axis of time: which column of the screen a moment falls into, with quiet stretches folded.

All columns are of one length but those of a fold: a time in which nothing changes, and which would take many columns, takes
three.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from typing import Final

QUIET: Final = 8
"""A time without change is folded when it would take more columns than this."""

FOLD: Final = 3
"""Columns of a fold; the one in the middle bears its mark."""

SHORTEST_NS: Final = 1_000
"""A column is no shorter: an event takes about as long. What columns are left then make folds wider, up to WIDEST_FOLD."""

WIDEST_FOLD: Final = 9

MOST_FOLDS: Final = 6
"""For each hundred columns. More would tear the picture apart."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`edges` are the times (ns) at which columns begin, and the end of the last one; `folds` the columns that bear the mark of a
    fold, `folded_ns` is how much time all folds stand for; `column_ns` how long any other column is, 0 if there is none."""

    edges: tuple[int, ...]
    folds: frozenset[int]
    folded_ns: int
    column_ns: int

    def __len__(self) -> int:
        return len(self.edges) - 1

    def column(self, at_ns: int) -> int:
        """The column of a moment; the first or last one for moments outside."""
        return min(max(bisect_right(self.edges, at_ns) - 1, 0), len(self) - 1)


def scale(first_ns: int, last_ns: int, changes: Sequence[int], columns: int) -> Scale:
    """An axis of at most so many columns from one time to another; `changes` are the times, in order, of all changes."""
    last_ns = max(last_ns, first_ns + 1)
    inner = [first_ns, *(at_ns for at_ns in changes if first_ns < at_ns < last_ns), last_ns]
    most = min(MOST_FOLDS * columns // 100 + 1, max(columns // (2 * FOLD) - 1, 0))
    gaps = nlargest(most, ((until - since, since) for since, until in pairwise(inner)))
    rest, folded = last_ns - first_ns, list[tuple[int, int]]()
    for length, since in gaps:
        if length <= QUIET * max(rest // (columns - FOLD * len(folded)), SHORTEST_NS):
            break
        folded.append((since, since + length))
        rest -= length
    folded.sort()
    return _laid_out(first_ns, last_ns, folded, rest, columns)


def _laid_out(first_ns: int, last_ns: int, folded: Sequence[tuple[int, int]], rest_ns: int, columns: int) -> Scale:
    room = columns - FOLD * len(folded)
    # What lies between folds takes a column at least, so that some columns may have to be spared elsewhere.
    between, at_ns = list[tuple[int, int]](), first_ns
    for since, until in (*folded, (last_ns, last_ns)):
        between.append((at_ns, since))
        at_ns = until
    busy = [until - since for since, until in between]
    room_ns = max(rest_ns, room * SHORTEST_NS)
    shares = [0 if not length else max(1, round(room * length / room_ns)) for length in busy]
    while sum(shares) > room and max(shares) > 1:
        shares[shares.index(max(shares))] -= 1
    width = max(FOLD, min((columns - sum(shares)) // max(len(folded), 1), WIDEST_FOLD))
    edges, marks = [first_ns], set[int]()
    for number, ((since, until), share) in enumerate(zip(between, shares, strict=True)):
        edges += [since + (until - since) * part // share for part in range(1, share + 1)]
        if number < len(folded):
            start, end = folded[number]
            marks.add(len(edges) - 1 + width // 2)
            edges += [start + (end - start) * part // width for part in range(1, width + 1)]
    return Scale(tuple(edges), frozenset(marks), last_ns - first_ns - rest_ns, rest_ns // max(sum(shares), 1))
