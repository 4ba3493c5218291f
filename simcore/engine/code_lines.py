"""Which lines of a file an actor can come to."""

import ast
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import CodeType

from simcore.runtime.statements import statements


@contextmanager
def _unwarned() -> Iterator[None]:
    """What the interpreter thinks of a source is told where it is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@lru_cache(maxsize=32)
def _lines(file: str, _changed_ns: int) -> frozenset[int] | None:
    try:
        source = Path(file).read_bytes()
        with _unwarned():
            code = compile(source, file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    found: set[int] = set()
    waiting = [code]
    while waiting:
        code = waiting.pop()
        found.update(line for _, _, line in code.co_lines() if line)
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    # The first line of a statement stands for all of it, also where no instruction is at it.
    return frozenset(found | {first for first, last in statements(source) if any(first <= line <= last for line in found)})


def code_lines(file: str) -> frozenset[int] | None:
    """The lines of a Python file that have code, or begin a statement that has; None when it cannot be read."""
    try:
        return _lines(file, Path(file).stat().st_mtime_ns)
    except OSError:
        return None


def tree_of(source: str | bytes) -> ast.AST:
    """The syntax tree of a source, an empty one where it is no Python."""
    try:
        with _unwarned():
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def definition_at(file: str, line: int) -> tuple[str, int] | None:
    """The function or class that is defined at a line, and the first line of its body that has code; None for another line."""
    lines = code_lines(file)
    if lines is None or line not in lines:
        return None
    for node in ast.walk(tree_of(Path(file).read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.lineno == line:
            within = [other for other in lines if line < other <= (node.end_lineno or line)]
            return (node.name, min(within)) if within else None
    return None
