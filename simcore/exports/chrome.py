"""The JSON of chrome://tracing, which Perfetto, speedscope and others read as well: one object with `traceEvents`.

Times are microseconds. Arrows are pairs of `s` and `f`; they bind to the slice around them, so an event with one is a slice of
no length.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from typing import BinaryIO, Final

from simcore.exports.marks import Mark, Marks, Phase
from simcore.exports.part import Part
from simcore.exports.phrases import Phrases
from simcore.exports.tracks import OWN_NUMBERS, Tracks
from simcore.trace.events import SHARED_KINDS

_BEGIN, _END, _MOMENT = Phase
_LINES: Final = 10_000
_MOST_PHRASES: Final = 100_000


def write_chrome(part: Part, file: BinaryIO) -> None:
    """Write the part as one JSON document, an event a line."""
    _Writer(part, file).write()


class _Writer:
    """Lines, gathered to larger pieces; what many events have in common is put into JSON once."""

    def __init__(self, part: Part, file: BinaryIO) -> None:
        self.part, self.file = part, file
        self.trace, self.words = part.trace, part.words
        self.tracks = Tracks(part.trace, part.words)
        self.heads = {actor: f'"pid":{pid},"tid":{tid}' for actor, (pid, tid, _) in enumerate(self.tracks.actors)}
        self.abouts: dict[tuple[str, str, int], str] = {}
        self.phrases, self.quoted = Phrases(part), dict[str, str]()
        self.lines: list[str] = []
        self.between = "\n"

    def write(self) -> None:
        self.file.write(b'{"displayTimeUnit":"ns","traceEvents":[')
        self._describe()
        marks = Marks(self.part)
        for mark in marks:
            self._mark(mark, marks.flow_kinds)
            if len(self.lines) >= _LINES:
                self.flush()
        self.flush()
        self.file.write(b"\n]}\n")

    def flush(self) -> None:
        if self.lines:
            self.file.write((self.between + ",\n".join(self.lines)).encode("ascii"))
            self.lines, self.between = [], ",\n"

    def _describe(self) -> None:
        """The names of processes and their threads."""
        for name in dict.fromkeys(self.trace.processes[actor] for actor in self.part.actors):
            pid, called = self.tracks.processes[name]
            self._named("process", pid, pid, called)
        for actor in self.part.actors:
            pid, tid, called = self.tracks.actors[actor]
            self._named("thread", pid, tid, called)

    def _named(self, what: str, pid: int, tid: int, called: str) -> None:
        self.lines.append(f'{{"ph":"M","name":"{what}_name","pid":{pid},"tid":{tid},"args":{{"name":{quoted(called)}}}}}')

    def _lock_track(self, track: int) -> str:
        """A lock is a thread of its process; those that processes share are threads of a process of their own."""
        thing = -1 - track
        info = self.trace.objects[thing]
        pid, tid = 2 * OWN_NUMBERS, 2 * OWN_NUMBERS + 1 + thing
        if info.kind not in SHARED_KINDS:
            pid = self.tracks.processes[info.process or self.trace.processes[info.creator]][0]
        elif not any(self.trace.objects[-1 - known].kind in SHARED_KINDS for known in self.heads if known < 0):
            self._named("process", pid, pid, "locks of several processes")
        self._named("thread", pid, tid, f"held: {self.words.object_in_full(thing)}")
        head = self.heads[track] = f'"pid":{pid},"tid":{tid}'
        return head

    def _mark(self, mark: Mark, kinds: list[str]) -> None:
        phase, track, at_ns, name, category, position, site, out, into = mark
        lines, head = self.lines, self.heads.get(track) or self._lock_track(track)
        where = f'{head},"ts":{at_ns // 1000}.{at_ns % 1000:03}'
        if phase is _END:
            lines.append(f'{{"ph":"E",{where}}}')
            return
        arrows = out or into
        begins = '"B"' if arrows or phase is _BEGIN else '"i","s":"t"'
        about = self.abouts.get((name, category, site)) or self._about(mark)
        if position < 0:
            lines.append(f'{{"ph":{begins},{where},{about}}}}}')
        elif phase is _MOMENT:
            what = self.quoted.get(phrase := self.phrases.event(position)) or self._quoted(phrase)
            lines.append(f'{{"ph":{begins},{where},{about},"position":{position},"what":{what}}}}}')
        else:
            lines.append(f'{{"ph":{begins},{where},{about},"position":{position}}}}}')
        if arrows:
            for flow in into:
                lines.append(f'{{"ph":"f","bp":"e",{where},"id":{flow},"name":"{kinds[flow]}","cat":"{kinds[flow]}"}}')
            for flow in out:
                lines.append(f'{{"ph":"s",{where},"id":{flow},"name":"{kinds[flow]}","cat":"{kinds[flow]}"}}')
            if phase is _MOMENT:
                lines.append(f'{{"ph":"E",{where}}}')

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
