"""Puts the runtime in place at the start of a process, and undoes it at the end.

A family is installed when the module it replaces is imported, so a program that never touches `random` never pays for it. Order
matters: the at-fork hook is registered before `threading` registers its own, `os.getpid` and `os.urandom` are replaced before
anyone takes their names, `threading` itself is imported before the lock factories change so that its bookkeeping stays raw.
"""

import atexit
import os
import sys
import threading
from typing import Any

from simcore.runtime import (
    actors,
    clocks,
    entropy,
    fast,
    garbage,
    imports,
    locks,
    originals,
    output,
    outside,
    probes,
    processes,
    processor,
    queues,
    retaken,
    signals,
    spans,
    sweep,
    threads,
)
from simcore.runtime import gate as gates
from simcore.runtime.actors import Actor, tls
from simcore.runtime.free import Free
from simcore.runtime.gate import Gate
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth as births
from simcore.runtime.processes import executed, forking, pids
from simcore.runtime.segment import PHASE_ENDED
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_patches = Patches()


def boot(folder: str, mode: str) -> None:
    """Install everything for the root process of a run; `folder` is the run's. Called once, before any code of the user's."""
    births.folder = folder
    following: Any = None
    if mode == "follow":
        from simcore.runtime.follow import Follow

        pids.table = f"{folder}/pids"
        gates.current = following = Follow(f"{folder}/order", folder)
    else:
        gates.current = Free()
    who = os.environ.pop(births.VARIABLE, None)
    if who == births.SERVICE:
        _install(gates.current, following)  # the fork server is nobody itself; each of its children says who it is
        _force_order(folder, None)
        return
    main = _begin_root(following) if who is None else executed.begin(who, following)
    if main is None:
        return  # another Python has that place
    main.raw += 1
    try:
        _install(gates.current, following)
        _force_order(folder, main)
    finally:
        main.raw -= 1


def _begin_root(following: Any) -> Actor:
    """Let this process be the first of the run."""
    births.open_segment("main")
    main = Actor("main", actors.new_index() if following is None else following.actor_index("main"))
    real, real_parent = originals.getpid(), originals.getppid()
    if following is not None:
        following.begin_process(main.index)
        following.attach(main)
        pids.learn(following.pids[0], real)
        pids.learn(following.pids[1], real_parent)
    main.define("MainThread", originals.get_ident())
    births.describe_process(real)
    tls.actor = actors.main = main
    return main


def _force_order(folder: str, main: Actor | None) -> None:
    """Have the run come to lines in the order that was asked for, if one was."""
    if os.environ.get("SIMCORE_STEPS"):
        from simcore.runtime import forced

        forced.install(folder, _patches, main, births.called)


def _install(gate: Gate, following: Any) -> None:
    environment = os.environ
    seed = environment.get("SIMCORE_SEED")
    entropy.scenario_seed = int(seed) if seed else None
    clocks.real_time = environment.get("SIMCORE_REAL_TIME") == "1"
    interval = environment.get("SIMCORE_SWITCH_INTERVAL")
    if interval:
        sys.setswitchinterval(float(interval))
    if following is not None:
        _patches.set(os, "getpid", lambda: pids.told(originals.getpid()))
        _patches.set(os, "getppid", lambda: pids.told(originals.getppid()))
        processor.install(_patches)
    lock: type[locks.Lock] = retaken.RetakenLock if gate.following else fast.FastLock
    chaos = environment.get("SIMCORE_CHAOS")
    if chaos:
        from simcore.runtime import chaos as jitter

        lock = jitter.install(int(chaos), _patches, lock)
    entropy.install(_patches)
    clocks.install(_patches)
    clocks.install_threading(_patches, threading)
    queues.install(_patches)
    imports.keep_raw(_patches)
    sweep.install(_patches, lock, retaken.RetakenRLock if gate.following else fast.FastRLock)
    threads.install(_patches)
    spans.install(_patches, threading)
    output.install(_patches)
    signals.install(_patches)
    garbage.install(_patches)
    forking.install(_patches)
    executed.install(_patches)
    steps: probes.Steps = {
        **processes.steps(_patches),
        "random": lambda module: entropy.install_random(_patches, module),
        "uuid": lambda module: entropy.install_uuid(_patches, module),
        "datetime": lambda module: clocks.install_datetime(_patches, module),
        "logging": lambda module: sweep.install_logging(_patches, module),
        "socket": lambda module: outside.install_socket(_patches, module),
        "fcntl": lambda module: outside.install_fcntl(_patches, module),
        "asyncio.base_events": lambda module: outside.install_asyncio(_patches, module),
        "queue": lambda module: spans.install_queue(_patches, module),
        "concurrent.futures._base": lambda module: spans.install_futures(_patches, module),
        "concurrent.futures.thread": lambda module: spans.install_thread_executor(_patches, module),
    }
    probes.install(_patches, steps)
    imports.install(_patches, steps)
    included = environment.get("SIMCORE_ACCESS")
    if included:
        from simcore.runtime.access import start

        start.install(included)
    _patches.set(os, "_exit", _exit_now)
    _patches.set(sys, "excepthook", _report)
    atexit.register(_end)


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
    actor = actors.here()
    if actor is None:
        return
    outside.count_native_threads()
    gate = gates.current
    process = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
    gate.enter(actor, Kind.EXIT, process, 0)
    gate.settle(actor)
    gate.leave(actor, Kind.EXIT, process, 0, status)
    actors.set_phase(actor, PHASE_ENDED)
    if gate.following:
        signals.disarm()
    if hasattr(tls, "actor"):
        del tls.actor
    garbage.uninstall()
