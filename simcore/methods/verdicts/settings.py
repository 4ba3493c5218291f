"""Rules about what surrounds a child: replaced functions, atexit, signals, logging, environment, context; rows 6, 7, 13 to 20.

As with globals a child is compared with its own parent at the start; a verdict needs a method that keeps and one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from simcore.methods.model import Child, Column, Comparison, Facts, Verdict, common
from simcore.methods.rows import ROWS, Severity

_LIMITS: Final = {
    "warning filters": "the warning filters",
    "recursion limit": "the recursion limit",
    "gc": "the settings of the garbage collector",
    "switch interval": "the switch interval",
    "own excepthook": "sys.excepthook",
    "locale": "the locale",
}


def rules(comparison: Comparison) -> Iterator[Verdict]:
    """All of them."""
    yield from _registered(comparison)
    yield from _numpy(comparison)
    yield from _atexit(comparison)
    yield from _kept_by_name(comparison, "signal handlers", 14, "the handler of {name} is set in {kept} children only")
    yield from _logging(comparison)
    yield from _limits(comparison)
    yield from _environment(comparison)
    yield from _kept_by_name(
        comparison, "context variables", 17, "context variable {name} has its parent's value under {kept} only"
    )
    yield from _kept_by_name(comparison, "decimal", 17, "the {name} of decimal is kept in {kept} children only")
    yield from _parent(comparison)
    yield from _hashes(comparison)
    yield from _plugins(comparison)


def split(comparison: Comparison, same: Callable[[Facts, Facts], bool]) -> tuple[list[str], list[str]]:
    """The columns whose children all have what their parent has, and those where some child has not."""
    kept: list[str] = []
    lost: list[str] = []
    for column in comparison.columns:
        answers = [same(child.facts, child.parent["facts"]) for child in _known(column)]
        if answers:
            (kept if all(answers) else lost).append(column.label)
    return kept, lost


def _known(column: Column) -> list[Child]:
    return [child for child in column.state_children() if "facts" in child.parent]


def _values(comparison: Comparison, key: str) -> str:
    """`fork 5000 | spawn 1000`, the commonest by column."""
    parts = []
    for column in comparison.columns:
        value = common(child.facts.get(key) for child in _known(column))
        parts.append(f"{column.label} {value}")
    return " | ".join(parts)


def _registered(comparison: Comparison) -> Iterator[Verdict]:
    names = sorted(
        {name for column in comparison.columns for child in _known(column) for name in child.parent["facts"]["replaced"]}
    )
    for name in names:
        kept, lost = split(comparison, lambda child, parent, n=name: n not in parent["replaced"] or n in child["replaced"])  # type: ignore[misc]
        if kept and lost:
            text = f"{name.removeprefix('__main__.')} was replaced in the parent; {' and '.join(lost)} children have the original"
            yield Verdict(ROWS[6].severity, 6, text, tuple(lost))
    kept, lost = split(comparison, lambda child, parent: child["registered"]["codecs"] >= parent["registered"]["codecs"])
    if kept and lost:
        text = f"a codec was registered in the parent; {' and '.join(lost)} children do not know it"
        yield Verdict(ROWS[6].severity, 6, text, tuple(lost))


def _numpy(comparison: Comparison) -> Iterator[Verdict]:
    alike: list[str] = []
    differ: list[str] = []
    for column in comparison.columns:
        states = [child.facts["numpy random"] for child in column.states[0].children.values() if "numpy random" in child.facts]
        if len(states) > 1:
            (alike if len(set(states)) == 1 else differ).append(column.label)
    if alike and differ:
        text = f"numpy.random: siblings draw the SAME numbers under {' and '.join(alike)}"
        yield Verdict(ROWS[7].severity, 7, text, tuple(alike))


def _atexit(comparison: Comparison) -> Iterator[Verdict]:
    called: list[str] = []
    missed: list[str] = []
    for column in comparison.columns:
        children = [child for child in column.state_children() if child.registered > 0 and child.ended and not child.error]
        if children:
            (called if all(child.called_at_exit for child in children) else missed).append(column.label)
    if called and missed:
        text = f"what the target registers with atexit runs under {' and '.join(called)}, not under {' and '.join(missed)}"
        yield Verdict(ROWS[13].severity, 13, text, tuple(missed))


def _kept_by_name(comparison: Comparison, family: str, row: int, text: str) -> Iterator[Verdict]:
    """Of a family of named facts each that is kept under one method and lost under another."""
    names = sorted(
        {name for column in comparison.columns for child in _known(column) for name in child.parent["facts"].get(family, {})}
    )
    for name in names:

        def same(child: Facts, parent: Facts, name: str = name) -> bool:
            there = name in parent.get(family, {})
            return not there or bool(child.get(family, {}).get(name, parent_default(family, name)) == parent[family][name])

        kept, lost = split(comparison, same)
        if kept and lost:
            yield Verdict(ROWS[row].severity, row, text.format(name=name, kept=" and ".join(kept)), tuple(lost))


def parent_default(family: str, name: str) -> Any:
    """What a child has of which nothing was noted: it has not imported the module."""
    return {"precision": 28, "rounding": "ROUND_HALF_EVEN"}.get(name) if family == "decimal" else None


def _logging(comparison: Comparison) -> Iterator[Verdict]:
    keys = ("logging level", "logging handlers")
    kept, lost = split(comparison, lambda child, parent: all(child[key] == parent[key] for key in keys))
    if kept and lost:
        text = f"logging is set up in {' and '.join(kept)} children only; in others what is below WARNING is dropped"
        seen = f"level: {_values(comparison, keys[0])}; handlers: {_values(comparison, keys[1])}"
        yield Verdict(ROWS[15].severity, 15, text, tuple(lost), seen)


def _limits(comparison: Comparison) -> Iterator[Verdict]:
    for key, words in _LIMITS.items():
        kept, lost = split(comparison, lambda child, parent, k=key: k not in child or k not in parent or child[k] == parent[k])  # type: ignore[misc]
        if kept and lost:
            verb = "are" if key in ("warning filters", "gc") else "is"
            text = f"{words} {verb} the parent's in {' and '.join(kept)} children only"
            seen = "" if key == "warning filters" else _values(comparison, key)
            yield Verdict(Severity.HAZARD, 15, text, tuple(lost), seen)


def _environment(comparison: Comparison) -> Iterator[Verdict]:
    keys: dict[str, list[str]] = {}
    for column in comparison.columns:
        for child in _known(column):
            mine, parents = child.facts["environment"], child.parent["facts"]["environment"]
            for key in sorted({*mine, *parents}):
                if mine.get(key) != parents.get(key) and column.label not in keys.setdefault(key, []):
                    keys[key].append(column.label)
    for key, labels in keys.items():
        if len(labels) < len(comparison.columns):
            text = f"{key} in the environment was changed after the first start(): {' and '.join(labels)} children do not see it"
            yield Verdict(ROWS[16].severity, 16, text, tuple(labels))
    kept, lost = split(comparison, lambda child, parent: child["umask"] == parent["umask"])
    if kept and lost:
        text = f"the umask was changed after the first start(): {' and '.join(lost)} children do not see it"
        yield Verdict(ROWS[16].severity, 16, text, tuple(lost))


def _parent(comparison: Comparison) -> Iterator[Verdict]:
    others = [
        column.label
        for column in comparison.columns
        if (children := [child for run in column.all_runs for child in run.began])
        and not all(child.ppid_is_parent for child in children)
    ]
    if others and len(others) < len(comparison.columns):
        asks = any(child.parent.get("calls_getppid") for column in comparison.columns for child in column.state_children())
        text = f"the parent process of {' and '.join(others)} children is the fork server"
        text += "; the target calls os.getppid()" if asks else ""
        yield Verdict(Severity.HAZARD if asks else ROWS[20].severity, 20, text, tuple(others))


def _hashes(comparison: Comparison) -> Iterator[Verdict]:
    labels = [
        column.label
        for column in comparison.columns
        if len({child.facts["hash probe"] for child in column.states[0].children.values() if "hash probe" in child.facts}) > 1
    ]
    if labels and len(labels) < len(comparison.columns):
        text = f"each {' and '.join(labels)} child hashes texts its own way: sets of texts have another order in each"
        yield Verdict(Severity.INFO, 0, text, tuple(labels), fix="PYTHONHASHSEED fixes it")


def _plugins(comparison: Comparison) -> Iterator[Verdict]:
    for probe in comparison.probes:
        title = probe["title"]
        values = {
            column.label: common(child.facts.get("plugins", {}).get(title) for child in column.state_children())
            for column in comparison.columns
        }
        if len(set(map(repr, values.values()))) > 1:
            severity = Severity[str(probe["severity"]).upper()]
            first = next(iter(values))
            labels = tuple(label for label in values if values[label] != values[first])
            seen = " | ".join(f"{label} {value}" for label, value in values.items())
            yield Verdict(severity, 0, f"{title}{': ' * bool(probe['means'])}{probe['means']}", labels, seen, str(probe["fix"]))
