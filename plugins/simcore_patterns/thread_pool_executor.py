"""A pool of threads that squares numbers, and the ways to wait for its results."""

import threading
import time
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, ThreadPoolExecutor, as_completed, wait

from simcore.api import pattern


def square(number: int, pause_s: float) -> int:
    """The square, after a pause; refuses negative numbers."""
    time.sleep(pause_s)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * number


def held_back(gate: threading.Event) -> int:
    """Nothing, once the gate is open."""
    gate.wait()
    return 0


@pattern(section="repo", title="submit, map, as_completed, wait; an exception nobody asks for", title_ja="ThreadPoolExecutor")
def thread_pool_executor(workers: int = 3, tasks: int = 12, pause_s: float = 0.001) -> None:
    """A few threads share many tasks; each result comes as a future.

    Look at which worker took which task, and at the difference between `map`, whose results keep the order of the tasks, and
    `as_completed`, whose results come as they are ready. `wait` returns at the first result, at the first exception, or when
    all is done. The exception of `forgotten` shows nowhere: a future keeps it until somebody asks, and nobody does.
    """
    expected = [number * number for number in range(tasks)]
    with ThreadPoolExecutor(workers, thread_name_prefix="pool") as pool:
        assert list(pool.map(square, range(tasks), [pause_s] * tasks)) == expected

        futures = {pool.submit(square, number, pause_s): number for number in range(tasks)}
        order = [futures[future] for future in as_completed(futures)]
        assert sorted(order) == list(range(tasks))
        print(f"tasks as they were completed: {order}")

        open_gate = threading.Event()
        quick = pool.submit(square, 2, 0)
        wrong = pool.submit(square, -1, 0)
        slow = pool.submit(held_back, open_gate)
        assert slow in wait([quick, slow], return_when=FIRST_COMPLETED).not_done
        assert slow in wait([wrong, slow], return_when=FIRST_EXCEPTION).not_done
        open_gate.set()
        assert not wait([quick, wrong, slow], return_when=ALL_COMPLETED).not_done

        forgotten = pool.submit(square, -2, 0)
        try:
            wrong.result()
            raise AssertionError("the error of a task went lost")
        except ValueError as error:
            print(f"asked for, the error comes out: {error}")
    assert quick.result() == 4
    assert forgotten.done(), "the end of the with block waits for every task"
    print("nobody asked `forgotten`, so nobody learns that it failed")
