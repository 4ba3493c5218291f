"""A list in shared memory, filled by two processes, and a manager that clears up."""

from multiprocessing import Process
from multiprocessing.managers import SharedMemoryManager
from multiprocessing.shared_memory import ShareableList
from typing import Any

from simcore.api import pattern


def fill(squares: Any, start: int, end: int) -> None:
    """Put the squares into one's own part of the list."""
    for number in range(start, end):
        squares[number] = number * number
    squares.shm.close()


@pattern(
    section="2-3-4",
    title="a ShareableList filled by two processes in halves",
    title_ja="共有メモリマネージャー（SharedMemoryManager）",
    start_methods=["fork", "spawn", "forkserver"],
)
def shared_memory_manager(items: int = 8) -> None:
    """A SharedMemoryManager makes blocks of shared memory and unlinks all of them at its end.

    Look at how little there is between the processes: the manager is a process that is asked to make the list, but, unlike the
    list of a plain Manager, reading and writing it is no message to anyone. It is plain memory, so it is fast, is no event, and
    nobody guards it: the two processes keep to halves of their own, and main reads after both have ended. What a place holds may
    change, its type's size may not: a longer text than the first one raises ValueError.
    """
    with SharedMemoryManager() as manager:
        squares: Any = manager.ShareableList([0] * items)
        name, middle = squares.shm.name, items // 2
        halves = [(0, middle), (middle, items)]
        fillers = [Process(target=fill, args=(squares, *half), name=f"filler-{n}") for n, half in enumerate(halves, 1)]
        for filler in fillers:
            filler.start()
        for filler in fillers:
            filler.join()
        assert [filler.exitcode for filler in fillers] == [0, 0]
        assert list(squares) == [number * number for number in range(items)], f"the list is {list(squares)}"
        print(f"two processes filled {list(squares)}")
        squares.shm.close()
    try:
        ShareableList(name=name)
        raise AssertionError("the list is still there")
    except FileNotFoundError:
        print("the manager has ended, and the memory is gone")
