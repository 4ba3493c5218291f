"""Records and replays for tests: quietly, with a limit of time, and without leaving a file where nothing went wrong."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from simcore import engine
from simcore.api import PatternMark
from simcore.engine import Replay
from simcore.engine.folder import TraceFolder
from simcore.engine.plugin_state import file_of
from simcore.engine.plugins import PluginHost
from simcore.errors import UsageError
from simcore.testing.asking import objects_of, takers
from simcore.trace.model import Trace

TIMEOUT_S: Final = 60.0
"""A test that hangs says nothing; a run that was ended at its limit says who waits for what."""

MAX_RUNS: Final = 100

Target = str | Sequence[str] | Callable[..., object]
"""What to record: a function marked with @pattern, a pattern's name, `FILE.py`, `module:function`, or a command's words."""


def record(
    target: Target,
    *,
    params: Mapping[str, object] | None = None,
    start_method: str | None = None,
    plugins: Sequence[str | Path] = (),
    timeout_s: float | None = TIMEOUT_S,
    folder: str | Path | None = None,
    **options: Any,
) -> Trace:
    """Record one run in a process of its own. Blocks until it has ended, however it does: assert that with `assert_ends`.

    Of a function marked with @pattern its file is found, installed or not. The trace is in memory; with `folder` it is saved
    there, too. What the program prints goes nowhere unless `quiet=False`. `options` are those of `simcore.record`. Raises as
    `simcore.record` does.
    """
    named, files = _named(target, plugins)
    if folder is not None:
        return _record(named, params, files, start_method, timeout_s, _new_path(Path(folder), named), options)
    with tempfile.TemporaryDirectory(prefix="simcore-") as scratch:
        trace = _record(named, params, files, start_method, timeout_s, Path(scratch, "run.simtrace"), options)
    trace.path = None
    return trace


def record_until(
    wanted: Callable[[Trace], bool],
    target: Target,
    *,
    max_runs: int = MAX_RUNS,
    chaos: bool = True,
    seed: int = 0,
    **options: Any,
) -> Trace:
    """Record again and again until `wanted(trace)`; that trace. With `chaos` each run is shaken by short delays.

    No order is forced: it is waited for luck to bring it, and a replay of the trace then brings it every time. `options` are
    those of `record`. Raises: AssertionError when none of `max_runs` was it.
    """
    if max_runs < 1:
        raise UsageError(f"max_runs is {max_runs}, expected 1 or more")
    delays = Random(seed)
    ends: dict[str, int] = {}
    for number in range(max_runs):
        # The first run is an undisturbed one: what is common needs no chaos.
        if chaos and number:
            options["chaos"] = delays.getrandbits(31)
        trace = record(target, **options)
        if wanted(trace):
            return trace
        ends[trace.outcome.word] = ends.get(trace.outcome.word, 0) + 1
    counted = ", ".join(f"{times} ended {word}" for word, times in sorted(ends.items()))
    raise AssertionError(f"none of {max_runs} runs was the wanted one: {counted}")


def record_in_order(target: Target, lock: str, actors: Sequence[str], **options: Any) -> Trace:
    """Record until the named actors take the lock in this order; others may take it in between. As `record_until`."""
    if len(actors) < 2:
        raise UsageError(
            f"an order of {len(actors)} actors was asked for, expected 2 or more", "name them: ['worker-2', 'worker-1']"
        )

    def is_it(trace: Trace) -> bool:
        objects_of(trace, lock)
        return firsts(trace, lock, actors) == list(actors)

    return record_until(is_it, target, **options)


def firsts(trace: Trace, lock: str, actors: Sequence[str]) -> list[str]:
    """These actors in the order in which each first took the lock, those left out that never did. Raises: UsageError."""
    paths = {info.thread_name: info.name for info in trace.actors} | {info.name: info.name for info in trace.actors}
    taken = [paths.get(name, name) for name in takers(trace, lock)]
    asked = {paths.get(name, name): name for name in actors}
    return [asked[path] for path in dict.fromkeys(taken) if path in asked]


def replay(trace: Trace | str | Path, times: int = 1, **options: Any) -> Replay:
    """Run a trace's scenario again under its recorded order; `options` are those of `simcore.replay`. Raises what it does."""
    return engine.replay(trace, times=times, **options)


def kept(trace: Trace) -> str:
    """Where the trace lies that a failed assertion speaks of: saved to the trace folder if it was only in memory."""
    if trace.path is None:
        trace.path = trace.save(_new_path(TraceFolder().path, trace.header.scenario.name))
    return os.path.relpath(trace.path)


def _new_path(folder: Path, target: str | Sequence[str]) -> Path:
    name = target if isinstance(target, str) else next(iter(target), "run")
    return TraceFolder(folder).new_path(Path(name).name.removesuffix(".py").replace(":", "-"))


def _record(
    target: str | Sequence[str],
    params: Mapping[str, object] | None,
    plugins: Sequence[str | Path],
    start_method: str | None,
    timeout_s: float | None,
    output: Path,
    options: Mapping[str, Any],
) -> Trace:
    settings: dict[str, Any] = {"quiet": True, **options}
    return engine.record(
        target, params=params, plugins=plugins, start_method=start_method, timeout_s=timeout_s, output=output, **settings
    )


def _named(target: Target, plugins: Sequence[str | Path]) -> tuple[str | Sequence[str], Sequence[str | Path]]:
    """A function marked with @pattern by its name, with the file that it comes from among the plugins unless it is installed."""
    if isinstance(target, str) or not callable(target):
        return target, plugins
    mark, file = getattr(target, "simcore_pattern", None), file_of(target)
    if not isinstance(mark, PatternMark) or not file:
        name = getattr(target, "__name__", repr(target))
        raise UsageError(f"{name} is not marked with @pattern", f"record a plain function as 'module:{name}'")
    known = PluginHost(plugins).patterns.get(mark.name)
    if known is not None and os.path.realpath(known.file) == os.path.realpath(file):
        return mark.name, plugins
    return mark.name, [*plugins, file]
