"""The source files that call sites name."""

import hashlib
import os
from pathlib import Path
from typing import Final

_LARGEST: Final = 1_000_000
"""Bytes of the largest file that is kept in a trace."""


class SourceFiles:
    """The source files that call sites name, read once."""

    def __init__(self, root: str, library: str) -> None:
        self._root = root.rstrip("/") + "/"
        self._library = f"{library}/"
        self._read: dict[str, bytes | None] = {}

    def _bytes(self, name: str) -> bytes | None:
        if name not in self._read:
            try:
                self._read[name] = Path(name).read_bytes()
            except (OSError, ValueError):
                self._read[name] = None
        return self._read[name]

    def read(self, name: str) -> str | None:
        """The text of a file, or None where there is none or it is too large to keep."""
        data = self._bytes(name)
        return None if data is None or len(data) > _LARGEST else data.decode("utf-8", "replace")

    def digest(self, name: str) -> str:
        """SHA-256 of a file in hexadecimal, empty where it cannot be read."""
        data = self._bytes(name)
        return "" if data is None else hashlib.sha256(data).hexdigest()

    def absolute(self, name: str) -> str:
        """A file's one name: `python ./app.py` calls it `./app.py`. What is no file (`<string>`) stays as it is."""
        if not name or name.startswith("<"):
            return name
        return os.path.normpath(os.path.join(self._root, name))

    def relative(self, name: str) -> str:
        """A file's name in the trace, alike on all machines: from the root; for the library's files from there."""
        if name.startswith(self._root):
            return name[len(self._root) :]
        if "/site-packages/" in name:
            return f"<site-packages>/{name.rpartition('/site-packages/')[2]}"
        if len(self._library) > 1 and name.startswith(self._library):
            return f"<library>/{name[len(self._library) :]}"
        return name

    def user_files(self) -> list[str]:
        """Files that were read for names and are the user's: not the library's, not installed packages."""
        return sorted(name for name, data in self._read.items() if data is not None and not self.relative(name).startswith("<"))
