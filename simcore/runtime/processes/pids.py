"""Pids in replay: the program is told those of the recording, and what it does to them is done to the processes in their place.

All processes of a replay share one table, a file in the run's folder to which each appends when it learns of a process.
"""

import os
import signal
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.order import ORDER_EVENT
from simcore.trace.events import Kind

real_of: dict[int, int] = {}
told_of: dict[int, int] = {}
table = ""
"""The file; empty while recording, when pids are what they are."""

_recorded: dict[int, str] | None = None


def learn(told: int, real: int) -> None:
    """Remember that the process `real` is `told` to the program.

    Who is past the last event of his recording is told the real pids, and must not have the others forget what they were told.
    """
    if not table or told == real or real_of.get(told) == real:
        return
    real_of[told] = real
    told_of[real] = told
    number = os.open(table, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, f"{told} {real}\n".encode())
    finally:
        os.close(number)


def real(told: int) -> int:
    """The process behind a pid that the program has; one that nobody told it is that process."""
    known = real_of.get(told)
    if known is None and table:
        _read()
        known = real_of.get(told)
    return told if known is None else known


def told(real: int) -> int:
    """The pid that the program knows a process by."""
    known = told_of.get(real)
    if known is None and table:
        _read()
        known = told_of.get(real)
    return real if known is None else known


def is_recorded(told: int) -> bool:
    """In replay: whether the process with this pid was recorded itself; the shell that started it was not."""
    return told in _mains()


def reaches(told: int, number: int) -> bool:
    """In replay: whether a signal is sent to this process: not to one that was recorded, unless it has handled this signal."""
    main = _mains().get(told)
    if main is None:
        return True
    follow: Any = gate.current
    handler = f"!{signal.Signals(number).name}" if number in signal.Signals.__members__.values() else f"!SIG{number}"
    return any(name.startswith(f"{main}!") and name.endswith(handler) for name in follow.names)


def _mains() -> dict[int, str]:
    """The main actors of the recorded processes by the pids that the program was told."""
    global _recorded
    follow: Any = gate.current
    if _recorded is None:
        _recorded = {follow.pids[0]: "main"}
        for index, name in enumerate(follow.names):
            events = follow.events_of(index)
            if len(events):
                value, _, _, _, _, kind, _ = ORDER_EVENT.unpack_from(events)
                if kind == Kind.BEGIN and value:
                    _recorded[value] = name
    return _recorded


def _read() -> None:
    try:
        with open(table, encoding="utf-8") as file:
            for line in file:
                first, _, second = line.partition(" ")
                if second.endswith("\n"):
                    real_of[int(first)] = int(second)
                    told_of[int(second)] = int(first)
    except OSError:
        pass  # nobody has told anybody anything yet
