"""Texts for values, by which two processes compare their globals: type, size, short scalars, and digests of all else.

The same value gives the same texts in any process: no addresses, no order of a set. What is longer than a short scalar, and
whatever stands in the environment, is given as its size and a digest that is worth nothing outside the run. No method of the
user's classes is called. Standard library only: this runs inside the recorded program.
"""

import functools
import os
import pickle
import random
import sys
from _blake2 import blake2b
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from threading import local as _local
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Final

from simcore.methods.reach import MISSING, is_user_module, module_name, state_of

SHORT: Final = 24
"""Characters of the longest text that is shown as it is."""

_MOST_LEAVES: Final = 200
_MOST_DIGESTED: Final = 20_000
_MOST_SORTED: Final = 5_000
_DEEPEST: Final = 6
_SECRETS: Final = ("secret", "token", "passw", "key", "credential", "auth")
_REST: Final = "..."

_CONTAINERS: Final[tuple[Any, ...]] = (dict, deque, list, tuple, set, frozenset)

Texts = dict[str, str]
"""Paths to texts: `{"": "dict of 2", "['quality']": "90", "['verbose']": "False"}`."""


def texts_of(value: object, salt: bytes = b"", name: str = "") -> Texts:
    """The texts of a value by path; of a large one the first, and one digest of the next.

    `name` is what the program calls it: of a `TOKEN` no text is shown.
    """
    found: Texts = {}
    rest = blake2b(key=salt, digest_size=6)
    leaves = _Leaves(salt, name)
    for number, (path, text) in enumerate(leaves.of(value, "", 0)):
        if number < _MOST_LEAVES:
            found[path] = text
        elif number < _MOST_DIGESTED:
            rest.update(f"{path}={text}\0".encode("utf-8", "surrogatepass"))
        else:
            break
    if len(found) == _MOST_LEAVES:
        found[_REST] = f"#{rest.hexdigest()}"
    return found


def differences(a: Mapping[str, str], b: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Where the texts of two values differ: path and both texts, "" where there is none; the deepest that say it, in order.

    A container that differs in size is one difference; what is in it is then not told.
    """
    found: list[tuple[str, str, str]] = []
    for path in [*a, *(path for path in b if path not in a)]:
        if a.get(path) != b.get(path) and not any(path != above and path.startswith(above) for above, _, _ in found):
            found.append((path, a.get(path, ""), b.get(path, "")))
    return found


class _Leaves:
    """Goes through one value."""

    def __init__(self, salt: bytes, name: str) -> None:
        self._salt, self._name = salt, name
        self._values = [one for one in os.environ.values() if len(one) > 2]  # `1` stands anywhere, and means nothing
        self._above: set[int] = set()

    def of(self, value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
        """The text of a value and those of what it holds."""
        kind = type(value)
        if value is MISSING:
            yield path, "not there"
        elif value is None or kind in (bool, int, float, complex, str, bytes, bytearray):
            yield path, self._scalar(value, path)
        elif id(value) in self._above:
            yield path, "itself"
        else:
            self._above.add(id(value))
            text, parts = self._look(value, kind, depth)
            yield path, text
            if depth < _DEEPEST:
                for name, part in parts:
                    yield from self.of(part, path + name, depth + 1)
            self._above.discard(id(value))

    def _look(self, value: Any, kind: type, depth: int) -> tuple[str, Iterable[tuple[str, object]]]:
        """The text of what is no scalar, and its parts by their names."""
        for base in _CONTAINERS:
            if isinstance(value, base):
                shown = kind.__name__ if kind is not base else base.__name__
                return f"{shown} of {base.__len__(value)}", self._parts(value, base)
        if isinstance(value, (FunctionType, BuiltinFunctionType, BuiltinMethodType)) or kind.__name__ in (
            "builtin_function_or_method",
            "method_descriptor",
            "wrapper_descriptor",
        ):
            owner = getattr(value, "__self__", None)
            if type(owner).__module__.startswith("numpy.random"):
                return self._object(owner, type(owner))  # it draws from that
            return f"function {_qualified(value)}", ()
        if kind is MethodType:
            return f"method {_qualified(value.__func__)}", () if depth else ((".__self__", value.__self__),)
        if isinstance(value, functools.partial):
            return "partial", ((".func", value.func), (".args", value.args), (".keywords", value.keywords))
        if isinstance(value, type):
            own = vars(value).items() if depth < 2 and is_user_module(value.__module__) else ()
            return f"class {_qualified(value)}", [(f".{name}", part) for name, part in list(own) if _is_data(name, part)]
        if isinstance(value, ModuleType):
            return f"module {module_name(value.__name__)}", ()
        return self._object(value, kind)

    def _object(self, value: Any, kind: type) -> tuple[str, Iterable[tuple[str, object]]]:
        name = f"{module_name(kind.__module__)}.{kind.__qualname__}".removeprefix("builtins.").removeprefix("__main__.")
        if isinstance(value, random.Random) and getattr(kind, "getstate", None) is random.Random.getstate:
            return f"Random {self.digest(repr(random.Random.getstate(value)))}", ()
        if kind.__module__.startswith("numpy.random") and hasattr(value, "__getstate__"):
            return f"Random {self.digest(repr(pickle.dumps(value)))}", ()
        if kind is os.environ.__class__:
            return "environment", ()
        if kind.__name__ == "ContextVar":
            try:
                return "ContextVar", ((".get()", value.get()),)
            except LookupError:
                return "ContextVar", ()
        logging = sys.modules.get("logging")
        if logging is not None and isinstance(value, logging.Logger):
            handlers = sum(len(logger.handlers) for logger in {id(one): one for one in (value, logging.root)}.values())
            level = logging.Logger.getEffectiveLevel(value)
            return "Logger", ((".level", level), (".handlers", handlers))
        if kind.__module__ in ("datetime", "decimal", "fractions", "pathlib", "pathlib._local", "uuid"):
            return f"{name} {self.digest(repr(value))}", ()
        if kind.__module__ == "numpy" and kind.__name__ == "ndarray":
            return f"array of {value.shape}", ((".data", value.tobytes()),) if value.nbytes < 1 << 20 else ()
        if isinstance(value, _local):
            return name, [(f".{key}", part) for key, part in sorted(value.__dict__.items())]  # this thread's
        if isinstance(value, SimpleNamespace) or is_user_module(kind.__module__) or name == "argparse.Namespace":
            return name, [(f".{key}", part) for key, part in sorted(state_of(value).items())]
        enum = sys.modules.get("enum")
        if enum is not None and isinstance(value, enum.Enum):
            return f"{name}.{value.name}", ()
        return name, ()

    def _parts(self, value: Any, base: Any) -> Iterator[tuple[str, object]]:
        """What a container holds; another thread may change it meanwhile, so it is copied first."""
        if base is dict:
            for key, part in list(dict.items(value)):
                yield f"[{self._scalar(key, '') if _is_scalar(key) else _size_of(key)}]", part
        elif base in (set, frozenset):
            if 0 < base.__len__(value) <= _MOST_SORTED:
                items = list(base.__iter__(value))
                whole = sorted("\0".join(f"{path}={text}" for path, text in self.of(item, "", 2)) for item in items)
                yield " items", "\n".join(whole) + "\n" * SHORT  # long enough to be a digest
        else:
            for number, part in enumerate(list(base.__iter__(value))):
                yield f"[{number}]", part

    def _scalar(self, value: Any, path: str) -> str:
        """A short scalar as it is; a digest of a long one, and of what may be a secret."""
        text = repr(value)
        if not isinstance(value, (str, bytes, bytearray)):
            shown = len(text) <= SHORT and (value is None or type(value) is bool or text not in self._values)
            return text if shown else f"{type(value).__name__} {self.digest(text)}"
        lowered = (self._name + path).lower()
        plain = os.fsdecode(value) if isinstance(value, bytes) else value
        if (
            len(value) > SHORT
            or not isinstance(plain, str)
            or any(one in plain for one in self._values)
            or any(map(lowered.__contains__, _SECRETS))
        ):
            return f"{type(value).__name__} of {len(value)}" + (f" {self.digest(text)}" if value else "")
        return text

    def digest(self, text: str) -> str:
        """A few digits that tell one text from another within this run."""
        return "#" + blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=4).hexdigest()


def _is_scalar(value: object) -> bool:
    return value is None or type(value) in (bool, int, float, str, bytes)


def _size_of(value: object) -> str:
    return f"{type(value).__name__} of {len(value)}" if type(value) in (tuple, frozenset) else type(value).__name__  # type: ignore[arg-type]


def _is_data(name: str, value: object) -> bool:
    """Whether an attribute of a class is something that a program changes."""
    if name.startswith("__") and name.endswith("__"):
        return False
    return not (callable(value) or hasattr(type(value), "__get__"))


def _qualified(value: Any) -> str:
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", type(value).__name__)
    return f"{module_name(module)}.{name}" if isinstance(module, str) else str(name)
