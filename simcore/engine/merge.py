"""Merges what a process wrote into a trace: one order, names for everything, and what never completed.

The order is that of the stamps: an acquisition is stamped after it happened, a release before, so a hand-over is never inverted.
The order is then held against the twins of all objects; a trace whose order breaks their rules is refused with the exact event.
"""

import sys
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, compress
from typing import Final

from simcore.engine.accesses import ASIDE, Accesses
from simcore.engine.naming_tables import Tables, label
from simcore.engine.notes import not_controlled, note_error
from simcore.engine.ordering import (
    PLAIN_LOCKS,
    answer_early_releases,
    cut_at_exits,
    first_seen,
    leave_out_undone_stores,
    spans_of,
)
from simcore.engine.records import Records
from simcore.engine.rows import Rows, increasing
from simcore.engine.run_reader import RunReader
from simcore.engine.segments import Definitions
from simcore.engine.source_files import SourceFiles
from simcore.errors import InternalError
from simcore.runtime.segment import WAIT_PARKED, WAIT_TIMED
from simcore.trace.events import (
    ACCESS_KINDS,
    PLACE_KINDS,
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

_IS_ASIDE: Final = bytes(kind in ASIDE for kind in range(256))
_IS_FED: Final = bytes(kind < Kind.SLEEP for kind in range(256))
"""Events that the rules of objects are about."""

Created = tuple[int, int, int, int, int]
"""Of an object: stamp, actor, kind and n, site, inner site."""

RawSpan = tuple[int, int, int, int, int, int]
"""Actor, operation, object, site, begin stamp, end stamp."""


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
    process = {number: process_of(name) for number, (name, _, _) in definitions.actors.items()}
    accesses = Accesses(reader.records, definitions, process, all_kept=follows)
    places = accesses.made()
    rows, created, spans = _gather(reader.records, accesses)
    created.update((number, (*made[:4], 0)) for number, made in places.items())
    homes = {number: process.get(made[1], "") for number, made in created.items() if made[2] >> 32 in PLAIN_LOCKS}
    shared = {number for number in homes if created[number][2] >> 32 in SHARED_KINDS}
    answer_early_releases(rows, homes, shared, process)
    leave_out_undone_stores(rows)
    cut_at_exits(rows, process)

    heads = reader.heads()
    start_ns = header.start_ns
    if not start_ns:
        start_ns = rows.stamp(0) if len(rows) else 0
        header = replace(header, start_ns=start_ns)
    actor_ids = first_seen(chain(rows.actors, definitions.actors))
    tables = Tables(definitions, created, actor_ids, files)
    copied = tables.copied(process)
    texts: list[str | bytes] = []
    columns = Columns(
        actor=array("I", map(actor_ids.__getitem__, rows.actors)),
        kind=array("B", rows.kinds),
        object=tables.objects_of(rows, process if copied else None),
        site=tables.sites_of(rows),
        value=_values(rows, definitions, accesses, actor_ids, texts),
        waited_us=rows.waited_us,
        at_ns=rows.stamps(start_ns),
    )
    object_id, site_id = tables.object, tables.site
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
    trace_spans = spans_of(spans, columns, actor_ids, tables, start_ns, columns.at_ns)
    stamps = columns.at_ns = array("q", map((-STEP_NS).__and__, columns.at_ns))
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


def _gather(records: Mapping[int, Records], accesses: Accesses) -> tuple[Rows, dict[int, Created], list[RawSpan]]:
    """All events in the order of their stamps, what was created, and the spans."""
    rows = Rows()
    created: dict[int, Created] = {}
    spans: list[RawSpan] = []
    for actor, found in sorted(records.items()):  # at one stamp the lower number goes first
        last = 0
        open_span: tuple[int, int, int, int] | None = None
        for block, kept, objects, values in accesses.sifted(actor, found):
            stamps, last = increasing(block.stamps(), kept, last)
            for index in compress(range(len(block)), block.kinds.translate(_IS_ASIDE)):
                value, number, site, inner, kind, _, _ = block[index]
                if kind == Kind.CREATE:
                    if value >> 32 not in PLACE_KINDS:
                        created[number] = (stamps[index], actor, value, site, inner)
                elif value & 1:
                    open_span = (value >> 1, number, site, stamps[index])
                elif open_span is not None:
                    spans.append((actor, *open_span, stamps[index]))
                    open_span = None
            rows.add(actor, stamps, block.kinds, objects, block.sites, values, block.waited_us, kept)
        if open_span is not None:
            spans.append((actor, *open_span, sys.maxsize))
    rows.put_in_order()
    return rows, created, spans


def _values(
    rows: Rows, definitions: Definitions, accesses: Accesses, actor_ids: dict[int, int], texts: list[str | bytes]
) -> "array[int]":
    """The values of the events: those that are numbers of texts and actors in the run become the trace's."""
    values = rows.values
    text_ids: dict[int, int] = {}
    keys: dict[int, int] = {}
    known: dict[str, int] = {}
    for index in rows.of_kinds(TEXT_KINDS | TAG_KINDS | ACCESS_KINDS | {Kind.START}):
        kind, value = rows.kinds[index], values[index]
        if kind in ACCESS_KINDS:
            key = value >> 32
            if key:
                number = keys.get(key)
                if number is None:
                    told = accesses.text(key)
                    if told not in known:
                        known[told] = len(texts)
                        texts.append(told)
                    number = keys[key] = known[told] + 1 << 32
                values[index] = number | value & 0xFFFFFFFF
        elif kind in TEXT_KINDS:
            if value not in text_ids:
                text_ids[value] = len(texts)
                texts.append(definitions.texts.get(value, ""))
            values[index] = text_ids[value]
        elif kind in TAG_KINDS:
            if value >= 0:
                values[index] = actor_ids.get(value >> 32, value >> 32) << 32 | value & 0xFFFFFFFF
        else:
            values[index] = actor_ids.setdefault(value, len(actor_ids))
    return values


def validate(trace: Trace) -> None:
    """Hold the order against the rules of every object. Raises: InternalError naming the event that breaks one."""
    twins = Twins(hosts_of((index, info.name) for index, info in enumerate(trace.actors)))
    kinds = [int(info.kind) for info in trace.objects]
    c = trace.columns
    feed = twins.feed
    events = zip(range(len(c)), c.actor, c.kind, c.object, c.value, c.site, strict=True)
    for position, actor, kind, obj, value, site in compress(events, c.kind.tobytes().translate(_IS_FED)):
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
