"""The corners of threading, queue and concurrent.futures that are no family of their own: recorded and replayed the same."""

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from programs import faithful, plain, record

from simcore.trace.events import Kind, Outcome

# Each thread keeps a log of its own: shared data is ordered by recorded operations or not looked at while others write it.
START = """
import queue, sys, threading, time
logs = {}
def note(what): logs.setdefault(threading.current_thread().name, []).append(what)
def together(*functions, times=1):
    threads = [threading.Thread(target=f, name=f"{f.__name__}-{n}") for n, f in enumerate(functions * times)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    for name in sorted(logs): print(name, logs[name])
    logs.clear()
"""

PROGRAMS = {
    "condition held several deep": """
        lock = threading.RLock(); condition = threading.Condition(lock); ready = []
        def sleeper():
            with lock, lock, condition:
                ready.append(1)
                note(condition.wait(5))
            note(lock._is_owned())
        def waker():
            woken = 0
            while woken < 3:
                with condition: woken += len(ready); ready.clear(); condition.notify_all()
        together(waker, sleeper, sleeper, sleeper)
        """,
    "condition on a lock, with timeouts": """
        condition, done = threading.Condition(threading.Lock()), []
        def waiter():
            with condition:
                note(condition.wait(0.001))
                note(condition.wait_for(lambda: len(done) > 2, 0.002))
                done.append(1); condition.notify_all()
                note(condition.wait_for(lambda: len(done) > 2, 5))
        together(waiter, times=3)
        for wrong in (condition.wait, condition.notify):
            try: wrong()
            except RuntimeError as error: print(error)
        """,
    "notify n": """
        condition, order = threading.Condition(), []
        def waiter():
            with condition:
                order.append("waits"); condition.wait(); order.append(threading.current_thread().name)
        def notifier():
            while True:
                with condition:
                    if len(order) == 5: condition.notify(3)
                    if len(order) >= 8: condition.notify_all(); return  # it may have notified twice before anybody came
                time.sleep(0.0001)
        together(notifier, waiter, waiter, waiter, waiter, waiter)
        print(order)
        """,
    "barrier: broken, reset, aborted, a failing action": """
        broken = threading.Barrier(3)
        def impatient():
            try: broken.wait(0.002)
            except threading.BrokenBarrierError: note("broken")
        def patient():
            try: broken.wait()
            except threading.BrokenBarrierError: note("broken")
        together(impatient, patient)
        print(broken.broken, broken.n_waiting)
        def ender():
            while not broken.n_waiting: pass
            end()
        for end in (broken.reset, broken.abort):
            broken.reset()
            together(patient, ender)
            print(broken.broken, broken.parties)
        def act(): raise ValueError("in the action")
        broken = threading.Barrier(2, act)
        def acting():
            try: broken.wait()
            except (ValueError, threading.BrokenBarrierError) as error: note(type(error).__name__)
        together(acting, acting)
        """,
    "timers, some of them cancelled": """
        lock, fired = threading.Lock(), []
        def fire(n):
            with lock: fired.append(n)
        timers = [threading.Timer(0.001 * n, fire, (n,)) for n in range(6)]
        for timer in timers: timer.start()
        time.sleep(0.003)
        for timer in timers: timer.cancel()
        for timer in timers: timer.join()
        print(sorted(fired), [timer.finished.is_set() for timer in timers])
        """,
    "queue that is full or empty": """
        items = queue.Queue(1); items.put(1)
        def busy():
            for act in (lambda: items.put(2, block=False), lambda: items.put(2, timeout=0.0005), lambda: items.put_nowait(2),
                        items.get_nowait, lambda: items.get(timeout=0.0005), items.task_done):
                try: note(act())
                except (queue.Full, queue.Empty, ValueError) as error: note(type(error).__name__)
        together(busy, busy, busy)
        """,
    "simple queue: tries and timeouts": """
        items = queue.SimpleQueue()
        def put():
            for n in range(20): items.put((threading.current_thread().name, n))
        def get():
            for n in range(20):
                try: note(items.get(n % 3 > 0, 0.0003))
                except queue.Empty: note("empty")
                note((items.empty(), items.qsize()))
        together(put, get, times=3)
        """,
    "thread pools in thread pools": """
        from concurrent.futures import ThreadPoolExecutor
        def inner(n): return n + 1
        def outer(n):
            with ThreadPoolExecutor(2) as pool: return sum(pool.map(inner, range(n)))
        with ThreadPoolExecutor(3) as pool: print(list(pool.map(outer, [3, 4, 5, 6])))
        """,
    "thread pools that end badly": """
        from concurrent.futures import *
        import logging; logging.disable()
        def fail(): raise RuntimeError("initializer")
        with ThreadPoolExecutor(2, initializer=fail) as pool:
            try: print(pool.submit(abs, 1).result())
            except BrokenExecutor as error: print(type(error).__name__)
        pool = ThreadPoolExecutor(1, thread_name_prefix="pre")
        print(pool.submit(lambda: threading.current_thread().name).result())
        begun, gate = threading.Event(), threading.Event()
        first = pool.submit(lambda: begun.set() or gate.wait()); rest = [pool.submit(abs, n) for n in range(3)]; begun.wait()
        pool.shutdown(wait=False, cancel_futures=True); gate.set()
        print(first.result(), [future.cancelled() for future in rest])
        try: pool.submit(abs, 1)
        except RuntimeError as error: print(error)
        future = Future(); together(lambda: future.set_result(5)); print(future.result())
        """,
    "futures: timeouts, callbacks, cancelled": """
        from concurrent.futures import *
        with ThreadPoolExecutor(3) as pool:
            gate = threading.Event(); held = [pool.submit(gate.wait) for _ in range(3)]
            try: list(as_completed(held, timeout=0.001))
            except TimeoutError as error: print(error)
            try: held[0].result(0.001)
            except TimeoutError: print("timed out")
            late = pool.submit(abs, 3); print(late.cancel(), late.cancelled(), late.done()); gate.set()
            try: late.result()
            except CancelledError: print("cancelled")
            done = pool.submit(abs, 2); done.add_done_callback(lambda future: print("called", future.result())); done.result()
        """,
    "threads started by threads": """
        def tree(depth):
            if depth:
                mine = threading.current_thread().name
                children = [threading.Thread(target=tree, args=(depth - 1,), name=f"{mine}.{n}") for n in range(3)]
                for child in children: child.start()
                for child in children: child.join()
            note(depth)
        top = threading.Thread(target=tree, args=(3,), name="t"); top.start(); top.join()
        for name in sorted(logs): print(name, logs[name])
        """,
    "what is said of threads": """
        started = threading.Barrier(4)
        def work(): started.wait(); time.sleep(0.0005)
        threads = [threading.Thread(target=work, name=f"w{n}") for n in range(3)]
        print([thread.is_alive() for thread in threads], threading.active_count())
        for thread in threads: thread.start()
        print([thread.name for thread in threading.enumerate()], threading.active_count()); started.wait()
        while any(thread.is_alive() for thread in threads): note([thread.is_alive() for thread in threads])
        threads[0].join(0.001); print(threads[0].is_alive(), threads[0].daemon, logs)
        slow = threading.Thread(target=time.sleep, args=(0.02,)); slow.start()
        slow.join(0.0005); print(slow.is_alive()); slow.join()
        """,
    "threads that raise": """
        threading.excepthook = lambda args: note((args.exc_type.__name__, args.thread.name))
        def bad(): raise ValueError
        def out(): raise SystemExit
        together(bad, out, bad, out)
        """,
    "threads without Thread": """
        import _thread
        done = [_thread.allocate_lock() for _ in range(4)]; results = [None] * 4
        def work(n, *, add): results[n] = n + add; done[n].release()
        for n, lock in enumerate(done): lock.acquire(); _thread.start_new_thread(work, (n,), {"add": n})
        for lock in done: lock.acquire()
        print(results)
        """,
    "thread-local data": """
        local = threading.local(); local.x = "main"
        def work(): local.x = threading.current_thread().name; time.sleep(0.0001); note(local.x)
        together(work, times=4); print(local.x)
        """,
    "daemons cut off at the end": """
        lock, items = threading.Lock(), queue.SimpleQueue()
        def spin():
            while True:
                with lock: pass
        def sleep():
            while True: time.sleep(0.0002); items.put(1)
        for loop in (spin, sleep, items.get, lambda: threading.Event().wait()): threading.Thread(target=loop, daemon=True).start()
        time.sleep(0.002)
        threading.Thread(target=lambda: (time.sleep(0.001), print("the last that is no daemon"))).start()
        """,
}

if sys.version_info >= (3, 13):
    PROGRAMS["queue that is shut down"] = """
        items = queue.Queue(1)
        def get():
            try:
                while True: note(items.get())
            except queue.ShutDown: note("shut down")
        def put():
            try:
                for n in range(100): items.put(n)
            except queue.ShutDown: note("shut down")
        def close(): time.sleep(0.0005); items.shutdown(immediate=True)
        together(get, put, get, put, close)
        """


@pytest.mark.parametrize("name", PROGRAMS)
def test_replays_do_what_was_recorded(name: str) -> None:
    """The same events, results and output; the program ends well."""
    trace = faithful(START + dedent(PROGRAMS[name]))
    assert trace.outcome is Outcome.OK
    assert trace.ending.exit_code == 0


def test_recordings_differ() -> None:
    """The opposite: what the programs do is not the same in each run by itself."""
    source = START + "lock = threading.Lock()\ndef f():\n  for _ in range(300):\n    with lock: pass\ntogether(f, times=3)"
    first = tuple(record(source, switch_interval_s=1e-5)[0].order)
    assert any(tuple(record(source, switch_interval_s=1e-5)[0].order) != first for _ in range(10))


def test_two_hundred_short_threads() -> None:
    """A hundred at a time; each is an actor of its own."""
    source = """
        import threading
        lock, total = threading.Lock(), 0
        def work():
            global total
            with lock: total += 1
        for _ in range(2):
            threads = [threading.Thread(target=work) for _ in range(100)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        print(total)
        """
    trace = faithful(source)
    assert len(trace.actors) == 201


def test_failing_tries_are_not_tried_again() -> None:
    """A try that failed is returned from the trace, though in the replay the lock could be had."""
    source = """
        import threading
        lock, stop, failed = threading.Lock(), threading.Event(), 0
        def hold():
            while not stop.is_set():
                with lock: pass
        threads = [threading.Thread(target=hold) for _ in range(2)]
        for thread in threads: thread.start()
        while not failed:
            for _ in range(50):
                if lock.acquire(blocking=False): lock.release()
                else: failed += 1
        stop.set()
        for thread in threads: thread.join()
        print(failed)
        """
    trace = faithful(source)
    assert sum(event.kind is Kind.ACQUIRE and event.value == 0 for event in trace) > 0


def test_timeouts_of_any_number() -> None:
    """What the originals take for a timeout is taken, what they refuse is refused, whether or not the lock is free."""
    source = """
        import queue, threading
        class Zero:
            def __index__(self): return 0
        lock, deep, items = threading.Lock(), threading.RLock(), queue.SimpleQueue()
        for timeout in (-1, -1.0, 0, 0.0, Zero(), -2, 1e99, 10**30, float("nan"), float("inf"), None, "1", 1j):
            for take in (
                lambda: lock.acquire(True, timeout), lambda: lock.acquire(timeout=timeout) if timeout != -1 else "waits",
                lambda: deep.acquire(True, timeout), lambda: lock.acquire(False, timeout), lambda: items.get(True, timeout),
            ):
                if timeout in (-1, None) and lock.locked(): lock.release()
                if timeout is None: items.put("an item")
                try: print(repr(timeout)[:9], take())
                except (ValueError, TypeError, OverflowError, queue.Empty) as error: print(type(error).__name__, error)
            if lock.locked(): lock.release()
        """
    assert record(source)[1] == plain(source)
    faithful(source)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not let a program choose its processors")
def test_a_replay_on_one_processor_is_told_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where turns pass all the time a replay keeps to one processor; the program sees the set that it had."""
    monkeypatch.setattr("simcore.engine.replaying.SHARE_OF_THREADS", 0.0)  # how long the recording took is no matter here
    had = os.sched_getaffinity(0)
    source = """
    import os, threading
    from pathlib import Path
    def allowed():
        return [line for line in Path("/proc/thread-self/status").read_text().splitlines() if "allowed_list" in line][0]
    turn, ready = threading.Semaphore(0), threading.Semaphore(0)
    def answer():
        for _ in range(100): turn.acquire(); ready.release()
    other = threading.Thread(target=answer)
    other.start()
    for _ in range(100): turn.release(); ready.acquire()
    other.join()
    print(sorted(os.sched_getaffinity(0)))
    Path("allowed").write_text(allowed())
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(os.sched_getaffinity(0))
    """
    _, ran = record(source)
    assert str(sorted(had)).encode() in ran.out
    faithful(source)
    allowed = Path("allowed").read_text().split()[-1]
    assert allowed.isdecimal() or len(had) == 1, allowed
    assert os.sched_getaffinity(0) == had
