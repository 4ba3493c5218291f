"""What a diff answers, as plain data. Positions count from 0, as in `@412`; times are ns; None means that there is none."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import NoReturn

from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import Site, Trace


@dataclass(frozen=True, slots=True)
class Run:
    """One of the two runs.

    `hand_offs` sums those of all locks and queues; `switches` are changes of actor from one event to the next; `error_site` is
    where the run failed, with line 0 when that is unknown; `cut_off` says why its trace is only a prefix.
    """

    name: str
    events: int
    actors: int
    outcome: Outcome
    exit_code: int | None
    error: str
    error_site: Site
    cut_off: str
    switches: int
    hand_offs: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One side of the split: an event, its name (`main/1:17`), and what it does in words (`takes `cache_lock``).

    `operation` is that of the programmer that the event is part of (`Queue.put`), or empty.
    """

    position: int
    actor: str
    thread_name: str
    event: str
    kind: Kind
    object: str
    label: str
    action: str
    operation: str
    site: Site


@dataclass(frozen=True, slots=True)
class Split:
    """Where the two runs part first.

    `why` is `order` (another actor comes first on an object), `actor` (an actor does something else), `result` (it does the same
    and gets something else) or `output` (it writes something else). A side is None when the actor did nothing more there.
    """

    why: str
    a: Moment | None
    b: Moment | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ActorDiff:
    """One actor in both runs. `state` is `same`, `changed`, `added` (only in B) or `missing` (only in A).

    `events_a` and `events_b` count all its events; of its steps `only_a` and `only_b` have no counterpart and `other_results`
    have one that returned something else; `first_a` and `first_b` are the first that differ. `exact` is False where the sequences
    differ too much to be aligned at bounded cost: then the counts may be larger than they had to be. `cause` says what a change
    follows from: `schedule` where both runs were set up alike, else `setting` where nothing that came in another order has
    reached the actor before, or `either`; it is empty for one that is the same.
    """

    name: str
    thread_name: str
    state: str
    events_a: int
    events_b: int
    only_a: int
    only_b: int
    other_results: int
    first_a: int | None
    first_b: int | None
    exact: bool
    cause: str


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """One object that more than one actor used, or that differs. `state` is `same`, `reordered` or `changed` (other operations).

    A hand-off is a pair of operations that follow each other on the object, by different actors; of a lock only acquisitions
    count. Of the `compared` ones, whose two operations both runs have, `reversed` come the other way round in B. `moved` is the
    fewest operations that would have to move to make the orders equal. `first_a` and `first_b` are where the order parts.
    """

    name: str
    label: str
    kind: ObjectKind
    site: Site
    state: str
    operations_a: int
    operations_b: int
    hand_offs_a: int
    hand_offs_b: int
    compared: int
    reversed: int
    moved: int
    first_a: int | None
    first_b: int | None


@dataclass(frozen=True, slots=True)
class WaitDiff:
    """How long actors waited for one object: total, longest single wait, number of waits, in A and in B."""

    name: str
    label: str
    kind: ObjectKind
    total_a_ns: int
    total_b_ns: int
    longest_a_ns: int
    longest_b_ns: int
    waits_a: int
    waits_b: int


@dataclass(frozen=True, slots=True)
class StreamDiff:
    """What was written to one stream. `state` is `same`, `reordered` (the same lines in another order) or `changed`.

    `first_line` is the first line that differs, from 1, with its text in A and in B (None past the end); `lines_only_a` and
    `lines_only_b` count lines that the other run does not have.
    """

    name: str
    state: str
    writes_a: int
    writes_b: int
    lines_a: int
    lines_b: int
    lines_only_a: int
    lines_only_b: int
    first_line: int | None
    text_a: str | None
    text_b: str | None


@dataclass(frozen=True, slots=True)
class InputDiff:
    """What came from outside, per kind (`clock`, `seed`, `entropy`, `sleep`: time asked for, `gc`: collections).

    Of `compared` events that both runs have `differ` do; `events_a` and `events_b` count all. `sources` are the clocks,
    connections or programs that those which differ came from, the first first. No part of the verdict.
    """

    kind: str
    events_a: int
    events_b: int
    compared: int
    differ: int
    first_a: int | None
    first_b: int | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that was set up differently: `start method`, `Python`, `parameter workers`, `arguments`, `program`."""

    name: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Events that are the same but were done from another place in the source. No part of the verdict."""

    a: Site
    b: Site
    events: int


@dataclass(frozen=True, slots=True, eq=False)
class Diff:
    """How run B differs from run A. It is no boolean: compare `verdict`.

    `verdict` is SAME when order, results, outcome and output are; DIFFERENT when one of them is not; INCONCLUSIVE when a trace is
    cut off before they part. `order` is the same answer for order and results alone. `split` is None where order, results and
    output are the same. `settings` are those that the runs do not share; then `setting_split` is the first difference that
    follows from them, or None, and `split` rather the first that does not. `objects` leaves out those that only one actor used in
    both runs alike: `private_objects` counts them. `compared` is `events`, or `spans` for traces of two Python minors or start
    methods: then events are the operations that the programmer wrote.
    `total_order_same` says whether also events that are independent of each other came in the same order.
    `times_differ_ns` is the largest difference between the times of one event, counted from the start of its run.
    """

    verdict: Verdict
    order: Verdict
    compared: str
    same_outcome: bool
    same_output: bool
    settings: tuple[Setting, ...]
    a: Run
    b: Run
    split: Split | None
    setting_split: Split | None
    actors: tuple[ActorDiff, ...]
    objects: tuple[ObjectDiff, ...]
    private_objects: int
    waiting: tuple[WaitDiff, ...]
    output: tuple[StreamDiff, ...]
    inputs: tuple[InputDiff, ...]
    moved: tuple[Moved, ...]
    total_order_same: bool
    times_differ_ns: int
    notes: tuple[str, ...]
    trace_a: Trace
    trace_b: Trace

    def __bool__(self) -> NoReturn:
        raise TypeError("a Diff is neither true nor false: ask for diff.verdict, as in `diff.verdict is Verdict.SAME`")

    def to_json(self) -> dict[str, object]:
        """The diff as plain data, without the traces: keys as the fields here and of the classes above.

        Enums are their lower-case words; a site is `{"file", "line", "function"}`, or None where unknown; `verdict` and `order`
        are `same`, `different` or `inconclusive`; `a`, `b` are runs; `split` is None or an object; the rest are lists of objects.
        """
        names = (
            *("compared", "same_outcome", "same_output", "private_objects", "total_order_same", "times_differ_ns", "settings"),
            *("a", "b", "split", "setting_split", "actors", "objects", "waiting", "output", "inputs", "moved", "notes"),
        )
        result: dict[str, object] = {"verdict": self.verdict.value, "order": self.order.value}
        return result | {name: plain(getattr(self, name)) for name in names}


def plain(value: object) -> object:
    """A value of these classes as JSON has it."""
    match value:
        case Site():
            return {"file": value.file, "line": value.line, "function": value.function} if value.line else None
        case Outcome() | Kind() | ObjectKind():
            return value.name.lower()
        case tuple():
            return [plain(item) for item in value]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value
