"""Cycles of locks agree with a slow, obvious way to find the same, and rare turns of events are read as what they are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import pytest
from storyteller import told

from simcore.analysis import Answer, cycles, holding, locks
from simcore.analysis.requests import Asks, Lines
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.model import ObjectInfo, Pending, Site, Trace

Places = frozenset[tuple[str, int, str, int]]
"""A cycle by its locks and lines: held, taken at, asked, asked at."""

THREADS = ("main start t1 =main/1", "main start t2 =main/2", "main/1 begin t1", "main/2 begin t2")


def pair(actor: str, first: str, second: str, line: int = 10) -> list[str]:
    """One lock within another."""
    return [
        f"{actor} acquire {first} :{line}",
        f"{actor} acquire {second} :{line + 1}",
        f"{actor} release {second}",
        f"{actor} release {first}",
    ]


@dataclass(frozen=True)
class Asked:
    """A request: who made it at which place of the story, holding which locks (with lines), for which lock at which line."""

    actor: str
    at: int
    held: tuple[tuple[str, int], ...]
    lock: str
    line: int


def story(choose: random.Random, *, wild: bool) -> tuple[list[str], list[str]]:
    """A run of a few threads that nest locks, as lines; and who waits for what at its end, as lines of what did not happen.

    Some threads are joined before others start; `wild` ones take locks in any order, so that some runs end in a deadlock.
    """
    children = [f"main/{number}" for number in range(1, choose.randrange(3, 6))]
    left = {name: _steps(choose, name, wild) for name in children}
    unstarted, running, ended = list(children), [], []
    owner: dict[str, str] = {}
    lines: list[str] = []
    while left or unstarted:
        moves = [name for name in running if name in left and _can(left[name][0], owner)]
        if unstarted:
            moves.append("start")
        if ended:
            moves.append("join")
        if not moves:
            break
        move = choose.choice(moves)
        if move == "start":
            name = unstarted.pop(0)
            running.append(name)
            lines += [f"main start t{name[5:]} ={name}", f"{name} begin t{name[5:]}"]
        elif move == "join":
            lines.append(f"main join t{ended.pop(0)[5:]}")
        else:
            line = left[move].pop(0)
            _, verb, lock, *_ = line.split()
            lines.append(line)
            if verb == "acquire":
                owner[lock] = move
            else:
                del owner[lock]
            if not left[move]:
                del left[move]
                lines.append(f"{move} end t{move[5:]}")
                ended.append(move)
    return lines, [left[name][0] for name in running if name in left]


def _steps(choose: random.Random, name: str, wild: bool) -> list[str]:
    steps: list[str] = []
    for _ in range(choose.randrange(1, 4)):
        taken = choose.sample("abcd", choose.randrange(1, 4))
        if not wild:
            taken.sort(key="abcd".index)
        for lock in taken:
            steps.append(f"{name} acquire {lock} :{choose.randrange(10, 13)}")
        steps += [f"{name} release {lock}" for lock in reversed(taken)]
    return steps


def _can(line: str, owner: dict[str, str]) -> bool:
    _, verb, lock, *_ = line.split()
    return verb == "release" or lock not in owner


def asked_in(lines: Sequence[str]) -> Iterator[Asked]:
    """Every request that was made while a lock was held."""
    held: dict[str, dict[str, int]] = {}
    for at, text in enumerate(lines):
        actor, verb, lock, *rest = text.split()
        if verb == "acquire":
            line = int(rest[0][1:])
            mine = held.setdefault(actor, {})
            if mine:
                yield Asked(actor, at, tuple(mine.items()), lock, line)
            mine[lock] = line
        elif verb == "release":
            del held[actor][lock]


def ordered(lines: Sequence[str]) -> set[tuple[int, int]]:
    """Pairs of places of which the first comes before the second in every run: by the order of an actor, a start or a join."""
    split = [text.split() for text in lines]
    direct: dict[int, set[int]] = {at: set() for at in range(len(lines))}
    for one, two in combinations(range(len(lines)), 2):
        (actor, verb, thing, *_), (other, later, its, *_) = split[one], split[two]
        if actor == other or (thing == its and (verb, later) in (("start", "begin"), ("end", "join"))):
            direct[one].add(two)
    result = set()
    for at in range(len(lines)):
        reached, row = set(), [at]
        while row:
            new = direct[row.pop()] - reached
            reached |= new
            row += new
        result |= {(at, other) for other in reached}
    return result


def oracle(lines: Sequence[str], waiting: Sequence[str]) -> set[Places]:
    """The cycles by their definition: any two, three or four requests, in any order."""
    every = [*lines, *waiting]
    requests = list(asked_in(every))
    before = ordered(every)
    found: set[Places] = set()
    for size in (2, 3, 4):
        for chosen in combinations(requests, size):
            if len({one.actor for one in chosen}) < size:
                continue
            pairs = list(combinations(chosen, 2))
            if any(dict(one.held).keys() & dict(other.held).keys() for one, other in pairs):
                continue
            if any((one.at, other.at) in before or (other.at, one.at) in before for one, other in pairs):
                continue
            for rest in permutations(chosen[1:]):
                ring = (chosen[0], *rest)
                places = []
                for one, after in zip((ring[-1], *ring[:-1]), ring, strict=True):
                    # `after` holds what the one before it asks for.
                    taken = dict(after.held).get(one.lock)
                    if taken is None:
                        break
                    places.append((one.lock, taken, after.lock, after.line))
                else:
                    found.add(frozenset(places))
    return found


def answered(trace: Trace) -> set[Places]:
    """The cycles that the analysis found, each of them told once."""
    found = locks(trace)
    assert found.complete
    told_once = [
        frozenset((one.held.label, one.taken_at.line, one.asked.label, one.asked_at.line) for one in cycle.requests)
        for cycle in found.cycles
    ]
    assert len(set(told_once)) == len(told_once)
    assert [len(cycle.requests) for cycle in found.cycles if not cycle.struck] == sorted(
        len(cycle.requests) for cycle in found.cycles if not cycle.struck
    )
    return set(told_once)


def as_trace(lines: Sequence[str], waiting: Sequence[str]) -> Trace:
    """The story as a trace, in which those that wait never got what they asked for."""
    whole = told(*lines, *waiting)
    columns = whole.columns
    first = len(lines)
    pending = [
        Pending(columns.actor[at], Kind.ACQUIRE, columns.object[at], columns.site[at], 0, timed=False)
        for at in range(first, len(whole))
    ]
    outcome = Outcome.DEADLOCK if pending else Outcome.OK
    return replace(
        told(*lines), objects=whole.objects, sites=whole.sites, ending=replace(whole.ending, pending=pending, outcome=outcome)
    )


@pytest.mark.parametrize("wild", [True, False], ids=["any order", "sorted"])
def test_random_runs_agree_with_the_oracle(wild: bool) -> None:
    """Threads, joins and nested locks at random: the same cycles as by trying all sets of requests."""
    choose = random.Random(5)
    sizes: dict[int, int] = {}
    deadlocks = 0
    for _ in range(250 if wild else 60):
        lines, waiting = story(choose, wild=wild)
        trace = as_trace(lines, waiting)
        expected = oracle(lines, waiting)
        assert answered(trace) == expected, "\n".join((*lines, "waiting:", *waiting))
        for places in expected:
            sizes[len(places)] = sizes.get(len(places), 0) + 1
        deadlocks += bool(waiting)
        struck = [cycle for cycle in locks(trace).cycles if cycle.struck]
        assert bool(struck) == bool(waiting), "a run that stands still does so by a cycle"
    assert not wild or (min(sizes.get(size, 0) for size in (2, 3)) > 20 and deadlocks > 20), "the test looks at nothing"
    assert wild or not sizes, "locks taken in one order have no cycle"


def with_kinds(trace: Trace, **kinds: ObjectKind) -> Trace:
    """The trace with other kinds of objects, by their labels."""
    return replace(trace, objects=[info._replace(kind=kinds.get(info.label, info.kind)) for info in trace.objects])


@pytest.mark.parametrize("kind", [ObjectKind.PSEMAPHORE, ObjectKind.SEMAPHORE, ObjectKind.WAITER])
def test_what_nobody_owns_is_no_lock(kind: ObjectKind) -> None:
    """Semaphores and the locks of waits are neither held nor asked for."""
    trace = told(*THREADS, *pair("main/1", "a", "b"), *pair("main/2", "b", "a", 20))
    assert len(locks(trace).cycles) == 1
    assert locks(with_kinds(trace, b=kind)).answer is Answer.NONE


def test_a_lock_that_somebody_else_gives_back_is_a_signal() -> None:
    """What was released once by another actor is no mutex: neither part of a cycle nor a gate."""
    both = [*pair("main/1", "a", "b"), *pair("main/2", "b", "a", 20)]
    assert locks(told(*THREADS, *both, "main/1 acquire b", "main/2 release b")).answer is Answer.NONE
    gated = [
        line
        for name, rest in (("main/1", both[:4]), ("main/2", both[4:]))
        for line in (f"{name} acquire g", *rest, f"{name} release g")
    ]
    assert locks(told(*THREADS, *gated)).answer is Answer.NONE
    assert len(locks(told(*THREADS, *gated, "main/1 acquire g", "main/2 release g")).cycles) == 1


def test_a_release_that_raised_did_not_happen() -> None:
    """Behind an undone release the lock is still held."""
    undone = [
        "main/1 acquire a :10",
        "main/1 release a",
        "main/1 undo a",
        "main/1 acquire b :11",
        "main/1 release b",
        "main/1 release a",
    ]
    assert len(locks(told(*THREADS, *undone, *pair("main/2", "b", "a", 20))).cycles) == 1
    done = [line for line in undone if "undo" not in line][:-1]
    assert locks(told(*THREADS, *done, *pair("main/2", "b", "a", 20))).answer is Answer.NONE


def test_a_lock_is_held_until_it_was_released_as_often_as_taken() -> None:
    """A re-entrant lock that was taken twice and released once is held; asking for it again is no request."""
    once = ["main/1 acquire a :10", "main/1 acquire a :11", "main/1 release a =1", "main/1 acquire b :12", "main/1 release b"]
    trace = told(
        *THREADS, *once, "main/1 acquire a :13", "main/1 release a =1", "main/1 release a =1", *pair("main/2", "b", "a", 20)
    )
    (cycle,) = locks(with_kinds(trace, a=ObjectKind.RLOCK, b=ObjectKind.RLOCK)).cycles
    assert [(one.taken_at.line, one.asked_at.line) for one in cycle.requests] == [(10, 12), (20, 21)]


def test_a_signal_handler_holds_for_its_thread() -> None:
    """What main's handler takes while main holds a lock is asked for by main."""
    handled = [
        "main start t1 =main/1",
        "main/1 begin t1",
        "main acquire a :10",
        "main!SIGALRM acquire b :11",
        "main!SIGALRM release b",
        "main release a",
    ]
    (cycle,) = locks(told(*handled, *pair("main/1", "b", "a", 20))).cycles
    assert {request.actor for request in cycle.requests} == {"main", "main/1"}


def test_a_forked_child_holds_copies_of_what_its_parent_held() -> None:
    """What the forking thread holds, the child's main thread holds too, in copies that are other locks."""
    lines = [
        "main acquire a :10",
        "main start p =main.1",
        "main.1 begin p",
        "main.1 acquire b :11",
        "main.1 release b",
        "main release a",
    ]
    trace = told(*lines, "main.1 start t1 =main.1/1", "main.1/1 begin t1", *pair("main.1/1", "b", "a", 20))
    assert locks(with_kinds(trace, p=ObjectKind.CHILD)).answer is Answer.NONE, "the thread was started behind main's request"
    early = [*lines[:3], "main.1 start t1 =main.1/1", "main.1/1 begin t1", *lines[3:], *pair("main.1/1", "b", "copy", 20)]
    trace = with_kinds(told(*early), p=ObjectKind.CHILD)
    original = next(info for info in trace.objects if info.label == "a")
    copies = [original._replace(process="main.1") if info.label == "copy" else info for info in trace.objects]
    assert locks(trace).answer is Answer.NONE
    (cycle,) = locks(replace(trace, objects=copies)).cycles
    assert {request.held.label for request in cycle.requests} == {"a@main.1", "b"}


def test_a_process_that_was_joined_orders_all_its_threads() -> None:
    """Who joined a child process comes after everything that any thread of it did; who gave up waiting does not."""
    lines = [
        "main start p =main.1",
        "main.1 begin p",
        "main.1 start t1 =main.1/1",
        "main.1/1 begin t1",
        *pair("main.1/1", "a", "b"),
    ]
    for join, answer in (("main join p =0", Answer.NONE), (f"main join p ={-(1 << 40)}", Answer.FOUND)):
        trace = with_kinds(told(*lines, join, *pair("main", "b", "a", 20)), p=ObjectKind.CHILD)
        assert locks(trace).answer is answer


def test_a_thread_that_was_seen_to_be_dead_orders_nothing() -> None:
    """Only a join does: what `is_alive` answered is the schedule of this run, and so is what a lock ordered."""
    early = [*THREADS, *pair("main/1", "a", "b"), "main/1 end t1"]
    late = pair("main", "b", "a", 20)
    assert locks(told(*early, "main is_alive t1 =0", *late)).answer is Answer.FOUND
    assert locks(told(*early, "main join t1 =0", *late)).answer is Answer.FOUND
    assert locks(told(*early, "main join t1 =1", *late)).answer is Answer.NONE


def test_a_search_without_end_is_ended_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that are taken in all orders: some cycles are told, and that these may not be all; none is never claimed."""
    names = [f"l{number}" for number in range(9)]
    lines = [
        line
        for at, name in enumerate(("main/1", "main/2"))
        for one, two in permutations(names, 2)
        for line in pair(name, one, two, 10 + at)
    ]
    assert len(locks(told(*THREADS, *lines)).cycles) == 36 * 2
    monkeypatch.setattr(cycles, "MOST_STEPS", 200)
    found = locks(told(*THREADS, *lines))
    assert (found.answer, found.complete) == (Answer.FOUND, False)
    monkeypatch.setattr(cycles, "MOST_STEPS", 0)
    found = locks(told(*THREADS, *lines))
    assert (found.answer, found.complete, found.cycles) == (Answer.INCONCLUSIVE, False, ())


def test_more_locks_at_a_time_than_can_be_looked_at_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds thousands of locks has millions of pairs: the first are looked at, and none is never claimed."""
    both = [*pair("main/1", "a", "b"), *pair("main/2", "b", "a", 20)]
    trace = told(*THREADS, *both, *(f"main/1 acquire l{number}" for number in range(40)))
    for most, answer in ((0, Answer.INCONCLUSIVE), (1, Answer.INCONCLUSIVE), (100, Answer.FOUND)):
        monkeypatch.setattr(holding, "MOST_PAIRS", most)
        found = locks(trace)
        assert (found.answer, found.complete) == (answer, False)
    monkeypatch.setattr(holding, "MOST_PAIRS", 1000)
    assert locks(trace).complete


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("with a: pass", Asks.WAITS),
        ("a.acquire()", Asks.WAITS),
        ("a.acquire(True)", Asks.WAITS),
        ("a.acquire(True, -1)", Asks.WAITS),
        ("a.acquire(blocking=True, timeout=-1)", Asks.WAITS),
        ("a.acquire(timeout=None)", Asks.WAITS),
        ("work(a)", Asks.WAITS),
        ("a.acquire(False)", Asks.TRIES),
        ("a.acquire(0)", Asks.TRIES),
        ("a.acquire(blocking=False)", Asks.TRIES),
        ("a.acquire(block=False)", Asks.TRIES),
        ("a.acquire(True, 5)", Asks.TRIES),
        ("a.acquire(timeout=left)", Asks.TRIES),
        ("take = a.acquire; take()", Asks.WAITS),
        ("a.acquire(wanted)", Asks.UNKNOWN),
        ("a.acquire(blocking, timeout)", Asks.UNKNOWN),
        ("a.acquire(*how)", Asks.UNKNOWN),
        ("a.acquire(**how)", Asks.UNKNOWN),
        ("a.acquire(False) or a.acquire()", Asks.WAITS),
        ("with a: b.acquire(False)", Asks.WAITS),
        ("jobs.get(timeout=1)", Asks.TRIES),
        ("jobs.get_nowait()", Asks.TRIES),
        ("jobs.get()", Asks.WAITS),
    ],
)
def test_a_line_tells_whether_it_waits(line: str, how: Asks) -> None:
    """Calls of acquire by their arguments; what cannot be told is said to be unknown, not guessed."""
    lines = Lines({"app.py": f"\n{line}\n"})
    assert lines.asks(Site("app.py", 2, ""), shared=True) is how
    assert lines.asks(Site("app.py", 2, ""), shared=False) is (Asks.WAITS if "jobs" in line else how)
    assert lines.asks(Site("other.py", 2, ""), shared=False) is Asks.UNKNOWN


@pytest.mark.parametrize("source", ["this is no Python", "\0", "(" * 5000])
def test_a_source_that_is_no_python_tells_nothing(source: str) -> None:
    """A trace may hold anything."""
    assert Lines({"app.py": source}).asks(Site("app.py", 1, ""), shared=False) is Asks.UNKNOWN


def test_what_depends_on_values_is_told_by_what_came_of_it() -> None:
    """A line that may wait or not counts as waiting, until it was seen to fail."""
    lines = [*THREADS, *pair("main/1", "a", "b"), *pair("main/2", "b", "a", 20)]
    sources = {"app.py": "\n" * 20 + "a.acquire(wanted)\n"}
    assert locks(replace(told(*lines), sources=sources)).answer is Answer.FOUND
    failed = told(*lines, "main/2 acquire a =0 :21")
    assert locks(replace(failed, sources=sources)).answer is Answer.NONE


def test_the_rarest_order_is_the_one_to_change() -> None:
    """It is named where there is one; two that are as rare have no majority."""
    lines = [*THREADS, *pair("main/1", "a", "b"), *pair("main/2", "b", "a", 20)]
    (cycle,) = locks(told(*lines)).cycles
    assert cycle.rarest is None
    (cycle,) = locks(told(*lines, *pair("main/2", "a", "b", 10))).cycles
    assert cycle.rarest is not None
    assert (cycle.rarest.held.label, cycle.rarest.asked_at.line, cycle.rarest.times) == ("b", 21, 1)


def test_foreign_numbers_do_no_harm() -> None:
    """A trace may name actors and things that it does not have."""
    objects: list[ObjectInfo] = told(*THREADS).objects
    trace = told(
        *THREADS, *pair("main/1", "a", "b"), "main wait =-1", f"main wait ={99 << 32}", "main/1 undo a", "main join a =1"
    )
    trace.columns.value[0] = 4_000_000
    assert len(objects) < len(trace.objects)
    assert locks(trace).answer is Answer.NONE
