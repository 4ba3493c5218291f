"""A diff tells order from chance: what two runs did differently, who came first where, and nothing else."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace

import pytest
from storyteller import Teller, critical, of, told
from synthetic import build, columns_of

from simcore.diffing import diff
from simcore.trace.events import FIXED_OBJECTS, Kind, Outcome, Verdict
from simcore.trace.model import ActorInfo, Columns, Pending, Span

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


def test_commuting_neighbours_may_be_swapped_any_number_of_times() -> None:
    """In a long trace with every kind of traffic, swapping what acts on different objects never becomes a difference."""
    choose = random.Random(9)
    a = build(4, 3000, seed=8, switch=0.5)
    rows = list(zip(*columns_of(a), strict=True))
    swaps = 0
    for _ in range(20_000):
        at = choose.randrange(len(rows) - 1)
        (actor, _, obj, *_), (other_actor, _, other_obj, *_) = rows[at], rows[at + 1]
        if actor != other_actor and obj != other_obj:
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
            swaps += 1
    assert swaps > 1000
    columns = Columns(
        *(array(column.typecode, cells) for column, cells in zip(columns_of(a), zip(*rows, strict=True), strict=True))
    )
    d = diff(a, replace(a, columns=columns, spans=[]))
    assert d.verdict is Verdict.SAME
    assert not d.total_order_same


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
        ("main import imports =json", "main/1 imported imports =json"),
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
    assert d.split.sentence == "in A main puts item 1 of main into `q` (app.py:5), in B it sleeps 7 ns (app.py:9)"


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
    assert split.sentence == "in A main releases `right` (app.py:11), in B it waits for `left`"


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
