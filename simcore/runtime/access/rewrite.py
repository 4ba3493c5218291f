"""Compiles a module's source with calls of hooks in the place of its accesses (see `spots`).

The syntax tree is rewritten, not the bytecode: that differs between versions of Python. With one exception: a hook of a closure
variable gets its cell, and no expression evaluates to that. So the argument is compiled as a read of the variable, and then the
one instruction is changed from "push what is in the cell" to "push the cell".
"""

import _ast as ast
import opcode
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any, Final, NamedTuple

from simcore.runtime.access.names import Names
from simcore.runtime.access.nodes import MARK, SPOT
from simcore.runtime.access.placed import Found
from simcore.runtime.access.spots import Spot, What, hook
from simcore.runtime.access.statements import Statements

_DEPTH: Final = 20_000
"""How deep we go into an expression: several calls a level, where the compiler takes one."""

_EXTENDED_ARG, _LOAD_CONST, _LOAD_DEREF = (opcode.opmap[name] for name in ("EXTENDED_ARG", "LOAD_CONST", "LOAD_DEREF"))
_LOAD_GLOBAL: Final = opcode.opmap["LOAD_GLOBAL"]
_LOAD_CELL: Final = opcode.opmap["LOAD_CLOSURE"] if opcode.opmap.get("LOAD_CLOSURE", 256) < 256 else opcode.opmap["LOAD_FAST"]
_UPDATE_CELL: Final = hook("update_cell")


class Rewritten(NamedTuple):
    """A module's code and its accesses: the number of the first is `first`, the others follow."""

    code: CodeType
    spots: list[Spot]


Marking = Callable[..., object]
"""Makes the mark of an attribute: of its way, its spot's number and, for an update, the operator's number and the other value."""


def rewrite(
    source: str | bytes,
    filename: str,
    first: int | Callable[[list[Spot]], int],
    *,
    mark: Marking | None = None,
    optimize: int = -1,
) -> Rewritten:
    """Compile a module; `first` may be asked for once the spots are known. With `mark` attributes stand behind marks.

    A module that is nested too deeply to be rewritten is compiled as it is, and has no spots. Raises what `compile` raises.
    """
    code, found = _compiled(source, filename, mark is not None, optimize)
    functions = [""] * len(found)
    _name_functions(code, functions)
    spots = [Spot(spot.line, function, spot.field, spot.what) for spot, function in zip(found, functions, strict=True)]
    if not spots:
        return Rewritten(code, spots)
    number = first if isinstance(first, int) else first(spots)
    return Rewritten(_numbered(code, found, number, mark), spots)


def _compiled(source: str | bytes, filename: str, marks: bool, optimize: int) -> tuple[CodeType, list[Found]]:
    """The code with constants that stand for the numbers of spots, or their marks, until those are known; and the spots."""

    def parsed() -> Any:
        return compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True, optimize=optimize)

    def native(tree: Any) -> CodeType:
        code: CodeType = compile(tree, filename, "exec", dont_inherit=True, optimize=optimize)
        return code

    def rewritten(tree: Any) -> tuple[CodeType, list[Found]]:
        names = Names(tree)
        if names.suspicious:
            native(tree)
        statements = Statements(names, marks)
        statements.body(tree.body)
        return native(tree), statements.found

    tree = parsed()
    try:
        return rewritten(tree)
    except RecursionError:
        pass
    except SyntaxError:
        return native(parsed()), []  # the compiler's own error, not one of what we made of it
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        return rewritten(parsed())
    except (SyntaxError, RecursionError):
        return native(parsed()), []
    finally:
        sys.setrecursionlimit(limit)


def _name_functions(code: CodeType, functions: list[str]) -> None:
    """Tell each spot the qualified name of the code that it is in."""
    for constant in code.co_consts:
        if type(constant) is CodeType:
            _name_functions(constant, functions)
        elif _is(SPOT, constant) or _is(MARK, constant):
            functions[constant[1]] = code.co_qualname


def _is(what: str, constant: object) -> bool:
    return type(constant) is tuple and len(constant) == 2 and constant[0] == what


def _numbered(code: CodeType, found: list[Found], first: int, mark: Marking | None) -> CodeType:
    """The code with the numbers of its spots, or their marks, and with cells as the arguments of their hooks."""

    def in_place_of(constant: Any) -> object:
        if type(constant) is CodeType:
            return _numbered(constant, found, first, mark)
        if _is(SPOT, constant):
            return first + constant[1]
        if mark is not None and _is(MARK, constant):
            way, *update = found[constant[1]].marked
            return mark(way, first + constant[1], *update)
        return constant

    constants = tuple(map(in_place_of, code.co_consts))
    if all(map(_same, constants, code.co_consts)):
        return code
    cells = {i for i, constant in enumerate(code.co_consts) if _is(SPOT, constant) and found[constant[1]].what == What.CELL}
    if not cells:
        return code.replace(co_consts=constants)
    return code.replace(co_consts=constants, co_code=_with_cells(code, cells))


def _same(one: object, other: object) -> bool:
    return one is other


def _with_cells(code: CodeType, cells: set[int]) -> bytes:
    """The bytecode, in which what stands before the number of a cell's spot, or first in an update, is the cell itself."""
    raw = bytearray(code.co_code)
    argument = before = 0
    called = ""
    variable = -1  # where the last read of a closure variable is, if nothing came after it
    for at in range(0, len(raw), 2):
        operation = raw[at]
        argument = argument << 8 | raw[at + 1]
        if operation == _EXTENDED_ARG:
            continue
        if operation == _LOAD_CONST and variable >= 0 and argument in cells:
            raw[variable] = _LOAD_CELL
        if operation == _LOAD_DEREF:
            variable = at
            if before == _LOAD_GLOBAL and called == _UPDATE_CELL:
                raw[at] = _LOAD_CELL
        elif operation:  # 0 is room for the interpreter's notes
            variable = -1
        if operation:
            before = operation
            called = code.co_names[argument >> 1] if operation == _LOAD_GLOBAL else ""
        argument = 0
    return bytes(raw)
