"""Reads what the runtime wrote: the records and definitions of one process, finished, still growing, or cut off anywhere.

Nothing here blocks the writer, and everything is read at most once: a call takes in what came since the last one. The files stay
open, so that a run folder which somebody deletes meanwhile costs nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from simcore.engine.growing import GrowingFile
from simcore.engine.records import SLOT, Records, all_committed, committed_length, runs
from simcore.runtime import segment as layout
from simcore.trace.events import Kind

_PHASE: Final = Struct("@I")
_SIGNATURE: Final = 64
"""Bytes at the start of the definitions by which one writer is told from the next: they hold its main thread's ident."""


class Wait(NamedTuple):
    """What an actor waits for now; `since` is 0 for nothing."""

    object: int
    site: int
    kind: int
    flags: int
    since: int


@dataclass(slots=True)
class Definitions:
    """What was written once. Keys are the run's own numbers."""

    actors: dict[int, tuple[str, str, int]] = field(default_factory=dict)  # name, thread name, ident
    sites: dict[int, tuple[str, int, str]] = field(default_factory=dict)  # file, line, function
    texts: dict[int, str | bytes] = field(default_factory=dict)
    spots: dict[int, tuple[int, str]] = field(default_factory=dict)  # site: what is accessed, field
    words: dict[int, str] = field(default_factory=dict)
    errors: list[tuple[int, str, str, str, int]] = field(default_factory=list)  # actor, type, message, file, line
    notes: list[tuple[str, str]] = field(default_factory=list)
    process: dict[str, str] = field(default_factory=dict)
    divergence: list[str] = field(default_factory=list)
    detached: str = ""


@dataclass(slots=True)
class _Reading:
    """How far one actor's chunks have been read.

    `chunks` are the places of those not read to their end, `at` the next byte in the first of them. `holes` are slots that were
    passed over uncommitted: where in the file, how many bytes, and the index that a record in the first of them will have.
    """

    records: Records
    chunks: list[int] = field(default_factory=list)
    at: int = layout.FIRST_RECORD
    holes: list[tuple[int, int, int]] = field(default_factory=list)


class SegmentReader:
    """Follows the segment of one process while it grows.

    `records` are the committed records per actor, `first_chunk` the place of each actor's first chunk. `beginnings` counts how
    often the process has begun: a program that replaces itself by exec begins anew, and all that was read before is forgotten.
    """

    def __init__(self, folder: Path, name: str = "main") -> None:
        self._events = GrowingFile(folder / f"{name}.events")
        self._names = GrowingFile(folder / f"{name}.names")
        self.beginnings = 0
        self._begin_anew(b"")

    def _begin_anew(self, signature: bytes) -> None:
        self.beginnings += 1
        self._signature = signature
        self._names_at = 0
        self._names_broken = False
        self._places = 0
        self._unbegun: list[int] = []
        self._readings: dict[int, _Reading] = {}
        self.definitions = Definitions()
        self.first_chunk: dict[int, int] = {}
        self.records: dict[int, Records] = {}

    def exists(self) -> bool:
        """Whether the process has come as far as recording."""
        return self._events.open() and self._names.open()

    def close(self) -> None:
        """Close the files; what was read stays."""
        self._events.close()
        self._names.close()

    # Definitions ---------------------------------------------------------------------------------------------------------------

    def refresh_definitions(self) -> Definitions:
        """Read the definitions written since the last call; a half-written one stays for the next."""
        if not self._names.open():
            return self.definitions
        signature = self._names.read(0, _SIGNATURE)
        if not signature.startswith(self._signature):
            self._begin_anew(signature)
        self._signature = signature
        if self._names_broken:
            return self.definitions
        data = self._names.read(self._names_at, self._names.size() - self._names_at)
        at = 0
        while at + layout.DEFINITION.size <= len(data):
            length, tag = layout.DEFINITION.unpack_from(data, at)
            end = at + layout.DEFINITION.size + length
            if end > len(data):
                break
            try:
                self._define(tag, data[at + layout.DEFINITION.size : end])
            except (ValueError, IndexError):  # a full disk took only half of one: all behind it is lost
                self._names_broken = True
                self.definitions.detached = self.definitions.detached or "a definition was cut off"
                break
            at = end
        self._names_at += at
        return self.definitions

    def _define(self, tag: int, payload: bytes) -> None:
        known = self.definitions
        if tag == layout.TAG_BYTES:
            number, _, data = payload.partition(b"\0")
            known.texts[int(number)] = data
            return
        text = payload.decode("utf-8", "surrogatepass")
        if tag == layout.TAG_TEXT:
            head, _, text = text.partition("\0")
            known.texts[int(head)] = text
            return
        if tag == layout.TAG_WORD:
            head, _, text = text.partition("\0")
            known.words[int(head)] = text
            return
        fields = text.split("\0")
        if tag == layout.TAG_ACTOR:
            known.actors[int(fields[0])] = (fields[1], fields[2], int(fields[3]))
        elif tag == layout.TAG_SITE:
            known.sites[int(fields[0])] = (fields[2], int(fields[1]), fields[3])
        elif tag == layout.TAG_SPOT:
            known.spots[int(fields[0])] = (int(fields[1]), fields[2])
        elif tag == layout.TAG_ERROR:
            known.errors.append((int(fields[0]), fields[1], fields[2], fields[3], int(fields[4])))
        elif tag == layout.TAG_NOTE:
            known.notes.append((fields[0], fields[1]))
        elif tag == layout.TAG_PROCESS:
            known.process[fields[0]] = fields[1]
        elif tag == layout.TAG_DIVERGENCE:
            known.divergence = fields
        elif tag == layout.TAG_DETACHED:
            known.detached = text

    # Records -------------------------------------------------------------------------------------------------------------------

    def find_chunks(self) -> None:
        """Take in the chunks that were begun since the last call, without reading their records."""
        if not self._events.open():
            return
        places = self._events.size() // layout.CHUNK
        unknown = [*self._unbegun, *range(self._places, places)]
        self._places = places
        # A place is reserved before it is begun: one may be passed over whose actor begins its next one while we look. So look
        # twice.
        begun, unbegun = self._begun_among(unknown)
        if begun and unbegun:
            late, unbegun = self._begun_among(unbegun)
            begun += late
        self._unbegun = unbegun
        for actor, number, place in sorted(begun):
            reading = self._readings.get(actor)
            if reading is None:
                reading = self._readings[actor] = _Reading(self.records.setdefault(actor, Records()))
            if number == 0:
                if actor in self.first_chunk:
                    self._unbegun.append(place)  # its head is only half there
                    continue
                self.first_chunk[actor] = place
            reading.chunks.append(place)

    def _begun_among(self, places: list[int]) -> tuple[list[tuple[int, int, int]], list[int]]:
        """Those that were begun, as (actor, number among its chunks, place), and the others."""
        begun, unbegun = [], []
        for place in places:
            head = self._events.read(place * layout.CHUNK, layout.CHUNK_HEAD.size)
            if len(head) == layout.CHUNK_HEAD.size and head.startswith(layout.CHUNK_MAGIC):
                _, actor, number, _ = layout.CHUNK_HEAD.unpack(head)
                begun.append((actor, number, place))
            else:
                unbegun.append(place)
        return begun, unbegun

    def refresh_records(self) -> int:
        """Read the records committed since the last call into `records`; how many there were."""
        self.find_chunks()
        found = 0
        for reading in self._readings.values():
            before = len(reading.records)
            self._look_at_holes(reading)
            while reading.chunks:
                start = reading.chunks[0] * layout.CHUNK + reading.at
                data = self._events.read(start, layout.CHUNK - reading.at)
                is_last = len(reading.chunks) == 1
                used = committed_length(data) if is_last else len(data)
                self._take(reading, start, data[:used])
                reading.at += used
                if is_last:
                    break
                reading.chunks.pop(0)
                reading.at = layout.FIRST_RECORD
            found += len(reading.records) - before
        return found

    def _take(self, reading: _Reading, start: int, data: bytes) -> None:
        """Keep the records in these slots, and remember those that are not committed yet."""
        if all_committed(data):
            reading.records.extend(data)
            return
        for at, length, is_there in runs(data):
            if is_there:
                reading.records.extend(data[at : at + length])
            else:
                reading.holes.append((start + at, length, len(reading.records)))

    def _look_at_holes(self, reading: _Reading) -> None:
        """A signal handler or finaliser may write behind a record that the code it interrupts is about to commit."""
        holes, reading.holes = reading.holes, []
        filled = 0
        for place, length, before in holes:
            index = before + filled
            data = self._events.read(place, length)
            if not data.strip(b"\0"):
                reading.holes.append((place, length, index))
                continue
            for at, part, is_there in runs(data):
                if is_there:
                    reading.records.insert(index, data[at : at + part])
                    index += part // SLOT
                    filled += part // SLOT
                else:
                    reading.holes.append((place + at, part, index))

    def cut_at_loss(self) -> None:
        """Keep what all actors had done when the first record was lost, for a recorder that gave up: a true beginning of the run.

        Each actor went on recording until its chunk was full, so what they wrote last does not fit together. To be called when
        the process has ended and all records are read.
        """
        losses = [
            stamp
            for records in self.records.values()
            for child, _, _, _, _, _, stamp in records.of_kinds((Kind.START,))
            if not self.records.get(child)  # all that it did was lost
        ]
        for reading in self._readings.values():
            if reading.at == layout.CHUNK and len(reading.chunks) == 1:
                *_, last = reading.records
                if last[4] not in (Kind.END, Kind.EXIT):
                    losses.append(last[6])
        if losses:
            cut = min(losses)
            for records in self.records.values():
                records.truncate(next((index for index, record in enumerate(records) if record[6] > cut), len(records)))

    def heads(self) -> dict[int, tuple[int, Wait]]:
        """Per actor its process phase and what it waits for now. Cheap: one small read per actor."""
        result = {}
        for actor, place in self.first_chunk.items():
            head = self._events.read(place * layout.CHUNK, layout.FIRST_RECORD)
            if len(head) < layout.FIRST_RECORD:
                continue
            (phase,) = _PHASE.unpack_from(head, layout.PHASE_AT)
            object_id, site, kind, flags, _, since = layout.WAIT.unpack_from(head, layout.WAIT_AT)
            # A wait is taken back from its first field on: without a kind it was over.
            result[actor] = (phase, Wait(object_id, site, kind, flags, since if kind else 0))
        return result
