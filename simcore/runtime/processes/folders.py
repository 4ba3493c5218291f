"""Folders whose names stand in messages: tracebacks, log records. In replay they may lie elsewhere, at a longer or shorter path.

A trace says how many bytes the names of three folders had: where the program lies, the standard library, installed packages. With
that the length that a message has now is turned into the one that it had.
"""

import os
import sys

VARIABLE = "SIMCORE_FOLDERS"
"""The lengths of the three names in the trace, joined by commas, and behind a fourth where the program lies now."""

_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

LIBRARY = os.path.dirname(os.__file__)
PACKAGES = os.path.join(sys.prefix, "lib", _PYTHON, "site-packages")

_grown: list[tuple[bytes, int]] = []
"""The three names, longest first, each with how many bytes it has more than when recorded; empty where none has."""


def _learn(said: str) -> None:
    if not said:
        return
    *lengths, root = said.split(",", 3)
    names = [os.fsencode(name) for name in (root, LIBRARY, PACKAGES)]
    found = {name: len(name) - int(length) for name, length in zip(names, lengths, strict=True) if int(length)}
    if any(found.values()):
        _grown.extend(sorted(found.items(), key=lambda item: -len(item[0])))


_learn(os.environ.get(VARIABLE, ""))


def recorded_size(message: bytes | bytearray | memoryview) -> int:
    """How many bytes a message of a replay had when it was recorded."""
    size = len(message)
    rest = bytes(message) if _grown else b""
    for name, more in _grown:
        found = rest.count(name)
        if found:
            size -= found * more
            rest = rest.replace(name, b"\0")  # a folder within another counts for itself, and what remains makes no other name
    return size
