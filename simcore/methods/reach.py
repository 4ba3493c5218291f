"""Which globals a function can reach, by the bytecode of the user's functions; it runs nothing of the user's.

A name is (module, global): `("__main__", "CONFIG")`, also in a child process that knows its main module by another name. Of a
module that a function uses, the attributes are named that it takes: `("time", "strftime")`. Standard library only: this runs
inside the recorded program.
"""

import dis
import functools
import os
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

Name = tuple[str, str]

MISSING: Final = object()
"""What `look_up` gives for a name that is not there."""

_MOST_ITEMS: Final = 200
_NO_DATA: Final = ("builtins", "sys", "simcore")
"""Modules whose attributes are every process's own business."""
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep
_PACKAGES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_NOTHING: Final = frozenset({"CACHE", "NOP", "PRECALL", "PUSH_NULL", "COPY", "SWAP", "EXTENDED_ARG", "RESUME"})


def reachable(*roots: object) -> dict[Name, object]:
    """The globals that these functions, methods, objects of the user's classes, or containers of them can reach.

    Modules themselves are left out, their attributes are in. Every method of a class counts that is reached.
    """
    walk = _Walk()
    for root in roots:
        walk.visit(root)
    walk.finish()
    return walk.found


def look_up(name: Name) -> object:
    """The value of a global in this process now, or MISSING; a module that is not loaded is not loaded for this."""
    module = sys.modules.get(name[0])
    return MISSING if module is None else getattr(module, name[1], MISSING)


def module_name(name: object) -> str:
    """The name of a module as the first process knows it."""
    return "__main__" if name == "__mp_main__" else str(name)


def is_user_module(name: str) -> bool:
    """Whether a module is the user's own: neither of the standard library nor installed, nor ours."""
    module = sys.modules.get(name)
    if module is None or name.partition(".")[0] == "simcore":
        return False
    file = getattr(module, "__file__", None)
    if file is None:
        return module_name(name) == "__main__"  # of `python -c`, or of stdin
    return name.partition(".")[0] == "simcore_patterns" or _is_users(file)


@functools.cache
def _is_users(file: str) -> bool:
    path = os.path.abspath(file)
    return not path.startswith(_LIBRARY) and not any(part in path for part in _PACKAGES)


class _Walk:
    """One search: what is still to be looked at, and what was found."""

    def __init__(self) -> None:
        self.found: dict[Name, object] = {}
        self._seen: dict[int, object] = {}  # by id; the objects are kept, so that an id stays one's own
        self._todo: list[object] = []

    def visit(self, value: object) -> None:
        """Note what may hold functions; they are looked at by `finish`, for objects may nest deeply."""
        if id(value) not in self._seen:
            self._seen[id(value)] = value
            self._todo.append(value)

    def finish(self) -> None:
        while self._todo:
            self._look(self._todo.pop())

    def _look(self, value: Any) -> None:
        kind = type(value)
        if kind is FunctionType:
            if is_user_module(value.__module__ or ""):
                self._read(value)
            else:
                self.visit(getattr(value, "__wrapped__", None))  # a library's decorator around a function of the user's
        elif kind is MethodType:
            self.visit(value.__func__)
            self.visit(value.__self__)
        elif kind in (staticmethod, classmethod):
            self.visit(value.__func__)
        elif kind is property:
            for part in (value.fget, value.fset, value.fdel):
                self.visit(part)
        elif isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self.visit(part)
        elif isinstance(value, type):
            if is_user_module(value.__module__):
                for part in (*value.__bases__, *list(vars(value).values())):
                    self.visit(part)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for _, part in zip(range(_MOST_ITEMS), _items(value), strict=False):
                self.visit(part)
        elif isinstance(value, dict):
            for _, part in zip(range(_MOST_ITEMS), list(dict.values(value)), strict=False):
                self.visit(part)
        elif is_user_module(kind.__module__):
            self.visit(kind)
            for part in list(state_of(value).values()):
                self.visit(part)

    def _read(self, function: FunctionType) -> None:
        names = function.__globals__
        module = module_name(names.get("__name__"))
        for part in (function.__defaults__ or (), function.__kwdefaults__ or {}, getattr(function, "__wrapped__", None)):
            self.visit(part)
        for cell in function.__closure__ or ():
            try:
                self.visit(cell.cell_contents)
            except ValueError:
                pass  # empty
        for chain in sorted(uses(function.__code__)):
            first, *rest = chain
            if first.startswith("import "):
                self._take_attribute(_imported(first[7:], names), rest)
            elif first in names:
                value = names[first]
                if type(value) is ModuleType:
                    self._take_attribute(value, rest)
                else:
                    self._take((module, first), value)

    def _take_attribute(self, module: ModuleType | None, rest: list[str]) -> None:
        while module is not None and rest:
            name, *rest = rest
            value = vars(module).get(name, MISSING)
            if type(value) is not ModuleType:
                if value is not MISSING and module.__name__.partition(".")[0] not in _NO_DATA:
                    self._take((module_name(module.__name__), name), value)
                return
            module = value

    def _take(self, name: Name, value: object) -> None:
        self.found[name] = value
        self.visit(value)


def _items(value: Any) -> list[object]:
    """The items of a container, past whatever a subclass makes of iteration."""
    kinds: tuple[Any, ...] = (list, tuple, set, frozenset)
    return next((list(kind.__iter__(value)) for kind in kinds if isinstance(value, kind)), [])


def state_of(value: object) -> Mapping[str, object]:
    """The attributes that an object has of its own, those in slots too; no code of its class runs."""
    try:
        found = dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        found = {}
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = kind.__dict__.get(name)
            if type(member).__name__ == "member_descriptor":
                try:
                    found[name] = member.__get__(value)  # type: ignore[union-attr]
                except AttributeError:
                    pass  # not set
    return found


def _imported(name: str, names: Mapping[str, object]) -> ModuleType | None:
    """The loaded module that a function's own `import` means; None when it has never run."""
    found = sys.modules.get(name) or sys.modules.get(f"{names.get('__package__') or ''}.{name}")
    return found if type(found) is ModuleType else None


# Bytecode -----------------------------------------------------------------------------------------------------------------------


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of the functions, lambdas and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def uses(code: CodeType) -> set[tuple[str, ...]]:
    """The globals that a code object names, each with the attributes taken of it in a row: `("os", "path", "join")`.

    What comes from an import within the function begins with `import NAME`.
    """
    found: set[tuple[str, ...]] = set()
    for part in codes(code):
        found |= _uses_of_one(part)
    return found


def _instructions(code: CodeType) -> Iterator[tuple[str, Any]]:
    """Names and arguments of instructions; those that do two things at once (LOAD_FAST_LOAD_FAST) as two."""
    for instruction in dis.get_instructions(code):
        name, argument = instruction.opname, instruction.argval
        if isinstance(argument, tuple) and name.count("_FAST") == 2:
            cut = name.index("_FAST") + len("_FAST")
            yield name[:cut], argument[0]
            yield name[cut + 1 :], argument[1]
        else:
            yield name, argument


@functools.lru_cache(maxsize=4096)
def _uses_of_one(code: CodeType) -> frozenset[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    modules: dict[object, tuple[str, ...]] = {}  # local names of modules that were imported here
    chain: tuple[str, ...] = ()
    names: object = None  # what is taken of a module: `a, b`
    source: tuple[str, ...] = ()  # the module of `from module import a, b`
    for name, argument in _instructions(code):
        if name in _NOTHING:
            continue
        if name in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            chain = (*chain, argument)
            continue
        if name.startswith("STORE_") and chain and chain[0].startswith("import "):
            modules[argument] = chain
        if chain and not (name == "IMPORT_FROM" and chain == source):
            found.add(chain)
        if name == "IMPORT_FROM" and source:
            chain = (*source, argument)
            continue
        chain = ()
        if name == "LOAD_CONST":
            names = argument
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            chain = modules.get(argument, (argument,))
        elif name == "IMPORT_NAME":
            # `import a.b` gives a, and `as c` then takes b of it; `from a.b import c` begins at a.b.
            chain = source = (f"import {argument if names else argument.partition('.')[0]}",)
        elif name.startswith(("LOAD_FAST", "LOAD_DEREF")) and argument in modules:
            chain = modules[argument]
    if chain:
        found.add(chain)
    return frozenset(found)
