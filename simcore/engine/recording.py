"""Records a scenario: makes a run folder, runs the program in it, looks after it, keeps the trace."""

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from simcore.engine import launch
from simcore.engine.collect import collect
from simcore.engine.folder import RunFolder, TraceFolder
from simcore.engine.forced import ForcedOrder
from simcore.engine.header import new_header
from simcore.engine.observer import Observer
from simcore.engine.pattern import GRANULARITIES, START_METHODS
from simcore.engine.recovery import Plan, keep, refuse
from simcore.engine.run_reader import RunReader
from simcore.engine.scenario import command_of, resolve
from simcore.errors import BadParameter, InternalError, UsageError
from simcore.trace.model import Scenario, Trace

_LINGER_S: Final = 1.0
"""How long the end of processes is waited for that the program left behind."""


def record(
    target: str | Sequence[str] | Scenario,
    *,
    params: Mapping[str, object] | None = None,
    argv: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    output: str | Path | None = None,
    seed: int | None = None,
    timeout_s: float | None = None,
    chaos: int | None = None,
    switch_interval_s: float | None = None,
    start_method: str | None = None,
    on_stall: str = "report",
    keep_source: bool = True,
    quiet: bool = False,
    granularity: str | None = None,
    include: Sequence[str] = (),
    order: ForcedOrder | None = None,
) -> Trace:
    """Run a scenario as the operating system schedules it and record it. Blocks until it has ended.

    `target` is a pattern's name, `FILE.py` or `module:function`; a sequence of words is a command. The program's streams are
    ours, or nowhere when `quiet`. `start_method` is the default of `multiprocessing` in the program, which may still ask for
    another: `fork`, `spawn` or `forkserver`. A deadlock and `timeout_s` end the program and its child processes; a stall is
    logged, and ends it when it is a pattern or `on_stall` is `end`. Ctrl-C is the program's to answer, not ours. The trace is
    saved to `output`, else to a new file in the trace folder; `trace.path` says where. `granularity` is `sync`, or `access` where
    reads and writes of the data of the program's own modules are recorded too, and of modules whose names match `include`; by
    default a pattern says which. `order` is one that the run is forced into, see `simcore.testing.record`. A program that fails
    gives a trace: see `Trace.outcome` and `Trace.check`.

    Raises: UsageError for what cannot be run or saved as asked, PluginError, InternalError when nothing could be recorded. When
    we are interrupted before the trace is saved, the next recording or `simcore` command saves it (`TraceFolder.recover`).
    """
    _refuse_platform()
    _check_options(seed, chaos, timeout_s, switch_interval_s, on_stall)
    _check_method(start_method)
    if granularity not in (None, *GRANULARITIES):
        raise UsageError(f"granularity is {granularity!r}, expected {' or '.join(map(repr, GRANULARITIES))} or None")
    scenario = (
        target
        if isinstance(target, Scenario)
        else resolve(_checked(target), params=params, argv=argv, plugins=plugins, start_method=start_method)
    )
    if order is not None:
        if not isinstance(order, ForcedOrder):
            raise UsageError("an order is forced by simcore.testing", "call simcore.testing.record(target, order=[...])")
        order.check(scenario)
    scenario = replace(
        scenario,
        seed=seed if seed is not None else scenario.seed,
        chaos=chaos if chaos is not None else scenario.chaos,
        switch_interval_s=switch_interval_s if switch_interval_s is not None else scenario.switch_interval_s,
        start_method=start_method or scenario.start_method,
        granularity=granularity or scenario.granularity,
        include=tuple(include) or scenario.include,
    )
    place = _checked_output(output)
    command = _command(scenario)
    header = new_header(scenario)
    traces, run = _new_run(place)
    reader = RunReader(run.path)
    observer = Observer(reader, ends_stalls=on_stall == "end" or scenario.target == "pattern", order=order)
    settings = settings_of(scenario)
    try:
        plan = Plan(replace(header, wall_ns=time.time_ns(), start_ns=time.monotonic_ns()), str(place or ""), keep_source)
        with _unless_begun(run):
            plan.save(run.path)
            if order is not None:
                settings |= order.prepare(run.path)
            end = launch.run(
                command,
                launch.environment(run.path, "free", settings, scenario.hash_seed),
                cwd=scenario.cwd,
                quiet=quiet,
                timeout_s=timeout_s,
                each_tick=observer.look,
                has_heard=observer.has_heard,
                lingers=_Linger(reader),
            )
        return _finish(reader, plan, end, place, run, traces)
    finally:
        reader.close()
        if order is not None:
            order.close()
        run.release()
        traces.tidy()


class _Linger:
    """Waits a moment for recorded processes that outlive the first one: the children of a daemon, a worker that nobody joined."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._until = 0.0

    def __call__(self) -> bool:
        self._until = self._until or time.monotonic() + _LINGER_S
        return time.monotonic() < self._until and bool(self._reader.running())


@contextmanager
def _unless_begun(run: RunFolder) -> Iterator[None]:
    """Remove the run folder when the program could not be started; once it was, nothing that was written is thrown away."""
    try:
        yield
    except (UsageError, OSError):
        run.remove()
        raise


def _finish(reader: RunReader, plan: Plan, end: launch.End, place: Path | None, run: RunFolder, traces: TraceFolder) -> Trace:
    """Make the trace, save it, remove the run folder."""
    try:
        trace = collect(reader, plan.header, end, keep_source=plan.keep_source).trace
    except InternalError as error:
        if not reader.definitions.actors:
            run.remove()
            raise
        refuse(run)
        raise InternalError(error.message, f"{error.hint}: {run.path}") from None
    try:
        trace.path = keep(trace, place, run, traces)
    except UsageError as error:
        hint = f"the recording is kept in {run.path}: the next simcore command makes a trace of it, in the trace folder"
        raise UsageError(error.message, hint) from None
    run.remove()
    return trace


def settings_of(scenario: Scenario) -> dict[str, str]:
    """What the runtime reads of a scenario, as environment."""
    settings = {}
    if scenario.seed is not None:
        settings["SIMCORE_SEED"] = str(scenario.seed)
    if scenario.chaos is not None:
        settings["SIMCORE_CHAOS"] = str(scenario.chaos)
    if scenario.switch_interval_s is not None:
        settings["SIMCORE_SWITCH_INTERVAL"] = str(scenario.switch_interval_s)
    if scenario.start_method:
        settings["SIMCORE_START_METHOD"] = scenario.start_method
    if scenario.granularity == "access":
        module = scenario.function.partition(":")[0] if scenario.target == "pattern" and not scenario.plugin_file else ""
        settings["SIMCORE_ACCESS"] = ",".join(name for name in (*scenario.include, module) if name) or ","
    return settings


# What was asked for ------------------------------------------------------------------------------------------------------------


def _refuse_platform() -> None:
    if sys.platform == "win32":
        raise UsageError("recording needs Linux or macOS; this is Windows", "show, diff and export work here")


def _check_method(start_method: object) -> None:
    if start_method is not None and start_method not in START_METHODS:
        raise UsageError(f"start_method is {start_method!r}, expected {', '.join(START_METHODS)} or None")


def _check_options(seed: object, chaos: object, timeout_s: object, switch_interval_s: object, on_stall: object) -> None:
    for name, value in (("seed", seed), ("chaos", chaos)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise UsageError(f"{name} is {value!r}, expected a whole number or None")
    for name, value in (("timeout_s", timeout_s), ("switch_interval_s", switch_interval_s)):
        if value is None:
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value <= 0:
            raise UsageError(f"{name} is {value!r}, expected seconds, more than 0, or None")
    if on_stall not in ("report", "end"):
        raise UsageError(f"on_stall is {on_stall!r}, expected 'report' or 'end'")


def _checked(target: object) -> str | tuple[str, ...]:
    """A target that is a name or words. Raises: UsageError."""
    if isinstance(target, str):
        return target
    if isinstance(target, Sequence) and all(isinstance(word, str) for word in target):
        return tuple(target)
    raise UsageError(
        f"{target!r} is nothing to record", "name a pattern, FILE.py or module:function, or give a command as a list of words"
    )


def _checked_output(output: str | Path | None) -> Path | None:
    """Where the trace is to go, absolute. Raises: UsageError now rather than after the run."""
    if output is None:
        return None
    from simcore.trace.store import check_place

    place = Path(output).absolute()
    if place.is_dir():
        raise UsageError(
            f"{output} is a folder, expected a file for the trace", f"name one in it: {Path(output) / 'run.simtrace'}"
        )
    check_place(place)
    if not place.parent.is_dir():
        raise UsageError(
            f"cannot write the trace {output}: there is no folder {place.parent}", f"create it first: mkdir -p {place.parent}"
        )
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise UsageError(
            f"cannot write the trace {output}: the folder {place.parent} is not writable", "choose another place with -o"
        )
    return place


def _command(scenario: Scenario) -> list[str]:
    """The words that start a scenario. Raises: BadParameter when its parameters are no plain values."""
    try:
        json.dumps(scenario.params)
        return command_of(scenario)
    except (TypeError, ValueError) as error:
        raise BadParameter(
            f"the parameters of {scenario.name} cannot be handed to another process: {error}",
            "give numbers, texts and lists of them",
        ) from None


def _new_run(place: Path | None) -> tuple[TraceFolder, RunFolder]:
    """A run folder in the trace folder; beside the trace when that cannot be written but the trace is to go elsewhere."""
    traces = TraceFolder()
    try:
        return traces, traces.new_run()
    except UsageError:
        if place is None:
            raise
    beside = TraceFolder(place.parent / ".simtraces")
    return beside, beside.new_run()
