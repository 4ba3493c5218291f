"""The JSON of chrome://tracing, which Perfetto, speedscope and others read as well: one object with `traceEvents`.

Times are microseconds. Arrows are pairs of `s` and `f`; they bind to the slice around them, so an event with one is a slice of
no length.
"""

from __future__ import annotations

from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as quoted
from typing import BinaryIO, Final

from simcore.exports.marks import Mark, Marks, Phase
from simcore.exports.part import Part
from simcore.exports.phrases import Phrases
from simcore.exports.tracks import OWN_NUMBERS, Tracks
from simcore.trace.events import SHARED_KINDS

_LINES: Final = 10_000
_MOST_PHRASES: Final = 100_000


def write_chrome(part: Part, file: BinaryIO) -> None:
    """Write the part as one JSON document, an event a line."""
    writer = _Writer(part)
    file.write(b'{"displayTimeUnit":"ns","traceEvents":[')
    first, lines = True, list[str]()
    for line in writer.lines():
        lines.append(line)
        if len(lines) == _LINES:
            file.write((("\n" if first else ",\n") + ",\n".join(lines)).encode("ascii"))
            first, lines = False, []
    if lines:
        file.write((("\n" if first else ",\n") + ",\n".join(lines)).encode("ascii"))
    file.write(b"\n]}\n")


class _Writer:
    """Makes lines; what many events have in common is put into JSON once."""

    def __init__(self, part: Part) -> None:
        self.part, self.trace, self.words = part, part.trace, part.words
        self.tracks = Tracks(part.trace, part.words)
        self.heads: dict[int, str] = {}
        self.abouts: dict[tuple[str, str, int], str] = {}
        self.phrases, self.quoted = Phrases(part), dict[str, str]()

    def lines(self) -> Iterator[str]:
        for name in dict.fromkeys(self.trace.processes[actor] for actor in self.part.actors):
            pid, called = self.tracks.processes[name]
            yield f'{{"ph":"M","name":"process_name","pid":{pid},"tid":{pid},"args":{{"name":{quoted(called)}}}}}'
        for actor in self.part.actors:
            pid, tid, called = self.tracks.actors[actor]
            yield f'{{"ph":"M","name":"thread_name","pid":{pid},"tid":{tid},"args":{{"name":{quoted(called)}}}}}'
        shared = False
        marks = Marks(self.part)
        for mark in marks:
            if mark.track < 0 and mark.track not in self.heads:
                is_shared = self.trace.objects[-1 - mark.track].kind in SHARED_KINDS
                yield from self._lock_track(mark.track, first_shared=is_shared and not shared)
                shared = shared or is_shared
            yield from self._mark(mark, marks.flow_kinds)

    def _lock_track(self, track: int, *, first_shared: bool) -> Iterator[str]:
        """A lock is a thread of its process; those that processes share are threads of a process of their own."""
        thing = -1 - track
        info = self.trace.objects[thing]
        home = info.process or self.trace.processes[info.creator]
        pid = 2 * OWN_NUMBERS if info.kind in SHARED_KINDS else self.tracks.processes[home][0]
        tid = 2 * OWN_NUMBERS + 1 + thing
        if first_shared:
            yield f'{{"ph":"M","name":"process_name","pid":{pid},"tid":{pid},"args":{{"name":"locks of several processes"}}}}'
        called = quoted(f"held: {self.words.object_in_full(thing)}")
        yield f'{{"ph":"M","name":"thread_name","pid":{pid},"tid":{tid},"args":{{"name":{called}}}}}'
        self.heads[track] = f'"pid":{pid},"tid":{tid}'

    def _mark(self, mark: Mark, kinds: list[str]) -> Iterator[str]:
        head = self.heads.get(mark.track)
        if head is None:
            pid, tid, _ = self.tracks.actors[mark.track]
            head = self.heads[mark.track] = f'"pid":{pid},"tid":{tid}'
        where = f'{head},"ts":{mark.at_ns // 1000}.{mark.at_ns % 1000:03}'
        if mark.phase is Phase.END:
            yield f'{{"ph":"E",{where}}}'
            return
        arrows = mark.out or mark.into
        phase = '"B"' if arrows or mark.phase is Phase.BEGIN else '"i","s":"t"'
        about = self.abouts.get((mark.name, mark.category, mark.site))
        if about is None:
            about = self._about(mark)
        if mark.position < 0:
            yield f'{{"ph":{phase},{where},{about}}}}}'
        elif mark.phase is Phase.MOMENT:
            what = self.quoted.get(phrase := self.phrases.event(mark.position)) or self._quoted(phrase)
            yield f'{{"ph":{phase},{where},{about},"position":{mark.position},"what":{what}}}}}'
        else:
            yield f'{{"ph":{phase},{where},{about},"position":{mark.position}}}}}'
        for flow in mark.into:
            yield f'{{"ph":"f","bp":"e",{where},"id":{flow},"name":"{kinds[flow]}","cat":"{kinds[flow]}"}}'
        for flow in mark.out:
            yield f'{{"ph":"s",{where},"id":{flow},"name":"{kinds[flow]}","cat":"{kinds[flow]}"}}'
        if arrows and mark.phase is Phase.MOMENT:
            yield f'{{"ph":"E",{where}}}'

    def _about(self, mark: Mark) -> str:
        """What all marks of one name from one place have, up to the first of their arguments."""
        place = self.words.site_in_full(self.trace.sites[mark.site]) if mark.site else ""
        about = f'"name":{quoted(mark.name)},"cat":"{mark.category}","args":{{"where":{quoted(place)}'
        self.abouts[mark.name, mark.category, mark.site] = about
        return about

    def _quoted(self, phrase: str) -> str:
        if len(self.quoted) > _MOST_PHRASES:
            self.quoted.clear()
        text = self.quoted[phrase] = quoted(phrase)
        return text
