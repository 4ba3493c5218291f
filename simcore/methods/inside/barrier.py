"""Behind a barrier all children begin together, so that what is left is the program's logic and not how late each came."""

import os
import time

from simcore.methods.inside import log

_PATIENCE_S = 10.0
"""A parent that waits for one child before it starts the next would wait for ever: then the barrier is given up."""


def wait(group: int) -> None:
    """Wait until so many children are at their first line."""
    folder = f"{log.folder}/barrier"
    os.makedirs(folder, exist_ok=True)
    os.close(os.open(f"{folder}/{log.name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    broken = f"{log.folder}/broken"
    deadline = time.monotonic() + _PATIENCE_S
    while len(os.listdir(folder)) < group and not os.path.exists(broken):
        if time.monotonic() > deadline:
            os.close(os.open(broken, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            log.write("barrier given up")
            return
        time.sleep(0.001)
