"""Ten programs of several processes, for `benchmarks.process_fidelity`: `python process_programs.py PROGRAM METHOD WITNESS`.

Each appends to a witness file what came of its races, in the order in which it came.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import Client, Listener
from typing import Any

WORKERS = 3
CALLS = 8
"""How often each client calls."""


def note(witness: str, text: object) -> None:
    """Append one line, at once."""
    file = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{text}\n".encode())
    os.close(file)


def _together(ctx: Any, target: Callable[..., None], *args: object, number: int = WORKERS) -> None:
    """Start workers, which wait for one another, and join them."""
    meet = ctx.Barrier(number)
    found = [ctx.Process(target=target, args=(meet, worker, *args)) for worker in range(number)]
    for process in found:
        process.start()
    for process in found:
        process.join()
        assert process.exitcode == 0, process.exitcode


def _take_turns(meet: Any, worker: int, lock: Any, witness: str) -> None:
    meet.wait()
    for _ in range(50):
        with lock:
            note(witness, worker)
        time.sleep(0.0002)  # else who has the lock has it again before the others wake


def locks(ctx: Any, witness: str) -> None:
    """One lock round the witness file."""
    _together(ctx, _take_turns, ctx.Lock(), witness)


def _add(meet: Any, worker: int, racy: Any, locked: Any) -> None:
    meet.wait()
    for _ in range(1000):
        racy.value += 1
        locked.value += 1


def races(ctx: Any, witness: str) -> None:
    """Counters that lose updates: without a lock, and with one that is not held across `+=`."""
    racy, locked = ctx.Value("i", 0, lock=False), ctx.Value("i", 0)
    _together(ctx, _add, racy, locked)
    note(witness, (racy.value, locked.value))


def _produce(meet: Any, worker: int, items: Any) -> None:
    meet.wait()
    for item in range(25):
        items.put((worker, item))


def queues(ctx: Any, witness: str) -> None:
    """A queue with several writers and a bound."""
    items = ctx.Queue(5)
    reader = threading.Thread(target=lambda: [note(witness, items.get()) for _ in range(25 * WORKERS)])
    reader.start()
    _together(ctx, _produce, items)
    reader.join()


def _talk(meet: Any, worker: int, ends: Any, lock: Any, witness: str) -> None:
    meet.wait()
    for number in range(25):
        with lock:
            ends[worker % 2].send((worker, number))
            if ends[1 - worker % 2].poll(0):
                note(witness, (worker, ends[1 - worker % 2].recv()))


def pipes(ctx: Any, witness: str) -> None:
    """Both ends of a pipe in several hands, with polls."""
    ends = ctx.Pipe()
    _together(ctx, _talk, ends, ctx.Lock(), witness)
    for end in ends:
        while end.poll(0):
            note(witness, end.recv())


def square(number: int) -> tuple[int, str]:
    """A task that tells who did it."""
    time.sleep(random.random() / 2000)  # else one worker may do all, or each every third
    return number * number, multiprocessing.current_process().name


def pools(ctx: Any, witness: str) -> None:
    """A pool: which worker takes which task, and in which order results come."""
    one_at_a_time = threading.Lock()  # callbacks come in a thread of the pool

    def tell(result: object) -> None:
        with one_at_a_time:
            note(witness, result)

    with ctx.Pool(WORKERS) as pool:
        later = [pool.apply_async(square, (number,), callback=tell) for number in range(12)]
        for result in pool.imap_unordered(square, range(20)):
            tell(result)
        for answer in later:
            answer.wait()
        pool.close()
        pool.join()


def _count(meet: Any, worker: int, shared: Any, names: Any, lock: Any) -> None:
    meet.wait()
    for _ in range(5):
        with lock:
            names.append(worker)
        shared[worker] = len(names)


def managers(ctx: Any, witness: str) -> None:
    """Proxies of a manager's objects."""
    with ctx.Manager() as manager:
        shared, names = manager.dict(), manager.list()
        _together(ctx, _count, shared, names, manager.Lock())
        note(witness, (sorted(shared.items()), list(names)))


def _call(meet: Any, worker: int, address: Any) -> None:
    meet.wait()
    for number in range(CALLS):
        with Client(address, authkey=b"benchmark") as line:
            line.send((worker, number))
            assert line.recv() == "heard"
        time.sleep(random.random() / 500)  # else they come round by round, in one and the same order


def listeners(ctx: Any, witness: str) -> None:
    """A server that hears one client at a time, with an authkey; by TCP each call would wait for the kernel's delayed answers."""
    with Listener(family="AF_UNIX", backlog=20, authkey=b"benchmark") as listener:

        def serve() -> None:
            for _ in range(CALLS * WORKERS):
                with listener.accept() as line:
                    note(witness, line.recv())
                    line.send("heard")

        server = threading.Thread(target=serve)
        server.start()
        _together(ctx, _call, listener.address)
        server.join()


def _work_until_killed(meet: Any, worker: int, lock: Any, count: Any) -> None:
    meet.wait()
    while True:
        with lock:
            count.value += 1


def kills(ctx: Any, witness: str) -> None:
    """Workers that are terminated and killed while they work."""
    meet, count = ctx.Barrier(WORKERS + 1), ctx.Value("i", 0)
    locks = [ctx.Lock() for _ in range(WORKERS)]  # kept: who lets go of a lock unlinks it, perhaps before its child has begun
    found = [ctx.Process(target=_work_until_killed, args=(meet, worker, lock, count)) for worker, lock in enumerate(locks)]
    for process in found:
        process.start()
    meet.wait()
    time.sleep(0.01)
    for process, end in zip(found, (found[0].terminate, found[1].kill, found[2].kill), strict=True):
        end()
        process.join()
        note(witness, process.exitcode)
    note(witness, count.get_obj().value)  # not through its lock, which may have died with its owner


def _meet(meet: Any, worker: int, event: Any, condition: Any, seats: Any, witness: str) -> None:
    own = f"{witness}-{worker}"  # with two seats nothing says who of two writes first
    meet.wait()
    for number in range(8):
        with seats:
            note(own, number)
        with condition:
            condition.notify()
            note(own, condition.wait(0.0005))
        note(own, (event.is_set(), event.wait(0.0001)))
        if worker == 0 and number == 3:
            event.set()


def waits(ctx: Any, witness: str) -> None:
    """Condition, Event and Semaphore, with timeouts."""
    _together(ctx, _meet, ctx.Event(), ctx.Condition(), ctx.BoundedSemaphore(2), witness)


def executors(ctx: Any, witness: str) -> None:
    """A ProcessPoolExecutor, its results as they come."""
    with ProcessPoolExecutor(WORKERS, mp_context=ctx) as executor:
        for future in as_completed([executor.submit(square, number) for number in range(20)]):
            note(witness, future.result())


PROGRAMS = {
    program.__name__: program for program in (locks, races, queues, pipes, pools, managers, listeners, kills, waits, executors)
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](multiprocessing.get_context(sys.argv[2]), sys.argv[3])
