"""Reads a source line for what gives another value in another run: addresses, clocks, listings, randomness, things outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from simcore.kit.known import ADDRESS, CALLS, FILLS, FIXES, INDIFFERENT, LISTING, METHODS, NAMES


@dataclass(frozen=True, slots=True)
class Suspect:
    """What in a source line gives another value in another run.

    `near` is 0 on the line in question itself, 1 where it feeds that line, 2 in the same function, 3 elsewhere in the file.
    """

    kind: str
    line: int
    why: str
    near: int

    @property
    def fix(self) -> str:
        return FIXES[self.kind]


class Source:
    """A source file as a place to look for suspects. A file that is no Python has none."""

    def __init__(self, text: str) -> None:
        try:
            self._tree: ast.Module = ast.parse(text)
        except (SyntaxError, ValueError):
            self._tree = ast.Module([], [])
        self._parents = {id(child): node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)}
        self._aliases = dict(_aliases(self._tree))

    def suspects(self, line: int, start: int = 0) -> list[Suspect]:
        """All that may have to do with a line, the nearest first: in its function, in that at line `start`, in what they use."""
        whole = self._statement_at(line)
        function = self._function_of(whole)
        feeding = self._feeding(whole) if whole is not None else []
        used = self._used(line, start)
        found = {}
        for node in ast.walk(self._tree):
            suspected = self._suspected(node)
            if suspected is None:
                continue
            if self._top(node) not in used:
                continue
            near = 3
            if whole is not None and self._within(node, whole):
                near = 0
            elif any(self._within(node, one) for one in feeding):
                near = 1
            elif function is not None and self._within(node, function):
                near = 2
            at: int = node.lineno  # type: ignore[attr-defined]
            found[suspected, at] = Suspect(suspected[0], at, suspected[1], near)
        return sorted(found.values(), key=lambda one: (one.near, abs(one.line - line)))

    def _within(self, node: ast.AST, outer: ast.AST) -> bool:
        at: ast.AST | None = node
        while at is not None:
            if at is outer:
                return True
            at = self._parents.get(id(at))
        return False

    def _statement_at(self, line: int) -> ast.AST | None:
        """The innermost statement of a line; of one with a block only its head."""
        inner: ast.AST | None = None
        for node in ast.walk(self._tree):
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
                inner = node if inner is None or node.lineno >= getattr(inner, "lineno", 0) else inner
        if isinstance(inner, ast.For | ast.AsyncFor):
            return inner.iter
        if isinstance(inner, ast.If | ast.While):
            return inner.test
        if isinstance(inner, ast.With) and inner.items:
            return inner.items[0].context_expr
        return None if isinstance(inner, ast.FunctionDef | ast.ClassDef) else inner

    def _function_of(self, node: ast.AST | None) -> ast.AST | None:
        while node is not None and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node = self._parents.get(id(node))
        return node

    def _top(self, node: ast.AST) -> ast.AST:
        """The statement at the top level of the module that a node is in."""
        while (parent := self._parents.get(id(node))) is not None and parent is not self._tree:
            node = parent
        return node

    def _used(self, *lines: int) -> set[ast.AST]:
        """What stands at the top level at these lines, what is used by name there, and so on; plain statements are all in."""
        named = {
            top.name: top for top in self._tree.body if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        used: set[ast.AST] = set()
        todo: list[ast.AST] = [top for top in self._tree.body if top not in named.values()]
        todo += [top for top in named.values() if any(_first_line(top) <= line <= (top.end_lineno or 0) for line in lines)]
        while todo:
            top = todo.pop()
            if top not in used:
                used.add(top)
                names = {node.id for node in ast.walk(top) if isinstance(node, ast.Name)}
                todo += [named[name] for name in names & named.keys()]
        return used

    def _outermost(self, node: ast.AST | None) -> ast.AST | None:
        found = None
        while (node := self._function_of(node)) is not None:
            found, node = node, self._parents.get(id(node))
        return found

    def _places(self, node: ast.AST) -> Iterator[ast.AST]:
        """Whatever may give a value to a name that is read here: in the functions around, and at the top level of the module."""
        function = self._outermost(node)
        if function is not None:
            yield from ast.walk(function)
        for top in self._tree.body:
            if not isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from ast.walk(top)

    def _feeding(self, whole: ast.AST) -> list[ast.AST]:
        """What decides whether and with what a statement runs: tests and loops around it, where its names get their values."""
        feeding: list[ast.AST] = []
        names: set[str] = set()
        todo: list[ast.AST] = [whole]
        at = self._parents.get(id(whole))
        while at is not None:
            around = at.iter if isinstance(at, ast.For) else at.test if isinstance(at, ast.If | ast.While) else None
            if around is not None:
                todo.append(around)
            at = self._parents.get(id(at))
        places = list(self._places(whole))
        while todo:
            node = todo.pop()
            feeding.append(node)
            for name in {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - names:
                names.add(name)
                todo += [value for place in places if (value := _gives(place, name)) is not None]
        return feeding

    def _suspected(self, node: ast.AST) -> tuple[str, str] | None:
        if isinstance(node, ast.Call):
            dotted = self._dotted(node.func)
            last = dotted.rpartition(".")[2]
            two = ".".join(dotted.split(".")[-2:])
            known = CALLS.get(dotted) or CALLS.get(two) or (CALLS.get(last) if "." in dotted or last == dotted else None)
            if known is None and isinstance(node.func, ast.Attribute):
                known = METHODS.get(node.func.attr)
            if known is not None and known[0] == LISTING and self._order_is_lost(node):
                return None
            if last in ("Random",) and node.args:
                return None  # seeded
            return known
        if isinstance(node, ast.Attribute):
            return NAMES.get(self._dotted(node)) or (METHODS.get(node.attr) if node.attr.startswith("st_") else None)
        if isinstance(node, ast.For | ast.comprehension) and self._is_set(node.iter):
            return None  # told at what is iterated, below
        if isinstance(node, ast.expr) and self._is_set(node) and not self._order_is_lost(node) and self._is_iterated(node):
            return (ADDRESS, "a set of objects has the order of their addresses")
        if isinstance(node, ast.keyword) and node.arg == "key" and self._dotted(node.value) == "id":
            return CALLS["id"]
        return None

    def _is_set(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
        if isinstance(node, ast.Name):
            values = [value for place in self._places(node) if (value := _gives(place, node.id, assigned=True)) is not None]
            return any(not isinstance(value, ast.Name) and self._is_set(value) for value in values)
        return False

    def _is_iterated(self, node: ast.AST) -> bool:
        parent = self._parents.get(id(node))
        if isinstance(parent, ast.For | ast.comprehension):
            return parent.iter is node
        if isinstance(parent, ast.Starred):
            return True
        if isinstance(parent, ast.Call) and node in parent.args:
            name = self._dotted(parent.func).rpartition(".")[2]
            return name in ("list", "tuple", "iter", "enumerate", "zip", "map", "filter", "join", "print", "str", "repr", "next")
        if isinstance(parent, ast.Attribute):
            return parent.attr == "pop"
        return isinstance(parent, ast.FormattedValue)

    def _order_is_lost(self, node: ast.AST) -> bool:
        """Whether what comes of this is handed to something that does not care for its order."""
        at: ast.AST | None = self._parents.get(id(node))
        while isinstance(at, ast.expr | ast.comprehension | ast.Starred):
            if isinstance(at, ast.Call) and self._dotted(at.func) in INDIFFERENT:
                return True
            if isinstance(at, ast.Compare | ast.SetComp):
                return True
            at = self._parents.get(id(at))
        return False

    def _dotted(self, node: ast.AST) -> str:
        """`time.time` for what is called so, whatever name it was imported under; of other expressions the last name."""
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            before = self._dotted(node.value)
            return f"{before}.{node.attr}" if before else f"?.{node.attr}"
        return ""


def _first_line(top: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return min([top.lineno, *(decorator.lineno for decorator in top.decorator_list)])


def _aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that imports give, and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _gives(place: ast.AST, name: str, *, assigned: bool = False) -> ast.AST | None:
    """What a name gets its value from here, or None. A loop gives the items of what it goes through, unless only `assigned`."""
    targets: list[ast.expr] = []
    value: ast.AST | None = None
    if isinstance(place, ast.Assign):
        targets, value = place.targets, place.value
    elif isinstance(place, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        targets, value = [place.target], place.value
    elif isinstance(place, ast.For | ast.comprehension) and not assigned:
        targets, value = [place.target], place.iter
    elif isinstance(place, ast.Call) and isinstance(place.func, ast.Attribute) and place.func.attr in FILLS and not assigned:
        targets, value = [place.func.value], place
    named = any(isinstance(one, ast.Name) and one.id == name for target in targets for one in ast.walk(target))
    return value if named else None
