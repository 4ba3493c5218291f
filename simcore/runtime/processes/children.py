"""`multiprocessing.Process`: start, join, exit code, signals, and the list of active children.

What `multiprocessing` does inside is not recorded, so that the three start methods give the same events: START where the program
calls `start`, BEGIN as the child's first, JOIN and STATUS where it looks. How the child comes to know who it is, `birth` says.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from sys import _getframe as get_frame
from types import ModuleType
from typing import Any

from simcore.runtime import forks, gate, imports, originals, signals
from simcore.runtime.actors import Actor, acting, here, publish, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth as births
from simcore.runtime.processes import listing, pids
from simcore.runtime.processes.birth import Birth, announce, begin, told_pid
from simcore.runtime.processes.forking import make_end
from simcore.runtime.sites import site_of
from simcore.runtime.threads import serial
from simcore.trace.events import RUNNING, Kind

_KEY = "simcore_actor"
"""Where a child of a fork server finds who it is, in the preparation data."""


def unrecorded(real: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose locks and threads are `multiprocessing`'s own business."""

    def replaced(*arguments: Any, **named: Any) -> Any:
        actor = here()
        if actor is None:
            return real(*arguments, **named)
        actor.raw += 1
        try:
            return real(*arguments, **named)
        except BaseException as error:
            hide(error)
            raise
        finally:
            actor.raw -= 1

    return replaced


def install_process(patches: Patches, module: Any) -> None:
    """Replace what a `Process` offers."""
    cls = module.BaseProcess
    real_start, real_join, real_exitcode = cls.start, cls.join, cls.exitcode.fget
    real_children = module.active_children

    def start(self: Any) -> None:
        actor = acting()
        try:
            if actor is None:
                real_start(self)
                return
            site, forks_now = site_of(get_frame(1)), _method_of(self) == "fork"
            birth = announce(actor, site, called=_given_name(self), forks_now=forks_now)
            actor.birth = birth
            actor.raw += 1
            try:
                real_start(self)
            finally:
                actor.raw -= 1
                actor.birth = None
                forks.disarm()
                gate.current.gave(actor)
            self._popen.simcore_child = birth
            self._popen.pid = told_pid(actor, birth.object_id, self._popen.pid)
            listing.keep(actor, birth.name, self)
        except BaseException as error:
            hide(error)
            raise

    def join(self: Any, timeout: float | None = None) -> None:
        actor = acting()
        try:
            child = _child_of(self)
            if actor is None or child is None:
                real_join(self, timeout)
                return
            _join(actor, self, child, timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _join(actor: Actor, self: Any, child: Birth, timeout: float | None, site: int) -> None:
        want = gate.current.enter(actor, Kind.JOIN, child.object_id, site)
        value, waited = RUNNING if want is None else want, 0
        actor.raw += 1
        try:
            if want is None:
                if self._popen.poll() is None:
                    since = publish(actor, Kind.JOIN, child.object_id, site, timed=timeout is not None)
                    try:
                        real_join(self, timeout)
                    finally:
                        unpublish(actor)
                    waited = (originals.monotonic_ns() - since) // 1000
                else:
                    real_join(self, timeout)
                value = _status(self)
            elif want != RUNNING:
                _see_end(self, child, want)
        except BaseException:
            if want is not None:
                gate.current.leave(actor, Kind.JOIN, child.object_id, site, value, waited)
            raise
        finally:
            actor.raw -= 1
        gate.current.leave(actor, Kind.JOIN, child.object_id, site, value, waited)

    def _see_end(self: Any, child: Birth, status: int) -> None:
        make_end(child.index, self._popen.pid, status)
        real_join(self)

    def _status(self: Any) -> int:
        status = self._popen.poll()
        return RUNNING if status is None else status

    def look(self: Any, actor: Actor, child: Birth, site: int) -> int:
        """The status that the program is told now."""

        def ask() -> int:
            actor.raw += 1
            try:
                return _status(self)
            finally:
                actor.raw -= 1

        status = gate.current.read(actor, Kind.STATUS, child.object_id, site, ask)
        if gate.current.following and status != RUNNING:
            actor.raw += 1
            try:
                _see_end(self, child, status)
            finally:
                actor.raw -= 1
        return status

    def exitcode(self: Any) -> int | None:
        actor = acting()
        try:
            child = _child_of(self)
            if actor is None or child is None:
                answer: int | None = real_exitcode(self)
                return answer
            self._check_closed()
            status = look(self, actor, child, site_of(get_frame(1)))
            return None if status == RUNNING else status
        except BaseException as error:
            hide(error)
            raise

    def is_alive(self: Any) -> bool:
        actor = acting()
        try:
            child = _child_of(self)
            if actor is None or child is None:
                return bool(real_is_alive(self))
            status = look(self, actor, child, site_of(get_frame(1)))
            if status == RUNNING:
                return True
            module._children.discard(self)
            return False
        except BaseException as error:
            hide(error)
            raise

    def close(self: Any) -> None:
        actor = acting()
        try:
            child = _child_of(self)
            if actor is not None and child is not None and look(self, actor, child, site_of(get_frame(1))) == RUNNING:
                raise ValueError("Cannot close a process while it is still running. You should first call join() or terminate().")
            real_close(self)
        except BaseException as error:
            hide(error)
            raise

    def active_children() -> list[Any]:
        actor = acting()
        if actor is None:
            found: list[Any] = real_children()
            return found

        def ask() -> list[Any]:
            actor.raw += 1
            try:
                return list(real_children())
            finally:
                actor.raw -= 1

        return listing.listed(actor, site_of(get_frame(1)), ask, _name_of)

    def __hash__(self: Any) -> int:
        number: int | None = self.__dict__.get("_simcore_serial")
        if number is None:
            actor = here()
            if actor is None:
                return object.__hash__(self)
            number = self.__dict__["_simcore_serial"] = serial(actor)
        return number

    real_is_alive, real_close = cls.is_alive, cls.close
    for name, replacement in (("start", start), ("join", join), ("is_alive", is_alive), ("close", close)):
        patches.method(cls, name, replacement)
    patches.set(cls, "__hash__", __hash__)
    patches.set(cls, "exitcode", property(exitcode, doc=cls.exitcode.__doc__))
    patches.set(module, "active_children", active_children)
    counting = ModuleType("itertools")
    counting.__dict__.update(vars(itertools), count=_count)
    patches.set(module, "itertools", counting)  # a child process makes a counter of its own
    patches.set(module, "_process_counter", _continued(module._process_counter))


def _count(start: int = 0, step: int = 1) -> Iterator[int]:
    """As `itertools.count`, for the numbers in names such as `Process-3`."""
    return _continued(itertools.count(start, step))


def _continued(counter: Iterator[int]) -> Iterator[int]:
    """All threads share the counter, so who gets which number is anybody's guess."""

    def number() -> int:
        actor = acting()
        if actor is None or not imports.threaded:
            return next(counter)
        return gate.current.local(actor, Kind.DRAW, 0, counter.__next__)

    return iter(number, None)


def _given_name(process: Any) -> str:
    """The name that the program gave a process; '' where it has one of `multiprocessing`'s, in which the start method stands."""
    name, numbers = process.name, ":".join(map(str, process._identity))
    own = f"{type(process).__name__}-{numbers}"
    return "" if name in (own, own.replace("Process", "PoolWorker")) else str(name)


def _method_of(process: Any) -> str:
    """How a process object will be started: by its own method, or the program's default."""
    method: str | None = process._start_method
    return sys.modules["multiprocessing.context"]._default_context.get_start_method() if method is None else method


def _child_of(process: Any) -> Birth | None:
    """Who a process object stands for, if this process has started it and it is recorded."""
    return getattr(process.__dict__.get("_popen"), "simcore_child", None)


def _name_of(process: Any) -> str:
    child = _child_of(process)
    return "" if child is None else child.name


def install_popen(patches: Patches, module: Any) -> None:
    """Signals to child processes: in replay the one that kills is sent at the turn that saw the child dead."""
    cls = module.Popen
    real = cls._send_signal

    def _send_signal(self: Any, sig: int) -> None:
        actor = acting()
        child: Birth | None = getattr(self, "simcore_child", None)
        if actor is None or child is None:
            real(self, sig)
            return
        gate.current.give(actor, Kind.KILL, child.object_id, site_of(get_frame(1)), int(sig))
        actor.raw += 1  # it calls os.kill
        try:
            if not gate.current.following or pids.reaches(self.pid, int(sig)):
                real(self, sig)
        finally:
            actor.raw -= 1
            gate.current.gave(actor)

    patches.method(cls, "_send_signal", _send_signal)


def install_spawn(patches: Patches, module: Any) -> None:
    """Let a child of a fork server learn who it is: nothing else reaches it before its own code."""
    real_data, real_prepare = module.get_preparation_data, module.prepare

    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = real_data(name)
        actor = here()
        if actor is not None and actor.birth is not None:
            data[_KEY] = str(actor.birth)
        return data

    def prepare(data: dict[str, Any]) -> None:
        key = data.pop(_KEY, None)
        if key is not None and here() is None:
            begin(births.parse(key), method="forkserver")
            signals.take_over()
        real_prepare(data)

    patches.set(module, "get_preparation_data", get_preparation_data)
    patches.set(module, "prepare", prepare)


def install_tracker(patches: Patches, module: Any) -> None:
    """The resource tracker's lock guards its own pipe: nobody waits in it for a turn."""
    cls = module.ResourceTracker
    for name in ("ensure_running", "_send", "_stop"):
        if hasattr(cls, name):
            patches.method(cls, name, unrecorded(getattr(cls, name)))
    tracker = module._resource_tracker
    for name in ("ensure_running", "register", "unregister"):
        patches.set(module, name, getattr(tracker, name))


def install_forkserver(patches: Patches, module: Any) -> None:
    """Starting the server is not the program's doing."""
    server = module._forkserver
    for name in ("ensure_running", "connect_to_new_process"):
        patches.method(module.ForkServer, name, unrecorded(getattr(module.ForkServer, name)))
        patches.set(module, name, getattr(server, name))
