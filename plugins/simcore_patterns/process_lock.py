"""Ten processes, one output, and a lock that only one of them holds at a time."""

import multiprocessing
import sys
import time
from multiprocessing.synchronize import Lock
from typing import Any, Literal

from simcore.api import pattern

Where = Literal["argument", "module"]
module_lock: Lock | None = None


def lock_of_module() -> Lock:
    """The lock of this module, made when it is first asked for: a forked child has its parent's, any other makes its own."""
    global module_lock
    if module_lock is None:
        module_lock = multiprocessing.Lock()
    return module_lock


def report(lock: Lock | None, alone: Lock, rounds: int, pause_s: float, witness: str, intruder: Any) -> None:
    """Print a line so many times under the lock; ends with 1 where somebody else is there, too."""
    output_lock = lock or lock_of_module()
    name = multiprocessing.current_process().name
    for number in range(rounds):
        with output_lock:
            if not alone.acquire(block=False):
                intruder.set()
                sys.exit(1)
            print(f"{name} has the output for the {number + 1}. time\n", end="", flush=True)
            if witness:
                with open(witness, "a") as file:
                    print(name, number, file=file)
            intruder.wait() if intruder else time.sleep(pause_s)
            alone.release()


@pattern(
    section="2-3-5",
    title="ten processes, one lock around the output",
    title_ja="Mutexによるプロセスのロック",
    start_methods=["fork", "spawn", "forkserver"],
    expect=lambda lock, start_method: {"ok"} if lock == "argument" or start_method == "fork" else {"failed"},
)
def process_lock(workers: int = 10, rounds: int = 2, pause_s: float = 0.001, lock: Where = "argument", witness: str = "") -> None:
    """Ten processes print, each line under one lock.

    Look at the hand-offs of `output_lock` between processes. It is passed as an argument, so all have the same one whatever the
    start method. With lock=module each takes the lock of its module: under fork that is its parent's, under spawn and forkserver
    each has one of its own, which keeps nobody out: the first one there waits inside until that shows. `witness` names a file
    that lists the lines.
    """
    assert workers > 1 or lock == "argument", "one alone meets nobody"
    alone = multiprocessing.Lock()
    output_lock = multiprocessing.Lock() if lock == "argument" else None
    lock_of_module()
    intruder = multiprocessing.Event() if lock == "module" and multiprocessing.get_start_method() != "fork" else None
    arguments = (output_lock, alone, rounds, pause_s, witness, intruder)
    processes = [multiprocessing.Process(target=report, args=arguments, name=f"printer-{n + 1}") for n in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    met = [process.name for process in processes if process.exitcode]
    assert not met, f"these were not alone under the lock: {', '.join(met)}"
