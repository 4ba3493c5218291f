"""Puts the hooks in place: behind the imports of `multiprocessing`, and around each child's first line."""

import os
import sys
from time import monotonic_ns, process_time_ns
from typing import Any

from simcore.methods.inside import force, log

_boot_ns = _boot_cpu_ns = 0
"""What the hooks themselves took in this process until they were in place."""


def boot(folder: str, *, began_ns: int, began_cpu_ns: int, child: bool) -> None:
    """Begin in this process; called once, before any code of the user's."""
    global _boot_cpu_ns, _boot_ns
    log.folder, log.method = folder, os.environ.get("SIMCORE_COMPARE_METHOD", "")
    log.state = os.environ.get("SIMCORE_COMPARE_STATE") == "1"
    if not child:
        log.write("program", python=sys.version.split()[0], executable=sys.executable, at=monotonic_ns())
    _Behind.steps = {
        "multiprocessing.context": force.install,
        "multiprocessing.synchronize": force.install_locks,
        "multiprocessing.process": _install_process,
        "multiprocessing.popen_fork": _install_popen,
        "multiprocessing.popen_forkserver": _install_popen,
        "multiprocessing.spawn": _install_spawn,
        "multiprocessing.pool": _install_pool,
        "concurrent.futures.process": _install_executor,
    }
    for name in [name for name in _Behind.steps if name in sys.modules]:
        _Behind.steps.pop(name)(sys.modules[name])  # a .pth file has imported it
    sys.meta_path.insert(0, _Behind())
    os.register_at_fork(after_in_child=lambda: log.reborn(f"{log.name}~"))  # of `os.fork`; others say who they are
    if log.state:
        from simcore.methods.inside import registered

        registered.install()
    _boot_ns = monotonic_ns() - began_ns
    _boot_cpu_ns = process_time_ns() - began_cpu_ns


class _Behind:
    """A finder that finds nothing itself, but does a step behind the import of some modules."""

    steps: dict[str, Any]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self.steps:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, self.steps.pop(name))  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """The real loader, and a step behind it."""

    def __init__(self, real: Any, step: Any) -> None:
        self._real, self._step = real, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: Any) -> Any:
        return self._real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._real
        self._real.exec_module(module)
        self._step(module)


def _install_process(module: Any) -> None:
    """Around `start` in the parent, and around `run` in the child."""
    cls = module.BaseProcess
    real_start, real_bootstrap, real_join = cls.start, cls._bootstrap, cls.join

    def start(self: Any) -> None:
        self._simcore_name = f"{log.name}.{next(log.numbers)}"
        target = _target(self)  # gone once it has started
        force.Starting.asked = getattr(self, "simcore_asked", None)
        force.Starting.site = site = force.where(sys._getframe(1))
        if log.state:
            from simcore.methods.inside import parent

            parent.before_start(self, site)
        called = monotonic_ns()
        try:
            real_start(self)
        except BaseException as error:
            failed: dict[str, Any] = {"error": type(error).__name__, "text": log.told(error)}
            if not isinstance(error, (KeyboardInterrupt, SystemExit)):
                from simcore.methods.inside import leaves

                failed["leaves"] = leaves.of_process(self)
                failed["importing"] = bool(getattr(module.current_process(), "_inheriting", False))
            log.write("start failed", name=self._simcore_name, target=target, site=site, **failed)
            raise
        finally:
            if log.state:
                from simcore.methods.inside import parent

                parent.after_start()
        self._popen.simcore_name = self._simcore_name
        log.write(
            "start",
            name=self._simcore_name,
            target=target,
            site=site,
            child=self._popen.pid,
            called=called,
            returned=monotonic_ns(),
            daemon=bool(self.daemon),
            helpers=_helpers(),
        )

    def join(self: Any, timeout: float | None = None) -> None:
        if not getattr(self, "_simcore_joined", False):
            self._simcore_joined = True
            log.write("join", name=getattr(self, "_simcore_name", ""), at=monotonic_ns())
        real_join(self, timeout)

    def _bootstrap(self: Any, parent_sentinel: int | None = None) -> int:
        own = getattr(self, "_simcore_name", None)
        if own is not None:
            log.reborn(own)
            real_run = self.run
            self.run = lambda: _around(self, real_run)
        status: int = real_bootstrap(self, parent_sentinel)
        return status

    cls.start, cls._bootstrap, cls.join = start, _bootstrap, join


def _around(process: Any, run: Any) -> None:
    """The child's first line, and its last."""
    from simcore.methods.inside import schedule

    entered, cpu = monotonic_ns(), process_time_ns()
    schedule.taken.clear()
    del process.run
    log.write(
        "first line",
        name=log.name,
        at=entered,
        cpu=cpu - _boot_cpu_ns if log.method == "spawn" else cpu,
        ours=_boot_ns if log.method == "spawn" else 0,
        real=log.method,
        ppid_is_parent=os.getppid() == process._parent_pid,
        modules=len(sys.modules),
    )
    if log.state:
        from simcore.methods.inside import child

        child.at_first_line(process)
    group = int(os.environ.get("SIMCORE_COMPARE_GROUP") or 0)
    if group > 1:
        from simcore.methods.inside import barrier

        barrier.wait(group)
    begun = monotonic_ns()
    error = ""
    try:
        run()
    except BaseException as raised:
        error = "" if isinstance(raised, SystemExit) and raised.code in (None, 0) else type(raised).__name__
        raise
    finally:
        ended = monotonic_ns()
        if log.state:
            from simcore.methods.inside import child

            child.at_last_line()
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        log.write(
            "end",
            name=log.name,
            begun=begun,
            at=ended,
            error=error,
            switches=usage.ru_nvcsw + usage.ru_nivcsw,
            taken=schedule.taken[:20_000],
        )


def _helpers() -> int:
    """How many processes `multiprocessing` keeps for itself below this one: resource tracker, fork server."""
    tracker = sys.modules.get("multiprocessing.resource_tracker")
    server = sys.modules.get("multiprocessing.forkserver")
    found = int(tracker is not None and tracker._resource_tracker._fd is not None)
    return found + int(server is not None and server._forkserver._forkserver_pid is not None)


def _target(process: Any) -> str:
    """What a process runs, by name."""
    target = getattr(process, "_target", None)
    if target is None:
        return f"{type(process).__name__}.run"
    target = getattr(target, "func", target)  # of a partial
    return str(getattr(target, "__qualname__", type(target).__name__))


def _install_popen(module: Any) -> None:
    """Note how a child ended, when its parent looks."""
    real = module.Popen.poll

    def poll(self: Any, *arguments: Any, **named: Any) -> Any:
        known = self.returncode
        status = real(self, *arguments, **named)
        if known is None and status is not None and hasattr(self, "simcore_name"):
            log.write("exit", name=self.simcore_name, status=status)
        return status

    module.Popen.poll = poll


def _install_spawn(module: Any) -> None:
    """A child that is not forked: what it does while it prepares itself, and why it did not come so far."""
    real_main, real_prepare = module._main, module.prepare

    def prepare(data: Any) -> None:
        began = monotonic_ns()
        if log.state:
            from simcore.methods.inside import reimport

            with reimport.Watched():
                real_prepare(data)
        else:
            real_prepare(data)
        log.write("prepared", took=monotonic_ns() - began)

    def _main(*arguments: Any, **named: Any) -> Any:
        try:
            return real_main(*arguments, **named)
        except BaseException as error:
            main = sys.modules.get("__main__")
            log.write(
                "child failed",
                error=type(error).__name__,
                text=log.told(error),
                guard="bootstrapping phase" in str(error),
                no_file=any(name in str(error) for name in ("<stdin>", "<string>", "<ipython")),
                main=getattr(main, "__file__", "") or "",
            )
            raise

    module.prepare, module._main = prepare, _main


def _install_pool(module: Any) -> None:
    """Which functions the workers of a pool will be given: those say what globals they can reach."""
    cls = module.Pool
    for name in ("apply_async", "_map_async", "imap", "imap_unordered"):
        setattr(cls, name, _noting(getattr(cls, name)))


def _install_executor(module: Any) -> None:
    cls = module.ProcessPoolExecutor
    cls.submit = _noting(cls.submit)


def _noting(real: Any) -> Any:
    from functools import wraps

    @wraps(real)
    def noted(self: Any, function: Any, *arguments: Any, **named: Any) -> Any:
        if log.state:
            from simcore.methods.inside import parent

            parent.note_task(function, arguments)
        return real(self, function, *arguments, **named)

    return noted
