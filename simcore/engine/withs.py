"""Which places in the source are `with` statements: a lock taken there is a mutex, for its owner gives it back."""

import ast
from collections.abc import Callable


class WithLines:
    """Looks lines up. `read` gives a file's source, or None; files are parsed once."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._files: dict[str, frozenset[int]] = {}

    def has(self, file: str, line: int) -> bool:
        """Whether a line of a file holds what a `with` statement enters."""
        known = self._files.get(file)
        if known is None:
            known = self._files[file] = _lines(self._read(file))
        return line in known


def read_source(path: str) -> str | None:
    """The text of a source file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None


def _lines(source: str | None) -> frozenset[int]:
    if source is None:
        return frozenset()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()  # not Python
    entered = [item.context_expr for node in ast.walk(tree) if isinstance(node, ast.With | ast.AsyncWith) for item in node.items]
    return frozenset(line for item in entered for line in range(item.lineno, (item.end_lineno or item.lineno) + 1))
