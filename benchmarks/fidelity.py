"""Records programs again and again, replays each recording, and holds every replay against its recording in three ways.

`python -m benchmarks.fidelity` does 100 recordings of each program with 3 replays each. The three ways: the trace that the
replay recorded of itself, the bytes that the program wrote to stdout and stderr, and a witness outside simcore: files to which
the program appends. Control: the same program run once more for each recording with nobody holding its gate. What is not the
same is kept, its folder is named on stderr, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import simcore
from simcore.diffing import diff
from simcore.engine.compare import compare, equal_events
from simcore.trace.events import LOCAL_KINDS, Kind, Verdict
from simcore.trace.model import Trace

PROGRAMS = Path(__file__).resolve().with_name("programs.py")
SWITCH_INTERVAL_S = 1e-5
_UNJUDGED = LOCAL_KINDS | {Kind.IMPORT, Kind.IMPORTED}
HAND_OFFS = 50
"""A recording with fewer hand-offs between actors proves little and is not counted."""


@dataclass(frozen=True)
class Case:
    """A program with parameters that give enough hand-offs. `witness` says whether it has that parameter."""

    pattern: str
    params: Mapping[str, object] = field(default_factory=dict)
    builtin: bool = False
    witness: bool = True
    control: bool = True
    """Whether a free run has so many ways to go that nearly all differ."""


CASES = (
    Case("simple-thread", {"start": 40}, builtin=True, witness=False),
    Case("mutex", {"workers": 4, "rounds": 60, "pause_s": 0.00005}, builtin=True),
    Case("condition", {"items": 40, "consumers": 4}, builtin=True),
    Case("barrier", {"players": 302, "seats": 3}, builtin=True),
    Case("thread-pool-executor", {"workers": 4, "tasks": 30}, builtin=True, witness=False),
    Case("queues"),
    Case("simple-queues", {"items": 150}),
    Case("reentrant", {"rounds": 120}),
    Case("semaphores", {"rounds": 40}),
    Case("events", {"rounds": 60}),
    Case("logs", {"rounds": 80}),
    Case("timers"),
    Case("tries"),
    Case("prints", {"rounds": 120}, witness=False),
    Case("polls"),
    Case("daemons", {"rounds": 200}),
    Case("pool"),
    Case("inputs", {"rounds": 60}),
    Case("draws"),
    Case("conditions", {"rounds": 30}),
    Case("garbage", {"rounds": 1500}),
    Case("failing", {"rounds": 200}),
    Case("alarms", {"rounds": 200}),
    Case("schedules", {"count": 20}),
    Case("imports", {"rounds": 20}),
    Case("families"),
)


@dataclass(frozen=True)
class Seen:
    """What one run left outside simcore: its two streams and the files it appended to."""

    stdout: bytes
    stderr: bytes
    witness: Mapping[str, bytes]

    def differs(self, other: Seen) -> str:
        """What is not the same in the other run, or ''."""
        parts = [name for name in ("stdout", "stderr", "witness") if getattr(self, name) != getattr(other, name)]
        return ", ".join(parts)


@dataclass
class Row:
    """One line of the table.

    `same` counts replays, `control` free runs whose witness or output differ, `few` recordings that are not counted.
    """

    program: str
    recordings: int = 0
    replays: int = 0
    same: int = 0
    control: int = 0
    few: int = 0
    hand_offs: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextlib.contextmanager
def captured(out: Path, err: Path) -> Iterator[None]:
    """Let this process's stdout and stderr, and so those of the programs it starts, go to two files."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = [os.dup(number) for number in (1, 2)]
    try:
        for number, path in ((1, out), (2, err)):
            file = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)
            os.dup2(file, number)
            os.close(file)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in zip((1, 2), before, strict=True):
            os.dup2(kept, number)
            os.close(kept)


class Loop:
    """The recordings and replays of one case, in a folder of its own."""

    def __init__(self, case: Case, folder: Path, kept: Path, least: int = HAND_OFFS) -> None:
        self.case, self.folder, self.kept, self.least = case, folder, kept, least
        self.witness = folder / "witness"
        self.row = Row(case.pattern)

    def _clean(self) -> None:
        for file in self.folder.glob("witness*"):
            file.unlink()

    def _seen(self) -> Seen:
        files = {file.name: file.read_bytes() for file in sorted(self.folder.glob("witness*"))}
        return Seen((self.folder / "out").read_bytes(), (self.folder / "err").read_bytes(), files)

    def record(self, name: str) -> tuple[Trace, Seen]:
        """Record once with short switch intervals."""
        params = dict(self.case.params)
        if self.case.witness:
            params["witness"] = str(self.witness)
        self._clean()
        with captured(self.folder / "out", self.folder / "err"):
            trace = simcore.record(
                self.case.pattern,
                params=params,
                plugins=() if self.case.builtin else (PROGRAMS,),
                output=self.folder / name,
                switch_interval_s=SWITCH_INTERVAL_S,
                timeout_s=120,
            )
        return trace, self._seen()

    def replay(self, trace: Trace) -> tuple[str, Seen, Trace]:
        """Replay once; what the traces say is not the same, or ''."""
        self._clean()
        with captured(self.folder / "out", self.folder / "err"):
            answer = simcore.replay(trace, quiet=False)
        run = answer.runs[0]
        told = []
        if run.divergence is not None:
            told.append(f"divergence at {run.divergence} {run.divergence.reason}")
        elif run.differs:
            told.append(run.differs)
        elif answer.verdict is not Verdict.SAME:
            told.append(f"verdict {answer.verdict.value}")
        else:
            told.extend(unlike(trace, run.trace))
        if run.writes_added or run.writes_removed or run.writes_changed:
            told.append(f"writes +{run.writes_added} -{run.writes_removed} ~{run.writes_changed}")
        return "; ".join(told), self._seen(), run.trace

    def hand_offs(self, trace: Trace) -> int:
        """What makes a recording count."""
        return hand_offs(trace)

    def run(self, recordings: int, replays: int, *, control: bool = True) -> Row:
        """Go round; blocks for as long as it takes."""
        row = self.row
        while row.recordings < recordings and row.few < 3 * recordings + 3:
            try:
                trace, first = self.record("a.simtrace")
            except simcore.SimcoreError as error:
                row.problems.append(f"not recorded: {error}")
                self._keep(None, None)
                row.recordings += 1
                continue
            number = self.hand_offs(trace)
            if number < self.least:
                row.few += 1
                continue
            row.recordings += 1
            row.hand_offs.append(number)
            if not trace.as_expected:
                row.problems.append(f"ended {trace.outcome.word} {trace.ending.error}")
                self._keep(first, None)
            loaded = Trace.load(self.folder / "a.simtrace")
            for _ in range(replays):
                told, again, own = self.replay(loaded)
                row.replays += 1
                outside = first.differs(again)
                if told or outside:
                    row.problems.append("; ".join(filter(None, (told, outside and f"other {outside}"))))
                    self._keep(first, again, own)
                else:
                    row.same += 1
            if control:
                _, free = self.record("b.simtrace")
                row.control += bool(first.differs(free))
        if row.recordings < recordings:
            row.problems.append(f"{row.few} recordings had fewer than {self.least} hand-offs: take other parameters")
        return row

    def _keep(self, first: Seen | None, again: Seen | None, own: Trace | None = None) -> None:
        """Put the offending trace and both runs' output where they stay."""
        kept = self.kept / f"{Path(self.case.pattern).name}-{len(self.row.problems)}"
        kept.mkdir(parents=True, exist_ok=True)
        if (self.folder / "a.simtrace").exists():
            shutil.copy(self.folder / "a.simtrace", kept / "recorded.simtrace")
        if own is not None:
            own.save(kept / "replayed.simtrace")
        for prefix, seen in (("recorded", first), ("replayed", again)):
            if seen is not None:
                for name, data in {"stdout": seen.stdout, "stderr": seen.stderr, **seen.witness}.items():
                    (kept / f"{prefix}.{name}").write_bytes(data)
        print(f"{self.case.pattern}: {self.row.problems[-1]}\n  kept in {kept}", file=sys.stderr, flush=True)


def unlike(recorded: Trace, replayed: Trace) -> list[str]:
    """What two traces differ in, asked of both judges, unless they are equal to the number: replay's comparison and the diff."""
    found: list[str] = []
    if equal_events(recorded, replayed):
        return found
    answer = diff(recorded, replayed)
    if answer.verdict is not Verdict.SAME:
        found.append(f"diff says {answer.verdict.value}: {answer.split.sentence if answer.split else ''}")
    if compare(recorded, replayed).differs:
        found.append("the replay's own comparison")
    if turns(recorded) != turns(replayed):
        found.append("another order of turns")
    return found


def turns(trace: Trace) -> list[tuple[str, int, str]]:
    """Who did what on what, in the order of the trace, without inputs that take no turn and without imports.

    An import more or less is no difference: whether a module is there already is not the program's doing alone.
    """
    c = trace.columns
    names, objects = [info.name for info in trace.actors], trace.object_names
    return [
        (names[actor], kind, objects[obj])
        for actor, kind, obj in zip(c.actor, c.kind, c.object, strict=True)
        if kind not in _UNJUDGED
    ]


def hand_offs(trace: Trace) -> int:
    """How often the next turn is another actor's."""
    actors = [actor for actor, kind in zip(trace.columns.actor, trace.columns.kind, strict=True) if kind not in LOCAL_KINDS]
    return sum(a != b for a, b in itertools.pairwise(actors))


@contextlib.contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """So many processes that do nothing but compute, beside us."""
    started = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def run(
    recordings: int = 100, replays: int = 3, *, only: Sequence[str] = (), control: bool = True, kept: Path | None = None
) -> list[Row]:
    """A row per program. Works in a folder of its own that it removes; what is not the same is moved to `kept`."""
    kept = kept or Path(tempfile.gettempdir()) / f"simcore-fidelity-{os.getpid()}"
    rows = []
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="simcore-fidelity-") as folder:
        os.chdir(folder)
        try:
            for case in CASES:
                if only and case.pattern not in only:
                    continue
                begin = time.perf_counter()
                row = Loop(case, Path(folder), kept).run(recordings, replays, control=control)
                rows.append(row)
                print(f"{line(row)}   {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        finally:
            os.chdir(before)
    return rows


TITLE = f"{'program':<22}{'recordings':>11}{'replays':>9}{'same':>7}{'control differs':>17}{'hand-offs':>11}{'too few':>9}"


def line(row: Row) -> str:
    """One row of the table."""
    differs = f"{100 * row.control / row.recordings:.0f}%" if row.recordings else "-"
    median = int(statistics.median(row.hand_offs)) if row.hand_offs else 0
    return f"{row.program:<22}{row.recordings:>11}{row.replays:>9}{row.same:>7}{differs:>17}{median:>11}{row.few:>9}"


def failed(rows: Sequence[Row]) -> bool:
    """Whether anything was not the same."""
    return any(row.problems or row.same != row.replays for row in rows)


def as_json(rows: Sequence[Row], *, load: bool, what: str = "threads") -> str:
    """What `python -m benchmarks --fidelity FILE` reads."""
    told = {"python": platform.python_version(), "what": what, "load": load, "rows": [asdict(row) for row in rows]}
    return json.dumps(told, indent=1)


def main() -> int:
    """Read the options, go round, print the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--recordings", type=int, default=100)
    options.add_argument("--replays", type=int, default=3)
    options.add_argument("--load", action="store_true", help="beside two busy loops")
    options.add_argument("--only", action="append", default=[], metavar="PROGRAM", help="this program; may be given again")
    options.add_argument("--no-control", action="store_true", help="leave out the free runs")
    options.add_argument("--json", action="store_true", help="rows as JSON")
    options.add_argument("--keep", type=Path, help="folder for what was not the same")
    chosen = options.parse_args()
    unknown = set(chosen.only) - {case.pattern for case in CASES}
    if unknown:
        options.error(f"no program {', '.join(sorted(unknown))}; there are {', '.join(case.pattern for case in CASES)}")
    with busy_loops(2 if chosen.load else 0):
        rows = run(chosen.recordings, chosen.replays, only=chosen.only, control=not chosen.no_control, kept=chosen.keep)
    if chosen.json:
        print(as_json(rows, load=chosen.load))
    else:
        print(TITLE, *map(line, rows), sep="\n")
    return int(failed(rows))


if __name__ == "__main__":
    sys.exit(main())
