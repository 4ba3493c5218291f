"""All benchmarks in one command: `python -m benchmarks` measures and writes `benchmarks/RESULTS.md`.

What is left out keeps its section of the file as it was: `--only cost` measures the cost again and nothing else. The fidelity
loop, which takes long, runs with `--all`, or comes from the files that `python -m benchmarks.fidelity --json` wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import access_cost, bench_diff, fidelity, flips
from benchmarks.tables import Table

RESULTS = Path(__file__).resolve().with_name("RESULTS.md")
INTRO = """# Benchmark results

Written by `python -m benchmarks`; [README.md](README.md) says what is measured and how. All figures come from the machine named
below, which did other things as well: trust ratios, not absolute times.
"""
PARTS = ("machine", "fidelity", "flips", "cost", "accesses", "diff")
TITLES = {
    "machine": "Machine",
    "fidelity": "Fidelity",
    "flips": "Damage",
    "cost": "Cost",
    "accesses": "Cost of accesses",
    "diff": "Diff",
}
NUMBER_OF_PATTERNS = 5
"""The first cases of the fidelity loop are the built-in patterns."""


def machine() -> str:
    """Cores, processor, kernel, how busy it is, versions."""
    try:
        known = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        known = None
    rows = [
        ["processor", known[1] if known else platform.processor() or platform.machine()],
        ["cores", str(os.cpu_count())],
        ["system", f"{platform.system()} {platform.release()}"],
        ["load average before the first measurement", ", ".join(f"{load:.1f}" for load in os.getloadavg())],
        *([name, _version(name)] for name in ("simcore", "msgpack", "viztracer")),
    ]
    return Table("", ["", ""], rows).markdown()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def cost(pythons: Sequence[str], rounds: int) -> str:
    """The tables of `benchmarks.cost`: all for the first interpreter, recorded against plain for each other."""
    text = []
    for number, python in enumerate(pythons):
        options = ["--json", f"--rounds={rounds}", *(["--only-loops"] if number else [])]
        before = os.getloadavg()[0]
        answer = subprocess.run([python, "-m", "benchmarks.cost", *options], check=True, stdout=subprocess.PIPE, text=True)
        told = json.loads(answer.stdout)
        text.append(f"Python {told['python']}, load average {before:.1f} at the start of these measurements:\n")
        text += [Table(**table).markdown() for table in told["tables"]]
    return "\n".join(text)


def diffs() -> str:
    """The table of `benchmarks.bench_diff`."""
    rows = [
        [
            str(row["case"]),
            f"{row['events']:,}",
            str(row["seconds"]),
            str(row["cpu_seconds"]),
            str(row["peak_mib"]),
            str(row["verdict"]),
            f"{row['reversed']:,}",
        ]
        for row in bench_diff.run()
    ]
    columns = ["case", "events", "seconds", "CPU seconds", "peak MiB", "verdict", "reversed hand-offs"]
    table = Table("", columns, rows).markdown()
    return (
        f"Two traces of four actors and eight locks, on Python {platform.python_version()}. Peak memory is that of a whole"
        f" process that holds both traces.\n\n{table}"
    )


def faithful(results: Sequence[Mapping[str, Any]]) -> str:
    """The rows of fidelity loops, one table for each interpreter and load."""
    text = []
    for result in results:
        rows = [
            [
                row["program"],
                str(row["recordings"]),
                str(row["replays"]),
                str(row["same"]),
                f"{100 * row['control'] / max(row['recordings'], 1):.0f}%",
                str(sorted(row["hand_offs"])[len(row["hand_offs"]) // 2] if row["hand_offs"] else 0),
                str(row["few"]),
            ]
            for row in result["rows"]
        ]
        beside = ", beside two busy loops" if result["load"] else ""
        columns = ["program", "recordings", "replays", "same", "free runs that differ", "hand-offs (median)", "not counted"]
        what = result.get("what", "threads").capitalize()
        text.append(Table(f"{what}, Python {result['python']}{beside}", columns, rows).markdown())
        text += [f"- {row['program']}: {problem}" for row in result["rows"] for problem in row["problems"]]
    return "\n".join(text)


def sections_of(text: str) -> dict[str, str]:
    """The sections of an earlier file by their part, without headings."""
    found = {}
    for part, title in TITLES.items():
        match = re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        if match:
            found[part] = match[1].rstrip("\n") + "\n"
    return found


def main() -> int:
    """Read the options, measure what is asked for, write the file."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    options.add_argument(
        "--all", action="store_true", help="with the fidelity loop of the patterns: 100 recordings, 3 replays each"
    )
    options.add_argument("--only", action="append", choices=PARTS, default=[], help="this part; may be given again")
    options.add_argument(
        "--fidelity",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="what a fidelity loop wrote with --json; measures nothing else unless asked",
    )
    options.add_argument(
        "--python", action="append", default=[], metavar="PYTHON", help="also measure recorded against plain with this one"
    )
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("-o", "--output", type=Path, default=RESULTS)
    chosen = options.parse_args()
    parts = set(chosen.only or (() if chosen.fidelity else ("machine", "flips", "cost", "accesses", "diff")))
    if chosen.all:
        parts.add("fidelity")

    def measure_fidelity() -> str:
        patterns = [case.pattern for case in fidelity.CASES[:NUMBER_OF_PATTERNS]]
        rows = [vars(row) for row in fidelity.run(only=patterns)]
        return faithful([{"python": platform.python_version(), "load": False, "rows": rows}])

    def measure_flips() -> str:
        return flips.run()[0].markdown()

    measures: Mapping[str, Callable[[], str]] = {
        "machine": machine,
        "fidelity": measure_fidelity,
        "flips": measure_flips,
        "cost": lambda: cost([sys.executable, *chosen.python], chosen.rounds),
        "accesses": lambda: access_cost.run(chosen.rounds)[0].markdown(),
        "diff": diffs,
    }
    sections = sections_of(chosen.output.read_text(encoding="utf-8")) if chosen.output.exists() else {}
    if chosen.fidelity:
        parts.discard("fidelity")
        sections["fidelity"] = faithful([json.loads(file.read_text(encoding="utf-8")) for file in chosen.fidelity])
    for part in PARTS:
        if part in parts:
            print(f"-- {TITLES[part].lower()}", file=sys.stderr, flush=True)
            sections[part] = measures[part]()
    text = [INTRO, *(f"## {TITLES[part]}\n\n{sections[part]}" for part in PARTS if part in sections)]
    chosen.output.write_text("\n".join(text), encoding="utf-8")
    print(f"wrote {chosen.output.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
