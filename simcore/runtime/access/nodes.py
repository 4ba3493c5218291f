"""Pieces of syntax trees that stand exactly where what they replace stood: tracebacks, tracers and debuggers see the source."""

import _ast as ast
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from simcore.runtime.access.spots import hook

LOAD: Final = ast.Load()
STORE: Final = ast.Store()

SPOT: Final = "simcore\0spot"
"""Begins the constant that stands for the number of a spot until that is known."""

MARK: Final = "simcore\0mark"
"""The same of the mark of a spot."""


class Where(NamedTuple):
    """A place in the source."""

    line: int
    column: int
    end_line: int
    end_column: int


def where(node: Any) -> Where:
    """Where a node stands."""
    return Where(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def where_attribute(node: ast.Attribute) -> Where:
    """Where the interpreter says that an attribute is accessed: where several lines lead to it, the line of its name."""
    return _at_name(where(node), node)


def where_called(node: ast.Call, method: ast.Attribute) -> Where:
    """The same of the call of a method."""
    return _at_name(where(node), method)


def _at_name(place: Where, node: ast.Attribute) -> Where:
    line, end = node.end_lineno, node.end_col_offset
    if line is None or end is None or place.line == line:
        return place
    return Where(line, max(0, end - len(node.attr)), line, end)


def on_one_line(place: Where) -> Where:
    """The same beginning, for a target in the place of one on several lines: those of an attribute count otherwise."""
    return place if place.line == place.end_line else Where(place.line, place.column, place.line, place.column + 1)


def put(node: Any, place: Where) -> Any:
    """Set where a node stands, and return it."""
    node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = place
    return node


def name(text: str, place: Where) -> Any:
    """A name that is read."""
    return put(ast.Name(text, LOAD), place)


def number(value: int, place: Where) -> Any:
    """A plain number."""
    return put(ast.Constant(value), place)


def spot(index: int, place: Where) -> Any:
    """The number of a spot."""
    return _later(SPOT, index, place)


def marked(index: int, value: Any) -> Any:
    """A value behind the mark of a spot."""
    place = where(value)
    return put(ast.Subscript(_later(MARK, index, place), value, LOAD), place)


def _later(what: str, index: int, place: Where) -> Any:
    """The constant that stands for something of a spot until that is known."""
    constant: Any = (what, index)
    return put(ast.Constant(constant), place)


def call(called: str, arguments: Sequence[Any], place: Where) -> Any:
    """The call of a hook. Its name is loaded on the line on which the first argument begins to be evaluated."""
    begins = place if not arguments else _begins(arguments[0])
    return put(ast.Call(name(hook(called), begins), list(arguments), []), place)


def slot(called: str, arguments: Sequence[Any], place: Where) -> Any:
    """A target in the place of another: what the hook returns has the attribute `v`."""
    return put(ast.Attribute(call(called, arguments, place), "v", STORE), place)


def statement(value: Any, place: Where) -> Any:
    """An expression as a statement."""
    return put(ast.Expr(value), place)


def has_docstring(body: list[Any]) -> bool:
    """Whether the first statement must stay the first."""
    return (
        bool(body)
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and type(body[0].value.value) is str
    )


_FIRST: Final = {
    "Attribute": "value",
    "Subscript": "value",
    "Call": "func",
    "BinOp": "left",
    "Compare": "left",
    "IfExp": "test",
    "Await": "value",
    "Starred": "value",
    "BoolOp": "values",
    "Tuple": "elts",
    "List": "elts",
    "Set": "elts",
}
"""The part of an expression that is evaluated first."""


def _begins(node: Any) -> Where:
    while type(node).__name__ in _FIRST:
        part = getattr(node, _FIRST[type(node).__name__])
        if type(part) is list:
            if not part or isinstance(part[0], ast.Constant):
                break  # evaluated by the compiler
            part = part[0]
        node = part
    return where(node)
