"""What the views put into words: summaries, deadlocks, lanes, divergences, patterns and plugins."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from rich.console import Console, RenderableType
from synthetic import build, header

from simcore.engine.plugins import PluginHost
from simcore.errors import Divergence
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Columns, DeadlockLink, Ending, ObjectInfo, Pending, Site, Span, Trace
from simcore.views.deadlock import deadlock_facts, deadlock_view, pending_view
from simcore.views.divergence import divergence_facts, divergence_view
from simcore.views.figures import traffic
from simcore.views.lanes import Lanes
from simcore.views.listing import info_view, listing_facts, listing_view
from simcore.views.plugins import plugin_facts, plugin_view, plugins_view
from simcore.views.summary import header_view, summary_facts, summary_view
from simcore.views.timeline import Selection, Timeline, event_facts
from simcore.views.words import Words, clean, count, duration, join, process_of, shorten, size

LOCK = len(FIXED_OBJECTS)
THREADS = LOCK + 1


def rendered(*renderables: RenderableType, width: int = 80) -> str:
    """What is printed without colour, trailing spaces removed."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def small(*events: tuple[int, Kind, int, int, int, int], threads: int = 3, **changes: object) -> Trace:
    """A trace of (actor, kind, object, value, at_us, waited_us) with a lock `stock` and threads producer, consumer, c..."""
    columns = Columns()
    for actor, kind, thing, value, at_us, waited_us in events:
        columns.actor.append(actor)
        columns.kind.append(kind)
        columns.object.append(thing)
        columns.value.append(value)
        columns.at_ns.append(at_us * 1000)
        columns.waited_us.append(waited_us)
        columns.site.append(1 + len(columns) % 3)
    fixed = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    of_threads = [ObjectInfo(0, ObjectKind.THREAD, number + 1, 1, "") for number in range(threads)]
    fields: dict[str, object] = {
        "actors": [
            ActorInfo("main", "MainThread"),
            *(
                ActorInfo(f"main/{n}", name)
                for n, name in zip(range(1, threads), ("producer", "consumer", *"cdefghijklmnop"), strict=False)
            ),
        ],
        "objects": [*fixed, ObjectInfo(0, ObjectKind.LOCK, 1, 1, "stock"), *of_threads],
        "sites": [Site("", 0, ""), Site("src/buf.py", 18, "put"), Site("src/buf.py", 22, "put"), Site("src/buf.py", 30, "get")],
        "texts": ["hello\n", b"\x00\x01"],
        "columns": columns,
    }
    return Trace(**({"header": header("buffer", expect=("ok",))} | fields | changes))  # type: ignore[arg-type]


def everything(trace: Trace, **options: object) -> Timeline:
    """The timeline of a whole trace."""
    return Timeline(trace, Selection(0, len(trace) - 1, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (45_000, "45 us"),
        (5_100_000, "5.1 ms"),
        (99_900_000, "99.9 ms"),
        (210_000_000, "0.21 s"),
        (12_340_000_000, "12.3 s"),
        (4_000_000_000_000, "4,000 s"),
        (-45_000, "-45 us"),
    ],
)
def test_duration_takes_the_unit_that_fits(ns: int, text: str) -> None:
    """A time is short to read whatever its size."""
    assert duration(ns) == text


def test_small_words() -> None:
    """Sizes, numbers with nouns, lists and shortened texts read as a person writes them."""
    assert [size(812), size(3_100), size(1_200_000), size(5_000_000_000)] == ["812 B", "3.1 KB", "1.2 MB", "5.0 GB"]
    assert [count(1, "event"), count(1208, "event"), count(2, "process", "processes")] == [
        "1 event",
        "1,208 events",
        "2 processes",
    ]
    assert [join([]), join(["a"]), join(["a", "b", "c"]), join(["a", "b"], "or")] == ["", "a", "a, b and c", "a or b"]
    assert shorten("a" * 100, 20) == "a" * 11 + "..." + "a" * 6
    assert shorten("short", 20) == "short"


@pytest.mark.parametrize(
    ("actor", "process"),
    [
        ("main", "main"),
        ("main/2", "main"),
        ("main/2/1", "main"),
        ("main.1", "main.1"),
        ("main.1/3", "main.1"),
        ("main/2.1/4", "main/2.1"),
    ],
)
def test_the_process_of_an_actor_is_its_path_without_threads(actor: str, process: str) -> None:
    """`main/2.1` is a process that the thread `main/2` created."""
    assert process_of(actor) == process


def test_clean_leaves_nothing_that_a_terminal_obeys() -> None:
    """Escape sequences, bells, lone surrogates and direction overrides are shown, not sent."""
    assert clean("plain `näme`") == "plain `näme`"
    assert clean("\x1b[2Ja\x07\udc80\u202e\n") == "\\x1b[2Ja\\x07\\udc80\\u202e\\n"


def test_every_kind_of_event_has_a_phrase_whatever_its_value() -> None:
    """A damaged or foreign value is put into words as well as it goes; each phrase is one printable line."""
    values = [0, 1, -1, -2, 7, 2**63 - 1, -(2**63), 1 << 32 | 5, 400 << 32]
    events = [(0, kind, thing, value, 1, 0) for kind in Kind for thing in (0, 1, 5, LOCK, THREADS + 1) for value in values]
    trace = small(*events)
    words = Words(trace)
    for position in range(len(trace)):
        phrase = words.event(position)
        assert phrase
        assert phrase.isprintable()


def test_what_events_did_is_said_in_words() -> None:
    """Results are words: took, not free, gave up, empty."""
    trace = small(
        (0, Kind.START, THREADS + 1, 1, 1, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 60, 45),
        (2, Kind.ACQUIRE, LOCK, 0, 61, 0),
        (2, Kind.ACQUIRE, LOCK, -1, 5000, 4000),
        (1, Kind.WRITE, 1, 0, 70, 0),
        (1, Kind.SLEEP, 14, 20_000_000, 80, 0),
        (0, Kind.JOIN, THREADS + 1, 1, 90, 12),
        (0, Kind.IS_ALIVE, THREADS + 1, 0, 91, 0),
        (0, Kind.SIGNAL, 14, 15, 92, 0),
    )
    words = Words(trace)
    assert [words.event(position) for position in range(len(trace))] == [
        'started main/1 "producer"',
        "took stock after 45 us",
        "tried stock: not free",
        "gave up on stock after 4.0 ms",
        'stdout: "hello\\n"',
        "slept 20.0 ms",
        "joined producer after 12 us",
        "is_alive of producer? no",
        "handler of signal SIGTERM ran",
    ]


def test_hand_offs_count_changes_of_hands_only() -> None:
    """Taking a lock again is no hand-off, a failed try is none, and the longest wait names who was waited for."""
    trace = small(
        (1, Kind.ACQUIRE, LOCK, 1, 1, 0),
        (1, Kind.RELEASE, LOCK, 0, 2, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 3, 0),
        (2, Kind.ACQUIRE, LOCK, 0, 4, 0),
        (1, Kind.RELEASE, LOCK, 0, 5, 0),
        (2, Kind.ACQUIRE, LOCK, 1, 6, 3),
        (2, Kind.RELEASE, LOCK, 0, 7, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 8, 1),
    )
    (one,) = traffic(trace)
    assert (one.object, one.hand_offs, one.longest_wait_ns, one.waiter, one.behind) == (LOCK, 2, 3000, 2, 1)


def test_the_summary_says_the_answer_first() -> None:
    """Outcome and time in the first line, then threads, hand-offs of the busiest lock, the longest wait, what to type next."""
    trace = build(3, 1208, 1)
    text = rendered(summary_view(trace, prefix="simcore: ", next_commands=["simcore replay"]))
    lines = text.splitlines()
    assert re.fullmatch(r"simcore: synthetic  ok in \d+\.\d ms", lines[0])
    assert lines[1] == "  3 threads in 1 process   1,208 events"
    assert re.fullmatch(r"  \d+ hand-offs of `(balance|log)_lock` \(Lock, bank.py:1\d\)", lines[2])
    assert re.fullmatch(r"  longest wait \S+ us: \S+ behind \S+", lines[3])
    assert lines[4:] == ["  NOT CONTROLLED: 1 socket (:5432)", "  next:  simcore replay"]
    facts = summary_facts(trace)
    assert (facts["outcome"], facts["as_expected"], facts["events"], facts["trace"]) == ("ok", True, 1208, None)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (
            Ending(Outcome.FAILED, 1, "AssertionError: open == 0", 1, 2_000_000),
            ["FAILED after 2.0 ms", "AssertionError: open == 0  at buf.py:18 in put"],
        ),
        (Ending(Outcome.FAILED, 3, duration_ns=2_000_000), ["FAILED with exit code 3 after 2.0 ms"]),
        (
            Ending(Outcome.KILLED, -9, cut_off="the process was killed"),
            ["KILLED by SIGKILL after 0 ns", "CUT OFF: the process was killed"],
        ),
        (Ending(Outcome.TIMEOUT, -15, duration_ns=10**9), ["TIMEOUT after 1.00 s"]),
    ],
)
def test_the_summary_of_a_run_that_did_not_end_well(ending: Ending, words: list[str]) -> None:
    """It says how it ended, why and where, and that this was not expected."""
    text = rendered(summary_view(small((0, Kind.EXIT, 14, 1, 1, 0), ending=ending)))
    for word in words:
        assert word in text


def test_an_outcome_is_held_against_what_was_expected() -> None:
    """Only a scenario that expects more than success says so."""
    deadlock = Ending(Outcome.DEADLOCK, -9)
    for expect, ending, words in (
        (("ok",), Ending(), "  ok in 0 ns"),
        (("deadlock",), Ending(), "  ok in 0 ns  (expected: deadlock)"),
        (("deadlock", "ok"), deadlock, "  DEADLOCK after 0 ns  as expected"),
    ):
        text = rendered(summary_view(small(ending=ending, header=header("leak", expect=expect))))
        assert text.splitlines()[0] == f"leak{words}"


def leak() -> Trace:
    """The leak: a re-entrant lock taken three times, released once, by a thread that has ended; another and main wait."""
    sites = [
        Site("", 0, ""),
        *(
            Site("bank.py", line, name)
            for line, name in ((12, "main"), (27, "add"), (34, "update"), (30, "remove"), (37, "update"), (45, "main"))
        ),
    ]
    links = [
        DeadlockLink(2, LOCK, Kind.ACQUIRE, 2, 40_000, 1, True, (3, 2, 4), (5,)),
        DeadlockLink(0, THREADS + 2, Kind.JOIN, 6, 50_000, 2, False, (), ()),
    ]
    objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    objects += [ObjectInfo(0, ObjectKind.RLOCK, 1, 1, "account_lock")]
    objects += [ObjectInfo(0, ObjectKind.THREAD, number + 1, 1, "") for number in range(3)]
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main/1", "teller-1"), ActorInfo("main/2", "teller-2")]
    ending = Ending(Outcome.DEADLOCK, -9, duration_ns=40_000_000, deadlock=links)
    return small(
        (0, Kind.START, THREADS + 1, 1, 1, 0),
        (0, Kind.START, THREADS + 2, 2, 1, 0),
        sites=sites,
        actors=actors,
        objects=objects,
        ending=ending,
        sources={"bank.py": "\n" * 26 + "    with self.account_lock:\n"},
        header=header("recursive-mutex-leak", expect=("deadlock",)),
    )


def test_a_deadlock_names_who_waits_for_what_and_who_holds_it() -> None:
    """Owner, depth, the places where it was taken and released, that the owner has ended, the line that waits."""
    assert rendered(summary_view(leak(), prefix="simcore: ")).splitlines() == [
        "simcore: recursive-mutex-leak  DEADLOCK after 40.0 ms  as expected",
        "  3 threads in 1 process   2 events",
        "",
        '  main/2 "teller-2"  waits for `account_lock` (RLock, bank.py:12)',
        "                     since bank.py:27 in add:  with self.account_lock:",
        '  `account_lock`     is held by main/1 "teller-1", which has ENDED',
        "                     taken 3 deep, at bank.py:34, bank.py:27 and bank.py:30",
        "                     released once, at bank.py:37",
        '  main               waits for main/2 "teller-2" to end',
        "                     since bank.py:45 in main",
    ]
    (first, second) = deadlock_facts(leak())
    assert (first["label"], first["owner"], first["owner_ended"], first["released"]) == (
        "account_lock",
        "main/1",
        True,
        ["bank.py:37"],
    )
    assert second["waits_to"] == "join teller-2"


def test_a_lock_taken_many_times_does_not_fill_the_screen() -> None:
    """Of many places the first ones and the last are shown, and how many there were."""
    trace = leak()
    trace.ending.deadlock[0] = trace.ending.deadlock[0]._replace(taken=(2,) * 500 + (4,), released=())
    text = " ".join(rendered(deadlock_view(trace)).split())
    waits = ", ".join(["bank.py:27"] * 4)
    assert f"taken 501 times, at {waits}, ..., bank.py:30; never released" in text


def test_what_was_still_waiting_when_a_run_stalled() -> None:
    """Each operation that never completed, for how long and where."""
    pending = [Pending(1, Kind.GET, LOCK, 3, 1_000_000, False), Pending(2, Kind.ACQUIRE, LOCK, 1, 2_000_000, True)]
    trace = small(ending=Ending(Outcome.STALLED, None, duration_ns=3_000_000, pending=pending))
    assert rendered(pending_view(trace)).splitlines() == [
        '  main/1 "producer"  waited to get from stock for 2.0 ms',
        "                     at buf.py:30 in get",
        '  main/2 "consumer"  waited to take stock (with a timeout) for 1.0 ms',
        "                     at buf.py:18 in put",
    ]


CONTENDED = (
    (1, Kind.ACQUIRE, LOCK, 1, 1204, 0),
    (0, Kind.CLOCK, 5, 0, 1205, 0),
    (1, Kind.SLEEP, 14, 1000, 1231, 0),
    (1, Kind.RELEASE, LOCK, 0, 1243, 0),
    (2, Kind.ACQUIRE, LOCK, 1, 1251, 45),
    (2, Kind.RELEASE, LOCK, 0, 1260, 0),
)


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
    timeline = everything(trace)
    assert [(row.position, row.what) for row in timeline.rows()] == [
        (0, 'stdout: "done\\n"'),
        (2, 'stderr: "done"'),
        (4, 'stdout: "done\\n"'),
        (6, 'stdout: "\\n"'),
        (7, "stdout: 1 bytes"),
        (8, 'stdout: "done"'),
    ]
    assert timeline.hidden == 3
    assert timeline.positions == list(range(9))
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
    assert Timeline(trace, Selection(2, 4)).positions == [2, 3, 4]


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
    timeline = everything(small(*events, spans=spans))
    assert [(row.position, row.state, row.what) for row in timeline.rows()] == [
        (0, "did", "took stock"),
        (1, "starts", "Condition.wait stock"),
        (2, "did", "took stock"),
        (3, "did", "released stock"),
        (5, "got", "Condition.wait stock after 48 us"),
        (7, "did", "Queue.get stock"),
    ]
    assert timeline.hidden == 2
    assert everything(small(*events, spans=spans), inner=True).positions == list(range(8))


def test_spans_that_no_event_answers_to_are_ignored() -> None:
    """A span without events, or one that points outside of a cut-off trace, hides nothing."""
    spans = [Span("Event.set", 1, LOCK, 2, 3, 2), Span("Barrier.wait", 2, LOCK, 2, 4, 400), Span("Queue.put", 1, LOCK, 2, -3, 1)]
    timeline = everything(small(*CONTENDED, spans=spans))
    assert timeline.positions == [0, 2, 3, 4, 5]


def test_the_middle_is_left_out_with_what_shows_it() -> None:
    """The first and last events stay; between them the range that was left out can be pasted back."""
    timeline = everything(build(3, 300, 1))
    rows = timeline.rows(10, 5)
    (gap,) = [row for row in rows if row.gap]
    shown = [row.position for row in rows if not row.gap and row.state != "waits"]
    assert len(shown) == 15
    assert gap.gap == len(timeline.positions) - 15
    assert gap.what == f"@{timeline.positions[10]}..@{timeline.positions[-6]}"
    assert f"... {gap.gap} events more; --range {gap.what}" in rendered(Lanes(timeline, 10, 5))


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


def test_a_divergence_says_what_was_expected_and_what_came() -> None:
    """Both sides, the reason, the events before it with names to paste back, and what to type next."""
    trace = small(*CONTENDED)
    divergence = Divergence(
        "main/2",
        1,
        4,
        "acquire of stock at buf.py:30 in get",
        "release of stock at buf.py:31 in get",
        "buf.py changed since the recording",
    )
    assert rendered(divergence_view(trace, divergence, 4)).splitlines() == [
        "DIVERGED at main/2:1 (event @4)",
        "  the trace has  acquire of stock at buf.py:30 in get",
        "  the run did    release of stock at buf.py:31 in get",
        "                 (buf.py changed since the recording)",
        "  before it      @1 main:1 time.monotonic = 0.000000  buf.py:30",
        "                 @2 main/1:2 slept 1 us  buf.py:18",
        "                 @3 main/1:3 released stock  buf.py:22",
        "  4 of 6 events were the same.",
        "  next:  simcore show --range @0..@5",
    ]
    assert divergence_facts(divergence)["position"] == 4


def test_a_divergence_past_the_end_shows_the_end() -> None:
    """A run that did more than the trace has: the last events, and where to stop the actor before it."""
    trace = small(*CONTENDED)
    text = rendered(divergence_view(trace, Divergence("main/2", 3, None, "nothing", "took stock"), 6))
    assert "DIVERGED at main/2:3 (past its end)" in text
    assert "@5 main/2:2 released stock" in text
    assert "next:  simcore replay --pdb main/2:2" in text


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


PLUGIN = '''
from simcore.api import hookimpl, pattern

@pattern(section="{section}", title="{name} shows something")
def {function}(seats: int = 5, pause_s: float = 0.01, fixed: bool = False):
    """{name} shows something.

    Look at the lanes
    of both.

    - kept as
    - it is
    """
'''


def host_of(tmp_path, **sources: str) -> PluginHost:
    """A plugin host of these single files and nothing else."""
    files = []
    for name, source in sources.items():
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(source)
    return PluginHost(files, env=False, entry_points=False)


def test_patterns_are_listed_by_chapter(tmp_path) -> None:
    """Numbered sections in the order of their numbers, the others behind them by name; broken plugins are named."""
    made = {
        name: PLUGIN.format(section=section, name=name, function=name)
        for name, section in (("late", "beyond"), ("ten", "1-6-10"), ("two", "1-6-2"), ("fork", "2-1"), ("own", "4-1"))
    }
    host = host_of(tmp_path, bad="1 / 0\n", **made)
    lines = rendered(listing_view(host), width=140).splitlines()
    heads = [line for line in lines[: lines.index("")] if not line.startswith(" ")]
    names = [line.split()[0] for line in lines[: lines.index("")] if line.startswith(" ")]
    assert heads == ["1 threading", "2 multiprocessing", "4", "beyond"]
    assert names == ["two", "ten", "fork", "own", "late"]
    assert "two shows something" in lines[1]
    assert "bad does not work in full: `simcore plugins` says why." in lines
    assert listing_facts(host)["broken_plugins"] == ["bad"]


def test_info_teaches_a_pattern(tmp_path) -> None:
    """The lesson in paragraphs, every parameter with type and default, what to type."""
    host = host_of(tmp_path, dine=PLUGIN.format(section="beyond", name="dine", function="dine"))
    text = rendered(info_view(host, host.find("dine")), width=200)
    assert "dine  dine shows something" in text
    assert "  Look at the lanes of both." in text
    assert "  - kept as\n  - it is" in text
    assert re.search(r"^seats +int +5$", text, re.M)
    assert re.search(r"^fixed +bool +false$", text, re.M)
    assert re.search(r"^next +simcore record dine --plugin \S+dine.py -p seats=5$", text, re.M)


def test_plugins_are_shown_with_their_state(tmp_path) -> None:
    """A broken one with file and line, the traceback when it is looked at by itself; the others work."""
    host = host_of(tmp_path, bad="x = 1\n1 / 0\n", good=PLUGIN.format(section="1", name="good", function="good"))
    text = rendered(plugins_view(host.plugins), width=200)
    assert re.search(r"^broken +bad +0 patterns", text, re.M)
    assert re.search(r"^ok +good +pattern", text, re.M)
    assert "bad.py:2) does not import: ZeroDivisionError" in text
    assert "2 plugins, 1 pattern; 1 with problems" in text
    bad = host.find_plugin("bad")
    assert "Traceback (most recent call last):" in rendered(plugin_view(bad), width=200)
    assert plugin_facts(bad)["state"] == "broken"


def test_without_a_plugin_the_lists_say_what_to_do() -> None:
    """An empty host is no empty screen."""
    host = PluginHost(env=False, entry_points=False)
    assert rendered(listing_view(host)) == "no patterns"
    assert rendered(plugins_view(host.plugins, "install some")) == "no plugins: install some"
