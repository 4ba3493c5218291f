"""What stands in the place of an access: the call of a hook, or a mark, each with a new spot."""

import _ast as ast
from typing import Any, Final

from simcore.runtime.access import nodes
from simcore.runtime.access.names import Names
from simcore.runtime.access.nodes import Where
from simcore.runtime.access.scopes import Kind, Place, Scope, mangled
from simcore.runtime.access.spots import What, hook

DISPLAYS: Final = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
UNSHARED: Final = (*DISPLAYS, ast.Constant, ast.Tuple, ast.JoinedStr, ast.GeneratorExp, ast.Lambda)
"""Nobody else can have what they evaluate to."""


def is_folded(node: Any) -> bool:
    """Whether the compiler may evaluate this itself, or knows its type: `-1`, `(1, 2)[0]`, `"%s" % (name,)`."""
    while not isinstance(node, UNSHARED):
        if isinstance(node, ast.UnaryOp):
            node = node.operand
        elif isinstance(node, ast.BinOp):
            node = node.left
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            return isinstance(node, ast.Name) and node.id == "__debug__"
    return True


class Found:
    """A spot whose function is not known yet. One with a mark has what that is made with besides."""

    __slots__ = ("field", "line", "marked", "what")

    def __init__(self, line: int, field: str, what: What, marked: tuple[Any, ...] = ()) -> None:
        self.line = line
        self.field = field
        self.what = what
        self.marked = marked


class Placed:
    """What all rewriting shares: the scope it is in, and what is known of names there."""

    def __init__(self, names: Names, marks: bool) -> None:
        self.names = names
        self.marks = marks
        self.scope: Scope = names.module
        self.found: list[Found] = []
        self.in_classes: dict[int, set[str]] = {}
        """The hooks that class bodies call, by the id of their scope."""

    def call(self, called: str, arguments: list[Any], place: Where) -> Any:
        """The call of a hook."""
        scope: Scope | None = self.scope
        while scope is not None and scope.kind in (Kind.COMPREHENSION, Kind.GENERATOR):
            scope = scope.parent
        if scope is not None and scope.kind == Kind.CLASS:
            self.in_classes.setdefault(id(scope), set()).add(hook(called))
        return nodes.call(called, arguments, place)

    def spot(self, what: What, field: str, place: Where) -> Any:
        """A new spot's number."""
        self.found.append(Found(place.line, field, what))
        return nodes.spot(len(self.found) - 1, place)

    def is_marked(self, node: Any) -> bool:
        """Whether an attribute is left to the interpreter, behind a mark.

        Not one on several lines: between those a debugger may let others in. Nor one of a constant: the compiler would subscribe
        what stands for the mark.
        """
        return self.marks and node.lineno == node.end_lineno and not is_folded(node.value)

    def field(self, name: str) -> str:
        """What an attribute or variable is called outside of the class."""
        return mangled(name, self.scope.private)

    def place(self, name: str) -> Place:
        """Where a name leads from here."""
        return self.scope.place(self.field(name))

    def is_builtin(self, node: Any) -> bool:
        """Whether an expression is the name of a builtin."""
        return isinstance(node, ast.Name) and self.scope.is_builtin(self.field(node.id))

    def variable(self, verb: str, before: list[Any], node_name: str, after: list[Any], place: Where) -> Any:
        """The call of a hook of a global or a cell."""
        if self.place(node_name) == Place.GLOBAL:
            spot = self.spot(What.GLOBAL, self.field(node_name), place)
            return self.call(f"{verb}global", [*before, *after, spot], place)
        spot = self.spot(What.CELL, self.field(node_name), place)
        return self.call(f"{verb}cell", [*before, nodes.name(node_name, place), *after, spot], place)

    def is_left(self, node: Any) -> bool:
        """Whether an access to what this evaluates to stays as it is: `super()`, constants and displays."""
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "super"
        return isinstance(node, (*DISPLAYS, ast.Constant, ast.Tuple, ast.JoinedStr))

    def is_left_item(self, node: ast.Subscript) -> bool:
        """The same of items, and of `list[int]`."""
        return self.is_left(node.value) or self.is_builtin(node.value)
