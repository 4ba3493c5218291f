"""A number and an array in memory that processes share, and the updates that get lost."""

import multiprocessing
from typing import Any, Literal

from simcore.api import pattern


def add(counter: Any, shares: Any, number: int, rounds: int, all_have_read: Any) -> None:
    """Count so many times, and write into one's own place of the array how often that was."""
    for done in range(rounds):
        if all_have_read is None:
            with counter.get_lock():
                counter.value += 1
        else:
            seen = counter.value
            if done == 0:
                all_have_read.wait()  # all but one of these updates get lost: no luck is needed
            counter.value = seen + 1
        shares[number] += 1


@pattern(
    section="2-3-3",
    title="a Value and an Array, with and without their lock",
    title_ja="共有メモリ（ValueとArray）",
    start_methods=["fork", "spawn", "forkserver"],
    expect=lambda style: {"ok"} if style == "locked" else {"failed"},
)
def shared_value_array(workers: int = 2, rounds: int = 50, style: Literal["locked", "own", "raw"] = "locked") -> None:
    """Processes count in one shared Value, and each in its own place of a shared Array.

    Look at the reads and writes of `counter`: `counter.value += 1` reads, adds, and writes, and another process may have written
    in between; its update is lost. style=raw is a Value without a lock. style=own is one with its lock, which is held for each
    read and each write, but not from the one to the other, so it loses updates all the same; a barrier in the first gap makes
    sure of it. With style=locked the whole of the `+=` stands under that lock. Nothing gets lost in `shares`, where nobody else
    writes into one's place. Both are numbers of C: a Value("i") holds 32 bits and wraps around.
    """
    assert workers > 1 or style == "locked", "one alone loses nothing"
    counter: Any = multiprocessing.Value("i", 0, lock=style != "raw")
    shares: Any = multiprocessing.Array("i", workers)
    all_have_read = None if style == "locked" else multiprocessing.Barrier(workers)
    arguments = [(counter, shares, number, rounds, all_have_read) for number in range(workers)]
    processes = [multiprocessing.Process(target=add, args=of_one, name=f"counter-{of_one[2] + 1}") for of_one in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * workers
    assert list(shares) == [rounds] * workers, f"the shares are {list(shares)}"
    lost = workers * rounds - counter.value
    print(f"{counter.value} counted, {lost} lost")
    assert lost == 0, f"{lost} of {workers * rounds} updates were lost"
