"""One at a time among all threads of all processes of a recording, by number: makes [stamp + send] one step for a pipe's end.

A lock that outlived its process would stop the others for ever, so these are the kernel's locks on the bytes of one file, one
byte per number, given back when their process ends. A thread lock stands in front, since such a lock does not know threads.
"""

import fcntl
import os
from struct import Struct
from types import TracebackType
from typing import Final

from simcore.runtime import originals
from simcore.runtime.processes import birth

_FLOCK: Final = Struct("@hhqqi4x")
"""`struct flock`: kind of lock, whence, start, length, pid."""

_WAIT: Final = getattr(fcntl, "F_OFD_SETLKW", None)
"""Locks of an open file, which only Linux has. Those of a process, which all have, see deadlocks where there are none."""

_number = -1
_identity = (0, 0)
_blocks: "dict[int, OneAtATime]" = {}


def _descriptor() -> int:
    """The file's descriptor, opened anew when the program has closed it: a daemon closes all that it does not know."""
    global _number, _identity
    try:
        stat = os.fstat(_number)
        if (stat.st_dev, stat.st_ino) == _identity:
            return _number
    except OSError:
        pass
    _number = os.open(f"{birth.folder}/ends", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    stat = os.fstat(_number)
    _identity = (stat.st_dev, stat.st_ino)
    return _number


class OneAtATime:
    """A `with` block that nobody else is in for the same number. It may be entered again within itself, as by a handler."""

    __slots__ = ("_depth", "_file", "_front", "_lock", "_place", "_unlock")

    def __init__(self, number: int) -> None:
        self._place = number
        self._lock = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
        self._unlock = _FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, number, 1, 0)
        self._front = originals.RLock()
        self._depth = 0  # read and written, as is the file's descriptor, by who has the lock in front
        self._file = -1

    def __enter__(self) -> None:
        self._front.acquire()
        try:
            if not self._depth:
                self._file = _descriptor()
                if _WAIT is None:
                    fcntl.lockf(self._file, fcntl.LOCK_EX, 1, self._place)
                else:
                    fcntl.fcntl(self._file, _WAIT, self._lock)
            self._depth += 1
        except BaseException:
            self._front.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._depth -= 1
            if not self._depth:
                self._give_back()
        finally:
            self._front.release()

    def _give_back(self) -> None:
        try:
            if _WAIT is None:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, self._place)
            else:
                fcntl.fcntl(self._file, _WAIT, self._unlock)
        except OSError:
            pass  # the program has closed the file, and given the lock back by that


def one_at_a_time(number: int) -> OneAtATime:
    """The block for this number, one and the same in the whole process."""
    return _blocks.get(number) or _blocks.setdefault(number, OneAtATime(number))


def _forget() -> None:
    """This is a forked child: the open file is its parent's, and so would be its locks."""
    global _number
    _blocks.clear()
    number, _number = _number, -1
    if number >= 0:
        try:
            stat = os.fstat(number)
            if (stat.st_dev, stat.st_ino) == _identity:
                os.close(number)
        except OSError:
            pass  # the program has closed it


os.register_at_fork(after_in_child=_forget)
