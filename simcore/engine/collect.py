"""Makes a trace of what a run that has ended left in its folder."""

import os
import signal
from pathlib import Path
from typing import Final

from simcore.engine.deadlock import explain
from simcore.engine.family import exists
from simcore.engine.header import completed
from simcore.engine.launch import End
from simcore.engine.merge import Merged, merge, outcome_of
from simcore.engine.run_reader import RunReader
from simcore.errors import InternalError
from simcore.trace.events import Outcome
from simcore.trace.model import Ending, Header, Scenario

_REASONS: Final = {"deadlock": Outcome.DEADLOCK, "stalled": Outcome.STALLED, "timeout": Outcome.TIMEOUT}

_LEAST_ROOM: Final = 1 << 16
"""In bytes; on less nothing can be recorded."""

_UNHEARD_FLAGS: Final = {"I": "ignores PYTHONPATH", "E": "ignores PYTHONPATH", "S": "loads no site"}
"""Flags of Python under which it never comes to load the runtime."""


def collect(
    reader: RunReader, header: Header, end: End, cut_off: str | None = None, *, keep_source: bool = True, follows: bool = False
) -> Merged:
    """The trace of a run that has ended, not saved yet.

    `cut_off` says why it has only a prefix of what happened, when that is known; else it is told from how the program ended.

    Raises: InternalError when nothing was recorded, or when the recorded order contradicts itself.
    """
    if not reader.exists() or not reader.refresh_definitions().actors:
        raise _nothing_recorded(header.scenario, end.exit_code, reader.folder)
    if reader.definitions.detached:
        reader.refresh_records()
        reader.cut_at_loss()
    header = completed(header, reader.definitions.process, end.started_ns or header.start_ns)
    outcome = _REASONS.get(end.reason, outcome_of(end.exit_code))
    ending = Ending(outcome=outcome, exit_code=end.exit_code, duration_ns=end.ended_ns - end.started_ns)
    merged = merge(reader, header, ending, keep_source=keep_source, follows=follows)
    if cut_off is None:
        cut_off = "" if end.reason else _cut_off(merged, end.exit_code)
    ending.cut_off = ending.cut_off or cut_off
    explain(merged.trace)
    return merged


def _cut_off(merged: Merged, exit_code: int) -> str:
    """Why a program that ended by itself did not come to record its end, or ''."""
    if merged.trace.has_end:
        return ""
    if exit_code < 0:
        return f"the program was killed by {signal_name(-exit_code)}"
    if exists(merged.trace.header.pid):
        return "the recorded process still ran when its command had ended"
    return "the recorded process ended without its last event: it was killed, or replaced by another program"


def signal_name(number: int) -> str:
    """`SIGKILL`, or `signal 34` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_full(folder: Path) -> bool:
    """Whether there is no room for what a recorder needs before its first event."""
    try:
        room = os.statvfs(folder)
    except (OSError, AttributeError):
        return False
    return room.f_bavail * room.f_frsize < _LEAST_ROOM


def _nothing_recorded(scenario: Scenario, exit_code: int, folder: Path) -> InternalError:
    words = scenario.argv if scenario.target == "command" else (scenario.name,)
    shown = " ".join(words)
    how = f"exit code {exit_code}" if exit_code >= 0 else f"killed by {signal_name(-exit_code)}"
    if _is_full(folder):
        return InternalError(
            f"nothing was recorded: the disk of {folder.parent} is full ({how})",
            "make room there, or name a place with -o",
        )
    for flag, what in _python_flags(words):
        return InternalError(
            f"nothing was recorded: Python under -{flag} {what}, and {shown!r} started it so ({how})",
            f"leave out -{flag}: the runtime is loaded by site, from PYTHONPATH",
        )
    if exit_code < 0:
        return InternalError(
            f"nothing was recorded: {shown!r} was killed by {signal_name(-exit_code)} before it came to record anything",
            "is it Python that runs there? record it again",
        )
    return InternalError(
        f"nothing was recorded: {shown!r} started no Python that can be recorded (exit code {exit_code})",
        "simcore records CPython 3.11 to 3.13 that reads PYTHONPATH and loads site: not under -I, -E or -S",
    )


def _python_flags(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Those of the flags that the words give to a Python, each with what it does."""
    if not Path(words[0]).name.startswith(("python", "pypy")):
        return []
    found = []
    for option in words[1:]:
        if not option.startswith("-") or option.startswith(("--", "-X", "-W")):
            break
        found += [(flag, what) for flag, what in _UNHEARD_FLAGS.items() if flag in option.partition("c")[0].partition("m")[0]]
        if option.endswith(("c", "m")):
            break
    return found
