"""The processes of a run: how each came to be, how long that took, which threads it had, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from simcore.trace.events import RUNNING, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.text import clean, count, duration, exit_words, path_key
from simcore.trace.words import Words

LONGEST_NAME: Final = 22

MOST_PROCESSES: Final = 20
MOST_THREADS: Final = 6
"""Of more than so many only the first are listed, and the others are counted."""


@dataclass(slots=True)
class Member:
    """One process. `actors` are its threads, by index; times are ns since the start of the run, None where the trace has none.

    `started_ns` is when its parent called `start`, `begun_ns` that of its own first event. `status` is its exit code, or -n for a
    signal, as far as anybody saw it.
    """

    name: str
    pid: int = 0
    start_method: str = ""
    actors: list[int] = field(default_factory=list)
    events: int = 0
    started_ns: int | None = None
    begun_ns: int | None = None
    status: int | None = None
    failed: bool = False
    """Whether `start` raised an error, so that there never was such a process."""

    @property
    def took_ns(self) -> int | None:
        """From `start` to the first instruction."""
        return None if self.started_ns is None or self.begun_ns is None else max(self.begun_ns - self.started_ns, 0)


def processes_of(trace: Trace) -> list[Member]:
    """The processes, each before its children, these in the order in which it started them; those that never began included."""
    found = {info.name: Member(info.name, info.pid, info.start_method) for info in trace.ending.processes}
    homes = [found.setdefault(name, Member(name)) for name in trace.processes]
    for actor, member in enumerate(homes):
        member.actors.append(actor)
    columns, children = trace.columns, dict[int, Member]()
    kinds = {int(kind) for kind in (Kind.START, Kind.PID, Kind.BEGIN, Kind.JOIN, Kind.STATUS, Kind.WAIT, Kind.EXIT)}
    starting: dict[int, Member] = {}
    for position, (actor, kind) in enumerate(zip(columns.actor, columns.kind, strict=True)):
        homes[actor].events += 1
        if actor in starting and kind not in (Kind.PID, Kind.GC, Kind.SIGNAL):
            starting.pop(actor).failed = True
        if kind not in kinds:
            continue
        thing, value = columns.object[position], columns.value[position]
        if kind == Kind.EXIT:
            homes[actor].status = value if homes[actor].status is None else homes[actor].status
        elif kind == Kind.WAIT:
            if 0 <= value >> 32 < len(homes):
                homes[value >> 32].status = _status(value & 0xFFFFFFFF)
        elif trace.objects[thing].kind is not ObjectKind.CHILD:
            continue
        elif kind == Kind.START and 0 <= value < len(homes):
            children[thing] = starting[actor] = homes[value]
            homes[value].started_ns = columns.at_ns[position]
        elif kind == Kind.PID and thing in children:
            starting.pop(actor, None)
            children[thing].pid = children[thing].pid or value
        elif kind == Kind.BEGIN:
            homes[actor].begun_ns = columns.at_ns[position]
        elif kind in (Kind.JOIN, Kind.STATUS) and value > RUNNING and thing in children:
            children[thing].status = value
    for member in homes:
        member.failed = member.failed and member.begun_ns is None and member.status is None
    if trace.ending.exit_code is not None and homes:
        homes[0].status = trace.ending.exit_code
    return sorted(found.values(), key=lambda member: path_key(member.name))


def _status(wait_status: int) -> int:
    return -(wait_status & 0x7F) if wait_status & 0x7F else wait_status >> 8


def processes_view(trace: Trace) -> RenderableType | None:
    """A line per process with its threads below it; None where there is only one process."""
    members = processes_of(trace)
    if len(members) < 2:
        return None
    words = Words(trace)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("process", overflow="fold", max_width=LONGEST_NAME + 2)
    table.add_column("pid", justify="right", no_wrap=True)
    table.add_column("started by", no_wrap=True)
    table.add_column("began after", justify="right", no_wrap=True)
    table.add_column("events", justify="right", no_wrap=True)
    table.add_column("ended with", overflow="fold")
    for member in members[:MOST_PROCESSES]:
        took, status = member.took_ns, member.status
        table.add_row(
            Text(clean(member.name), style="bold"),
            str(member.pid or ""),
            clean(member.start_method),
            "" if took is None else duration(took),
            f"{member.events:,}",
            "not started" if member.failed else "" if status is None else exit_words(status),
        )
        threads = [actor for actor in member.actors if trace.actors[actor].name != member.name]
        for actor in threads[:MOST_THREADS]:
            name = words.actor(actor)
            name = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
            table.add_row(Text(f"  {name}", style="dim"))
        if len(threads) > MOST_THREADS:
            table.add_row(Text(f"  and {count(len(threads) - MOST_THREADS, 'thread')} more", style="dim"))
    if len(members) > MOST_PROCESSES:
        table.add_row(Text(f"and {count(len(members) - MOST_PROCESSES, 'process', 'processes')} more", style="dim"))
    return table


def process_facts(trace: Trace) -> list[dict[str, object]]:
    """The same for `--json`, without limits."""
    return [
        {
            "name": member.name,
            "pid": member.pid,
            "start_method": member.start_method,
            "actors": [trace.actors[actor].name for actor in member.actors],
            "events": member.events,
            "started_ns": member.started_ns,
            "begun_ns": member.begun_ns,
            "start_to_begin_ns": member.took_ns,
            "exit_code": member.status,
        }
        for member in processes_of(trace)
    ]


def methods(trace: Trace) -> list[str]:
    """The start methods of the processes of a run, each once, in their order."""
    return list(dict.fromkeys(clean(info.start_method) for info in trace.ending.processes if info.start_method))
