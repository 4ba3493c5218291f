"""What a process has set that no global says: signal handlers, logging, warning filters, limits.

Taken in the program before it forks and in a fresh interpreter: what differs only a forked child gets. Standard library only:
this runs inside the recorded program.
"""

import gc
import os
import signal
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from stat import S_ISREG
from typing import Any, Final

LOGGING: Final = ("the level of the root logger", "the number of its handlers")


def settings() -> dict[str, str]:
    """Settings by name, as short texts; those of a module that is not loaded are its defaults."""
    found = {f"the handler of {name}": text for name, text in _handlers().items()}
    logging = sys.modules.get("logging")
    root = getattr(logging, "root", None)
    found[LOGGING[0]] = "30" if root is None else str(root.level)
    found[LOGGING[1]] = "0" if root is None else str(len(root.handlers))
    warnings = sys.modules.get("warnings")
    filters = getattr(warnings, "filters", ())
    first = "".join(f", first {action} {category.__name__}" for action, _, category, *_ in filters[:1])
    found["the list of warning filters"] = f"{len(filters)} long{first}"
    found["the recursion limit"] = str(sys.getrecursionlimit())
    decimal = sys.modules.get("decimal")
    found["the decimal precision"] = "28" if decimal is None else str(decimal.getcontext().prec)
    socket = sys.modules.get("socket")
    found["the default timeout of sockets"] = "None" if socket is None else str(socket.getdefaulttimeout())
    return found


def row_of(setting: str) -> int:
    """Which of the twenty differences a setting belongs to."""
    return 14 if "handler of" in setting else 17 if "decimal" in setting else 15


def _handlers() -> dict[str, str]:
    found = {}
    for number in sorted(signal.valid_signals()):
        handler = signal.getsignal(number)
        if handler in (signal.SIG_DFL, signal.SIG_IGN, None):
            text = "ignored" if handler is signal.SIG_IGN else "default"
        else:
            text = f"function {getattr(handler, '__qualname__', type(handler).__qualname__)}"
        name = getattr(signal.Signals(number), "name", "") if number in _NAMED else f"signal {number}"
        found[name] = text
    return found


_NAMED: Final = frozenset(map(int, signal.Signals))


def umask() -> int:
    """The umask, without setting it where the system tells; -1 where it does not."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1], 8) for line in file if line.startswith("Umask:")), -1)
    except OSError:
        return -1


def open_files(within_reach: set[int]) -> dict[str, int]:
    """How many sockets and files this process has open, and how many of these have text that is not written yet.

    `within_reach` are the ids of what a target can reach: its part of the last number is told apart.
    """
    found = {"sockets": 0, "files": 0, "pending": 0, "pending within reach": 0}
    standard = _standard()
    socket = getattr(sys.modules.get("socket"), "socket", None)
    for item in gc.get_objects():
        kind = type(item)
        if socket is not None and issubclass(kind, socket):
            found["sockets"] += item.fileno() >= 0
        elif kind is FileIO:
            found["files"] += not item.closed and item.fileno() not in standard and S_ISREG(os.fstat(item.fileno()).st_mode)
        elif kind is TextIOWrapper or kind is BufferedWriter:
            pending = _is_pending(item, standard)
            found["pending"] += pending
            found["pending within reach"] += pending and id(item) in within_reach
    return found


def _standard() -> set[int]:
    """The descriptors of the standard streams; in a child that of stdin may be another."""
    found = {0, 1, 2}
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        try:
            found.add(stream.fileno())
        except (OSError, ValueError, AttributeError):
            pass
    return found


def _is_pending(file: Any, standard: set[int]) -> bool:
    """Whether a file has something to write, told without writing it: its buffers are looked at, not flushed."""
    try:
        if file.closed or not file.writable() or file.fileno() in standard:
            return False
        if type(file) is BufferedWriter:
            return bool(file.raw.seekable()) and file.tell() != os.lseek(file.fileno(), 0, os.SEEK_CUR)
        known = (file.encoding, file.errors, file.newlines)
        return any(type(part) in (bytes, str, list) and part not in known and part for part in gc.get_referents(file))
    except (OSError, ValueError):
        return False
