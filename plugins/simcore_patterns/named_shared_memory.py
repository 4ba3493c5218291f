"""A block of memory that has a name: created by one process, found by others, and read in the middle of a write."""

import sys
from contextlib import nullcontext
from multiprocessing import Event, Lock, Process
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from simcore.api import pattern


def write(name: str, block_lock: Any, half: Any, seen: Any, pause_s: float) -> None:
    """Overwrite the block in two halves."""
    block: Any = SharedMemory(name)
    middle = block.size // 2
    with block_lock or nullcontext():
        block.buf[:middle] = b"2" * middle
        half.set()
        seen.wait(pause_s if block_lock else None)
        block.buf[middle:] = b"2" * (block.size - middle)
    block.close()


def read(name: str, block_lock: Any, half: Any, seen: Any) -> None:
    """Read the block once half of it is new; ends with 1 when what was read is neither old nor new."""
    half.wait()
    block: Any = SharedMemory(name)
    with block_lock or nullcontext():
        found = bytes(block.buf)
    seen.set()
    block.close()
    sys.exit(len(set(found)) - 1)


@pattern(
    section="2-3-3",
    title="shared memory by name: create, attach, torn reads, unlink",
    title_ja="名前付き共有メモリ（Named shared memory）",
    expect=lambda locked: {"ok"} if locked else {"failed"},
    start_methods=["fork", "spawn", "forkserver"],
)
def named_shared_memory(size: int = 4096, pause_s: float = 0.02, locked: bool = True) -> None:
    """A SharedMemory has a name, and any process that knows it can attach to the same bytes.

    Look at `half` and `seen`: the reader comes when half of the block is new. With locked=false it reads at once and finds two
    halves that were never meant to be together; with the lock it waits until the writer is through. Reads and writes of the
    bytes are plain memory: they are no events, only what orders them is. `close` is for each process, `unlink` for one: the
    memory stays, even after all have ended, until somebody has unlinked it.
    """
    block: Any = SharedMemory(create=True, size=size)
    try:
        block.buf[:] = b"1" * block.size
        block_lock = Lock() if locked else None
        half, seen = Event(), Event()
        writer = Process(target=write, args=(block.name, block_lock, half, seen, pause_s), name="writer")
        reader = Process(target=read, args=(block.name, block_lock, half, seen), name="reader")
        for process in (writer, reader):
            process.start()
        for process in (writer, reader):
            process.join()
        assert bytes(block.buf) == b"2" * block.size, "what a process wrote is there for all"
    finally:
        block.close()
        block.unlink()
    assert writer.exitcode == 0, f"the writer ended with {writer.exitcode}"
    assert reader.exitcode == 0, "the reader found one half old and one half new"
