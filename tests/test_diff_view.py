"""The screen of a diff: the answer first, in the program's own names, on 80 columns, readable without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from storyteller import critical, told
from synthetic import build

from simcore.diffing import diff
from simcore.trace.events import FIXED_OBJECTS, Kind, Outcome
from simcore.trace.model import ActorInfo, Pending, Trace
from simcore.views.diff import diff_view


def shown(a: Trace, b: Trace, width: int = 80, *, colour: bool = False) -> str:
    """The screen as text, as wide as asked for."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(diff_view(diff(a, b)))
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def named(trace: Trace, path: str) -> Trace:
    """The trace as if it lay in a file of this name, with the source that its sites point into."""
    source = "\n".join(f"line {number}" for number in range(1, 100))
    return replace(trace, path=Path(path), sources={"app.py": source})


@pytest.fixture
def swap() -> tuple[Trace, Trace]:
    """Two runs that part at a lock, after some events alike."""
    start = [*critical("main", "jobs", 39), *critical("main/1", "jobs", 85)]
    main, other = critical("main", "cache_lock", 41), critical("main/1", "cache_lock", 88)
    a = told(*start, *main, *other, *main, "main/1 acquire late ~400")
    failed = {"outcome": Outcome.FAILED, "exit_code": 1, "error": "AssertionError", "error_site": 1}
    b = told(*start, *other, *main, *main, "main/1 acquire late ~12900", **failed)
    return named(a, "pass.simtrace"), named(b, "fail.simtrace")


def test_the_whole_screen(swap: tuple[Trace, Trace]) -> None:
    """Answer, split, both runs side by side with their source, objects, actors, waiting, what to type next."""
    assert shown(*swap) == (
        "DIFFERENT ORDER, different outcome\n"
        "They part at event @4: in A main takes `cache_lock` first (app.py:41), in B\n"
        "main/1 does (app.py:88).\n"
        "  A    app.py:41 | line 41\n"
        "  B    app.py:88 | line 88\n"
        "A ends ok, B AssertionError at app.py:39.\n"
        "\n"
        "┊ waits   0 main   1 main/1\n"
        "   0 1  A: pass.simtrace               |    0 1  B: fail.simtrace\n"
        " 1 ●    released jobs        app.py:40 |  1 ●    released jobs        app.py:40\n"
        " 2 │ ●  took jobs            app.py:85 |  2 │ ●  took jobs            app.py:85\n"
        " 3 │ ●  released jobs        app.py:86 |  3 │ ●  released jobs        app.py:86\n"
        ">4 ● │  took cache_lock      app.py:41 | >4 │ ●  took cache_lock      app.py:88\n"
        " 5 ● │  released cache_lock  app.py:42 |  5 │ ●  released cache_lock  app.py:89\n"
        " 6 │ ●  took cache_lock      app.py:88 |  6 ● ┊  took cache_lock      app.py:41\n"
        " 7 │ ●  released cache_lock  app.py:89 |  7 ● ┊  released cache_lock  app.py:42\n"
        "\n"
        "objects   `cache_lock`  1 of 2 hand-offs reversed, from @4 on\n"
        "          `jobs`  same order\n"
        "actors    the same 2 actors, each with the same events\n"
        "waiting   `late` 400 us -> 12.9 ms\n"
        "switches  5 -> 3 changes of actor\n"
        "next  simcore replay fail.simtrace --pdb main/1:3\n"
    )


def test_a_wide_screen_has_room_for_places(swap: tuple[Trace, Trace]) -> None:
    """With more columns every event is shown with its call site, nothing cut."""
    text = shown(*swap, 120)
    assert re.search(r">4 ● │  took cache_lock +app\.py:41 \| >4 │ ●  took cache_lock +app\.py:88$", text, re.MULTILINE)
    assert ".." not in text


@pytest.mark.parametrize("width", [30, 50, 63, 64, 65, 79, 80, 81, 100, 200])
def test_no_line_is_wider_than_the_screen(swap: tuple[Trace, Trace], width: int) -> None:
    """Whatever the width, lines fit, and both sides of the split are there."""
    text = shown(*swap, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert text.count(">4 ● │") == text.count(">4 │ ●") == 1


def test_long_names_fit_as_well() -> None:
    """Names as long as people make them, in any script, keep the columns of 80."""
    name = "the_queue_of_things_that_are_to_be_done_\u4e8c\u5341"
    a, b = told(*critical("main"), *critical("main/1")), told(*critical("main/1"), *critical("main"))
    for trace in (a, b):
        trace.objects = [info._replace(label=name) if info.label == "lock" else info for info in trace.objects]
        trace.actors = [ActorInfo(info.name, f"a thread with a name that is long {info.name}") for info in trace.actors]
    text = shown(named(a, "x" * 90), named(b, "y" * 90))
    assert max(map(cell_len, text.splitlines()[3:])) <= 80
    rows = [line for line in text.splitlines() if line.startswith((">", " 1"))]
    assert [cell_len(line.partition(" | ")[0]) for line in rows] == [38, 38]


def test_the_same_is_one_line() -> None:
    """Two runs that did the same get one line."""
    a, b = build(4, 2000), build(4, 2000)
    b.columns.at_ns[100] += 4_200_000
    hand_offs = diff(a, b).a.hand_offs
    assert shown(a, b) == f"SAME ORDER  2,000 events, 4 actors, {hand_offs} hand-offs; times differ by up to 4.2 ms\n"
    assert shown(a, a).endswith(" hand-offs; same times\n")


def test_the_same_with_a_remark() -> None:
    """A note follows where the runs are the same but not in every respect."""
    a = told(*critical("main", "left", 3), *critical("main/1", "right", 5), "main seed process =1")
    b = told(*critical("main/1", "right", 7), *critical("main", "left", 3), "main seed process =2")
    assert shown(a, b).splitlines()[1:] == [
        "note  total order differs, but no two events that touch the same object",
        "note  2 events moved in the source: app.py:5 -> app.py:7 and 1 place more",
        "note  inputs differ: seed",
    ]


def test_the_same_deadlock_says_so() -> None:
    """Two runs that ended in the same deadlock are the same, and both are said to have."""
    trace = build(3, 300, outcome=Outcome.DEADLOCK)
    assert "; both deadlock" in shown(trace, trace).replace("\n", " ")


def test_inconclusive_says_why() -> None:
    """A trace that is cut off gives no answer, and the screen says which and why."""
    lines = [*critical("main"), *critical("main/1"), *critical("main")]
    text = shown(told(*lines), told(*lines[:4], cut_off="the file ends within a frame"))
    assert text.startswith("INCONCLUSIVE  as far as both traces go they are the same\n")
    assert "note  B is cut off after 4 events: the file ends within a frame\n" in text
    assert "main has 2 events fewer" in text


def test_only_the_outcome_differs() -> None:
    """The same order with another end: no split, both ends in the headline."""
    text = shown(told(*critical("main")), told(*critical("main"), outcome=Outcome.FAILED, error="KeyError: 'x'", exit_code=1))
    assert text.startswith("SAME ORDER, different outcome\nA ends ok, B KeyError: 'x'.\n")
    assert "They part" not in text


def test_only_the_output_differs() -> None:
    """The first line that differs is shown for both runs."""
    text = shown(
        told("main write stdout =one\\n"), named(told("main write stdout =1\\n", "main write stdout =2\\n"), "b.simtrace")
    )
    assert text.startswith("SAME ORDER, same outcome, different output\n")
    assert 'Both end ok; line 1 of stdout is "one" in A, "1" in B.\n' in text
    assert "output    stdout: 1 line only in A, 2 lines only in B\n" in text
    assert text.endswith("next  simcore replay b.simtrace --pdb @0\n")


def test_lines_that_one_run_does_not_have() -> None:
    """Past the end of a stream the other one goes on. The traceback of an error that is told anyway is told below."""
    text = shown(told("main write stdout =one\\n"), told("main write stdout =one\\n", "main write stdout =2\\n"))
    assert 'Both end ok; B goes on with "2" in stdout.\n' in text
    failed = told("main write stderr =Traceback\\n", outcome=Outcome.FAILED, error="KeyError: 1")
    text = shown(told(), failed)
    assert "A ends ok, B KeyError: 1.\n" in text
    assert '            A (ended)\n            B "Traceback"\n' in text


def test_an_actor_more() -> None:
    """Actors that only one run has are named with their size, before those that changed."""
    a = told("main start t1 =main/1", "main/1 begin t1", "main/1 end t1", "main join t1")
    b = told(
        *("main start t1 =main/1", "main start t2 =main/2", "main/1 begin t1", "main/2 begin t2"),
        *("main/1 end t1", "main/2 end t2", "main join t1"),
    )
    assert "actors    main/2 only in B (2 events); main has 1 event more; main/1 is equal\n" in shown(a, b)
    assert "main/2 only in A (2 events); main has 1 event fewer" in shown(b, a)


def test_a_side_that_does_nothing_more() -> None:
    """Where an actor waits for ever, its side of the lanes says for what."""
    a = told(*critical("main/1", "left"), *critical("main", "right"))
    b = told(*critical("main/1", "left"), "main acquire right", outcome=Outcome.STALLED)
    b.ending.pending.append(Pending(0, Kind.ACQUIRE, len(FIXED_OBJECTS), 0, 5, timed=False))
    text = shown(a, b)
    assert text.splitlines()[5] == "┊ waits   0 main   1 main/1"
    assert ">3 ● │  released right" in text
    assert re.search(r"\| > +┊ │ +waits to take left$", text, re.MULTILINE)
    text = shown(a, told(*critical("main/1", "left"), "main acquire right"))
    assert re.search(r"\| > +main does nothing more$", text, re.MULTILINE)


def test_an_actor_that_writes_nothing_more_may_do_something_else() -> None:
    """Its writes are compared by themselves: that it does nothing more is not what is said."""
    a = told("main write stderr =ready\\n", *critical("main"))
    b = told(*critical("main"))
    text = shown(a, b)
    assert 'in A main writes "ready\\n" to stderr, in B it writes nothing more.' in " ".join(text.split())
    assert re.search(r"\| > +main writes nothing more$", text, re.MULTILINE)
    assert "does nothing more" not in text


def test_many_differences_are_counted() -> None:
    """Of many objects and actors some are told, the rest counted."""
    names = [f"main/{n}" for n in range(1, 9)]
    a = told(*(line for name in names for n in range(9) for line in critical(name, f"l{n}")))
    b = told(*(line for name in reversed(names) for n in range(9) for line in critical(name, f"l{n}")), *critical("main", "m"))
    text = shown(a, b)
    assert "and 6 objects more\n" in text
    assert len(text.splitlines()) < 30


def test_objects_of_one_name_are_told_apart() -> None:
    """Two locks that the program calls the same get the place of their making."""
    teller = [*critical("main", "one"), *critical("main", "other"), *critical("main/1", "one"), *critical("main/1", "other")]
    a = told(*teller)
    b = told(*teller[4:], *teller[:4])
    for trace in (a, b):
        trace.objects = [
            info._replace(label="lock", site=1 if info.label == "one" else 2) if info.label in ("one", "other") else info
            for info in trace.objects
        ]
    text = shown(a, b)
    assert "`lock` (app.py:10)  1 of 1 hand-off reversed" in text
    assert "`lock` (app.py:11)  1 of 1 hand-off reversed" in text


def test_hostile_texts_stay_texts() -> None:
    """Escape sequences and markup in a trace are shown, not obeyed."""
    bad = "\x1b[31m[bold]red[/bold]"
    a, b = told(*critical("main"), *critical("main/1")), told(*critical("main/1"), *critical("main"))
    for trace in (a, b):
        trace.objects = [info._replace(label=bad) if info.label == "lock" else info for info in trace.objects]
        trace.actors = [ActorInfo(info.name, bad) for info in trace.actors]
        trace.sources = {"app.py": f"{bad}\n" * 30}
        trace.path = Path(f"{bad}.simtrace")
        trace.ending.error = bad
        trace.ending.outcome = Outcome.FAILED
    b.ending.cut_off = bad
    text = shown(a, b)
    assert "\x1b" not in text
    assert "\\x1b[31m[bold]red[/bold]" in text


def test_colour_is_decoration(swap: tuple[Trace, Trace]) -> None:
    """With colour the same words are shown."""
    coloured = shown(*swap, colour=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == shown(*swap).splitlines()


def test_any_two_traces_can_be_shown() -> None:
    """No pair of traces breaks the screen."""
    for seed in range(12):
        a = build(2 + seed % 4, 200 + seed, seed=seed)
        b = build(2 + seed % 3, 300, seed=seed + 1, outcome=Outcome.DEADLOCK if seed % 2 else Outcome.OK)
        for one, other in ((a, b), (b, a), (told(), a), (a, told())):
            assert shown(one, other, 80)
