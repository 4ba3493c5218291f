"""Finalisers run where they ran: their locks, prints and queues are events like any other."""

import pytest
from programs import faithful, kinds, plain, record

from simcore.trace.events import AT_REST, Kind

CYCLES = """
import gc, queue, threading, weakref
lock, theirs, items, order = threading.Lock(), threading.Lock(), queue.SimpleQueue(), []
class Node:
    def __init__(self, n): self.n, self.me = n, self
    def __del__(self): finalise(self.n)
"""

THREE = """
threads = [threading.Thread(target=work, args=(n,), name=f"w{n}") for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

FINALISERS = {
    "a lock": "def finalise(n):\n    with theirs: order.append(n)\n",
    "a print": "def finalise(n): print('gone', n); order.append(n)\n",
    "a queue": "def finalise(n): items.put(n); order.append(n)\n",
    "a clock": "import time\ndef finalise(n): order.append((n, time.time()))\n",
    "a failing try": "def finalise(n): order.append((n, lock.acquire(False) and lock.release()))\n",
    "an error": """
import sys
sys.unraisablehook = lambda args: order.append(args.exc_type.__name__)
def finalise(n): raise ValueError(n)
""",
}


@pytest.mark.parametrize("finaliser", FINALISERS)
def test_finalisers_of_cycles(finaliser: str) -> None:
    """A thousand cycles die by the collector, in between lock operations; each finaliser runs at the same place in replay."""
    source = (
        CYCLES
        + FINALISERS[finaliser]
        + """
marks = []
for n in range(3000):
    Node(n)
    with threading.Lock() if n % 3 else lock: marks.append(len(order))
print(len(order), hash(tuple(map(str, order))), hash(tuple(marks)))
order.clear(); gc.collect(); print(len(order))
"""
    )
    trace = faithful(source)
    assert Kind.GC in kinds(trace)


def test_callbacks_of_weak_references() -> None:
    """They are finalisers too."""
    source = (
        CYCLES
        + """
def finalise(n): pass
def gone(ref):
    with theirs: order.append(refs.index(ref))
refs = []
for n in range(2500):
    refs.append(weakref.ref(Node(n), gone))
    with lock: pass
    if n == 600: print(len(order)); weakref.finalize(Node(n), print, "finalised")
print(len(order), hash(tuple(order)))
"""
    )
    faithful(source, replays=2)


def test_finalisers_that_want_the_lock_at_hand() -> None:
    """Garbage is not looked for while an operation holds its lock: a finaliser that takes the same one does not wait for ever."""
    source = (
        CYCLES
        + """
def finalise(n):
    with lock: order.append(n)
both = threading.Condition(threading.Lock())
class Waiting:
    def __init__(self): self.me = self
    def __del__(self):
        with both: order.append(-1)
for n in range(2500):
    Node(n)
    with lock: pass
print(len(order) > 0, hash(tuple(order)))
for n in range(2500):
    Node(n)
    lock.acquire(); lock.release()
    if n % 3 == 0:
        with lock: pass
        threading.Lock()
print(len(order), hash(tuple(order)))
for n in range(2500):
    Waiting()
    with both: pass
print(len(order), hash(tuple(order)))
"""
    )
    trace = faithful(source, replays=2)
    assert trace.ending.exit_code == 0


def test_finalisers_that_print_between_prints() -> None:
    """The order on the screen is the order of the events, and the replay's."""
    source = (
        CYCLES
        + """
def finalise(n): print("gone", n)
for n in range(2500): Node(n); print("made", n)
"""
    )
    trace = faithful(source, replays=2)
    assert Kind.GC in kinds(trace)


def test_finalisers_in_threads() -> None:
    """Whoever makes the garbage, somebody's operation collects it: the same one in replay."""
    source = (
        CYCLES
        + """
def finalise(n):
    with theirs: order.append((threading.current_thread().name, n))
def work(n):
    for k in range(400):
        with lock: Node((n, k))
"""
        + THREE
        + "print(len(order) > 0)\n"
    )
    faithful(source, replays=2)


def test_garbage_that_others_make_between_their_operations() -> None:
    """Nothing orders the threads: a collection comes when each is at an operation, also at one that takes no turn."""
    source = (
        CYCLES
        + """
import time
def finalise(n):
    with theirs: order.append((threading.current_thread().name, n))
def work(n):
    for k in range(400):
        if k % 3:
            with threading.Lock(): pass
        else: time.time()
        for part in "abc": Node((n, k, part))
"""
        + THREE
        + "print(len(order) > 0, hash(tuple(sorted(order))))\n"
    )
    trace = faithful(source, replays=2)
    values = [value for kind, value in zip(trace.columns.kind, trace.columns.value, strict=True) if kind == Kind.GC]
    assert any(value & AT_REST for value in values)


def test_garbage_while_others_wait() -> None:
    """Whose wait is over meanwhile makes nothing more before the collection; what is sent already is no wait."""
    source = (
        CYCLES
        + """
import multiprocessing
gc.set_threshold(300, 10, 10)
pipes = [multiprocessing.Pipe(), multiprocessing.Pipe()]
def finalise(n):
    with threading.Lock(): order.append(n)
def work(n):
    mine, theirs = pipes[n][0], pipes[1 - n][1]
    for k in range(500):
        for part in "ab": Node((n, k, part))
        if n or k: mine.recv()
        for part in "abcd": Node((n, k, part))
        theirs.send(k)
threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(order) > 0)
"""
    )
    trace = faithful(source, recordings=2)
    assert Kind.GC in kinds(trace)


def test_garbage_of_many_short_threads() -> None:
    """No thread does much, but together they make as much garbage as one."""
    source = (
        CYCLES
        + """
gc.set_threshold(200, 10, 10)
def finalise(n):
    with threading.Lock(): order.append(n)
def work(n):
    for k in range(40):
        for part in "abcd": Node((n, k, part))
        with lock: pass
threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
for thread in threads: thread.start(); Node(thread.name)
for thread in threads: thread.join()
print(len(order) > 0)
"""
    )
    trace = faithful(source)
    assert Kind.GC in kinds(trace)


def test_what_the_program_says_to_the_collector_holds() -> None:
    """Switched off it does not run; its thresholds, its answers and what it collects on request are the program's."""
    source = (
        CYCLES
        + """
def finalise(n): order.append(n)
print(gc.isenabled(), gc.get_threshold())
gc.disable(); gc.collect()
for n in range(3000):
    Node(n)
    with lock: pass
print(gc.isenabled(), len(order)); gc.enable(); gc.set_threshold(100, 5, 5); print(gc.get_threshold(), gc.isenabled())
gc.collect(); print(len(order)); gc.set_threshold(0); print(gc.get_threshold()[0])
for n in range(3000):
    Node(n)
    with lock: pass
print(len(order)); gc.freeze(); gc.unfreeze(); gc.collect(); print(len(order))
try: gc.set_threshold("x")
except TypeError as error: print(error)
try: gc.collect(5)
except ValueError as error: print(error)
"""
    )
    assert record(source)[1] == plain(source)
    faithful(source, replays=2)


def test_callbacks_of_the_programs_own() -> None:
    """They are called for what the collector does by itself, in replay at the same places."""
    source = (
        CYCLES
        + """
def finalise(n): order.append(n)
seen = []
gc.callbacks.append(lambda phase, info: seen.append((phase, info["generation"], len(order))))
marks = []
for n in range(3000):
    Node(n)
    with lock: marks.append(len(seen))
print("start" in [phase for phase, *_ in seen], hash(tuple(marks)), seen)
"""
    )
    faithful(source, replays=2)


def test_garbage_is_collected_without_any_operation() -> None:
    """A program that only computes does not keep its garbage for ever."""
    source = (
        CYCLES
        + """
def finalise(n): order.append(n)
for n in range(200_000): Node(n)
print(len(order) > 100_000)
"""
    )
    assert record(source)[1].out == b"True\n"


def test_reference_counts_finalise_at_once() -> None:
    """What dies by its last reference dies in its program's order."""
    source = (
        CYCLES
        + """
class Plain:
    def __del__(self):
        with lock: print("gone")
def work(): Plain(); print("behind it")
work(); thread = threading.Thread(target=work); thread.start(); thread.join()
kept = Plain()
"""
    )
    assert record(source)[1] == plain(source)
    faithful(source, replays=2)
