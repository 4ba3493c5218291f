"""A pool of processes that squares numbers, and the ways to hand out work and to end it."""

import time
from functools import partial
from multiprocessing import Pool, current_process

from simcore.api import pattern

last = -1
"""The number that this process squared last: every worker has its own."""


def square(number: int, pause_s: float) -> tuple[int, str]:
    """The square, and the name of the worker that found it."""
    global last
    time.sleep(pause_s)
    last = number
    return number * number, current_process().name


def refuse(number: int) -> int:
    """Nothing: an exception, which the pool brings home."""
    raise ValueError(f"{number} is refused by a worker")


@pattern(
    section="2.2",
    title="apply, apply_async, map, close, join: who took which task",
    title_ja="プロセスプール（Process Pool）",
    start_methods=["fork", "spawn", "forkserver"],
)
def process_pool(workers: int = 3, tasks: int = 9, pause_s: float = 0.001, terminate: bool = False) -> None:
    """A few processes share many tasks.

    Look at which worker took which task: they all wait at one pipe, and whoever is there first gets the next. `apply` waits for
    its result, so there one worker after the other is busy; `apply_async` only says that there is work; `map` cuts its tasks into
    pieces and puts the results in the order of the tasks. An exception of a worker comes out where its result is asked for.
    `close` takes no more work, and `join`, allowed only then, lets the workers finish; with terminate=true they are ended at
    once, whatever they are doing.
    """
    numbers = list(range(tasks))
    squares = [number * number for number in numbers]
    pool = Pool(workers)
    assert [pool.apply(square, (number, pause_s))[0] for number in numbers] == squares
    promises = [pool.apply_async(square, (number, pause_s)) for number in numbers]
    done = [promise.get() for promise in promises]
    assert [result for result, _ in done] == squares
    assert [result for result, _ in pool.map(partial(square, pause_s=pause_s), numbers, chunksize=2)] == squares
    try:
        pool.apply(refuse, (13,))
        raise AssertionError("the error of a worker got lost")
    except ValueError as error:
        print(f"asked for, the error comes out: {error}")
    if terminate:
        pool.apply_async(time.sleep, (60,))
        pool.terminate()
    else:
        pool.close()
    pool.join()
    assert last == -1, "what a worker writes into its module stays there"
    print(f"{tasks} tasks, done by {', '.join(sorted({name for _, name in done}))}")
