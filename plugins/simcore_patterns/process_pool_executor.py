"""A pool of processes behind futures, and the ways to wait for them."""

import multiprocessing
import time
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, Future, ProcessPoolExecutor, as_completed, wait
from typing import Any

from simcore.api import pattern

gate: Any = None
"""An event, the same for all workers: such things cannot be sent with a task, only given to a worker at its start."""


def prepare(given: Any) -> None:
    """Keep what a worker is given at its start."""
    global gate
    gate = given


def square(number: int, pause_s: float) -> int:
    """The square, after a pause; refuses negative numbers."""
    time.sleep(pause_s)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number


def held_back() -> bool:
    """Nothing of interest, once the gate is open."""
    return bool(gate.wait())


@pattern(
    section="repo",
    title="submit, map, as_completed, wait, with processes",
    title_ja="ProcessPoolExecutor",
    start_methods=["fork", "spawn", "forkserver"],
)
def process_pool_executor(workers: int = 2, tasks: int = 6, pause_s: float = 0.001) -> None:
    """The same futures as those of thread-pool-executor, but each task runs in another process.

    Look at the messages: a task goes to a worker as a pickle and its result comes back as one, so whatever cannot be pickled, a
    lock, a lambda, cannot go along. A thread of the executor's own does the sending and receiving. `map` keeps the order of the
    tasks, `as_completed` that of the results. The exception of `forgotten` came back, too, and shows nowhere: nobody asks.
    """
    assert workers > 1, "one worker is held back, another has to work meanwhile"
    opened = multiprocessing.Event()
    with ProcessPoolExecutor(workers, initializer=prepare, initargs=(opened,)) as pool:
        squares = [number * number for number in range(tasks)]
        assert list(pool.map(square, range(tasks), [pause_s] * tasks, chunksize=2)) == squares
        futures = {pool.submit(square, number, pause_s): number for number in range(tasks)}
        order = [futures[future] for future in as_completed(futures)]
        assert sorted(order) == list(range(tasks))
        slow: Future[Any] = pool.submit(held_back)
        quick, wrong = (pool.submit(square, number, 0) for number in (2, -1))
        assert slow in wait([quick, slow], return_when=FIRST_COMPLETED).not_done
        assert slow in wait([wrong, slow], return_when=FIRST_EXCEPTION).not_done
        opened.set()
        assert not wait([quick, wrong, slow], return_when=ALL_COMPLETED).not_done
        forgotten = pool.submit(square, -2, 0)
        print(f"asked for, the error comes out: {wrong.exception()}")
    assert isinstance(wrong.exception(), ValueError)
    assert forgotten.done(), "the end of the with block waits for every task"
