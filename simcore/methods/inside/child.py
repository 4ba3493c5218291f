"""A child in a state run: everything it sees at its first line, by texts, numbers and salted digests."""

import os
import sys
import threading
from types import FunctionType, ModuleType
from typing import Any

from simcore.methods.inside import log
from simcore.methods.inside import probes as all_probes

WORKERS = ("multiprocessing.pool", "concurrent.futures.process")
_INITIALIZER = 2
"""Where the worker of a pool, and that of an executor, takes its initializer."""

_MOST_GLOBALS = 400
_salt = b""


def salt() -> bytes:
    """What digests are worth nothing without."""
    global _salt
    if not _salt:
        with open(f"{log.folder}/salt", "rb") as file:
            _salt = file.read()
    return _salt


def roots_of(process: Any) -> tuple[Any, ...]:
    """What a process will run and was given."""
    target = getattr(process, "_target", None)
    if target is None:
        return (process,)
    return target, *getattr(process, "_args", ()), *getattr(process, "_kwargs", {}).values()


def at_first_line(process: Any) -> None:
    """Look at everything. A worker is looked at behind its initializer, whose business it is to set globals."""
    target = getattr(process, "_target", None)
    arguments = getattr(process, "_args", ())
    worker = str(getattr(target, "__module__", "")) in WORKERS and len(arguments) > _INITIALIZER
    facts = all_probes.facts()
    log.write("state", name=log.name, facts=facts)
    if not worker:
        _look(process, roots_of(process), everything=False)
        _watch_exit()
        return
    real = arguments[_INITIALIZER]

    def initializer(*given: Any) -> None:
        if real is not None:
            real(*given)
        _look(process, (), everything=True)

    process._args = (*arguments[:_INITIALIZER], initializer, *arguments[_INITIALIZER + 1 :])


def _look(process: Any, roots: tuple[Any, ...], *, everything: bool) -> None:
    """The globals; `everything` where what will be asked for comes later, as a task."""
    from simcore.methods.reach import reachable

    found = user_globals() if everything else reachable(*roots)
    target = getattr(process, "_target", None)
    log.write(
        "globals",
        name=log.name,
        worker=everything,
        assigned=sorted(_assigned(target)),
        found=texts(found),
    )


def user_globals() -> dict[tuple[str, str], Any]:
    """The globals of all modules of the user's."""
    from simcore.methods.reach import is_user_module, module_name

    found: dict[tuple[str, str], Any] = {}
    for name, module in list(sys.modules.items()):
        if type(module) is ModuleType and is_user_module(name):
            for key, value in list(_namespace(module).items()):
                if not key.startswith("__") and type(value) is not ModuleType and len(found) < _MOST_GLOBALS:
                    found[module_name(name), key] = value
    return found


def _namespace(module: ModuleType) -> dict[str, Any]:
    """The globals that a module's functions use; those of a main module that is imported again are not the module's own."""
    for value in list(vars(module).values()):
        if type(value) is FunctionType and value.__module__ == module.__name__:
            return value.__globals__
    return vars(module)


def texts(found: dict[tuple[str, str], Any]) -> dict[str, dict[str, Any]]:
    """What is told of globals."""
    return {f"{module}.{name}": _global(value, name) for (module, name), value in found.items()}


def _assigned(target: Any) -> set[str]:
    """Globals that the target itself assigns."""
    import dis

    code = getattr(getattr(target, "__func__", target), "__code__", None)
    if code is None:
        return set()
    module = "__main__" if target.__module__ == "__mp_main__" else target.__module__
    return {f"{module}.{one.argval}" for one in dis.get_instructions(code) if one.opname == "STORE_GLOBAL"}


def _global(value: Any, name: str) -> dict[str, Any]:
    """The texts of a value, and what it is beyond them."""
    import random

    from simcore.methods.texts import texts_of

    kind = type(value)
    seen: dict[str, Any] = {"texts": texts_of(value, salt(), name), "type": kind.__name__}
    if issubclass(kind, random.Random) or (kind.__module__.startswith("numpy.random") and kind.__name__ != "module"):
        seen["random"] = all_probes.digest(_generator_state(value))
    elif kind.__name__ in ("socket", "SSLSocket", "Connection") or kind.__module__ in ("sqlite3", "psycopg2.extensions"):
        seen["connection"] = _identity(value)
    elif issubclass(kind, threading.local):
        seen["local"] = sorted(str(key) for key in vars(value))
    elif issubclass(kind, threading.Thread):
        seen["alive"] = value.is_alive()
    elif kind.__name__ == "ContextVar":
        seen["context"] = True
    return seen


def _generator_state(value: Any) -> str:
    try:
        if hasattr(value, "getstate"):
            return repr(value.getstate())
        state = getattr(value, "bit_generator", value)
        return repr(state.get_state() if hasattr(state, "get_state") else state.state)
    except Exception:
        return ""


def _identity(value: Any) -> str:
    """Which open file is behind a connection: the same text in two processes that share it."""
    try:
        found = os.fstat(value.fileno())
    except (OSError, AttributeError, ValueError, TypeError):
        return type(value).__name__
    return all_probes.digest(f"{found.st_dev}:{found.st_ino}")


# atexit: what is registered while the target runs, and whether it is called ---------------------------------------------------

_before = 0


def _watch_exit() -> None:
    import atexit

    global _before
    atexit.register(_called)
    _before = atexit._ncallbacks()


def _called() -> None:
    log.write("atexit called", name=log.name)


def at_last_line() -> None:
    """The target has returned or raised."""
    import atexit

    if _before:
        log.write("atexit", name=log.name, registered=atexit._ncallbacks() - _before)
