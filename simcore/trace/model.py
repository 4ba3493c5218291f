"""A recorded run in memory: tables of names and columns of events.

Columns are `array`s, so a million events take some 40 MB; an `Event` is a view made when it is asked for.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from simcore.errors import RunFailed
from simcore.trace.events import LOCAL_KINDS, UNCOUNTED_KINDS, Kind, ObjectKind, Outcome


class Site(NamedTuple):
    """A place in the source. `file` is relative to the scenario's root where it lies below it; an unknown place has line 0."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file.rpartition('/')[2]}:{self.line}" if self.line else ""


class ActorInfo(NamedTuple):
    """One thread of one process: its path of creation (`main/2`), the name the program gave it, its place in the table."""

    name: str
    thread_name: str


class ObjectInfo(NamedTuple):
    """What events act on. Identity is (creator, kind, n): the n-th object of that kind that this actor created, from 1.

    `creator` is an actor's index; `site` indexes the table of sites; `label` is the name found at the creation site, or empty.
    `process` names the forked child that has this copy of the object, or is empty.
    """

    creator: int
    kind: ObjectKind
    n: int
    site: int
    label: str
    process: str = ""


class Span(NamedTuple):
    """An operation that the programmer wrote, holding the events it is made of: positions first..last, both included.

    A span that held no event has last < first.
    """

    operation: str
    actor: int
    object: int
    site: int
    first: int
    last: int


class Pending(NamedTuple):
    """An operation that never completed: who waits for what since when (ns since the start), or was cut off."""

    actor: int
    kind: Kind
    object: int
    site: int
    since_ns: int
    timed: bool


class DeadlockLink(NamedTuple):
    """One line of a deadlock: `actor` waits for `object` (or for the end of an actor); `owner` holds it or has ended holding it.

    `taken` are the sites at which the owner took it, one per depth, oldest first; `released` those at which it gave some back.
    """

    actor: int
    object: int
    kind: Kind
    site: int
    since_ns: int
    owner: int
    owner_ended: bool
    taken: tuple[int, ...]
    released: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One operation on one object by one actor. `position` is its place in the trace, `step` its number among the actor's steps.

    For kinds that are no steps (`write`, `gc`) `step` is that of the actor's last step. Times are ns since the start of the run.
    """

    position: int
    actor: str
    step: int
    kind: Kind
    object: str
    value: int
    site: Site
    at_ns: int
    waited_ns: int

    @property
    def identity(self) -> tuple[str, int, Kind, str]:
        """What replay and diff compare besides the value; time is decoration."""
        return (self.actor, self.step, self.kind, self.object)

    @property
    def name(self) -> str:
        """What can be pasted back to name this event: `main/1:17`."""
        return f"{self.actor}:{self.step}"


@dataclass(slots=True)
class Columns:
    """The events in their order, one array per field, all of one length. `actor`, `object`, `site` index the trace's tables."""

    actor: array[int] = field(default_factory=lambda: array("I"))
    kind: array[int] = field(default_factory=lambda: array("B"))
    object: array[int] = field(default_factory=lambda: array("I"))
    site: array[int] = field(default_factory=lambda: array("I"))
    value: array[int] = field(default_factory=lambda: array("q"))
    waited_us: array[int] = field(default_factory=lambda: array("I"))
    at_ns: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that is needed to run it again.

    `target` is `pattern`, `file`, `function` or `command`; `name` the pattern's name, the path, `module:function`, or the
    command's first word; `argv` the program's arguments (for a command: all words); `plugin_file` the file that a `--plugin`
    pattern came from; `seed` None when drawn from the operating system; `granularity` `sync` or `access`;
    `include` patterns of further modules whose accesses are recorded.
    """

    target: str
    name: str
    argv: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    expect: tuple[str, ...] = ("ok",)
    cwd: str = ""
    plugin: str = ""
    plugin_file: str = ""
    function: str = ""
    seed: int | None = None
    granularity: str = "sync"
    include: tuple[str, ...] = ()
    start_method: str = ""
    hash_seed: int = 0
    switch_interval_s: float | None = None
    chaos: int | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """The first frame: what was run, where, by which versions.

    `python` is like `3.11.7`; `gil` False on a free-threaded build; `files` maps user files with call sites (relative to `root`
    where below it) to their SHA-256; `wall_ns` and `start_ns` are one moment on the wall clock and on CLOCK_MONOTONIC.
    `folder_bytes` are the lengths of the names of `root`, of the standard `library` and of `packages`: they stand in messages.
    """

    scenario: Scenario
    simcore: str
    python: str
    implementation: str
    platform: str
    machine: str
    gil: bool = True
    plugin_version: str = ""
    git_commit: str = ""
    git_dirty: bool = False
    root: str = ""
    files: dict[str, str] = field(default_factory=dict)
    wall_ns: int = 0
    start_ns: int = 0
    pid: int = 0
    ppid: int = 0
    executable: str = ""
    folder_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def minor(self) -> str:
        """`3.11`, with a `t` behind it for a free-threaded build: what replay needs."""
        return ".".join(self.python.split(".")[:2]) + ("" if self.gil else "t")


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A process that was recorded, by the name of its main actor: its pid, and how it came to be.

    `start_method` is `fork`, `spawn`, `forkserver`, `subprocess` (another way of executing Python), or empty for the first one
    and for one that was killed before it said it.
    """

    name: str
    pid: int
    start_method: str = ""


@dataclass(slots=True)
class Ending:
    """The last frame: how it ended. `exit_code` is None while unknown, -n for a signal; `error` one line, with its site.

    `deadlock` lists who waits for whom; `not_controlled` what lay outside simcore's control (`1 socket (:5432)`); `cut_off` says
    why a trace has only a prefix of what happened, or is empty. `processes` are those that were recorded, the first one first.
    """

    outcome: Outcome = Outcome.OK
    exit_code: int | None = None
    error: str = ""
    error_site: int = 0
    duration_ns: int = 0
    pending: list[Pending] = field(default_factory=list)
    deadlock: list[DeadlockLink] = field(default_factory=list)
    not_controlled: list[str] = field(default_factory=list)
    cut_off: str = ""
    processes: list[ProcessInfo] = field(default_factory=list)


@dataclass(eq=False)
class Trace:
    """A recorded run. `texts` holds written texts, handed-out bytes and names by index; `sources` the user's files by path.

    `path` is the file it was loaded from or saved to. A trace is no boolean: ask for `trace.outcome`. Whoever changes the columns
    makes a new Trace (`dataclasses.replace`): steps are computed once.
    """

    header: Header
    actors: list[ActorInfo] = field(default_factory=list)
    objects: list[ObjectInfo] = field(default_factory=list)
    sites: list[Site] = field(default_factory=lambda: [Site("", 0, "")])
    texts: list[str | bytes] = field(default_factory=list)
    columns: Columns = field(default_factory=Columns)
    spans: list[Span] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    ending: Ending = field(default_factory=Ending)
    path: Path | None = None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Trace:
        """The trace in a `.simtrace` file; from one that was cut off its intact part, and `ending.cut_off` says so.

        Raises: TraceError for a file that is missing, foreign, newer than this simcore, or damaged.
        """
        from simcore.trace import store

        return store.load(path)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the trace to a file, all of it or nothing, and return its path. Raises: UsageError, TraceError."""
        from simcore.trace import store

        return store.save(self, path)

    def __len__(self) -> int:
        return len(self.columns)

    def __bool__(self) -> NoReturn:
        raise TypeError("a Trace is neither true nor false: ask for trace.outcome, or call trace.check()")

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        return self.ending.outcome

    @property
    def as_expected(self) -> bool:
        """Whether the outcome is one that the scenario expects."""
        return self.outcome.word in self.header.scenario.expect

    def check(self) -> Trace:
        """Return self. Raises: RunFailed when the run did not end as its scenario expects."""
        if not self.as_expected:
            expected = " or ".join(self.header.scenario.expect)
            why = f": {self.ending.error}" if self.ending.error else ""
            raise RunFailed(f"{self.header.scenario.name} ended {self.outcome.word}{why}; expected {expected}")
        return self

    @cached_property
    def steps(self) -> array[int]:
        """Per position the number of that event among its actor's steps, from 1; see `Event.step` for kinds that are no steps."""
        counts = [0] * len(self.actors)
        steps = array("I", bytes(4 * len(self)))
        uncounted = {int(kind) for kind in UNCOUNTED_KINDS}
        for position, (actor, kind) in enumerate(zip(self.columns.actor, self.columns.kind, strict=True)):
            if kind not in uncounted:
                counts[actor] += 1
            steps[position] = counts[actor]
        return steps

    @cached_property
    def object_names(self) -> list[str]:
        """Per object the name that agrees between runs: `main/1:lock2`, or `stdout`, `time.time` for what every program has."""
        return [
            info.label
            if info.kind in _FIXED_KINDS
            else f"{self.actors[info.creator].name}:{info.kind.name.lower()}{info.n}{_copy(info)}"
            for info in self.objects
        ]

    @cached_property
    def object_labels(self) -> list[str]:
        """Per object what a person calls it: the name found at its creation site, else the name that agrees between runs.

        What a child process has of its own is `lock@main.1`, whether it made it or got a copy by a fork.
        """
        home = self.processes[0] if self.actors else ""
        return [
            f"{info.label}{_copy(info) or self._made_in(info, home)}" if info.label else name
            for info, name in zip(self.objects, self.object_names, strict=True)
        ]

    def _made_in(self, info: ObjectInfo, home: str) -> str:
        if info.kind in _FIXED_KINDS or not info.creator < len(self.actors):
            return ""
        process = self.processes[info.creator]
        return "" if process == home else f"@{process}"

    @cached_property
    def processes(self) -> list[str]:
        """Per actor the name of its process, which is that of the process's main actor."""
        return [process_of(info.name) for info in self.actors]

    @property
    def has_end(self) -> bool:
        """Whether the first process came to record its own end, in whichever thread."""
        c = self.columns
        processes = self.processes
        exits = map(int(Kind.EXIT).__eq__, c.kind)
        return any(processes[actor] == processes[0] for actor in compress(c.actor, exits))

    def event(self, position: int) -> Event:
        """The event at a position, from 0. Raises: IndexError."""
        c = self.columns
        return Event(
            position,
            self.actors[c.actor[position]].name,
            self.steps[position],
            Kind(c.kind[position]),
            self.object_names[c.object[position]],
            c.value[position],
            self.sites[c.site[position]],
            c.at_ns[position],
            c.waited_us[position] * 1000,
        )

    def __iter__(self) -> Iterator[Event]:
        return map(self.event, range(len(self)))

    def of_actor(self, name: str) -> Iterator[Event]:
        """The events of one actor in its program order, by its path or the name that the program gave the thread."""
        wanted = {index for index, info in enumerate(self.actors) if name in (info.name, info.thread_name)}
        return (self.event(position) for position, actor in enumerate(self.columns.actor) if actor in wanted)

    @cached_property
    def order(self) -> list[tuple[str, int, Kind, str]]:
        """Identities of the events that take turns, in their order: two runs with equal orders did the same in the same order.

        Local inputs are left out, for nobody else can tell when they happened.
        """
        return [event.identity for event in self if event.kind not in LOCAL_KINDS]


_FIXED_KINDS = frozenset({ObjectKind.NONE, ObjectKind.STREAM, ObjectKind.CLOCK, ObjectKind.PROCESS, ObjectKind.IMPORTS})


def _copy(info: ObjectInfo) -> str:
    return f"@{info.process}" if info.process else ""


def process_of(actor: str) -> str:
    """The name of an actor's process: `main.1` for `main.1/2`, `main/2.1` for `main/2.1/3!SIGALRM`."""
    name = actor.partition("!")[0]
    cut = name.find("/", name.rfind(".") + 1)
    return name if cut < 0 else name[:cut]


def float_of_bits(value: int) -> float:
    """The float that a `clock` event keeps as its bits."""
    result: float = struct.unpack("<d", struct.pack("<q", value))[0]
    return result
