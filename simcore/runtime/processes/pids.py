"""Pids in replay: the program is told those of the recording, and what it does to them is done to the processes in their place.

All processes of a replay share one table, a file in the run's folder to which each appends when it learns of a process.
"""

import os

from simcore.runtime import originals

real_of: dict[int, int] = {}
told_of: dict[int, int] = {}
table = ""
"""The file; empty while recording, when pids are what they are."""


def learn(told: int, real: int) -> None:
    """Remember that the process `real` is `told` to the program."""
    if not table or real_of.get(told) == real:
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


def _read() -> None:
    try:
        with open(table, encoding="ascii") as file:
            for line in file:
                first, _, second = line.partition(" ")
                if second.endswith("\n"):
                    real_of[int(first)] = int(second)
                    told_of[int(second)] = int(first)
    except OSError:
        pass  # nobody has told anybody anything yet
