"""Would it pickle for a child that is not forked: down to the part that does not, with its path.

What `multiprocessing` makes and sends by itself (its locks, queues, connections, shared values) is left out, for after a switch
of the start method it is made for that method. Standard library only: this runs inside the recorded program, and its other
half, `loads`, in the fresh interpreter.
"""

import functools
import io
import pickle
import re
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

from simcore.methods.reach import state_of

_SENT: Final = frozenset(
    f"multiprocessing.{name}"
    for name in ("synchronize", "connection", "queues", "sharedctypes", "heap", "managers", "resource_sharer", "shared_memory")
)
_DEEPEST: Final = 12
_MOST_PARTS: Final = 500
_TOLD: Final = re.compile(
    r"cannot (be )?pickled?\b.*object|can't pickle [\w.<> ]+|can't (pickle|get) (local object|attribute) [\w.<>' ]+",
    re.IGNORECASE,
)


class Leaf(NamedTuple):
    """A part that cannot be pickled: where it is (`args[0].lock`), the part itself, why in a few words without its content."""

    path: str
    value: object
    why: str


class _Pickler(pickle.Pickler):
    """As `multiprocessing`'s, but what that sends by itself is named only."""

    def __init__(self, file: io.BytesIO, sent: list[object]) -> None:
        self._sent = sent
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        from multiprocessing.reduction import ForkingPickler

        self.dispatch_table = ForkingPickler(file).dispatch_table

    def persistent_id(self, value: Any) -> str | None:
        kind = type(value)
        if kind.__module__ in ("builtins", "__main__"):
            return None
        if not _is_sent(value, kind):
            return None
        self._sent.append(value)
        return f"{kind.__module__}.{kind.__qualname__}"


def _is_sent(value: object, kind: type) -> bool:
    if isinstance(value, type):
        return False
    if any(base.__module__ in _SENT for base in kind.__mro__):
        return True
    if kind.__name__ == "AuthenticationString" or (kind.__name__ == "socket" and kind.__module__ == "socket"):
        return True
    return kind.__module__ != "_ctypes" and hasattr(value, "_wrapper") and hasattr(value, "_b_base_")  # shared, of ctypes


class _Spawning:
    """Stands for the child that is being started, for what asks whether there is one."""

    def duplicate_for_child(self, number: int) -> int:
        return number


def dumps(value: object, sent: list[object] | None = None) -> bytes:
    """What a child that is not forked would be sent; `sent` takes what `multiprocessing` would send by itself.

    Raises: whatever pickling raises.
    """
    from multiprocessing import context

    file = io.BytesIO()
    before = context.get_spawning_popen()
    context.set_spawning_popen(_Spawning())  # type: ignore[arg-type]
    try:
        _Pickler(file, [] if sent is None else sent).dump(value)
    finally:
        context.set_spawning_popen(before)
    return file.getvalue()


class _Sent:
    """In the fresh interpreter: in the place of what `multiprocessing` would have sent. It lets itself be used in any way."""

    def __getattr__(self, name: str) -> "_Sent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_arguments: object, **_named: object) -> "_Sent":
        return self


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name: str) -> object:
        return _Sent()


def loads(data: bytes) -> object:
    """The value again. Raises: whatever unpickling raises."""
    return _Unpickler(io.BytesIO(data)).load()


def leaves(parts: Iterable[tuple[str, object]]) -> list[Leaf]:
    """The parts of these that cannot be pickled, each down to where nothing in it is to blame."""
    found: dict[int, Leaf] = {}
    for path, value in parts:
        for leaf in _blame(value, path, 0, set()):
            found.setdefault(id(leaf.value), leaf)
    return list(found.values())


def _blame(value: Any, path: str, depth: int, above: set[int]) -> Iterator[Leaf]:
    if id(value) in above:
        return
    try:
        dumps(value)
        return
    except Exception as error:
        why = _why(error, value)
    above.add(id(value))
    any_part = False
    if depth < _DEEPEST:
        for (name, part), _ in zip(_parts(value), range(_MOST_PARTS), strict=False):
            for leaf in _blame(part, path + name, depth + 1, above):
                any_part = True
                yield leaf
    above.discard(id(value))
    if not any_part:
        yield Leaf(path, value, why)


def _why(error: Exception, value: object) -> str:
    """The error without what it may tell of the data."""
    text = str(error)
    if isinstance(value, (FunctionType, type)):
        return "a lambda has no name to be found by" if value.__name__ == "<lambda>" else "it cannot be found by its name"
    told = _TOLD.search(re.sub(r" at 0x[0-9a-f]+", "", text))
    name = type(error).__name__
    return f"{name}: {told.group()}" if told else name


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    """What pickling a value pickles in turn."""
    if isinstance(value, (FunctionType, type, ModuleType, str, bytes)) or hasattr(type(value), "simcore_id"):
        return  # a lock that is recorded is one for the program
    if isinstance(value, MethodType):
        yield ".__self__", value.__self__
        return
    if isinstance(value, functools.partial):
        yield ".func", value.func
        for number, part in enumerate(value.args):
            yield f".args[{number}]", part
        for name, part in value.keywords.items():
            yield f".keywords[{name!r}]", part
        return
    if type(value).__module__ not in ("builtins", "_thread"):
        yield "", type(value)
    if isinstance(value, dict):
        for number, (key, part) in enumerate(list(dict.items(value))):
            shown = repr(key) if isinstance(key, (str, int)) and len(repr(key)) <= 24 else f"item {number}"
            yield f"[{shown}]", part
            yield f"[{shown}] (the key)", key
    elif isinstance(value, (list, tuple, set, frozenset)):
        for number, part in enumerate(value):
            yield f"[{number}]", part
    own = type(value).__dict__.get("__getstate__")
    if own is not None and isinstance(own, FunctionType):
        try:
            state = value.__getstate__()
        except Exception:
            return
        yield from ((f".{name}", part) for name, part in state.items()) if isinstance(state, dict) else ((" state", state),)
    else:
        yield from ((f".{name}", part) for name, part in state_of(value).items())


def parts_of(process: Any) -> Iterator[tuple[str, object]]:
    """What a process object holds for its child, under the names by which the program gave it."""
    yield "target", process._target
    for number, part in enumerate(process._args):
        yield f"args[{number}]", part
    for name, part in process._kwargs.items():
        yield f"kwargs[{name!r}]", part
    known = sys.modules["multiprocessing.process"].BaseProcess.__dict__
    yield f"class {type(process).__qualname__}", type(process)
    for name, part in list(vars(process).items()):
        if name not in ("_target", "_args", "_kwargs", "_config", "_popen") and name not in known:
            yield f"self.{name}", part
