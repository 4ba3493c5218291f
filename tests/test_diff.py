"""A diff tells order from chance: what two runs did differently, who came first where, and nothing else."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from synthetic import build

import simcore
from simcore.diffing import Diff, diff
from simcore.diffing import pairing as pairing_module
from simcore.diffing.align import Budget, align, increasing, out_of_place
from simcore.diffing.result import ObjectDiff
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import (
    ActorInfo,
    Columns,
    DeadlockLink,
    Ending,
    Header,
    ObjectInfo,
    Pending,
    Scenario,
    Site,
    Span,
    Trace,
)

OBJECT_KINDS = {"q": ObjectKind.QUEUE, "e": ObjectKind.EVENT, "t": ObjectKind.THREAD, "w": ObjectKind.WAITER}
FIXED = {label: index for index, (_, label) in enumerate(FIXED_OBJECTS) if label}


class Teller:
    """Writes a trace down from lines like `main/1 acquire lock :12` or `main get queue =main/1#3`.

    An actor, an object and a text come into being when first named. An object starts with the letter of its kind (`q`ueue,
    `e`vent, `t`hread, the lock of a `w`ait: `w2` is one of `main/2`), else it is a lock. `=` gives the value, in the terms of
    its kind; `:` the line in `app.py`; `~` the waiting in us.
    """

    def __init__(self) -> None:
        self.actors = ["main"]
        self.objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
        self.names = dict(FIXED)
        self.sites = [Site("", 0, "")]
        self.texts: list[str | bytes] = []
        self.columns = Columns()

    def actor(self, name: str) -> int:
        if name not in self.actors:
            self.actors.append(name)
        return self.actors.index(name)

    def object(self, name: str) -> int:
        if name not in self.names:
            self.names[name] = len(self.objects)
            kind = OBJECT_KINDS.get(name[0], ObjectKind.LOCK)
            number = int(name[1:]) if name[1:].isdigit() else sum(map(ord, name))
            creator = self.actor(f"main/{number}") if kind is ObjectKind.WAITER else 0
            self.objects.append(ObjectInfo(creator, kind, number, 0, name))
        return self.names[name]

    def site(self, line: int) -> int:
        site = Site("app.py", line, "work")
        if site not in self.sites:
            self.sites.append(site)
        return self.sites.index(site)

    def text(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def value(self, kind: Kind, word: str | None) -> int:
        if kind is Kind.START:
            return self.actor(word or "main")
        if kind in (Kind.WRITE, Kind.IMPORT, Kind.IMPORTED, Kind.ENTROPY, Kind.ENUMERATE):
            return self.text((word or "").replace("\\n", "\n"))
        if word and "#" in word:
            who, _, number = word.partition("#")
            return self.actor(who) << 32 | int(number)
        return int(word) if word else 1 if kind in (Kind.ACQUIRE, Kind.JOIN) else 0

    def tell(self, line: str) -> None:
        actor, verb, *words = line.split()
        kind = Kind[verb.upper()]
        marked = {word[0]: word[1:] for word in words if word[0] in "=:~"}
        name = next((word for word in words if word[0] not in "=:~"), "process")
        c = self.columns
        c.actor.append(self.actor(actor))
        c.kind.append(kind)
        c.object.append(self.object(name))
        c.site.append(self.site(int(marked[":"])) if ":" in marked else 0)
        c.value.append(self.value(kind, marked.get("=")))
        c.waited_us.append(int(marked.get("~", 0)))
        c.at_ns.append(1000 * len(c.at_ns))


def told(*lines: str, **ending: object) -> Trace:
    """The trace of these lines; `ending` replaces fields of its Ending."""
    teller = Teller()
    for line in lines:
        teller.tell(line)
    header = Header(Scenario("pattern", "story"), "0.1.0", "3.12.1", "CPython", "Linux", "x86_64")
    actors = [ActorInfo(name, "") for name in teller.actors]
    end = Ending(**{"exit_code": 0} | ending)  # type: ignore[arg-type]
    return Trace(header, actors, teller.objects, teller.sites, teller.texts, teller.columns, ending=end)


def critical(actor: str, lock: str = "lock", line: int = 10) -> list[str]:
    """One critical section."""
    return [f"{actor} acquire {lock} :{line}", f"{actor} release {lock} :{line + 1}"]


def of(d: Diff, label: str) -> ObjectDiff:
    """What the diff says about the object called so."""
    return next(one for one in d.objects if one.label == label)


# --- the same


def test_a_trace_is_the_same_as_itself() -> None:
    """Nothing differs between a trace and itself, whatever its outcome."""
    for outcome in (Outcome.OK, Outcome.DEADLOCK):
        trace = build(4, 2000, outcome=outcome)
        d = diff(trace, trace)
        assert d.verdict is Verdict.SAME
        assert d.order is Verdict.SAME
        assert d.split is None
        assert d.total_order_same
        assert d.times_differ_ns == 0
        assert {one.state for one in d.actors} == {"same"}
        assert {one.state for one in d.objects} | {one.state for one in d.output} == {"same"}
        assert not d.moved
        assert not any(one.differ for one in d.inputs)


def test_other_times_and_waits_are_no_difference() -> None:
    """A copy with other times is the same, and says how far the times are apart."""
    a, b = build(3, 500), build(3, 500)
    b.columns.at_ns = array("q", (at_ns + 5_000 for at_ns in b.columns.at_ns))
    b.columns.at_ns[77] += 4_195_000
    b.columns.waited_us[20] += 900
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert d.times_differ_ns == 4_200_000
    assert sum(one.total_b_ns - one.total_a_ns for one in d.waiting) == 900_000


def test_tables_in_another_order_are_no_difference() -> None:
    """Actors and objects are matched by name, texts by content: indexes are each trace's own."""
    lines = [
        *("main start t1 =main/1", "main start t2 =main/2", "main/1 begin t1", "main/2 begin t2"),
        *("main/1 put q =main/1#1", "main/2 put q =main/2#1", "main get q =main/1#1", "main get q =main/2#1"),
        *("main write stdout =one\\n", "main write stdout =two\\n", "main enumerate process =main/1"),
    ]
    a = told(*lines)
    shuffled = Teller()
    for name in ("main/2", "main/1"):
        shuffled.actor(name)
    for name in ("q", "t2", "t1"):
        shuffled.object(name)
    shuffled.text("unused")
    shuffled.text("two\n")
    for line in lines:
        shuffled.tell(line)
    b = replace(
        a,
        actors=[ActorInfo(name, "") for name in shuffled.actors],
        objects=shuffled.objects,
        texts=shuffled.texts,
        columns=shuffled.columns,
    )
    assert a.columns.value != b.columns.value
    assert diff(a, b).verdict is Verdict.SAME
    assert diff(b, a).verdict is Verdict.SAME


def test_independent_events_commute() -> None:
    """Events of different actors on different objects may come in any order: the same, with a word about the total order."""
    a = told(*critical("main", "left"), *critical("main/1", "right"))
    b = told(*critical("main/1", "right"), *critical("main", "left"))
    d = diff(a, b)
    assert d.verdict is Verdict.SAME
    assert not d.total_order_same
    assert d.split is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("main sleep process =5", "main/1 sleep process =5"),
        ("main clock time.time =1", "main/1 clock time.time =2"),
        ("main seed process =1", "main/1 seed process =2"),
        ("main acquire lock =0", "main/1 acquire lock =-1"),
        ("main acquire lock =0", "main/1 acquire lock"),
        ("main locked lock =0", "main/1 locked lock =0"),
        ("main qsize q =3", "main/1 put q =main/1#1"),
        ("main get q =-1", "main/1 get q =-2"),
        ("main is_set e =0", "main/1 is_set e =0"),
        ("main join t =0", "main/1 end t"),
        ("main import imports =json", "main/1 import imports =re"),
        ("main signal process =2", "main/1 signal process =2"),
        ("main exit process", "main.1 exit process"),
        ("main write stdout =x", "main/1 write stderr =y"),
        ("main write stdout =x", "main/1 acquire lock"),
    ],
)
def test_what_carries_no_order(one: str, other: str) -> None:
    """Reads, failed tries, inputs, sleeps and what acts on other objects may change places with what another actor does."""
    assert diff(told(one, other), told(other, one)).verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("main acquire lock", "main/1 acquire lock"),
        ("main release lock", "main/1 acquire lock"),
        ("main undo lock", "main/1 acquire lock"),
        ("main put q =main#1", "main/1 put q =main/1#1"),
        ("main get q =main#1", "main/1 get q =main#2"),
        ("main put q =main#1", "main/1 get q =main/1#1"),
        ("main end t", "main/1 join t"),
        ("main start t =main/1", "main/1 begin t"),
        ("main write stdout =x", "main/1 write stdout =y"),
        ("main write stdout =x", "main/1 write stdout =x"),
        ("main import imports =json", "main/1 imported imports =json"),
    ],
)
def test_what_carries_order(one: str, other: str) -> None:
    """Two effects on one object that change places are a difference, and that is where the runs part."""
    d = diff(told(one, other), told(other, one))
    assert d.verdict is Verdict.DIFFERENT
    assert d.order is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.why == "order"
    assert d.split.a is not None
    assert d.split.b is not None
    assert (d.split.a.position, d.split.b.position) == (0, 0)


# --- the first split


def test_two_contended_acquisitions_swapped() -> None:
    """The swap is found at its event, in words, with both call sites."""
    start = [*critical("main", "log", 3), *critical("main/1", "log", 3)]
    a = told(*start, *critical("main", "cache_lock", 41), *critical("main/1", "cache_lock", 88))
    b = told(*start, *critical("main/1", "cache_lock", 88), *critical("main", "cache_lock", 41))
    d = diff(a, b)
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.a is not None
    assert d.split.b is not None
    assert (d.split.a.position, d.split.b.position) == (4, 4)
    assert (d.split.a.event, d.split.b.event) == ("main:3", "main/1:3")
    assert d.split.sentence == "in A main takes `cache_lock` first (app.py:41), in B main/1 does (app.py:88)"
    assert (of(d, "cache_lock").reversed, of(d, "cache_lock").compared, of(d, "cache_lock").first_a) == (1, 1, 4)
    assert of(d, "log").state == "same"


def test_the_split_is_the_cause_not_the_consequence() -> None:
    """Who came second gets another item and tries another way: told is the hand-off that made it so."""
    a = told("main put q =main#1", "main put q =main#2", "main/1 get q =main#1", "main/2 get q =main#2", "main/1 acquire lock")
    b = told("main put q =main#1", "main put q =main#2", "main/2 get q =main#1", "main/1 get q =main#2", "main/2 acquire lock")
    d = diff(a, b)
    assert d.split is not None
    assert d.split.why == "order"
    assert d.split.sentence == "in A main/1 gets from `q` first, in B main/2 does"
    assert [one.state for one in d.actors] == ["same", "changed", "changed"]


def test_the_split_does_not_depend_on_which_trace_is_called_a() -> None:
    """Turned round, a diff finds the same place."""
    for seed in range(8):
        a, b = build(4, 600, seed=1), build(4, 600, seed=seed + 2)
        there, back = diff(a, b).split, diff(b, a).split
        assert there is not None
        assert back is not None
        assert (there.a, there.b, there.why) == (back.b, back.a, back.why)


def test_a_split_by_something_else_done() -> None:
    """An actor that does another thing is told with both things."""
    d = diff(
        told(*critical("main", line=3), "main put q =main#1 :5"), told(*critical("main", line=3), "main sleep process =7 :9")
    )
    assert d.split is not None
    assert d.split.why == "actor"
    assert d.split.sentence == "in A main puts into `q` (app.py:5), in B it sleeps 7e-09 s (app.py:9)"


def test_a_split_by_another_result() -> None:
    """A number read otherwise is a difference of results, at its event."""
    d = diff(told("main qsize q =3 :4"), told("main qsize q =5 :4"))
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.why == "result"
    assert d.split.sentence == "in A main finds 3 items in `q` (app.py:4), in B it finds 5 items in `q` (app.py:4)"
    assert d.actors[0].other_results == 1
    assert (d.actors[0].only_a, d.actors[0].only_b) == (0, 0)


def test_an_actor_that_waits_for_ever() -> None:
    """Where an actor does nothing more, the split says what it waits for."""
    a = told(*critical("main/1", "left"), *critical("main", "right"))
    b = told(*critical("main/1", "left"), "main acquire right", outcome=Outcome.STALLED)
    b.ending.pending.append(Pending(0, Kind.ACQUIRE, len(FIXED_OBJECTS), 0, 5, timed=False))
    split = diff(a, b).split
    assert split is not None
    assert split.b is None
    assert split.sentence == "in A main gives back `right` (app.py:11), in B it waits for `left`"


# --- actors


def test_an_actor_is_missing_or_added() -> None:
    """An actor that only one run has is named, with its events."""
    a = told("main start t1 =main/1", "main/1 begin t1", *critical("main/1"), "main/1 end t1")
    b = told("main acquire lock")
    d = diff(a, b)
    assert [(one.name, one.state) for one in d.actors] == [("main", "changed"), ("main/1", "missing")]
    assert d.actors[1].events_a == 4
    assert [(one.name, one.state) for one in diff(b, a).actors] == [("main", "changed"), ("main/1", "added")]
    assert diff(b, a).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize("at", [0, 3, 10, 40])
def test_an_actor_is_longer(at: int) -> None:
    """Events more are counted, and placed where they begin; the others are equal."""
    sections = [critical("main", f"l{n % 3}") for n in range(20)]
    other = [critical("main/1", "l7") for _ in range(5)]
    longer = [line for section in sections for line in section]
    longer[at:at] = ["main put q =main#1", "main qsize q =1", "main get q =main#1"]
    a = told(*(line for section in [*sections, *other] for line in section))
    b = told(*longer, *(line for section in other for line in section))
    d = diff(a, b)
    assert d.verdict is Verdict.DIFFERENT
    first = d.actors[0]
    assert (first.state, first.only_a, first.only_b, first.other_results, first.exact) == ("changed", 0, 3, 0, True)
    assert first.first_b == at
    assert first.first_a == (at if at < 40 else None)
    assert d.actors[1].state == "same"
    back = diff(b, a).actors[0]
    assert (back.only_a, back.only_b, back.first_a) == (3, 0, at)
    # What both have is still compared: no hand-off moved.
    assert all(one.reversed == 0 for one in d.objects)


def test_items_are_followed_through_an_added_put() -> None:
    """One item more shifts the numbers of all later ones: those that got them got the same items."""
    a = told("main put q =main#1", "main put q =main#2", "main/1 get q =main#1", "main/1 get q =main#2")
    b = told(
        *("main acquire lock", "main put q0 =main#1", "main put q =main#2", "main put q =main#3"),
        *("main/1 get q =main#2", "main/1 get q =main#3"),
    )
    d = diff(a, b)
    assert [one.state for one in d.actors] == ["changed", "same"]
    assert d.actors[0].only_b == 2


def test_a_failed_try_is_another_result_not_another_event() -> None:
    """A try that failed in one run is the same operation with another result."""
    d = diff(told("main acquire lock", "main sleep process"), told("main acquire lock =0", "main sleep process"))
    assert (d.actors[0].only_a, d.actors[0].only_b, d.actors[0].other_results) == (0, 0, 1)
    assert d.verdict is Verdict.DIFFERENT


def test_what_was_started_and_how_it_ended_count() -> None:
    """Another actor started, or a thread that ended by an exception, is a difference."""
    assert diff(told("main start t =main/1"), told("main start t =main/2")).verdict is Verdict.DIFFERENT
    assert diff(told("main end t"), told("main end t =1")).verdict is Verdict.DIFFERENT


def test_whose_wait_a_notify_ended_is_a_result() -> None:
    """The lock made for one Condition.wait is passed in no order of its own; who was woken is compared, not another event."""
    waits = ["main/1 acquire w1", "main/2 acquire w2"]
    a = told(*waits, "main release w1 :5", "main/1 acquire w1 ~30", "main release w2 :5", "main/2 acquire w2 ~40")
    b = told(*waits, "main release w2 :5", "main/2 acquire w2 ~30", "main release w1 :5", "main/1 acquire w1 ~40")
    d = diff(a, b)
    main = next(one for one in d.actors if one.name == "main")
    assert (main.only_a, main.only_b, main.other_results) == (0, 0, 2)
    assert d.split is not None
    assert d.split.why == "result"
    assert d.split.sentence == "in A main wakes main/1 (app.py:5), in B it wakes main/2 (app.py:5)"
    assert not d.objects
    late = told(waits[1], waits[0], *(line for line in ("main release w1 :5", "main/1 acquire w1", "main release w2 :5")))
    early = told(waits[0], "main release w1 :5", waits[1], "main/1 acquire w1", "main release w2 :5")
    assert diff(late, early).verdict is Verdict.SAME


def test_waits_belong_to_what_the_programmer_waits_for() -> None:
    """Waiting for the lock of one wait is waiting for its condition; waiting for a Thread is told by its actor."""
    a = told("main start t =main/1", "main/1 acquire w1", "main/1 acquire w1 ~30", "main release c", "main join t ~7")
    a.spans.append(Span("Condition.wait", 1, a.objects.index(next(o for o in a.objects if o.label == "c")), 0, 1, 2))
    assert {one.label: one.total_a_ns for one in diff(a, a).waiting} == {"c": 30_000, "main/1": 7_000}


# --- objects, waiting, switches


def test_reversed_hand_offs_are_counted_exactly() -> None:
    """Of the hand-offs of A as many are reversed as have their two acquisitions the other way round in B."""
    order_a = ["main", "main/1", "main/2", "main", "main/1", "main/2", "main"]
    order_b = ["main", "main/2", "main/1", "main", "main/1", "main", "main/2"]
    a = told(*(line for actor in order_a for line in critical(actor)))
    b = told(*(line for actor in order_b for line in critical(actor)))
    lock = of(diff(a, b), "lock")
    assert (lock.hand_offs_a, lock.hand_offs_b, lock.compared, lock.reversed, lock.moved) == (6, 6, 6, 2, 2)
    assert (lock.first_a, lock.first_b, lock.state) == (2, 2, "reordered")


def test_a_run_of_one_actor_is_no_hand_off() -> None:
    """Taking a lock again oneself hands nothing off, and the releases between count for nothing."""
    a = told(*critical("main"), *critical("main"), *critical("main/1"), *critical("main"))
    assert of(diff(a, a), "lock").hand_offs_a == 2
    assert diff(a, a).a.hand_offs == 2


def test_objects_of_one_actor_are_counted_not_listed() -> None:
    """What only one actor touched is no matter of order."""
    a = told(*critical("main", "mine"), *critical("main", "ours"), *critical("main/1", "ours"))
    d = diff(a, a)
    assert [one.label for one in d.objects] == ["ours"]
    assert d.private_objects == 1


def test_waiting_and_switches() -> None:
    """Waiting is summed per object in both runs, sleeping left out; switches are changes of actor."""
    a = told("main acquire lock ~400", "main/1 acquire other", "main sleep process ~9000")
    b = told("main acquire lock ~12000", "main/1 acquire other", "main sleep process ~1")
    d = diff(a, b)
    assert [(one.label, one.total_a_ns, one.total_b_ns, one.longest_b_ns, one.waits_a) for one in d.waiting] == [
        ("lock", 400_000, 12_000_000, 12_000_000, 1)
    ]
    assert (d.a.switches, d.b.switches) == (2, 2)


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
    assert d.split.sentence == "in A main writes 'two\\n' to stdout, in B it writes '2\\n' to stdout"


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
    assert d.notes == (
        "parameter workers is 2 in A, 5 in B",
        "A was recorded on Python 3.12, B on 3.13: compared by the operations that the program wrote",
        "changed between the runs: bank.py",
    )
    b.header = replace(b.header, scenario=replace(scenario, name="other"))
    assert diff(a, b).notes[0] == "A is a run of synthetic, B of other"


# --- by spans


def of_minor(trace: Trace, minor: int, library: Sequence[int] = ()) -> Trace:
    """The trace as recorded on Python 3.`minor`; sites with the lines of `library` lie in the standard library."""
    sites = [site._replace(file="/lib/queue.py") if site.line in library else site for site in trace.sites]
    return replace(trace, header=replace(trace.header, python=f"3.{minor}.1", files={"app.py": "0"}), sites=sites)


def put(teller: Teller, actor: str, *inner: str, line: int) -> Span:
    """Tell a Queue.put on `q` that is made of these events."""
    first = len(teller.columns)
    for one in inner:
        teller.tell(f"{actor} {one}")
    return Span("Queue.put", teller.actor(actor), teller.object("q"), teller.site(line), first, len(teller.columns) - 1)


def two_puts(actors: Sequence[str], inner: Sequence[str], minor: int) -> Trace:
    """Two actors put one item each, as this Python minor does it; then each takes its own lock, and the library one on 3.13."""
    teller = Teller()
    for name in ("main", "main/1"):
        teller.actor(name)
    spans = [put(teller, actor, *inner, line=7) for actor in actors]
    own = [line for actor in sorted(actors) for line in critical(actor, f"lock_{len(actor)}", 20)]
    for line in [*own, *(["main acquire hidden :99"] if minor == 13 else [])]:
        teller.tell(line)
    trace = replace(told(), actors=[ActorInfo(name, "") for name in teller.actors], objects=teller.objects, texts=teller.texts)
    return of_minor(replace(trace, sites=teller.sites, columns=teller.columns, spans=spans), minor, [99])


def test_traces_of_two_minors_are_compared_by_spans() -> None:
    """One operation is made of other events on another Python: the same program in the same order is the same."""
    old = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 11)
    new = two_puts(["main", "main/1"], ["acquire mutex :80", "acquire extra :81", "release extra :82", "release mutex :83"], 13)
    d = diff(old, new)
    assert (d.verdict, d.compared) == (Verdict.SAME, "spans")
    assert [one.events_a for one in d.actors] == [3, 3]
    assert diff(old, of_minor(new, 11, [99])).verdict is Verdict.DIFFERENT
    assert diff(old, old).compared == "events"


def test_a_split_between_spans_names_the_operation() -> None:
    """Positions are those of the recorded traces, and the sentence tells the programmer's operation."""
    old = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 11)
    new = two_puts(["main/1", "main"], ["acquire mutex :80", "acquire extra :81", "release extra :82", "release mutex :83"], 13)
    d = diff(old, new)
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.sentence == "in A main does Queue.put on `q` first (app.py:7), in B main/1 does (app.py:7)"
    assert d.split.a is not None
    assert d.split.b is not None
    assert (d.split.a.position, d.split.b.position) == (1, 3)
    assert (of(d, "q").reversed, of(d, "q").first_a, of(d, "q").first_b) == (1, 1, 3)


def test_an_event_within_a_span_says_so() -> None:
    """Between traces of one minor the split is an event; the operation that it is part of stands beside it."""
    a = two_puts(["main", "main/1"], ["acquire mutex :90", "release mutex :91"], 12)
    b = two_puts(["main/1", "main"], ["acquire mutex :90", "release mutex :91"], 12)
    split = diff(a, b).split
    assert split is not None
    assert split.sentence == "in A main takes `mutex` first (app.py:90, in Queue.put), in B main/1 does (app.py:90, in Queue.put)"


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


# --- as data


def test_results_are_no_booleans() -> None:
    """`if diff(a, b)` would be read two ways, so it raises."""
    d = diff(told("main acquire lock"), told("main acquire lock"))
    with pytest.raises(TypeError, match=r"ask for diff\.verdict"):
        bool(d)


def test_only_traces_are_compared() -> None:
    """A path is refused with what to do."""
    with pytest.raises(TypeError, match=r"not a str: load a file with Trace\.load"):
        diff("a.simtrace", build(2, 50))  # type: ignore[arg-type]


def test_json_is_plain_and_complete() -> None:
    """What `--json` prints can be read back and holds every part, in words."""
    a, b = build(3, 400, seed=1), build(3, 400, seed=2)
    facts = json.loads(json.dumps(diff(a, b).to_json()))
    assert set(facts) == {
        *(
            "verdict",
            "order",
            "compared",
            "same_outcome",
            "same_output",
            "a",
            "b",
            "split",
            "actors",
            "objects",
            "private_objects",
        ),
        *("waiting", "output", "inputs", "moved", "total_order_same", "times_differ_ns", "notes"),
    }
    assert facts["verdict"] == "different"
    assert facts["a"]["outcome"] == "ok"
    assert facts["a"]["error_site"] is None
    assert facts["split"]["a"]["kind"] == "acquire"
    assert facts["split"]["a"]["site"]["file"] == "bank.py"
    assert facts["objects"][0]["kind"] in {"lock", "simplequeue"}
    same = diff(a, a).to_json()
    assert (same["verdict"], same["split"]) == ("same", None)


def test_the_public_names() -> None:
    """`simcore.diff` is the function and `simcore.Diff` its result."""
    assert simcore.diff is diff
    assert simcore.Diff is Diff


def test_traces_are_left_as_they_were() -> None:
    """A diff changes neither trace."""
    a, b = build(3, 300, seed=1), build(3, 300, seed=2)
    before = [column.tobytes() for trace in (a, b) for column in (trace.columns.actor, trace.columns.value, trace.columns.object)]
    diff(a, b)
    after = [column.tobytes() for trace in (a, b) for column in (trace.columns.actor, trace.columns.value, trace.columns.object)]
    assert before == after


# --- odd traces


def test_empty_traces() -> None:
    """Nothing equals nothing, and differs from something."""
    empty = told()
    assert diff(empty, empty).verdict is Verdict.SAME
    d = diff(empty, told("main acquire lock"))
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.a is None


def test_damaged_values_are_compared_as_they_stand() -> None:
    """Indexes and tags that point nowhere are no reason to fail."""
    a, b = told("main start t =main/1", "main write stdout =x", "main get q =main#1", "main enumerate process =a"), told()
    for position in range(4):
        a.columns.value[position] = (1 << 62) + position
    b = replace(a, columns=replace(a.columns, value=array("q", (value + 1 for value in a.columns.value))))
    assert diff(a, a).verdict is Verdict.SAME
    assert diff(a, b).verdict is Verdict.DIFFERENT
    b.columns.value[:] = array("q", [-(1 << 63)] * 4)
    assert diff(a, b).verdict is Verdict.DIFFERENT


def test_names_that_occur_twice_match_in_their_order() -> None:
    """A damaged table with two actors or objects of one name still equals itself."""
    a = told(*critical("main"), *critical("main/1", "other"))
    a.actors[1] = ActorInfo("main", "")
    a.objects[-1] = a.objects[-2]
    assert diff(a, a).verdict is Verdict.SAME


def test_a_hostile_name_cannot_write_to_the_terminal() -> None:
    """Escape sequences in a trace come out escaped in the sentence."""
    a, b = told(*critical("main"), *critical("main/1")), told(*critical("main/1"), *critical("main"))
    for trace in (a, b):
        trace.objects = [info._replace(label="\x1b[31mred\n") if info.label == "lock" else info for info in trace.objects]
    split = diff(a, b).split
    assert split is not None
    assert split.sentence.isprintable()
    assert "\\x1b[31mred\\n" in split.sentence


# --- against a slow, obvious oracle


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
    ("seed", "events", "swaps"), [(1, 100_000, None), (2, 100_000, 3), (3, 4000, 40), (4, 300, 1), (5, 300, 2)]
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
    columns = Columns(*(array(c.typecode, (v for v, k in zip(c, keep, strict=True) if k)) for c in _columns(trace)))
    return replace(trace, columns=columns)


def _columns(trace: Trace) -> list[array[int]]:
    c = trace.columns
    return [c.actor, c.kind, c.object, c.site, c.value, c.waited_us, c.at_ns]


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
    assert lines[0].split() == ["case", "events", "seconds", "peak", "MiB", "verdict", "reversed"]
    assert [line.split()[-2] for line in lines[1:]] == ["same", "different", "different", "different"]
