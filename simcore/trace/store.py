"""Reads and writes `.simtrace` files: `load`, `save`, `read_header`, and `read_frames` for whoever wants to stream.

docs/trace-format.md describes the file. A file is written beside its place and moved there when it is whole.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO, Final, NamedTuple

from simcore.errors import TraceError, UsageError
from simcore.trace import codec, tables
from simcore.trace.codec import Damage, FrameKind
from simcore.trace.events import FORMAT_VERSION, Outcome
from simcore.trace.model import Ending, Header, Site, Trace
from simcore.trace.tables import Sizes
from simcore.trace.upgrades import OLDEST, readable, upgrade

_MEMORY_FREE: Final = 256 << 20
_MEMORY_PER_BYTE: Final = 200
"""A trace may take this much memory, and this much more per byte of its file: recorded ones take at most a third of that."""

_AGAIN: Final = "take another copy of the file, or record again"
_ROW_BYTES: Final = 128  # a row of a table in memory, roughly
_RANK: Final = {kind: rank for rank, kind in enumerate(FrameKind)}


class Frame(NamedTuple):
    """One frame: where it begins in the file, how many items it has, its payload as the present version writes it."""

    kind: FrameKind
    offset: int
    items: int
    raw: Any


class Cut(NamedTuple):
    """Comes last when the file ends before the trace does: what is missing, and after which byte."""

    what: str
    offset: int


def load(path: str | os.PathLike[str]) -> Trace:
    """The trace in a file. From a file that was cut off all that is intact comes back, and `ending.cut_off` says so.

    Raises: TraceError for a file that is missing, foreign, newer, damaged anywhere, or cut off within its header.
    """
    path = Path(path)
    collector = _Collector(path)
    with _opened(path) as file:
        limit = _MEMORY_FREE + _MEMORY_PER_BYTE * os.fstat(file.fileno()).st_size
        for part in read_frames(path, file):
            offset = part.offset
            try:
                if isinstance(part, Cut):
                    collector.cut(part)
                else:
                    collector.take(part)
                if collector.memory > limit:
                    raise Damage(f"{collector.memory:,} bytes of content, expected at most {limit:,} from a file of this size")
            except Damage as damage:
                raise _damaged(path, damage, offset) from None
    return collector.trace


def read_header(path: str | os.PathLike[str]) -> tuple[Header, Ending | None]:
    """The first and the last frame only, whatever the size of the file; no ending when the file does not end as it should.

    What lies between is not looked at: `load` finds damage there. Raises: TraceError as `load`.
    """
    path = Path(path)
    with _opened(path) as file:
        version = _read_start(path, file)
        offset = file.tell()
        try:
            frame = _read_frame(version, file)
            if isinstance(frame, Cut) or frame.kind is not FrameKind.HEADER:
                raise Damage("no intact header after the first 20 bytes, expected one")
            header = tables.from_map(Header, frame.raw, "the header")
            offset = max(file.seek(0, os.SEEK_END) - codec.END_SIZE, offset)
            file.seek(offset)
            end = file.read()
            if not end.endswith(codec.END_MARK):
                return header, None
            offset = codec.decode_end(end)
            file.seek(offset)
            frame = _read_frame(version, file)
            if isinstance(frame, Cut) or frame.kind is not FrameKind.ENDING:
                raise Damage("no last frame where the end of the file says, expected one")
            return header, _ending(frame.raw)[0]
        except Damage as damage:
            raise _damaged(path, damage, offset) from None


def check_place(path: Path) -> None:
    """Refuse what no file may take the place of: a device or a pipe would be gone, for who may, and reading one may never end.

    Raises: UsageError. A folder, and what is not there, are left to whoever writes.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not S_ISREG(mode) and not S_ISDIR(mode):
        raise UsageError(f"{path} is a device, a pipe or the like, expected a file", "choose another place with -o")


def replace_file(path: Path, write: Callable[[BinaryIO], None], *, called: str = "") -> int:
    """Let `write` fill a file, and return its size in bytes. What was there before stays until all is written.

    Raises: UsageError when the place cannot be written to, and whatever `write` raises but OSError.
    """
    check_place(path)
    beside = path.with_name(f".{secrets.token_hex(8)}.simtrace.part")
    try:
        # 0o666 less the umask, as any program does: a trace is no secret and no executable.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            size = beside.stat().st_size
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        hint = f"create it first: mkdir -p {path.parent}" if not path.parent.exists() else "choose another place with -o"
        why = f"there is no folder {path.parent}" if not path.parent.exists() else (error.strerror or str(error))
        raise UsageError(f"cannot write {called or path}: {why}", hint) from None
    return size


def save(trace: Trace, path: str | os.PathLike[str]) -> Path:
    """Write the trace and return its path, which `trace.path` then is too. What was there before stays until all is written.

    Raises: UsageError when the place cannot be written to; TraceError for a trace whose indices lead nowhere.
    """
    path = Path(path)
    try:
        replace_file(path, lambda file: _write(trace, file), called=f"the trace {path}")
    except (Damage, ValueError, TypeError, OverflowError) as error:
        raise TraceError(f"this trace contradicts itself and was not written to {path}: {error}") from error
    trace.path = path
    return path


def read_frames(path: Path, file: BinaryIO) -> Iterator[Frame | Cut]:
    """The frames of an open file in their order, each checked, one in memory at a time. A cut-off file ends with a `Cut`.

    Raises: TraceError, also at the end when frames, their index and the end of the file do not agree.
    """
    version = _read_start(path, file)
    index: list[list[Any]] = []
    last = -1
    while True:
        offset = file.tell()
        try:
            frame = _read_frame(version, file)
            if isinstance(frame, Cut):
                yield frame
                return
            rank = _RANK[frame.kind]
            if rank < last or (frame.kind is FrameKind.HEADER) != (not index):
                raise Damage(f"a frame of {frame.kind.word} out of its place")
            last = rank
            if frame.kind is FrameKind.ENDING:
                if _ending(frame.raw)[2] != index:
                    raise Damage("an index that does not list the frames of this file")
                yield frame
                offset = file.tell()
                if cut := _read_end(file, frame.offset):
                    yield cut
                return
        except Damage as damage:
            raise _damaged(path, damage, offset) from None
        index.append([frame.kind.value.decode(), frame.offset, frame.items])
        yield frame


class _Collector:
    """Makes a Trace of frames; `memory` is roughly what it takes so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = 0
        self._found: Trace | None = None
        self._sources: list[str] = []
        self._ended = False

    @property
    def trace(self) -> Trace:
        """What was collected. Raises: TraceError when not even the header was."""
        if self._found is None:
            raise TraceError(f"{self.path} is cut off within its header, expected at least that: nothing can be read", _AGAIN)
        return self._found

    def take(self, frame: Frame) -> None:
        """Add what is in a frame. Raises: Damage."""
        kind = frame.kind
        if kind is FrameKind.HEADER:
            self._found = Trace(tables.from_map(Header, frame.raw, "the header"), sites=[], path=self.path)
            return
        trace = self.trace
        sizes = sizes_of(trace)
        if kind is FrameKind.EVENTS:
            columns = tables.decode_events(frame.items, frame.raw)
            tables.check_events(columns, sizes, sizes.events)
            for whole, block in zip(tables.columns_of(trace.columns), columns, strict=True):
                whole.extend(block)
            self.memory += frame.items * tables.EVENT_BYTES
        elif kind is FrameKind.ENDING:
            trace.ending, counts, _ = _ending(frame.raw)
            if counts != sizes:
                raise Damage(f"the file holds {sizes}, expected {counts}")
            if len(self._sources) != 2 * len(trace.sources):
                raise Damage("sources and paths that are no pairs, each path once")
            tables.check_ending(trace.ending, sizes)
            self._ended = True
        elif kind is FrameKind.TEXTS:
            self.memory += tables.decode_texts(kind, frame.items, frame.raw, trace.texts)
        elif kind is FrameKind.SOURCES:
            self.memory += tables.decode_texts(kind, frame.items, frame.raw, self._sources)
            trace.sources = dict(zip(self._sources[::2], self._sources[1::2], strict=False))
        else:
            rows = tables.decode_table(kind, frame.items, frame.raw)
            if kind is FrameKind.OBJECTS:
                tables.check_objects(rows, sizes)
            elif kind is FrameKind.SPANS:
                tables.check_spans(rows, sizes)
            getattr(trace, kind.word).extend(rows)
            self.memory += frame.items * _ROW_BYTES
            if kind is FrameKind.ACTORS:
                self.memory += sum(len(cell) for row in rows for cell in row)

    def cut(self, cut: Cut) -> None:
        """End the trace where the file ends. An ending that was read stays: only the mark behind it is missing."""
        trace = self.trace
        if not trace.sites:
            trace.sites.append(Site("", 0, ""))  # the unknown one, which every trace has
        if not self._ended:
            trace.ending = Ending(Outcome.KILLED, duration_ns=trace.columns.at_ns[-1] if len(trace) else 0)
        said = f"the file is cut off: {cut.what}, at byte {cut.offset:,}; {len(trace):,} events are intact"
        trace.ending.cut_off = "; ".join(filter(None, (trace.ending.cut_off, said)))


def sizes_of(trace: Trace) -> Sizes:
    """How many rows the tables of a trace have."""
    return Sizes(
        len(trace.actors),
        len(trace.sites),
        len(trace.objects),
        len(trace.texts),
        len(trace.sources),
        len(trace),
        len(trace.spans),
    )


def _write(trace: Trace, file: BinaryIO) -> None:
    sizes, index = sizes_of(trace), list[list[object]]()
    header = tables.to_map(tables.from_map(Header, tables.to_map(trace.header), "the header"))
    tables.check_objects(trace.objects, sizes)
    tables.check_spans(trace.spans, sizes)
    tables.check_ending(trace.ending, sizes)
    file.write(codec.encode_start(FORMAT_VERSION))
    for kind, count, content in _contents(trace, header, sizes):
        index.append([kind.value.decode(), file.tell(), count])
        file.write(codec.encode_frame(kind, count, content))
    ending = tables.to_map(tables.fit(tables.to_map(trace.ending), Ending, "the ending"))
    offset = file.tell()
    file.write(codec.encode_frame(FrameKind.ENDING, 1, ending | {"counts": sizes._asdict(), "frames": index}))
    file.write(codec.encode_end(offset))


def _contents(trace: Trace, header: dict[str, Any], sizes: Sizes) -> Iterator[tuple[FrameKind, int, object]]:
    yield FrameKind.HEADER, 1, header
    yield from tables.encode_table(FrameKind.ACTORS, trace.actors)
    yield from tables.encode_table(FrameKind.SITES, trace.sites)
    yield from tables.encode_table(FrameKind.OBJECTS, trace.objects)
    yield from tables.encode_texts(FrameKind.TEXTS, trace.texts)
    yield from tables.encode_texts(FrameKind.SOURCES, [text for pair in trace.sources.items() for text in pair])
    columns = tables.columns_of(trace.columns)
    for start in range(0, len(trace), codec.BLOCK):
        tables.check_events([column[start : start + codec.BLOCK] for column in columns], sizes, start)
    yield from tables.encode_events(trace.columns)
    yield from tables.encode_table(FrameKind.SPANS, trace.spans)


def _ending(raw: Any) -> tuple[Ending, Sizes, Any]:
    """What the last frame says: how it ended, how many there are of everything, the index of frames. Raises: Damage."""
    if not isinstance(raw, dict) or not isinstance(raw.get("counts"), dict):
        raise Damage("the last frame is no map with counts")
    raw = dict(raw)
    counts, frames = raw.pop("counts"), raw.pop("frames", None)
    sizes = tables.fit([counts.get(name) for name in Sizes._fields], Sizes, "the counts")
    return tables.from_map(Ending, raw, "the ending"), sizes, frames


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file open for reading. Raises: TraceError for what is no file, and where its disk fails."""
    try:
        mode = path.stat().st_mode
        if not S_ISREG(mode):
            found = "a folder" if S_ISDIR(mode) else "no regular file"
            raise TraceError(f"{path} is {found}, expected a .simtrace file", _nearby(path if S_ISDIR(mode) else path.parent, ""))
        file = path.open("rb")
    except FileNotFoundError:
        raise TraceError(f"there is no trace {path}", _nearby(path.parent, path.name)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TraceError(f"the trace {path} cannot be opened: {why}", "give a .simtrace file that you may read") from None
    with file:
        try:
            yield file
        except OSError as error:
            raise TraceError(f"the trace {path} cannot be read: {error.strerror or error}", _AGAIN) from None


def _nearby(folder: Path, name: str) -> str:
    """A hint that names a trace in the folder, the one most like `name` or the latest."""
    try:
        names = [entry.name for entry in sorted(folder.glob("*.simtrace"), key=lambda entry: entry.stat().st_mtime)]
    except OSError:
        names = []
    close = name and (get_close_matches(name, names, 1) or get_close_matches(f"{name}.simtrace", names, 1))
    if close:
        return f"did you mean {folder / close[0]} ?"
    return f"the latest trace there is {folder / names[-1]}" if names else "`simcore record` writes one"


def _damaged(path: Path, damage: Damage, offset: int) -> TraceError:
    return TraceError(
        f"{path} is damaged or was not written by simcore: at byte {offset:,} {damage}",
        _AGAIN,
    )


def _read_start(path: Path, file: BinaryIO) -> int:
    """The version of the file. Raises: TraceError when it is no trace or of a version that cannot be read here."""
    start = file.read(codec.START_SIZE)
    magic = start[: len(codec.MAGIC)]
    if not start:
        raise TraceError(f"{path} is empty, expected a trace", _AGAIN)
    if magic != codec.MAGIC and not (len(start) < len(codec.MAGIC) and codec.MAGIC.startswith(start)):
        hint = "give a .simtrace file that `simcore record` wrote"
        if start.startswith(codec.MAGIC[:9]):
            hint = "it seems to have been transferred as text: transfer it as binary"
        raise TraceError(f"{path} is no trace: it begins with {magic!r}, expected {codec.MAGIC!r}", hint)
    if len(start) < codec.START_SIZE:
        raise TraceError(
            f"{path} is cut off after {len(start)} bytes, expected at least {codec.START_SIZE}: nothing can be read",
            "record again",
        )
    try:
        version = codec.decode_start(start)
    except Damage as damage:
        raise _damaged(path, damage, 0) from None
    if not readable(version):
        newer = version > FORMAT_VERSION
        raise TraceError(
            f"{path} has format version {version}, this simcore reads {OLDEST} to {FORMAT_VERSION}",
            "update simcore: pip install -U simcore" if newer else "read it with the simcore that wrote it",
        )
    return version


def _read_frame(version: int, file: BinaryIO) -> Frame | Cut:
    """The next frame, or what is missing of it. Raises: Damage."""
    offset = file.tell()
    data = file.read(codec.HEAD_SIZE)
    if not data:
        return Cut("it ends between two frames, before the last", offset)
    if len(data) < codec.HEAD_SIZE:
        return Cut("it ends within the head of a frame", offset)
    head = codec.decode_head(data)
    packed = file.read(head.packed)
    if len(packed) < head.packed:
        return Cut(f"it ends within a frame of {head.kind.word}", offset)
    return Frame(head.kind, offset, head.items, upgrade(version, head.kind, head.items, codec.decode_payload(head, packed)))


def _read_end(file: BinaryIO, last: int) -> Cut | None:
    """Check the last 20 bytes: `last` is where the last frame began. Raises: Damage."""
    offset = file.tell()
    data, expected = file.read(codec.END_SIZE + 1), codec.encode_end(last)
    if len(data) < len(expected) and expected.startswith(data):
        return Cut("it ends before its last mark", offset)
    if len(data) <= len(expected) and codec.decode_end(data.ljust(len(expected), b"\0")) == last:
        return None
    raise Damage(f"the end is {data!r}, expected {expected!r}")
