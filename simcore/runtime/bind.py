"""Finds a pattern's function by names alone and gives its parameters back the types they had.

Only names and plain values cross a process border. Standard library only: imported inside the recorded program, and by the
plugin host, so that both sides find and read a function in the same way.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, EnumMeta
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

BUILT: Final = "()/"
"""Stands in a qualified name between a hook and the name of a pattern that the hook builds: `simcore_patterns()/ring-4`."""

UNIONS: Final = (Union, UnionType)
"""What `get_origin` says of `T | None`, by how it was written."""


def module_name(path: str) -> str:
    """The name under which a single file is imported: `simcore_file_ring` for `/some/where/ring.py`. It shadows no module."""
    stem = path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    return "simcore_file_" + "".join(letter if letter.isalnum() else "_" for letter in stem)


def load_file(path: str, name: str = "") -> ModuleType:
    """Import one file as a module, always from its source: a cached bytecode file may be older than an edit a moment ago.

    Raises: whatever the file raises; it is then not left behind in `sys.modules`.
    """
    name = name or module_name(path)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    module = type(sys)(name)
    module.__file__ = path
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def find(module: object, qualname: str) -> Callable[..., object]:
    """The function of that qualified name in a module: `mutex`, or built by a hook, `simcore_patterns()/ring-4`.

    Raises: LookupError when it is not there (any more).
    """
    path, _, built_name = qualname.partition(BUILT)
    found: Any = module
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LookupError(f"{getattr(module, '__name__', module)} has no {path}") from None
    if not callable(found):
        raise LookupError(f"{path} in {getattr(module, '__name__', module)} is no function")
    if not built_name:
        function: Callable[..., object] = found
        return function
    functions: Iterable[Callable[..., object]] = found() or ()
    for function in functions:
        if getattr(getattr(function, "simcore_pattern", None), "name", None) == built_name:
            return function
    raise LookupError(f"{path} in {getattr(module, '__name__', module)} builds no pattern {built_name!r}")


def innermost(function: object) -> object:
    """The function under decorators (`__wrapped__`) and `functools.partial` objects: the one with code and annotations."""
    for _ in range(100):  # a function that wraps itself must not hang us
        under = getattr(function, "__wrapped__", None) or (getattr(function, "func", None) if not _has_code(function) else None)
        if under is None:
            break
        function = under
    return function


def _has_code(function: object) -> bool:
    return hasattr(function, "__code__")


def evaluated(annotation: object, function: object) -> object:
    """An annotation as an object: `from __future__ import annotations` leaves its text. Raises: whatever evaluating it raises."""
    if isinstance(annotation, str):
        return evaluated(eval(annotation, getattr(innermost(function), "__globals__", {})), function)
    return annotation


def plain(value: object) -> object:
    """A parameter's value as it is sent and kept: an Enum member by its name, a tuple as a list, all else as it is."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def is_same(a: object, b: object) -> bool:
    """Whether two plain values are the same: 1 is not True."""
    return type(a) is type(b) and a == b


def bind(function: object, values: Mapping[str, object]) -> dict[str, object]:
    """The keyword arguments for a call of `function` with these plain values: Enums become members again, lists what they were.

    Raises: ValueError when an Enum or Literal has no such value any more.
    """
    code = innermost(function)
    annotations = getattr(code, "__annotations__", {})
    defaults = _defaults(code)
    bound: dict[str, object] = {}
    for name, value in values.items():
        annotation = evaluated(annotations[name], function) if name in annotations else type(defaults.get(name))
        try:
            bound[name] = _typed(annotation, value)
        except LookupError:
            raise ValueError(f"parameter {name!r} has no value {value!r}; it takes {annotation}") from None
    return bound


def _defaults(function: object) -> dict[str, object]:
    code, values = getattr(function, "__code__", None), getattr(function, "__defaults__", None) or ()
    if code is None:
        return {}
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(values) :]
    return {**dict(zip(names, values, strict=True)), **(getattr(function, "__kwdefaults__", None) or {})}


def _typed(annotation: object, value: object) -> object:
    """A plain value as its annotation wants it. Raises: LookupError when there is no such choice."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _typed(arguments[0], value)
    if value is None:
        return None
    if origin is Literal:
        for choice in arguments:
            if is_same(plain(choice), value):
                return choice
        raise LookupError(value)
    if origin in UNIONS:
        return _typed(next(argument for argument in arguments if argument is not NoneType), value)
    if isinstance(value, list):
        items = [_typed(arguments[0], item) for item in value] if arguments else value
        return items if list in (origin, annotation) else tuple(items)
    if isinstance(annotation, EnumMeta):
        return annotation[str(value)]
    return value
