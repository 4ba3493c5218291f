"""Perfetto's own format: a stream of TracePacket messages with TrackEvents, read by ui.perfetto.dev and trace_processor.

Numbers of fields are those of protos/perfetto/trace in Perfetto's sources. Names are interned: each is written once, in front of
the packet that uses it first.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from simcore.exports.marks import Mark, Marks, Phase
from simcore.exports.part import Part
from simcore.exports.phrases import Phrases
from simcore.exports.protobuf import SHORT, SHORTS, key, message, number, pack_fixed64, text, varint
from simcore.exports.tracks import Tracks
from simcore.trace.events import SHARED_KINDS
from simcore.trace.text import shorten

_SEQUENCE: Final = number(10, 1)  # trusted_packet_sequence_id
_STATE_CLEARED: Final = number(13, 1)  # sequence_flags
_ON_SEQUENCE: Final = _SEQUENCE + number(13, 2)  # it needs the names that went before
_PACKET, _AT, _EVENT, _ARGUMENT = key(1, 2), key(8, 0), key(11, 2), key(4, 2)
_OUT, _INTO = key(47, 1), key(48, 1)
_TYPES: Final = {Phase.BEGIN: 1, Phase.END: 2, Phase.MOMENT: 3}
_CATEGORIES, _NAMES, _ARGUMENTS, _TEXTS = 1, 2, 3, 29  # fields of InternedData
_MOMENT: Final = Phase.MOMENT
_BUFFERED: Final = 10_000  # packets
_PROCESS, _ACTOR, _LOCK = 1 << 40, 2 << 40, 3 << 40  # beginnings of the ids of tracks
_LONGEST: Final = 200
_MOST_PHRASES: Final = 100_000


def write_perfetto(part: Part, file: BinaryIO) -> None:
    """Write the part as one Perfetto trace."""
    _Writer(part, file).write()


class _Writer:
    """Packets, gathered to larger pieces; `known` has per kind of name its number."""

    def __init__(self, part: Part, file: BinaryIO) -> None:
        self.part, self.file = part, file
        self.trace, self.words = part.trace, part.words
        self.tracks = Tracks(part.trace, part.words)
        self.known: dict[int, dict[str, int]] = {_CATEGORIES: {}, _NAMES: {}, _ARGUMENTS: {}, _TEXTS: {}}
        self.news: list[bytes] = []
        self.buffer: list[bytes] = []
        self.lock_tracks: set[int] = set()
        self.heads: dict[tuple[int, int, str, str, int], bytes] = {}
        self.phrases, self.whats = Phrases(part), dict[str, bytes]()
        before = number(1, self._id(_ARGUMENTS, "position")) + key(4, 0)
        self.positions = [_ARGUMENT + varint(len(before) + size) + before for size in range(11)]
        """What stands before the number of a position, by how many bytes that takes."""

    def write(self) -> None:
        self._packet(_SEQUENCE, _STATE_CLEARED)
        self._describe()
        for mark in Marks(self.part):
            self._mark(mark)
        self.flush()

    def _packet(self, *parts: bytes) -> None:
        self.buffer.append(message(1, *parts))

    def _describe(self) -> None:
        """A track for each process and, in it, one for each of its threads."""
        homes = self.trace.processes
        numbers = {name: place for place, name in enumerate(self.tracks.processes)}
        for name in dict.fromkeys(homes[actor] for actor in self.part.actors):
            pid, called = self.tracks.processes[name]
            process = message(3, number(1, pid), text(6, called))
            self._packet(_SEQUENCE, message(60, number(1, _PROCESS + numbers[name]), process))
        for actor in self.part.actors:
            track = self.tracks.actors[actor]
            thread = message(4, number(1, track.pid), number(2, track.tid), text(5, track.name))
            parent = number(5, _PROCESS + numbers[homes[actor]])
            self._packet(_SEQUENCE, message(60, number(1, _ACTOR + actor), parent, thread))
        self.process_numbers = numbers

    def _lock_track(self, thing: int) -> None:
        """A lock has a track beside the threads of its process; one that processes share stands by itself."""
        self.lock_tracks.add(thing)
        info = self.trace.objects[thing]
        parts = [number(1, _LOCK + thing), text(2, f"held: {self.words.object_in_full(thing)}")]
        if info.kind not in SHARED_KINDS:
            home = info.process or self.trace.processes[info.creator]
            if home in self.process_numbers:
                parts.append(number(5, _PROCESS + self.process_numbers[home]))
        self._packet(_SEQUENCE, message(60, *parts))

    def _mark(self, mark: Mark) -> None:
        phase, track, at_ns, name, category, position, site, out, into = mark
        body = self.heads.get((phase, track, name, category, site)) or self._head(mark)
        if position >= 0:
            if phase is _MOMENT:
                phrase = self.phrases.event(position)
                body += self.whats.get(phrase) or self._what(phrase)
            argument = varint(position)
            body += self.positions[len(argument)] + argument
        if out or into:
            for flow in out:
                body += pack_fixed64(_OUT, flow)
            for flow in into:
                body += pack_fixed64(_INTO, flow)
        # Times count from the start of the run, as everywhere in simcore.
        packet = _AT + varint(at_ns) + _ON_SEQUENCE
        if self.news:
            packet += message(12, *self.news)
            self.news = []
        size = len(body)
        packet += _EVENT + (SHORT[size] if size < SHORTS else varint(size)) + body
        size = len(packet)
        self.buffer.append(_PACKET + (SHORT[size] if size < SHORTS else varint(size)) + packet)
        if len(self.buffer) >= _BUFFERED:
            self.flush()

    def flush(self) -> None:
        self.file.write(b"".join(self.buffer))
        self.buffer = []

    def _head(self, mark: Mark) -> bytes:
        """What all marks of one name on one track from one place begin with."""
        if mark.track >= 0:
            track = _ACTOR + mark.track
        else:
            track = _LOCK - 1 - mark.track
            if -1 - mark.track not in self.lock_tracks:
                self._lock_track(-1 - mark.track)
        parts = [number(9, _TYPES[mark.phase]), number(11, track)]
        if mark.phase is not Phase.END:
            parts += (number(3, self._id(_CATEGORIES, mark.category)), number(10, self._id(_NAMES, mark.name)))
        if mark.site and (where := self.words.site_in_full(self.trace.sites[mark.site])):
            parts.append(self._argument("where", number(17, self._id(_TEXTS, where))))
        head = self.heads[mark.phase, mark.track, mark.name, mark.category, mark.site] = b"".join(parts)
        return head

    def _what(self, phrase: str) -> bytes:
        if len(self.whats) > _MOST_PHRASES:
            self.whats.clear()
        found = self.whats[phrase] = self._argument("what", text(6, shorten(phrase, _LONGEST)))
        return found

    def _argument(self, name: str, value: bytes) -> bytes:
        return message(4, number(1, self._id(_ARGUMENTS, name)), value)

    def _id(self, table: int, name: str) -> int:
        known = self.known[table]
        found = known.get(name)
        if found is None:
            found = known[name] = len(known) + 1
            self.news.append(message(table, b"\x08" + varint(found), text(2, name)))
        return found
