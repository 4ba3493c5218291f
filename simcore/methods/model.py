"""What `compare` has measured: columns of runs, each with its children, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simcore.methods.rows import Severity

Facts = dict[str, Any]


@dataclass(slots=True)
class Child:
    """One child process of one run. Times are in nanoseconds of one clock, 0 where it did not come so far."""

    name: str
    target: str = ""
    site: str = ""
    pid: int = 0
    called: int = 0
    returned: int = 0
    first: int = 0
    ours: int = 0
    cpu: int = 0
    begun: int = 0
    ended: int = 0
    switches: int = 0
    status: int | None = None
    error: str = ""
    helpers: int = 0
    ppid_is_parent: bool = True
    modules: int = 0
    taken: list[tuple[str, int, int]] = field(default_factory=list)
    failed: Facts | None = None
    facts: Facts = field(default_factory=dict)
    found: dict[str, Facts] = field(default_factory=dict)
    worker: bool = False
    assigned: list[str] = field(default_factory=list)
    parent: Facts = field(default_factory=dict)
    fork: Facts | None = None
    reimport: Facts | None = None
    registered: int = 0
    called_at_exit: bool = False

    @property
    def ran(self) -> bool:
        """Whether it came to its first line."""
        return self.first > 0

    @property
    def delay_ms(self) -> float:
        """From the call of start() to the first line, without what looking took."""
        return max(self.first - self.called - self.ours, 0) / 1e6


@dataclass(slots=True)
class Run:
    """One run of the program. `exit_code` is None and `reason` says why where it was ended by us."""

    exit_code: int | None
    reason: str
    wall_ms: float
    out: list[str]
    last_error: str
    ready_ms: float | None
    children: dict[str, Child]
    events: list[Facts]
    barrier_broken: bool = False

    def of(self, kind: str) -> Iterator[Facts]:
        """The events of a kind."""
        return (event for event in self.events if event["kind"] == kind)

    @property
    def began(self) -> list[Child]:
        """The children that came to their first line, in the order in which they were started."""
        return sorted((child for child in self.children.values() if child.ran and child.called), key=lambda child: child.called)

    @property
    def end(self) -> str:
        """How it ended, in a word or two."""
        if self.reason == "duration":
            return "running"
        if self.reason or self.exit_code is None:
            return "does not end"
        return str(self.exit_code) if self.exit_code >= 0 else f"signal {-self.exit_code}"


@dataclass(slots=True)
class Column:
    """One start method: its timing runs and its state runs. The label tells two columns of one method apart."""

    label: str
    method: str
    runs: list[Run] = field(default_factory=list)
    states: list[Run] = field(default_factory=list)

    @property
    def all_runs(self) -> list[Run]:
        return [*self.runs, *self.states]

    def state_children(self) -> list[Child]:
        """The children of the state runs that were looked at."""
        return [child for run in self.states for child in run.children.values() if child.facts]

    def commonest_end(self) -> str:
        return Counter(run.end for run in self.runs or self.states).most_common(1)[0][0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that differs: how bad, which of the twenty rows (0 for none), in words, under which methods, what to do."""

    severity: Severity
    row: int
    text: str
    methods: tuple[str, ...]
    seen: str = ""
    fix: str = ""


@dataclass(slots=True)
class Comparison:
    """Everything `compare` knows; `verdicts` worst first."""

    program: str
    python: str
    columns: list[Column]
    runs: int
    barrier: bool
    load: float
    cpus: int
    verdicts: list[Verdict] = field(default_factory=list)
    probes: list[Facts] = field(default_factory=list)
    hidden: frozenset[str] = frozenset()
    """Salted digests of what stands in the environment of the program's processes."""
    salt: bytes = b""

    @property
    def one_method(self) -> bool:
        """Whether a method is compared with itself: what then differs is noise."""
        return len({column.method for column in self.columns}) == 1

    @property
    def matters(self) -> bool:
        """Whether any verdict is above INFO."""
        return any(verdict.severity < Severity.INFO for verdict in self.verdicts)

    @property
    def cannot_start(self) -> bool:
        """Whether some column has no schedule to compare."""
        return any(verdict.severity is Severity.FATAL for verdict in self.verdicts) or not any(
            run.began for column in self.columns for run in column.runs
        )


def common(values: Iterable[Any]) -> Any:
    """The commonest of some values, by their text; None when there are none."""
    listed = list(values)
    kept = {repr(value): value for value in listed}
    return kept[Counter(map(repr, listed)).most_common(1)[0][0]] if listed else None
