"""The two timelines: the axis of time with its folds, what stands in which column, and how it looks."""

from __future__ import annotations

import dataclasses
import io
import json
import random
from itertools import pairwise

import pytest
from pictures import CONTENDED, LOCK, THREADS, leak, rendered, small
from rich.console import Console
from synthetic import build

from simcore.analysis.stretches import Stretches
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Ending, ObjectInfo, Pending, ProcessInfo, Span, Trace
from simcore.views.actor_chart import ActorChart
from simcore.views.cells import ACTOR_MARKS, Lane, Marks, counts, painted, painted_lock
from simcore.views.chart import Chart
from simcore.views.events import Selection
from simcore.views.object_chart import ObjectChart
from simcore.views.scale import FOLD, SHORTEST_NS, scale
from simcore.views.stats import Stats
from simcore.views.usage import Usage
from simcore.views.window import window_of

US = 1000


def chart(trace: Trace, kind: type[Chart] = ActorChart, *, everything: bool = False, **options: object) -> Chart:
    """The timeline of a whole trace."""
    stretches = Stretches(trace)
    window = window_of(stretches, Selection(0, len(trace) - 1, **options))  # type: ignore[arg-type]
    return kind(stretches, window, everything=everything)


def lanes(text: str) -> dict[str, str]:
    """The lanes of a timeline of one strip, by their headings."""
    body = text.split("\n\n")[1].splitlines()[2:]
    gutter = text.split("\n\n")[1].index("│")
    return {line[:gutter].strip(): line[gutter:] for line in body}


def test_columns_are_of_one_length_where_nothing_is_quiet() -> None:
    """Changes all over the time: no folds, and every column as long as any other, give or take what does not divide."""
    axis = scale(0, 1_000_000, range(0, 1_000_000, 20_000), 60)
    assert axis.folds == frozenset()
    assert {round((end - start) / 1000) for start, end in pairwise(axis.edges)} <= {16, 17}
    assert [axis.column(at_ns) for at_ns in (-5, 0, 16_667, 999_999, 1_000_000, 5_000_000)] == [0, 0, 1, 59, 59, 59]


def test_a_quiet_stretch_takes_three_columns() -> None:
    """Half a second in which nothing changes leaves its place to the microseconds in which much does."""
    changes = [*range(0, 50_000, 1000), *range(500_000_000, 500_050_000, 1000)]
    axis = scale(0, 500_050_000, changes, 60)
    (mark,) = axis.folds
    assert axis.edges[mark - 1] == 49_000
    assert axis.edges[mark - 1 + FOLD] == 500_000_000
    assert axis.folded_ns == 499_951_000
    assert axis.column_ns < 2_000
    assert len(axis) == 60


@pytest.mark.parametrize("seed", range(30))
def test_an_axis_covers_its_time_in_order(seed: int) -> None:
    """Whatever changes when: from the first moment to the last, ascending, never more columns than there are, folds apart."""
    choose = random.Random(seed)
    columns, last = choose.choice((8, 20, 60, 240)), choose.choice((1, 7, 5_000, 10**9))
    changes = sorted(choose.randrange(last + 1) for _ in range(choose.choice((0, 1, 5, 400))))
    axis = scale(0, last, changes, columns)
    assert (axis.edges[0], axis.edges[-1]) == (0, last)
    assert list(axis.edges) == sorted(axis.edges)
    assert 1 <= len(axis) <= columns
    assert all(later - mark >= FOLD for mark, later in pairwise(sorted(axis.folds)))
    # What is folded is quiet.
    for mark in axis.folds:
        start, end = axis.edges[mark], axis.edges[mark + 1]
        assert not any(start < at_ns < end for at_ns in changes)
        assert axis.folded_ns > 8 * SHORTEST_NS


def test_a_column_shows_what_took_most_of_it() -> None:
    """Two characters in turn where it waits for one and holds the other; a hold too short for a column is seen all the same."""
    axis = scale(0, 80_000, range(0, 80_000, 10_000), 8)
    marks = Marks()
    one = Lane(0, [0, 10_000, 20_000, 50_000, 70_000, 71_000], ["─", "A", "bA", "─", "C", "─"], 80_000)
    assert painted(one, axis, marks) == "─AbAb──C"
    assert painted(Lane(0, [25_000], ["─"], 45_000), axis, marks) == "  ───   "
    assert painted(Lane(0, [0], ["─"], 0), axis, marks) == "─       "
    brief = [at + part for at in range(0, 60_000, 10_000) for part in (0, 500)]
    assert painted(Lane(0, brief, ["A", "─"] * 6, 60_000), axis, marks) == "A─A─A─  "


def test_a_lock_shows_its_owners() -> None:
    """Free, held, held by two within a column, held for less than half of it."""
    axis = scale(0, 80_000, range(0, 80_000, 10_000), 8)
    turns = [10_000, 30_000, 34_000, 40_000, 41_000, 51_000, 60_000, 64_000, 69_000, 70_000]
    one = Lane(0, [0, *turns], ["", "1", "2", "1", "3", "", "1", "", "2", "", ""], 80_000)
    assert painted_lock(one, axis, Marks()) == "·111312·"
    assert painted_lock(Lane(0, [0, 30_000], ["1", ""], 30_000), axis, Marks()).startswith("111")
    halves = [at + part for at in range(0, 80_000, 10_000) for part in (0, 4_000)]
    assert painted_lock(Lane(0, halves, ["1", ""] * 8, 80_000), axis, Marks()) == "1·1·1·1·"
    assert painted_lock(Lane(0, halves, ["1", "2"] * 8, 80_000), axis, Marks()) == "21212121"
    assert painted_lock(Lane(0, [0], [""], 80_000), axis, Marks()) == "·" * 8


def test_counts_fit_in_a_column() -> None:
    """A digit each, a plus for more than nine, nothing for nothing."""
    axis = scale(0, 40_000, range(0, 40_000, 1_000), 4)
    assert counts([0, 1, 2, *range(10_000, 20_000, 900), 39_999, 40_000], axis) == "3+ 2"


def test_the_lanes_of_a_contended_lock() -> None:
    """A small letter until it gets the lock, a capital from then on: who had it before has the capital left of that."""
    found = lanes(rendered(chart(small(*CONTENDED))))
    assert set(found) == {"main", "producer", "consumer", "hand-offs"}
    consumer, producer = found["consumer"], found["producer"]
    taken = consumer.index("S")
    assert set(consumer[:taken].strip()) <= {"s", "≈"}
    assert set(consumer[taken:]) <= {"S", "≈"}
    assert "S" not in producer[taken:]
    assert set(producer.strip()) <= {"S", "─", "≈"}
    assert found["hand-offs"].index("1") == taken
    text = rendered(chart(small(*CONTENDED)))
    assert "S s `stock` (Lock, buf.py:18)" in text
    assert "  45 us  consumer waited for stock  @4  buf.py:30\n         producer had it, taken at @0 buf.py:22" in text


def test_who_waits_for_one_lock_and_holds_another_shows_both() -> None:
    """A deadlock: small and capital letter in turn in both lanes, to the end."""
    trace = build(3, 60, 1, outcome=Outcome.DEADLOCK)
    trace.ending.duration_ns += 500_000_000
    found = lanes(rendered(chart(trace)))
    # The end is folded: nothing changed any more.
    assert "Bl≈Bl" in found["worker-1"] or "l≈B" in found["worker-1"]
    assert "Lb≈Lb" in found["worker-2"] or "b≈L" in found["worker-2"]
    assert found["main"].rstrip()[-1] == ">"
    text = rendered(chart(trace))
    assert "worker-1 still waits for log_lock  bank.py:31" in text
    assert "worker-2 had it, taken at @" in text


def test_the_lane_of_a_lock_names_its_owners() -> None:
    """One lane, the marks of those that hold it, below it how many wait; the key says who is who."""
    text = rendered(chart(small(*CONTENDED), ObjectChart))
    found = lanes(text)
    assert set(found) == {"stock", "waiting"}
    assert [mark for mark, before in zip(found["stock"][1:], found["stock"], strict=False) if mark != before] != []
    assert found["stock"].replace("≈", "").replace("·", "").strip("0").strip("1") == ""
    assert found["stock"].startswith("0")
    assert found["stock"].rstrip().endswith("1")
    assert set(found["waiting"].strip()) == {"1"}
    assert "0 producer   1 consumer   · nobody" in text


def test_an_owner_that_has_ended_is_said_to_have() -> None:
    """The lock of the leak stays with its owner to the end of its lane."""
    ending = Ending(Outcome.DEADLOCK, -9, duration_ns=900 * US, pending=[Pending(2, Kind.ACQUIRE, LOCK, 1, 120 * US, False)])
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (2, Kind.BEGIN, THREADS + 2, 0, 110, 0),
        (1, Kind.END, THREADS + 1, 0, 130, 0),
    )
    text = rendered(chart(small(*events, ending=ending), ObjectChart))
    assert lanes(text)["stock"].rstrip().endswith("0")
    assert "producer had it, taken at @0 buf.py:22; it has ENDED" in text


def test_lanes_are_grouped_by_process() -> None:
    """Each process has a heading with how it came to be, where any has several lanes."""
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main.1", "MainThread"), ActorInfo("main.1/1", "helper")]
    ending = Ending(processes=[ProcessInfo("main", 70), ProcessInfo("main.1", 71, "spawn")])
    events = [(actor, Kind.SLEEP, 0, 1, 10 * step + 5, 4) for step in range(6) for actor in (0, 1, 2)]
    lines = rendered(chart(small(*events, actors=actors, ending=ending))).splitlines()
    assert [line for line in lines if line.startswith("process")] == ["process main (pid 70)", "process main.1 (spawn, pid 71)"]
    assert [line.split()[0] for line in lines[4:9]] == ["process", "main", "process", "main.1", "helper"]
    alone = rendered(chart(small(*(event for event in events if event[0] < 2), actors=actors[:2], ending=ending)))
    assert "process" not in alone


def test_a_selection_narrows_the_lanes() -> None:
    """By actor, by object (and then only that has a letter), by range."""
    trace = small(*CONTENDED)
    assert set(lanes(rendered(chart(trace, actors={2})))) == {"consumer", "hand-offs"}
    assert set(lanes(rendered(chart(trace, objects={LOCK})))) == {"producer", "consumer", "hand-offs"}
    trace = build(3, 300, 1)
    other = trace.object_labels.index("mutex")
    text = rendered(chart(trace, objects={other}))
    assert "M   `mutex` (Lock, bank.py:12)" in text or "M m `mutex` (Lock, bank.py:12)" in text
    assert "balance_lock" not in text


def test_few_lanes_are_shown_in_several_strips() -> None:
    """What would be lost in one strip of 70 columns is shown in up to four, each with its ruler; many lanes have one."""
    strips = [rendered(chart(build(actors, 40 * actors + 400, 1))).count("\nevent") for actors in (2, 3, 40)]
    assert strips == [4, 3, 1]
    assert rendered(chart(small(*CONTENDED))).count("\nevent") == 1


def test_the_ruler_names_events_that_can_be_pasted_back() -> None:
    """Each tick bears a time and the first event from then on."""
    trace = build(12, 2000, 1)
    ms, event = rendered(chart(trace)).splitlines()[2:4]
    times = [float(word.strip("│").replace(",", "")) for word in ms.split()[1:]]
    places = [int(word.strip("│@")) for word in event.split()[1:]]
    assert times == sorted(times)
    assert len(times) >= 4
    for time, place in zip(times, places, strict=True):
        assert abs(trace.columns.at_ns[place] / 1e6 - time) < 0.2


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
@pytest.mark.parametrize("actors", [1, 3, 12, 40])
@pytest.mark.parametrize("kind", [ActorChart, ObjectChart])
def test_no_line_is_longer_than_the_terminal_is_wide(kind: type[Chart], width: int, actors: int) -> None:
    """Few actors or many: both timelines stay within the width, and 40 actors have a line each."""
    trace = build(actors, 8 * actors + 400, 3, outcome=Outcome.DEADLOCK if actors > 1 else Outcome.OK)
    text = rendered(chart(trace, kind), width=width)
    assert max(map(len, text.splitlines())) <= width
    if kind is ActorChart and width >= 60:
        assert sum(line.startswith("worker-") for line in text.splitlines()) >= actors - 1


def test_of_very_many_lanes_those_that_waited_most_are_shown() -> None:
    """Sixty of a hundred; the others are counted, and shown when all is asked for."""
    trace = build(100, 1200, 1)
    text = rendered(chart(trace))
    assert "40 actors that waited less: --all shows all, --actor NAME one" in text
    assert sum(line.startswith(("main ", "worker-")) for line in text.splitlines()) == 60
    assert sum(line.startswith(("main ", "worker-")) for line in rendered(chart(trace, everything=True)).splitlines()) == 100


def test_objects_beyond_the_alphabet_share_a_mark() -> None:
    """Twelve objects have letters; who waits for another one waits for something else. Marks of owners run out, too."""
    first = len(small().objects)
    objects = [*small().objects, *(ObjectInfo(0, ObjectKind.LOCK, 10 + n, 1, f"lock{n}") for n in range(20))]
    events = [(1, Kind.ACQUIRE, first + n, 1, 100 * n + 50, 40 - n) for n in range(20)]
    text = rendered(chart(small(*events, objects=objects)))
    assert "* waits for something else" in text
    assert sum("`lock" in line for line in text.splitlines()) == 12
    assert len(set(ACTOR_MARKS)) == len(ACTOR_MARKS) == 62


def test_an_empty_trace_is_said_to_be() -> None:
    """No events, one moment only, nothing that was held: no blank screen and no axis of nothing."""
    assert rendered(chart(small())) == "no events"
    one = small((0, Kind.EXIT, 14, 0, 5, 0))
    assert rendered(chart(one)) == "all of it happened within a microsecond: there is no time to show"
    two = small((0, Kind.SLEEP, 0, 5, 5, 2), (0, Kind.EXIT, 14, 0, 50, 0))
    assert rendered(chart(two, ObjectChart)) == "no lock was waited for or changed hands"
    assert rendered(chart(small(*CONTENDED), actors=set())) == "no events"


@pytest.mark.parametrize("seed", range(25))
def test_events_in_any_order_are_drawn(seed: int) -> None:
    """What no run does (releases by anybody, times that step back, spans that lead nowhere) makes a picture all the same."""
    choose = random.Random(seed)
    objects = [*small().objects, *(ObjectInfo(0, kind, 3, 1, choose.choice(("", "a.b", kind.name))) for kind in ObjectKind)]
    values = (0, 1, -1, 2, 1 << 32 | 1, 99 << 32, -(1 << 40), -(1 << 63))
    kinds = [*[Kind.ACQUIRE, Kind.RELEASE] * 10, *(kind for kind in Kind if kind < Kind.CREATE)]
    events, at_us = list[tuple[int, Kind, int, int, int, int]](), 0
    for _ in range(choose.choice((1, 5, 60))):
        at_us += choose.choice((0, -3, 1, 5, 100, 10**6))
        what = choose.choice(kinds), choose.randrange(len(objects)), choose.choice(values)
        events.append((choose.randrange(3), *what, at_us, choose.choice((0, 0, 3, 50, 2**32 - 1))))
    last = len(events)
    spans = [Span("Queue.get", 1, choose.randrange(len(objects)), 1, choose.randrange(last), last) for _ in range(3)]
    pending = [Pending(choose.randrange(3), choose.choice(kinds), choose.randrange(len(objects)), 1, 9, False) for _ in range(2)]
    actors = [
        ActorInfo("main", "MainThread"),
        ActorInfo(choose.choice(("main.1", "main!SIGALRM")), "x"),
        ActorInfo("main.1/2", "x"),
    ]
    ending = Ending(Outcome.KILLED, None, duration_ns=choose.choice((0, max(at_us, 0) * 2000)), pending=pending)
    trace = small(*events, objects=objects, actors=actors, spans=spans, ending=ending)
    stretches = Stretches(trace)
    for selection in (Selection(0, last - 1), Selection(last // 2, last - 1), Selection(0, last - 1, objects={LOCK, 20})):
        window = window_of(stretches, selection)
        text = rendered(ActorChart(stretches, window), ObjectChart(stretches, window), Stats(Usage(stretches, window)))
        assert max(map(len, text.splitlines())) <= 80
        json.dumps(Usage(stretches, window).facts())
    for actor in range(3):
        assert all(before[1] == after[0] for before, after in pairwise(stretches.of_actor(actor)))


@pytest.mark.parametrize("kind", [ActorChart, ObjectChart])
def test_a_terminal_without_more_than_ascii_gets_no_more(kind: type[Chart]) -> None:
    """All marks have a plain form."""
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80, color_system=None)
    with console.capture() as capture:
        console.print(chart(build(4, 300, 1, outcome=Outcome.DEADLOCK), kind))
    assert capture.get().isascii()


@pytest.mark.parametrize("kind", [ActorChart, ObjectChart])
def test_a_hostile_trace_sends_no_escape_sequence(kind: type[Chart]) -> None:
    """Whatever names hold, no control character reaches the terminal."""
    evil = "\x1b]0;x\x07\x1b[31m\u202e\nname"
    trace = leak()
    trace = dataclasses.replace(
        trace,
        actors=[ActorInfo(f"main.{n}" if n else evil, f"{evil}{n}") for n in range(3)],
        objects=[info._replace(label=evil) for info in trace.objects],
        ending=dataclasses.replace(
            trace.ending,
            processes=[ProcessInfo("main.1", 7, evil)],
            pending=[Pending(n, Kind.ACQUIRE, LOCK, 3, 2 * US, False) for n in (0, 1)],
        ),
    )
    text = rendered(chart(trace, kind), width=200)
    assert all(line.isprintable() for line in text.splitlines())
    assert "\\x1b" in text
