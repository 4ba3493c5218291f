"""Has the import system compile the modules that are wanted by `rewrite`.

What is replaced is how a module in a source file comes to its code, `SourceFileLoader.get_code`: the lowest place that all ways
of importing share (statements, `importlib.reload`, specs made by hand, `python -m`). The loader, the spec, and all that is
found by them stay what they are. Modules from archives, frozen ones, those without a source, and those whose loader has a way
of compiling of its own (a checker of types, `pytest` for its tests) are left alone. No file of bytecode is read for a rewritten
module, and none is written: whoever imports it without us would get our code. `runpy` compiles scripts itself, also for a child
that `multiprocessing` spawns: so it gets a `compile` of its own.
"""

import importlib._bootstrap as bootstrap
import importlib._bootstrap_external as external
import os
import runpy
from collections.abc import Callable
from functools import partial
from types import CodeType
from typing import Any

from simcore.runtime import originals
from simcore.runtime.access.rewrite import Marking, rewrite
from simcore.runtime.access.spots import Spot
from simcore.runtime.frames import hide

Wanted = Callable[[str, str], bool]
"""Whether a module is to be rewritten, by its name and the path of its source."""
Register = Callable[[str, list[Spot]], int]
"""Takes the path and the spots of a module, and returns the number of the first; never called by two threads at once."""

_Loader: Any = external.SourceFileLoader
_get_code = _Loader.get_code
_compiles = _Loader.source_to_code
_call: Any = bootstrap._call_with_frames_removed  # type: ignore[attr-defined]
_lock = originals.allocate_lock()


def _new_lock() -> None:
    global _lock
    _lock = originals.allocate_lock()


os.register_at_fork(after_in_child=_new_lock)

_wanted: Wanted = lambda name, path: False  # noqa: E731
_register: Register = lambda path, spots: 0  # noqa: E731
_mark: Marking | None = None


def _numbers(path: str) -> Callable[[list[Spot]], int]:
    def first(spots: list[Spot]) -> int:
        with _lock:
            return _register(path, spots)

    return first


def compile_main(source: str | bytes, filename: str, *, optimize: int = -1) -> CodeType:
    """The code of a script, rewritten if that is wanted of `__main__` at this path. Raises: SyntaxError."""
    if not _wanted("__main__", os.path.abspath(filename)):
        code: CodeType = compile(source, filename, "exec", dont_inherit=True, optimize=optimize)
        return code
    return rewrite(source, filename, _numbers(filename), mark=_mark, optimize=optimize).code


def _module_code(self: Any, fullname: str) -> Any:
    try:
        path = self.get_filename(fullname)
        if not _wanted(fullname, path) or type(self).source_to_code is not _compiles:
            return _get_code(self, fullname)
        # By way of the import system's own: it takes its frames out of the traceback of an error in the source.
        return _call(partial(rewrite, mark=_mark), self.get_data(path), path, _numbers(path)).code
    except BaseException as error:
        hide(error)
        raise


def _script_code(source: Any, filename: Any, mode: str, *more: Any, **named: Any) -> Any:
    """The `compile` of `runpy`."""
    try:
        if mode != "exec" or more or named:
            return compile(source, filename, mode, *more, **named)
        return compile_main(source, os.fsdecode(filename))
    except BaseException as error:
        hide(error)
        raise


def install(wanted: Wanted, register: Register, mark: Marking | None = None) -> None:
    """Have modules rewritten that are imported from now on. The hooks must be in `builtins` before the first of them runs."""
    global _wanted, _register, _mark
    _wanted, _register, _mark = wanted, register, mark
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(_module_code, attribute, getattr(_get_code, attribute))
    _Loader.get_code = _module_code
    vars(runpy)["compile"] = _script_code


def remove() -> None:
    """Put back what `install` replaced; the modules that were rewritten stay it, and go on to call the hooks."""
    if vars(_Loader).get("get_code") is _module_code:
        del _Loader.get_code
        del vars(runpy)["compile"]
