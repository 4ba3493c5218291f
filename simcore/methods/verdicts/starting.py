"""Rules about children that do not start, runs that end otherwise, and what starting costs: rows 1 to 4, 18 and 19."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from simcore.methods.figures import middle
from simcore.methods.model import Child, Column, Comparison, Facts, Run, Verdict
from simcore.methods.rows import ROWS, Severity

_NAME: Final = re.compile(r"\b(?:ForkServer|Fork|Spawn)(?=(?:Process|PoolWorker)-\d)")

ENOUGH_RUNS: Final = 4
"""Fewer runs do not tell what a program always prints from what it happened to print."""

_DEAR_CPU_S: Final = 0.5
"""Processor time that each child needs before its first line, from which on it costs."""

_DEAR_RUN_S: Final = 1.5
"""The same for all children of a run together."""


def rules(comparison: Comparison) -> Iterator[Verdict]:
    """Fatal things first; where a run cannot start its children, how it ends follows from that."""
    fatal = [*_failures(comparison), *_misfits(comparison)]
    yield from fatal
    told = {method for verdict in fatal for method in verdict.methods}
    yield from _ends(comparison, told)
    yield from _outputs(comparison, told)
    yield from _reimports(comparison)
    yield from _costs(comparison)


def _failures(comparison: Comparison) -> Iterator[Verdict]:
    """Children that were not started or never came to their first line."""
    found: dict[tuple[int, str], tuple[list[str], str]] = {}

    def add(row: int, text: str, label: str, seen: str) -> None:
        labels, _ = found.setdefault((row, text), ([], seen))
        if label not in labels:
            labels.append(label)

    others = [column.label for column in comparison.columns if column.method != "fork"]
    for column in comparison.columns:
        for run in column.all_runs:
            for child in run.children.values():
                for row, text, seen in _failures_of(child):
                    add(row, text, column.label, seen)
                if column.method == "fork" and child.fork is not None:
                    for row, text, seen in _leaves(child.parent.get("unpicklable", []), child):
                        for label in others:
                            add(row, text, label, seen)
    for (row, text), (labels, seen) in found.items():
        yield Verdict(Severity.FATAL, row, text, tuple(labels), seen)


def _failures_of(child: Child) -> Iterator[tuple[int, str, str]]:
    failed = child.failed
    if failed is None:
        return
    if failed["kind"] == "start failed":
        leaves = failed.get("leaves", [])
        if leaves:
            yield from _leaves(leaves, child)
        elif "SemLock" not in failed["text"]:
            yield 0, f"{child.target or child.name} cannot be started", f"{failed['error']}: {failed['text']}"
    elif failed["guard"]:
        yield 3, "no `__main__` guard: a child that imports the main module starts processes again", failed["error"]
    elif (not failed["main"] and "__main__" in failed["text"]) or "<stdin>" in failed["text"] or "<string>" in failed["text"]:
        yield 19, f"the main module is no file: {child.target} cannot be found in a child", f"{failed['error']}: {failed['text']}"
    elif failed["error"] == "AttributeError" and "get attribute" in failed["text"]:
        text = f"{child.target} is not there when the child imports its module: defined under the guard, or in a function"
        yield 1, text, f"{failed['error']}: {failed['text']}"
    else:
        yield 0, f"{child.target} never comes to its first line", f"{failed['error']}: {failed['text']}"


def _leaves(leaves: list[tuple[str, str, str, bool]], child: Child) -> Iterator[tuple[int, str, str]]:
    for path, kind, error, is_code in leaves:
        what = f"{path} ({kind})"
        yield (1 if is_code else 2), f"{child.target or 'the process'} at {child.site}: {what} cannot be pickled", error


def _misfits(comparison: Comparison) -> Iterator[Verdict]:
    """Locks and defaults of another start method."""
    texts = {
        "lock": "a lock from get_context('fork') goes to a process at {site}: that raises RuntimeError unless it is forked, too",
        "set_start_method": "set_start_method at {site} comes too late: a process has been started already",
    }
    found: dict[tuple[str, str], list[str]] = {}
    for column in comparison.columns:
        for run in column.all_runs:
            for event in run.of("misfit"):
                labels = found.setdefault((event["what"], event["site"]), [])
                if column.label not in labels:
                    labels.append(column.label)
    for (what, site), labels in found.items():
        if len(labels) < len(comparison.columns):
            yield Verdict(Severity.FATAL, 18, texts[what].format(site=site), tuple(labels), "RuntimeError")


def _ends(comparison: Comparison, told: set[str]) -> Iterator[Verdict]:
    """Exit statuses that never occur under the first method."""
    first = comparison.columns[0]
    usual = {run.end for run in first.all_runs}
    for column in comparison.columns[1:]:
        ends = {run.end for run in column.all_runs}
        if column.label not in told and not ends & usual:
            seen = f"{first.label} {first.commonest_end()} | {column.label} {column.commonest_end()}"
            error = common_error(column)
            yield Verdict(
                Severity.FATAL,
                0,
                f"the program ends otherwise under {column.label}" + (f": {error}" if error else ""),
                (column.label,),
                f"exit status: {seen}",
                "look at its stderr under that method: record --start-method",
            )
    hung = {column.label for column in comparison.columns if any(run.reason == "timeout" for run in column.all_runs)}
    for column in comparison.columns:
        if column.label in hung and len(hung) < len(comparison.columns):
            text = f"the program does not always end under {column.label}"
            count = Counter(run.end for run in column.all_runs)["does not end"]
            fix = "`simcore record --start-method` shows who waits for what"
            yield Verdict(Severity.DEADLOCK, 0, text, (column.label,), f"{count} of {len(column.all_runs)} runs", fix)


def common_error(column: Column) -> str:
    """The exception that most runs end with, by name."""
    errors = Counter(run.last_error for run in column.all_runs if run.last_error)
    return errors.most_common(1)[0][0] if errors else ""


def line_sets(column: Column) -> tuple[Counter[str], set[str]]:
    """The lines that every run prints, as often as every run does, and those that any prints."""
    counters = [lines_of(run) for run in column.runs or column.states]
    always = counters[0].copy() if counters else Counter[str]()
    for counter in counters[1:]:
        always &= counter
    return always, {line for counter in counters for line in counter}


def lines_of(run: Run) -> Counter[str]:
    """Lines of output without their order, which is the schedule's doing, and with one name for Fork- and SpawnProcess-1."""
    return Counter(" ".join(_NAME.sub("", line).split()) for line in run.out if line.strip())


def _outputs(comparison: Comparison, told: set[str]) -> Iterator[Verdict]:
    """Lines that every run of the first method prints and no run of another."""
    first = comparison.columns[0]
    always, first_ever = line_sets(first)
    found: dict[str, str] = {}
    for column in comparison.columns[1:]:
        own, ever = line_sets(column)
        lost = sum(line not in ever for line in always)
        if column.label not in told and (lost or any(line not in first_ever for line in own)):
            found[column.label] = f"{column.label} {lost} of {len(always)}"
    if found:
        severity = Severity.SILENT if comparison.runs >= ENOUGH_RUNS else Severity.INFO
        text = f"the program prints something else under {' and '.join(found)}: see OUTCOME"
        seen = f"lines that {first.label} always prints and that never come: {', '.join(found.values())}"
        yield Verdict(severity, 0, text, tuple(found), seen)


def _reimports(comparison: Comparison) -> Iterator[Verdict]:
    """What importing the main module does once more."""
    found: dict[str, tuple[list[str], int]] = {}
    for column in comparison.columns:
        seen = [child.reimport for child in column.state_children() if child.reimport is not None and child.reimport["again"]]
        lines = max((event["lines"] for event in seen), default=0)
        effects: Facts = {}
        for event in seen:
            effects |= event["effects"]
        if lines or effects:
            done = [*([f"prints {lines} line{'s' * (lines != 1)}"] if lines else []), *effects]
            labels, _ = found.setdefault(", ".join(done), ([], len(seen)))
            labels.append(column.label)
    for what, (labels, count) in found.items():
        if len(labels) < len(comparison.columns):
            text = f"importing the main module {what}, once more for each child under {' and '.join(labels)}"
            yield Verdict(ROWS[4].severity, 4, text, tuple(labels), f"{count} children did")


def _costs(comparison: Comparison) -> Iterator[Verdict]:
    """How much later children begin; what counts is processor time, which a busy machine does not stretch."""
    first = comparison.columns[0]
    delay = middle([child.delay_ms for run in first.runs for child in run.began])
    cpu = middle([child.cpu / 1e9 for run in first.runs for child in run.began])
    for column in comparison.columns[1:]:
        began = [child for run in column.runs for child in run.began]
        if not began or not delay:
            continue
        own_delay, own_cpu = middle([child.delay_ms for child in began]), middle([child.cpu / 1e9 for child in began])
        per_run = middle([float(len(run.began)) for run in column.runs])
        dear = own_cpu - cpu >= _DEAR_CPU_S or (own_cpu - cpu) * per_run >= _DEAR_RUN_S
        if not dear and own_delay < 3 * delay:
            continue
        seen = f"{first.label} {delay:.0f} ms | {column.label} {own_delay:.0f} ms; {own_cpu * 1e3:.0f} ms of processor time each"
        fix = "keep workers alive (a pool)" + (
            "; set_forkserver_preload([...])" if column.method == "forkserver" else "; or use forkserver"
        )
        yield Verdict(
            Severity.COST if dear else Severity.INFO,
            0,
            f"a child's first line comes {own_delay / delay:.0f} times later under {column.label}",
            (column.label,),
            seen,
            fix if dear else "",
        )
