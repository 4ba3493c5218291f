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
from simcore.engine.forced import PATIENCE_S, ForcedOrder
from simcore.engine.plugin_state import file_of
from simcore.engine.plugins import PluginHost
from simcore.errors import UsageError
from simcore.testing.asking import takers
from simcore.testing.forcing import OrderStep, assert_had, fail, where_taken
from simcore.testing.keeping import new_path
from simcore.trace.model import Trace
from simcore.trace.text import count, join

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
    order: Sequence[OrderStep] | None = None,
    patience_s: float = PATIENCE_S,
    **options: Any,
) -> Trace:
    """Record one run in a process of its own. Blocks until it has ended, however it does: assert that with `assert_ends`.

    With `order` the run is forced into it: each step names an actor and a line, and is done only when all steps before it are;
    what no step names runs freely. An order in which nothing is done for `patience_s` while somebody waits for his turn, or which
    certainly cannot be had, is given up: the run goes on without it, and AssertionError says what was missed.

    Of a function marked with @pattern its file is found, installed or not. The trace is in memory; with `folder` it is saved
    there, too. What the program prints goes nowhere unless `quiet=False`. `options` are those of `simcore.record`. Raises as
    `simcore.record` does.
    """
    named, files = _named(target, plugins)
    forced = None if order is None else ForcedOrder(order, patience_s)
    if forced is not None:
        options["order"] = forced
    if folder is not None:
        trace = _record(named, params, files, start_method, timeout_s, new_path(Path(folder), named), options)
    else:
        with tempfile.TemporaryDirectory(prefix="simcore-") as scratch:
            trace = _record(named, params, files, start_method, timeout_s, Path(scratch, "run.simtrace"), options)
        trace.path = None
    if forced is not None:
        assert_had(trace, forced)
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

    Luck has to bring it (an order of lines need not wait for that, see `record`); a replay of the trace then brings it every
    time. `options` are those of `record`. Raises: AssertionError when none of `max_runs` was it.
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
    """Record a run in which the named actors first take the lock in this order; others may take it in between.

    Where one recording does not have it by itself, the order is forced at the lines at which they take the lock. `options` are
    those of `record`. Raises: AssertionError when that order cannot be had.
    """
    if len(actors) < 2:
        raise UsageError(
            f"an order of {count(len(actors), 'actor')} was asked for, expected 2 or more", "name them: ['worker-2', 'worker-1']"
        )
    folder = options.pop("folder", None)
    trace = record(target, **options)
    if firsts(trace, lock, actors) != list(actors):
        trace = record(target, order=where_taken(trace, lock, actors), **options)
        found = firsts(trace, lock, actors)
        if found != list(actors):
            taken = join(found, "then") or "none of them"
            fail(trace, f"the order could not be had: {lock} was first taken by {taken}, with its lines forced into that order")
    if folder is not None:
        trace.path = trace.save(new_path(Path(folder), trace.header.scenario.name))
    return trace


def firsts(trace: Trace, lock: str, actors: Sequence[str]) -> list[str]:
    """These actors in the order in which each first took the lock, those left out that never did. Raises: UsageError."""
    paths = {info.thread_name: info.name for info in trace.actors} | {info.name: info.name for info in trace.actors}
    taken = [paths.get(name, name) for name in takers(trace, lock)]
    asked = {paths.get(name, name): name for name in actors}
    return [asked[path] for path in dict.fromkeys(taken) if path in asked]


def replay(trace: Trace | str | Path, times: int = 1, **options: Any) -> Replay:
    """Run a trace's scenario again under its recorded order; `options` are those of `simcore.replay`. Raises what it does."""
    return engine.replay(trace, times=times, **options)


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
