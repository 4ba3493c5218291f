"""What an access in a rewritten module is: its spot, the hooks that are called in its place, and which names count.

The hooks are names in `builtins`, so that the module's own names stay what they are. They end with two underscores: names that
only begin with two are changed inside of classes. The last argument of each is the number of its spot. What they are called
with:

    load_attr(obj, spot)  store_attr(value, obj, spot)  del_attr(obj, spot)
        update_attr(obj, value, op, spot)  attr(obj, spot)
    load_item(obj, key, spot)  store_item(value, obj, key, spot)  del_item(obj, key, spot)
        update_item(obj, key, value, op, spot)  item(obj, key, spot)
    load_global(spot)  store_global(value, spot)  del_global(spot)  update_global(value, op, spot)  global(spot)
    load_cell(cell, spot)  store_cell(value, cell, spot)  del_cell(cell, spot)
        update_cell(cell, value, op, spot)  cell(cell, spot)
    method(obj, spot)  whole(value, spot)  born(value)
    length(value, spot)  is_true(value, spot)  contains(item, obj, spot)
    get_named(obj, name, [default,] spot)  has_named(obj, name, spot)
        set_named(obj, name, value, spot)  del_named(obj, name, spot)

Where the core records, an attribute stands behind a mark of its spot, `MARK[obj].name`, and no hook is called.

`store_global` and `store_cell` return the value, for `:=`. `op` is an index into UPDATES. `attr`, `item`, `global` and `cell`
return an object whose attribute `v` is the place: it stands where Python wants a target.
"""

import _operator
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final, NamedTuple


class What(IntEnum):
    """What is accessed."""

    ATTRIBUTE = 0
    ITEM = 1
    GLOBAL = 2
    CELL = 3
    METHOD = 4  # a method with a name that a container has: called next, from the same line
    WHOLE = 5  # all of a container: by iteration, `in`, `len`


class Way(IntEnum):
    """What a mark is for."""

    LOADS = 0
    STORES = 1
    BOTH = 2


class Spot(NamedTuple):
    """One access as it stands in the source."""

    line: int
    function: str
    """The qualified name of the code that it is in; empty where the compiler left it out, so that it never runs."""
    field: str
    """The attribute, variable or method, as it is called inside of the class; nothing of an item; the reader of a WHOLE."""
    what: What


def hook(name: str) -> str:
    """The name in `builtins` of a hook."""
    return f"__simcore_{name}__"


HOOKS: Final = tuple(
    hook(name)
    for name in (
        *(f"{verb}_{place}" for place in ("attr", "item", "global", "cell") for verb in ("load", "store", "del", "update")),
        *("attr", "item", "global", "cell", "method", "whole", "born"),
        *("length", "is_true", "contains", "get_named", "has_named", "set_named", "del_named"),
    )
)

OPERATORS: Final = (
    *("Add", "BitAnd", "FloorDiv", "LShift", "MatMult", "Mult", "Mod", "BitOr", "Pow", "RShift", "Sub", "Div", "BitXor"),
)
"""The operators of augmented assignments, as the syntax tree calls them, in the interpreter's own order."""

UPDATES: Final[tuple[Callable[[Any, Any], Any], ...]] = (
    *(_operator.iadd, _operator.iand, _operator.ifloordiv, _operator.ilshift, _operator.imatmul, _operator.imul, _operator.imod),
    *(_operator.ior, _operator.ipow, _operator.irshift, _operator.isub, _operator.itruediv, _operator.ixor),
    *(_operator.add, _operator.and_, _operator.floordiv, _operator.lshift, _operator.matmul, _operator.mul, _operator.mod),
    *(_operator.or_, _operator.pow, _operator.rshift, _operator.sub, _operator.truediv, _operator.xor),
)
"""What each of OPERATORS does, and then what it does in `x.a = x.a + n`."""

METHODS: Final = frozenset(
    {
        *(
            "append",
            "appendleft",
            "clear",
            "extend",
            "extendleft",
            "insert",
            "pop",
            "popleft",
            "remove",
            "reverse",
            "rotate",
            "sort",
        ),
        *("add", "difference_update", "discard", "intersection_update", "symmetric_difference_update", "update"),
        *("popitem", "setdefault", "__setitem__", "__delitem__", "__getitem__", "__contains__", "__len__", "__iter__"),
        *("copy", "count", "get", "index", "items", "keys", "values"),
        *("difference", "intersection", "isdisjoint", "issubset", "issuperset", "symmetric_difference", "union"),
        *("decode", "endswith", "find", "hex", "join", "replace", "rfind", "rindex", "split", "startswith", "strip", "translate"),
    }
)
"""Methods of list, dict, set, deque and bytearray: those that change them, and those that read."""

READERS: Final = frozenset(
    {
        *(
            "all",
            "any",
            "bytearray",
            "bytes",
            "dict",
            "enumerate",
            "filter",
            "frozenset",
            "iter",
            "len",
            "list",
            "map",
            "max",
            "min",
        ),
        *("next", "reversed", "set", "sorted", "sum", "tuple", "zip"),
    }
    - {"next"}
)
"""Builtins that read all of a container that they are given."""

NAMED: Final = {"getattr": "get_named", "hasattr": "has_named", "setattr": "set_named", "delattr": "del_named"}
"""Builtins that access an attribute by its name, and their hooks."""

SCALARS: Final = frozenset(
    {
        *(
            "abs",
            "all",
            "any",
            "ascii",
            "bin",
            "bool",
            "bytes",
            "callable",
            "chr",
            "complex",
            "delattr",
            "divmod",
            "enumerate",
            "filter",
        ),
        *(
            "float",
            "format",
            "frozenset",
            "hasattr",
            "hash",
            "hex",
            "id",
            "input",
            "int",
            "isinstance",
            "issubclass",
            "iter",
            "len",
        ),
        *(
            "map",
            "memoryview",
            "oct",
            "ord",
            "pow",
            "print",
            "property",
            "range",
            "repr",
            "reversed",
            "round",
            "setattr",
            "slice",
        ),
        *("str", "super", "tuple", "zip"),
    }
)
"""Builtins whose results are no containers, and have no attributes that the program assigns."""

FRESH: Final = frozenset(
    {"bytes", "dict", "enumerate", "filter", "frozenset", "list", "map", "range", "reversed", "set", "sorted", "tuple", "zip"}
)
"""Builtins whose results nobody else has: iterating over them needs no record."""
