"""What recording costs: time beside the plain program, bytes on disk, replay, the command's start, saving and loading.

`python -m benchmarks.cost` measures and prints tables. Whatever is compared runs alternately, round after round, and the figure
is the median of the rounds: on a machine that does other things as well, trust ratios, not absolute times.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import simcore
from benchmarks.bench_diff import pair
from benchmarks.process_cost import pure_python
from benchmarks.tables import Table
from simcore.engine.interpreter import core_name
from simcore.trace.model import Trace

LOOPS = Path(__file__).resolve().with_name("loops.py")
CHOSEN: Sequence[tuple[str, str, int, bool]] = (
    ("lock", "`with lock: pass`", 200_000, True),
    ("ten-lines", "the same, ten in a row in each turn of the loop", 200_000, True),
    ("calls", "`lock.acquire()`, `lock.release()`", 200_000, True),
    ("rlock", "`with rlock: pass`", 200_000, True),
    ("contended-1", "`with lock: total += 1`, 1 thread", 200_000, False),
    ("contended-2", "the same lock, 2 threads", 200_000, False),
    ("contended-4", "the same lock, 4 threads", 200_000, False),
    ("condition", "Condition: notify, wait, hand-off", 10_000, False),
    ("queues", "Queue to and fro: put, get, hand-off", 10_000, False),
    ("stream", "Queue(10) in one direction: put, get", 20_000, False),
)
"""A loop's name, what it does, its turns, and whether CPU time is what is compared (one thread) or wall time (several)."""

SIZES: Sequence[tuple[str, Mapping[str, object]]] = (
    ("simple-thread", {"start": 3000, "pause_s": 0}),
    ("mutex", {"workers": 4, "rounds": 5000}),
    ("mutex", {"workers": 4, "rounds": 100}),
    ("condition", {"items": 3000, "consumers": 4}),
    ("barrier", {"players": 3000, "seats": 3}),
    ("thread-pool-executor", {"workers": 4, "tasks": 2000, "pause_s": 0}),
)

REPLAYS: Sequence[tuple[str, Mapping[str, object]]] = (
    ("simple-thread", {"start": 40}),
    ("mutex", {"workers": 4, "rounds": 2000}),
    ("condition", {"items": 500, "consumers": 4}),
    ("barrier", {"players": 302, "seats": 3}),
    ("thread-pool-executor", {"workers": 4, "tasks": 300}),
)

Times = tuple[float, float]


def _times(file: Path) -> Times:
    wall, cpu = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return wall, cpu


def plain(name: str, turns: int, folder: Path) -> Times:
    """A loop's times without anything."""
    subprocess.run([sys.executable, LOOPS, name, str(turns), folder / "times"], check=True)
    return _times(folder / "times")


def recorded(name: str, turns: int, folder: Path) -> Times:
    """A loop's times while it is recorded."""
    command = [sys.executable, str(LOOPS), name, str(turns), str(folder / "times")]
    simcore.record(command, output=folder / "loop.simtrace", quiet=True).check()
    return _times(folder / "times")


def recorded_purely(name: str, turns: int, folder: Path) -> Times:
    """A loop's times while it is recorded without the core in C."""
    with pure_python():
        return recorded(name, turns, folder)


def viztraced(name: str, turns: int, folder: Path) -> Times:
    """A loop's times under VizTracer with its defaults."""
    options = ["-m", "viztracer", "--quiet", "-o", str(folder / "viz.json")]
    command = [sys.executable, *options, str(LOOPS), name, str(turns), str(folder / "times")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return _times(folder / "times")


def loops(rounds: int) -> Table:
    """Every loop: plain, recorded and under VizTracer by turns."""
    ways: list[Callable[[str, int, Path], Times]] = [plain, recorded, recorded_purely]
    if importlib.util.find_spec("viztracer"):
        ways.append(viztraced)
    rows = []
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as folder:
        for name, title, turns, cpu in CHOSEN:
            measured: list[list[float]] = [[] for _ in ways]
            for _ in range(rounds):
                for way, figures in zip(ways, measured, strict=True):
                    figures.append(way(name, turns, Path(folder))[cpu] / turns * 1e6)
            medians = [statistics.median(figures) for figures in measured]
            ratios = [statistics.median(a / b for a, b in zip(each, measured[0], strict=True)) for each in measured[1:]]
            row = [
                title,
                "CPU" if cpu else "wall",
                f"{medians[0]:.3f}",
                f"{medians[1]:.3f}",
                f"{ratios[0]:.1f}x",
                f"{ratios[1]:.1f}x",
            ]
            rows.append([*row, f"{ratios[2]:.1f}x" if len(ratios) > 2 else "not installed"])
            print(*rows[-1], sep="   ", file=sys.stderr, flush=True)
    return Table(
        f"Recorded against plain, us per turn (medians of {rounds} rounds; the ratio is the median of the rounds' ratios)",
        ["loop", "time", "plain", "recorded", core_name(), "pure Python", "VizTracer"],
        rows,
    )


def sizes() -> Table:
    """Bytes on disk of patterns with many events and, for comparison, with few."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as folder:
        for name, params in SIZES:
            trace = simcore.record(name, params=params, output=Path(folder, "a.simtrace"), quiet=True)
            size = Path(folder, "a.simtrace").stat().st_size
            rows.append([_call(name, params), trace.outcome.word, f"{len(trace):,}", f"{size:,}", f"{size / len(trace):.2f}"])
    return Table(
        "Bytes on disk, the whole file (header, sources and names with it)",
        ["pattern", "outcome", "events", "bytes", "per event"],
        rows,
    )


def replays(rounds: int) -> Table:
    """How long the recorded process and the replayed process take from start to end, and the whole call of each."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as folder:
        path = Path(folder, "a.simtrace")
        for name, params in REPLAYS:
            figures = []
            for _ in range(rounds):
                start = time.perf_counter()
                trace = simcore.record(name, params=params, output=path, quiet=True)
                middle = time.perf_counter()
                run = simcore.replay(path).check().runs[0]
                end = time.perf_counter()
                figures.append(
                    (trace.ending.duration_ns / 1e9, run.duration_ns / 1e9, middle - start, end - middle, float(len(trace)))
                )
            record, again, called, recalled, events = map(statistics.median, zip(*figures, strict=True))
            row = [_call(name, params), f"{events:,.0f}", f"{record:.2f}", f"{again:.2f}", f"{again / record:.1f}x"]
            rows.append([*row, f"{called:.2f}", f"{recalled:.2f}"])
    return Table(
        f"Replay against record, seconds (medians of {rounds} rounds; sleeps are skipped in replay)",
        ["pattern", "events", "process recorded", "process replayed", "ratio", "`record()`", "`replay()`"],
        rows,
    )


def start(rounds: int) -> Table:
    """CPU time of `simcore --help` and of an interpreter that does nothing."""
    script = Path(sys.executable).with_name("simcore")
    helping = [str(script), "--help"] if script.exists() else [sys.executable, "-m", "simcore.cli", "--help"]
    commands = [[sys.executable, "-c", "pass"], helping]
    measured: list[list[float]] = [[], []]
    for _ in range(rounds):
        for command, figures in zip(commands, measured, strict=True):
            before = _children()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            figures.append((_children() - before) * 1000)
    bare, full = map(statistics.median, measured)
    return Table(
        f"Start, ms CPU (medians of {rounds} rounds)",
        ["bare interpreter", "`simcore --help`", "difference"],
        [[f"{bare:.0f}", f"{full:.0f}", f"{full - bare:.0f}"]],
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def files(events: int = 1_000_000) -> Table:
    """Saving and loading a trace of so many events, in this process."""
    trace = pair("same order", events)[0]
    rows = []
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as folder:
        path = Path(folder, "a.simtrace")
        for title, act in (("save", lambda: trace.save(path)), ("load", lambda: Trace.load(path))):
            wall, cpu = time.perf_counter(), time.process_time()
            act()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            rows.append([title, f"{len(trace):,}", f"{wall:.2f}", f"{cpu:.2f}", f"{path.stat().st_size / len(trace):.2f}"])
    return Table(
        "Saving and loading (4 made-up actors, 8 locks)", ["", "events", "seconds", "CPU seconds", "bytes per event"], rows
    )


def _call(name: str, params: Mapping[str, object]) -> str:
    return " ".join([name, *(f"-p {key}={value}" for key, value in params.items())])


def run(rounds: int = 7, *, only_loops: bool = False) -> list[Table]:
    """All tables. Works in folders of its own that it removes."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as folder:
        os.chdir(folder)
        try:
            tables = [loops(rounds)]
            if not only_loops:
                tables += [sizes(), replays(max(rounds // 2, 1)), start(rounds), files()]
        finally:
            os.chdir(before)
    return tables


def main() -> None:
    """Read the options, measure, print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--only-loops", action="store_true", help="recorded against plain, nothing else")
    options.add_argument("--json", action="store_true", help="tables as JSON")
    chosen = options.parse_args()
    tables = run(chosen.rounds, only_loops=chosen.only_loops)
    if chosen.json:
        print(json.dumps({"python": platform.python_version(), "tables": [table.plain() for table in tables]}))
    else:
        print(*(table.markdown() for table in tables), sep="\n")


if __name__ == "__main__":
    main()
