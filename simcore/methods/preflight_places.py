"""Places and names of what is looked at inside the program, the locks that values hold, the threads beside this one.

Standard library and runtime only: this runs inside the recorded program.
"""

import dis
import os
import sys
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any, Final

from simcore.methods import reach
from simcore.runtime.sites import is_internal

Place = tuple[str, int]

_HERE: Final = os.path.dirname(__file__) + os.sep


def place_of(frame: FrameType | None) -> Place | None:
    """The nearest line of the user's."""
    while frame is not None and (is_internal(frame.f_code) or frame.f_code.co_filename.startswith(_HERE)):
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno or 0)


def is_direct(frame: FrameType | None) -> bool:
    """Whether the user's own code called, and no library on its behalf."""
    while frame is not None and "simcore" in frame.f_code.co_filename and is_internal(frame.f_code):
        frame = frame.f_back
    return frame is not None and not is_internal(frame.f_code)


def code_place(value: object) -> Place | None:
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    return None if code is None or is_internal(code) else (code.co_filename, code.co_firstlineno)


def files_of(names: Iterable[reach.Name]) -> dict[str, str]:
    """The files of the user's modules among these globals'."""
    found = {}
    for module in {name[0] for name in names}:
        if reach.is_user_module(module):
            found[module] = os.path.abspath(getattr(sys.modules[module], "__file__", None) or "<none>")
    return found


def main_file() -> str:
    return getattr(sys.modules.get("__main__"), "__file__", None) or ""


def name_of(target: Any) -> str:
    target = getattr(target, "func", target)
    return str(getattr(target, "__qualname__", type(target).__qualname__))


def kind_of(value: object) -> str:
    return (
        name_of(value)
        if callable(value) and hasattr(value, "__qualname__")
        else f"a {type(value).__module__}.{type(value).__qualname__}"
    )


def assigned_by(target: Any) -> list[str]:
    """The globals that a function itself assigns."""
    code = getattr(getattr(target, "__func__", target), "__code__", None)
    if code is None:
        return []
    return sorted({one.argval for one in dis.get_instructions(code) if one.opname == "STORE_GLOBAL"})


def threads() -> list[str]:
    """The names of the other threads, those of the library's own working left out."""
    me = threading.current_thread()
    return [
        thread.name
        for thread in threading.enumerate()
        if thread is not me and not _is_librarys(getattr(thread, "_target", None), type(thread))
    ]


def _is_librarys(target: Any, kind: type) -> bool:
    module = getattr(target, "__module__", None) or ""
    return module.startswith("multiprocessing.") or kind.__module__ in ("concurrent.futures.process", "multiprocessing.queues")


def locks_in(values: list[tuple[str, object]]) -> dict[int, str]:
    """The locks that these values hold, by their number in the recording, with the name of what holds them."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    todo = [(name, value, 0) for name, value in values]
    while todo:
        path, value, depth = todo.pop()
        number = getattr(type(value), "simcore_id", None) and getattr(value, "simcore_id", 0)
        if number:
            found.setdefault(number, path)
        kind = type(value)
        if depth > 4 or id(value) in seen or kind.__module__ == "logging" or isinstance(value, (type, str, bytes)):
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            todo += [(f"{path}[...]", part, depth + 1) for part in list(dict.values(value))[:200]]
        elif isinstance(value, (list, tuple)):
            todo += [(f"{path}[...]", part, depth + 1) for part in value[:200]]
        elif hasattr(value, "__self__"):
            todo.append((path, value.__self__, depth + 1))
        elif kind.__module__ in ("threading", "queue") or reach.is_user_module(kind.__module__):
            todo += [(f"{path}.{name}", part, depth + 1) for name, part in reach.state_of(value).items()]
    return found
