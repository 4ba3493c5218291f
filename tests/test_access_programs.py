"""Programs as engineers write them race for their own data, and each replay ends as its recording did."""

import pytest
from programs import assert_same, plain, record, replay

from simcore.runtime.core import core
from simcore.trace.events import ACCESS_KINDS
from simcore.trace.model import Trace
from simcore.trace.words import Words

HURRY_S = 1e-5

TWO = """
import threading
def go(work):
    threads = [threading.Thread(target=work, args=(n,), name=f"w{n}") for n in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""

RACES = {
    "work until a list is empty": """
items, got = list(range(200)), [[], []]
def work(n):
    while items:
        try: got[n].append(items.pop())
        except IndexError: got[n].append("empty")
result = lambda: got
""",
    "how long, and what is in it": """
items, names, seen = [], set(), []
def work(n):
    for i in range(200):
        if n:
            items.append(i)
            names.add(i)
        else: seen.append((len(items), not items, i in names, 5 in items, sum(items), [*items][-1:]))
result = lambda: seen
""",
    "made when it is missing": """
class Lazy:
    made = 0
    def get(self):
        if not hasattr(self, "value"):
            Lazy.made += 1
            setattr(self, "value", Lazy.made)
        return getattr(self, "value")
boxes, got = [Lazy() for _ in range(150)], [[], []]
def work(n):
    for box in boxes: got[n].append(box.get())
result = lambda: (got, Lazy.made)
""",
    "a cached property": """
import functools
count = [0]
class Lazy:
    @functools.cached_property
    def value(self):
        count[0] += int("1")
        return count[0], threading.current_thread().name
boxes, got = [Lazy() for _ in range(150)], [[], []]
def work(n):
    for box in boxes: got[n].append(box.value)
result = lambda: (got, count)
""",
    "an attribute that is made by __getattr__": """
class Lazy:
    def __getattr__(self, name):
        if name.startswith("_"): raise AttributeError(name)
        self.value = threading.current_thread().name
        return self.value
boxes, got = [Lazy() for _ in range(150)], [[], []]
def work(n):
    for box in boxes: got[n].append(box.value)
result = lambda: got
""",
    "a default of the class": """
class Base: n = 0
class Box(Base): pass
boxes, got = [Box() for _ in range(150)], [[], []]
def work(n):
    for box in boxes:
        box.n = box.n + int("1")
        got[n].append(box.n)
    Box.n = Box.n + int("1")
result = lambda: (got, Base.n, Box.n)
""",
    "a global that is not there": """
got = [[], []]
def work(n):
    global value
    for i in range(150):
        try: got[n].append(value)
        except NameError: value = (n, i)
        try: del value
        except NameError: got[n].append(None)
result = lambda: got
""",
    "updates among assignments": """
import collections
class Box: n = 0
counts, box, raw = collections.defaultdict(int), Box(), bytearray(4)
def work(n):
    for i in range(300):
        if n:
            counts["a"] += 1
            box.n += 1
            raw[0] += 1
            raw[0] %= 100
        else:
            counts["a"] = counts["a"] // 2
            box.n = box.n // 2
            raw[0] = raw[0] // 2
result = lambda: (counts, box.n, raw)
""",
    "an item that dies as it is replaced": """
class Thing:
    def __init__(self, n): self.n = n
    def __del__(self): dead[self.n % 2].append(self.n)
dead, slots = [[], []], [None] * 4
def work(n):
    for i in range(100): slots[i % 2 * 2 + n] = Thing(2 * i + n)
result = lambda: dead
""",
}


def check(source: str, recordings: int = 1, replays: int = 1) -> None:
    """Each replay gives what its recording gave."""
    for _ in range(recordings):
        trace, ran = record(source, granularity="access", switch_interval_s=HURRY_S)
        assert (ran.err, ran.code) == (b"", 0)
        for _ in range(replays):
            answer, again = replay(trace)
            assert_same(answer)
            assert again == ran


@pytest.mark.parametrize("name", RACES)
def test_a_program_ends_as_it_did(name: str) -> None:
    """Two threads race for the data of a program; its replay has the result of its recording."""
    check(TWO + RACES[name] + "go(work); print(result())")


@pytest.mark.loop
@pytest.mark.parametrize("name", RACES)
def test_programs_end_as_they_did_in_a_loop(name: str) -> None:
    """Ten recordings, three replays each."""
    check(TWO + RACES[name] + "go(work); print(result())", 10, 3)


def test_finalisers_at_the_very_end_find_the_hooks() -> None:
    """What modules hold dies when `builtins` are as they were at the start; it accesses data as ever."""
    source = """
class Last:
    alive = 0
    def __init__(self): Last.alive += int("1")
    def __del__(self):
        Last.alive -= int("1")
        self.x = len(table)
        table["a"] = self.x
        table["a"] += 1
        print(Last.alive, self.x, table, [key for key in table], getattr(self, "x"), "a" in table)
table, kept = {}, [Last(), Last()]
"""
    trace, ran = record(source, granularity="access")
    assert ran == plain(source)
    assert ran.out.count(b"\n") == 2
    answer, again = replay(trace)
    assert_same(answer)
    assert again == ran


def test_what_dies_behind_all_modules_says_nothing() -> None:
    """A thread that was traced leaves frames that the interpreter drops at its very end (3.13 does), and with them objects."""
    source = """
import threading
def follow(frame, event, argument):
    if frame.f_code.co_filename == __file__:
        events.append(event)
        return follow
class Thing: pass
def work():
    thing = Thing()
    thing.x = 2
    return thing.x
events = []
threading.settrace(follow)
thread = threading.Thread(target=work)
thread.start()
thread.join()
threading.settrace(None)
print(events[0])
"""
    assert record(source, granularity="access")[1] == plain(source)


def test_what_an_object_calls_itself_is_a_call() -> None:
    """`text %= (thing,)` runs code of the program's, which takes a lock that others hold while they access data."""
    source = (
        TWO
        + """
class Shown:
    def __repr__(self):
        with lock: return "shown"
class Log: text = "%s"
lock, log, thing = threading.Lock(), Log(), Shown()
def work(n):
    for i in range(100):
        if n: log.text = "%s"; log.text %= (thing,)
        else:
            with lock: log.other = log.text
def safely(n):
    try: work(n)
    except TypeError: pass
go(safely); print("over")
"""
    )
    for env in ({}, {"SIMCORE_PURE": "1"}):
        trace, ran = record(source, granularity="access", switch_interval_s=HURRY_S, env=env)
        assert (ran.out, ran.err) == (b"over\n", b""), trace.ending


def accesses(trace: Trace) -> list[tuple[str, str, str, int, int]]:
    """All that is known of each access, stamps aside."""
    words = Words(trace)
    found = (event for event in trace if event.kind in ACCESS_KINDS)
    return [(e.actor, e.kind.name, words.accessed(e.position), e.value, e.site.line) for e in found]


def test_core_and_pure_python_record_the_same_accesses() -> None:
    """Threads that run one after the other: the same accesses, and each replays what the other has recorded."""
    joined = "    for thread in threads: thread.join()\n"
    one_by_one = TWO.replace(joined, "").replace("thread.start()", "thread.start(); thread.join()")
    bodies = "".join(f"{source}\ngo(work); print(result())\n" for source in RACES.values())
    made = {pure: record(one_by_one + bodies, granularity="access", env={"SIMCORE_PURE": pure}) for pure in ("", "1")}
    assert accesses(made[""][0]) == accesses(made["1"][0]) != []
    assert made[""][1] == made["1"][1]
    for recorded, replayed in (("", "1"), ("1", "")):
        trace, ran = made[recorded]
        answer, again = replay(trace, env={"SIMCORE_PURE": replayed})
        assert_same(answer)
        assert again == ran


ODD_OBJECTS = """
import sys, threading
class Slots:
    __slots__ = ("n", "m")
    def __getattr__(self, name):
        calls.append((name, sys._getframe(1).f_code.co_name))
        return 0
class Hashless(type):
    def __eq__(cls, other): return cls is other
class Talks(type):
    def __getattribute__(cls, name):
        print("asked for", name)
        return super().__getattribute__(name)
    def __hash__(cls): print("hashed")
class Plain(metaclass=Hashless): pass
class Told(metaclass=Talks): pass
class Kept:
    @property
    def n(self): return calls.append(sys._getframe(1).f_code.co_name) or 1
    @n.setter
    def n(self, new): calls.append(sys._getframe(1).f_code.co_name)
    def __setattr__(self, name, new):
        calls.append(sys._getframe(1).f_code.co_name)
        super().__setattr__(name, new)
calls, slots, things = [], Slots(), (Plain(), Told())
def work():
    slots.n += 1
    slots.m = slots.m + 1
    print(slots.n, slots.m, slots.x)
    for thing in things:
        thing.n = 1
        thing.n += 1
        thing.items = [thing]
        print(thing in thing.items, thing.n)
        try: thing.none += 1
        except AttributeError as error: print(error)
        try: thing.n += thing
        except TypeError as error: print(error)
        del thing.n
    kept = Kept()
    kept.n = 1
    kept.n += 1
    kept.m = kept.n
for _ in range(2):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


def test_nothing_is_asked_that_a_plain_run_does_not_ask() -> None:
    """Empty slots with `__getattr__`, metaclasses with ways of their own: each replay of each recording does as a plain run."""
    source = ODD_OBJECTS + "print(len(calls))\n"
    for env in ({}, {"SIMCORE_PURE": "1"}):
        trace, ran = record(source, granularity="access", env=env)
        assert ran == plain(source)
        for other in ({}, {"SIMCORE_PURE": "1"}):
            answer, again = replay(trace, env=other)
            assert_same(answer)
            assert again == ran


@pytest.mark.skipif(core is None, reason="in pure Python a hook is a frame")
def test_setters_see_who_assigned() -> None:
    """With the core no frame of ours stands between an assignment and the code of the program's that it calls."""
    source = ODD_OBJECTS + "print([call for call in calls if type(call) is str])\n"
    assert record(source, granularity="access")[1] == plain(source)
