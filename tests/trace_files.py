"""Trace files for tests: taken apart, put together again with right checksums, compared."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from synthetic import build

from simcore.errors import TraceError
from simcore.trace import codec, store
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
