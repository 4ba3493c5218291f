"""FastTrack by the core in C and in pure Python are one: the same pairs in the same order, in any trace."""

from __future__ import annotations

import ctypes
import gc
import random
import signal
import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from accesses import in_function, story

from simcore.analysis import fasttrack, slots
from simcore.analysis.fasttrack import track
from simcore.analysis.places import Places
from simcore.runtime.core import core
from simcore.trace import tables
from simcore.trace.events import ACCESS_KINDS, Kind
from simcore.trace.model import Span, Trace

pytestmark = pytest.mark.skipif(core is None, reason="the core was not built for this interpreter, or is refused")

REFERENCES = sorted((Path(__file__).parents[1] / "traces").glob("v*/*/*.simtrace"))

SOURCE = "len(d_box)\nd_box.append(d_box)\nv_count[0]\nv_count[n]\nv_count.value\nx in d_box\nd_box[x]\nfor x in d_box:\n" * 2
"""Lines that count, look, change, go through, and read shared memory at an item that is known, or is not."""

LOCKS = ("a", "b", "c", "s_places", "e1")
VARIABLES = ("one.x", "one.y", "two.x", "g_total")
ITEMS = ("@'a'", "@'b'", "@0", "@*", "@*append", "@*add", "@*pop", "@?")


def lines_of(choose: random.Random) -> list[str]:
    """Anything at all: who releases may not have acquired, who runs may not have been started, or have been joined."""
    actors = [f"main/{number}" for number in range(1, choose.choice((3, 5, 9, 80)))]
    everybody = ["main", *actors, "main/1!SIGUSR1"]
    places = choose.sample(VARIABLES, choose.randrange(1, 5))
    containers = choose.sample(("d_box", "d_bag"), choose.randrange(3))
    items = choose.sample(ITEMS, choose.randrange(1, 6))
    calm = choose.random()
    moves: dict[str, Callable[[str], str]] = {
        "access": lambda who: f"{who} {choose.choice(('load', 'assign', 'update'))} {choose.choice(places)}",
        "item": lambda who: (
            f"{who} {choose.choice(('load', 'assign', 'update'))} {choose.choice(containers or ['d_one'])} {choose.choice(items)}"
        ),
        "shared": lambda who: f"{who} {choose.choice(('read', 'store'))} v_{choose.choice(('count', 'sum'))}",
        "acquire": lambda who: f"{who} acquire {choose.choice(LOCKS)} ={choose.choice((0, 1, 1, 1, 2))}",
        "release": lambda who: f"{who} release {choose.choice(LOCKS)}",
        "look": lambda who: f"{who} {choose.choice(('is_set e1', 'locked a', 'value s_places'))}",
        "start": lambda who: f"{who} start t{choose.randrange(1, 9)} ={choose.choice(actors)}",
        "join": lambda who: f"{who} join t{choose.randrange(1, 9)}",
        "put": lambda who: f"{who} put q1 ={who}#{choose.randrange(1, 4)}",
        "get": lambda who: f"{who} get q1 ={choose.choice(everybody)}#{choose.randrange(1, 4)}",
        "import": lambda who: f"{who} import imports ={choose.choice(('app', 'other'))}",
        "print": lambda who: f"{who} write stdout =words",
    }
    often = {"access": 8.0, "item": 5.0 * bool(containers), "shared": choose.choice((0.0, 3.0))}
    often |= {"acquire": 8 * calm, "release": 8 * calm}
    names = choose.choices(list(moves), [often.get(name, 1.0) for name in moves], k=choose.randrange(20, 400))
    return [f"{moves[name](choose.choice(everybody))} :{choose.randrange(1, 17)}" for name in names]


def trace_of(seed: int) -> Trace:
    """A random trace; in some a part of the lines runs when the module is imported, in some values lead nowhere."""
    choose = random.Random(seed)
    trace = story(*lines_of(choose), source=SOURCE)
    if choose.random() < 0.5:
        trace = in_function(trace, range(1, choose.randrange(2, 6)), "<module>")
    event = next((at for at, info in enumerate(trace.objects) if info.label == "e1"), 0)
    if event:
        firsts = [at for at in range(len(trace)) if choose.random() < 0.1]
        spans = [Span("Event.set", trace.columns.actor[at], event, 0, at, len(trace) - 1) for at in firsts]
        trace = replace(trace, spans=spans)
    if choose.random() < 0.2:
        for at, kind in enumerate(trace.columns.kind):
            if kind in ACCESS_KINDS and choose.random() < 0.1:
                trace.columns.value[at] = choose.choice((-1, 1 << 40, (1 << 63) - 1, -(1 << 63), choose.getrandbits(36)))
    return trace


def told(trace: Trace, which: Any, without: Sequence[int] = ()) -> tuple[object, ...]:
    """All that is found, in its order, and what was asked of the places on the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasttrack, "core", which)
        places = Places(trace)
        found = track(trace, places, frozenset(without))
        groups = [(thing, places.group(thing)) for thing in range(len(trace.objects))]
    keys = [list(pair.keys) for pair in found.pairs.values()]
    facts = (found.accesses, found.looked_at, found.complete, found.actor_of)
    return list(found.pairs.items()), keys, list(found.untold.items()), groups, facts


def _agree(seeds: Sequence[int]) -> None:
    met = dict.fromkeys(("pairs", "untold", "unsure", "sure", "incomplete", "complete", "skipped"), 0)
    for seed in seeds:
        choose = random.Random(-seed)
        with pytest.MonkeyPatch.context() as patch:
            if seed % 3 == 0:
                patch.setattr(fasttrack, "MOST_CHECKS", choose.randrange(2000))
            if seed % 5 == 0:
                patch.setattr(fasttrack, "MOST_PAIRS", choose.randrange(12))
            if seed % 7 == 0:
                patch.setattr(slots, "FEW", 0)
            trace = trace_of(seed)
            without = choose.sample(range(len(trace.objects)), choose.randrange(3))
            assert told(trace, core, without) == told(trace, None, without), f"seed {seed}"
            found = track(trace)
        met["pairs"] += len(found.pairs)
        met["untold"] += len(found.untold)
        met["unsure"] += any(pair.unsure for pair in found.pairs.values())
        met["sure"] += any(not pair.unsure for pair in found.pairs.values())
        met["complete" if found.complete else "incomplete"] += 1
        met["skipped"] += found.accesses < sum(kind in fasttrack.WHAT for kind in trace.columns.kind)
    assert all(met.values()), met


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_both_find_the_same_in_random_traces(first: int) -> None:
    """Threads, locks that anybody gives back, items, wholes, unknown ones, imports, limits, values that lead nowhere."""
    _agree(range(first, first + 100))


@pytest.mark.loop
@pytest.mark.parametrize("first", range(1000, 21_000, 1000))
def test_both_find_the_same_in_many_random_traces(first: int) -> None:
    """The same, more often."""
    _agree(range(first, first + 1000))


@pytest.mark.parametrize("readers", [2, 3, 12])
def test_each_of_many_readers_is_remembered(readers: int) -> None:
    """They read at once, tell that they have, and wait for a write; in the second round one of them does not tell."""
    names = [f"main/{number}" for number in range(1, readers + 1)]
    for silent in ["", *names]:
        lines = [f"main start t{number} ={name}" for number, name in enumerate(names, 1)]
        for turn in (1, 2):
            lines += [f"{name} load one.x :{number}" for number, name in enumerate(names, 1)]
            telling = [name for name in names if turn == 1 or name != silent]
            lines += [f"{name} put q1 ={name}#{turn}" for name in telling] + [f"main get q1 ={name}#{turn}" for name in telling]
            lines += ["main assign one.x :99", f"main put q2 =main#{turn}", *(f"{name} get q2 =main#{turn}" for name in names)]
        trace = story(*lines)
        for which in (core, None):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(fasttrack, "core", which)
                lower = [trace.sites[sites[1]].line for sites in track(trace).pairs]
            assert lower == [names.index(name) + 1 for name in names if name == silent]


def test_both_find_the_same_in_recorded_traces() -> None:
    """In all reference recordings that have accesses, also with a lock left out."""
    looked = racy = 0
    for path in REFERENCES:
        trace = Trace.load(path)
        kinds = trace.columns.kind
        if not any(kind in fasttrack.WHAT for kind in kinds):
            continue
        found = told(trace, core)
        assert found == told(trace, None), path
        without = {trace.columns.object[at] for at, kind in enumerate(kinds) if kind == Kind.ACQUIRE}
        assert told(trace, core, sorted(without)[:1]) == told(trace, None, sorted(without)[:1]), path
        looked, racy = looked + 1, racy + bool(found[0])
    assert looked > 30
    assert racy


def arguments(trace: Trace) -> list[Any]:
    """What the core is given for a trace."""
    given: list[Any] = []

    class Listening:
        @staticmethod
        def fasttrack(*args: Any) -> Any:
            given.extend(args)
            return core.fasttrack(*args)

    told(trace, Listening)
    return given


RACY = (*(f"main/{number} {verb} one.x :{number}" for number in (1, 2) for verb in ("load", "assign")), "main/1 acquire a")


@pytest.mark.parametrize("column", ["actor", "object", "site"])
def test_what_leads_nowhere_is_refused(column: str) -> None:
    """A file with such a column is not loaded; who changes a trace in memory gets an error, and no more."""
    for number in (1000, (1 << 32) - 1):
        trace = story(*RACY)
        getattr(trace.columns, column)[2] = number
        with pytest.raises(IndexError):
            track(trace)


def test_what_does_not_fit_together_is_refused() -> None:
    """Columns and tables of other lengths or types, clocks of other actors."""
    good = arguments(story(*RACY))
    core.fasttrack(*good)
    wrong: list[tuple[int, int, object]] = [(0, at, array("B")) for at in range(5)]
    wrong += [(0, 0, array("H", bytes(2 * len(RACY)))), *((1, at, b"") for at in (0, 2, 4, 6))]
    wrong += [(2, 0, []), (2, 1, []), (2, 1, [[0]] * len(good[2][1])), (2, 2, []), (2, 3, []), (3, 0, [None]), (4, 0, -1)]
    for group, at, value in wrong:
        args = [list(one) for one in good]
        args[group][at] = value
        with pytest.raises((ValueError, IndexError)):
            core.fasttrack(*map(tuple, args))
    for too_few in ((), good[:4], [*good[:4], 1], [(), *good[1:]]):
        with pytest.raises(TypeError):
            core.fasttrack(*too_few)


class Stopped(Exception):
    """What these tests raise."""


def long_trace() -> Trace:
    """Two threads at one counter, 140,000 times, and at last somebody at another place."""
    trace = story("main load g_late :1", *RACY[:4])
    for column in tables.columns_of(trace.columns):
        late = column.pop(0)
        column.extend(list(column) * 35_000)
        column.append(late)
    return trace


def test_both_find_the_same_in_a_long_trace() -> None:
    """Two hundred thousand times that two lines met."""
    trace = long_trace()
    assert told(trace, core) == told(trace, None)
    assert [pair.times > 200_000 for pair in track(trace).pairs.values()] == [True]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals of POSIX")
def test_a_signal_is_heard_within_a_long_trace() -> None:
    """One that comes while the core goes through the events, and has nothing to ask of Python."""
    args = arguments(long_trace())
    places: defaultdict[int, int] = defaultdict(int)
    args[1] = (*args[1][:7], array("q", [signal.SIGUSR1]))
    args[3] = (args[3][0], ctypes.CDLL(None)["raise"], *args[3][2:4], places.__getitem__, *args[3][5:])

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stopped):
            core.fasttrack(*args)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(places) == 1, "it came to the last event before it heard the signal"


@pytest.mark.parametrize("asked", range(8))
def test_an_error_of_what_is_asked_is_passed_on(asked: int) -> None:
    """Whatever is called: handlers, marks, keys, imports, places, groups, whether the items of containers touch."""
    lines = [f"main/{1 + at % 2} {verb} d_box {item} :{at}" for at in range(4) for verb in ("load", "assign") for item in ITEMS]
    whole = in_function(story("main/1 import imports =app", *lines, "main/1 locked a", "main/2 acquire a"), range(2), "<module>")
    trace = replace(whole, spans=[Span("Event.set", 1, whole.columns.object[-1], 0, 5, len(whole) - 1)])
    args = arguments(trace)

    def stop(*numbers: int) -> int:
        raise Stopped

    args[3] = (*args[3][:asked], [stop] * 256 if asked == 0 else stop, *args[3][asked + 1 :])
    before = [sys.getrefcount(one) for group in args[:4] for one in group]
    for _ in range(5):
        with pytest.raises(Stopped):
            core.fasttrack(*args)
    assert [sys.getrefcount(one) for group in args[:4] for one in group] == before


def test_nothing_is_kept() -> None:
    """Neither what was given, nor blocks of memory, however often it runs."""
    traces = [trace_of(seed) for seed in (3, 5, 7, 8)]
    columns = [getattr(trace.columns, name) for trace in traces for name in ("actor", "kind", "object", "site", "value")]
    for trace in traces:
        told(trace, core)
    gc.collect()
    before = [sys.getrefcount(column) for column in columns], sys.getallocatedblocks()
    for _ in range(20):
        for trace in traces:
            told(trace, core)
    gc.collect()
    assert [sys.getrefcount(column) for column in columns] == before[0]
    assert sys.getallocatedblocks() < before[1] + 100
    for column in columns:
        column.append(0)  # no buffer is left open


def test_a_thread_that_took_the_clock_of_another_one_imports_for_itself() -> None:
    """With so many threads that they share components: what belongs to an import is told by the actor."""
    lines = []
    for number in range(1, 101):
        lines += [f"main start t{number} =main/{number}", f"main/{number} begin t{number}"]
        lines += [f"main/{number} import imports =app"] if number == 100 else []
        lines += [f"main/{number} assign one.x :1", f"main/{number} end t{number}", f"main join t{number}"]
    trace = in_function(story(*lines), range(2), "<module>")
    for which in (core, None):
        assert told(trace, which)[-1][0] == 99  # type: ignore[index]
