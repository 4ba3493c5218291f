"""Programs whose threads and processes share values: ordered by one primitive after the other, or, told `racy`, by none of them.

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

PROCESSES = """\
import multiprocessing as mp
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Client, Listener, wait

ORDERED, METHOD, WANTED = sys.argv[1] == "ordered", sys.argv[2], sys.argv[3:]
ctx = mp.get_context(METHOD)
SECTIONS = []


def section(function):
    SECTIONS.append(function)
    return function


def both(first, second, *arguments):
    processes = [ctx.Process(target=target, args=arguments) for target in (first, second)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def write_it(x):
    x.value = 1


def read_it(x):
    return x.value


@section
def starting(x):
    process = ctx.Process(target=read_it, args=(x,))
    if ORDERED:
        x.value = 1
    process.start()
    if not ORDERED:
        x.value = 1
    process.join()


@section
def joining(x):
    process = ctx.Process(target=write_it, args=(x,))
    process.start()
    if ORDERED:
        process.join()
    x.value
    process.join()


@section
def asking_exit_code(x):
    process = ctx.Process(target=write_it, args=(x,))
    process.start()
    while ORDERED and process.exitcode is None:
        time.sleep(0.001)
    x.value
    process.join()


@section
def sentinels(x):
    process = ctx.Process(target=write_it, args=(x,))
    process.start()
    if ORDERED:
        wait([process.sentinel])
    x.value
    process.join()


def add(x, lock):
    for _ in range(5):
        if ORDERED:
            with lock:
                x.value += 1
        else:
            x.value += 1


@section
def locking(x):
    both(add, add, x, ctx.Lock())


@section
def locking_twice(x):
    both(add, add, x, ctx.RLock())


def write_and_release(x, places):
    x.value = 1
    places.release()


def acquire_and_read(x, places):
    if ORDERED:
        places.acquire()
    x.value


@section
def semaphores(x):
    both(write_and_release, acquire_and_read, x, ctx.Semaphore(0))


def write_and_set(x, event):
    x.value = 1
    event.set()


def wait_and_read(x, event):
    if ORDERED:
        event.wait()
    x.value


@section
def events(x):
    both(write_and_set, wait_and_read, x, ctx.Event())


def ask_and_read(x, event):
    while ORDERED and not event.is_set():
        time.sleep(0.001)
    x.value


@section
def asking_set(x):
    both(write_and_set, ask_and_read, x, ctx.Event())


def write_and_meet(x, barrier):
    x.value = 1
    if ORDERED:
        barrier.wait()


def meet_and_read(x, barrier):
    if ORDERED:
        barrier.wait()
    x.value


@section
def barriers(x):
    both(write_and_meet, meet_and_read, x, ctx.Barrier(2))


def write_and_notify(x, condition, ready):
    x.value = 1
    if ORDERED:
        with condition:
            ready.value = 1
            condition.notify()


def wait_notified(x, condition, ready):
    if ORDERED:
        with condition:
            while not ready.value:
                condition.wait()
    x.value


@section
def conditions(x):
    both(write_and_notify, wait_notified, x, ctx.Condition(), ctx.Value("i", 0))


def write_and_put(x, jobs):
    x.value = 1
    jobs.put("done")


def get_and_read(x, jobs):
    if ORDERED:
        jobs.get()
    x.value


@section
def queues(x):
    jobs = ctx.Queue()
    both(write_and_put, get_and_read, x, jobs)
    if not ORDERED:
        jobs.get()


@section
def simple_queues(x):
    both(write_and_put, get_and_read, x, ctx.SimpleQueue())


def do_task(x, jobs):
    jobs.get()
    x.value = 1
    jobs.task_done()


@section
def queues_joined(x):
    jobs = ctx.JoinableQueue()
    jobs.put(1)
    process = ctx.Process(target=do_task, args=(x, jobs))
    process.start()
    if ORDERED:
        jobs.join()
    x.value
    process.join()


def write_and_send(x, here, there):
    x.value = 1
    here.send("go")


def receive_and_read(x, here, there):
    if ORDERED:
        there.recv()
    x.value


@section
def pipes(x):
    both(write_and_send, receive_and_read, x, *ctx.Pipe())


def write_and_close(x, end):
    x.value = 1
    end.close()


@section
def ends_of_file(x):
    here, there = ctx.Pipe(duplex=False)
    process = ctx.Process(target=write_and_close, args=(x, there))
    process.start()
    there.close()
    if ORDERED:
        try:
            here.recv()
        except EOFError:
            pass
    x.value
    process.join()


def write_and_answer(x, address):
    x.value = 1
    with Client(address) as client:
        client.send("go")


@section
def listeners(x):
    with Listener(None, "AF_UNIX") as listener:
        process = ctx.Process(target=write_and_answer, args=(x, listener.address))
        process.start()
        if not ORDERED:
            x.value
        with listener.accept() as connection:
            connection.recv()
            x.value
    process.join()


KEPT = []


def keep(x):
    KEPT.append(x)


def write_kept():
    KEPT[0].value = 1


def read_kept():
    return KEPT[0].value


@section
def pools(x):
    with ctx.Pool(1, keep, (x,)) as pool:
        if ORDERED:
            pool.apply(write_kept)
        result = pool.apply_async(write_kept)
        if ORDERED:
            result.get()
        x.value
        result.wait()
        if ORDERED:
            x.value = 4
        result = pool.apply_async(read_kept)
        if not ORDERED:
            x.value = 5
        result.wait()
        pool.close()
        pool.join()
    x.value


@section
def executors(x):
    with ProcessPoolExecutor(1, mp_context=ctx, initializer=keep, initargs=(x,)) as pool:
        future = pool.submit(write_kept)
        if ORDERED:
            future.result()
        x.value
    x.value


def handle(x, ready):
    seen = threading.Event()

    def read(*_):
        x.value
        seen.set()

    signal.signal(signal.SIGUSR1, read)
    ready.release()
    while not seen.is_set():
        time.sleep(0.001)


@section
def signals(x):
    ready = ctx.Semaphore(0)
    process = ctx.Process(target=handle, args=(x, ready))
    process.start()
    ready.acquire()
    if ORDERED:
        x.value = 1
    os.kill(process.pid, signal.SIGUSR1)
    if not ORDERED:
        x.value = 1
    process.join()


@section
def forks(x):
    pid = os.fork()
    if not pid:
        x.value = 1
        os._exit(0)
    if ORDERED:
        os.waitpid(pid, 0)
    x.value
    if not ORDERED:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    wanted = [one for one in SECTIONS if not WANTED or one.__name__ in WANTED]
    for one in wanted:
        one(ctx.RawValue("i", 0))
    print(" ".join(one.__name__ for one in wanted))
"""
