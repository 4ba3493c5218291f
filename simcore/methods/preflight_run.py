"""Runs a program under fork with the looks of `preflight` inside, and brings back what they noted beside the recorded run."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simcore.engine import launch
from simcore.engine.collect import collect
from simcore.engine.folder import TraceFolder
from simcore.engine.header import new_header
from simcore.engine.observer import Observer
from simcore.engine.recording import settings_of
from simcore.engine.run_reader import RunReader
from simcore.engine.scenario import command_of, resolve
from simcore.trace.events import Kind
from simcore.trace.model import Trace

_PROBE: Final = "simcore.methods.preflight_inside"
_FACTS: Final = "preflight"
Facts = dict[str, Any]
Identity = tuple[int, int, int]
"""Creator (an actor of the trace), kind and n, as in `ObjectInfo`."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A run under fork: its trace, which is not saved, and the facts that were noted inside.

    `objects` has for each object, by its number inside, what it is known by in the trace; `librarys` are those that the library
    made for its own use, and `made` says where each was made.
    """

    trace: Trace
    facts: list[Facts]
    objects: dict[int, Identity]
    librarys: set[Identity]
    made: dict[int, tuple[str, int]]


def look(
    target: str | Sequence[str],
    *,
    params: Mapping[str, object] | None = None,
    argv: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    timeout_s: float | None = None,
    quiet: bool = False,
) -> Looked:
    """Run it once. Blocks until it has ended. Raises: as `simcore.record` does."""
    scenario = replace(resolve(target, params=params, argv=argv, plugins=plugins, start_method="fork"), start_method="fork")
    header = new_header(scenario)
    command = command_of(scenario)
    traces = TraceFolder()
    run = traces.new_run()
    reader = RunReader(run.path)
    observer = Observer(reader, ends_stalls=True)
    try:
        header = replace(header, wall_ns=time.time_ns(), start_ns=time.monotonic_ns())
        settings = {**settings_of(scenario), "SIMCORE_PROBES": _PROBE}
        end = launch.run(
            command,
            launch.environment(run.path, "free", settings, scenario.hash_seed),
            cwd=scenario.cwd,
            quiet=quiet,
            timeout_s=timeout_s,
            each_tick=observer.look,
            has_heard=observer.has_heard,
        )
        merged = collect(reader, header, end)
        return Looked(merged.trace, _facts(run.path / _FACTS), *_objects(reader, merged.actors))
    finally:
        reader.close()
        run.remove()
        traces.tidy()


def _facts(path: Path) -> list[Facts]:
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _objects(
    reader: RunReader, actors: Mapping[int, int]
) -> tuple[dict[int, Identity], set[Identity], dict[int, tuple[str, int]]]:
    """All objects by their number inside, those that the library made, and where each was made."""
    found, librarys, made = {}, set(), {}
    sites = reader.definitions.sites
    for actor, records in reader.records.items():
        for record in records.of_kinds({Kind.CREATE}):
            if actor in actors:
                identity = found[record[1]] = (actors[actor], record[0] >> 32, record[0] & 0xFFFFFFFF)
                made[record[1]] = sites.get(record[2], ("", 0, ""))[:2]
                if record[3]:
                    librarys.add(identity)
    return found, librarys, made
