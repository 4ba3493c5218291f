"""The report of a comparison as plain data, section by section: what `--json` prints and what the view shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from simcore.methods.figures import Figure, in_order, middle, owners, schedule, serial
from simcore.methods.lines import first_difference, same_lines
from simcore.methods.model import Child, Column, Comparison, common
from simcore.methods.rows import ROWS
from simcore.methods.texts import differences
from simcore.methods.verdicts.globals_ import reached_globals
from simcore.methods.verdicts.starting import common_error

Row = dict[str, Any]

REPORT_VERSION: Final = 1
"""Raised when a member of the JSON changes its meaning or goes."""


def report(comparison: Comparison) -> Row:
    """Everything, as docs/start-methods.md describes it."""
    columns = comparison.columns
    return {
        "version": REPORT_VERSION,
        "program": comparison.program,
        "python": comparison.python,
        "columns": [{"label": column.label, "method": column.method} for column in columns],
        "runs": comparison.runs,
        "state_runs": len(columns[0].states),
        "times_run": sum(len(column.all_runs) for column in columns),
        "barrier": barrier(comparison),
        "load": round(comparison.load, 2),
        "cpus": comparison.cpus,
        "overrides": overrides(columns),
        "outcome": outcome(comparison),
        "start": start(columns),
        "schedule": [] if comparison.cannot_start else schedule_rows(columns),
        "child": child_rows(comparison),
        "globals": global_rows(comparison),
        "verdicts": [
            {
                "severity": verdict.severity.name,
                "row": verdict.row or None,
                "text": verdict.text,
                "methods": list(verdict.methods),
                "seen": verdict.seen,
                "fix": verdict.fix,
            }
            for verdict in comparison.verdicts
        ],
        "not_on_this_python": [
            {"row": row.number, "title": row.title, "why": row.not_here} for row in ROWS.values() if row.not_here
        ],
        "differences": comparison.matters,
    }


def barrier(comparison: Comparison) -> str | None:
    """None, `used`, or `given up` where children are waited for one by one."""
    if not comparison.barrier:
        return None
    return "given up" if any(run.barrier_broken for column in comparison.columns for run in column.runs) else "used"


def overrides(columns: Iterable[Column]) -> list[Row]:
    """Where the program asked for a method and did not get it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for column in columns:
        for run in column.states:
            for event in run.of("override"):
                labels = found.setdefault((event["how"], event["asked"], event["site"]), [])
                if column.label not in labels:
                    labels.append(column.label)
    return [{"call": how, "asked": asked, "site": site, "methods": labels} for (how, asked, site), labels in found.items()]


def _row(name: str, columns: Iterable[Column], of: Callable[[Column], Any]) -> Row:
    return {"name": name, "values": {column.label: of(column) for column in columns}}


def outcome(comparison: Comparison) -> list[Row]:
    """How runs end, what they print."""
    columns = comparison.columns
    first = columns[0]
    rows = [
        _row("exit status", columns, _ends),
        _row("children started / ran", columns, _children),
    ]
    if any(run.ready_ms is not None for column in columns for run in column.runs):
        rows.append(_row("ready, ms", columns, _ready))
    if any(map(common_error, columns)):
        rows.append(_row("ends with", columns, common_error))
    if any(run.out for run in first.all_runs):
        rows.append(_row(f"output lines same as {first.label}", columns, lambda column: same_lines(comparison, column)))
        lines = {column.label: first_difference(comparison, column) for column in columns[1:]}
        mine = next((pair[0] for pair in lines.values() if pair is not None), None)
        if mine is not None and not comparison.one_method:
            values = {first.label: mine} | {label: pair[1] if pair else "same" for label, pair in lines.items()}
            rows.append({"name": "a line that differs", "values": values})
    return rows


def _ends(column: Column) -> str:
    ends = Counter(run.end for run in column.runs or column.states)
    if len(ends) == 1:
        return next(iter(ends))
    return ", ".join(f"{end} ({count} of {ends.total()})" for end, count in ends.most_common(2))


def _children(column: Column) -> str:
    runs = column.runs or column.states
    return str(common(f"{sum(child.called > 0 for child in run.children.values())} / {len(run.began)}" for run in runs))


def _ready(column: Column) -> Row | None:
    return spread([run.ready_ms for run in column.runs if run.ready_ms is not None])


def start(columns: list[Column]) -> list[Row]:
    """When children come to their first line."""
    if not any(run.began for column in columns for run in column.runs):
        return []
    rows = [
        _row("start() returns, ms", columns, _returns),
        _row("first line in child, ms", columns, lambda column: spread([one.delay_ms for one in _began(column)])),
        _row("processor time till then, ms", columns, lambda column: spread([one.cpu / 1e6 for one in _began(column)])),
    ]
    if any(len(run.began) > 1 for column in columns for run in column.runs):
        rows += [
            _row("began in start() order", columns, lambda column: f"{sum(map(in_order, column.runs))} of {len(column.runs)}"),
            _row("finished before next began", columns, _serial),
        ]
    return rows


def _began(column: Column) -> list[Child]:
    return [one for run in column.runs for one in run.began]


def _returns(column: Column) -> Row | None:
    return spread([(one.returned - one.called) / 1e6 for one in _began(column)])


def _serial(column: Column) -> str:
    return f"{sum(map(serial, column.runs))} of {sum(max(len(run.began) - 1, 0) for run in column.runs)}"


def spread(values: list[float]) -> Row | None:
    """Median, least and most; None without values."""
    if not values:
        return None
    return {"median": round(middle(values), 2), "min": round(min(values), 2), "max": round(max(values), 2)}


def schedule_rows(columns: list[Column]) -> list[Row]:
    """How children went together: figures as distributions, and the orders in which a lock was had."""
    rows = [_figure_row(one, columns) for one in schedule(columns)]
    if any(owners(run) for column in columns for run in column.runs):
        rows.append(_row("distinct orders", columns, _orders))
    return rows


def _figure_row(one: Figure, columns: list[Column]) -> Row:
    return {
        "name": one.title,
        "values": {column.label: spread(list(values)) for column, values in zip(columns, one.values, strict=True)},
        "delta": {column.label: round(delta, 2) for column, delta in zip(columns[1:], one.deltas, strict=True)},
        "noise": round(one.noise, 2),
    }


def _orders(column: Column) -> str:
    found = {repr(sorted(owners(run).values())) for run in column.runs}
    return f"{len(found)} of {len(column.runs)}"


def child_rows(comparison: Comparison) -> list[Row]:
    """What a child sees at its first line: the commonest value among children."""
    columns = comparison.columns
    if not any(column.state_children() for column in columns):
        return []

    def row(name: str, of: Callable[[dict[str, Any]], Any]) -> Row:
        return _row(name, columns, lambda column: common(of(child.facts) for child in column.state_children()))

    def as_parent(name: str, key: str) -> Row:
        def of(column: Column) -> str | None:
            children = [child for child in column.state_children() if "facts" in child.parent]
            answers = [child.facts.get(key) == child.parent["facts"].get(key) for child in children]
            return None if not answers else "as parent" if all(answers) else f"in {sum(answers)} of {len(answers)}"

        return _row(name, columns, of)

    rows = [
        row("open fds (files, sockets)", _descriptors),
        row("modules loaded", lambda seen: seen["modules"]),
        row("memory of its own, MB", lambda seen: round(seen.get("private kb", 0) / 1024, 1)),
        row("ppid is the parent", lambda seen: seen["ppid is the parent"]),
        _row("helper processes", columns, _helpers),
        _row("main module imported again", columns, _imported_again),
        row("log level, handlers", lambda seen: f"{seen['logging level']}, {seen['logging handlers']}"),
        as_parent("environment", "environment"),
        as_parent("umask", "umask"),
        as_parent("signal handlers", "signal handlers"),
        as_parent("warning filters", "warning filters") if _all_have(columns, "warning filters") else None,
        row("recursion limit", lambda seen: seen["recursion limit"]),
        as_parent("context variables", "context variables"),
        _row("hash seeds of siblings", columns, _hash_seeds),
        *(_probe_row(probe["title"], columns) for probe in comparison.probes),
    ]
    return [one for one in rows if one is not None]


def _descriptors(seen: Row) -> str:
    return f"{seen.get('descriptors')} ({seen.get('files')}, {seen.get('sockets')})"


def _helpers(column: Column) -> int | None:
    return max((one.helpers for run in column.states for one in run.children.values() if one.facts), default=None)


def _probe_row(title: str, columns: list[Column]) -> Row:
    return _row(title, columns, lambda column: common(child.facts["plugins"].get(title) for child in column.state_children()))


def _all_have(columns: list[Column], key: str) -> bool:
    children = [child for column in columns for child in column.state_children() if "facts" in child.parent]
    return all(key in child.facts and key in child.parent["facts"] for child in children)


def _imported_again(column: Column) -> str | None:
    children = column.state_children()
    again = sum(bool(child.reimport and child.reimport["again"]) for child in children)
    return f"{again} of {len(children)}" if children else None


def _hash_seeds(column: Column) -> str | None:
    probes = [child.facts["hash probe"] for child in column.states[0].children.values() if "hash probe" in child.facts]
    return f"{len(set(probes))} for {len(probes)}" if probes else None


def global_rows(comparison: Comparison) -> Row:
    """How many globals the targets reach, and those that are kept under one method and not under another."""
    found = reached_globals(comparison)
    rows: list[Row] = []
    for name, reached in found.items():
        short = name.removeprefix("__main__.")
        if any("random" in one.facts for one in reached.values()):
            values = {label: _generator(comparison, label, name) for label in reached}
            if len(set(values.values())) > 1:
                rows.append({"name": short, "path": "", "values": values, "kind": "state of a generator"})
            continue
        kept = [label for label in reached if reached[label].kept]
        lost = [label for label in reached if not reached[label].kept]
        if not kept or not lost:
            continue
        pairs = differences(reached[kept[0]].facts["texts"], reached[lost[0]].facts["texts"])
        path = pairs[0][0] if pairs else ""
        values = {label: one.facts["texts"].get(path, "nothing") for label, one in reached.items()}
        kind = "import-time value" if all(reached[label].alike for label in lost) else "computed at import"
        rows.append({"name": short, "path": path, "values": values, "kind": kind})
    return {"reached": len(found), "differ": len(rows), "rows": rows}


def _generator(comparison: Comparison, label: str, name: str) -> str:
    column = next(column for column in comparison.columns if column.label == label)
    states = [
        child.found[name]["random"] for child in column.states[0].children.values() if "random" in child.found.get(name, {})
    ]
    return f"{len(states)} alike" if len(set(states)) == 1 else f"{len(set(states))} of {len(states)} differ"
