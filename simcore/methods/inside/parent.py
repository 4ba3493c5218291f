"""The parent in a state run: what is there at the moment of a start that a forked child would take along."""

import gc
import io
import os
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from simcore.methods.inside import leaves, log

_LIBRARY = ("multiprocessing", "concurrent.futures.process")
_MOST_OBJECTS = 20_000
_starting: dict[str, Any] = {}
_registered = False


def before_start(process: Any, site: str) -> None:
    """Look, right before a process is started; what must be looked at later is left to the moment of the fork."""
    global _registered
    from simcore.methods.inside import child, probes
    from simcore.methods.reach import reachable

    if not _registered:
        _registered = True
        os.register_at_fork(before=_before_fork)
    roots = child.roots_of(process)
    module = getattr(getattr(process, "_target", None), "__module__", "")
    found = child.user_globals() if module in child.WORKERS else reachable(*roots)
    names = [f"{module}.{name}" for module, name in reachable(*roots)]
    _starting.update(process=process, site=site, names=names)
    log.write(
        "before start",
        name=process._simcore_name,
        site=site,
        names=names,
        calls_getppid=any(name in ("os.getppid", "posix.getppid") for name in names),
        facts=probes.facts(),
        found=child.texts(found),
        unpicklable=leaves.of_process(process) if log.method == "fork" else [],
    )


def after_start() -> None:
    """The start is over."""
    _starting.clear()


def _before_fork() -> None:
    """At the fork itself, whoever else runs meanwhile."""
    process = _starting.get("process")
    if process is None or log.method != "fork":
        return
    from simcore.methods.reach import is_user_module, module_name

    me = threading.current_thread()
    others = [thread for thread in threading.enumerate() if thread is not me and not _is_librarys(thread)]
    modules = [module for name, module in list(sys.modules.items()) if type(module) is ModuleType and is_user_module(name)]
    roots: list[tuple[str, str, Any]] = []
    for module in {id(one): one for one in modules}.values():
        for key, value in list(vars(module).items()):
            if not key.startswith("__") and type(value) is not ModuleType:
                roots.append((f"{module_name(module.__name__)}.{key}", key, value))
    target = getattr(process, "_target", None)
    roots.append(("", "target", getattr(target, "__self__", None)))
    roots += [("", f"args[{number}]", value) for number, value in enumerate(getattr(process, "_args", ()))]
    names = set(_starting["names"])
    held = [(path, log.masked(_holder(path, lock, others)), not name or name in names) for name, path, lock in _held(roots)]
    log.write(
        "fork",
        name=process._simcore_name,
        site=_starting["site"],
        threads=[log.masked(thread.name) for thread in others],
        shared=sorted({name for thread in others for name in _reach_of(thread)} & names),
        held=held,
        pending=[*_pending(roots, names)],
        connections=[*_connections(roots)],
    )


def note_task(function: Any, arguments: tuple[Any, ...]) -> None:
    """What a worker's task can reach; the task itself may be one of the library's around the user's function."""
    from simcore.methods.reach import reachable

    log.write("task", names=[f"{module}.{name}" for module, name in reachable(function, *arguments[:2])])


def _is_librarys(thread: threading.Thread) -> bool:
    """Whether `multiprocessing` or an executor has started this thread for its own purposes."""
    target = getattr(thread, "_target", None)
    module = str(getattr(target, "__module__", "") or "")
    return type(thread).__module__.startswith(_LIBRARY) or module.startswith(_LIBRARY)


def _reach_of(thread: threading.Thread) -> Iterator[str]:
    """The globals that a thread's target uses, functions and classes left aside."""
    from simcore.methods.reach import reachable

    target = getattr(thread, "_target", None)
    for (module, name), value in reachable(target if target is not None else type(thread)).items():
        if not callable(value) and type(value).__module__ != "logging":
            yield f"{module}.{name}"


_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_NOT_SEARCHED = ("multiprocessing", "concurrent", "builtins", "logging")
"""Their locks are shared between processes, or made anew behind a fork."""

_SKIPPED = ("_waiters", "_tstate_lock", "_handle")


def _held(roots: list[tuple[str, str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Root, path and lock of each lock below these that is held and does not belong to this thread."""
    seen: set[int] = set()
    todo = [(name, path, value, 0) for name, path, value in roots]
    for count, (name, path, value, depth) in enumerate(todo):
        if count > _MOST_OBJECTS or id(value) in seen:
            continue
        seen.add(id(value))
        kind = type(value)
        if kind in _LOCKS:
            if _is_held(value):
                yield name, path, value
        elif depth < 4 and not isinstance(value, (threading.Thread, type)):
            if isinstance(value, dict):
                parts = [(f"{path}[{_key(key)}]", part) for key, part in list(dict.items(value))[:200]]
            elif isinstance(value, (list, tuple)):
                parts = [(f"{path}[{number}]", part) for number, part in enumerate(value[:200])]
            elif any(base.__module__.partition(".")[0] in _NOT_SEARCHED for base in kind.__mro__[:-1]):
                continue
            else:
                try:
                    own = object.__getattribute__(value, "__dict__")
                except (AttributeError, TypeError):
                    continue
                parts = [(f"{path}.{key}", part) for key, part in list(own.items())[:200] if key not in _SKIPPED]
            todo += [(name, below, part, depth + 1) for below, part in parts]


def _key(key: Any) -> str:
    text = repr(key) if type(key) in (int, str) else type(key).__name__
    return log.masked(text) if len(text) < 24 else type(key).__name__


def _is_held(lock: Any) -> bool:
    if hasattr(lock, "locked") and type(lock) is _LOCKS[0]:
        return bool(lock.locked())
    text = repr(lock)  # an RLock of C says who owns it nowhere else
    owner = text.partition("owner=")[2].partition(" ")[0]
    return text.startswith("<locked") and owner != str(threading.get_ident())


def _holder(path: str, lock: Any, others: list[threading.Thread]) -> str:
    """The name of the thread that holds a lock: an RLock says so, else the one that has the lock's name on its stack."""
    owner = repr(lock).partition("owner=")[2].partition(" ")[0]
    names = {str(thread.ident): thread.name for thread in others}
    if owner:
        return names.get(owner, "")
    last = path.rpartition(".")[2].partition("[")[0]
    frames = sys._current_frames()
    for thread in others:
        frame = frames.get(thread.ident or 0)
        while frame is not None:
            if last in frame.f_code.co_names:
                return thread.name
            frame = frame.f_back
    return "" if others else threading.current_thread().name


def _pending(roots: list[tuple[str, str, Any]], names: set[str]) -> Iterator[tuple[str, int, bool]]:
    """Files with text that is not written yet: their name, how much, and whether the target can reach them.

    The text in a TextIOWrapper can be seen only by what it refers to: to ask for its position would write it.
    """
    by_id = {id(value): (name, path) for name, path, value in roots}
    for thing in gc.get_objects():
        kind = type(thing)
        size = 0
        if kind is io.TextIOWrapper and thing is not sys.stdout and thing is not sys.stderr:
            size = _waiting_text(thing)
            buffer = None if size == 0 else thing
        elif kind is io.BufferedWriter:
            try:
                size = thing.tell() - os.lseek(thing.fileno(), 0, os.SEEK_CUR) if not thing.closed and thing.seekable() else 0
            except (OSError, ValueError):
                continue
            buffer = thing
        if size > 0 and buffer is not None:
            name, path = by_id.get(id(buffer), ("", ""))
            yield path or "an open file", size, name in names if name else False


def _waiting_text(file: io.TextIOWrapper) -> int:
    try:
        if file.closed or not file.writable():
            return 0
        known = {id(file.encoding), id(file.errors), id(file.mode) if hasattr(file, "mode") else 0, id(file.newlines)}
    except (OSError, ValueError, AttributeError):
        return 0
    size = 0
    for part in gc.get_referents(file):
        if type(part) is list:
            size += sum(len(piece) for piece in part if type(piece) in (str, bytes))
        elif type(part) is bytes or (
            type(part) is str and id(part) not in known and part not in ("", "\n", "\r", "\r\n", "strict", "utf-8")
        ):
            size += len(part)
    return size


def _connections(roots: list[tuple[str, str, Any]]) -> Iterator[tuple[str, str]]:
    """Globals that are connections: path and type."""
    for name, path, value in roots:
        kind = type(value)
        if name and kind.__name__ in ("socket", "Connection", "SSLSocket") and kind.__module__ in ("socket", "ssl", "_socket"):
            yield path, kind.__name__
