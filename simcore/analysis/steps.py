"""The order in which a function does things, read from its source: what it loads and stores, and where it calls or loops.

CPython with a GIL lets another thread in only where a function is called or returns, where a loop jumps back, and where something
waits in C. So where none of these lies between a load and a store nobody comes in. Operators count as no call: those of numbers,
texts and containers are none; of a class of the program's own they are, which its source does not tell.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LOAD: Final = "load"
STORE: Final = "store"
CALL: Final = "call"
LOOP: Final = "loop"

_ENDS: Final = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Step(NamedTuple):
    """One thing that a function does. `statement` numbers the simple statement or condition; `guards` those that decide on it.

    `relied_on` says of a load that it fails or goes wrong where it finds another value: an attribute or item of it is read, it is
    called, or it is reckoned with.
    """

    kind: str
    name: str
    line: int
    statement: int
    guards: tuple[int, ...]
    relied_on: bool = False


@dataclass(slots=True)
class Steps:
    """The steps of a function in the order of its text, and per statement the plain names that it loads and stores.

    `choices` are those within expressions, `y if x else z` and `x and y`: the steps from the first number up to the second decide
    on those from there up to the third.
    """

    steps: list[Step] = field(default_factory=list)
    loads: list[set[str]] = field(default_factory=list)
    stores: list[set[str]] = field(default_factory=list)
    choices: list[tuple[int, int, int]] = field(default_factory=list)

    def decides(self, one: int, other: int) -> bool:
        """Whether a step is part of a condition on which a later one depends."""
        if self.steps[one].statement in self.steps[other].guards:
            return True
        return any(first <= one < then <= other < end for first, then, end in self.choices)


def steps_of(node: ast.AST) -> Steps:
    """What the body of a function or module does."""
    walker = _Walker()
    if isinstance(node, ast.Lambda):
        walker.begin(())
        walker.expression(node.body)
    else:
        walker.block(node.body, ())  # type: ignore[attr-defined]
    return walker.found


class _Walker:
    def __init__(self) -> None:
        self.found = Steps()
        self.guards: tuple[int, ...] = ()

    def begin(self, guards: tuple[int, ...]) -> int:
        """The next simple statement or condition."""
        self.guards = guards
        self.found.loads.append(set())
        self.found.stores.append(set())
        return len(self.found.loads) - 1

    def _step(self, kind: str, name: str, node: ast.AST) -> None:
        line = getattr(node, "lineno", 0)
        self.found.steps.append(Step(kind, name, line, len(self.found.loads) - 1, self.guards))

    def block(self, body: list[ast.stmt], guards: tuple[int, ...]) -> None:
        """Statements one after the other; behind `if x: return` all else depends on that x."""
        for statement in body:
            guards = self._statement(statement, guards)

    def _statement(self, node: ast.stmt, guards: tuple[int, ...]) -> tuple[int, ...]:
        number = self.begin(guards)
        match node:
            case ast.If():
                self.expression(node.test)
                self.block(node.body, (*guards, number))
                self.block(node.orelse, (*guards, number))
                if isinstance(node.body[-1], _ENDS):
                    return (*guards, number)
            case ast.While():
                self.expression(node.test)
                self.block(node.body, (*guards, number))
                self._step(LOOP, "", node)
                self.block(node.orelse, guards)
                return (*guards, number)
            case ast.For() | ast.AsyncFor():
                self.expression(node.iter)
                self._step(CALL, "next", node)
                self._store(node.target)
                self.block(node.body, guards)
                self._step(LOOP, "", node)
                self.block(node.orelse, guards)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.expression(item.context_expr)
                    self._step(CALL, "__enter__", item.context_expr)
                    if item.optional_vars is not None:
                        self._store(item.optional_vars)
                self.block(node.body, guards)
                self._step(CALL, "__exit__", node)
            case ast.Try() | ast.TryStar():
                self.block(node.body, guards)
                for handler in node.handlers:
                    self.block(handler.body, guards)
                self.block(node.orelse, guards)
                self.block(node.finalbody, guards)
            case ast.Match():
                self.expression(node.subject)
                for case in node.cases:
                    if case.guard is not None:
                        self.expression(case.guard)
                    self.block(case.body, (*guards, number))
            case ast.Assign():
                self.expression(node.value)
                for target in node.targets:
                    self._store(target)
            case ast.AnnAssign():
                if node.value is not None:
                    self.expression(node.value)
                    self._store(node.target)
            case ast.AugAssign():
                self.expression(node.target)
                self.expression(node.value)
                self._store(node.target)
            case ast.Delete():
                for target in node.targets:
                    self._store(target)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._step(CALL, node.name, node) if node.decorator_list or isinstance(node, ast.ClassDef) else None
                self.found.stores[-1].add(node.name)
            case ast.Import() | ast.ImportFrom():
                self._step(CALL, "import", node)
            case _:
                for child in ast.iter_child_nodes(node):
                    self.expression(child)
        return guards

    def _rely(self, node: ast.expr) -> None:
        """An expression of whose value something is asked."""
        self.expression(node)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            self.found.steps[-1] = self.found.steps[-1]._replace(relied_on=True)

    def expression(self, node: ast.AST) -> None:
        """In the order in which it is evaluated."""
        match node:
            case ast.Name():
                self.found.loads[-1].add(node.id)
                self._step(LOAD, node.id, node)
            case ast.Attribute():
                self._rely(node.value)
                self._step(LOAD, node.attr, node)
            case ast.Subscript():
                self._rely(node.value)
                self.expression(node.slice)
                self._step(LOAD, name_of(node.value), node)
            case ast.Call():
                self._call(node)
            case ast.NamedExpr():
                self.expression(node.value)
                self._store(node.target)
            case ast.BinOp():
                self._rely(node.left)
                self._rely(node.right)
            case ast.IfExp():
                self._choice(node.test, node.body, node.orelse)
            case ast.BoolOp():
                self._choice(*node.values)
            case ast.Compare():
                self.expression(node.left)
                for how, other in zip(node.ops, node.comparators, strict=True):
                    self.expression(other)
                    if isinstance(how, ast.In | ast.NotIn):
                        self._step(LOAD, name_of(other), node)
            case ast.Await() | ast.Yield() | ast.YieldFrom():
                if node.value is not None:
                    self.expression(node.value)
                self._step(CALL, "await", node)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if key is not None:
                        self.expression(key)
                    self.expression(value)
            case _ if isinstance(node, _COMPREHENSIONS):
                self.expression(node.generators[0].iter)
                self._step(CALL, "next", node)
                for child in ast.walk(node):
                    if isinstance(child, ast.Attribute | ast.Name | ast.Subscript) and isinstance(child.ctx, ast.Load):
                        self._step(LOAD, name_of(child), child)
                self._step(LOOP, "", node)
            case _ if isinstance(node, _FUNCTIONS):
                pass  # it is made here, not run
            case _:
                for child in ast.iter_child_nodes(node):
                    self.expression(child)

    def _choice(self, *nodes: ast.expr) -> None:
        first = len(self.found.steps)
        ends = []
        for node in nodes:
            self.expression(node)
            ends.append(len(self.found.steps))
        self.found.choices += [(first, end, ends[-1]) for end in ends[:-1]]

    def _call(self, node: ast.Call) -> None:
        self._rely(node.func)
        for argument in (*node.args, *(one.value for one in node.keywords)):
            self.expression(argument)
        # The call may itself be the access: `d.get(k)`, `items.append(x)`.
        name = name_of(node.func.value) if isinstance(node.func, ast.Attribute) else name_of(node.func)
        self._step(CALL, name, node)

    def _store(self, node: ast.AST) -> None:
        match node:
            case ast.Name():
                self.found.stores[-1].add(node.id)
                self._step(STORE, node.id, node)
            case ast.Attribute():
                self._step(STORE, node.attr, node)
            case ast.Subscript():
                self._step(STORE, name_of(node.value), node)
            case ast.Tuple() | ast.List():
                for child in node.elts:
                    self._store(child)
            case ast.Starred():
                self._store(node.value)


def name_of(node: ast.AST) -> str:
    """What an expression is called: the last name in it."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Subscript():
            return name_of(node.value)
    return ""
