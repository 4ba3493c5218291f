"""A file that somebody else writes while we read it."""

import os
from pathlib import Path


class GrowingFile:
    """Opened once it is there, and readable from then on, also when it is deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def open(self) -> bool:
        """Whether it is there; once it was, it stays readable."""
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        return True

    def size(self) -> int:
        """Its length now."""
        return os.fstat(self._descriptor).st_size

    def read(self, at: int, length: int) -> bytes:
        """Bytes from a place; fewer at the end of the file."""
        return os.pread(self._descriptor, length, at) if length > 0 else b""

    def close(self) -> None:
        """Close it; it may be opened again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()
