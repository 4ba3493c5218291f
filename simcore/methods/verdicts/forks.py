"""Rules about what a forked child takes along: locks, threads that are not there, buffers and descriptors. Rows 8 to 11."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from simcore.methods.model import Child, Comparison, Facts, Verdict
from simcore.methods.rows import ROWS, Severity


def rules(comparison: Comparison) -> Iterator[Verdict]:
    """Of the first column that forks."""
    for column in [column for column in comparison.columns if column.method == "fork"][:1]:
        forks = [event for run in column.states for event in run.of("fork")]
        labels = (column.label,)
        yield from _locks(forks, labels)
        yield from _threads(forks, labels)
        yield from _buffers(forks, labels)
        yield from _descriptors(comparison, column.state_children(), labels)


def _locks(forks: list[Facts], labels: tuple[str, ...]) -> Iterator[Verdict]:
    held: dict[tuple[str, bool], list[str]] = {}
    for event in forks:
        for path, holder, used in event["held"]:
            held.setdefault((path, used), []).append(holder)
    for (path, used), holders in held.items():
        who = Counter(holders).most_common(1)[0][0]
        by = f" by thread {who!r}" if who else ""
        text = f"{path} was held{by} at {len(holders)} of {len(forks)} forks; " + (
            "the target uses it: such a child waits for ever" if used else "the target was not seen to use it"
        )
        yield Verdict(Severity.DEADLOCK if used else Severity.HAZARD, 8, text, labels, "the lock stays held in the child")


def _threads(forks: list[Facts], labels: tuple[str, ...]) -> Iterator[Verdict]:
    names = list(dict.fromkeys(name for event in forks for name in event["threads"]))
    if not names:
        return
    shared = sorted({name.removeprefix("__main__.") for event in forks for name in event["shared"]})
    count = sum(bool(event["threads"]) for event in forks)
    who = ", ".join(map(repr, names[:3])) + " and more" * (len(names) > 3)
    one = len(names) == 1
    text = f"thread{'' if one else 's'} {who} ran at {count} of {len(forks)} forks and {'is' if one else 'are'} not in the child"
    if shared:
        text += f"; {', '.join(shared[:3])} {'is' if len(shared) == 1 else 'are'} used there and by the target"
    yield Verdict(ROWS[9].severity, 9, text, labels, "from Python 3.12 on such a fork warns")


def _buffers(forks: list[Facts], labels: tuple[str, ...]) -> Iterator[Verdict]:
    found: dict[tuple[str, bool], int] = {}
    for event in forks:
        for name, size, used in event["pending"]:
            found[name, used] = max(size, found.get((name, used), 0))
    for (name, used), size in found.items():
        text = f"{name} had {size} characters that were not written yet at a fork; a child that writes to it writes them again"
        yield Verdict(Severity.SILENT if used else ROWS[10].severity, 10, text, labels)


def _descriptors(comparison: Comparison, children: list[Child], labels: tuple[str, ...]) -> Iterator[Verdict]:
    others = [child for column in comparison.columns if column.method != "fork" for child in column.state_children()]
    if not children or not others:
        return

    def most(of: list[Child], key: str) -> int:
        return max((int(child.facts.get(key, 0)) for child in of), default=0)

    ports = sorted({port for child in children for port in child.facts.get("listening", ())})
    kept = {port for child in others for port in child.facts.get("listening", ())}
    fresh = [port for port in ports if port not in kept]
    if fresh:
        text = "a forked child keeps a listening socket open: its port stays busy until all children have ended"
        shown = ", ".join(str(port) if port else "a local one" for port in fresh[:3])
        yield Verdict(ROWS[11].severity, 11, text, labels, f"port {shown}")
    files = most(children, "files") - most(others, "files")
    sockets = most(children, "sockets") - most(others, "sockets") - len(ports)
    more = [f"{number} {noun}{'s' * (number != 1)}" for number, noun in ((files, "file"), (sockets, "socket")) if number > 0]
    if more:
        text = f"a forked child has {' and '.join(more)} open that it was not given"
        seen = f"descriptors: fork {most(children, 'descriptors')} | others {most(others, 'descriptors')}"
        yield Verdict(ROWS[11].severity, 11, text, labels, seen)
