"""A program whose threads share values: ordered by one primitive after the other, or, told `racy`, by none of them.

Each section is a function. What it orders is one shared value that one actor writes and another one reads or writes.
"""

from __future__ import annotations

THREADS = '''\
import multiprocessing as mp
import os
import queue
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from multiprocessing.pool import ThreadPool

ORDERED = sys.argv[1] == "ordered"
SECTIONS = []


def section(function):
    SECTIONS.append(function)
    return function


def both(first, second):
    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Nothing:
    """In the place of a lock that orders nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@section
def starting(x):
    thread = threading.Thread(target=lambda: x.value)
    if ORDERED:
        x.value = 1
    thread.start()
    if not ORDERED:
        x.value = 1
    thread.join()


@section
def joining(x):
    def write():
        x.value = 1

    thread = threading.Thread(target=write)
    thread.start()
    if ORDERED:
        thread.join()
    x.value
    thread.join()


@section
def asking_alive(x):
    def write():
        x.value = 1

    thread = threading.Thread(target=write)
    thread.start()
    while ORDERED and thread.is_alive():
        time.sleep(0.001)
    x.value
    thread.join()


@section
def counting_threads(x):
    def write():
        x.value = 1

    thread = threading.Thread(target=write)
    thread.start()
    while ORDERED and threading.active_count() > 1:
        time.sleep(0.001)
    x.value
    thread.join()


@section
def locking(x):
    lock = threading.Lock() if ORDERED else Nothing()

    def add():
        for _ in range(3):
            with lock:
                x.value += 1

    both(add, add)


@section
def locking_twice(x):
    lock = threading.RLock() if ORDERED else Nothing()

    def add():
        for _ in range(3):
            with lock:
                with lock:
                    x.value += 1
                x.value += 1

    both(add, add)


@section
def locks_as_signals(x):
    lock = threading.Lock()
    lock.acquire()

    def write():
        x.value = 1
        lock.release()

    def read():
        if ORDERED:
            lock.acquire()
        x.value

    both(write, read)


@section
def asking_locked(x):
    lock = threading.Lock()
    lock.acquire()

    def write():
        x.value = 1
        lock.release()

    def read():
        while ORDERED and lock.locked():
            time.sleep(0.001)
        x.value

    both(write, read)


@section
def conditions(x):
    condition, ready = threading.Condition(), []

    def write():
        x.value = 1
        if ORDERED:
            with condition:
                ready.append(1)
                condition.notify()

    def read():
        if ORDERED:
            with condition:
                condition.wait_for(lambda: ready)
        x.value

    both(write, read)


@section
def events(x):
    event = threading.Event()

    def write():
        x.value = 1
        event.set()

    def read():
        if ORDERED:
            event.wait()
        x.value

    both(write, read)


@section
def events_set_before(x):
    event = threading.Event()

    def write():
        x.value = 1
        event.set()

    def read():
        while ORDERED and not event.is_set():
            time.sleep(0.001)
        if ORDERED:
            assert event.wait(0)
        x.value

    both(write, read)


@section
def asking_set(x):
    event = threading.Event()

    def write():
        x.value = 1
        event.set()

    def read():
        while ORDERED and not event.is_set():
            time.sleep(0.001)
        x.value

    both(write, read)


@section
def semaphores(x):
    places = threading.Semaphore(0)

    def write():
        x.value = 1
        places.release()

    def read():
        if ORDERED:
            places.acquire()
        x.value

    both(write, read)


@section
def barriers(x):
    barrier = threading.Barrier(2)

    def write():
        x.value = 1
        if ORDERED:
            barrier.wait()

    def read():
        if ORDERED:
            barrier.wait()
        x.value

    both(write, read)


@section
def queues(x):
    jobs = queue.Queue()

    def write():
        x.value = 1
        jobs.put(1)

    def read():
        if ORDERED:
            jobs.get()
        x.value

    both(write, read)


@section
def queues_joined(x):
    jobs = queue.Queue()
    jobs.put(1)

    def write():
        jobs.get()
        x.value = 1
        jobs.task_done()

    def read():
        if ORDERED:
            jobs.join()
        x.value

    both(write, read)


@section
def simple_queues(x):
    jobs = queue.SimpleQueue()

    def write():
        x.value = 1
        jobs.put(1)

    def read():
        if ORDERED:
            jobs.get()
        x.value

    both(write, read)


@section
def asking_empty(x):
    jobs = queue.SimpleQueue()

    def write():
        x.value = 1
        jobs.put(1)

    def read():
        while ORDERED and jobs.empty():
            time.sleep(0.001)
        x.value

    both(write, read)


@section
def submitting(x):
    with ThreadPoolExecutor(1) as pool:
        if ORDERED:
            x.value = 1
        future = pool.submit(lambda: x.value)
        if not ORDERED:
            x.value = 1
    future.result()


def write_it(x):
    x.value = 1


@section
def results(x):
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(write_it, x)
        if ORDERED:
            future.result()
        x.value


@section
def futures_waited_for(x):
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(write_it, x)]
        if ORDERED:
            wait(futures)
            list(as_completed(futures))
        x.value


@section
def asking_done(x):
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(write_it, x)
        while ORDERED and not future.done():
            time.sleep(0.001)
        x.value


@section
def callbacks(x):
    # A callback runs on the worker, behind the work, or on who adds it, behind that too.
    done = threading.Event()

    def read(_):
        x.value
        done.set()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(write_it, x)
        if ORDERED:
            future.add_done_callback(read)
            done.wait()
        x.value


@section
def timers(x):
    timer = threading.Timer(0.001, write_it, [x])
    if ORDERED:
        x.value = 2
    timer.start()
    if not ORDERED:
        x.value = 2
    timer.join()
    x.value


@section
def pipes(x):
    here, there = mp.Pipe()

    def write():
        x.value = 1
        here.send("go")

    def read():
        if ORDERED:
            there.recv()
        x.value

    both(write, read)


@section
def pipes_polled(x):
    here, there = mp.Pipe()

    def write():
        x.value = 1
        here.send("go")

    def read():
        while ORDERED and not there.poll(0.001):
            pass
        x.value

    both(write, read)


@section
def pools(x):
    with ThreadPool(1) as pool:
        result = pool.apply_async(write_it, [x])
        if ORDERED:
            result.get()
        x.value
        result.wait()


@section
def handlers(x):
    def write():
        x.value = 1
        if ORDERED:
            os.kill(os.getpid(), signal.SIGUSR1)

    seen = threading.Event()

    def read(*_):
        x.value
        seen.set()

    signal.signal(signal.SIGUSR1, read)
    thread = threading.Thread(target=write)
    thread.start()
    if not ORDERED:
        read()
    while not seen.is_set():
        time.sleep(0.001)
    thread.join()


if __name__ == "__main__":
    for one in SECTIONS:
        one(mp.RawValue("i", 0))
    print(" ".join(one.__name__ for one in SECTIONS))
'''
