"""Begins the recording of accesses: which modules are rewritten, and how the program's main script is."""

import os
import sys
from fnmatch import fnmatchcase
from importlib.machinery import SourceFileLoader
from typing import Any, Final

from simcore.runtime import gate, sites
from simcore.runtime.access import accesses, hooks, loader
from simcore.runtime.core import HAS_GIL, core
from simcore.runtime.frames import hide

VARIABLE: Final = "SIMCORE_ACCESS"
"""The environment variable: set where accesses are recorded, to patterns of further modules that are rewritten, with commas."""

_OURS: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep


def install(included: str) -> None:
    """Rewrite the program's own modules from now on, and modules whose names match one of the patterns."""
    patterns = [pattern for pattern in included.split(",") if pattern]
    hooks.install()

    def wanted(name: str, path: str) -> bool:
        if path.startswith(_OURS) or name == "sitecustomize":
            return False
        if any(fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for pattern in patterns):
            return True
        return not path.startswith((sites.LIBRARY, "<")) and f"{os.sep}site-packages{os.sep}" not in path

    loader.install(wanted, accesses.register, _mark())
    sys.addaudithook(_look)


def _mark() -> Any:
    """What makes marks: where the core records, and the GIL keeps others out between a mark and its access."""
    return core.Mark if core is not None and HAS_GIL and not gate.current.following else None


def _look(event: str, arguments: Any) -> None:
    """The interpreter says what it is about to run: then its main script is run here, rewritten, and not there."""
    if event == "cpython.run_file":
        _run(os.fsdecode(arguments[0]))


_look.__cantrace__ = True  # type: ignore[attr-defined]  # debuggers and profilers see the program as ever


def _run(path: str) -> None:
    with open(path, "rb") as file:
        source = file.read()
    main = sys.modules["__main__"]
    names = vars(main)
    names.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
    code = 0
    try:
        exec(loader.compile_main(source, path), names)
    except SystemExit:
        raise
    except BaseException as error:
        hide(error)
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        for name in ("__file__", "__cached__"):
            names.pop(name, None)
        for stream in (sys.stderr, sys.stdout):
            try:
                stream.flush()
            except Exception:
                pass
    raise SystemExit(code)
