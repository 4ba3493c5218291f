"""One simcore command in a process of its own; its words are TALK ALIVE VERB ...

What simcore itself has to say goes to the descriptor TALK: it must not be mixed with what the recorded program writes to stderr.
ALIVE is the end of a pipe whose other end the notebook's kernel has: when it is closed the kernel is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final

from simcore.engine.family import kill_group
from simcore.errors import ExitCode

_PATIENCE_S: Final = 2.0
_SAVING_S: Final = 60.0
"""So long it may take, once the program has ended, to save the trace."""

PROGRESS: Final = "\x1e"
"""What a line begins with that says how far the command is."""


def main() -> int:
    """Run the command; its exit code."""
    talk, alive = int(sys.argv[1]), int(sys.argv[2])
    for descriptor in (talk, alive):
        os.set_inheritable(descriptor, False)  # the program must not hold it open
    threading.Thread(target=_end_with_kernel, args=(alive, talk), daemon=True).start()
    sys.stderr = os.fdopen(talk, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    # The program finds the modules that lie beside the notebook, and what it prints is not held back.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))
    os.environ["PYTHONUNBUFFERED"] = "1"
    from simcore.cli import main as simcore
    from simcore.cli.progress import watch

    watch(lambda line: sys.stderr.write(f"{PROGRESS}{line}\n"))
    # While a program runs it is told; outside of that nothing is to be ended but by us: what was recorded has to be saved.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return simcore(sys.argv[3:])
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _end_with_kernel(alive: int, talk: int) -> None:
    """End the program, and all that it has started, when the kernel is gone: nobody else would."""
    os.read(alive, 1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2, talk):
        os.dup2(nowhere, descriptor, inheritable=False)  # nobody reads these pipes any more, and what is recorded has to be saved
    late = time.monotonic() + _SAVING_S
    while time.monotonic() < late:
        os.killpg(os.getpgrp(), signal.SIGTERM)
        time.sleep(_PATIENCE_S)
        kill_group(os.getpgrp())
    os._exit(ExitCode.INTERRUPTED)
