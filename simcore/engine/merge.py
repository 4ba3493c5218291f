"""Merges what a process wrote into a trace: one order, names for everything, and what never completed.

The order is that of the stamps: an acquisition is stamped after it happened, a release before, so a hand-over is never inverted.
The order is then held against the twins of all objects; a trace whose order breaks their rules is refused with the exact event.
"""

import sys
from array import array
from collections import Counter
from dataclasses import replace
from typing import Final

from simcore.engine.accesses import Accesses
from simcore.engine.naming_tables import Tables, label
from simcore.engine.notes import not_controlled, note_error
from simcore.engine.ordering import (
    FIRST,
    PLAIN_LOCKS,
    Row,
    answer_early_releases,
    by_stamp,
    first_seen,
    spans_of,
    until_exits,
    without_undone_stores,
)
from simcore.engine.run_reader import RunReader
from simcore.engine.source_files import SourceFiles
from simcore.errors import InternalError
from simcore.runtime.segment import WAIT_PARKED, WAIT_TIMED
from simcore.trace.events import (
    ACCESS_KINDS,
    HEAD,
    SHARED_KINDS,
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
    Pending,
    ProcessInfo,
    Trace,
    process_of,
)
from simcore.trace.twins import Twins, hosts_of

STEP_NS: Final = 256
"""Stamps are kept in steps of so many nanoseconds. An event takes longer, and what is finer is noise that does not compress."""

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


def merge(reader: RunReader, header: Header, ending: Ending, *, keep_source: bool = True, follows: bool = False) -> Merged:
    """Read all that was committed and put it in order; `follows`: a trace was replayed.

    Raises: InternalError when the order contradicts itself.
    """
    definitions = reader.refresh_definitions()
    reader.refresh_records()
    files = SourceFiles(header.root, definitions.process.get("library", ""))
    sites = {number: (files.absolute(file), line, function) for number, (file, line, function) in definitions.sites.items()}
    definitions = replace(definitions, sites=sites)
    start_ns = header.start_ns
    created: dict[int, tuple[int, int, int, int, int]] = {}  # id -> stamp, actor, kind and n, site, inner site
    spans: list[tuple[int, int, int, int, int, int]] = []  # actor, operation, object, site, begin stamp, end stamp
    rows: list[Row] = []
    process = {number: process_of(name) for number, (name, _, _) in definitions.actors.items()}
    accesses = Accesses(reader.records, definitions, process, all_kept=follows)
    places = accesses.made()
    created.update((number, (*made[:4], 0)) for number, made in places.items())
    for actor, records in reader.records.items():
        last = 0
        open_span: tuple[int, int, int, int] | None = None
        for record in accesses.kept(actor, records) if definitions.spots else records:
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
            rows.append((stamp, 0 if kind in FIRST else 1, actor, record))
        if open_span is not None:
            spans.append((actor, *open_span, sys.maxsize))
    rows.sort(key=by_stamp)
    homes = {number: process.get(made[1], "") for number, made in created.items() if made[2] >> 32 in PLAIN_LOCKS}
    shared = {number for number in homes if created[number][2] >> 32 in SHARED_KINDS}
    answer_early_releases(rows, homes, shared, process)
    rows = until_exits(without_undone_stores(rows), process)

    heads = reader.heads()
    if not start_ns:
        start_ns = rows[0][0] if rows else 0
        header = replace(header, start_ns=start_ns)
    actor_ids = first_seen([*(row[2] for row in rows), *definitions.actors])
    tables = Tables(definitions, created, actor_ids, files)
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

    keys: dict[str, int] = {}

    def key_text(key: int) -> int:
        told = accesses.text(key)
        known = keys.get(told)
        if known is None:
            known = keys[told] = len(texts)
            texts.append(told)
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
        elif kind in ACCESS_KINDS:
            if value >> 32:
                value = (key_text(value >> 32) + 1) << 32 | value & 0xFFFFFFFF
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
    trace_spans = spans_of(spans, columns, actor_ids, tables, start_ns, stamps)
    stamps = columns.at_ns = array("q", map((-STEP_NS).__and__, stamps))
    trace = Trace(header, actors, tables.objects(), tables.sites, texts, columns, trace_spans, {}, ending)
    label(trace, tables, files)
    for number, place in places.items():
        if number in tables.object_ids:
            index = tables.object_ids[number]
            trace.objects[index] = trace.objects[index]._replace(label=place.label)
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
    ending.not_controlled = not_controlled(definitions)
    ending.processes = [
        ProcessInfo(name, int(said.get("pid", 0)), said.get("start method", "")) for name, said in reader.processes.items()
    ]
    if definitions.detached:
        ending.cut_off = f"the recorder gave up: {definitions.detached}"
    note_error(trace, definitions, actor_ids, files)
    validate(trace)
    return Merged(trace, actor_ids, idents, definitions.divergence, Counter(what for what, _ in definitions.notes))


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
