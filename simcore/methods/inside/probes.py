"""What a child sees of itself and its surroundings: one function for each family of facts, each from names to plain values.

Values of the environment leave as salted digests only. A plugin's probes are called behind these.
"""

import os
import signal
import sys
import threading
from typing import Any

from simcore.methods.inside import log, registered


def digest(text: str) -> str:
    """A few digits that tell one text from another within this comparison."""
    from hashlib import blake2b

    from simcore.methods.inside.child import salt

    return "#" + blake2b(text.encode("utf-8", "surrogatepass"), key=salt(), digest_size=6).hexdigest()


def facts() -> dict[str, Any]:
    """All facts of this process by family."""
    found: dict[str, Any] = {"modules": len(sys.modules)}
    for family in (
        _descriptors,
        _memory,
        _process,
        _environment,
        _signals,
        _interpreter,
        _logging,
        _context,
        _random,
        _libraries,
    ):
        found.update(family())
    found["plugins"] = _plugins()
    return found


def _process() -> dict[str, Any]:
    status: dict[str, str] = {}
    try:
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        pass
    parent = sys.modules["multiprocessing.process"].parent_process()
    return {
        "ppid is the parent": parent is not None and os.getppid() == parent.pid,
        "umask": status.get("Umask", ""),
        "python threads": threading.active_count(),
        "native threads": int(status.get("Threads", 0)),
        "hash probe": hash("simcore") & 0xFFFF,
        "arguments": digest(repr(sys.argv)),
        "working folder": digest(os.getcwd()),
        "import path": digest(repr([entry for entry in sys.path if "methods/inside" not in entry])),
    }


def _memory() -> dict[str, Any]:
    sizes: dict[str, int] = {}
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii", errors="replace") as file:
            for line in file:
                words = line.split()
                if len(words) == 3 and words[2] == "kB":
                    sizes[words[0]] = int(words[1])
    except OSError:
        return {}
    return {"pss kb": sizes.get("Pss:", 0), "private kb": sizes.get("Private_Clean:", 0) + sizes.get("Private_Dirty:", 0)}


def _descriptors() -> dict[str, Any]:
    files = sockets = pipes = 0
    listening: list[int] = []
    try:
        numbers = [int(entry) for entry in os.listdir("/proc/self/fd")]
    except OSError:
        return {}
    for number in numbers:
        try:
            place = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the folder itself
        if number <= 2:
            continue
        if place.startswith("socket:"):
            own, port = _socket(number)
            sockets += own
            if port >= 0:
                listening.append(port)
        elif place.startswith("pipe:"):
            pipes += 1
        elif place.startswith("/") and not place.startswith(("/dev/", "/proc/", log.folder)):
            files += 1
    return {"files": files, "sockets": sockets, "pipes": pipes, "descriptors": len(numbers) - 1, "listening": sorted(listening)}


def _socket(number: int) -> tuple[bool, int]:
    """Whether a socket has an address, as a pair of `multiprocessing`'s has not; the port at which it listens, -1 for none."""
    import socket

    try:
        own = socket.socket(fileno=os.dup(number))
    except OSError:
        return False, -1
    try:
        name = own.getsockname()
        if not name or (own.family == socket.AF_UNIX and not own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)):
            return False, -1
        if not own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return True, -1
        return True, int(name[1]) if isinstance(name, tuple) else 0
    except OSError:
        return False, -1
    finally:
        own.close()


def _environment() -> dict[str, Any]:
    return {
        "environment": {
            key: digest(value) for key, value in os.environ.items() if not key.startswith("SIMCORE_") and key != "PYTHONPATH"
        }
    }


def _signals() -> dict[str, Any]:
    found = {}
    for number in sorted(signal.valid_signals()):
        try:
            handler: Any = signal.getsignal(number)
        except ValueError:
            continue
        if handler in (signal.SIG_DFL, signal.default_int_handler) or handler is None:
            continue
        name = number.name if isinstance(number, signal.Signals) else f"signal {int(number)}"
        found[name] = "ignored" if handler is signal.SIG_IGN else str(getattr(handler, "__qualname__", type(handler).__name__))
    found.pop("SIGPIPE", None)
    found.pop("SIGXFSZ", None)
    return {"signal handlers": found}


def _interpreter() -> dict[str, Any]:
    import gc

    found: dict[str, Any] = {
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "gc": (gc.isenabled(), *gc.get_threshold()),
        "trace or profile": sys.gettrace() is not None or sys.getprofile() is not None,
        "own excepthook": sys.excepthook is not sys.__excepthook__,
    }
    warnings = sys.modules.get("warnings")
    if warnings is not None:
        kept = [
            (
                action,
                getattr(message, "pattern", message) or "",
                category.__name__,
                getattr(module, "pattern", module) or "",
                line,
            )
            for action, message, category, module, line in warnings.filters
        ]
        found["warning filters"] = (len(kept), digest(repr(kept)))
    locale = sys.modules.get("locale")
    if locale is not None:
        found["locale"] = str(locale.setlocale(locale.LC_ALL))[:40]
    return found


def _logging() -> dict[str, Any]:
    logging = sys.modules.get("logging")
    if logging is None:
        return {"logging level": 30, "logging handlers": 0}
    return {"logging level": logging.root.level, "logging handlers": len(logging.root.handlers)}


def _context() -> dict[str, Any]:
    from contextvars import copy_context

    from simcore.methods.inside.child import salt
    from simcore.methods.texts import texts_of

    found: dict[str, Any] = {}
    for variable, value in copy_context().items():
        if variable.name != "decimal_context":
            found[variable.name] = texts_of(value, salt(), variable.name).get("", "")
    precision: dict[str, Any] = {}
    decimal = sys.modules.get("decimal")
    if decimal is not None:
        context = decimal.getcontext()
        precision = {"precision": context.prec, "rounding": context.rounding}
    return {"context variables": found, "decimal": precision}


def _random() -> dict[str, Any]:
    numpy = sys.modules.get("numpy.random")
    found: dict[str, Any] = {}
    if numpy is not None:
        found["numpy random"] = digest(repr(numpy.get_state()[1].tolist()))
    return found


def _libraries() -> dict[str, Any]:
    return {"replaced": registered.replaced(), "registered": registered.counts()}


def _plugins() -> dict[str, Any]:
    """What the probes of plugins say: title to a short value, or what went wrong."""
    import json

    found: dict[str, Any] = {}
    for where, module, qualname, title in json.loads(os.environ.get("SIMCORE_COMPARE_PROBES") or "[]"):
        try:
            found[title] = _short(_function(where, module, qualname)())
        except Exception as error:
            found[title] = f"failed: {type(error).__name__}"
    return found


def _function(file: str, module: str, qualname: str) -> Any:
    from importlib import import_module

    from simcore.runtime import bind

    name = bind.module_name(file) if file else module
    found = sys.modules.get(name) or (bind.load_file(file) if file else import_module(module))
    return bind.find(found, qualname)


def _short(value: Any) -> Any:
    """A plain value as it is when it is short and not of the environment."""
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        return value if len(value) <= 40 and log.masked(value) == value and value not in os.environ.values() else digest(value)
    return type(value).__name__
