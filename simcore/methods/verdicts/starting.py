"""Rules about children that do not start, runs that end otherwise, and what starting costs: rows 1 to 4, 18 and 19."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from simcore.methods.figures import middle
from simcore.methods.lines import common_lines, line_sets, same_lines
from simcore.methods.model import Child, Column, Comparison, Facts, Verdict
from simcore.methods.rows import ROWS, Severity

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
        everywhere = not row and len(labels) == len(comparison.columns)  # the program's own mistake, whatever the method
        yield Verdict(Severity.INFO if everywhere else Severity.FATAL, row, text, tuple(labels), seen)


def _failures_of(child: Child) -> Iterator[tuple[int, str, str]]:
    failed = child.failed
    if failed is None:
        return
    if failed["kind"] == "start failed":
        leaves = failed.get("leaves", [])
        if leaves:
            yield from _leaves(leaves, child)
        elif "SemLock" not in failed["text"]:
            yield 0, f"{child.target or child.name} cannot be started", _said(failed)
    elif failed["guard"]:
        yield 3, "no `__main__` guard: a child that imports the main module starts processes again", failed["error"]
    elif failed["no_file"] or (not failed["main"] and "__main__" in failed["text"]):
        yield 19, f"the main module is no file: {child.target} cannot be found in a child", _said(failed)
    elif failed["error"] == "AttributeError" and "get attribute" in failed["text"]:
        text = f"{child.target} is not there when the child imports its module: defined under the guard, or in a function"
        yield 1, text, _said(failed)
    else:
        yield 0, f"{child.target} never comes to its first line", _said(failed)


def _said(failed: Facts) -> str:
    return f"{failed['error']}: {failed['text']}" if failed["text"] else str(failed["error"])


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
    """Runs that do not end, and exit statuses that never occur under the first method."""
    first = comparison.columns[0]
    usual = {run.end for run in first.all_runs}
    for column in comparison.columns[1:]:
        ends = {run.end for run in column.all_runs}
        if column.label not in {*told, *hung(comparison)} and first.label not in hung(comparison) and not ends & usual:
            seen = f"{first.label} {first.commonest_end()} | {column.label} {column.commonest_end()}"
            error = common_error(column)
            text = f"the program ends with exit status {column.commonest_end()} under {column.label}" + (
                f": {error}" if error else ""
            )
            fix = f"read its stderr: simcore record --start-method {column.method}"
            yield Verdict(Severity.FATAL, 0, text, (column.label,), seen, fix)
    for label, count in hung(comparison).items():
        if len(hung(comparison)) < len(comparison.columns):
            column = next(column for column in comparison.columns if column.label == label)
            always = count == len(column.all_runs)
            text = f"the program does not {'' if always else 'always '}end under {label}"
            fix = f"simcore record --start-method {column.method} shows who waits for what"
            yield Verdict(Severity.DEADLOCK, 0, text, (label,), f"{count} of {len(column.all_runs)} runs", fix)


def hung(comparison: Comparison) -> dict[str, int]:
    """How many runs did not end, by the columns that have such."""
    counts = {column.label: sum(run.reason == "timeout" for run in column.all_runs) for column in comparison.columns}
    return {label: count for label, count in counts.items() if count}


def common_error(column: Column) -> str:
    """The exception that most runs end with, by name."""
    errors = Counter(run.last_error for run in column.all_runs if run.last_error)
    return errors.most_common(1)[0][0] if errors else ""


def _outputs(comparison: Comparison, told: set[str]) -> Iterator[Verdict]:
    """Lines that all runs of one method print and no run of another, or fewer lines in common than any two runs of one method."""
    first = comparison.columns[0]
    always, first_ever = line_sets(first)
    own_least = min(common_lines(first, first), default=0)
    found: dict[str, str] = {}
    for column in comparison.columns[1:]:
        own, ever = line_sets(column)
        lost = sum(line not in ever for line in always)
        apart = max(common_lines(first, column), default=0) < own_least
        silent = {*told, *hung(comparison)}  # they print less, but that is not what is wrong with them
        if not silent & {first.label, column.label} and (lost or apart or any(line not in first_ever for line in own)):
            found[column.label] = same_lines(comparison, column)
    if found:
        severity = Severity.SILENT if comparison.runs >= ENOUGH_RUNS else Severity.INFO
        text = f"the program prints something else under {' and '.join(found)}: see OUTCOME"
        seen = f"lines in common with a run under {first.label}: " + ", ".join(f"{label} {text}" for label, text in found.items())
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
    first, *others = comparison.columns
    delay, cpu = _start_cost(first)
    dear: list[Column] = []
    later: list[Column] = []
    for column in others:
        own_delay, own_cpu = _start_cost(column)
        per_run = middle([float(len(run.began)) for run in column.runs])
        if own_cpu - cpu >= _DEAR_CPU_S or (own_cpu - cpu) * per_run >= _DEAR_RUN_S:
            dear.append(column)
        elif delay and own_delay > 3 * delay:
            later.append(column)
    for severity, columns in ((Severity.COST, dear), (Severity.INFO, later)):
        if columns and delay:
            times = " and ".join(f"{_start_cost(column)[0] / delay:.0f} times later under {column.label}" for column in columns)
            costs = [(column.label, *_start_cost(column)) for column in (first, *columns)]
            seen = " | ".join(f"{label} {ms:.0f} ms ({cpu_s * 1e3:.0f} ms of processor time)" for label, ms, cpu_s in costs)
            labels = tuple(column.label for column in columns)
            yield Verdict(severity, 0, f"a child's first line comes {times}", labels, seen, "keep workers alive: a pool")


def _start_cost(column: Column) -> tuple[float, float]:
    """Milliseconds from start() to the first line, and seconds of processor time, of a child in the middle; 0 without any."""
    began = [child for run in column.runs for child in run.began]
    return middle([child.delay_ms for child in began]), middle([child.cpu / 1e9 for child in began])
