"""What of a process object cannot be pickled, down to the leaf: `args[0].lock`. Nothing is started for this."""

import io
import pickle
import sys
from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from simcore.methods.inside import log

_DEEPEST = 6
_OWN = ("synchronize", "connection", "queues", "sharedctypes", "heap", "process", "managers", "shared_memory", "context")


def of_process(process: Any) -> list[tuple[str, str, str, bool]]:
    """Path, type, error and whether it is a function or class, of each leaf that cannot be pickled."""
    found: list[tuple[str, str, str, bool]] = []
    target = getattr(process, "_target", None)
    arguments, named = getattr(process, "_args", ()), getattr(process, "_kwargs", {})
    parts: list[tuple[str, object]] = [("target", target), ("args", arguments), ("kwargs", named)]
    if type(process).__module__.partition(".")[0] != "multiprocessing":
        own = ("_target", "_args", "_kwargs", "_config", "_popen", "_identity", "_parent_name")
        parts += [(f"self.{name}", value) for name, value in vars(process).items() if name not in own and "simcore" not in name]
        parts.append(("class", type(process)))
    for name, value in parts:
        found += _blame(value, name, 0)
    return found


def _blame(value: Any, path: str, depth: int) -> list[tuple[str, str, str, bool]]:
    try:
        _Pickler(io.BytesIO()).dump(value)
    except Exception as error:
        below = [leaf for name, part in _parts(value) if depth < _DEEPEST for leaf in _blame(part, path + name, depth + 1)]
        below = [leaf for leaf in below if leaf[1] != "builtin_function_or_method"] or below  # a method of another leaf
        kind = type(value)
        is_code = kind in (FunctionType, MethodType) or isinstance(value, type)
        is_code = is_code or ("<locals>" in kind.__qualname__ and "local object" in str(error))
        return below or [(path, kind.__name__, f"{type(error).__name__}: {log.told(error)}".rstrip(": "), is_code)]
    return []


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, MethodType):
        yield ".__self__", value.__self__
    elif isinstance(value, partial):
        yield ".func", value.func
        yield ".args", value.args
        yield ".keywords", value.keywords
    elif isinstance(value, dict):
        for number, (key, part) in enumerate(value.items()):
            yield f"[{key!r}]" if type(key) in (int, str) and len(repr(key)) < 20 else f"[key {number}]", part
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield f"[{number}]", part
    elif hasattr(value, "__dict__") and not isinstance(value, (FunctionType, type, ModuleType)):
        for name, part in vars(value).items():
            yield f".{name}", part


class _Pickler(pickle.Pickler):
    """As the one of `multiprocessing`, which would make its own things anew for another start method: those are let pass."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        reduction = sys.modules.get("multiprocessing.reduction")
        if reduction is not None:
            self.dispatch_table = reduction.ForkingPickler(io.BytesIO()).dispatch_table

    def persistent_id(self, value: Any) -> str | None:
        kind = type(value)
        package, _, rest = kind.__module__.partition(".")
        if package == "multiprocessing" and rest.rpartition(".")[2] in _OWN:
            return kind.__name__
        if package == "concurrent" and any(base.__module__.startswith("multiprocessing.") for base in kind.__mro__):
            return kind.__name__  # an executor's queue
        if hasattr(kind, "_b_base_"):  # ctypes, of shared values
            return kind.__name__
        return None
