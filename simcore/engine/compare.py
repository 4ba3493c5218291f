"""Whether a replay did what was recorded: event by event, by identity and value; time is decoration."""

from dataclasses import dataclass

from simcore.trace.events import LOCAL_KINDS, TAG_KINDS, TEXT_KINDS, UNCOUNTED_KINDS, Kind, Outcome
from simcore.trace.model import Trace

_SKIPPED = frozenset(int(kind) for kind in UNCOUNTED_KINDS)
_LOCAL = frozenset(int(kind) for kind in LOCAL_KINDS)
_TAGS = frozenset(int(kind) for kind in TAG_KINDS)
_TEXTS = frozenset(int(kind) for kind in TEXT_KINDS)


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs, in one line or '', how many events were the same from the start, how many writes have other texts."""

    differs: str
    matched: int
    writes_changed: int


def _rows(trace: Trace, *, local: bool) -> list[tuple[object, ...]]:
    """The comparable part of a trace, in order: turns, or (per actor) the local inputs that take none."""
    c = trace.columns
    names = [info.name for info in trace.actors]
    objects = trace.object_names
    rows: list[tuple[object, ...]] = []
    for actor, kind, obj, value in zip(c.actor, c.kind, c.object, c.value, strict=True):
        if kind in _SKIPPED or (kind in _LOCAL) is not local:
            continue
        shown: object = value
        if kind in _TEXTS:
            shown = _without_interpreter(trace, trace.texts[value]) if kind == Kind.INPUT else trace.texts[value]
        elif kind == Kind.START:
            shown = names[value] if value < len(names) else value
        elif kind in _TAGS and value >= 0:
            actor_of = value >> 32
            shown = (names[actor_of] if actor_of < len(names) else "", value & 0xFFFFFFFF)
        rows.append((names[actor], kind, objects[obj], shown))
    if local:
        rows.sort(key=lambda row: str(row[0]))
    return rows


def _without_interpreter(trace: Trace, text: str | bytes) -> str | bytes:
    """A command line as it is under any interpreter: a replay may run in another environment of the same Python."""
    return text.removeprefix(trace.header.executable) if isinstance(text, str) else text


def _writes(trace: Trace) -> list[tuple[str, int, str]]:
    c = trace.columns
    return [
        (trace.actors[actor].name, obj, str(trace.texts[value]))
        for actor, kind, obj, value in zip(c.actor, c.kind, c.object, c.value, strict=True)
        if kind == Kind.WRITE
    ]


def equal_events(a: Trace, b: Trace) -> bool:
    """Whether two traces have the same events down to the numbers in their tables; time and the tables' sites are not looked at.

    Traces may have the same events and other numbers. But a replay mostly has the recording's, and this costs next to nothing.
    """
    return (
        a.columns.actor == b.columns.actor
        and a.columns.kind == b.columns.kind
        and a.columns.object == b.columns.object
        and a.columns.value == b.columns.value
        and a.object_names == b.object_names
        and a.texts == b.texts
        and [info.name for info in a.actors] == [info.name for info in b.actors]
    )


def _first_difference(recorded: Trace, replayed: Trace) -> tuple[str, int]:
    """What differs, or '', and how many events were the same before it."""
    ours, theirs = _rows(recorded, local=False), _rows(replayed, local=False)
    matched = next((place for place, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    if ours != theirs:
        if matched < len(ours):
            return f"{matched} of {len(ours)} events were the same", matched
        return f"{len(theirs) - matched} events more", matched
    return "inputs differ" if _rows(recorded, local=True) != _rows(replayed, local=True) else "", matched


def compare(recorded: Trace, replayed: Trace) -> Compared:
    """Hold a replay's own trace against the one it followed."""
    if equal_events(recorded, replayed):
        return Compared(_other_end(recorded, replayed), len(recorded), 0)
    differs, matched = _first_difference(recorded, replayed)
    before, after = _writes(recorded), _writes(replayed)
    changed = sum(a != b for a, b in zip(before, after, strict=False)) if len(before) == len(after) else 0
    return Compared(differs or _other_end(recorded, replayed), matched if differs else len(recorded), changed)


def _other_end(recorded: Trace, replayed: Trace) -> str:
    """In what a replay with the same events ended otherwise, or ''."""
    before, after = recorded.ending, replayed.ending
    if before.outcome is Outcome.KILLED and before.exit_code is None:
        return ""  # its file is cut off: how it ended is not known
    if recorded.outcome is not replayed.outcome:
        return f"outcome {replayed.outcome.word} instead of {recorded.outcome.word}"
    if before.exit_code != after.exit_code and before.exit_code is not None:
        return f"exit code {after.exit_code} instead of {before.exit_code}"
    return "another deadlock" if _deadlock(recorded) != _deadlock(replayed) else ""


def _deadlock(trace: Trace) -> list[tuple[object, ...]]:
    """Who waits for whom, and in which functions: lines move when a file is edited elsewhere, and no event has them either."""

    def place(site: int) -> tuple[str, str]:
        return trace.sites[site].file, trace.sites[site].function

    return [
        (
            trace.actors[link.actor].name,
            trace.object_names[link.object],
            link.kind,
            place(link.site),
            trace.actors[link.owner].name,
            link.owner_ended,
            [place(site) for site in link.taken],
            [place(site) for site in link.released],
        )
        for link in trace.ending.deadlock
    ]
