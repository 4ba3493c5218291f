"""What the tests of the views share: small traces made by hand, and how they look printed."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType
from synthetic import header

from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Columns, DeadlockLink, Ending, ObjectInfo, Site, Trace
from simcore.views.events import EventList, Selection

LOCK = len(FIXED_OBJECTS)


THREADS = LOCK + 1


def rendered(*renderables: RenderableType, width: int = 80) -> str:
    """What is printed without colour, trailing spaces removed."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def small(*events: tuple[int, Kind, int, int, int, int], threads: int = 3, **changes: object) -> Trace:
    """A trace of (actor, kind, object, value, at_us, waited_us) with a lock `stock` and threads producer, consumer, c..."""
    columns = Columns()
    for actor, kind, thing, value, at_us, waited_us in events:
        columns.actor.append(actor)
        columns.kind.append(kind)
        columns.object.append(thing)
        columns.value.append(value)
        columns.at_ns.append(at_us * 1000)
        columns.waited_us.append(waited_us)
        columns.site.append(1 + len(columns) % 3)
    fixed = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    of_threads = [ObjectInfo(0, ObjectKind.THREAD, number + 1, 1, "") for number in range(threads)]
    fields: dict[str, object] = {
        "actors": [
            ActorInfo("main", "MainThread"),
            *(
                ActorInfo(f"main/{n}", name)
                for n, name in zip(range(1, threads), ("producer", "consumer", *"cdefghijklmnop"), strict=False)
            ),
        ],
        "objects": [*fixed, ObjectInfo(0, ObjectKind.LOCK, 1, 1, "stock"), *of_threads],
        "sites": [Site("", 0, ""), Site("src/buf.py", 18, "put"), Site("src/buf.py", 22, "put"), Site("src/buf.py", 30, "get")],
        "texts": ["hello\n", b"\x00\x01"],
        "columns": columns,
    }
    return Trace(**({"header": header("buffer", expect=("ok",))} | fields | changes))  # type: ignore[arg-type]


def everything(trace: Trace, **options: object) -> EventList:
    """All events of a trace."""
    return EventList(trace, Selection(0, len(trace) - 1, **options))  # type: ignore[arg-type]


def leak() -> Trace:
    """The leak: a re-entrant lock taken three times, released once, by a thread that has ended; another and main wait."""
    sites = [
        Site("", 0, ""),
        *(
            Site("bank.py", line, name)
            for line, name in ((12, "main"), (27, "add"), (34, "update"), (30, "remove"), (37, "update"), (45, "main"))
        ),
    ]
    links = [
        DeadlockLink(2, LOCK, Kind.ACQUIRE, 2, 40_000, 1, True, (3, 2, 4), (5,)),
        DeadlockLink(0, THREADS + 2, Kind.JOIN, 6, 50_000, 2, False, (), ()),
    ]
    objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
    objects += [ObjectInfo(0, ObjectKind.RLOCK, 1, 1, "account_lock")]
    objects += [ObjectInfo(0, ObjectKind.THREAD, number + 1, 1, "") for number in range(3)]
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main/1", "teller-1"), ActorInfo("main/2", "teller-2")]
    ending = Ending(Outcome.DEADLOCK, -9, duration_ns=40_000_000, deadlock=links)
    return small(
        (0, Kind.START, THREADS + 1, 1, 1, 0),
        (0, Kind.START, THREADS + 2, 2, 1, 0),
        sites=sites,
        actors=actors,
        objects=objects,
        ending=ending,
        sources={"bank.py": "\n" * 26 + "    with self.account_lock:\n"},
        header=header("recursive-mutex-leak", expect=("deadlock",)),
    )


CONTENDED = (
    (1, Kind.ACQUIRE, LOCK, 1, 1204, 0),
    (0, Kind.CLOCK, 5, 0, 1205, 0),
    (1, Kind.SLEEP, 14, 1000, 1231, 0),
    (1, Kind.RELEASE, LOCK, 0, 1243, 0),
    (2, Kind.ACQUIRE, LOCK, 1, 1251, 45),
    (2, Kind.RELEASE, LOCK, 0, 1260, 0),
)
