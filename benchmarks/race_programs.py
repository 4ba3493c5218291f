"""Programs with data races that `race_fidelity.py` records with their accesses: `race_programs.py NAME [METHOD]`.

Each prints what came of it, which depends on the order of the accesses.
"""

import multiprocessing
import sys
import threading
from multiprocessing.shared_memory import ShareableList
from typing import Any

UPDATES, LOOKS = 10_000, 1000
stop = False


def flag(_method: str) -> None:
    """A thread goes round until another one sets a flag, which nothing synchronises."""
    global stop
    rounds = [0, 0]
    ready = threading.Barrier(3)

    def work(number: int) -> None:
        ready.wait()
        while not stop:
            rounds[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    while sum(rounds) < LOOKS:
        pass
    stop = True
    for thread in threads:
        thread.join()
    print(rounds)


def add_to_value(value: Any, ready: Any) -> None:
    """Updates of a shared value without its lock."""
    ready.wait()
    for _ in range(UPDATES):
        value.value += 1


def value(method: str) -> None:
    """Two processes, one value without a lock."""
    context: Any = multiprocessing.get_context(method)
    shared, ready = context.Value("i", 0, lock=False), context.Barrier(2)
    _run(context, add_to_value, shared, ready)
    print(shared.value)


def add_to_items(items: Any, ready: Any) -> None:
    """Updates of the items of a shared list."""
    ready.wait()
    for turn in range(UPDATES):
        items[turn % 2] += 1


def items(method: str) -> None:
    """Two processes, one list in shared memory."""
    context: Any = multiprocessing.get_context(method)
    shared = ShareableList([0, 0])
    try:
        _run(context, add_to_items, shared, context.Barrier(2))
        print(list(shared))
    finally:
        shared.shm.close()
        shared.shm.unlink()


def _run(context: Any, work: Any, shared: Any, ready: Any) -> None:
    processes = [context.Process(target=work, args=(shared, ready)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


PROGRAMS = {"flag": flag, "value": value, "items": items}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "")
