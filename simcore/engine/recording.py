"""Records a scenario: makes a run folder, runs the program in it, merges what it wrote, keeps the trace."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from simcore import __version__
from simcore.engine import launch, standstill
from simcore.engine.folder import RunFolder, TraceFolder
from simcore.engine.merge import Merged, merge, outcome_of
from simcore.engine.scenario import command_of, resolve
from simcore.engine.segments import SegmentReader
from simcore.engine.standstill import Standstill
from simcore.engine.watch import Watch
from simcore.errors import InternalError, UsageError
from simcore.trace.events import Kind, ObjectKind, Outcome
from simcore.trace.model import DeadlockLink, Ending, Header, Scenario, Trace
from simcore.trace.twins import Twins


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
    on_stall: str = "report",
    keep_source: bool = True,
    quiet: bool = False,
) -> Trace:
    """Run a scenario as the operating system schedules it and record it. Blocks until it has ended.

    `target` is a pattern's name, `FILE.py` or `module:function`; a sequence of words is a command. The program's output goes where
    ours goes, or nowhere when `quiet`. The trace is saved to `output`, else to a new file in the trace folder; `trace.path` says
    where. A program that fails gives a trace: see `Trace.outcome` and `Trace.check`.

    Raises: UsageError for what cannot be run as asked, PluginError, InternalError when recording itself failed.
    """
    if on_stall not in ("report", "end"):
        raise UsageError(f"on_stall is {on_stall!r}, expected 'report' or 'end'")
    _refuse_platform()
    scenario = target if isinstance(target, Scenario) else resolve(target, params=params, argv=argv, plugins=plugins)
    scenario = replace(
        scenario,
        seed=seed if seed is not None else scenario.seed,
        chaos=chaos if chaos is not None else scenario.chaos,
        switch_interval_s=switch_interval_s if switch_interval_s is not None else scenario.switch_interval_s,
    )
    traces = TraceFolder()
    path = Path(output) if output is not None else None
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"{path.parent} is no folder", "make it first, or leave -o out")
    run = traces.new_run()
    keep = False
    try:
        header = new_header(scenario)
        (run.path / "header.json").write_text(json.dumps(asdict(header)), encoding="utf-8")
        reader = SegmentReader(run.path)
        observer = _Observer(reader, end_stalls=on_stall == "end" or scenario.target == "pattern")
        end = launch.run(
            command_of(scenario),
            launch.environment(run.path, "free", settings_of(scenario), scenario.hash_seed),
            cwd=scenario.cwd,
            quiet=quiet,
            timeout_s=timeout_s,
            each_tick=observer.look,
        )
        try:
            trace = collect(reader, header, end, observer, keep_source=keep_source).trace
        except InternalError:
            keep = True
            raise
        trace.save(path if path is not None else traces.new_path(_stem(scenario)))
        if end.interrupted and not trace.ending.cut_off:
            trace.ending.cut_off = ""
        return trace
    finally:
        if keep:
            run.release()
            (run.path / "refused").touch()
        else:
            run.remove()
            traces.tidy()


def _stem(scenario: Scenario) -> str:
    if scenario.target == "command":
        words = [Path(word).name for word in scenario.argv]
        script = next((word for word in words[1:] if not word.startswith("-")), words[0])
        return Path(script if words[0].startswith("python") else words[0]).stem
    return Path(scenario.name).stem if scenario.target == "file" else scenario.name.rpartition(":")[2]


def _refuse_platform() -> None:
    if sys.platform == "win32":
        raise UsageError("recording needs Linux or macOS; this is Windows", "show, diff and export work here")


def settings_of(scenario: Scenario) -> dict[str, str]:
    """What the runtime reads of a scenario, as environment."""
    settings = {}
    if scenario.seed is not None:
        settings["SIMCORE_SEED"] = str(scenario.seed)
    if scenario.chaos is not None:
        settings["SIMCORE_CHAOS"] = str(scenario.chaos)
    if scenario.switch_interval_s is not None:
        settings["SIMCORE_SWITCH_INTERVAL"] = str(scenario.switch_interval_s)
    return settings


class _Observer:
    """What the controller does between ticks of a recording."""

    def __init__(self, reader: SegmentReader, *, end_stalls: bool) -> None:
        self._reader, self._end_stalls = reader, end_stalls
        self._watch: Watch | None = None
        self.found: Standstill | None = None
        self.stalled = False

    def look(self, pid: int) -> str:
        """A reason to end the program, or ''."""
        if not self._reader.exists():
            return ""
        if self._watch is None:
            self._reader.refresh_definitions()
            recorded = self._reader.definitions.process.get("pid")
            if recorded is None:
                return ""
            self._watch = Watch(self._reader, int(recorded))
        found = self._watch.look()
        if found is None:
            return ""
        if found.chain:
            self.found = found
            return "deadlock"
        if not self.stalled:
            self.stalled = True
            if not self._end_stalls:
                print("simcore: STALLED: everyone waits and nobody owns what is waited for; still running", file=sys.stderr)
        return "stalled" if self._end_stalls else ""


def collect(
    reader: SegmentReader, header: Header, end: launch.End, observer: "_Observer | None", *, keep_source: bool = True
) -> Merged:
    """The trace of a run that has ended."""
    if not reader.exists():
        words = " ".join(header.scenario.argv) or header.scenario.name
        raise InternalError(
            f"nothing was recorded: no Python that can be recorded started in {words!r} (exit code {end.exit_code})",
            "simcore records CPython 3.11 to 3.13 that reads PYTHONPATH: not -I, -E or -S",
        )
    outcome = outcome_of(end.exit_code)
    if end.reason:
        outcome = {"deadlock": Outcome.DEADLOCK, "stalled": Outcome.STALLED, "timeout": Outcome.TIMEOUT}[end.reason]
    definitions = reader.refresh_definitions()
    known = definitions.process
    header = replace(
        header,
        python=known.get("python", header.python),
        implementation=known.get("implementation", header.implementation),
        executable=known.get("executable", header.executable),
        gil=known.get("gil", "1") == "1",
        pid=int(known.get("pid", 0)),
        ppid=int(known.get("ppid", 0)),
        start_ns=end.started_ns,
    )
    ending = Ending(outcome=outcome, exit_code=end.exit_code, duration_ns=end.ended_ns - end.started_ns)
    merged = merge(reader, header, ending, keep_source=keep_source)
    explain(merged.trace)
    if outcome is Outcome.KILLED and not end.reason:
        ending.cut_off = f"the program was killed by signal {-end.exit_code}" if end.exit_code < 0 else "the program was killed"
    return merged


def explain(trace: Trace) -> None:
    """Fill in the deadlock of a trace from its events and pending operations."""
    if trace.outcome not in (Outcome.DEADLOCK, Outcome.STALLED):
        return
    c = trace.columns
    twins = Twins()
    kinds = {index: int(info.kind) for index, info in enumerate(trace.objects)}
    threads: dict[int, int] = {}
    items: dict[int, int] = {}
    begun = {0}
    for actor, kind, obj, value, site in zip(c.actor, c.kind, c.object, c.value, c.site, strict=True):
        twins.feed(actor, kind, obj, kinds[obj], value, site)
        begun.add(actor)
        if kind == Kind.START:
            threads[obj] = value
        elif kind == Kind.PUT:
            items[obj] = items.get(obj, 0) + 1
        elif kind == Kind.GET and value >= 0:
            items[obj] = items.get(obj, 0) - 1
    waits = {p.actor: (int(p.kind), p.object) for p in trace.ending.pending if not p.timed}
    alive = frozenset(begun - twins.ended)
    everyone = trace.outcome is Outcome.STALLED or len(waits) == len(alive)
    found = standstill.find(standstill.Scene(waits, kinds, threads, twins, alive, everyone, items))
    since = {p.actor: p for p in trace.ending.pending}
    if found is None:
        return
    for actor, owner in zip(found.chain, found.owners, strict=True):
        pending = since[actor]
        twin = twins.locks.get(pending.object)
        locked = kinds[pending.object] in (ObjectKind.LOCK, ObjectKind.RLOCK) and twin is not None
        trace.ending.deadlock.append(
            DeadlockLink(
                actor,
                pending.object,
                pending.kind,
                pending.site,
                pending.since_ns,
                owner,
                owner in twins.ended,
                tuple(twin.taken) if locked and twin is not None else (),
                tuple(twin.released) if locked and twin is not None else (),
            )
        )




def new_header(scenario: Scenario) -> Header:
    """What is known before the program runs."""
    commit, dirty = _git(scenario.cwd)
    return Header(
        scenario=scenario,
        simcore=__version__,
        python=platform.python_version(),
        implementation=sys.implementation.name,
        platform=platform.system(),
        machine=platform.machine(),
        plugin_version=_plugin_version(scenario),
        git_commit=commit,
        git_dirty=dirty,
        root=scenario.cwd,
        wall_ns=time.time_ns(),
        executable=sys.executable,
    )


def _plugin_version(scenario: Scenario) -> str:
    if not scenario.plugin or scenario.plugin_file:
        return ""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(scenario.plugin)
    except PackageNotFoundError:
        return ""


def _git(folder: str) -> tuple[str, bool]:
    """The commit that is checked out, and whether anything differs from it; empty outside of git."""
    if not any((parent / ".git").exists() for parent in (Path(folder), *Path(folder).parents)):
        return "", False
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, env=env, timeout=5)
        if commit.returncode:
            return "", False
        state = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=folder, capture_output=True, text=True, env=env, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", False
    return commit.stdout.strip(), bool(state.stdout.strip())


def recover(traces: TraceFolder) -> list[Path]:
    """Turn the run folders of killed controllers into traces; those whose program still runs are left alone.

    Returns the paths of the traces made. A folder that cannot be read is left where it is.
    """
    made = []
    for run in traces.left_over():
        try:
            path = _recover(run, traces)
        except (InternalError, OSError, ValueError, KeyError, TypeError):
            (run.path / "refused").touch()
            run.release()
            continue
        if path is not None:
            made.append(path)
    traces.tidy()
    return made


def _recover(run: RunFolder, traces: TraceFolder) -> Path | None:
    reader = SegmentReader(run.path)
    if (run.path / "refused").exists():
        run.release()
        return None
    if not reader.exists() or not (run.path / "header.json").exists():
        run.remove()
        return None
    known = reader.refresh_definitions().process
    if _still_runs(int(known.get("pid", 0)), run.path):
        run.release()
        return None
    header = header_from(json.loads((run.path / "header.json").read_text(encoding="utf-8")))
    reader.refresh_records()
    exits = [record for records in reader.records.values() for record in records if record[4] == Kind.EXIT]
    end = launch.End(0 if exits else -9, "", 0, 0, 0)
    merged = collect(reader, header, end, None)
    merged.trace.ending.exit_code = None
    merged.trace.ending.cut_off = "the controller was killed while it recorded"
    path = traces.new_path(_stem(header.scenario))
    merged.trace.save(path)
    run.remove()
    return path


def _still_runs(pid: int, run: Path) -> bool:
    try:
        return f"SIMCORE_RUN={run}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def header_from(plain: dict[str, object]) -> Header:
    """A header from its plain form."""
    scenario = dict(plain["scenario"])  # type: ignore[call-overload]
    scenario["argv"], scenario["expect"] = tuple(scenario["argv"]), tuple(scenario["expect"])
    return Header(**{**plain, "scenario": Scenario(**scenario)})  # type: ignore[arg-type]
