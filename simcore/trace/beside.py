"""Writes a file beside its place and moves it there when it is whole, so that what was there before stays until then."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from simcore.errors import UsageError


def write_whole(path: Path, write: Callable[[BinaryIO], None], *, suffix: str = "", called: str = "") -> int:
    """Let `write` fill the file; its size in bytes. Until it is whole its name begins with a dot and ends with `suffix`.part.

    Raises: UsageError, in which the file is `called` so, when the place cannot be written to; and whatever `write` raises.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}{suffix}.part")
    try:
        # 0o666 less the umask, as any program does: a trace is no secret and no executable.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            size = beside.stat().st_size
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        hint = f"create it first: mkdir -p {path.parent}" if not path.parent.exists() else "choose another place with -o"
        why = f"there is no folder {path.parent}" if not path.parent.exists() else (error.strerror or str(error))
        raise UsageError(f"cannot write {called}{path}: {why}", hint) from None
    return size
