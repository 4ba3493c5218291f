"""What the sources in a trace say of accesses: how a read and a write belong together, and who may come in between."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import Enum
from typing import Final

from simcore.analysis.atomic import ATOMIC
from simcore.analysis.steps import CALL, LOAD, LOOP, STORE, Step, Steps, name_of, steps_of
from simcore.trace.model import Site

_CONTENT: Final = frozenset({"value", "raw"})
"""Under these names a shared value is read and written as a whole."""


_GO_THROUGH: Final = frozenset({"list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all"})
"""Builtins that read all items of what they are given; `len` only counts them."""

_REMOVING: Final = frozenset({"pop", "popitem", "popleft", "remove", "discard", "clear"})

_METHODS: Final = ATOMIC.keys() | {
    *(
        "insert",
        "remove",
        "reverse",
        "rotate",
        "clear",
        "extendleft",
        "popitem",
        "get",
        "keys",
        "values",
        "items",
        "index",
        "count",
    ),
    *("copy", "difference_update", "intersection_update", "symmetric_difference_update"),
}


class Bond(Enum):
    """How what was read decides on what is written."""

    NONE = "none"
    VALUE = "value"
    """It is written again, changed: `x = f(x)`, or by way of a variable."""
    CHOICE = "choice"
    """It decides whether to write: `if x is None: x = ...`; or whether to rely on it: `if x is not None: x.send()`."""


class Between(Enum):
    """What lies between a read and the write that belongs to it."""

    NOTHING = "nothing"
    CALL = "call"
    LOOP = "loop"
    OPERATOR = "operator"
    """An operator of which nobody knows whether it is the program's own."""
    UNKNOWN = "unknown"


class Code:
    """Looks lines up in the sources that a trace keeps; each file and function is read once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._trees: dict[str, ast.Module | None] = {}
        self._nodes: dict[str, dict[int, list[ast.AST]]] = {}
        self._functions: dict[str, list[tuple[int, int, ast.AST]]] = {}
        self._steps: dict[tuple[str, int], Steps] = {}

    def _tree(self, file: str) -> ast.Module | None:
        if file not in self._trees:
            source = self._sources.get(file)
            try:
                self._trees[file] = None if source is None else ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[file] = None  # not Python
        return self._trees[file]

    def _line(self, site: Site) -> list[ast.AST] | None:
        """What begins on a line; None where the source is unknown."""
        tree = self._tree(site.file)
        if tree is None:
            return None
        if site.file not in self._nodes:
            nodes = self._nodes[site.file] = {}
            for node in ast.walk(tree):
                if (line := getattr(node, "lineno", 0)) > 0:
                    nodes.setdefault(line, []).append(node)
        return self._nodes[site.file].get(site.line, [])

    def shared_item(self, site: Site) -> str | None:
        """Which item of shared memory a line accesses: its number, `?`, '' for a value as a whole, None for none at all."""
        nodes = self._line(site)
        if nodes is None:
            return "?"
        if any(isinstance(node, ast.Attribute) and node.attr in _CONTENT for node in nodes):
            return ""
        places = {ast.dump(node.slice): node.slice for node in nodes if isinstance(node, ast.Subscript)}
        if not places:
            return None  # a block is created, attached to, unlinked, or gone through
        (place, *more) = places.values()
        plain = isinstance(place, ast.Constant) and type(place.value) is int and place.value >= 0 and not more
        return str(place.value) if plain else "?"  # type: ignore[attr-defined]

    def only_counts(self, site: Site) -> bool:
        """Whether a line asks for the length of something."""
        nodes = self._line(site) or ()
        return any(isinstance(node, ast.Call) and getattr(node.func, "id", "") == "len" for node in nodes)

    def only_looks(self, site: Site) -> bool:
        """Whether a line only asks how much, or whether something, is in a container."""
        nodes = self._line(site) or ()
        asks = any(isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops) for node in nodes)
        goes = any(isinstance(node, ast.For | ast.AsyncFor | ast.comprehension | ast.Starred) for node in nodes)
        named = {getattr(node.func, "id", "") for node in nodes if isinstance(node, ast.Call)}
        return (asks or "len" in named) and not goes and not named & _GO_THROUGH

    def asks_for_item(self, site: Site) -> bool:
        """Whether a line asks if something is in a container, and nothing else of it."""
        nodes = self._line(site) or ()
        asks = any(isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops) for node in nodes)
        return asks and self.only_looks(site) and not self.only_counts(site)

    def container(self, site: Site) -> tuple[str, str] | None:
        """What stands for the container that a line accesses, if it is one only: as it is written, and its last name."""
        found: dict[str, str] = {}
        for node in self._line(site) or ():
            bases: list[ast.expr] = []
            match node:
                case ast.Subscript():
                    bases = [node.value]
                case ast.Call(func=ast.Attribute() as called) if called.attr in _METHODS:
                    bases = [called.value]
                case ast.Call(func=ast.Name() as named) if named.id in _GO_THROUGH | {"len"}:
                    bases = node.args
                case ast.Compare():
                    pairs = zip(node.ops, node.comparators, strict=True)
                    bases = [other for how, other in pairs if isinstance(how, ast.In | ast.NotIn)]
                case ast.For():
                    bases = [node.iter]
            for base in bases:
                if isinstance(base, ast.Name | ast.Attribute | ast.Subscript):
                    found[ast.unparse(base)] = name_of(base)
        return found.popitem() if len(found) == 1 else None

    def methods(self, site: Site, name: str) -> set[str]:
        """The methods that a line calls of what is called `name`; of anything, where nothing that it acts on is called so."""
        nodes = self._line(site) or ()
        calls = [node.func for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        named = {call.attr for call in calls if name_of(call.value) == name}
        has_item = any(isinstance(node, ast.Subscript) and name_of(node.value) == name for node in nodes)
        return named if named or has_item else {call.attr for call in calls}

    def removes(self, site: Site, name: str) -> bool:
        """Whether a line takes something out of the container called `name`."""
        for node in self._line(site) or ():
            match node:
                case ast.Subscript(ctx=ast.Del()) if name_of(node.value) == name:
                    return True
                case ast.Call(func=ast.Attribute(attr=called) as method) if called in _REMOVING and name_of(method.value) == name:
                    return True
        return False

    def sets_something(self, site: Site, name: str) -> bool:
        """Whether a line assigns to `name` a constant that is true: who found out that something is there still finds it."""
        for node in self._line(site) or ():
            match node:
                case ast.Assign(targets=targets, value=ast.Constant(value=value)) if value:
                    if name in map(name_of, targets):
                        return True
                case ast.AnnAssign(target=target, value=ast.Constant(value=value)) if value:
                    if name == name_of(target):
                        return True
        return False

    def is_augmented(self, site: Site) -> bool:
        """Whether a line has an augmented assignment."""
        return any(isinstance(node, ast.AugAssign) for node in self._line(site) or ())

    def _function(self, site: Site) -> tuple[int, ast.AST] | None:
        """The innermost function around a line, or the module, with its first line."""
        tree = self._tree(site.file)
        if tree is None:
            return None
        if site.file not in self._functions:
            self._functions[site.file] = [
                (node.lineno, node.end_lineno or node.lineno, node)
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
        around = [one for one in self._functions[site.file] if one[0] <= site.line <= one[1]]
        if not around:
            return 0, tree
        first, _, node = max(around, key=lambda one: one[0])
        return first, node

    def bond(self, read: Site, write: Site, name: str) -> tuple[Bond, Between]:
        """How a read and a later write of `name` by one thread belong together, and what may run between them.

        `name` is what the place is called in the source, as far as known. Other functions in between are calls.
        """
        if self._tree(read.file) is None or self._tree(write.file) is None:
            return (Bond.VALUE if read == write else Bond.NONE), Between.UNKNOWN
        steps = self._shared_steps(read, write)
        if steps is None:
            return Bond.NONE, Between.CALL
        found = _find(steps.steps, read.line, write.line, name)
        if found is None:
            return (Bond.VALUE if read == write else Bond.NONE), Between.UNKNOWN
        one, other = found
        return _bond(steps, steps.steps[one], steps.steps[other]), _between(steps.steps, one, other)

    def bond_of_reads(self, check: Site, use: Site, name: str) -> tuple[Bond, Between]:
        """How two reads of `name` by one thread belong together: a choice where the first decides if the second is relied on."""
        steps = self._shared_steps(check, use)
        if steps is None:
            return Bond.NONE, Between.UNKNOWN
        pairs = [
            (one, other)
            for other, relied in enumerate(steps.steps)
            if (relied.line, relied.kind, relied.name, relied.relied_on) == (use.line, LOAD, name, True)
            for one, step in enumerate(steps.steps[:other])
            if (step.line, step.kind, step.name) == (check.line, LOAD, name) and steps.decides(one, other)
        ]
        if not pairs:
            return Bond.NONE, Between.UNKNOWN
        return Bond.CHOICE, _between(steps.steps, *min(pairs, key=lambda pair: pair[1] - pair[0]))

    def relies_on_a_check(self, site: Site) -> bool:
        """Whether on a line something is read that is relied on, behind a condition: `bond_of_reads` may say more."""
        steps = self._shared_steps(site, site)
        if steps is None:
            return False
        relied = (number for number, step in enumerate(steps.steps) if step.line == site.line and step.relied_on)
        return any(steps.steps[number].guards or any(steps.decides(one, number) for one in range(number)) for number in relied)

    def _shared_steps(self, one: Site, other: Site) -> Steps | None:
        """What the function around two lines does; None where there is not one, or its source is unknown."""
        here = self._function(one)
        if here is None or one.file != other.file or self._function(other) != here:
            return None
        first, node = here
        key = (one.file, first)
        if key not in self._steps:
            self._steps[key] = steps_of(node)
        return self._steps[key]


def _find(steps: list[Step], read: int, write: int, name: str) -> tuple[int, int] | None:
    """The numbers of the steps that read and write, by their lines and, where it is there, the name."""
    for wanted in (name, ""):
        reads = [number for number, step in enumerate(steps) if step.line == read and _may(step, LOAD, wanted)]
        writes = [number for number, step in enumerate(steps) if step.line == write and _may(step, STORE, wanted)]
        if not writes and not wanted:
            writes = [number for number, step in enumerate(steps) if step.line == write and step.kind == CALL]
        pairs = [(one, other) for one in reads for other in writes if one < other]
        # `items` in `items.pop()` reads no item: what was read before that stands in another statement, if there is one.
        pairs = [
            (one, other) for one, other in pairs if steps[other].kind != CALL or steps[one].statement != steps[other].statement
        ] or pairs
        if pairs:
            # Where the name does not tell which it was, all that stands on the lines may have come in between.
            nearest = min if wanted else max
            return nearest(pairs, key=lambda pair: pair[1] - pair[0])
        if reads and writes and read != write:
            return reads[0], writes[-1]
    return None


def _may(step: Step, kind: str, name: str) -> bool:
    return (step.kind == kind and name in (step.name, "")) or (step.kind == CALL and bool(name) and step.name == name)


def _bond(steps: Steps, read: Step, write: Step) -> Bond:
    if read.statement == write.statement:
        return Bond.VALUE
    carried = set(steps.stores[read.statement])
    if read.statement < write.statement:
        for number in range(read.statement + 1, write.statement):
            if steps.loads[number] & carried:
                carried |= steps.stores[number]
    if steps.loads[write.statement] & carried:
        return Bond.VALUE
    if any(guard == read.statement or steps.loads[guard] & carried for guard in write.guards):
        return Bond.CHOICE
    return Bond.NONE


def _between(steps: list[Step], read: int, write: int) -> Between:
    if write < read:
        return Between.LOOP
    inside = {step.kind for step in steps[read + 1 : write]}
    if steps[read].kind == CALL:
        inside.add(CALL)  # at its end, when it has read: behind `counts.get(key)` another thread may come in
    return Between.CALL if CALL in inside else Between.LOOP if LOOP in inside else Between.NOTHING
