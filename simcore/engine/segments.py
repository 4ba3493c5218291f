"""Reads what the runtime wrote: the chunks of records and the definitions of one process, finished or cut off anywhere."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct, error
from typing import Final, NamedTuple

from simcore.runtime import segment as layout

_RAW: Final = Struct("@qIIIHHQ")
"""A record, head and stamp in one."""


class Wait(NamedTuple):
    """What an actor waits for now; `since` is 0 for nothing."""

    object: int
    site: int
    kind: int
    flags: int
    since: int


class Record(NamedTuple):
    """One committed record as the runtime wrote it."""

    value: int
    object: int
    site: int
    waited_us: int
    kind: int
    flags: int
    stamp: int


@dataclass(slots=True)
class Definitions:
    """What was written once. Keys are the run's own numbers."""

    actors: dict[int, tuple[str, str, int]] = field(default_factory=dict)  # name, thread name, ident
    sites: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    texts: dict[int, str | bytes] = field(default_factory=dict)
    errors: list[tuple[int, str, str, str, int]] = field(default_factory=list)  # actor, type, message, file, line
    notes: list[tuple[str, str]] = field(default_factory=list)
    process: dict[str, str] = field(default_factory=dict)
    divergence: list[str] = field(default_factory=list)
    detached: str = ""


class SegmentReader:
    """Follows a segment while it grows. `refresh` reads what came since the last time; it never blocks the writer."""

    def __init__(self, folder: Path, name: str = "main") -> None:
        self._events_path = folder / f"{name}.events"
        self._names_path = folder / f"{name}.names"
        self._names_at = 0
        self._chunks_seen = 0
        self._chunk_actor: list[tuple[int, int]] = []  # per chunk: actor, number
        self._open: dict[int, tuple[int, int]] = {}  # actor: its last chunk's place in the file, next slot in it
        self._unread: dict[int, list[int]] = {}
        self.definitions = Definitions()
        self.first_chunk: dict[int, int] = {}
        self.records: dict[int, list[tuple[int, int, int, int, int, int, int]]] = {}

    def exists(self) -> bool:
        """Whether the process has come as far as recording."""
        return self._events_path.exists()

    def refresh_definitions(self) -> Definitions:
        """Read the definitions written since the last call; a half-written one stays for the next."""
        try:
            with self._names_path.open("rb") as file:
                file.seek(self._names_at)
                data = file.read()
        except FileNotFoundError:
            return self.definitions
        at = 0
        while at + layout.DEFINITION.size <= len(data):
            length, tag = layout.DEFINITION.unpack_from(data, at)
            end = at + layout.DEFINITION.size + length
            if end > len(data):
                break
            self._define(tag, data[at + layout.DEFINITION.size : end])
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
        fields = text.split("\0")
        if tag == layout.TAG_ACTOR:
            known.actors[int(fields[0])] = (fields[1], fields[2], int(fields[3]))
        elif tag == layout.TAG_SITE:
            known.sites[int(fields[0])] = (fields[2], int(fields[1]), fields[3])
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

    def refresh_records(self) -> int:
        """Read the records committed since the last call into `records`, per actor in its program order; how many there were.

        A slot that was reserved but never committed is passed over once its actor has written behind it.
        """
        try:
            size = self._events_path.stat().st_size
            file = os.open(self._events_path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        found = 0
        try:
            for chunk in range(self._chunks_seen, size // layout.CHUNK):
                head = os.pread(file, layout.FIRST_RECORD, chunk * layout.CHUNK)
                magic, actor, number, _ = layout.CHUNK_HEAD.unpack_from(head)
                if magic != layout.CHUNK_MAGIC:
                    break  # reserved, not yet begun
                self._chunks_seen = chunk + 1
                if number == 0:
                    self.first_chunk[actor] = chunk
                self._unread.setdefault(actor, []).append(chunk)
            for actor, chunks in self._unread.items():
                records = self.records.setdefault(actor, [])
                before = len(records)
                while chunks:
                    place = chunks[0]
                    start = self._open.get(actor, (place, layout.FIRST_RECORD))
                    at = start[1] if start[0] == place else layout.FIRST_RECORD
                    data = os.pread(file, layout.CHUNK - at, place * layout.CHUNK + at)
                    data = data[: len(data) // 32 * 32]
                    last = len(chunks) == 1
                    if last:
                        used = _committed(data)
                        records.extend(record for record in _RAW.iter_unpack(data[:used]) if record[6])
                        self._open[actor] = (place, at + used)
                        break
                    records.extend(record for record in _RAW.iter_unpack(data) if record[6])
                    chunks.pop(0)
                    self._open.pop(actor, None)
                found += len(records) - before
        finally:
            os.close(file)
        return found

    def heads(self) -> dict[int, tuple[int, Wait]]:
        """Per actor its process phase and what it waits for now. Cheap: one small read per actor."""
        result = {}
        try:
            file = os.open(self._events_path, os.O_RDONLY)
        except FileNotFoundError:
            return {}
        try:
            for actor, chunk in self.first_chunk.items():
                head = os.pread(file, layout.FIRST_RECORD, chunk * layout.CHUNK)
                try:
                    (phase,) = Struct("@I").unpack_from(head, layout.PHASE_AT)
                    object_id, site, kind, flags, _, since = layout.WAIT.unpack_from(head, layout.WAIT_AT)
                except error:
                    continue
                result[actor] = (phase, Wait(object_id, site, kind, flags, since))
        finally:
            os.close(file)
        return result


def _committed(data: bytes) -> int:
    """How many bytes of an actor's last chunk hold committed records, counting holes before the last one."""
    end = len(data)
    empty = bytes(8)
    # Free slots are zero throughout: find the last stamp that is not.
    stripped = len(data.rstrip(b"\0"))
    used = min(end, (stripped + 31) // 32 * 32)
    while used and data[used - 8 : used] == empty:
        used -= 32
    return used
