"""Ends a process with all that it has started: what simcore ends must not leave anything behind."""

import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_ROUNDS: Final = 20

_PATIENCE_S: Final = 5.0
"""A killed process that hangs in the kernel (a dead network disk) is not waited for any longer."""


def kill_family(pid: int) -> None:
    """Send SIGKILL to a process and its descendants, and wait until they have ended.

    They are stopped first, so that none can start another one meanwhile. A descendant whose parent has ended is nobody's any
    more and stays, and so does everyone where there is no /proc.
    """
    family = [pid]
    _send(pid, signal.SIGSTOP)
    for _ in range(_ROUNDS):
        fresh = [child for child, parent in _parents().items() if parent in family and child not in family]
        if not fresh:
            break
        for child in fresh:
            _send(child, signal.SIGSTOP)
        family += fresh
    watched = [fd for fd in map(watch, family) if fd >= 0]
    for member in family:
        if not _tidies_up(member):
            _send(member, signal.SIGKILL)
    _wait_for(watched)


def kill_group(group: int) -> None:
    """Send SIGKILL to what is left of a process group, and wait until it has ended; nothing happens where there is no /proc."""
    watched = []
    for member, (_, home) in _kin().items():
        if home == group and member != os.getpid() and not _tidies_up(member):
            watched.append(watch(member))
            _send(member, signal.SIGKILL)
    _wait_for(fd for fd in watched if fd >= 0)


def _tidies_up(pid: int) -> bool:
    """Whether this is the tracker that unlinks what `multiprocessing` leaves behind: it ends by itself when all others have."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    if b"from multiprocessing.resource_tracker import main" not in words:
        return False
    _send(pid, signal.SIGCONT)
    return True


def family_of(pid: int) -> list[int]:
    """A process and its descendants; only itself where there is no /proc."""
    parents = _parents()
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def process_runs(run: Path, pid: int) -> bool:
    """Whether the process with this number is the one that was started in this run folder."""
    if not Path("/proc").is_dir():
        return pid > 0 and exists(pid)
    try:
        return f"SIMCORE_RUN={run}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def exists(pid: int) -> bool:
    """Whether there is a process with this number, be it only an entry that waits for its parent."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def watch(pid: int) -> int:
    """A descriptor that becomes readable when the process ends, or -1 where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _wait_for(watched: Iterable[int]) -> None:
    """Wait until the processes behind these descriptors have ended, and close them."""
    deadline = time.monotonic() + _PATIENCE_S
    for fd in watched:
        ended = select.poll()
        ended.register(fd, select.POLLIN)
        ended.poll(max(deadline - time.monotonic(), 0.0) * 1000)
        os.close(fd)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass  # it has just ended, or has become somebody else's


def _parents() -> dict[int, int]:
    """The parent of each process there is."""
    return {pid: parent for pid, (parent, _) in _kin().items()}


def _kin() -> dict[int, tuple[int, int]]:
    """The parent and the process group of each process there is."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            found[int(entry.parent.name)] = int(fields[1]), int(fields[2])
        except (OSError, IndexError, ValueError):
            continue  # it has just ended
    return found
