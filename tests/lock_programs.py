"""Programs that take locks in all orders, recorded by the tests of `simcore locks`; none of them leaves anything to luck."""

from __future__ import annotations

from textwrap import dedent, indent

HEAD = """\
import threading
from threading import Condition, Event, Lock, RLock, Thread

a, b, c, gate = Lock(), Lock(), Lock(), Lock()
went = [Event() for _ in range(6)]


def run(*functions):
    threads = [Thread(target=function, name=function.__name__) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


"""
"""Every program begins with this. `went` lets threads come one after the other without a start or a join between them."""


def program(body: str) -> str:
    """The source of a program with this body."""
    return HEAD + dedent(body)


def nested(name: str, *locks: str, after: str = "", inside: str = "pass") -> str:
    """A function that takes locks, one within the other, once the function `after` has gone; it says that it has gone."""
    lines = [f"went[{after}].wait()"] if after else []
    lines += [f"{'    ' * depth}with {lock}:" for depth, lock in enumerate(locks)]
    lines += [f"{'    ' * len(locks)}{inside}", f"went[{int(after or -1) + 1}].set()"]
    return f"def {name}():\n{indent(chr(10).join(lines), '    ')}\n\n"


PROCESSES = """\
import multiprocessing
import sys
import threading

local = threading.Lock()
plain = threading.Lock()


def work(first, second, mine, others, wait, done):
    wait.acquire()
    with first:
        with second:
            pass
    with (local if mine else plain):
        with (plain if mine else local):
            pass
    done.release()


if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    red, blue = context.Lock(), context.RLock()
    turns = [context.Semaphore(0) for _ in range(3)]
    children = [
        context.Process(target=work, args=(red, blue, True, False, turns[0], turns[1])),
        context.Process(target=work, args=(blue, red, False, True, turns[1], turns[2])),
    ]
    for child in children:
        child.start()
    turns[0].release()
    for child in children:
        child.join()
"""
"""Two processes take two common locks in both orders, one after the other, and so they do with locks that each has for itself."""

PHILOSOPHERS = """\
seats = SEATS
sticks = [Lock() for _ in range(seats)]
turns = [Event() for _ in range(seats + 1)]


def dine(seat):
    turns[seat].wait()
    with sticks[seat]:
        with sticks[(seat + 1) % seats]:
            pass
    turns[seat + 1].set()


diners = [Thread(target=dine, args=(seat,)) for seat in range(seats)]
for diner in diners:
    diner.start()
turns[0].set()
for diner in diners:
    diner.join()
"""

STRUCK = """\
both = threading.Barrier(2)


def one():
    with a:
        both.wait()
        with b:
            pass


def two():
    with b:
        both.wait()
        with a:
            pass


run(one, two)
"""

NONE: list[set[str]] = []

PROGRAMS: dict[str, tuple[str, list[set[str]]]] = {
    "two orders, one after the other": (
        program(nested("one", "a", "b") + nested("two", "b", "a", after="0") + "run(one, two)"),
        [{"a", "b"}],
    ),
    "behind a gate": (
        program(nested("one", "gate", "a", "b") + nested("two", "gate", "b", "a", after="0") + "run(one, two)"),
        NONE,
    ),
    "a gate for one of them only": (
        program(nested("one", "gate", "a", "b") + nested("two", "b", "a", after="0") + "run(one, two)"),
        [{"a", "b"}],
    ),
    "kept apart by a join": (
        program(nested("one", "a", "b") + nested("two", "b", "a") + "run(one)\nrun(two)"),
        NONE,
    ),
    "kept apart by a start": (
        program(nested("one", "a", "b") + "with b:\n    with a:\n        pass\nrun(one)"),
        NONE,
    ),
    "main beside its thread": (
        program(
            nested("one", "a", "b")
            + """thread = Thread(target=one)\nthread.start()\nwent[0].wait()\nwith b:\n    with a:\n        pass\nthread.join()"""
        ),
        [{"a", "b"}],
    ),
    "three ways round": (
        program(
            nested("one", "a", "b")
            + nested("two", "b", "c", after="0")
            + nested("three", "c", "a", after="1")
            + "run(one, two, three)"
        ),
        [{"a", "b", "c"}],
    ),
    "one thread in both orders": (
        program(nested("one", "a", "b") + nested("two", "b", "a", after="0") + "def both():\n    one()\n    two()\n\nrun(both)"),
        NONE,
    ),
    "an RLock taken again": (
        program(
            "a = RLock()\n"
            + nested("one", "a", "b", "a")
            + nested("two", "a", "a", "b", after="0")
            + nested("three", "b", after="1")
            + "run(one, two, three)"
        ),
        NONE,
    ),
    "a condition gives its lock back while it waits": (
        program(
            """\
            full, items = Condition(a), []

            def consume():
                with full:
                    went[0].set()
                    while not items:
                        full.wait()
                went[1].set()

            def produce():
                went[0].wait()
                with b:
                    with full:
                        items.append(1)
                        full.notify()

            def both():
                went[1].wait()
                with b:
                    with a:
                        pass

            run(consume, produce, both)
            """
        ),
        NONE,
    ),
    "a condition takes its lock again": (
        program(
            """\
            full, items = Condition(a), []

            def consume():
                with b:
                    with full:
                        went[0].set()
                        while not items:
                            full.wait()
                went[1].set()

            def produce():
                went[0].wait()
                with full:
                    items.append(1)
                    full.notify()

            def other():
                went[1].wait()
                with a:
                    with b:
                        pass

            run(consume, produce, other)
            """
        ),
        # Two lines ask for it: `with full` and `full.wait()`.
        [{"a", "b"}, {"a", "b"}],
    ),
    "tries and timeouts": (
        program(
            """\
            def one():
                with a:
                    assert b.acquire(False)
                    b.release()
                    assert b.acquire(timeout=5)
                    b.release()
                    assert b.acquire(blocking=False)
                    b.release()
                went[0].set()

            """
        )
        + nested("two", "b", "a", after="0")
        + "run(one, two)",
        NONE,
    ),
    "a try holds what it got": (
        program(
            """\
            def one():
                assert a.acquire(False)
                b.acquire()
                b.release()
                a.release()
                went[0].set()

            """
        )
        + nested("two", "b", "a", after="0")
        + "run(one, two)",
        [{"a", "b"}],
    ),
    "three philosophers": (program(PHILOSOPHERS.replace("SEATS", "3")), [{f"sticks[{seat}]" for seat in range(3)}]),
    "five philosophers": (program(PHILOSOPHERS.replace("SEATS", "5")), [{f"sticks[{seat}]" for seat in range(5)}]),
    "forked processes": (PROCESSES.replace("METHOD", "fork"), [{"red", "blue"}]),
    "spawned processes": (PROCESSES.replace("METHOD", "spawn"), [{"red", "blue"}]),
}
"""What each program is about: its source, and the locks of each cycle that is in it."""
