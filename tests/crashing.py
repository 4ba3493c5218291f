"""Programs that say when they have begun, and a simcore that can be killed beside them."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SIMCORE = [sys.executable, "-m", "simcore.cli"]

BORN = """
import os
try:
    born = os.open("born", os.O_WRONLY | os.O_NONBLOCK)
except OSError:
    born = os.open(os.devnull, os.O_WRONLY)
os.write(born, b"%d\\n" % os.getpid())
"""
"""A program's first lines: its number goes into the pipe `born`, unless nobody listens."""


class Pipe:
    """A named pipe that we keep open at both ends: reading waits for the program, and the program never waits for us."""

    def __init__(self, name: str) -> None:
        os.mkfifo(name)
        self._descriptor = os.open(name, os.O_RDWR)
        self._rest = b""

    def line(self) -> str:
        """The next line; waits for it, but not for ever: the program may have failed."""
        while b"\n" not in self._rest:
            assert select.select([self._descriptor], [], [], 60)[0], "the program says nothing"
            self._rest += os.read(self._descriptor, 4096)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def write(self, text: str) -> None:
        """Something for the program to read."""
        os.write(self._descriptor, text.encode())

    def close(self) -> None:
        """Nobody needs it any more."""
        os.close(self._descriptor)


def wait_for_end(pid: int) -> None:
    """Return when that process has ended, whose child it may be."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([watched], [], [])
    os.close(watched)


@contextmanager
def controller(*words: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A `simcore record` in a process and a process group of its own."""
    process = subprocess.Popen(
        [*SIMCORE, "record", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
