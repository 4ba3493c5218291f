"""Trace files for tests: taken apart, put together again with right checksums, compared."""

import dataclasses
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from synthetic import build

from simcore.errors import TraceError
from simcore.trace import codec, store, tables
from simcore.trace.codec import FrameKind
from simcore.trace.events import FORMAT_VERSION, Outcome
from simcore.trace.model import Trace

Parts = list[tuple[FrameKind, int, Any]]


def same(a: Trace, b: Trace) -> bool:
    """Whether two traces agree in every field but the path."""
    return all(getattr(a, f.name) == getattr(b, f.name) for f in dataclasses.fields(Trace) if f.name != "path")


def tiny() -> Trace:
    """A trace with a bit of everything in about a kilobyte."""
    trace = build(2, 30, outcome=Outcome.DEADLOCK)
    return dataclasses.replace(trace, texts=["a\n", b"\xff"], sources={"a.py": "pass\n"})


def parts_of(path: Path) -> Parts:
    """The frames of a file, unpacked."""
    with path.open("rb") as file:
        return [(frame.kind, frame.items, frame.raw) for frame in store.read_frames(path, file) if isinstance(frame, store.Frame)]


def as_version_2(path: Path) -> Parts:
    """The frames of a file as version 2 wrote them: numbers as they are, all values grouped by kind and object."""
    return [(kind, items, _of_version_2(kind, items, raw)) for kind, items, raw in parts_of(path)]


def _of_version_2(kind: FrameKind, items: int, raw: Any) -> Any:
    if kind is FrameKind.EVENTS:
        columns = tables.decode_events(items, raw)
        values = codec.grouped_differences(zip(columns[1], columns[2], strict=True), columns[4])
        return [*raw[:4], codec.encode_column(values), *raw[5:]]
    codes = {FrameKind.ACTORS: "ss", FrameKind.OBJECTS: "IBIIss"}.get(kind)
    if codes is None:
        return raw
    rows = tables.decode_table(kind, items, raw)
    strings = sorted({cell for row in rows for cell in row if isinstance(cell, str)})
    columns = [
        array("I", map(strings.index, cells)) if code == "s" else array(code, cells)
        for code, cells in zip(codes, zip(*rows, strict=True), strict=True)
    ]
    return [strings, *map(codec.encode_column, columns)]


def assemble(parts: Iterable[tuple[FrameKind, int, Any]], version: int = FORMAT_VERSION) -> bytes:
    """A file of these frames with right checksums, index and end, whatever they hold."""
    data, index, last = codec.encode_start(version), list[list[object]](), 0
    for kind, items, raw in parts:
        last = len(data)
        if kind is FrameKind.ENDING and isinstance(raw, dict) and "frames" in raw:
            raw = raw | {"frames": index}
        data += codec.encode_frame(kind, items, raw)
        index.append([kind.value.decode(), last, items])
    return data + codec.encode_end(last)


def refused(path: Path, *words: str) -> TraceError:
    """The error with which the file is refused: one line that says these words, and a hint."""
    with pytest.raises(TraceError) as caught:
        Trace.load(path)
    error = caught.value
    assert "\n" not in str(error)
    assert error.hint
    for word in words:
        assert word in str(error)
    return error
