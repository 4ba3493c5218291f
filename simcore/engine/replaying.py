"""Replays a trace: runs its scenario again under the recorded order, watches that it comes along, compares the two traces."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from simcore.engine import launch
from simcore.engine.collect import collect
from simcore.engine.compare import Compared, compare
from simcore.engine.compile import compile_order, hand_overs, told_from_afar
from simcore.engine.deadlock import explain
from simcore.engine.family import kill_family
from simcore.engine.folder import TraceFolder
from simcore.engine.follower import TICK_S, Follower
from simcore.engine.interpreter import check_interpreter
from simcore.engine.merge import Merged
from simcore.engine.passing import signals_so_far
from simcore.engine.recording import settings_of
from simcore.engine.run_reader import RunReader
from simcore.engine.scenario import check_replayable, command_of, moved
from simcore.engine.semaphores import Semaphores, remove_semaphores
from simcore.errors import Divergence, Inconclusive, TraceError, UsageError
from simcore.runtime.order import STATUS
from simcore.runtime.processes.folders import VARIABLE as FOLDERS
from simcore.trace.events import FIRST_OBJECT, FIXED_OBJECTS, Kind, Verdict
from simcore.trace.model import Trace

HAND_OVER_NS = 10_000
"""What it costs about to pass the turn to an actor on another processor; on one processor it is a quarter of that."""

SHARE, SHARE_OF_THREADS = 0.2, 0.02
"""A replay keeps to one processor when hand-overs would take more than this share of the recorded time.

Several processes may lose by that what they compute side by side; threads hardly, for one at a time runs Python.
"""


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """One replay: the trace that it recorded of itself, and how many events were the same.

    `divergence` says where it parted from the original, or is None; `differs` what else is not the same. Writes are those that
    the program did more, less, or with another text than recorded.
    """

    trace: Trace
    divergence: Divergence | None
    matched: int
    writes_added: int
    writes_removed: int
    writes_changed: int
    duration_ns: int
    differs: str = ""

    def __bool__(self) -> NoReturn:
        raise TypeError("a ReplayRun is neither true nor false: look at its divergence")


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer of a replay: SAME when every run did what was recorded, else DIFFERENT."""

    verdict: Verdict
    runs: tuple[ReplayRun, ...]
    warnings: tuple[str, ...]

    def __bool__(self) -> NoReturn:
        raise TypeError("a Replay is neither true nor false: look at its verdict, or call check()")

    def check(self) -> "Replay":
        """Return self. Raises: Divergence of the first run that parted; Inconclusive."""
        for run in self.runs:
            if run.divergence is not None:
                raise run.divergence
        if self.verdict is not Verdict.SAME:
            raise Inconclusive("the replay gave no answer: " + "; ".join(self.warnings))
        return self


def replay(
    trace: Trace | str | Path,
    *,
    times: int = 1,
    real_time: bool = False,
    strict: bool = False,
    strict_output: bool = False,
    grace_s: float = 5.0,
    stop_at: int | None = None,
    folder: str | Path | None = None,
    quiet: bool = True,
) -> Replay:
    """Run a trace's scenario again under its recorded order, `times` times, or until a run parts from it. Blocks.

    Sleeps are skipped unless `real_time`, or something outside simcore's control was recorded. `grace_s` is how long an actor may
    fail to come to its turn, beyond what it took when recorded. `strict` refuses when a source file has changed; `strict_output`
    counts other output as different. `stop_at` is the position of an event at which everyone stops and the debugger opens.
    `folder` is where the program lies now, if that is not where it was recorded.

    Raises: TraceError, NotReplayable, UsageError.
    """
    original = trace if isinstance(trace, Trace) else Trace.load(trace)
    if not len(original) and original.ending.exit_code is None:
        name = original.path.name if original.path is not None else "the trace"
        raise TraceError(
            f"{name} has no events to replay: {original.ending.cut_off or 'nothing was recorded'}", "record it again"
        )
    if times < 1:
        raise UsageError(f"times is {times}, expected 1 or more")
    if stop_at is not None and not 0 <= stop_at < len(original):
        raise UsageError(f"there is no event @{stop_at} in this trace", f"it has @0 to @{len(original) - 1}")
    check_interpreter(original)
    if folder is not None:
        original = _moved(original, folder)
    root = check_replayable(original.header.scenario) or Path(original.header.root)
    changed = changed_files(original, root)
    warnings = [f"{what} since the recording" for what in changed]
    if strict and changed:
        raise UsageError(f"{', '.join(changed)} since the recording", "replay without --strict, or put the files back")
    runs = []
    before = signals_so_far()
    for _ in range(times):
        if signals_so_far() != before:
            raise KeyboardInterrupt
        run = _replay_once(original, root, real_time=real_time, grace_s=grace_s, stop_at=stop_at, quiet=quiet)
        if strict_output and run.divergence is None and (run.writes_added or run.writes_removed or run.writes_changed):
            run = replace(run, differs=run.differs or "the output differs")
        runs.append(run)
        if run.divergence is not None or run.differs:
            break
    same = all(run.divergence is None and not run.differs for run in runs)
    return Replay(Verdict.SAME if same else Verdict.DIFFERENT, tuple(runs), tuple(warnings))


def changed_files(trace: Trace, root: Path) -> list[str]:
    """The user's files below a folder whose content is not what was recorded: `app.py changed`, `app.py is gone`."""
    changed = []
    for name, digest in trace.header.files.items():
        try:
            now = hashlib.sha256((root / name).read_bytes()).hexdigest()
        except FileNotFoundError:
            changed.append(f"{name} is gone")
            continue
        except OSError:
            now = ""
        if now != digest:
            changed.append(f"{name} changed")
    return changed


def _moved(trace: Trace, folder: str | Path) -> Trace:
    """The trace as if its program had been recorded in another folder, to which it was moved or copied."""
    header = trace.header
    scenario = moved(header.scenario, Path(folder).resolve(), header.executable)
    old, new = os.path.join(header.scenario.cwd, ""), os.path.join(scenario.cwd, "")
    texts = [text.replace(old, new) if isinstance(text, str) else text for text in trace.texts]
    return replace(trace, texts=texts, header=replace(header, scenario=scenario, root=scenario.cwd))


def _replay_once(trace: Trace, root: Path, *, real_time: bool, grace_s: float, stop_at: int | None, quiet: bool) -> ReplayRun:
    traces = TraceFolder()
    run = traces.new_run()
    try:
        semaphores = Semaphores(told_from_afar(trace))
        turns = compile_order(trace, run.path / "order", stop_at=stop_at, semaphores=semaphores.prefix)
        semaphores.create(run.path)
        (run.path / "status").write_bytes(bytes(STATUS.size))
        (run.path / "replay").touch()
        scenario = trace.header.scenario
        settings = settings_of(replace(scenario, chaos=None, switch_interval_s=None))
        if real_time or trace.ending.not_controlled:
            settings["SIMCORE_REAL_TIME"] = "1"
        if trace.header.folder_bytes:
            lengths = (str(trace.header.folder_bytes.get(name, 0)) for name in ("root", "library", "packages"))
            settings[FOLDERS] = ",".join((*lengths, str(root)))
        if _keeps_to_one_processor(trace, turns):
            settings["SIMCORE_CPUS"] = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        reader = RunReader(run.path)
        follower = Follower(trace, reader, run.path, turns, grace_s, stops=stop_at is not None)
        end = launch.run(
            command_of(scenario),
            launch.environment(run.path, "follow", settings, scenario.hash_seed),
            cwd=scenario.cwd if scenario.cwd and Path(scenario.cwd).is_dir() else None,  # a pattern runs anywhere
            quiet=quiet and stop_at is None,
            each_tick=follower.look,
            tick_s=TICK_S,
            lingers=follower.lingers,
        )
        for pid in reader.running():  # it was cut off there when it was recorded
            kill_family(pid)
        done, _ = follower.status()
        merged = collect(reader, trace.header, replace(end, reason=""), keep_source=False, follows=True)
        again = merged.trace
        if end.reason == "replayed":
            again.ending = replace(
                again.ending,
                outcome=trace.ending.outcome,
                exit_code=trace.ending.exit_code,
                cut_off=trace.ending.cut_off,
                deadlock=[],
            )
            explain(again, like=trace)
        divergence = _divergence(trace, merged, reader, end, follower, done)
        compared = compare(trace, again) if divergence is None else Compared("", max(done, 0), 0)
        return ReplayRun(
            again,
            divergence,
            compared.matched,
            merged.notes["write added"],
            merged.notes["write removed"],
            compared.writes_changed,
            end.ended_ns - end.started_ns,
            compared.differs,
        )
    finally:
        remove_semaphores(run.path)
        run.remove()
        traces.tidy()


def _keeps_to_one_processor(trace: Trace, turns: list[int]) -> bool:
    share = SHARE if len(trace.ending.processes) > 1 else SHARE_OF_THREADS
    return hasattr(os, "sched_getaffinity") and hand_overs(trace, turns) * HAND_OVER_NS > share * trace.ending.duration_ns


def _divergence(
    trace: Trace, merged: Merged, reader: RunReader, end: launch.End, follower: Follower, done: int
) -> Divergence | None:
    """The first event at which the run did not do what the trace has, or None."""
    if merged.divergence:
        return _told(trace, merged, reader)
    if end.reason == "stuck" and follower.stuck_at is not None:
        position = follower.stuck_at
        event = trace.event(position)
        return Divergence(
            event.actor,
            event.step,
            position,
            phrase(trace, position),
            "nothing: it never came to its turn",
            _arrivals(merged),
            follower.stack,
        )
    if end.reason == "lingers":
        last = len(trace) - 1
        event = trace.event(last)
        return Divergence(
            event.actor, event.step + 1, None, "nothing more: the run ended here", "it went on past the end of the trace"
        )
    if end.reason == "replayed":
        return None
    if done < (follower.last if follower.turns else 0):
        position = follower.next_turn(done)
        event = trace.event(position)
        how = f"signal {-end.exit_code}" if end.exit_code < 0 else f"exit code {end.exit_code}"
        error = f" ({merged.trace.ending.error})" if merged.trace.ending.error else ""
        return Divergence(
            event.actor, event.step, position, phrase(trace, position), f"the process ended before it: {how}{error}"
        )
    return None


def _arrivals(merged: Merged) -> str:
    waiting = [
        f"{merged.trace.actors[p.actor].name} in {p.kind.name.lower()} {merged.trace.object_labels[p.object]}"
        for p in merged.trace.ending.pending
    ]
    return "waiting meanwhile: " + ", ".join(waiting) if waiting else ""


def _told(trace: Trace, merged: Merged, reader: RunReader) -> Divergence:
    """The divergence that the runtime wrote down before it ended the process."""
    _, name, at, kind, obj, site, reason = merged.divergence
    position = int(at)
    event = trace.event(position)
    file, line, function = reader.definitions.sites.get(int(site), ("", 0, ""))
    place = f"   {Path(file).name}:{line} in {function.rpartition('.')[2]}" if line else ""
    observed = (
        "that could not be done"
        if Kind(int(kind)) is Kind.UNDO
        else f"{_object_name(trace, int(obj))}{Kind(int(kind)).name.lower()}{place}"
    )
    return Divergence(name, event.step, position, phrase(trace, position), observed, reason)


def _object_name(trace: Trace, number: int) -> str:
    index = number if number < len(FIXED_OBJECTS) else number - FIRST_OBJECT + len(FIXED_OBJECTS)
    if 0 < index < len(trace.objects):
        return f"{trace.object_labels[index]}."
    return "a new object: " if index >= len(trace.objects) else ""


def phrase(trace: Trace, position: int) -> str:
    """An event in a few words, with its call site: `balance_lock.acquire   mutex.py:31 in deposit`."""
    c = trace.columns
    site = trace.sites[c.site[position]]
    label = trace.object_labels[c.object[position]]
    place = f"   {site} in {site.function.rpartition('.')[2]}" if site.line else ""
    return f"{label}{'.' if label else ''}{Kind(c.kind[position]).name.lower()}{place}"


__all__ = ["Replay", "ReplayRun", "changed_files", "replay"]
