"""What recording several processes costs: loops plain, recorded (with the core in C and without) and under VizTracer by turns.

And replay against recording.

`python -m benchmarks.process_cost` measures and prints tables, under fork and under spawn. Each loop measures itself, once all
its processes have begun, so that starting interpreters is no part of it. `process_cost.py LOOP METHOD TURNS FILE` runs one loop.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
CHOSEN: Sequence[tuple[str, str, int]] = (
    ("pairs", "`with lock: pass`, one process", 100_000),
    ("answers", "Queue: to and fro", 5_000),
    ("queue", "Queue: messages in one direction, as fast as they go", 10_000),
    ("pipe", "Pipe: to and fro", 5_000),
    ("tasks", "Pool(2).map of small tasks, one by one", 2_000),
)


def pairs(ctx: Any, turns: int) -> float:
    """A lock between processes that nobody else wants."""
    lock = ctx.Lock()
    begin = time.perf_counter()
    for _ in range(turns):
        with lock:
            pass
    return time.perf_counter() - begin


def _fill(queue: Any, turns: int) -> None:
    for number in range(turns):
        queue.put(number)


def queue(ctx: Any, turns: int) -> float:
    """From the first message that arrives to the last."""
    items = ctx.Queue()
    process = ctx.Process(target=_fill, args=(items, turns))
    process.start()
    items.get()
    begin = time.perf_counter()
    for _ in range(turns - 1):
        items.get()
    took = time.perf_counter() - begin
    process.join()
    return took


def _answer(asked: Any, answers: Any, turns: int) -> None:
    for _ in range(turns + 1):
        answers.put(asked.get())


def answers(ctx: Any, turns: int) -> float:
    """A message there through one queue, and back through another."""
    there, back = ctx.Queue(), ctx.Queue()
    process = ctx.Process(target=_answer, args=(there, back, turns))
    process.start()
    there.put(0)
    back.get()
    begin = time.perf_counter()
    for number in range(turns):
        there.put(number)
        back.get()
    took = time.perf_counter() - begin
    process.join()
    return took


def _echo(end: Any, turns: int) -> None:
    for _ in range(turns + 1):
        end.send(end.recv())


def pipe(ctx: Any, turns: int) -> float:
    """A message there and back."""
    near, far = ctx.Pipe()
    process = ctx.Process(target=_echo, args=(far, turns))
    process.start()
    near.send(0)
    near.recv()
    begin = time.perf_counter()
    for number in range(turns):
        near.send(number)
        near.recv()
    took = time.perf_counter() - begin
    process.join()
    return took


def _negative(number: int) -> int:
    return -number


def tasks(ctx: Any, turns: int) -> float:
    """Tasks that do next to nothing."""
    with ctx.Pool(2) as pool:
        pool.map(_negative, range(4), 1)
        begin = time.perf_counter()
        pool.map(_negative, range(turns), 1)
        return time.perf_counter() - begin


def _take(lock: Any, meet: Any, turns: int) -> None:
    meet.wait()
    for _ in range(turns):
        with lock:
            pass


def _moment() -> float:
    """The time in seconds by the file system, for in a replay all clocks tell the recorded time. In steps of some ms."""
    with tempfile.TemporaryFile() as file:
        file.write(b".")
        file.flush()
        return os.fstat(file.fileno()).st_mtime_ns / 1e9


def _four(ctx: Any, turns: int, locks: Sequence[Any]) -> float:
    meet = ctx.Barrier(5)
    found = [ctx.Process(target=_take, args=(locks[worker % len(locks)], meet, turns // 4)) for worker in range(4)]
    for process in found:
        process.start()
    meet.wait()
    begin = _moment()
    for process in found:
        process.join()
    return _moment() - begin


def together(ctx: Any, turns: int) -> float:
    """Four processes on one lock."""
    return _four(ctx, turns, [ctx.Lock()])


def apart(ctx: Any, turns: int) -> float:
    """Four processes, each with a lock of its own."""
    return _four(ctx, turns, [ctx.Lock() for _ in range(4)])


LOOPS: dict[str, Callable[[Any, int], float]] = {
    "pairs": pairs,
    "answers": answers,
    "queue": queue,
    "pipe": pipe,
    "tasks": tasks,
    "together": together,
    "apart": apart,
}


def _plain(words: Sequence[str], folder: Path) -> None:
    subprocess.run([sys.executable, *words], check=True)


@contextmanager
def pure_python() -> Iterator[None]:
    """Records are made without the core in C meanwhile."""
    before = os.environ.get("SIMCORE_PURE")
    os.environ["SIMCORE_PURE"] = "1"
    try:
        yield
    finally:
        os.environ.pop("SIMCORE_PURE")
        if before is not None:
            os.environ["SIMCORE_PURE"] = before


def _recorded(words: Sequence[str], folder: Path) -> None:
    import simcore

    simcore.record([sys.executable, *words], output=folder / "loop.simtrace", quiet=True).check()


def _purely(words: Sequence[str], folder: Path) -> None:
    with pure_python():
        _recorded(words, folder)


def _viztraced(words: Sequence[str], folder: Path) -> None:
    options = ["-m", "viztracer", "--quiet", "--log_multiprocess", "-o", str(folder / "viz.json")]
    subprocess.run([sys.executable, *options, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _replayed(words: Sequence[str], folder: Path) -> None:
    import simcore

    simcore.replay(folder / "loop.simtrace").check()


def _time(way: Callable[[Sequence[str], Path], None], loop: str, method: str, turns: int, folder: Path) -> float:
    """The loop's own time in seconds."""
    file = folder / "time"
    way([str(HERE), loop, method, str(turns), str(file)], folder)
    seconds: float = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return seconds


def run(rounds: int = 5) -> list[Any]:
    """Measure everything; blocks for some minutes."""
    from benchmarks.tables import Table
    from simcore.engine.interpreter import core_name

    ways = [_plain, _recorded, _purely, *([_viztraced] if importlib.util.find_spec("viztracer") else [])]
    rows, replays = [], []
    with tempfile.TemporaryDirectory(prefix="simcore-cost-") as name:
        folder = Path(name)
        for loop, title, turns in CHOSEN:
            for method in ("fork", "spawn"):
                figures = [[_time(way, loop, method, turns, folder) / turns * 1e6 for way in ways] for _ in range(rounds)]
                medians = [statistics.median(column) for column in zip(*figures, strict=True)]
                ratios = [statistics.median(row[way] / row[0] for row in figures) for way in range(1, len(ways))]
                row = [title, method, f"{medians[0]:.2f}", f"{medians[1]:.2f}", f"{ratios[0]:.1f}x", f"{ratios[1]:.1f}x"]
                rows.append([*row, f"{ratios[2]:.1f}x" if len(ratios) > 2 else "not installed"])
                print(*rows[-1], sep="   ", file=sys.stderr, flush=True)
        for loop, title in (("together", "4 processes on one lock"), ("apart", "4 processes that hardly meet")):
            for method in ("fork", "spawn"):
                pairs = []
                for _ in range(rounds):
                    first = _time(_recorded, loop, method, 100_000, folder)
                    pairs.append((first, _time(_replayed, loop, method, 100_000, folder)))
                recorded, replayed = (statistics.median(column) for column in zip(*pairs, strict=True))
                ratio = statistics.median(after / before for before, after in pairs)
                replays.append([title, method, f"{recorded:.3f}", f"{replayed:.3f}", f"{ratio:.1f}x"])
                print(*replays[-1], sep="   ", file=sys.stderr, flush=True)
    return [
        Table(
            f"Several processes: recorded against plain, us per turn (medians of {rounds} rounds)",
            ["loop", "method", "plain", "recorded", core_name(), "pure Python", "VizTracer"],
            rows,
        ),
        Table(
            "Several processes: replay against recording, seconds",
            ["100,000 turns", "method", "recorded", "replayed", "ratio"],
            replays,
        ),
    ]


if __name__ == "__main__":
    if len(sys.argv) == 5:
        seconds = LOOPS[sys.argv[1]](multiprocessing.get_context(sys.argv[2]), int(sys.argv[3]))
        Path(sys.argv[4]).write_text(json.dumps(seconds), encoding="utf-8")
    else:
        for table in run():
            print(table.markdown())
