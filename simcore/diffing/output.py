"""What two runs wrote, stream by stream: compared as text, however it was cut into single writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from simcore.diffing.pairing import Side
from simcore.diffing.result import StreamDiff
from simcore.diffing.tables import Tables, as_text

LONGEST = 400
"""So many characters of a differing line are kept."""


def stream_diffs(tables: Tables, a: Side, b: Side) -> list[StreamDiff]:
    """One entry per stream that was written to, stdout before stderr before others."""
    writes_a, writes_b = _writes(a, tables.object_a), _writes(b, tables.object_b)
    return [
        _compare(tables.thing(stream).label, tables, writes_a.get(stream, []), writes_b.get(stream, []))
        for stream in sorted({**writes_a, **writes_b})
    ]


def _writes(side: Side, numbers: Sequence[int]) -> dict[int, list[int]]:
    """Per stream the indexes of the texts written to it, in the order of the trace."""
    objects, values = side.trace.columns.object, side.trace.columns.value
    found: dict[int, list[int]] = {}
    for position in sorted(position for positions in side.writes.values() for position in positions):
        found.setdefault(numbers[objects[position]], []).append(values[position])
    return found


def _compare(name: str, tables: Tables, texts_a: list[int], texts_b: list[int]) -> StreamDiff:
    lines_a, lines_b = _lines(tables, tables.a.texts, texts_a), _lines(tables, tables.b.texts, texts_b)
    counts = (len(texts_a), len(texts_b), len(lines_a), len(lines_b))
    if lines_a == lines_b:
        return StreamDiff(name, "same", *counts, 0, 0, None, None, None)
    surplus = Counter(lines_a)
    surplus.subtract(lines_b)
    only_a, only_b = (sum(number for number in surplus.values() if (number > 0) is more) for more in (True, False))
    only_b = -only_b
    first = next((n for n, (p, q) in enumerate(zip(lines_a, lines_b, strict=False)) if p != q), min(len(lines_a), len(lines_b)))
    state = "changed" if only_a or only_b else "reordered"
    return StreamDiff(name, state, *counts, only_a, only_b, first + 1, _at(lines_a, first), _at(lines_b, first))


def _lines(tables: Tables, texts: Sequence[str | bytes], written: Sequence[int]) -> list[str]:
    """The text of a stream as lines, each with its end; a text that the trace does not have counts as empty."""
    whole = "".join(as_text(texts[index]) for index in written if 0 <= index < len(texts))
    lines = tables.comparable(whole).split("\n")
    last = lines.pop()
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _at(lines: Sequence[str], index: int) -> str | None:
    """A line without its end; one that is longer than worth keeping is cut."""
    return lines[index].removesuffix("\n")[:LONGEST] if index < len(lines) else None
