"""Signals that reach the controller while a program runs: they are the program's affair, so it is told and waited for."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from simcore.engine.family import kill_family

_PASSED: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

_BY_ITSELF_NS: Final = 1_000_000_000
"""How long a signal is held back: one that was sent to the whole process group reaches the program by itself."""

_PATIENCE: Final = 3
"""The signal of this number ends a program that does not obey."""


_so_far = 0


def signals_so_far() -> int:
    """How many signals reached us during runs: who makes many runs, of which each may be over before one is passed on, asks."""
    return _so_far


class Passing:
    """While this is entered, signals to us are noted, and passed on to `process` by `pass_on`.

    A program must not get one Ctrl-C twice, for the second would interrupt its cleaning up. Who else got a signal cannot be
    asked, so it is passed on only when the program has neither ended nor, says `has_heard(signal, since_ns)`, handled it shortly
    after.
    """

    def __init__(self, has_heard: Callable[[int, int], bool] | None = None) -> None:
        self.got = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._has_heard = has_heard
        self._count = 0
        self._waiting: list[tuple[int, int]] = []  # signal, when
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> "Passing":
        if threading.current_thread() is threading.main_thread():
            for number in _PASSED:
                if signal.getsignal(number) is not signal.SIG_IGN:  # else ignored by the program, too, as under nohup
                    self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        global _so_far
        self.got = number
        self._count += 1
        _so_far += 1
        self._waiting.append((number, time.monotonic_ns()))

    def pass_on(self) -> None:
        """Pass on what has waited long enough; at the third signal end the program."""
        process = self.process
        if process is None or not self._waiting:
            return
        if self._count >= _PATIENCE:
            self._waiting.clear()
            kill_family(process.pid)
            return
        now = time.monotonic_ns()
        waiting, self._waiting = self._waiting, []
        for number, since in waiting:
            if self._has_heard is not None and self._has_heard(number, since):
                continue
            if now - since < _BY_ITSELF_NS:
                self._waiting.append((number, since))
            else:
                process.send_signal(number)
