"""What the tests of the command line run: a plugin, programs, simcore in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import simcore

ROOT = Path(simcore.__file__).parent.parent


PLUGIN = '''
import threading
from simcore.api import pattern

@pattern(section="1", title="threads take turns")
def turns(workers: int = 2, rounds: int = 5, broken: bool = False):
    """Threads take turns.

    Look at the lock.
    """
    lock = threading.Lock()
    def work():
        for _ in range(rounds):
            with lock:
                pass
        print("done\\n", end="")
    threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken, "it is broken"

@pattern(section="1", title="never ends", expect={"deadlock"})
def stuck():
    """One thread takes a lock twice."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
'''


PROGRAM = """
import sys, threading

lock = threading.Lock()

def work(n):
    with lock:
        print("worker", n, sys.argv[1:])

threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if "--exit" in sys.argv:
    sys.exit(7)
if "--raise" in sys.argv:
    raise ValueError("on purpose")
if "--hang" in sys.argv:
    lock.acquire()
    lock.acquire()
"""


FAILS_LATE = """
import pathlib
count = pathlib.Path("count")
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
print("run", number)
assert number < 3, f"run {number} failed"
"""


Run = Callable[..., tuple[int, str, str]]


def outside(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "SIMCORE_PLUGINS")
    }
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]), "COLUMNS": "80"}
    environment |= options.pop("env", {})  # type: ignore[arg-type]
    command = [sys.executable, "-m", "simcore.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]
