"""Accesses to a program's own data are events: in their order, enforced in a replay, so that a lost update is lost again."""

import os
from collections import Counter
from pathlib import Path

import pytest
from programs import assert_same, plain, record, replay, written

import simcore
from simcore.errors import UsageError
from simcore.trace.events import ACCESS_KINDS, PLACE_KINDS, Kind, ObjectKind, accessed
from simcore.trace.model import Trace
from simcore.trace.words import Words

HURRY_S = 1e-5

TWO = """
import threading
both = threading.Barrier(2)
def meet(n):
    both.wait()  # else the first one may be through before the second one begins
    work(n)
threads = [threading.Thread(target=meet, args=(n,), name=f"w{n}") for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

RACES = {
    "an attribute by a call": """
class Account:
    def __init__(self): self.balance = 0
account = Account()
def plus(a, b): return a + b
def work(n):
    for _ in range(600): account.balance = plus(account.balance, 1)
result = lambda: account.balance
""",
    "an attribute with slots": """
class Account:
    __slots__ = ("balance",)
account = Account()
account.balance = 0
def work(n):
    for _ in range(600): account.balance += int("1")
result = lambda: account.balance
""",
    "an attribute of a class": """
class Account: balance = 0
def work(n):
    for _ in range(600): Account.balance = Account.balance + int("1")
result = lambda: Account.balance
""",
    "updates by one": """
class Money:
    def __init__(self): self.worth = 0
    def __iadd__(self, more):
        self.worth = int(str(self.worth)) + more
        return self
class Account: count = 0
account = Account()
account.money, account.notes = Money(), ""
def work(n):
    for _ in range(600):
        account.money += 1
        account.count += 1
        account.notes += "x"
        try: account.none += 1
        except AttributeError: pass
result = lambda: (account.money.worth, account.count, len(account.notes))
""",
    "defaults of the class": """
class Account: count = 0
accounts = [Account() for _ in range(400)]
def work(n):
    for account in accounts: account.count += 1
result = lambda: sum(account.count for account in accounts)
""",
    "attributes of objects whose type is in C": """
from collections import OrderedDict, defaultdict, deque
from types import SimpleNamespace
kinds = [type("Own", (kind,), {}) for kind in (dict, list, set, deque, OrderedDict, defaultdict, int, str, tuple, Exception)]
things = [SimpleNamespace(), ValueError(), *(kind() for kind in kinds)]
for thing in things: thing.total = 0
def work(n):
    for _ in range(60):
        for thing in things: thing.total = thing.total + int("1")
result = lambda: [thing.total for thing in things]
""",
    "an item": """
counts = {"a": 0}
def work(n):
    for _ in range(600): counts["a"] += int("1")
result = lambda: counts
""",
    "an item of a list": """
counts = [0, 0, 0]
def work(n):
    for _ in range(600): counts[-1] = counts[2] + int("1")
result = lambda: counts
""",
    "a global": """
total = 0
def work(n):
    global total
    for _ in range(600): total += int("1")
result = lambda: total
""",
    "a closure": """
def make():
    total = 0
    def work(n):
        nonlocal total
        for _ in range(600): total += int("1")
    return work, lambda: total
work, result = make()
""",
    "checked, then changed": """
stock, sold = [50], []
def work(n):
    while stock[0] > 0:
        sold.append(int(stock[0]))
        stock[0] -= int("1")
result = lambda: (stock, len(sold), sum(sold))
""",
    "get and put": """
counts, seen = {}, set()
def work(n):
    for i in range(300):
        counts[i % 7] = counts.get(i % 7, 0) + int("1")
        if len(seen) < 20: seen.add((n, i))
result = lambda: (sorted(counts.items()), sorted(seen))
""",
    "a flag to stop": """
class Worker: stopped = False
worker, counts = Worker(), [0, 0]
def work(n):
    if n:
        while not worker.stopped: counts[1] += int("1")
    else:
        for _ in range(200): counts[0] += int("1")
        worker.stopped = True
result = lambda: counts
""",
}


def accesses(trace: Trace, actor: str = "") -> list[tuple[Kind, str]]:
    """Kind and place of each access, in words."""
    words = Words(trace)
    return [
        (event.kind, words.accessed(event.position))
        for event in trace
        if event.kind in ACCESS_KINDS and actor in ("", event.actor)
    ]


@pytest.mark.parametrize("name", RACES)
def test_a_race_has_its_result_again(name: str) -> None:
    """Two threads race; each replay ends with the result of its recording, lost updates included."""
    trace, ran = record(RACES[name] + TWO + "print(result())", granularity="access", switch_interval_s=HURRY_S)
    for _ in range(2):
        answer, again = replay(trace)
        assert_same(answer)
        assert again == ran
    assert {trace.objects[index].kind for index in trace.columns.object} & PLACE_KINDS


@pytest.mark.loop
@pytest.mark.parametrize("name", RACES)
def test_races_in_a_loop(name: str) -> None:
    """Twenty recordings, five replays each; some recordings differ from each other, no replay from its recording."""
    schedules = set()
    for _ in range(20):
        trace, ran = record(RACES[name] + TWO + "print(result())", granularity="access", switch_interval_s=HURRY_S)
        schedules.add(trace.columns.actor.tobytes())
        for _ in range(5):
            answer, again = replay(trace)
            assert_same(answer)
            assert again == ran
    assert len(schedules) > 1


def test_what_is_an_access() -> None:
    """Each way to touch shared data is an event with its place, kind and line; calls and methods of the program's are none."""
    source = """
import threading
class Thing:
    total = 0
    def __init__(self): self.x, self.items = 1, []
    @property
    def double(self): return self.x * 2
    def method(self): return 5
thing, table, letters = Thing(), {"a": 1}, set()
def work():
    thing.x
    thing.x = 2
    thing.x += 1
    thing.double
    thing.method()
    thing.items.append(1)
    thing.items[0]
    table["a"] = 2
    table["a"] += 1
    del table["a"]
    table.get("b")
    table[(1, "b")] = 3
    "b" in table
    letters.add("z")
    for letter in letters: pass
    Thing.total = Thing.total + 1
    del thing.x
work()
thing.x = 1
table["a"] = 1
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    trace, _ = record(source, granularity="access")
    assert accesses(trace, "main/1") == [
        (Kind.LOAD, "Thing.x"),
        (Kind.ASSIGN, "Thing.x"),
        (Kind.UPDATE, "Thing.x"),
        (Kind.LOAD, "Thing.x"),  # within the property
        (Kind.LOAD, "Thing.items"),
        (Kind.UPDATE, "list.append"),
        (Kind.LOAD, "Thing.items"),
        (Kind.LOAD, "list[0]"),
        (Kind.ASSIGN, "dict['a']"),
        (Kind.UPDATE, "dict['a']"),
        (Kind.ASSIGN, "dict['a']"),
        (Kind.LOAD, "dict['b']"),
        (Kind.ASSIGN, "dict[(1, 'b')]"),
        (Kind.LOAD, "dict"),
        (Kind.UPDATE, "set.add"),
        (Kind.LOAD, "set"),
        (Kind.LOAD, "Thing.total"),
        (Kind.ASSIGN, "Thing.total"),
        (Kind.ASSIGN, "Thing.x"),
    ]
    lines = [event.site.line for event in trace.of_actor("main/1") if event.kind in ACCESS_KINDS]
    assert lines[:4] == [11, 12, 13, 7]


def test_attributes_of_objects_whose_type_is_in_c() -> None:
    """A subclass of dict, an exception, a namespace have plain attributes: each read and each write of one is an event."""
    source = RACES["attributes of objects whose type is in C"].replace("range(60)", "range(1)")
    trace, ran = record(source + TWO + "print(len(things))", granularity="access")
    told = [(kind, called) for kind, called in accesses(trace, "main/1") if called.endswith(".total")]
    assert [kind for kind, _ in told] == [Kind.LOAD, Kind.ASSIGN] * int(ran.out)
    assert Counter(called for _, called in told) == {"SimpleNamespace.total": 2, "ValueError.total": 2, "Own.total": 20}


def test_what_one_actor_alone_touches_is_left_out() -> None:
    """It is counted, for a replay counts along; and so is what nobody writes."""
    source = """
import threading
class Box: size = 3
shared, settings = Box(), Box()
settings.size
def work():
    own = Box()
    for n in range(settings.size):
        own.n = n
    shared.value = own.n
shared.value = 0
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(shared.value)
"""
    trace, ran = record(source, granularity="access")
    assert accesses(trace) == [(Kind.ASSIGN, "Box.value")] * 2 + [(Kind.LOAD, "Box.value")]
    (event,) = (event for event in trace.of_actor("main/1") if event.kind in ACCESS_KINDS)
    assert accessed(event.value) == (-1, 6), "the size of the object and the class; what is its own, written three times and read"
    answer, again = replay(trace)
    assert_same(answer)
    assert again == ran


def test_objects_are_told_apart_by_their_lives() -> None:
    """A new object that gets the address of a dead one is another object: two threads with lists of their own share nothing."""
    source = """
import threading
class Point: pass
def work():
    for n in range(200):
        own = [n]
        own.append(n)
        table = dict(n=n)
        table["n"] = 1
        point = Point()
        point.x = n
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""
    trace, _ = record(source, granularity="access")
    assert accesses(trace) == []


def test_a_forked_child_has_data_of_its_own() -> None:
    """What a child writes is a place of its own, and is replayed with it, under each start method."""
    source = """
import multiprocessing, threading, sys
class Box: n = 0
box = Box()
box.n = 5
def bump():
    for _ in range(100): box.n = int(box.n) + 1
def child(queue):
    threads = [threading.Thread(target=bump) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    queue.put(box.n)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue,))
    process.start(); process.join()
    print(queue.get(), box.n)
"""
    for method in ("fork", "spawn"):
        words = [written(source), method]
        trace, ran = record(words, granularity="access", switch_interval_s=HURRY_S)
        assert {event.actor for event in trace if event.kind in ACCESS_KINDS} >= {"main.1/1", "main.1/2"}
        assert ran.out.endswith(b" 5\n")
        answer, again = replay(trace)
        assert_same(answer)
        assert again == ran


def test_the_program_runs_as_ever() -> None:
    """Errors, tracebacks, exit codes, `__main__` and command-line arguments are those of a plain run."""
    source = """
import sys, inspect, atexit
atexit.register(print, "over")
class Box: pass
print(__name__, __file__, sys.argv, sys.path[0] != "", __spec__, inspect.getsource(Box))
def find(box): return box.missing + {}["a"]
try: find(Box())
except AttributeError as error: print(error, error.name)
table = {}
def main(): table["b"].c = 1
main()
"""
    words = [written(source), "one", "two"]
    _, ran = record(words, granularity="access")
    assert ran == plain(words)
    assert ran.code == 1
    for ending in ("raise SystemExit(7)", "raise SystemExit('no')", "print(missing)", "def f(:"):
        words = [written(ending)]
        assert record(words, granularity="access")[1] == plain(words), ending


def test_modules_that_are_imported_or_run_by_name(own_folder: Path) -> None:
    """The program's modules are rewritten however they are run; those of libraries are not, unless they are included."""
    written("class Box: pass\nbox = Box()\nbox.n = 0\ndef work(n): box.n = int(box.n) + 1\n", "part.py")
    written("from part import work, box\n" + TWO + "print(box.n)\n", "whole.py")
    for words in (["whole.py"], ["-m", "whole"], ["-c", "import whole"]):
        trace, _ = record(words, granularity="access")
        assert (Kind.ASSIGN, "Box.n") in accesses(trace), words
    assert not list(own_folder.rglob("part*.pyc")), "what is rewritten leaves no bytecode"
    source = "from fractions import Fraction\nx = Fraction(1, 3)\ndef work(n): x._numerator = x.numerator + 1\n" + TWO
    inside = {accesses_in(record(source, granularity="access", include=include)[0]) for include in ((), ("fractions",))}
    assert inside == {frozenset({"program.py"}), frozenset({"program.py", "fractions.py"})}


def accesses_in(trace: Trace) -> frozenset[str]:
    """The files in which accesses were made."""
    return frozenset(os.path.basename(event.site.file) for event in trace if event.kind in ACCESS_KINDS)


def test_a_sync_trace_has_none() -> None:
    """Accesses are recorded where that is asked for, and what is asked for must exist."""
    trace, _ = record(RACES["a global"] + TWO)
    assert accesses(trace) == []
    assert trace.header.scenario.granularity == "sync"
    with pytest.raises(UsageError, match="granularity is 'bytes', expected 'sync' or 'access' or None"):
        simcore.record("mutex", granularity="bytes")


def test_a_run_that_differs_is_told() -> None:
    """A program that was changed meanwhile diverges at the access that it does not make."""
    source = RACES["a global"] + TWO
    trace, _ = record(source, granularity="access", switch_interval_s=HURRY_S)
    written(source.replace('total += int("1")', "total = 5"))
    answer, _ = replay(trace)
    divergence = answer.runs[0].divergence
    assert divergence is not None
    assert {info.kind for info in trace.objects} >= {ObjectKind.GLOBAL}


def test_accesses_of_handlers_and_finalisers() -> None:
    """A signal handler and a finaliser touch data in between; nothing waits for itself."""
    source = (
        """
import gc, os, signal, threading
class Box:
    n = 0
    def __del__(self): total[0] += 1; total.append(len(total))
total, box = [0], Box()
signal.signal(signal.SIGUSR1, lambda *_: total.append(total[0]))
def work(n):
    for i in range(300):
        total[0] = int(total[0]) + 1
        box.other = Box()
        if n == 0 and i % 50 == 0: os.kill(os.getpid(), signal.SIGUSR1)
"""
        + TWO.replace("thread.join()", "thread.join()")
        + "print(len(total) > 5)\n"
    )
    trace, ran = record(source, granularity="access", switch_interval_s=HURRY_S)
    assert (ran.out, ran.err) == (b"True\n", b"")
    assert Kind.SIGNAL in {event.kind for event in trace}


def test_what_a_class_has_until_the_object_has_it() -> None:
    """A read of an attribute that the class has depends on who writes either: both are places, kept where they matter."""
    source = """
import threading, time
class Base: stopped, limit = False, 1
class Worker(Base): pass
worker, other, seen = Worker(), Worker(), []
def work(n):
    if n:
        for _ in range(150): seen.append((worker.stopped, worker.limit, other.limit))
    else:
        for i in range(20):
            worker.stopped = bool(i % 3)
            if i == 12: del worker.stopped
            Base.limit = int(i)
            time.sleep(0)
"""
    for _ in range(3):
        trace, ran = record(source + TWO + "print(seen)", granularity="access", switch_interval_s=HURRY_S)
        answer, again = replay(trace)
        assert_same(answer)
        assert again == ran
    assert {place for _, place in accesses(trace)} >= {"Worker.stopped", "Base.limit"}
