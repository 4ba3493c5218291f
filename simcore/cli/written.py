"""Writes what `export` and `report` make: all of a file or nothing of it, and never over a trace."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from simcore.errors import UsageError


def place_for(output: str | None, default: str) -> Path | None:
    """The file that `-o` means, by default one of this name in the working folder; None for `-o -`, which is stdout.

    Raises: UsageError for a folder, a device or a pipe, or for a trace, which nobody means to lose.
    """
    if output == "-":
        return None
    from simcore.trace.codec import MAGIC
    from simcore.trace.store import check_place

    path = Path(default if output is None else output)
    check_place(path)
    if path.is_dir():
        raise UsageError(f"-o {path} is a folder, expected a file", f"write it as -o {path / default}")
    try:
        with path.open("rb") as file:
            is_trace = file.read(len(MAGIC)) == MAGIC
    except OSError:
        is_trace = False
    if is_trace:
        raise UsageError(f"-o {path} would overwrite a trace", f"name another file, such as -o {default}")
    return path


def write_to(path: Path | None, write: Callable[[BinaryIO], None]) -> int:
    """Let `write` fill the file, or stdout, and return its size in bytes. What was there before stays until all is written.

    Raises: UsageError when the place cannot be written to, and whatever `write` raises.
    """
    if path is None:
        sys.stdout.flush()
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    from simcore.trace.store import replace_file

    return replace_file(path, write)
