"""How long and how much memory a diff takes: 10^4, 10^5 and 10^6 events; the same order, another order, another setting.

Run it as `python benchmarks/bench_diff.py [EVENTS...]`; it prints a table. Every row is measured in a process of its own, so
that its peak memory (both traces included) is that of this diff.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind
from simcore.trace.model import ActorInfo, Columns, Header, ObjectInfo, Scenario, Site, Trace

SIZES = (10_000, 100_000, 1_000_000)
CASES = ("same order", "reversed hand-offs", "changed actor", "other run", "other Python", "other parameter")
ACTORS = 4
LOCKS = 8


def run(sizes: Sequence[int] = SIZES, cases: Sequence[str] = CASES) -> list[dict[str, object]]:
    """One row per case and size: `case`, `events`, `seconds`, `cpu_seconds`, `peak_mib`, `verdict`, `reversed` hand-offs."""
    rows: list[dict[str, object]] = []
    for case in cases:
        for events in sizes:
            command = [sys.executable, str(Path(__file__).resolve()), "--one", case, str(events)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(answer.stdout))
    return rows


def measure(case: str, events: int) -> dict[str, object]:
    """Build two traces and diff them once, in this process."""
    import resource

    from simcore.diffing import diff

    a, b = pair(case, events)
    start, cpu = time.perf_counter(), time.process_time()
    answer = diff(a, b)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "case": case,
        "events": len(a),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mib": round(peak / 2**20),
        "verdict": answer.verdict.value,
        "reversed": sum(one.reversed for one in answer.objects),
    }


def pair(case: str, events: int) -> tuple[Trace, Trace]:
    """Two traces of about so many events: four actors take and give back eight locks."""
    programs = [program(actor, events // ACTORS, seed=actor) for actor in range(ACTORS)]
    a = trace(programs, seed=1)
    if case == "same order":
        b = trace(programs, seed=1)
        b.columns.at_ns = array("q", (at_ns + at_ns // 7 for at_ns in a.columns.at_ns))
        return a, b
    if case == "changed actor":
        extra = random.Random(99)
        for _ in range(max(len(programs[1]) // 500, 1)):
            place = extra.randrange(len(programs[1]) // 2) * 2
            lock = extra.randrange(LOCKS)
            programs[1][place:place] = [(Kind.ACQUIRE, lock), (Kind.RELEASE, lock)]
    elif case == "other run":
        programs[1] = program(1, events // ACTORS, seed=77)
    b = trace(programs, seed=2)
    if case == "other Python":  # compared by the program's operations
        b.header = replace(b.header, python="3.13.1")
    elif case == "other parameter":
        b.header = replace(b.header, scenario=replace(b.header.scenario, params={"workers": 5}))
    return a, b


def program(actor: int, events: int, seed: int) -> list[tuple[Kind, int]]:
    """What one actor does: lock, unlock, now and then a look at the clock."""
    choose = random.Random(seed * 1000 + actor)
    steps: list[tuple[Kind, int]] = []
    while len(steps) < events:
        lock = choose.randrange(LOCKS)
        steps += [(Kind.ACQUIRE, lock), (Kind.RELEASE, lock)]
        if choose.random() < 0.05:
            steps += [(Kind.CLOCK, 0), (Kind.SLEEP, 0)]
    return steps


def trace(programs: Sequence[Sequence[tuple[Kind, int]]], seed: int) -> Trace:
    """The programs interleaved in runs of random length."""
    choose = random.Random(seed)
    first = len(FIXED_OBJECTS)
    objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    objects += [ObjectInfo(0, ObjectKind.LOCK, n + 1, 1, f"lock_{n}") for n in range(LOCKS)]
    c = Columns()
    at = [0] * len(programs)
    alive = list(range(len(programs)))
    now_ns = 0
    while alive:
        actor = choose.choice(alive)
        steps = programs[actor][at[actor] : at[actor] + 2 * choose.randint(1, 20)]  # whole pairs: a lock is free again
        at[actor] += len(steps)
        if at[actor] == len(programs[actor]):
            alive.remove(actor)
        for kind, lock in steps:
            now_ns += 1200 + choose.getrandbits(9)
            c.actor.append(actor)
            c.kind.append(kind)
            c.object.append(first + lock if kind in (Kind.ACQUIRE, Kind.RELEASE) else 3 if kind is Kind.CLOCK else 14)
            c.site.append(1 + lock % 5)
            c.value.append(now_ns if kind is Kind.CLOCK else 1 if kind is Kind.ACQUIRE else 0)
            c.waited_us.append(0)
            c.at_ns.append(now_ns)
    names = [ActorInfo("main", "MainThread"), *(ActorInfo(f"main/{n}", f"worker-{n}") for n in range(1, len(programs)))]
    header = Header(Scenario("pattern", "bench"), "0.1.0", "3.12.1", "CPython", "Linux", "x86_64")
    return Trace(header, names, objects, [Site("", 0, ""), *(Site("bench.py", n, "work") for n in range(1, 6))], columns=c)


def main() -> None:
    """Print the table, for the sizes given or for all."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    print(f"{'case':<20} {'events':>10} {'seconds':>9} {'CPU s':>7} {'peak MiB':>9} {'verdict':<12} {'reversed':>9}")
    for row in run(sizes):
        figures = f"{row['events']:>10,} {row['seconds']:>9} {row['cpu_seconds']:>7} {row['peak_mib']:>9}"
        print(f"{row['case']:<20} {figures} {row['verdict']:<12} {row['reversed']:>9,}")


if __name__ == "__main__":
    main()
