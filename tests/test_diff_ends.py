"""Outcome, output, inputs, places and traces that are cut off: what a diff says beside the order."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace

from storyteller import critical, told
from synthetic import build

from simcore.diffing import diff
from simcore.diffing.result import Setting
from simcore.trace.events import FIXED_OBJECTS, Kind, Outcome, Verdict
from simcore.trace.model import Columns, DeadlockLink, Trace

# --- outcome, output, inputs, places


def test_another_outcome_is_a_difference() -> None:
    """The same order with another end is different: outcome, exit code, error, and who waits for whom."""
    fine = told("main acquire lock")
    failed = told("main acquire lock", outcome=Outcome.FAILED, exit_code=1, error="AssertionError")
    d = diff(fine, failed)
    assert (d.verdict, d.order, d.same_outcome, d.split) == (Verdict.DIFFERENT, Verdict.SAME, False, None)
    other = told("main acquire lock", outcome=Outcome.FAILED, exit_code=1, error="KeyError")
    assert diff(failed, other).verdict is Verdict.DIFFERENT
    assert diff(fine, told("main acquire lock", exit_code=3)).verdict is Verdict.DIFFERENT
    assert diff(fine, told("main acquire lock", exit_code=None)).verdict is Verdict.SAME
    stuck, stuck_too = (told("main acquire lock", outcome=Outcome.DEADLOCK) for _ in range(2))
    for trace, owner in ((stuck, 0), (stuck_too, 0)):
        trace.ending.deadlock.append(DeadlockLink(0, len(FIXED_OBJECTS), Kind.ACQUIRE, 0, 9, owner, False, (), ()))
    assert diff(stuck, stuck_too).verdict is Verdict.SAME
    stuck_too.ending.deadlock.clear()
    assert diff(stuck, stuck_too).verdict is Verdict.DIFFERENT


def test_addresses_in_an_error_are_no_difference() -> None:
    """A default repr holds an address, which differs between any two runs."""
    a, b = (
        told("main acquire lock", outcome=Outcome.FAILED, error=f"ValueError: <Lock at 0x{address:x}>")
        for address in (0x7F01, 0x7F02)
    )
    assert diff(a, b).verdict is Verdict.SAME


def test_other_output_is_a_difference_of_output_only() -> None:
    """Another text leaves the order the same; the first line that differs is shown."""
    a = told("main write stdout =one\\n", "main write stdout =two\\n", "main acquire lock")
    b = told("main write stdout =one\\n", "main write stdout =2\\n", "main acquire lock")
    d = diff(a, b)
    assert (d.verdict, d.order, d.same_output) == (Verdict.DIFFERENT, Verdict.SAME, False)
    (stream,) = d.output
    assert (stream.name, stream.state, stream.first_line, stream.text_a, stream.text_b) == ("stdout", "changed", 2, "two", "2")
    assert d.split is not None
    assert d.split.why == "output"
    assert d.split.sentence == 'in A main writes "two\\n" to stdout, in B it writes "2\\n" to stdout'


def test_an_added_print_shifts_nothing() -> None:
    """A write more is a difference of output; every other event is still the same, also later writes."""
    lines = [*critical("main"), "main write stdout =a\\n", *critical("main/1"), "main/1 write stdout =b\\n"]
    added = [*lines[:2], "main write stdout =new\\n", *lines[2:]]
    d = diff(told(*lines), told(*added))
    assert (d.verdict, d.order) == (Verdict.DIFFERENT, Verdict.SAME)
    assert {one.state for one in d.actors} == {"same"}
    (stream,) = d.output
    assert (stream.lines_only_a, stream.lines_only_b, stream.writes_a, stream.writes_b, stream.first_line) == (0, 1, 2, 3, 1)


def test_lines_in_another_order() -> None:
    """The same lines of two actors the other way round are reordered output and another order."""
    a = told("main write stdout =a\\n", "main/1 write stdout =b\\n")
    b = told("main/1 write stdout =b\\n", "main write stdout =a\\n")
    d = diff(a, b)
    assert d.output[0].state == "reordered"
    assert d.order is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.sentence == "in A main writes to stdout first, in B main/1 does"


def test_output_is_compared_as_text() -> None:
    """How a line was cut into writes does not matter."""
    a = told("main write stdout =ab\\n")
    b = told("main write stdout =a", "main write stdout =b\\n")
    assert diff(a, b).verdict is Verdict.SAME


def test_output_beyond_the_others_end() -> None:
    """A line more at the end is told with nothing on the other side; a missing line end counts."""
    a, b = told("main write stdout =a\\n"), told("main write stdout =a\\nb")
    stream = diff(a, b).output[0]
    assert (stream.first_line, stream.text_a, stream.text_b, stream.lines_b) == (2, None, "b", 2)
    assert diff(a, told("main write stdout =a")).output[0].state == "changed"


def test_inputs_are_listed_and_are_no_difference() -> None:
    """Clocks, seeds, random bytes and sleeps that differ, and collections, are inputs: the schedule is the same."""
    a = told(
        "main clock time.time =5", "main seed process =1", "main entropy process =ab", "main sleep process =7", "main gc process"
    )
    b = told("main clock time.time =6", "main seed process =2", "main entropy process =cd", "main sleep process =8")
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert {one.kind: (one.compared, one.differ) for one in d.inputs} == {
        "clock": (1, 1),
        "seed": (1, 1),
        "entropy": (1, 1),
        "sleep": (1, 1),
        "gc": (0, 0),
    }
    assert d.inputs[-1].events_a == 1
    assert d.inputs[-1].events_b == 0


def test_another_number_of_clock_reads_is_a_difference() -> None:
    """Reading the clock once more is something else done, if not another schedule."""
    d = diff(told("main clock time.time =5"), told("main clock time.time =5", "main clock time.time =6"))
    assert d.verdict is Verdict.DIFFERENT
    assert d.actors[0].only_b == 1


def test_a_moved_place_is_reported_and_no_difference() -> None:
    """The same events from other lines are the same, and said to have moved."""
    a, b = (
        told(*critical("main", line=10), *critical("main", line=10)),
        told(*critical("main", line=12), *critical("main", line=12)),
    )
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert [(one.a.line, one.b.line, one.events) for one in d.moved] == [(10, 12, 2), (11, 13, 2)]


def test_a_place_that_stands_twice_in_the_table_has_not_moved() -> None:
    """Places are compared by what they are, not by their index."""
    a = told(*critical("main", line=10))
    b = replace(a, sites=[*a.sites, a.sites[1]], columns=replace(a.columns, site=array("I", [3, 2])))
    assert diff(a, b).moved == diff(b, b).moved == ()
    twice = replace(b, columns=replace(b.columns, site=array("I", [1, 2])))
    assert diff(twice, b).moved == ()


def test_notes_say_what_was_run_otherwise() -> None:
    """Other programs, parameters, Pythons and files are said before somebody wonders."""
    a, b = build(3, 100), build(3, 100)
    scenario = replace(b.header.scenario, params={"workers": 5, "pause_s": 0.0})
    b.header = replace(b.header, scenario=scenario, python="3.13.0", files={"bank.py": "1" * 64})
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert d.settings == (Setting("parameter workers", "2", "5"), Setting("Python", "3.12", "3.13"))
    assert d.notes == (
        "each Python's library has its own steps: compared by the operations that the program wrote",
        "changed between the runs: bank.py",
    )
    b.header = replace(b.header, scenario=replace(scenario, name="other"))
    assert diff(a, b).settings[0] == Setting("program", "synthetic", "other")


# --- traces that are cut off


def test_a_cut_off_trace_gives_no_answer_before_they_part() -> None:
    """What only lacks its end says nothing about how it went on."""
    lines = [line for n in range(10) for line in critical(f"main/{n % 2 + 1}")]
    whole = told(*lines, "main/1 write stdout =x")
    prefix = told(*lines[:12], cut_off="the file ends within a frame")
    for d in (diff(prefix, whole), diff(whole, prefix)):
        assert d.verdict is Verdict.INCONCLUSIVE
        assert d.order is Verdict.INCONCLUSIVE
        assert d.split is None
    assert diff(prefix, prefix).verdict is Verdict.SAME
    shorter = told(*lines[:8], cut_off="the file ends within a frame")
    assert diff(prefix, shorter).verdict is Verdict.INCONCLUSIVE
    complete = told(*lines[:12])
    assert diff(prefix, complete).verdict is Verdict.INCONCLUSIVE
    assert diff(prefix, complete).order is Verdict.INCONCLUSIVE


def test_a_cut_off_trace_that_parted_before_is_different() -> None:
    """A difference within what both have is one, cut off or not; so is a cut-off trace that has more than the whole one."""
    lines = [line for n in range(10) for line in critical(f"main/{n % 2 + 1}")]
    swapped = [*lines[:4], *lines[6:8], *lines[4:6], *lines[8:]]
    d = diff(told(*lines), told(*swapped[:12], cut_off="killed"))
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.a is not None
    assert d.split.a.position == 4
    assert diff(told(*lines, cut_off="killed"), told(*lines[:12])).verdict is Verdict.DIFFERENT
    # The next to take the lock was another one: that no later event can mend.
    one = told(*critical("main"), *critical("main/1"), *critical("main"))
    other = told(*critical("main"), *critical("main"), cut_off="killed")
    assert diff(one, other).verdict is Verdict.DIFFERENT


def test_a_cut_off_trace_with_other_output() -> None:
    """Other text within what both have is a difference; missing text is none."""
    whole = told("main write stdout =a\\n", "main write stdout =b\\n", "main acquire lock")
    assert diff(whole, told("main write stdout =a\\n", cut_off="killed")).verdict is Verdict.INCONCLUSIVE
    assert diff(whole, told("main write stdout =x\\n", cut_off="killed")).verdict is Verdict.DIFFERENT


def beginning(trace: Trace, events: int, cut_off: str) -> Trace:
    """The first so many events of a trace."""
    c = trace.columns
    columns = Columns(*(column[:events] for column in (c.actor, c.kind, c.object, c.site, c.value, c.waited_us, c.at_ns)))
    return replace(trace, columns=columns, spans=[], ending=replace(trace.ending, cut_off=cut_off))


def test_no_beginning_of_a_trace_is_different_from_it() -> None:
    """Wherever a trace is cut off, what is left gives no answer; against another run it may still give one."""
    choose = random.Random(5)
    whole, other = build(4, 1500, seed=3), build(4, 1500, seed=4)
    for events in [0, 1, 2, 3, 1499, *(choose.randrange(1500) for _ in range(30))]:
        left = beginning(whole, events, "the file ends within a frame")
        assert diff(left, whole).verdict is Verdict.INCONCLUSIVE
        assert diff(whole, left).verdict is Verdict.INCONCLUSIVE
        assert diff(left, left).verdict is Verdict.SAME
        if events > 100:
            assert diff(left, other).verdict is Verdict.DIFFERENT
        if events < 1499:
            assert diff(beginning(whole, events, ""), whole).verdict is Verdict.DIFFERENT
