"""A JSON object a line, one per event, with the members that `simcore show --json` gives an event.

What many events share (their actor, object, place) is put into JSON once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring_ascii as quoted
from typing import BinaryIO, Final

from simcore.exports.part import Part
from simcore.exports.phrases import Phrases
from simcore.trace.events import UNCOUNTED_KINDS, Kind

_LINES: Final = 10_000


def write_jsonl(part: Part, file: BinaryIO) -> None:
    """Write the part, an event a line."""
    lines = _lines(part)
    while some := "".join(islice(lines, _LINES)):
        file.write(some.encode("ascii"))


def _lines(part: Part) -> Iterator[str]:
    trace, c = part.trace, part.trace.columns
    actors = [
        f'"actor":{quoted(info.name)},"process":{quoted(process)},"thread":{quoted(info.thread_name)}'
        for info, process in zip(trace.actors, trace.processes, strict=True)
    ]
    prefixes = [quoted(info.name)[:-1] for info in trace.actors]
    objects = [
        f'"object":{quoted(name)},"label":{quoted(label)}'
        for name, label in zip(trace.object_names, trace.object_labels, strict=True)
    ]
    kinds = {int(kind): f'"kind":"{kind.name.lower()}"' for kind in Kind}
    sites = [f'"file":{quoted(site.file)},"line":{site.line},"function":{quoted(site.function)}' for site in trace.sites]
    phrases, steps = Phrases(part), trace.steps
    uncounted = frozenset(map(int, UNCOUNTED_KINDS))
    for position in part.positions:
        actor, kind, step = c.actor[position], c.kind[position], steps[position]
        name = f'"@{position}"' if kind in uncounted else f'{prefixes[actor]}:{step}"'
        yield (
            f'{{"position":{position},"name":{name},{actors[actor]},"step":{step},{kinds[kind]},{objects[c.object[position]]},'
            f'"value":{c.value[position]},"what":{quoted(phrases.event(position))},{sites[c.site[position]]},'
            f'"at_ns":{c.at_ns[position]},"waited_ns":{c.waited_us[position] * 1000}}}\n'
        )
