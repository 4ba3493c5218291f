"""A program whose processes share values: ordered by one primitive after the other, or, told `racy`, by none of them.

Its sections are as those of `race_threads`.
"""

from __future__ import annotations

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
