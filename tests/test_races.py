"""Races: found in programs that are really recorded, silent where a primitive orders them, told by what they are known as."""

from __future__ import annotations

from pathlib import Path

import pytest
from accesses import THREADS, checked_by, in_function, story
from programs import record, written
from race_processes import PROCESSES
from race_threads import THREADS as THREAD_PROGRAM

import simcore
from simcore.analysis import Answer, Mistake, Possible, Race
from simcore.analysis.fasttrack import track
from simcore.trace.events import ObjectKind, Outcome
from simcore.trace.model import Trace

__all__ = ["checked_by"]

REFERENCES = sorted((Path(__file__).parents[1] / "traces").glob("v*/*/*.simtrace"))

QUICK = ("locking",)
"""What is enough for a second start method."""


def recorded(source: str, *arguments: str) -> tuple[Trace, list[str]]:
    """The program's run, and the names of its sections in their order."""
    trace, ran = record([written(source), *arguments])
    assert trace.outcome is Outcome.OK, ran.err
    return trace, ran.out.decode().split()


def racy_sections(trace: Trace, source: str, names: list[str]) -> set[str]:
    """The sections whose value raced: each value is made on one line, in the order of the sections."""
    line = source[: source.index('    print(" ".join')].count("\n")
    numbers = sorted(
        (info.n, index)
        for index, info in enumerate(trace.objects)
        if info.kind is ObjectKind.SHARED and info.creator == 0 and trace.sites[info.site].line == line
    )
    section = {index: name for (_, index), name in zip(numbers, names, strict=True)}
    return {section[key & 0xFFFFFFFF] for pair in track(trace).pairs.values() for key in pair.keys}


def test_threads_that_a_primitive_orders_do_not_race() -> None:
    """Each edge on its own: without it these accesses would be unordered, as the next test shows."""
    trace, _ = recorded(THREAD_PROGRAM, "ordered")
    assert [race.sides for race in simcore.races(trace).races] == []
    assert simcore.races(trace).answer is Answer.NONE


def test_threads_that_nothing_orders_race() -> None:
    """In every section, however the threads came in this run."""
    trace, names = recorded(THREAD_PROGRAM, "racy")
    assert racy_sections(trace, THREAD_PROGRAM, names) == set(names)


@pytest.mark.parametrize(("method", "sections"), [("fork", ()), ("spawn", QUICK)])
def test_processes_that_a_primitive_orders_do_not_race(method: str, sections: tuple[str, ...]) -> None:
    """Locks, semaphores, events, queues, pipes, pools, exits and the like, between processes."""
    trace, _ = recorded(PROCESSES, "ordered", method, *sections)
    assert [race.sides for race in simcore.races(trace).races] == []
    assert simcore.races(trace).answer is Answer.NONE


@pytest.mark.parametrize(("method", "sections"), [("fork", ()), ("spawn", QUICK)])
def test_processes_that_nothing_orders_race(method: str, sections: tuple[str, ...]) -> None:
    """In every section."""
    trace, names = recorded(PROCESSES, "racy", method, *sections)
    assert racy_sections(trace, PROCESSES, names) == set(names)


@pytest.mark.loop
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_race_or_do_not_in_every_run(method: str) -> None:
    """All sections under all start methods, several times, and the threads' beside them."""
    for _ in range(3):
        trace, _ = recorded(PROCESSES, "ordered", method)
        assert [race.sides for race in simcore.races(trace).races] == []
        trace, names = recorded(PROCESSES, "racy", method)
        assert racy_sections(trace, PROCESSES, names) == set(names)
        trace, _ = recorded(THREAD_PROGRAM, "ordered")
        assert [race.sides for race in simcore.races(trace).races] == []
        trace, names = recorded(THREAD_PROGRAM, "racy")
        assert racy_sections(trace, THREAD_PROGRAM, names) == set(names)


def told(trace: Trace) -> list[tuple[str, str, bool, str]]:
    """Each race in short: place, what it is known as, whether it struck, whether it is possible."""
    return [(race.place, race.mistake.value, race.struck, race.possible.value) for race in simcore.races(trace).races]


@pytest.mark.parametrize("style", ["locked", "own", "raw"])
def test_a_counter_of_processes_is_reported_with_its_lock_and_without(style: str) -> None:
    """Without a lock; with its own one, which is held for each read and each write alone; silent when held for both."""
    trace = simcore.record("shared-value-array", params={"style": style, "rounds": 10}, quiet=True)
    found = simcore.races(trace)
    if style == "locked":
        assert (found.answer, found.races) == (Answer.NONE, ())
        return
    assert {(race.place, race.mistake, race.possible) for race in found.races} == {("counter", Mistake.LOST_UPDATE, Possible.YES)}
    held = {lock.lock.label for race in found.races for side in race.sides for lock in side.locks}
    assert held == ({"counter.lock"} if style == "own" else set())


def test_lost_updates_of_processes_are_seen_to_have_struck() -> None:
    """Two processes read one after the other, then both write: the moments are these four events, in their order."""
    source = """\
    import multiprocessing as mp

    def add(cell, barrier):
        seen = cell.value
        barrier.wait()
        cell.value = seen + 1

    if __name__ == "__main__":
        context = mp.get_context("fork")
        cell, barrier = context.RawValue("i", 0), context.Barrier(2)
        children = [context.Process(target=add, args=(cell, barrier)) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert cell.value == 1
    """
    trace, ran = record(source)
    assert ran.code == 0, ran.err
    (race,) = simcore.races(trace).races
    assert (race.mistake, race.struck, race.possible) == (Mistake.LOST_UPDATE, True, Possible.YES)
    assert [moment.does for moment in race.moments] == [
        *["reads 0 from cell"] * 2,
        *["stores 1 into cell"] * 2,
    ]
    assert len({moment.actor for moment in race.moments}) == 2
    assert sorted(moment.position for moment in race.moments) == [moment.position for moment in race.moments]


def test_items_of_raw_arrays_cannot_be_told_apart() -> None:
    """Each process writes into a place of its own, and the trace does not tell which: no race, and no answer either."""
    source = """\
    import multiprocessing as mp

    def work(cells, number):
        cells[number] = 1

    if __name__ == "__main__":
        context = mp.get_context("fork")
        cells = context.RawArray("i", 2)
        children = [context.Process(target=work, args=(cells, number)) for number in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert list(cells) == [1, 1]
    """
    found = simcore.races(record(source)[0])
    assert (found.answer, found.races) == (Answer.INCONCLUSIVE, ())
    assert found.unseen == ("which items of cells were accessed at program.py:4, with no order between them",)
    (race,) = simcore.races(record(source.replace("cells[number] =", "cells[0] =").replace("[1, 1]", "[1, 0]"))[0]).races
    assert race.mistake is Mistake.WRITE_WRITE


def both(*lines: str) -> list[str]:
    """The same lines by two threads, one after the other."""
    return [line.replace("N", number) for number in ("1", "2") for line in lines]


AROUND = ["main/1 load a.x :1", "main/2 load a.x :1", "main/2 assign a.x :1", "main/1 assign a.x :1"]
"""An update that got lost."""


@pytest.mark.parametrize(
    ("line", "lines", "expected"),
    [
        ("a.x = a.x + 1", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "no")),
        ("a.x = f(a.x)", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "yes")),
        ("a.x = a.x + int('1')", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "yes")),
        ("a.x = g() + a.x", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "no")),
        ("a.x = a.x + 1", AROUND, ("lost update", True, "no")),
        ("a.x = f(a.x)", AROUND, ("lost update", True, "yes")),
        ("a.x += 1", both("main/N update a.x :1"), ("lost update", False, "no")),
        ("a.x += other", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "unknown")),
        ("a.x += f()", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "yes")),
        ("", both("main/N load a.x :1", "main/N assign a.x :1"), ("lost update", False, "unknown")),
        ("a.x = 1", both("main/N assign a.x :1"), ("write-write", False, "yes")),
        ("seen = a.x\na.x = seen + 1", both("main/N load a.x :1", "main/N assign a.x :2"), ("lost update", False, "no")),
        (
            "seen = a.x\nprint()\na.x = seen + 1",
            both("main/N load a.x :1", "main/N assign a.x :3"),
            ("lost update", False, "yes"),
        ),
        (
            "seen = a.x\nnew = seen + 1\na.x = new",
            both("main/N load a.x :1", "main/N assign a.x :3"),
            ("lost update", False, "no"),
        ),
        ("if a.x > 1:\n    a.x = 0", both("main/N load a.x :1", "main/N assign a.x :2"), ("check-then-act", False, "no")),
        ("if a.x > 1:\n    f(); a.x = 0", both("main/N load a.x :1", "main/N assign a.x :2"), ("check-then-act", False, "yes")),
        ("if a.x:\n    raise E\na.x = 0", both("main/N load a.x :1", "main/N assign a.x :3"), ("check-then-act", False, "no")),
        (
            "while run:\n    a.x = new\n    new = a.x + 1",
            both("main/N load a.x :3", "main/N assign a.x :2"),
            ("lost update", False, "yes"),
        ),
        ("print(a.x)\na.x = 0", both("main/N load a.x :1", "main/N assign a.x :2"), ("read-write", False, "yes")),
        ("if a.x:\n    a.x += 1", both("main/N load a.x :1", "main/N update a.x :2"), ("check-then-act", False, "no")),
    ],
)
def test_what_lies_between_a_read_and_its_write_decides(line: str, lines: list[str], expected: tuple[str, bool, str]) -> None:
    """Whether it is an update, and whether a switch is possible there under a GIL; without one it always is."""
    found = simcore.races(story(*THREADS, *lines, source=line))
    worst = found.races[0]
    assert (worst.mistake.value, worst.struck, worst.possible.value) == expected, worst.because
    free = simcore.races(story(*THREADS, *lines, source=line, gil=False)).races[0]
    assert (free.mistake.value, free.possible, free.because) == (
        expected[0],
        Possible.YES,
        "CPython 3.12t has no GIL: threads run at the same time",
    )


def test_a_stop_flag_is_a_question_of_order() -> None:
    """One writes it and the other reads it: no update can get lost, and under no GIL does anything order the two."""
    found = simcore.races(story(*THREADS, "main/1 load g_stop :3", "main/2 assign g_stop :9", "main/1 load g_stop :3"))
    (race,) = found.races
    assert (race.mistake, race.struck, race.possible) == (Mistake.READ_WRITE, False, Possible.YES)
    assert race.because == "the order of the two is open under any GIL"
    assert race.fix == "hold one lock at both, or let one wait for the other: by an Event, a queue, a join"
    assert ([side.does for side in race.sides], race.times) == (["reads", "writes"], 2)


DOUBLE = "if one.x is None:\n    with lock:\n        if one.x is None:\n            one.x = make()\n"


def test_double_checked_locking_is_told_by_its_name() -> None:
    """An unlocked look, then a look under the lock and the write: only the first one races."""
    each = [
        *("main/N load one.x :1", "main/N acquire lock :2", "main/N load one.x :3"),
        *("main/N assign one.x :4", "main/N release lock :2"),
    ]
    first, second = both(*each)[:5], both(*each)[5:]
    lines = [*first, second[0], *second[1:3], second[4]]
    (race,) = simcore.races(story(*THREADS, *lines, source=DOUBLE)).races
    assert (race.mistake, [side.does for side in race.sides]) == (Mistake.DOUBLE_CHECKED_LOCKING, ["writes", "reads"])
    assert race.fix == "hold `lock` at both: main/1 holds it (taken at app.py:2), main/2 does not"


def test_what_init_writes_may_be_seen_before_it_has_ended() -> None:
    """A read of an attribute before `__init__` came to it has struck; behind it, it could."""
    for lines, struck in (
        (("main/2 load a.x :9", "main/1 assign a.x :3"), True),
        (("main/1 assign a.x :3", "main/2 load a.x :9"), False),
    ):
        trace = in_function(story(*THREADS, *lines), range(1, 5), "Account.__init__")
        (race,) = simcore.races(trace).races
        assert (race.mistake, race.struck) == (Mistake.PUBLISH_BEFORE_INIT, struck)


@pytest.mark.parametrize(
    ("source", "first", "second", "races"),
    [
        ("", "assign d_x @'a' :1", "assign d_x @'b' :2", 0),
        ("", "assign d_x @'a' :1", "assign d_x @'a' :2", 1),
        ("", "load d_x @'a' :1", "load d_x @'a' :2", 0),
        ("", "load d_x @? :1", "assign d_x @'a' :2", 1),
        ("", "update d_x @*append :1", "update d_x @*append :1", 0),
        ("", "update d_x @*append :1", "update d_x @*popleft :2", 0),
        ("", "update d_x @*append :1", "load d_x @0 :2", 0),
        ("", "update d_x @*insert :1", "load d_x @0 :2", 1),
        ("", "update d_x @*clear :1", "update d_x @*append :2", 1),
        ("", "update d_x @*setdefault :1", "update d_x @*setdefault :2", 0),
        ("\nfor one in x: print(one)", "update d_x @*append :1", "load d_x @* :2", 1),
        ("\nprint(len(x))", "update d_x @*append :1", "load d_x @* :2", 0),
        ("\nprint(len(x))", "assign d_x @0 :1", "load d_x @* :2", 0),
        ("\nprint(list(x))", "assign d_x @0 :1", "load d_x @* :2", 1),
        ("x.setdefault(k, [])\nx.setdefault(k, [])", "update d_x @'k' :1", "update d_x @'k' :2", 0),
        ("x.setdefault(k, [])\nprint(x.get(k))", "update d_x @'k' :1", "load d_x @'k' :2", 0),
        ("x.add(k)\nprint(k in x)", "assign d_x @'k' :1", "load d_x @'k' :2", 0),
        ("x[k] = 1\nprint(x.get(k))", "assign d_x @'k' :1", "load d_x @'k' :2", 1),
    ],
)
def test_containers_race_item_by_item(source: str, first: str, second: str, races: int) -> None:
    """The same item, or the whole; what Python documents as safe is none."""
    for one, other in ((first, second), (second, first)):
        found = simcore.races(story(*THREADS, f"main/1 {one}", f"main/2 {other}", source=source))
        assert len(found.races) == races, [race.mistake for race in found.races]
        assert all(race.unsure == ("?" in source + first + second) for race in found.races)


def test_a_method_that_reads_lets_others_in_behind_it() -> None:
    """`x["k"] + 1` reads without a call; behind the call of `x.get("k")` the interpreter may switch, before the write."""
    lines = both("main/N load d_x @'k' :1", "main/N assign d_x @'k' :1")
    for read, possible in (("x['k']", "no"), ("x.get('k')", "yes")):
        found = told(story(*THREADS, *lines, source=f"x['k'] = {read} + 1"))
        assert found == [("x['k']", "lost update", False, possible)]


def test_looking_before_adding_is_check_then_act() -> None:
    """`add` is one step, `if k not in x: x.add(k)` is not."""
    lines = both("main/N load d_x @'k' :1", "main/N update d_x @'k' :2")
    for call, possible in (("", "no"), ("print(k); ", "yes")):
        source = f"if k not in x:\n    {call}x.add(k)\n    work(k)\n"
        assert told(story(*THREADS, *lines, source=source)) == [("x['k']", "check-then-act", False, possible)]


def test_objects_that_are_called_alike_are_told_once() -> None:
    """A hundred accounts, one pair of lines; how many there were is said."""
    lines = [f"main/{thread} update account{number}.balance :7" for thread in (1, 2) for number in range(100)]
    (race,) = simcore.races(story(*THREADS, *lines, source="\n" * 6 + "self.balance += 1")).races
    assert (race.times, race.places, race.place) == (100, 100, "balance")


def test_what_struck_comes_first_and_what_the_gil_forbids_last() -> None:
    """The order in which races are told."""
    lines = [
        *both("main/N update a.first :1"),
        *both("main/N load a.second :2", "main/N assign a.second :2"),
        *(line.replace("a.x", "a.third").replace(":1", ":3") for line in AROUND),
    ]
    source = "a.first += 1\na.second = f(a.second)\na.third = f(a.third)\n"
    assert [place for place, *_ in told(story(*THREADS, *lines, source=source))] == ["third", "second", "first"]


def test_the_body_of_a_module_is_behind_its_import() -> None:
    """Whoever imports it waits until it has been executed; what a function does later is no part of that."""
    lines = ["main/1 import imports =helpers", "main/1 assign g_cache :1", "main/2 load g_cache :9"]
    trace = in_function(story(*THREADS, *lines), range(1, 2), "<module>")
    trace.sites[:] = [site._replace(file="helpers.py") if site.line == 1 else site for site in trace.sites]
    assert simcore.races(trace).races == ()
    trace.sites[:] = [site._replace(file="other.py") if site.line == 1 else site for site in trace.sites]
    assert len(simcore.races(trace).races) == 1


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_reference_recordings_are_silent_but_for_the_races(path: Path) -> None:
    """Those of patterns about a race have it, and their fixes have none; most of the others recorded no accesses at all."""
    trace = Trace.load(path)
    scenario = trace.header.scenario
    races = {"data-race", "double-checked-locking"}
    has_one = (scenario.name in races and not scenario.params["fixed"]) or scenario.params.get("style") == "raw"
    assert bool(simcore.races(trace).races) == has_one


def test_answers_are_no_booleans() -> None:
    """Whoever asks `if found` would take NONE for an answer of yes."""
    with pytest.raises(TypeError, match=r"found\.answer is Answer\.FOUND"):
        bool(simcore.races(story(*THREADS)))


def _holds(race: Race) -> list[list[str]]:
    return [[held.lock.label for held in side.locks] for side in race.sides]


def test_the_fix_names_the_lock_that_is_there() -> None:
    """Held by one; held by neither; each its own."""
    locked = ["main/1 acquire a :1", "main/1 assign one.x :2", "main/1 release a :3"]
    (race,) = simcore.races(story(*THREADS, *locked, "main/2 assign one.x :5")).races
    assert _holds(race) == [["a"], []]
    assert race.fix == "hold `a` at both: main/1 holds it (taken at app.py:1), main/2 does not"
    other = ["main/2 acquire b :4", "main/2 assign one.x :5", "main/2 release b :6"]
    (race,) = simcore.races(story(*THREADS, *locked, *other)).races
    assert _holds(race) == [["a"], ["b"]]
    assert race.fix == "hold the same lock at both: `a`, which main/1 holds (taken at app.py:1), also at app.py:5"
    found = simcore.races(story(*THREADS, *locked, "main/2 assign one.x :5", "main assign one.x :8")).races
    assert {race.fix for race in found if not any(_holds(race))} == {
        (
            "hold one lock at both, say `a`, which main/1 takes at app.py:1, "
            "or let one wait for the other: by an Event, a queue, a join"
        )
    }


def test_a_lock_for_each_access_keeps_no_update_together() -> None:
    """Both hold the same lock for the read, and again for the write: not one race, and an update that can get lost."""
    source = "with lock:\n    seen = one.x\nwith lock:\n    one.x = seen + 1\n"
    each = [
        *("main/N acquire lock :1", "main/N load one.x :2", "main/N release lock :1"),
        *("main/N acquire lock :3", "main/N assign one.x :4", "main/N release lock :3"),
    ]
    assert track(story(*THREADS, *both(*each), source=source)).pairs == {}
    found = simcore.races(story(*THREADS, *both(*each), source=source)).races
    assert {(race.mistake, race.struck, race.possible) for race in found} == {(Mistake.LOST_UPDATE, False, Possible.YES)}
    assert {race.split for race in found} == {True}
    assert found[0].fix == "hold `lock` from the read to the write: it is given back in between"
    # One step under the lock is an update that it keeps together.
    whole = both("main/N acquire lock :1", "main/N update one.x :2", "main/N release lock :1")
    assert simcore.races(story(*THREADS, *whole, source="with lock:\n    one.x += 1\n")).races == ()
    # What is handed over by a flag under the lock is ordered by it, though the lock is held for the flag alone.
    handed = [
        *("main/1 load two.y :5", "main/1 assign two.y :5"),
        *("main/1 acquire lock :1", "main/1 assign one.flag :2", "main/1 release lock :1"),
        *("main/2 acquire lock :3", "main/2 load one.flag :4", "main/2 release lock :3"),
        *("main/2 load two.y :5", "main/2 assign two.y :5"),
    ]
    assert simcore.races(story(*THREADS, *handed, source="\n\n\n\ntwo.y = plus(two.y)\n")).races == ()
    # Who looks at it elsewhere may take turns by it.
    turn = ["main/2 acquire lock :6", "main/2 load one.x :7", "main/2 release lock :8"]
    assert simcore.races(story(*THREADS, *both(*each), *turn, source=source)).races == ()
    # Under a lock that guards more than that, the order says more.
    more = [line.replace(" load one.x :2", " load two.y :2") for line in each[:3]]
    assert simcore.races(story(*THREADS, *both(*each[:1], *more[1:2], *each[1:]), source=source)).races == ()


def test_what_another_lock_orders_by_chance_has_struck_all_the_same() -> None:
    """Between a check and its act another actor wrote. A lock that both took for something else lies between: it was no help."""
    source = "if k not in x:\n    with other: pass\n    with lock:\n        x[k] = 1\nprint(x[k])\n"
    second = ["main/2 load d_x @'k' :1", "main/2 acquire other :2", "main/2 release other :2"]
    first = [
        *("main/1 load d_x @'k' :1", "main/1 acquire other :2", "main/1 release other :2"),
        *("main/1 acquire lock :3", "main/1 assign d_x @'k' :4", "main/1 release lock :3", "main/1 load d_x @'k' :5"),
    ]
    end = ["main/2 acquire lock :3", "main/2 assign d_x @'k' :4", "main/2 release lock :3", "main/2 load d_x @'k' :5"]
    found = simcore.races(story(*THREADS, *second, *first, *end, source=source)).races
    assert [(race.mistake, race.struck, race.possible) for race in found] == [
        (Mistake.CHECK_THEN_ACT, True, Possible.YES),
        (Mistake.READ_WRITE, False, Possible.YES),
    ]
    assert [(side.actor, side.site.line) for side in found[0].sides] == [("main/2", 1), ("main/1", 4)]
    # Where nobody came in between the order is what it was: nothing but the read behind the write races.
    assert {race.mistake for race in simcore.races(story(*THREADS, *first, *second, *end, source=source)).races} != set()
    assert not any(race.struck for race in simcore.races(story(*THREADS, *first, *second, *end, source=source)).races)


def test_what_struck_is_told_of_the_lines_that_did_it() -> None:
    """Two threads filled an item, each behind its check; a line that deletes it raced with both, and had no part in that."""
    source = "if k not in x:\n    y = load(k)\n    x[k] = y\ndel x[k]\n"

    def check_and_act(*between: str) -> list[str]:
        return ["main/1 load d_x @'k' :1", *between, "main/1 assign d_x @'k' :3"]

    filled = check_and_act("main/2 load d_x @'k' :1", "main/2 assign d_x @'k' :3")
    deleted = ["main/2 assign d_x @'k' :4"]

    def struck(*lines: str) -> dict[tuple[int, ...], list[str]]:
        found = simcore.races(story(*THREADS, *lines, source=source))
        struck = [race for race in found.races if race.struck]
        assert {(3, 4), (1, 4)} <= {tuple(sorted(side.site.line for side in race.sides)) for race in found.races}
        return {tuple(sorted(side.site.line for side in race.sides)): [one.position for one in race.moments] for race in struck}

    by_filling = struck(*filled, *deleted)
    assert sorted(by_filling) == [(1, 3), (3, 3)]
    # Once somebody deletes it in between, that is told too, by events of its own.
    by_both = struck(*filled, *check_and_act(*deleted))
    assert sorted(by_both) == [(1, 3), (1, 4), (3, 3), (3, 4)]
    assert by_both[1, 3] == by_both[3, 3] == by_filling[1, 3]
    assert min(by_both[1, 4]) > max(by_both[1, 3])


@pytest.mark.parametrize(
    ("what", "lines", "answer"),
    [
        ("1 asyncio loop (woken by another thread)", ("main/1 assign a.x :1", "main/2 assign a.x :2"), Answer.INCONCLUSIVE),
        ("1 file lock (fcntl.flock)", ("main/1 assign a.x :1", "main/2 assign a.x :2"), Answer.FOUND),
        ("1 file lock (fcntl.flock)", ("main/1 store v_x :1", "main.1 store v_x :2"), Answer.INCONCLUSIVE),
        ("1 socket (:80)", ("main/1 store v_x :1", "main.1 store v_x :2"), Answer.INCONCLUSIVE),
        ("1 socket (:80)", ("main/1 assign a.x :1", "main/2 assign a.x :2"), Answer.FOUND),
    ],
)
def test_what_may_order_unseen_puts_a_race_in_doubt(what: str, lines: tuple[str, ...], answer: Answer) -> None:
    """It is told, with what may order it; alone it is no answer."""
    found = simcore.races(story(*THREADS, *lines, source="x.value = 1\n" * 3, not_controlled=[what]))
    (race,) = found.races
    assert (found.answer, race.doubt) == (answer, what if answer is Answer.INCONCLUSIVE else "")
