"""A child forked while another thread holds a lock: the copy of that lock is locked, and nobody is there to release it."""

import multiprocessing
import threading

from simcore.api import pattern

log_lock = threading.Lock()
"""A lock at module level: a forked child has a copy of it as it was, any other makes one of its own."""


def write_log(line: str) -> None:
    """Print a line under the lock."""
    with log_lock:
        print(line, flush=True)


def hold(held: threading.Event, forked: threading.Event) -> None:
    """Be in the middle of something, with the lock in hand, while a process is started."""
    with log_lock:
        held.set()
        forked.wait()


@pattern(
    section="beyond",
    title="a process is forked while a thread holds a lock",
    title_ja="ロック保持中のfork",
    expect=lambda fixed, start_method: {"ok"} if fixed or start_method != "fork" else {"deadlock"},
    start_methods=["fork", "spawn", "forkserver"],
)
def fork_while_locked(fixed: bool = False) -> None:
    """`fork` copies the memory, locks as they are among it, but only the thread that calls it.

    Look at `log_lock@main.1`, the child's copy: it was copied while `holder` had it, and that thread is not in the child, so the
    child waits for ever for a release that happens in its parent only. Under spawn and forkserver the child imports the module
    anew and has a lock that nobody holds. With `fixed` the process is started before the thread. Any lock can be the one:
    that of a logger, of a queue, of a library that you did not write.
    """
    held, forked = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold, args=(held, forked), name="holder")
    child = multiprocessing.Process(target=write_log, args=("the child has the lock",), name="child")
    if fixed:
        child.start()
    holder.start()
    held.wait()
    if not fixed:
        child.start()
    forked.set()
    holder.join()
    child.join()
    assert child.exitcode == 0, f"the child ended with {child.exitcode}"
    write_log("so has the parent")
