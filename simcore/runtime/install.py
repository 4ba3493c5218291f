"""Puts the runtime in place at the start of a process, and undoes it at the end.

A family is installed when the module it replaces is imported, so a program that never touches `random` never pays for it. Order
matters: the at-fork hook is registered before `threading` registers its own, `os.getpid` and `os.urandom` are replaced before anyone
takes their names, `threading` itself is imported before the lock factories change so that its bookkeeping stays raw.
"""

import os

from simcore.runtime import actors, originals
from simcore.runtime.actors import tls


def _before_fork() -> None:
    actor = actors.here()
    if actor is not None:
        actor.raw += 1


def _after_fork_in_parent() -> None:
    actor = actors.here()
    if actor is not None:
        actor.raw -= 1


def _after_fork_in_child() -> None:
    if hasattr(tls, "actor"):
        del tls.actor


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

import atexit  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import Any  # noqa: E402

from simcore.runtime import clocks, entropy, fast, garbage, locks, outside, output, queues, signals, spans, threads  # noqa: E402
from simcore.runtime import gate as gates  # noqa: E402
from simcore.runtime.actors import Actor  # noqa: E402
from simcore.runtime.free import Free  # noqa: E402
from simcore.runtime.gate import Gate  # noqa: E402
from simcore.runtime.patches import Patches  # noqa: E402
from simcore.runtime.segment import PHASE_ENDED, TAG_PROCESS, Segment  # noqa: E402
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind  # noqa: E402

_patches = Patches()
_main_pid = 0
_ended = False


def boot(folder: str, mode: str) -> None:
    """Install everything for the root process of a run; `folder` is the run's. Called once, before any code of the user's."""
    global _main_pid
    _main_pid = originals.getpid()
    segment = actors.segment = Segment(folder, "main")
    gate: Gate
    following: Any = None
    if mode == "follow":
        from simcore.runtime.follow import Follow

        gate = following = Follow(f"{folder}/order", folder)
        actors.reserve_indices(following.taken)
    else:
        gate = Free()
    gates.gate = gate
    for family in (locks, threads, queues, clocks, entropy, output, signals, garbage, spans):
        family.gate = gate  # type: ignore[attr-defined]
    main = Actor("main", actors.new_index() if following is None else following.actor_index("main"))
    if following is not None:
        following.attach(main)
    main.define("MainThread", originals.get_ident())
    for key, value in (("pid", _main_pid), ("ppid", originals.getppid()), ("python", sys.version.split()[0]), ("executable", sys.executable)):
        segment.define(TAG_PROCESS, key, value)
    segment.define(TAG_PROCESS, "implementation", sys.implementation.name)
    segment.define(TAG_PROCESS, "gil", int(getattr(sys, "_is_gil_enabled", lambda: True)()))
    segment.define(TAG_PROCESS, "byteorder", sys.byteorder)
    tls.actor = main
    main.raw += 1
    try:
        _install(gate, following)
    finally:
        main.raw -= 1


def _install(gate: Gate, following: Any) -> None:
    environment = os.environ
    seed = environment.get("SIMCORE_SEED")
    entropy.scenario_seed = int(seed) if seed else None
    clocks.real_time = environment.get("SIMCORE_REAL_TIME") == "1"
    interval = environment.get("SIMCORE_SWITCH_INTERVAL")
    if interval:
        sys.setswitchinterval(float(interval))
    if following is not None:
        patch_pids(following.pids)
        _let_stacks_be_written(environment["SIMCORE_RUN"])
    lock = fast.FastLock if not gate.following else locks.Lock
    chaos = environment.get("SIMCORE_CHAOS")
    if chaos:
        from simcore.runtime import chaos as jitter

        lock = jitter.install(int(chaos), _patches, lock)
    entropy.install(_patches)
    clocks.install(_patches)
    clocks.install_threading(_patches, threading)
    queues.install(_patches)
    _install_locks(lock)
    threads.install(_patches)
    spans.install(_patches, threading)
    output.install(_patches)
    signals.install(_patches)
    garbage.install(_patches)
    outside.install()
    sys.meta_path.insert(0, _Families())
    for name in list(_ON_IMPORT):
        module = sys.modules.get(name)
        if module is not None:
            _arrived(name, module)
    _patches.set(os, "_exit", _exit_now)
    _patches.set(sys, "excepthook", _report)
    atexit.register(_end)


def _let_stacks_be_written(folder: str) -> None:
    """Let the controller have all stacks written by a signal: faulthandler works in C, also while Python waits."""
    import faulthandler
    import signal

    file = os.open(f"{folder}/stacks", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.register(signal.SIGRTMAX - 3, file=file, all_threads=True, chain=False)


def patch_pids(pids: tuple[int, int]) -> None:
    """Tell the program the pids of the recording, and let it signal itself by them."""
    signals.recorded_pids = {pids[0]: originals.getpid(), pids[1]: originals.getppid()}
    _patches.set(os, "getpid", lambda: pids[0] if originals.getpid() == _main_pid else originals.getpid())
    _patches.set(os, "getppid", lambda: pids[1] if originals.getpid() == _main_pid else originals.getppid())


def _install_locks(lock: type[locks.Lock]) -> None:
    """Hand out our locks under every name, then replace the locks and factories that were handed out before us."""
    import _thread

    # The import system's own locks stay raw: each import in a thread would else be a dozen events.
    import importlib._bootstrap as bootstrap

    private = ModuleType("_thread")
    private.__dict__.update(vars(_thread))
    _patches.set(bootstrap, "_thread", private)

    waiting = threading.Condition.wait.__code__

    def new_lock() -> locks.Lock:
        """allocate_lock() -> lock object"""
        return lock(ObjectKind.WAITER if sys._getframe(1).f_code is waiting else ObjectKind.LOCK)

    new_lock.__module__, new_lock.__name__, new_lock.__qualname__ = "_thread", "allocate_lock", "allocate_lock"
    for kind, name in ((lock, "lock"), (locks.RLock, "RLock")):
        kind.__module__, kind.__name__, kind.__qualname__ = "_thread", name, name
    offered: Any = lock if isinstance(threading.Lock, type) else new_lock  # a class from 3.13 on
    _sweep(lock, offered)
    for owner, name, value in (
        (_thread, "allocate_lock", new_lock),
        (_thread, "allocate", new_lock),
        (_thread, "LockType", lock),
        (_thread, "lock", lock),
        (_thread, "RLock", locks.RLock),
        (threading, "Lock", offered),
        (threading, "_allocate_lock", new_lock),
        (threading, "_CRLock", locks.RLock),
        (threading, "RLock", locks.RLock if isinstance(threading.RLock, type) else threading.RLock),
    ):
        _patches.set(owner, name, value)


def _sweep(lock: type[locks.Lock], offered: Any) -> None:
    """Locks and factories that modules took before us: `.pth` files and `site` may have imported much."""
    import gc

    raw_lock, raw_rlock = type(originals.allocate_lock()), originals.RLock
    main = actors.here()
    assert main is not None
    main.raw -= 1  # these are objects of the program's
    try:
        for name, module in sorted(sys.modules.items()):
            if name in ("_thread", "threading", "importlib._bootstrap", "_frozen_importlib") or name.startswith("simcore"):
                continue
            for key, value in list(getattr(module, "__dict__", {}).items()):
                if type(value) is raw_lock:
                    _patches.set(module, key, lock(raw=value))
                elif type(value) is raw_rlock:
                    _patches.set(module, key, locks.RLock(raw=value))
                elif value is originals.allocate_lock or value is threading.Lock and not isinstance(value, type):
                    _patches.set(module, key, offered)
                elif value is originals.RLock:
                    _patches.set(module, key, locks.RLock)
        for item in gc.get_objects():
            inside = getattr(item, "__dict__", None) if not isinstance(item, type | ModuleType) else None
            if type(inside) is not dict or type(item).__module__.startswith(("simcore", "threading", "importlib", "_frozen")):
                continue
            for key, value in list(inside.items()):
                if type(value) is raw_lock:
                    inside[key] = lock(raw=value)
                elif type(value) is raw_rlock:
                    inside[key] = locks.RLock(raw=value)
    finally:
        main.raw += 1


_ON_IMPORT: dict[str, Callable[[Patches, Any], None]] = {
    "random": entropy.install_random,
    "uuid": entropy.install_uuid,
    "datetime": clocks.install_datetime,
    "queue": spans.install_queue,
    "concurrent.futures._base": spans.install_futures,
    "concurrent.futures.thread": spans.install_thread_executor,
}


def _arrived(name: str, module: ModuleType) -> None:
    family = _ON_IMPORT.pop(name, None)
    if family is not None:
        family(_patches, module)


class _Families:
    """A finder that finds nothing itself: it lets the others find, and adds a step behind the module's own execution."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders give, with our step in its loader; None for all other modules."""
        if name not in _ON_IMPORT:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                loader = spec.loader
                execute = loader.exec_module

                def exec_module(module: ModuleType) -> None:
                    del loader.exec_module  # type: ignore[misc]
                    execute(module)
                    _arrived(name, module)

                loader.exec_module = exec_module  # type: ignore[method-assign]
                return spec
        return None


def _report(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """As `sys.excepthook`, which it calls; it also notes how the program failed."""
    actor = actors.here()
    if actor is not None:
        threads.note_error(actor, kind, error, trace)
    sys.__excepthook__(kind, error, trace)


def _exit_now(status: int, /) -> None:
    """As `os._exit`."""
    _end(status)
    originals.exit_now(status)


def _end(status: int = 0) -> None:
    """The last event of the process: from here on nothing is recorded, and everything works on the raw primitives."""
    global _ended
    actor = actors.here()
    if _ended or actor is None or originals.getpid() != _main_pid:
        return
    outside.uninstall()
    gate = gates.gate
    process = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
    gate.enter(actor, Kind.EXIT, process, 0)
    gate.leave(actor, Kind.EXIT, process, 0, status)
    _ended = True
    actors.set_phase(actor, PHASE_ENDED)
    if hasattr(tls, "actor"):
        del tls.actor
    garbage.uninstall()
