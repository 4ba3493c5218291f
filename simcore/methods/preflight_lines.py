"""Where in the source a global is defined, and where it is changed afterwards: told from the text alone."""

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

_CHANGING: Final = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "seed", "set"),
        *("setdefault", "setstate", "sort", "update"),
    }
)


@dataclass(slots=True)
class Lines:
    """The line that defines a global, 0 where none does, and those that change it behind the import, in order."""

    defined: int = 0
    changed: list[int] = field(default_factory=list)


def lines_of(file: str, name: str) -> Lines:
    """The lines of a global in the file of its module; none where that cannot be read."""
    return _index(file).get(name, Lines())


@lru_cache(maxsize=64)
def _index(file: str) -> dict[str, Lines]:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, Lines] = {}
    _Reader(found).visit(tree)
    for lines in found.values():
        lines.changed.sort()
    return found


class _Reader(ast.NodeVisitor):
    """Notes what each statement does to which name; what stands in a function or under the guard comes behind the import."""

    def __init__(self, found: dict[str, Lines]) -> None:
        self._found = found
        self._late = 0
        self._global: list[set[str]] = []

    def _function(self, node: ast.AST) -> None:
        names = {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
        if self._late == 0 and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._define(node.name, node.lineno)
        self._late += 1
        self._global.append(names)
        self.generic_visit(node)
        self._global.pop()
        self._late -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if self._late == 0:
            self._define(node.name, node.lineno)
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    self._late += 1
                    self._global.append(set())
                    self.generic_visit(inner)
                    self._global.pop()
                    self._late -= 1
            return
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        guard = "__name__" in ast.unparse(node.test)
        self._late += guard
        self.generic_visit(node)
        self._late -= guard

    def _define(self, name: str, line: int) -> None:
        lines = self._found.setdefault(name, Lines())
        lines.defined = lines.defined or line

    def _assign(self, target: ast.expr, line: int) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._assign(part, line)
        elif isinstance(target, ast.Name):
            if self._late == 0:
                self._define(target.id, line)
            elif not self._global or target.id in self._global[-1]:
                self._change(target.id, line)
        elif isinstance(target, ast.Subscript | ast.Attribute):
            base = target.value
            while isinstance(base, ast.Subscript | ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and self._late:
                self._change(base.id, line)

    def _change(self, name: str, line: int) -> None:
        lines = self._found.setdefault(name, Lines())
        if line not in lines.changed:
            lines.changed.append(line)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.lineno)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assign(node.target, node.lineno)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.lineno)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if (
            self._late
            and isinstance(function, ast.Attribute)
            and function.attr in _CHANGING
            and isinstance(function.value, ast.Name)
        ):
            self._change(function.value.id, node.lineno)
        self.generic_visit(node)
