"""FastTrack agrees with a slow, obvious way to find the same: the transitive closure of what happened before what."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
from accesses import checked_by, story

from simcore.analysis import slots
from simcore.analysis.fasttrack import WHAT, track
from simcore.trace.events import Kind
from simcore.trace.model import Trace

__all__ = ["checked_by"]

Meeting = tuple[int, int, int, frozenset[tuple[int, int]]]
"""A race: object, lower site, higher site, and (site, what) of both."""

PLACES = ("one.x", "one.y", "g_total", "v_count")
LOCKS = ("a", "b")


def run(choose: random.Random) -> list[str]:
    """A run of a few threads that access places, take locks, pass items and places of a semaphore on, start and join."""
    children = [f"main/{number}" for number in range(1, choose.randrange(2, 7))]
    running, unstarted, ended = ["main"], list(children), []
    left = {name: choose.randrange(2, 12) for name in ("main", *children)}
    held: dict[str, str] = {}
    queued: list[str] = []
    puts: dict[str, int] = {}
    free = 0
    lines: list[str] = []
    while True:
        moves = [name for name in running if left[name] > 0 or (name != "main" and name in running)]
        if not unstarted and not ended and all(left[name] <= 0 for name in running):
            return lines
        name = choose.choice(moves or ["main"])
        line = f":{choose.randrange(1, 7)}"
        dice = choose.random()
        if name == "main" and unstarted and (dice < 0.4 or left["main"] <= 0):
            child = unstarted.pop(0)
            running.append(child)
            lines += [f"main start t{child[5:]} ={child}", f"{child} begin t{child[5:]}"]
        elif name == "main" and ended and (dice < 0.5 or left["main"] <= 0):
            lines.append(f"main join t{ended.pop(0)[5:]}")
        elif left[name] <= 0 and name != "main":
            lines += [f"{name} release {lock}" for lock, owner in held.items() if owner == name]
            held = {lock: owner for lock, owner in held.items() if owner != name}
            running.remove(name)
            ended.append(name)
            lines.append(f"{name} end t{name[5:]}")
        elif left[name] > 0:
            left[name] -= 1
            if dice < 0.55:
                place = choose.choice(PLACES)
                verbs = ("read", "store") if place[:2] == "v_" else ("load", "assign", "update")
                lines.append(f"{name} {choose.choice(verbs)} {place} {line}")
            elif dice < 0.8:
                lock = choose.choice(LOCKS)
                if held.get(lock) == name:
                    del held[lock]
                    lines.append(f"{name} release {lock}")
                elif lock not in held:
                    held[lock] = name
                    lines.append(f"{name} acquire {lock}")
            elif dice < 0.85:
                puts[name] = puts.get(name, 0) + 1
                queued.append(f"{name}#{puts[name]}")
                lines.append(f"{name} put q1 ={queued[-1]}")
            elif dice < 0.9 and queued:
                lines.append(f"{name} get q1 ={queued.pop(0)}")
            elif dice < 0.95:
                free += 1
                lines.append(f"{name} release s_places")
            elif free:
                free -= 1
                lines.append(f"{name} acquire s_places")
    return lines


def closure(trace: Trace) -> list[int]:
    """Per event the set of those that happened before it, as bits: by edges drawn one by one, from the text of the rules."""
    c = trace.columns
    before = [0] * len(trace)
    mine: dict[int, int] = {}
    releases: dict[int, list[int]] = {}
    puts: dict[tuple[int, int], int] = {}
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for at, (actor, kind, thing, value) in enumerate(zip(c.actor, c.kind, c.object, c.value, strict=True)):
        earlier: list[int] = []
        if actor in mine:
            earlier.append(mine[actor])
        if kind == Kind.ACQUIRE:
            earlier += releases.get(thing, [])
        elif kind == Kind.RELEASE:
            releases.setdefault(thing, []).append(at)
        elif kind == Kind.PUT:
            puts[thing, value] = at
        elif kind == Kind.GET:
            earlier.append(puts[thing, value])
        elif kind == Kind.START:
            starts[value] = at
        elif kind == Kind.BEGIN:
            earlier.append(starts[actor])
        elif kind == Kind.END:
            ends[thing] = at
        elif kind == Kind.JOIN:
            earlier.append(ends[thing])
        for one in earlier:
            before[at] |= before[one] | 1 << one
        mine[actor] = at
    return before


def meetings(trace: Trace) -> set[Meeting]:
    """All pairs of accesses of which one at least is a write, by different actors, that the closure does not order."""
    c = trace.columns
    before = closure(trace)
    accesses = [at for at, kind in enumerate(c.kind) if kind in WHAT]
    found = set()
    for one, other in combinations(accesses, 2):
        kinds = WHAT[c.kind[one]], WHAT[c.kind[other]]
        if (
            c.object[one] == c.object[other]
            and c.actor[one] != c.actor[other]
            and (kinds[0] | kinds[1]) & 2
            and not before[other] >> one & 1
        ):
            sites = sorted((c.site[one], c.site[other]))
            found.add((c.object[one], sites[0], sites[1], frozenset(zip((c.site[one], c.site[other]), kinds, strict=True))))
    return found


def tracked(trace: Trace) -> set[Meeting]:
    """The same as FastTrack finds it."""
    return {
        (key & 0xFFFFFFFF, lower, higher, frozenset(((lower, whats[0]), (higher, whats[1]))))
        for (_, lower, higher), pair in track(trace).pairs.items()
        for key in pair.keys
        for whats in pair.whats
    }


SOURCE = "count.value\n" * 6
"""Each line of it reads or writes a shared value as a whole."""


@pytest.mark.parametrize("few", [64, 0])
@pytest.mark.parametrize("first", range(0, 400, 100))
def test_fasttrack_finds_what_the_closure_finds(first: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In random runs: each pair of lines, what each does there, and no other; also where threads hand their clocks on."""
    monkeypatch.setattr(slots, "FEW", few)
    _agree(range(first, first + 100))


@pytest.mark.loop
@pytest.mark.parametrize("few", [64, 0])
@pytest.mark.parametrize("first", range(600, 15_000, 600))
def test_fasttrack_finds_what_the_closure_finds_in_many_runs(first: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, more often."""
    monkeypatch.setattr(slots, "FEW", few)
    _agree(range(first, first + 600))


def test_threads_that_were_joined_hand_their_clocks_on() -> None:
    """A thousand threads, one after the other, need two components; a race between them is found all the same."""
    lines = []
    for number in range(1, 1001):
        name = f"main/{number}"
        lines += [f"main start t{number} ={name}", f"{name} begin t{number}", f"{name} update one.x :1"]
        lines += [f"{name} end t{number}", f"main join t{number}"]
    trace = story(*lines)
    assert len(set(slots.slots(trace, slots.hosts(trace)))) == 2
    assert tracked(trace) == set()
    late = story(*lines[:-1], "main update one.x :2")
    assert {meeting[1:3] for meeting in tracked(late)} == {(1, 2)}


def _agree(seeds: Sequence[int]) -> None:
    races = 0
    clean = 0
    for seed in seeds:
        lines = run(random.Random(seed))
        trace = story(*lines, source=SOURCE)
        expected = meetings(trace)
        assert tracked(trace) == expected, f"seed {seed}:\n" + "\n".join(lines)
        races += bool(expected)
        clean += not expected
    assert races, "no run has a race"
    assert clean, "every run has one"
