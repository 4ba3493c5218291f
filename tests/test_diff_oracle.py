"""Diffs and alignments agree with slow, obvious ways to find the same."""

from __future__ import annotations

import random
import subprocess
import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from storyteller import critical, told
from synthetic import build, columns_of

from simcore.diffing import diff
from simcore.diffing import pairing as pairing_module
from simcore.diffing.align import Budget, align, increasing, out_of_place
from simcore.trace.events import Kind, Verdict
from simcore.trace.model import Columns, Trace


def programs(choose: random.Random, actors: int, events: int) -> list[list[str]]:
    """Per actor what it does: critical sections on shared and private locks, puts, clocks, sleeps."""
    result = []
    for actor in range(actors):
        name = f"main/{actor}" if actor else "main"
        steps: list[str] = []
        puts = 0
        while len(steps) < events // actors:
            dice = choose.random()
            if dice < 0.7:
                steps += critical(name, f"l{choose.randrange(6)}", 10 * actor)
            elif dice < 0.8:
                steps += critical(name, f"l{100 + actor}", 50)
            elif dice < 0.9:
                puts += 1
                steps.append(f"{name} put q{choose.randrange(2)} ={name}#{puts}")
            else:
                steps.append(f"{name} clock time.time ={choose.getrandbits(40)}" if dice < 0.95 else f"{name} sleep process =5")
        result.append(steps)
    return result


def shuffled_turns(choose: random.Random, programs: Sequence[Sequence[str]]) -> list[int]:
    """An order in which the programs may take turns, as many as they have sections."""
    turns = [actor for actor, steps in enumerate(programs) for _ in sections(steps)]
    choose.shuffle(turns)
    return turns


def swapped(choose: random.Random, turns: Sequence[int], swaps: int) -> list[int]:
    """The order with so many neighbours swapped."""
    result = list(turns)
    for _ in range(swaps):
        at = choose.randrange(len(result) - 1)
        result[at], result[at + 1] = result[at + 1], result[at]
    return result


def interleaved(programs: Sequence[Sequence[str]], turns: Sequence[int]) -> Trace:
    """The programs as one run that keeps critical sections whole: whose turn it is does its next section."""
    left = [iter(sections(steps)) for steps in programs]
    return told(*(line for actor in turns for line in next(left[actor])))


def sections(steps: Sequence[str]) -> list[list[str]]:
    """The steps, an acquire and its release in one."""
    result: list[list[str]] = []
    for step in steps:
        if " release " in step:
            result[-1].append(step)
        else:
            result.append([step])
    return result


def oracle(a: Trace, b: Trace) -> tuple[bool, dict[str, int], tuple[int, int] | None]:
    """Whether two traces of the same programs have the same order, the reversed hand-offs per lock, and where they part first."""
    sequences = []
    for trace in (a, b):
        per_object: dict[str, list[tuple[str, int, int, Kind]]] = {}
        for event in trace:
            if event.kind not in (Kind.CLOCK, Kind.SLEEP):
                per_object.setdefault(event.object, []).append((event.actor, event.step, event.position, event.kind))
        sequences.append(per_object)
    same = True
    reversals: dict[str, int] = {}
    parts: list[tuple[int, int, int, int]] = []
    for name, in_a in sequences[0].items():
        in_b = sequences[1][name]
        same = same and [one[:2] for one in in_a] == [one[:2] for one in in_b]
        for one, other in zip(in_a, in_b, strict=True):
            if one[:2] != other[:2]:
                parts.append((min(one[2], other[2]), one[2] + other[2], one[2], other[2]))
                break
        place = {one[:2]: index for index, one in enumerate(in_b)}
        takes = [one for one in in_a if one[3] in (Kind.ACQUIRE, Kind.PUT)]
        reversals[name] = sum(one[0] != other[0] and place[one[:2]] > place[other[:2]] for one, other in pairwise(takes))
    return same, reversals, min(parts)[2:] if parts else None


@pytest.mark.parametrize(
    ("seed", "events", "swaps"),
    [
        *((1, 20_000, None), (2, 20_000, 3), (3, 4000, 40), (4, 300, 1), (5, 300, 2)),
        *(pytest.param(seed, 100_000, swaps, marks=pytest.mark.loop) for seed, swaps in ((6, None), (7, 3))),
    ],
)
def test_random_pairs_agree_with_the_oracle(seed: int, events: int, swaps: int | None) -> None:
    """Same programs, other interleavings: verdict, reversed hand-offs per object and first split are as defined."""
    choose = random.Random(seed)
    for _ in range(1 if events > 10_000 else 25):
        steps = programs(choose, 4, events)
        turns = shuffled_turns(choose, steps)
        other = shuffled_turns(choose, steps) if swaps is None else swapped(choose, turns, swaps)
        a, b = interleaved(steps, turns), interleaved(steps, other)
        same, reversals, parts = oracle(a, b)
        d = diff(a, b)
        assert (d.verdict is Verdict.SAME) == same
        assert (d.split is None) == same
        if d.split is not None:
            assert d.split.a is not None
            assert d.split.b is not None
            assert (d.split.a.position, d.split.b.position) == parts
        found = {one.name: one.reversed for one in d.objects}
        assert found == {name: number for name, number in reversals.items() if name in found}
        assert all(number == 0 for name, number in reversals.items() if name not in found)


@pytest.mark.parametrize("seed", range(6))
def test_added_events_are_found_among_other_orders(seed: int) -> None:
    """Events more in one actor are counted exactly, and what both runs have is compared as if they were not there."""
    choose = random.Random(seed)
    steps = programs(choose, 4, 3000)
    a = interleaved(steps, shuffled_turns(choose, steps))
    turns = shuffled_turns(choose, steps)
    longer = [list(one) for one in steps]
    wholes = sections(longer[2])
    for _ in range(10):
        wholes.insert(choose.randrange(len(wholes)), critical("main/2", "l999"))
    longer[2] = [line for whole in wholes for line in whole]
    b = interleaved(longer, [*turns, *[2] * 10])
    d = diff(a, b)
    changed = next(one for one in d.actors if one.name == "main/2")
    assert (changed.only_a, changed.only_b, changed.exact) == (0, 20, True)
    assert {one.state for one in d.actors if one.name != "main/2"} == {"same"}
    _, reversals, _ = oracle(a, stripped(b, "l999"))
    assert {one.name: one.reversed for one in d.objects if one.label != "l999"} == {
        name: number for name, number in reversals.items() if name in {one.name for one in d.objects}
    }


def stripped(trace: Trace, label: str) -> Trace:
    """The trace without the events on one object."""
    keep = [trace.object_labels[obj] != label for obj in trace.columns.object]
    columns = Columns(*(array(c.typecode, (v for v, k in zip(c, keep, strict=True) if k)) for c in columns_of(trace)))
    return replace(trace, columns=columns)


# --- aligning


def longest_common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of a longest common subsequence, by the table everybody knows."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = row
        row = [0]
        for index, y in enumerate(b):
            row.append(before[index] + 1 if x == y else max(before[index + 1], row[index]))
    return row[-1]


@pytest.mark.parametrize("steps", [1_000_000, 30, 0])
def test_alignments_are_runs_in_order_and_longest_within_budget(steps: int) -> None:
    """Blocks are equal runs in order; when the search is said to be exact they hold as much as can be equal."""
    choose = random.Random(steps)
    exacts = 0
    for _ in range(1500):
        few = choose.randint(1, 6)
        a, b = (array("I", (choose.randrange(few) for _ in range(choose.randrange(25)))) for _ in range(2))
        blocks, exact = align(a, b, Budget(steps))
        x = y = 0
        for block in blocks:
            assert block.length > 0
            assert block.a >= x
            assert block.b >= y
            x, y = block.a + block.length, block.b + block.length
            assert a[block.a : x] == b[block.b : y]
        exacts += exact
        if exact:
            assert sum(block.length for block in blocks) == longest_common(a, b)
    assert exacts == 1500 if steps > 100 else exacts > 0


def test_a_long_sequence_with_few_changes_is_aligned_exactly() -> None:
    """A hundred insertions in a hundred thousand periodic numbers are found as such."""
    choose = random.Random(1)
    a = array("I", (number % 6 for number in range(100_000)))
    b = a[:]
    for _ in range(100):
        b.insert(choose.randrange(len(b)), 9)
    blocks, exact = align(a, b, Budget(100_000))
    assert exact
    assert sum(block.length for block in blocks) == 100_000


def test_a_search_that_is_given_up_still_ends_in_a_diff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sequences that have little in common cost no more than the budget, and the counts are said to be rough."""
    monkeypatch.setattr(pairing_module, "EFFORT", 50)
    d = diff(build(3, 3000, seed=1), build(3, 3000, seed=2))
    assert d.verdict is Verdict.DIFFERENT
    assert not all(one.exact for one in d.actors)
    for one in d.actors:
        assert one.only_a <= one.events_a
        assert one.only_b <= one.events_b


def test_increasing_subsequences() -> None:
    """The longest increasing subsequence is as long as the slow way finds it, and is one."""
    choose = random.Random(3)
    for _ in range(300):
        numbers = [choose.randrange(20) for _ in range(choose.randrange(15))]
        best = [1] * len(numbers)
        for index, number in enumerate(numbers):
            best[index] += max((best[before] for before in range(index) if numbers[before] < number), default=0)
        found = [numbers[index] for index in increasing(numbers)]
        assert len(found) == max(best, default=0)
        assert found == sorted(set(found))
        assert out_of_place(numbers) == len(numbers) - len(found)


# --- the benchmark


def test_the_benchmark_runs() -> None:
    """`benchmarks/bench_diff.py` prints its table; how long it takes is nobody's test."""
    script = Path(__file__).parents[1] / "benchmarks" / "bench_diff.py"
    ran = subprocess.run([sys.executable, str(script), "400"], capture_output=True, text=True, check=True)
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["case", "events", "seconds", "CPU", "s", "peak", "MiB", "verdict", "reversed"]
    assert [line.split()[-2] for line in lines[1:]] == ["same", *["different"] * 5]
