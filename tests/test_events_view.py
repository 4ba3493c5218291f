"""The listing of events: which rows, in which lanes, at which width."""

from __future__ import annotations

import dataclasses
import io

import pytest
from pictures import CONTENDED, LOCK, everything, leak, rendered, small
from rich.console import Console
from synthetic import build, header

from simcore.errors import Divergence
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.facts import event_facts
from simcore.trace.model import ActorInfo, Ending, ObjectInfo, Pending, Site, Span
from simcore.trace.words import Words
from simcore.views.divergence import divergence_view
from simcore.views.events import EventList, Selection
from simcore.views.lanes import Lanes
from simcore.views.summary import header_view, summary_view


def test_a_long_wait_is_shown_from_its_beginning() -> None:
    """Who had to wait has a row where it came, which says for whom it waits, and one where it got what it wanted."""
    rows = everything(small(*CONTENDED)).rows()
    assert [(row.position, row.actor, row.state, row.what) for row in rows] == [
        (0, 1, "did", "took stock"),
        (2, 2, "waits", "take stock ... waits for producer"),
        (2, 1, "did", "slept 1 us"),
        (3, 1, "did", "released stock"),
        (4, 2, "got", "took stock after 45 us"),
        (5, 2, "did", "released stock"),
    ]
    assert rows[1].at_ns == 1_206_000


def test_quiet_events_are_left_out_and_counted() -> None:
    """Clocks are not shown unless asked for, by name or with everything."""
    trace = small(*CONTENDED)
    assert everything(trace).hidden == 1
    assert everything(trace, inner=True).positions == [0, 1, 2, 3, 4, 5]
    assert everything(trace, kinds={Kind.CLOCK}).positions == [1]


def test_writes_that_go_on_with_each_other_are_one_row() -> None:
    """A print is one row with its line end; another stream, another actor or another event in between starts a new one."""
    texts = ["done", "\n", "", b"\x00"]
    written = [(0, 1, 0), (0, 1, 1), (0, 2, 0), (1, 2, 2), (1, 1, 0), (1, 1, 1), (0, 1, 1), (0, 1, 3), (0, 1, 0)]
    trace = small(*((actor, Kind.WRITE, stream, text, 1, 0) for actor, stream, text in written), texts=texts)
    shown = everything(trace)
    assert [(row.position, row.what) for row in shown.rows()] == [
        (0, 'stdout: "done\\n"'),
        (2, 'stderr: "done"'),
        (4, 'stdout: "done\\n"'),
        (6, 'stdout: "\\n"'),
        (7, "stdout: 1 bytes"),
        (8, 'stdout: "done"'),
    ]
    assert shown.hidden == 3
    assert shown.positions == list(range(9))
    assert len(everything(trace, inner=True).rows()) == 9


def test_a_lock_that_one_thread_only_took_is_no_news() -> None:
    """It is left out of the whole picture, but not when it is waited for, a try of it failed, or one thread is looked at."""
    other = LOCK + 4
    objects = [*small().objects, ObjectInfo(0, ObjectKind.LOCK, 2, 1, "own")]
    events = (
        *((1, kind, other, 1 - index, index, 0) for index, kind in enumerate((Kind.ACQUIRE, Kind.RELEASE))),
        (1, Kind.ACQUIRE, other, -1, 3, 0),
        *((actor, kind, LOCK, 1, 4, 0) for actor in (1, 2) for kind in (Kind.ACQUIRE, Kind.RELEASE)),
    )
    trace = small(*events, objects=objects)
    assert everything(trace).positions == [2, 3, 4, 5, 6]
    assert everything(trace).hidden == 2
    assert everything(trace, actors={1}).positions == [0, 1, 2, 3, 4]
    assert everything(trace, objects={other}).positions == [0, 1, 2]
    waiting = Ending(Outcome.DEADLOCK, -9, pending=[Pending(1, Kind.ACQUIRE, other, 1, 5, False)])
    assert everything(small(*events, objects=objects, ending=waiting)).positions == list(range(7))
    alone = [(0, *event[1:]) for event in events[:3]]
    assert everything(small(*alone, objects=objects, actors=[ActorInfo("main", "MainThread")])).positions == [0, 1, 2]


def test_a_selection_by_actor_object_kind_and_range() -> None:
    """Each narrows what the others leave."""
    trace = small(*CONTENDED)
    assert everything(trace, actors={2}).positions == [4, 5]
    assert everything(trace, objects={LOCK}).positions == [0, 3, 4, 5]
    assert everything(trace, actors={1}, objects={LOCK}, kinds={Kind.RELEASE}).positions == [3]
    assert EventList(trace, Selection(2, 4)).positions == [2, 3, 4]


def test_an_operation_is_one_row_or_two() -> None:
    """The events inside of Condition.wait are folded; two rows when others did something meanwhile, one when not."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 1, 0),
        (1, Kind.RELEASE, LOCK, 0, 2, 0),
        (2, Kind.ACQUIRE, LOCK, 1, 3, 0),
        (2, Kind.RELEASE, LOCK, 0, 4, 0),
        (1, Kind.SLEEP, 14, 5, 5, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 50, 0),
        (2, Kind.ACQUIRE, LOCK, 0, 51, 0),
        (2, Kind.ACQUIRE, LOCK, 0, 52, 0),
    )
    spans = [Span("Condition.wait", 1, LOCK, 2, 1, 5), Span("Lock.inner", 1, LOCK, 2, 4, 5), Span("Queue.get", 2, LOCK, 2, 6, 7)]
    shown = everything(small(*events, spans=spans))
    assert [(row.position, row.state, row.what) for row in shown.rows()] == [
        (0, "did", "took stock"),
        (1, "starts", "Condition.wait stock"),
        (2, "did", "took stock"),
        (3, "did", "released stock"),
        (5, "got", "Condition.wait stock after 48 us"),
        (7, "did", "Queue.get stock"),
    ]
    assert shown.hidden == 2
    assert everything(small(*events, spans=spans), inner=True).positions == list(range(8))


def test_spans_that_no_event_answers_to_are_ignored() -> None:
    """A span without events, or one that points outside of a cut-off trace, hides nothing."""
    spans = [Span("Event.set", 1, LOCK, 2, 3, 2), Span("Barrier.wait", 2, LOCK, 2, 4, 400), Span("Queue.put", 1, LOCK, 2, -3, 1)]
    shown = everything(small(*CONTENDED, spans=spans))
    assert shown.positions == [0, 2, 3, 4, 5]


def test_the_middle_is_left_out_with_what_shows_it() -> None:
    """The first and last events stay; between them the range that was left out can be pasted back."""
    shown = everything(build(3, 300, 1))
    rows = shown.rows(10, 5)
    (gap,) = [row for row in rows if row.gap]
    left = [row.position for row in rows if not row.gap and row.state != "waits"]
    assert len(left) == 15
    assert gap.gap == len(shown.positions) - 15
    assert gap.what == f"@{shown.positions[10]}..@{shown.positions[-6]}"
    assert f"... {gap.gap} events more; --range {gap.what}" in rendered(Lanes(shown, 10, 5))


def test_lanes_hold_the_words_where_they_are_wide_enough() -> None:
    """Two actors at 100 columns have a column each; what is waited for is said there."""
    assert rendered(Lanes(everything(small(*CONTENDED))), width=100).splitlines()[:6] == [
        ' #     ms  main/1 "producer"                            main/2 "consumer"',
        "@0  1.204  took stock  buf.py:22",
        "    1.206                                               take stock ... waits for producer  buf.py:30",
        "@2  1.231  slept 1 us  buf.py:18",
        "@3  1.243  released stock  buf.py:22",
        "@4  1.251                                               └ took stock after 45 us  buf.py:30",
    ]


def test_lanes_shrink_to_marks_where_they_are_not() -> None:
    """More actors at 80 columns: a graph of marks, the words beside it; nothing but ASCII where the terminal has no more."""
    events = (*CONTENDED, (0, Kind.EXIT, 14, 0, 1300, 0))
    text = rendered(Lanes(everything(small(*events))))
    assert text.splitlines()[:5] == [
        '0 main   1 main/1 "producer"   2 main/2 "consumer"',
        "",
        " #     ms  0 1 2  actor     what                                       where",
        "@0  1.204    ●    producer  took stock                                 buf.py:22",
        "    1.206  │ │ ○  consumer  take stock ... waits for producer          buf.py:30",
    ]
    assert "@4  1.251  │   └  consumer  took stock after 45 us" in text
    plain = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80, color_system=None)
    with plain.capture() as capture:
        plain.print(Lanes(everything(small(*events))))
    assert capture.get().isascii()


def test_a_wait_that_ended_in_the_part_left_out_is_over() -> None:
    """Behind a gap nobody is shown as waiting whose wait ended within it."""
    sleeps = [(actor, Kind.SLEEP, 14, 1, at, 0) for at, actor in enumerate((2, 0, 1, 2, 0, 1, 0, 1, 2, 0))]
    trace = small(*sleeps, spans=[Span("Condition.wait", 2, LOCK, 1, 0, 3)])
    lines = rendered(Lanes(everything(trace), 2, 3)).splitlines()
    assert lines[3:5] == [
        "@0  0.000      ┌  consumer  Condition.wait stock                       buf.py:18",
        "@1  0.001  ●   ┊  main      slept 1 ns                                 buf.py:30",
    ]
    assert [line[:18].rstrip() for line in lines[-3:]] == ["@7  0.007  │ ● │", "@8  0.008  │   ●", "@9  0.009  ●"]
    whole = rendered(Lanes(everything(trace))).splitlines()
    assert [line[:18].rstrip() for line in whole[5:8]] == ["@2  0.002  │ ● ┊", "@3  0.003  │ │ └", "@4  0.004  ● │ │"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("actors", [1, 2, 3, 8, 40])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int, actors: int) -> None:
    """At any width, with few actors and many, lanes and summaries stay within it."""
    trace = build(actors, 8 * actors + 60, 3, outcome=Outcome.DEADLOCK if actors > 1 else Outcome.OK)
    text = rendered(summary_view(trace), Lanes(everything(trace)), header_view(trace.header), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_an_empty_trace_and_an_empty_selection_are_said_to_be() -> None:
    """Nothing to show is no blank screen."""
    assert rendered(Lanes(everything(small()))) == "no events"
    assert rendered(Lanes(everything(small(*CONTENDED), actors={0}, kinds={Kind.PUT}))) == "no events"
    assert "0 events" in rendered(summary_view(small()))


def test_a_hostile_trace_sends_no_escape_sequence() -> None:
    """Whatever names, texts, errors and sources hold, no control character reaches the terminal."""
    evil = "\x1b]0;x\x07\x1b[31m\u202e\nname"
    trace = leak()
    trace = dataclasses.replace(
        trace,
        header=dataclasses.replace(
            header(evil, plugin=evil, expect=(evil,), params={evil: evil}),
            python=evil,
            root=evil,
            files={evil: evil},
            platform=evil,
            git_commit=evil,
        ),
        actors=[ActorInfo(f"main/{n}" if n else evil, evil) for n in range(3)],
        objects=[info._replace(label=evil) for info in trace.objects],
        sites=[Site(evil, 3, evil) for _ in trace.sites],
        texts=[evil],
        sources={evil: f"\n\n{evil}\n"},
        spans=[Span(evil, 0, LOCK, 1, 0, 1)],
        ending=dataclasses.replace(
            trace.ending,
            error=evil,
            error_site=1,
            cut_off=evil,
            not_controlled=[evil],
            pending=[Pending(1, Kind.GET, LOCK, 3, 1, False)],
        ),
    )
    divergence = Divergence(evil, 1, 1, evil, evil, evil, evil)
    for ending in (trace.ending, dataclasses.replace(trace.ending, outcome=Outcome.FAILED, deadlock=[])):
        shown = dataclasses.replace(trace, ending=ending)
        text = rendered(
            summary_view(shown),
            header_view(shown.header),
            Lanes(everything(shown)),
            divergence_view(shown, divergence, 1),
            width=200,
        )
        assert all(line.isprintable() for line in text.splitlines())


def test_event_facts_name_the_event_so_that_it_can_be_pasted_back() -> None:
    """The JSON of an event has its name, its words and its place."""
    trace = build(3, 200, 1)
    facts = [event_facts(trace, Words(trace), position) for position in range(len(trace))]
    first = facts[0]
    assert (first["name"], first["kind"], first["what"], first["file"], first["line"]) == (
        "main:1",
        "start",
        'started main/1 "worker-1"',
        "bank.py",
        51,
    )
    writes = [one for one in facts if one["kind"] == "write"]
    assert writes
    assert all(one["name"] == f"@{one['position']}" for one in writes)
