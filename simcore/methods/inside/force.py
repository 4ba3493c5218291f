"""Forces one start method upon a program, whatever it asks for itself, and notes what it asked for."""

import copy
import sys
from types import FrameType
from typing import Any

from simcore.methods.inside import log

_LIBRARY = ("multiprocessing", "concurrent")


def where(frame: FrameType | None) -> str:
    """The line of the user's, `file:line`, that is on its way in this frame or above."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in (*_LIBRARY, "simcore"):
            return f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


def install(module: Any) -> None:
    """Behind the import of `multiprocessing.context`. Classes are changed in place, so that processes can be pickled by name."""
    contexts = module._concrete_contexts
    if log.method not in contexts:
        return
    chosen = contexts[log.method]
    process = vars(type(chosen).Process)
    start, after_fork = process["_Popen"], type(chosen).Process._after_fork
    for asked, context in contexts.items():
        own = type(context).Process
        own.simcore_asked = context.simcore_asked = asked
        if asked != log.method:
            type(context)._name = log.method
            own._Popen, own._after_fork = start, staticmethod(after_fork)
            own._start_method = log.method
    module.Process.simcore_asked = None
    default = copy.copy(chosen)
    default.simcore_asked = None  # nobody asked: it is what it is by default
    module._default_context._default_context = default
    base, top = module.BaseContext, type(module._default_context)
    setting: list[int] = []  # it asks for the context itself
    real_get, real_set = base.get_context, top.set_start_method

    def get_context(self: Any, method: str | None = None) -> Any:
        if not setting:
            _note(method, "get_context")
        return real_get(self, method)

    def set_start_method(self: Any, method: str | None, force: bool = False) -> None:
        _note(method, "set_start_method")
        setting.append(1)
        try:
            real_set(self, method, force)
        except RuntimeError as error:
            log.write("misfit", what="set_start_method", error=log.told(error), site=where(sys._getframe(1)))
            raise
        finally:
            setting.pop()

    base.get_context = get_context
    top.set_start_method = set_start_method


def _note(method: str | None, how: str) -> None:
    if method is not None and method != log.method:
        log.write("override", asked=str(method)[:20], how=how, site=where(sys._getframe(2)))


def install_locks(module: Any) -> None:
    """Behind the import of `multiprocessing.synchronize`: for which method a lock was asked for, who takes it when."""
    from simcore.methods.inside import schedule

    cls = module.SemLock
    real_init, real_state = cls.__init__, cls.__getstate__

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        context = named.get("ctx")
        self._simcore_asked = getattr(context, "simcore_asked", None)
        self._simcore_id = schedule.new_lock()
        real_init(self, *arguments, **named)

    def __getstate__(self: Any) -> Any:
        _fits(self)
        return real_state(self)

    cls.__init__, cls.__getstate__ = __init__, __getstate__
    schedule.install(cls)


class Starting:
    """The process that is being started in this thread, as far as it was asked for by method."""

    asked: str | None = None
    site = ""


def _fits(lock: Any) -> None:
    """Note a lock that was pinned to fork and is given to a child that would not be forked if nothing were forced."""
    if getattr(lock, "_simcore_asked", None) == "fork" and (Starting.asked or log.method) != "fork":
        log.write("misfit", what="lock", error="a SemLock created in a fork context", site=Starting.site)
