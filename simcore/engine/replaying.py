"""Replays a trace: runs its scenario again under the recorded order, watches that it comes along, compares the two traces."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from simcore.engine import launch
from simcore.engine.compare import Compared, compare
from simcore.engine.compile import compile_order
from simcore.engine.folder import TraceFolder
from simcore.engine.interpreter import check_interpreter
from simcore.engine.merge import Merged
from simcore.engine.recording import collect, explain, settings_of
from simcore.engine.scenario import check_replayable, command_of
from simcore.engine.segments import SegmentReader
from simcore.engine.stacks import ask_for_stacks, stack_of
from simcore.errors import Divergence, Inconclusive, UsageError
from simcore.runtime.order import STATUS
from simcore.runtime.segment import PHASE_ENDED, WAIT_PARKED
from simcore.trace.events import FIRST_OBJECT, FIXED_OBJECTS, Kind, Outcome, Verdict
from simcore.trace.model import Trace

_TICK_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """One replay: the trace that it recorded of itself, where it parted from the original or None, how many events were the same.

    Writes are those that the program did more, less, or with another text than recorded. `differs` says what else is not the same.
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
    """The answer of a replay: SAME when every run did what was recorded, else DIFFERENT; INCONCLUSIVE when none could be finished."""

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
    quiet: bool = True,
) -> Replay:
    """Run a trace's scenario again under its recorded order, `times` times, or until a run parts from it. Blocks.

    Sleeps are skipped unless `real_time`, or something outside simcore's control was recorded. `grace_s` is how long an actor may
    fail to come to its turn, beyond what it took when recorded. `strict` refuses when a source file has changed; `strict_output`
    counts other output as different. `stop_at` is the position of an event at which everyone stops and the debugger opens.

    Raises: TraceError, NotReplayable, UsageError.
    """
    original = trace if isinstance(trace, Trace) else Trace.load(trace)
    if times < 1:
        raise UsageError(f"times is {times}, expected 1 or more")
    if stop_at is not None and not 0 <= stop_at < len(original):
        raise UsageError(f"there is no event @{stop_at} in this trace", f"it has @0 to @{len(original) - 1}")
    check_interpreter(original)
    check_replayable(original.header.scenario)
    changed = changed_files(original)
    warnings = [f"{name} changed since the recording" for name in changed]
    if strict and changed:
        raise UsageError(f"{', '.join(changed)} changed since the recording", "replay without --strict, or put the files back")
    runs = []
    for _ in range(times):
        run = _replay_once(original, real_time=real_time, grace_s=grace_s, stop_at=stop_at, quiet=quiet)
        if strict_output and run.divergence is None and (run.writes_added or run.writes_removed or run.writes_changed):
            run = replace(run, differs=run.differs or "the output differs")
        runs.append(run)
        if run.divergence is not None or run.differs:
            break
    same = all(run.divergence is None and not run.differs for run in runs)
    return Replay(Verdict.SAME if same else Verdict.DIFFERENT, tuple(runs), tuple(warnings))


def changed_files(trace: Trace) -> list[str]:
    """The user's files whose content is not what was recorded."""
    import hashlib

    changed = []
    for name, digest in trace.header.files.items():
        try:
            now = hashlib.sha256(Path(trace.header.root, name).read_bytes()).hexdigest()
        except OSError:
            now = ""
        if now != digest:
            changed.append(name)
    return changed


class _Follower:
    """What the controller does between ticks of a replay: sees that turns go on, and says why when they do not."""

    def __init__(self, trace: Trace, reader: SegmentReader, run: Path, turns: list[int], grace_s: float, *, stops: bool) -> None:
        self._trace, self._reader, self._run, self._turns = trace, reader, run, turns
        self._grace_s, self._stops = grace_s, stops
        self._done = -1
        self._since = time.monotonic()
        self._cpu = 0
        self._last = turns[-1] + 1 if turns else 0
        self.stuck_at: int | None = None
        self.stack = ""
        self.finished = False

    def status(self) -> tuple[int, int, int, int]:
        """Turns done (position + 1), writes added, writes removed, whether a debugger is open."""
        done, added, removed, debugger = STATUS.unpack((self._run / "status").read_bytes()[: STATUS.size])
        return done, added, removed, debugger

    def look(self, pid: int) -> str:
        """A reason to end the program, or ''."""
        done, _, _, debugger = self.status()
        now = time.monotonic()
        if debugger or self._stops and done == 0:
            self._since = now
            return ""
        if done != self._done:
            self._done, self._since = done, now
            self._cpu = _cpu_ticks(pid)
        if done >= self._last:
            return self._past_the_end(pid, now)
        if now - self._since < 0.1:
            return ""
        position = self._next(done)
        waited = now - self._since
        state = self._state_of(position)
        if state == "ended" and waited > 0.3:
            self.stuck_at = position
            return "stuck"
        gap = self._gap_s(position)
        patience = self._grace_s + 3 * gap
        if _cpu_ticks(pid) - self._cpu > 10 * waited:
            patience *= 10  # it computes
        if waited > patience:
            self.stuck_at = position
            self.stack = stack_of(self._reader, self._trace.actors[self._trace.columns.actor[position]].name, self._run)
            ask_for_stacks(pid)
            for _ in range(50):
                time.sleep(0.02)
                self.stack = stack_of(self._reader, self._trace.actors[self._trace.columns.actor[position]].name, self._run)
                if self.stack:
                    break
            return "stuck"
        return ""

    def _next(self, done: int) -> int:
        from bisect import bisect_left

        return self._turns[bisect_left(self._turns, done)]

    def _gap_s(self, position: int) -> float:
        """How long the actor took to come to this event when it was recorded, less what it waited."""
        c = self._trace.columns
        actor = c.actor[position]
        before = next((place for place in range(position - 1, max(position - 10_000, -1), -1) if c.actor[place] == actor), None)
        start = c.at_ns[before] if before is not None else 0
        return float(max(c.at_ns[position] - start, 0)) / 1e9

    def _state_of(self, position: int) -> str:
        """`ended` when the actor whose turn it is cannot come any more."""
        self._reader.refresh_definitions()
        self._reader.refresh_records()
        name = self._trace.actors[self._trace.columns.actor[position]].name
        heads = self._reader.heads()
        for number, (known, _, _) in self._reader.definitions.actors.items():
            if known == name:
                phase, wait = heads.get(number, (0, None))
                if phase == PHASE_ENDED or wait is not None and wait.since and wait.flags & WAIT_PARKED:
                    return "ended"
        return ""

    def _past_the_end(self, pid: int, now: float) -> str:
        """All turns are done. What was recorded to end by itself does so; what was cut off is cut off here."""
        self.finished = True
        ending = self._trace.ending
        if ending.outcome in (Outcome.DEADLOCK, Outcome.STALLED, Outcome.TIMEOUT, Outcome.KILLED) and not self._exits():
            settled = now - self._since > 0.05 and self._all_parked() or now - self._since > min(self._grace_s, 1.0)
            return "replayed" if settled else ""
        if now - self._since > self._grace_s + 2:
            return "lingers"
        return ""

    def _exits(self) -> bool:
        kinds = self._trace.columns.kind
        return len(kinds) > 0 and kinds[-1] == Kind.EXIT

    def _all_parked(self) -> bool:
        self._reader.refresh_definitions()
        self._reader.refresh_records()
        parked = {
            self._reader.definitions.actors[number][0]
            for number, (phase, wait) in self._reader.heads().items()
            if number in self._reader.definitions.actors and (phase == PHASE_ENDED or wait.since)
        }
        return {self._trace.actors[pending.actor].name for pending in self._trace.ending.pending} <= parked


def _cpu_ticks(pid: int) -> int:
    """CPU time of a process in hundredths of a second, 0 where the kernel does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0


def _replay_once(trace: Trace, *, real_time: bool, grace_s: float, stop_at: int | None, quiet: bool) -> ReplayRun:
    traces = TraceFolder()
    run = traces.new_run()
    try:
        turns = compile_order(trace, run.path / "order", stop_at=stop_at)
        (run.path / "status").write_bytes(bytes(STATUS.size))
        (run.path / "replay").touch()
        scenario = trace.header.scenario
        settings = settings_of(replace(scenario, chaos=None, switch_interval_s=None))
        if real_time or trace.ending.not_controlled:
            settings["SIMCORE_REAL_TIME"] = "1"
        reader = SegmentReader(run.path)
        follower = _Follower(trace, reader, run.path, turns, grace_s, stops=stop_at is not None)
        end = launch.run(
            command_of(scenario),
            launch.environment(run.path, "follow", settings, scenario.hash_seed),
            cwd=scenario.cwd,
            quiet=quiet and stop_at is None,
            each_tick=follower.look,
            tick_s=_TICK_S,
        )
        done, added, removed, _ = follower.status()
        merged = collect(reader, trace.header, replace(end, reason="" if end.reason != "timeout" else "timeout"), None, keep_source=False)
        again = merged.trace
        if end.reason == "replayed":
            again.ending = replace(
                again.ending, outcome=trace.ending.outcome, exit_code=trace.ending.exit_code, cut_off=trace.ending.cut_off, deadlock=[]
            )
            explain(again)
        divergence = _divergence(trace, merged, reader, end, follower, done)
        compared = compare(trace, again) if divergence is None else Compared("", max(done, 0), 0)
        return ReplayRun(
            again,
            divergence,
            compared.matched,
            added,
            removed,
            compared.writes_changed,
            end.ended_ns - end.started_ns,
            compared.differs,
        )
    finally:
        run.remove()
        traces.tidy()


def _divergence(trace: Trace, merged: Merged, reader: SegmentReader, end: launch.End, follower: _Follower, done: int) -> Divergence | None:
    """The first event at which the run did not do what the trace has, or None."""
    if merged.divergence:
        return _told(trace, merged, reader)
    if end.reason == "stuck" and follower.stuck_at is not None:
        position = follower.stuck_at
        event = trace.event(position)
        return Divergence(
            event.actor, event.step, position, phrase(trace, position), "nothing: it never came to its turn", _arrivals(merged), follower.stack
        )
    if end.reason == "lingers":
        last = len(trace) - 1
        event = trace.event(last)
        return Divergence(event.actor, event.step + 1, None, "nothing more: the run ended here", "it went on past the end of the trace")
    if end.reason == "replayed":
        return None
    if done < (follower._last if follower._turns else 0):
        position = follower._next(done)
        event = trace.event(position)
        how = f"signal {-end.exit_code}" if end.exit_code < 0 else f"exit code {end.exit_code}"
        error = f" ({merged.trace.ending.error})" if merged.trace.ending.error else ""
        return Divergence(event.actor, event.step, position, phrase(trace, position), f"the process ended before it: {how}{error}")
    return None


def _arrivals(merged: Merged) -> str:
    waiting = [
        f"{merged.trace.actors[p.actor].name} in {p.kind.name.lower()} {merged.trace.object_labels[p.object]}"
        for p in merged.trace.ending.pending
    ]
    return "waiting meanwhile: " + ", ".join(waiting) if waiting else ""


def _told(trace: Trace, merged: Merged, reader: SegmentReader) -> Divergence:
    """The divergence that the runtime wrote down before it ended the process."""
    _, name, at, kind, obj, site, reason = merged.divergence
    position = int(at)
    event = trace.event(position)
    file, line, function = reader.definitions.sites.get(int(site), ("", 0, ""))
    place = f"   {Path(file).name}:{line} in {function.rpartition('.')[2]}" if line else ""
    observed = "that could not be done" if Kind(int(kind)) is Kind.UNDO else f"{_object_name(trace, int(obj))}{Kind(int(kind)).name.lower()}{place}"
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
