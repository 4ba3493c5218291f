"""Rules about globals that a child's target can reach: rows 5, 6, 7, 12 and 17.

A child is compared with its own parent, at the moment of the start: what differs from run to run is no difference of methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simcore.methods.model import Child, Column, Comparison, Facts, Verdict
from simcore.methods.rows import ROWS, Severity
from simcore.methods.texts import differences


@dataclass(frozen=True, slots=True)
class Reached:
    """One global in one column: whether children have it as their parent, whether they agree, and one child's facts of it."""

    kept: bool
    alike: bool
    facts: Facts
    parent: Facts
    assigned: bool


def rules(comparison: Comparison) -> Iterator[Verdict]:
    """One verdict for each global that is kept under one method and not under another."""
    for name, reached in reached_globals(comparison).items():
        labels = list(reached)
        kept = [label for label in labels if reached[label].kept]
        lost = [label for label in labels if not reached[label].kept]
        short = name.removeprefix("__main__.")
        if any("random" in one.facts for one in reached.values()):
            yield from _random(short, reached, comparison)
        elif kept and lost:
            yield from _lost(short, reached, kept, lost)


def reached_globals(comparison: Comparison) -> dict[str, dict[str, Reached]]:
    """By name and column. A global that no child of a column has is not in that column."""
    found: dict[str, dict[str, Reached]] = {}
    for column in comparison.columns:
        for name, pairs in sorted(_pairs(column).items()):
            same = [child["texts"] == parent["texts"] and _same_extras(child, parent) for child, parent, _ in pairs]
            index = same.index(False) if False in same else 0
            texts = [repr(child["texts"]) for child, _, _ in pairs]
            child, parent, assigned = pairs[index]
            found.setdefault(name, {})[column.label] = Reached(all(same), len(set(texts)) == 1, child, parent, assigned)
    return found


def has_lonely(column: Column) -> bool:
    """Whether a global that a child has not as its parent is seen in one child only: nobody says whether siblings agree on it."""
    return any(len(pairs) == 1 and pairs[0][0]["texts"] != pairs[0][1]["texts"] for pairs in _pairs(column).values())


def _same_extras(child: Facts, parent: Facts) -> bool:
    return all(child.get(key) == parent.get(key) for key in ("connection", "local", "alive"))


def _pairs(column: Column) -> dict[str, list[tuple[Facts, Facts, bool]]]:
    """By name what each child has, what its parent had, and whether the target assigns it."""
    found: dict[str, list[tuple[Facts, Facts, bool]]] = {}
    for run in column.states:
        tasks = {name for event in run.of("task") for name in event["names"]}
        for child in run.children.values():
            known = child.parent.get("found", {})
            wanted = {*tasks, *child.parent.get("names", ())} if child.worker else set(known)
            for name, facts in child.found.items():
                if name in wanted and name in known:
                    found.setdefault(name, []).append((facts, known[name], name in child.assigned))
    return found


def _lost(name: str, reached: dict[str, Reached], kept: list[str], lost: list[str]) -> Iterator[Verdict]:
    one, other = reached[kept[0]], reached[lost[0]]
    texts = one.facts["texts"].get("", "")
    under = " and ".join(lost)
    if "connection" in one.parent:
        text = f"children share the connection {name} under {' and '.join(kept)} and have another or none under {under}"
        yield Verdict(ROWS[12].severity, 12, text, tuple(lost), shown(kept[0], one.facts, lost[0], other.facts))
    elif "local" in one.parent:
        text = f"{name} (thread-local) keeps {', '.join(one.parent['local'][:3])} under {' and '.join(kept)} only"
        yield Verdict(ROWS[17].severity, 17, text, tuple(lost))
    elif "context" in one.parent:
        text = f"context variable {name} has its parent's value under {' and '.join(kept)} only"
        yield Verdict(ROWS[17].severity, 17, text, tuple(lost), shown(kept[0], one.facts, lost[0], other.facts))
    elif "alive" in one.parent:
        text = f"thread {name} runs in the parent and not in children"
        yield Verdict(Severity.HAZARD, 9, text, tuple(lost), shown(kept[0], one.facts, lost[0], other.facts))
    elif one.facts["type"] == "Logger":
        return  # the settings of logging tell it
    elif texts.startswith(("function ", "unittest.mock.")) or "mock" in texts.lower():
        text = f"{name} was replaced in the parent; {under} children have the original"
        yield Verdict(ROWS[6].severity, 6, text, tuple(lost), shown(kept[0], one.facts, lost[0], other.facts))
    else:
        pairs = differences(one.facts["texts"], other.facts["texts"])
        path = pairs[0][0] if pairs else ""
        seen = shown(kept[0], one.facts, lost[0], other.facts)
        if one.assigned or other.assigned:
            text = f"{name}{path} differs at the first line under {under}, and the target assigns {name} itself"
            yield Verdict(Severity.INFO, 5, text, tuple(lost), seen)
        elif not all(reached[label].alike for label in lost):
            text = f"{name}{path} is computed at import: it differs in each child under {under}"
            yield Verdict(Severity.INFO, 5, text, tuple(lost), seen)
        else:
            text = f"{name}{path} was changed after import and before start(); {under} children see the import-time value"
            yield Verdict(ROWS[5].severity, 5, text, tuple(lost), seen)


def shown(one: str, a: Facts, other: str, b: Facts) -> str:
    """`fork 90 | spawn 50`, of the first place where they differ."""
    pairs = differences(a["texts"], b["texts"])
    if not pairs:
        return ""
    _, left, right = pairs[0]
    more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"{one} {left or 'nothing'} | {other} {right or 'nothing'}{more}"


def _random(name: str, reached: dict[str, Reached], comparison: Comparison) -> Iterator[Verdict]:
    """A generator whose state siblings share under one method and not under another."""
    copied = {column.label: _siblings(column, name) for column in comparison.columns if column.label in reached}
    alike = [label for label, (number, distinct, as_parent) in copied.items() if (number > 1 and distinct == 1) or as_parent]
    differ = [label for label in copied if label not in alike]
    if not alike or not differ:
        return
    number = copied[alike[0]][0]
    who = f"{number} siblings draw" if number > 1 else "parent and child draw"
    seen = " | ".join(f"{label} {distinct} distinct of {count}" for label, (count, distinct, _) in copied.items())
    yield Verdict(ROWS[7].severity, 7, f"{name}: {who} the SAME numbers under {' and '.join(alike)}", tuple(alike), seen)


def _siblings(column: Column, name: str) -> tuple[int, int, bool]:
    """How many children of a run have this generator, how many states there are, and whether they all have the parent's."""
    run = column.states[0]
    pairs = [
        (child.found[full]["random"], _parents(child, full))
        for child in run.children.values()
        for full in (name, f"__main__.{name}")
        if "random" in child.found.get(full, {})
    ]
    return len(pairs), len({state for state, _ in pairs}), bool(pairs) and all(state == parent for state, parent in pairs)


def _parents(child: Child, name: str) -> Any:
    return child.parent.get("found", {}).get(name, {}).get("random")
