"""Lines that a program prints: which two runs have in common, which differ, and what of them may be shown."""

from __future__ import annotations

import os
import re
from collections import Counter
from hashlib import blake2b
from string import punctuation
from typing import Final

from simcore.methods.figures import middle
from simcore.methods.model import Column, Comparison, Run

_NAME: Final = re.compile(r"\b(?:ForkServer|Fork|Spawn)(?=(?:Process|PoolWorker)-\d)")

_WHOLE_LINE: Final = 60
"""Characters of the longest line that is shown as a whole; of a longer one the words that differ."""

_LONGEST_SHOWN: Final = 64

_SHORTEST_HIDDEN: Final = 3
"""Characters of the shortest value of the environment that is looked for in lines of output: `1` stands anywhere."""

_MOST_WORDS: Final = 12


def lines_of(run: Run) -> Counter[str]:
    """Lines of output without their order, which is the schedule's doing, and with one name for Fork- and SpawnProcess-1."""
    return Counter(" ".join(_NAME.sub("", line).split()) for line in run.out if line.strip())


def line_sets(column: Column) -> tuple[Counter[str], Counter[str]]:
    """The lines that every run prints, as often as every run does, and in how many runs each line is printed at all."""
    counters = [lines_of(run) for run in column.runs or column.states]
    always = counters[0].copy() if counters else Counter[str]()
    for counter in counters[1:]:
        always &= counter
    return always, Counter(line for counter in counters for line in counter)


def common_lines(a: Column, b: Column) -> list[int]:
    """How many lines two runs have in common, for each run of the one with each other run of the other."""
    ones, others = (list(map(lines_of, column.runs or column.states)) for column in (a, b))
    return [(one & other).total() for x, one in enumerate(ones) for y, other in enumerate(others) if a is not b or x < y]


def same_lines(comparison: Comparison, column: Column) -> str:
    """`1 of 5`: how many lines of a run under the first method a run of this column has, in the middle."""
    first = comparison.columns[0]
    total = round(middle([float(lines_of(run).total()) for run in first.runs or first.states]))
    pairs = common_lines(first, column)
    return f"{round(middle(list(map(float, pairs))))} of {total}" if pairs else "-"


def first_difference(comparison: Comparison, column: Column) -> tuple[str, str] | None:
    """A line that the first column prints and another never, and what that prints instead; of long ones the words that differ."""
    _, often = line_sets(comparison.columns[0])
    _, ever = line_sets(column)
    missing = sorted((line for line in often if line not in ever), key=lambda line: (-often[line], line))
    if not missing:
        return None
    line = missing[0]
    likest = max(sorted(ever), key=lambda other: _likeness(line, other), default="")
    if len(line) <= _WHOLE_LINE or len(line.split()) != len(likest.split()):
        return hide(comparison, line), hide(comparison, likest) or "nothing"
    pairs = [(a, b) for a, b in zip(line.split(), likest.split(), strict=True) if a != b]
    return hide(comparison, " ".join(a for a, _ in pairs)), hide(comparison, " ".join(b for _, b in pairs))


def _likeness(line: str, other: str) -> float:
    """How much two lines look like one statement with other values."""
    a, b = line.split(), other.split()
    same = sum((x == y) + (x.partition("=")[0] == y.partition("=")[0]) for x, y in zip(a, b, strict=False))
    return same - abs(len(a) - len(b))


def hide(comparison: Comparison, line: str) -> str:
    """A line of the program's own output without what stands in the environment, and not too long.

    Values of our own environment are known; of those that the program set there are digests, so a few words in a row are tried.
    """
    line = line[:300]
    for value in sorted(os.environ.values(), key=len, reverse=True):
        if len(value) >= _SHORTEST_HIDDEN:
            line = line.replace(value, "***")
    words = line.replace("=", " = ").replace(":", " : ").split()
    for size in range(min(len(words), _MOST_WORDS), 0, -1):
        for at in range(len(words) - size + 1):
            if words[at] in ("=", ":") or words[at + size - 1] in ("=", ":"):
                continue
            for glue in (" ", "") if size > 1 else (" ",):
                text = glue.join(words[at : at + size])
                if any(_is_hidden(comparison, one) for one in (text, text.strip(punctuation))):
                    words[at : at + size] = ["***", *[""] * (size - 1)]
    text = " ".join(word for word in words if word).replace(" = ", "=").replace(" : ", ":")
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _is_hidden(comparison: Comparison, text: str) -> bool:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), key=comparison.salt, digest_size=6).hexdigest()
    return len(text) >= _SHORTEST_HIDDEN and f"#{digest}" in comparison.hidden
