"""Merges what a process wrote into a trace: one order, names for everything, and what never completed.

The order is that of the stamps: an acquisition is stamped after it happened, a release before, so a hand-over is never inverted.
The order is then held against the twins of all objects; a trace whose order breaks their rules is refused with the exact event.
"""

import hashlib
import os
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from simcore.engine.labels import Labels, Place
from simcore.engine.run_reader import RunReader
from simcore.engine.segments import Definitions
from simcore.errors import InternalError
from simcore.runtime.segment import WAIT_PARKED, WAIT_TIMED
from simcore.trace.events import (
    FIXED_OBJECTS,
    HEAD,
    SHARED_KINDS,
    SPAN_OPERATIONS,
    TAG_KINDS,
    TEXT_KINDS,
    Kind,
    ObjectKind,
    Outcome,
)
from simcore.trace.model import (
    ActorInfo,
    Columns,
    Ending,
    Header,
    ObjectInfo,
    Pending,
    ProcessInfo,
    Site,
    Span,
    Trace,
    process_of,
)
from simcore.trace.twins import Twins, hosts_of

STEP_NS: Final = 256
"""Stamps are kept in steps of so many nanoseconds. An event takes longer, and what is finer is noise that does not compress."""

_LARGEST_SOURCE: Final = 1_000_000
_Row = tuple[int, int, int, tuple[int, int, int, int, int, int, int]]
"""A record in the order of the run: stamp, what goes first at one stamp, actor, record as it lies in the segment."""

_PLAIN_LOCKS: Final = frozenset({ObjectKind.LOCK, ObjectKind.WAITER, ObjectKind.PLOCK})
_FIRST: Final = frozenset({Kind.RELEASE, Kind.START, Kind.PUT, Kind.END})
assert HEAD.size == 24


class Merged:
    """A trace, and what the controller needs beside it: the run's own numbers of actors, idents, what was noted how often."""

    def __init__(
        self, trace: Trace, actors: dict[int, int], idents: dict[int, int], divergence: list[str], notes: "Counter[str]"
    ) -> None:
        self.trace = trace
        self.actors = actors
        self.idents = idents
        self.divergence = divergence
        self.notes = notes


def merge(reader: RunReader, header: Header, ending: Ending, *, keep_source: bool = True) -> Merged:
    """Read all that was committed and put it in order. Raises: InternalError when the order contradicts itself."""
    definitions = reader.refresh_definitions()
    reader.refresh_records()
    files = _Files(header.root, definitions.process.get("library", ""))
    sites = {number: (files.absolute(file), line, function) for number, (file, line, function) in definitions.sites.items()}
    definitions = replace(definitions, sites=sites)
    start_ns = header.start_ns
    created: dict[int, tuple[int, int, int, int, int]] = {}  # id -> stamp, actor, kind and n, site, inner site
    spans: list[tuple[int, int, int, int, int, int]] = []  # actor, operation, object, site, begin stamp, end stamp
    rows: list[_Row] = []
    for actor, records in reader.records.items():
        last = 0
        open_span: tuple[int, int, int, int] | None = None
        for record in records:
            kind, stamp = record[4], record[6]
            if stamp <= last:
                stamp = last + 1  # a finaliser's events lie behind the one they interrupted
            if kind == Kind.CREATE:
                created[record[1]] = (stamp, actor, record[0], record[2], record[3])
                continue
            if kind == Kind.SPAN:
                if record[0] & 1:
                    open_span = (record[0] >> 1, record[1], record[2], stamp)
                elif open_span is not None:
                    spans.append((actor, *open_span, stamp))
                    open_span = None
                continue
            last = stamp
            rows.append((stamp, 0 if kind in _FIRST else 1, actor, record))
        if open_span is not None:
            spans.append((actor, *open_span, sys.maxsize))
    rows.sort(key=_by_stamp)
    process = {number: process_of(name) for number, (name, _, _) in definitions.actors.items()}
    homes = {number: process.get(made[1], "") for number, made in created.items() if made[2] >> 32 in _PLAIN_LOCKS}
    shared = {number for number in homes if created[number][2] >> 32 in SHARED_KINDS}
    _answer_early_releases(rows, homes, shared, process)
    rows = _until_exits(rows, process)

    heads = reader.heads()
    if not start_ns:
        start_ns = rows[0][0] if rows else 0
        header = replace(header, start_ns=start_ns)
    actor_ids = _first_seen([*(row[2] for row in rows), *definitions.actors])
    tables = _Tables(definitions, created, actor_ids, files)
    copied = tables.copied(process)
    columns = Columns()
    text_ids: dict[int, int] = {}
    texts: list[str | bytes] = []

    def text(number: int) -> int:
        known = text_ids.get(number)
        if known is None:
            known = text_ids[number] = len(texts)
            texts.append(definitions.texts.get(number, ""))
        return known

    append = [getattr(columns, name).append for name in ("actor", "kind", "object", "site", "value", "waited_us", "at_ns")]
    to_actor, to_kind, to_object, to_site, to_value, to_waited, to_at = append
    object_id, site_id = tables.object, tables.site
    for stamp, _, actor, (value, obj, site, waited, kind, _flags, _) in rows:
        if kind in TEXT_KINDS:
            value = text(value)
        elif kind in TAG_KINDS:
            if value >= 0:
                value = actor_ids.get(value >> 32, value >> 32) << 32 | value & 0xFFFFFFFF
        elif kind == Kind.START:
            value = actor_ids.setdefault(value, len(actor_ids))
        to_actor(actor_ids[actor])
        to_kind(kind)
        to_object(object_id(obj) if not copied else tables.own_object(obj, process.get(actor, "")))
        to_site(site_id(site))
        to_value(value)
        to_waited(waited)
        to_at(stamp - start_ns)
    if any(wait.since and wait.kind in (Kind.SEND, Kind.RECV) for _, wait in heads.values()):
        for number, made in created.items():
            if made[2] >> 32 == ObjectKind.CONNECTION:
                object_id(number)  # who waits at one end of a pipe waits for somebody at the other
    # Waits that were still published: operations that never completed.
    pending = []
    for actor, (_, wait) in sorted(heads.items(), key=lambda item: item[1][1].since):
        if wait.since and actor in actor_ids and wait.kind != Kind.EXIT:
            pending.append(
                Pending(
                    actor_ids[actor],
                    Kind(wait.kind),
                    object_id(wait.object) if not copied else tables.own_object(wait.object, process.get(actor, "")),
                    site_id(wait.site),
                    max(wait.since - start_ns, 0),
                    bool(wait.flags & WAIT_TIMED) and not wait.flags & WAIT_PARKED,
                )
            )
    actors = [ActorInfo("", "")] * len(actor_ids)
    idents = {}
    for number, index in actor_ids.items():
        name, thread_name, ident = definitions.actors.get(number, (f"unknown/{number}", "", 0))
        actors[index] = ActorInfo(name, thread_name)
        idents[index] = ident
    stamps = columns.at_ns
    trace_spans = _spans(spans, columns, actor_ids, tables, start_ns, stamps)
    stamps = columns.at_ns = array("q", map((-STEP_NS).__and__, stamps))
    trace = Trace(header, actors, tables.objects(), tables.sites, texts, columns, trace_spans, {}, ending)
    _label(trace, tables, files)
    shown = files.user_files()
    if keep_source:
        trace.sources = {name: source for name, source in ((name, files.read(name)) for name in shown) if source is not None}
    trace.header = replace(header, files={name: digest for name in shown if (digest := files.digest(name))})
    if header.root:
        trace.sites = [site._replace(file=files.relative(site.file)) for site in trace.sites]
        trace.sources = {files.relative(name): source for name, source in trace.sources.items()}
        trace.header = replace(trace.header, files={files.relative(name): digest for name, digest in trace.header.files.items()})
    ending.pending = pending
    ending.duration_ns = ending.duration_ns or (stamps[-1] if len(stamps) else 0)
    ending.not_controlled = _not_controlled(definitions)
    ending.processes = [
        ProcessInfo(name, int(said.get("pid", 0)), said.get("start method", "")) for name, said in reader.processes.items()
    ]
    if definitions.detached:
        ending.cut_off = f"the recorder gave up: {definitions.detached}"
    _error(trace, definitions, actor_ids, files)
    validate(trace)
    return Merged(trace, actor_ids, idents, definitions.divergence, Counter(what for what, _ in definitions.notes))


def _by_stamp(row: tuple[int, int, int, tuple[int, ...]]) -> tuple[int, int, int]:
    return row[:3]


def _answer_early_releases(rows: list[_Row], homes: dict[int, str], shared: set[int], process: dict[int, str]) -> None:
    """Put an acquisition before the release that answers it, where the two are stamped the other way round.

    A lock released by another thread than took it may be: that thread sees the lock taken before the taker comes to its stamp.
    The taker's event before it is stamped earlier still, so its program order stays. Nothing is touched unless a lock seems taken
    twice. `homes` are the processes of plain locks; of those not `shared` a forked child has a copy, which may begin taken.
    """

    def place(actor: int, lock: int) -> str:
        return "" if lock in shared else process.get(actor, "")

    held: set[tuple[int, str]] = set()
    for _, _, actor, record in rows:
        if record[1] in homes:
            lock = record[1], place(actor, record[1])
            if record[4] == Kind.RELEASE:
                held.discard(lock)
            elif record[4] == Kind.UNDO or (record[4] == Kind.ACQUIRE and record[0] > 0):
                if lock in held and record[4] == Kind.ACQUIRE:
                    break
                held.add(lock)
    else:
        return
    held.clear()
    early: dict[tuple[int, str], list[int]] = {}
    used: set[tuple[int, str]] = set()
    for index, (_, _, actor, record) in enumerate(rows):
        value, number, kind = record[0], record[1], record[4]
        if number not in homes:
            continue
        lock = number, place(actor, number)
        is_copy = lock[1] not in ("", homes[number])
        if kind == Kind.RELEASE:
            if lock in held:
                held.discard(lock)
            elif lock in used or not is_copy:
                early.setdefault(lock, []).append(index)
        elif kind == Kind.UNDO:
            if early.get(lock):
                early[lock].pop()
            else:
                held.add(lock)
        elif kind == Kind.ACQUIRE and value > 0:
            if early.get(lock):
                rows[index] = (rows[early[lock].pop(0)][0], -1, actor, record)
            else:
                held.add(lock)
        used.add(lock)
    rows.sort(key=_by_stamp)


def _until_exits(rows: list[_Row], process: dict[int, str]) -> list[_Row]:
    """Events up to the end of each process: what daemon threads still wrote behind it never took effect for anybody."""
    exits = {process.get(row[2], ""): row[0] for row in rows if row[3][4] == Kind.EXIT}
    if not exits:
        return rows
    return [row for row in rows if row[0] <= exits.get(process.get(row[2], ""), sys.maxsize)]


def _first_seen(numbers: Iterable[int]) -> dict[int, int]:
    return {number: index for index, number in enumerate(dict.fromkeys(numbers))}


class _Tables:
    """Turns the run's own numbers of objects and sites into indices of the trace's tables, used ones only, as they come."""

    def __init__(
        self,
        definitions: Definitions,
        created: dict[int, tuple[int, int, int, int, int]],
        actor_ids: dict[int, int],
        files: "_Files",
    ) -> None:
        self._definitions, self._created, self._actor_ids = definitions, created, actor_ids
        self.sites = [Site("", 0, "")]
        self._site_ids = {0: 0}
        self._by_site: dict[Site, int] = {self.sites[0]: 0}
        self.object_ids: dict[int | tuple[int, str], int] = {number: number for number in range(len(FIXED_OBJECTS))}
        self._homes: dict[int, str] = {}
        self._files = files

    def copied(self, process: dict[int, str]) -> bool:
        """Whether a forked child may have copies of objects: there is another process. `process` is that of each actor."""
        if len(set(process.values())) < 2:
            return False
        self._homes = {
            number: process.get(actor, "")
            for number, (_, actor, kind_and_n, _, _) in self._created.items()
            if ObjectKind(kind_and_n >> 32) not in SHARED_KINDS
        }
        return True

    def own_object(self, number: int, process: str) -> int:
        """The object by this number that a process has: the one itself, or the copy that came with a fork."""
        if self._homes.get(number, process) == process:
            return self.object(number)
        known = self.object_ids.get((number, process))
        if known is None:
            known = self.object_ids[number, process] = len(self.object_ids)
        return known

    def site(self, number: int) -> int:
        known = self._site_ids.get(number)
        if known is None:
            file, line, function = self._definitions.sites.get(number, ("", 0, ""))
            site = Site(file, line, function)
            known = self._by_site.get(site)
            if known is None:
                known = self._by_site[site] = len(self.sites)
                self.sites.append(site)
            self._site_ids[number] = known
        return known

    def object(self, number: int) -> int:
        known = self.object_ids.get(number)
        if known is None:
            known = self.object_ids[number] = len(self.object_ids)
        return known

    def objects(self) -> list[ObjectInfo]:
        result = [ObjectInfo(0, kind, 1, 0, label) for kind, label in FIXED_OBJECTS]
        for key in list(self.object_ids)[len(FIXED_OBJECTS) :]:
            number, process = key if isinstance(key, tuple) else (key, "")
            _, actor, kind_and_n, site, _ = self._created.get(number, (0, 0, int(ObjectKind.NONE) << 32, 0, 0))
            kind, n = ObjectKind(kind_and_n >> 32), kind_and_n & 0xFFFFFFFF
            result.append(ObjectInfo(self._actor_ids.get(actor, 0), kind, n, self.site(site), "", process))
        return result

    def places(self) -> list[tuple[int, int, Place]]:
        """For each object of the program: when it was made, its index, where."""
        result = []
        told = set()
        for key, index in self.object_ids.items():
            number = key[0] if isinstance(key, tuple) else key
            if number in told or (isinstance(key, tuple) and number in self.object_ids):
                continue  # a copy is called as its original is; of one that nobody used the first copy stands for it
            if number in self._created and index >= len(FIXED_OBJECTS):
                told.add(number)
                stamp, _, kind_and_n, site, inner = self._created[number]
                file, line, _ = self._definitions.sites.get(site, ("", 0, ""))
                within = self._definitions.sites.get(inner)
                whole = kind_and_n >> 32 in _WHOLE
                inside = within[:2] if within is not None and (not whole or kind_and_n >> 32 == ObjectKind.PQUEUE) else None
                result.append((stamp, index, Place((file, line), inside, whole)))
        return sorted(result, key=lambda item: item[:2])


_WHOLE = frozenset(
    {
        *(ObjectKind.PQUEUE, ObjectKind.SHARED, ObjectKind.LISTENER),
        *(ObjectKind.POOL, ObjectKind.MANAGER, ObjectKind.PROXY),
    }
)
"""What the program makes as such, though it is the library that numbers it: named as the program does, without a name within.

Only of queues the library makes some for itself: `pool.inqueue`.
"""


class _Files:
    """The source files that call sites name, read once."""

    def __init__(self, root: str, library: str) -> None:
        self._root = root.rstrip("/") + "/"
        self._library = f"{library}/"
        self._read: dict[str, bytes | None] = {}

    def _bytes(self, name: str) -> bytes | None:
        if name not in self._read:
            try:
                self._read[name] = Path(name).read_bytes()
            except (OSError, ValueError):
                self._read[name] = None
        return self._read[name]

    def read(self, name: str) -> str | None:
        """The text of a file, or None where there is none or it is too large to keep."""
        data = self._bytes(name)
        return None if data is None or len(data) > _LARGEST_SOURCE else data.decode("utf-8", "replace")

    def digest(self, name: str) -> str:
        """SHA-256 of a file in hexadecimal, empty where it cannot be read."""
        data = self._bytes(name)
        return "" if data is None else hashlib.sha256(data).hexdigest()

    def absolute(self, name: str) -> str:
        """A file's one name: `python ./app.py` calls it `./app.py`. What is no file (`<string>`) stays as it is."""
        if not name or name.startswith("<"):
            return name
        return os.path.normpath(os.path.join(self._root, name))

    def relative(self, name: str) -> str:
        """A file's name in the trace, alike on all machines: from the root; for the library's files from there."""
        if name.startswith(self._root):
            return name[len(self._root) :]
        if "/site-packages/" in name:
            return f"<site-packages>/{name.rpartition('/site-packages/')[2]}"
        if len(self._library) > 1 and name.startswith(self._library):
            return f"<library>/{name[len(self._library) :]}"
        return name

    def user_files(self) -> list[str]:
        """Files that were read for names and are the user's: not the library's, not installed packages."""
        return sorted(name for name, data in self._read.items() if data is not None and not self.relative(name).startswith("<"))


def _label(trace: Trace, tables: _Tables, files: _Files) -> None:
    labels = Labels(files.read)
    for site in trace.sites:
        if site.line:
            files.digest(site.file)
    places: dict[str, list[tuple[int, Place]]] = {}
    for _, index, place in tables.places():
        # Each process counts for itself: which of two made its `lock` first is luck, and none of its name.
        maker = process_of(trace.actors[trace.objects[index].creator].name)
        places.setdefault(maker, []).append((index, place))
    for made in places.values():
        for (index, _), label in zip(made, labels.label(place for _, place in made), strict=True):
            info = trace.objects[index]
            if info.kind not in (ObjectKind.WAITER, ObjectKind.THREAD, ObjectKind.CHILD):
                trace.objects[index] = info._replace(label=label)
    known = {info[:3]: info.label for info in trace.objects if info.label}
    for index, info in enumerate(trace.objects):
        if info.process:
            trace.objects[index] = info._replace(label=known.get(info[:3], ""))


def _spans(
    spans: list[tuple[int, int, int, int, int, int]],
    columns: Columns,
    actor_ids: dict[int, int],
    tables: _Tables,
    start_ns: int,
    stamps: "array[int]",
) -> list[Span]:
    """Spans by the positions of the events that their actor had between their two stamps."""
    positions: dict[int, list[int]] = {}
    for position, actor in enumerate(columns.actor):
        positions.setdefault(actor, []).append(position)
    result = []
    by_actor: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for number, operation, object_id, site, begin, end in spans:
        if number in actor_ids:
            by_actor.setdefault(actor_ids[number], []).append((begin, end, operation, object_id, site))
    for actor, own in by_actor.items():
        own.sort()
        places = positions.get(actor, [])
        at = 0
        for begin, end, operation, object_id, site in own:
            while at < len(places) and stamps[places[at]] + start_ns < begin:
                at += 1
            first = at
            while at < len(places) and stamps[places[at]] + start_ns <= end:
                at += 1
            if at > first:
                name = SPAN_OPERATIONS[operation]
                result.append(Span(name, actor, tables.object(object_id), tables.site(site), places[first], places[at - 1]))
    return sorted(result, key=lambda span: (span.first, span.actor))


def _unheard(definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Children that were executed and never came to be recorded: other programs, and Pythons that load no runtime."""
    for name, program, ident in definitions.actors.values():
        if program and not ident and name.rfind(".") > name.rfind("/"):
            yield "child process", program


def _not_controlled(definitions: Definitions) -> list[str]:
    """`1 socket (:5432)`, `2 native threads`: what was noted, counted."""
    details: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for what, detail in [*definitions.notes, *_unheard(definitions)]:
        if what in ("write added", "write removed"):
            continue  # of a replay
        if what == "native thread":
            counts[what] = int(detail)
            continue
        counts[what] = counts.get(what, 0) + 1
        if detail and detail not in details.setdefault(what, []):
            details[what].append(detail)
    result = []
    for what, number in counts.items():
        plural = what if number == 1 else "child processes" if what == "child process" else f"{what}s"
        shown = details.get(what, [])
        result.append(f"{number} {plural}" + (f" ({', '.join(shown[:3])}{', ...' if len(shown) > 3 else ''})" if shown else ""))
    return result


def _error(trace: Trace, definitions: Definitions, actor_ids: dict[int, int], files: _Files) -> None:
    """The error that ended the run: the main thread's, else the first of a thread."""
    if not definitions.errors:
        return
    main = [error for error in definitions.errors if definitions.actors.get(error[0], ("",))[0] == "main"]
    # Threads write their errors in no particular order; their ends have one.
    ends = {
        actor: place
        for place, (actor, kind) in enumerate(zip(trace.columns.actor, trace.columns.kind, strict=True))
        if kind == Kind.END
    }
    first = min(definitions.errors, key=lambda error: ends.get(actor_ids.get(error[0], -1), len(trace)))
    actor, kind, message, file, line = main[0] if main else first
    name = definitions.actors.get(actor, ("?", "", 0))[0]
    trace.ending.error = f"{kind}: {message}" if message else kind
    if not main:
        trace.ending.error += f" in {name}"
    site = Site(files.relative(files.absolute(file)), line, "")
    found = [index for index, known in enumerate(trace.sites) if known[:2] == site[:2]]
    if not found:
        trace.sites.append(site)
    trace.ending.error_site = found[0] if found else len(trace.sites) - 1


def validate(trace: Trace) -> None:
    """Hold the order against the rules of every object. Raises: InternalError naming the event that breaks one."""
    twins = Twins(hosts_of((index, info.name) for index, info in enumerate(trace.actors)))
    kinds = [int(info.kind) for info in trace.objects]
    c = trace.columns
    feed = twins.feed
    for position, (actor, kind, obj, value, site) in enumerate(zip(c.actor, c.kind, c.object, c.value, c.site, strict=True)):
        if kind < Kind.SLEEP:
            broken = feed(actor, kind, obj, kinds[obj], value, site)
            if broken is not None:
                event = trace.event(position)
                raise InternalError(
                    f"event @{position} ({event.name} {event.kind.name.lower()} {trace.object_labels[obj]}): {broken}",
                    "the recorded order contradicts itself; please report the run folder's contents",
                )


def outcome_of(exit_code: int | None) -> Outcome:
    """What an exit code alone says."""
    if exit_code is None:
        return Outcome.KILLED
    return Outcome.OK if exit_code == 0 else Outcome.KILLED if exit_code < 0 else Outcome.FAILED
