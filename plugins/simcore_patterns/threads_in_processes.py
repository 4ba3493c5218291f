"""Processes that each run threads: two kinds of lock for two kinds of neighbour."""

import multiprocessing
import threading
from typing import Any

from simcore.api import pattern


def count(own: list[int], own_lock: threading.Lock, total: Any, rounds: int) -> None:
    """Count for this process under its lock, and for all under the one that is shared."""
    for _ in range(rounds):
        with own_lock:
            own[0] += 1
        with total.get_lock():
            total.value += 1


def run_threads(total: Any, threads: int, rounds: int) -> None:
    """Start the threads of one process and wait for them."""
    own, own_lock = [0], threading.Lock()
    started = [
        threading.Thread(target=count, args=(own, own_lock, total, rounds), name=f"thread-{n + 1}") for n in range(threads)
    ]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert own[0] == threads * rounds, f"this process counted {own[0]}"
    print(f"{multiprocessing.current_process().name} counted {own[0]}\n", end="", flush=True)


@pattern(
    section="2",
    title="processes that each run threads",
    title_ja="複数プロセスで複数スレッド（非推奨）",
    start_methods=["fork", "spawn", "forkserver"],
)
def threads_in_processes(workers: int = 2, threads: int = 2, rounds: int = 5) -> None:
    """Each process has threads of its own, a GIL of its own and locks of its own.

    Look at the lanes, grouped by process: `own_lock` is one object in each process, and only threads of that process hand it to
    each other; `total` has a lock that all processes share. A threading.Lock keeps no other process out, whatever it guards.
    The combination is advised against for one order of things: a process that is forked while its parent runs threads has their
    locks as they were and none of the threads (see fork-while-locked). Here processes come first and threads after, in each.
    """
    total: Any = multiprocessing.Value("i", 0)
    processes = [
        multiprocessing.Process(target=run_threads, args=(total, threads, rounds), name=f"process-{n + 1}")
        for n in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * workers
    assert total.value == workers * threads * rounds, f"{total.value} counted"
    print(f"{workers} processes with {threads} threads each counted {total.value}")
