"""Which lines of a file have code, as the interpreter counts them."""

import ast
import warnings
from functools import lru_cache
from pathlib import Path
from types import CodeType


@lru_cache(maxsize=32)
def _lines(file: str, _changed_ns: int) -> frozenset[int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are told where the file is used
            code = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    found: set[int] = set()
    waiting = [code]
    while waiting:
        code = waiting.pop()
        found.update(line for _, _, line in code.co_lines() if line)
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return frozenset(found)


def code_lines(file: str) -> frozenset[int] | None:
    """The lines of a Python file that have code; None when it cannot be read."""
    try:
        return _lines(file, Path(file).stat().st_mtime_ns)
    except OSError:
        return None


def definition_at(file: str, line: int) -> tuple[str, int] | None:
    """The function or class that is defined at a line, and the first line of its body that has code; None for another line."""
    lines = code_lines(file)
    if lines is None or line not in lines:
        return None
    for node in ast.walk(ast.parse(Path(file).read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.lineno == line:
            within = [other for other in lines if line < other <= (node.end_lineno or line)]
            return (node.name, min(within)) if within else None
    return None
