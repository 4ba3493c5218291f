"""Trace files cut off, damaged, foreign and hostile: nothing wrong is believed, nothing intact lost, nothing too costly."""

import dataclasses
import os
import random
import tracemalloc
import zlib
from array import array
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from synthetic import build, header
from trace_files import assemble, parts_of, refused, same, tiny

from simcore.errors import TraceError
from simcore.trace import codec, store, tables
from simcore.trace.codec import BLOCK, FrameKind
from simcore.trace.events import FORMAT_VERSION, Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Columns, ObjectInfo, Site, Span, Trace

# Cut off.


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.loop)])
def test_a_file_cut_anywhere_yields_its_prefix(tmp_path: Path, step: int) -> None:
    """Within the header an error, after it what is intact, never more, never less than at a smaller offset.

    At every offset in the long loops; by default at every fifth, about the end of the header and near the end of the file.
    """
    whole = tiny()
    data = whole.save(tmp_path / "whole.simtrace").read_bytes()
    path = tmp_path / "cut.simtrace"
    head = len(codec.encode_start(1)) + len(codec.encode_frame(FrameKind.HEADER, 1, parts_of(tmp_path / "whole.simtrace")[0][2]))
    readable = None
    most = 0
    for size in sorted({*range(0, len(data), step), head - 1, head, *range(len(data) - 60, len(data))}):
        path.write_bytes(data[:size])
        try:
            trace = Trace.load(path)
        except TraceError:
            assert readable is None, f"readable at {size - 1}, refused at {size}"
            continue
        readable = readable or size
        assert trace.header == whole.header
        assert "cut off" in trace.ending.cut_off
        assert "\n" not in trace.ending.cut_off
        for name in ("actors", "sites", "objects", "texts", "spans"):
            rows = getattr(trace, name)
            assert rows == getattr(whole, name)[: len(rows)]
        assert trace.sites, "the unknown site is in every trace"
        assert trace.columns.at_ns == whole.columns.at_ns[: len(trace)]
        found = len(trace.actors) + len(trace.sites) + len(trace.objects) + len(trace.texts) + len(trace) + len(trace.spans)
        assert found >= most
        most = found
        list(trace)
    assert readable == head
    assert most == len(whole.actors) + len(whole.sites) + len(whole.objects) + len(whole.texts) + len(whole) + len(whole.spans)


def test_whole_blocks_before_a_cut_are_kept(tmp_path: Path) -> None:
    """A file that ends within its third block of events has the two before, ends as killed, and says where it was cut."""
    whole = build(3, 4 * BLOCK)
    path = whole.save(tmp_path / "a.simtrace")
    with path.open("rb") as file:
        frames = [part for part in store.read_frames(path, file) if isinstance(part, store.Frame)]
    third = [frame.offset for frame in frames if frame.kind is FrameKind.EVENTS][2]
    path.write_bytes(path.read_bytes()[: third + 100])
    trace = Trace.load(path)
    assert len(trace) == 2 * BLOCK
    assert trace.columns.value == whole.columns.value[: 2 * BLOCK]
    assert trace.outcome is Outcome.KILLED
    assert trace.ending.duration_ns == trace.columns.at_ns[-1]
    assert "it ends within a frame of events" in trace.ending.cut_off
    assert f"{2 * BLOCK:,} events are intact" in trace.ending.cut_off
    assert Trace.load(trace.save(tmp_path / "b.simtrace")).ending == trace.ending


def test_a_missing_end_mark_keeps_the_ending(tmp_path: Path) -> None:
    """A file that lost less than its last 20 bytes is complete, says that it is cut off and still knows how the run ended."""
    whole = tiny()
    path = whole.save(tmp_path / "a.simtrace")
    path.write_bytes(path.read_bytes()[:-3])
    trace = Trace.load(path)
    assert same(dataclasses.replace(trace, ending=dataclasses.replace(trace.ending, cut_off="")), whole)
    assert "before its last mark" in trace.ending.cut_off


# Damaged.


@pytest.mark.parametrize("bits", [range(1), pytest.param(range(8), marks=pytest.mark.loop)], ids=["a bit a byte", "every bit"])
def test_every_flipped_bit_of_a_small_file_is_found(tmp_path: Path, bits: range) -> None:
    """Whichever bit is flipped, by default one of each byte, the file is refused: none is taken for a cut."""
    actors, sites, objects = [ActorInfo("main", "")], [Site("", 0, "")], [ObjectInfo(0, ObjectKind.LOCK, 1, 0, "lock")]
    columns = Columns(*(array(c.typecode, [1] * 3) for c in tables.columns_of(build(1, 8).columns)))
    columns.actor, columns.object, columns.site = (array("I", bytes(12)) for _ in range(3))
    trace = Trace(header(), actors, objects, sites, ["text"], columns, [Span("", 0, 0, 0, 0, 1)])
    data = trace.save(tmp_path / "whole.simtrace").read_bytes()
    path = tmp_path / "flipped.simtrace"
    for place, bit in product(range(len(data)), bits):
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place + bit) % 8
        path.write_bytes(damaged)
        with pytest.raises(TraceError) as caught:
            Trace.load(path)
        assert "\n" not in str(caught.value)
        assert caught.value.hint


@pytest.mark.parametrize("times", [100, pytest.param(1000, marks=pytest.mark.loop)])
def test_random_flips_in_a_larger_file_are_found(tmp_path: Path, times: int) -> None:
    """So many files with one to three random bits flipped: all refused."""
    data = build(4, 2 * BLOCK).save(tmp_path / "whole.simtrace").read_bytes()
    path = tmp_path / "flipped.simtrace"
    dice = random.Random(5)
    for _ in range(times):
        damaged = bytearray(data)
        for bit in dice.sample(range(8 * len(data)), dice.randint(1, 3)):
            damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(TraceError):
            Trace.load(path)


def test_other_damage_is_found(tmp_path: Path) -> None:
    """Bytes lost, doubled, swapped or zeroed in the middle, and bytes behind the end: all refused."""
    data = build(3, 2 * BLOCK).save(tmp_path / "whole.simtrace").read_bytes()
    path = tmp_path / "damaged.simtrace"
    dice = random.Random(6)
    for _ in range(40):
        at, size = dice.randrange(20, len(data) - 600), dice.randint(1, 512)
        piece = data[at : at + size]
        for damaged in (
            data[:at] + data[at + size :],
            data[:at] + piece + piece + data[at + size :],
            data[:at] + piece[::-1] + data[at + size :],
            data[:at] + bytes(size) + data[at + size :],
            data + piece,
        ):
            if damaged == data:
                continue
            path.write_bytes(damaged)
            with pytest.raises(TraceError):
                Trace.load(path)


def test_the_error_says_what_was_found_expected_and_where(tmp_path: Path) -> None:
    """A damaged event frame is told with both checksums and its place."""
    path = build(2, 200).save(tmp_path / "a.simtrace")
    with path.open("rb") as file:
        offset = next(part.offset for part in store.read_frames(path, file) if part[0] is FrameKind.EVENTS)
    data = bytearray(path.read_bytes())
    data[offset + 40] ^= 4
    path.write_bytes(data)
    error = refused(path, "a.simtrace is damaged", f"at byte {offset:,}", "a frame of events has checksum", "expected")
    assert "another copy" in error.hint


# Not a trace at all.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\x89simt", ["is cut off after 5 bytes"]),
        (b"PK\x03\x04 something else entirely", ["is no trace: it begins with b'PK"]),
        (b'{"traceEvents": []}', ["is no trace", "expected"]),
        (codec.MAGIC.replace(b"\r\n", b"\n") + bytes(50), ["is no trace"]),
        (codec.encode_start(FORMAT_VERSION + 6), [f"format version {FORMAT_VERSION + 6}", f"reads 1 to {FORMAT_VERSION}"]),
        (codec.encode_start(0), ["format version 0", f"reads 1 to {FORMAT_VERSION}"]),
        (codec.encode_start(FORMAT_VERSION), ["is cut off within its header"]),
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    """Empty, foreign, mangled, newer and older files each get one line of their own."""
    path = tmp_path / "a.simtrace"
    path.write_bytes(content)
    error = refused(path, str(path), *words)
    if f"version {FORMAT_VERSION + 6}" in words[0]:
        assert "update simcore" in error.hint
    with pytest.raises(TraceError):
        store.read_header(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe and a missing file get one line; the hint names the trace that was probably meant."""
    build(2, 20).save(tmp_path / "mutex-1.simtrace")
    assert "did you mean" in refused(tmp_path / "mutx-1.simtrace", "there is no trace").hint
    assert "mutex-1.simtrace" in refused(tmp_path / "mutex-1", "there is no trace").hint
    assert "the latest trace there is" in refused(tmp_path, "is a folder").hint
    assert "simcore record" in refused(tmp_path / "no" / "such.simtrace", "there is no trace").hint
    refused(Path("a\0b"), "cannot be opened")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "is no regular file")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has a file whose first byte cannot be read")
def test_a_file_that_opens_and_cannot_be_read_is_told_in_one_line() -> None:
    """As on a disk that fails: an error of the trace, none of simcore's own."""
    refused(Path("/proc/self/mem"), "cannot be read")


# Hostile: right checksums, wrong content.


def column(index: int, planes: object) -> Callable[[Any], Any]:
    return lambda raw: [*raw[:index], planes, *raw[index + 1 :]]


def field(name: str, value: object) -> Callable[[Any], Any]:
    return lambda raw: raw | {name: value}


def scenario(name: str, value: object) -> Callable[[Any], Any]:
    return lambda raw: raw | {"scenario": raw["scenario"] | {name: value}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


LINK = [0, 16, 1, 0, 0, 0, False, [], []]


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (FrameKind.HEADER, lambda raw: [raw], "the header is a list, expected a map"),
        (FrameKind.HEADER, lambda _: {}, "the header lacks the field 'scenario'"),
        (FrameKind.HEADER, field("pid", "1"), "the header.pid is '1', expected int"),
        (FrameKind.HEADER, field("gil", 1), "the header.gil is 1, expected bool"),
        (FrameKind.HEADER, field("files", {"a": 1}), "the header.files['a'] is 1, expected str"),
        (FrameKind.HEADER, field("later", 1), "unknown field 'later'"),
        (FrameKind.HEADER, scenario("argv", "abc"), "scenario.argv is 'abc'"),
        (FrameKind.HEADER, scenario("argv", [b"abc"]), "scenario.argv[0] is b'abc', expected str"),
        (FrameKind.HEADER, scenario("params", {b"a": 1}), "scenario.params is {b'a': 1}"),
        (FrameKind.HEADER, scenario("params", {"a": nested(40)}), "scenario.params['a'] holds"),
        (FrameKind.HEADER, scenario("switch_interval_s", 10**400), "switch_interval_s is 1000"),
        (FrameKind.ACTORS, lambda raw: raw[:-1], "no array of 5 parts"),
        (FrameKind.ACTORS, column(0, [1, 2]), "strings are not all text"),
        (FrameKind.ACTORS, column(0, ["main", ["w-"], ""]), "strings are not all text"),
        (FrameKind.ACTORS, column(0, ["main", ["w-", 1], ""]), "strings are not all text"),
        (FrameKind.ACTORS, column(2, b"\x01\x00"), "a text with the number 1, expected 0"),
        (FrameKind.ACTORS, column(2, b"\x00\xff" * 8), "a text with the number -"),
        (FrameKind.ACTORS, column(1, b"\x09\x09"), "string 9, expected one of"),
        (FrameKind.ACTORS, column(1, b"\x00"), "a column of 1 bytes, expected 0 to 4 for each of 2 rows"),
        (FrameKind.ACTORS, column(1, bytes(10)), "a column of 10 bytes"),
        (FrameKind.ACTORS, column(1, "ab"), "a column that is a str"),
        (FrameKind.ACTORS, column(1, [0, 1]), "a column that is a list"),
        (FrameKind.OBJECTS, lambda raw: column(2, b"\xf0" * len(raw[2]))(raw), "kind of an object"),
        (FrameKind.OBJECTS, lambda raw: column(1, b"\x05" * len(raw[2]))(raw), "creator 5"),
        (FrameKind.OBJECTS, lambda raw: column(1, b"\xff" * 8 * len(raw[2]))(raw), "creator -1"),
        (FrameKind.OBJECTS, lambda raw: column(3, b"\xff" * 8 * len(raw[2]))(raw), "the count -1, expected 0 to"),
        (FrameKind.OBJECTS, lambda raw: column(4, b"\xff" * len(raw[2]))(raw), "at site 255"),
        (FrameKind.TEXTS, lambda raw: [True, raw[1]], "goes on with a text that did not begin"),
        (FrameKind.TEXTS, lambda raw: [False, raw[1] + ["more"]], "items are not"),
        (FrameKind.TEXTS, lambda raw: [False, [1] * len(raw[1])], "items are not"),
        (FrameKind.SOURCES, lambda _: [False, ["a.py", b"pass"]], "items are not"),
        (FrameKind.EVENTS, column(0, b"\x02" * 30), "actor 2, expected one of 2"),
        (FrameKind.EVENTS, column(1, b"\x00" * 30), "unknown kind 0"),
        (FrameKind.EVENTS, column(1, bytes([Kind.SPAN]) * 30), "unknown kind 61"),
        (FrameKind.EVENTS, column(2, b"\x7f" * 30), "object 127"),
        (FrameKind.EVENTS, column(3, b"\x7f" * 60), "site 32639"),
        (FrameKind.EVENTS, column(4, b"\xff" * 240), "actor to start -"),
        (FrameKind.EVENTS, column(1, b""), "unknown kind 0"),
        (FrameKind.EVENTS, column(1, b"\x01" * 60), "a column of 60 bytes, expected 0 to 1"),
        (FrameKind.SPANS, column(6, b"\x7f"), "a span leads nowhere"),
        (FrameKind.SPANS, column(5, b"\xff" * 8), "a span leads nowhere"),
        (FrameKind.ENDING, field("counts", None), "no map with counts"),
        (FrameKind.ENDING, field("counts", {}), "the counts.actors is None"),
        (FrameKind.ENDING, lambda raw: field("counts", raw["counts"] | {"events": 31})(raw), "events=31"),
        (FrameKind.ENDING, field("outcome", 17), "the ending.outcome is 17, expected Outcome"),
        (FrameKind.ENDING, field("pending", [[0, 1, 99, 0, 0, False]]), "object 99"),
        (FrameKind.ENDING, field("pending", [[0, 1, 1, 0, 0]]), "pending[0] is [0, 1, 1, 0, 0], expected Pending"),
        (FrameKind.ENDING, field("deadlock", [[*LINK[:5], 7, *LINK[6:]]]), "owner + 1 8"),
        (FrameKind.ENDING, field("deadlock", [[*LINK[:7], [1000], []]]), "the ending has site 1000"),
        (FrameKind.ENDING, field("error_site", -1), "the ending has site -1"),
    ],
)
def test_wrong_content_is_refused(tmp_path: Path, kind: FrameKind, change: Callable[[Any], Any], words: str) -> None:
    """Content that does not fit is refused with one line, although every checksum is right."""
    whole = dataclasses.replace(tiny(), spans=[Span("Queue.put", 0, 1, 1, 2, 3)])
    parts = parts_of(whole.save(tmp_path / "whole.simtrace"))
    path = tmp_path / "hostile.simtrace"
    path.write_bytes(assemble(parts))
    assert same(Trace.load(path), whole), "the file is good before the change"
    path.write_bytes(assemble((k, items, change(raw) if k is kind else raw) for k, items, raw in parts))
    refused(path, words)


def test_frames_out_of_place_are_refused(tmp_path: Path) -> None:
    """A frame missing, doubled or moved is found: by its place, by the counts, or by the index."""
    parts = parts_of(build(2, 200).save(tmp_path / "whole.simtrace"))
    path = tmp_path / "hostile.simtrace"
    dice = random.Random(2)
    for n, part in enumerate(parts[:-1]):
        without = parts[:n] + parts[n + 1 :]
        for wrong in (without, parts[: n + 1] + parts[n:], [*parts[-1:], *parts], dice.sample(parts, len(parts))):
            if wrong == parts:
                continue
            path.write_bytes(assemble(wrong))
            with pytest.raises(TraceError):
                Trace.load(path)
        assert part[0] is not FrameKind.ENDING


def test_frames_in_another_order_are_refused(tmp_path: Path) -> None:
    """The order of kinds is part of the format, also where nothing depends on it."""
    parts = parts_of(tiny().save(tmp_path / "whole.simtrace"))
    texts = next(n for n, part in enumerate(parts) if part[0] is FrameKind.TEXTS)
    parts[texts], parts[texts + 1] = parts[texts + 1], parts[texts]
    path = tmp_path / "hostile.simtrace"
    path.write_bytes(assemble(parts))
    refused(path, "a frame of texts out of its place")


def test_an_index_of_other_frames_is_refused(tmp_path: Path) -> None:
    """The index in the last frame must list the frames of the file."""
    parts = parts_of(tiny().save(tmp_path / "whole.simtrace"))
    parts[-1][2]["frames"] = None
    path = tmp_path / "hostile.simtrace"
    data = assemble(parts[:-1])[: -codec.END_SIZE]
    path.write_bytes(data + codec.encode_frame(*parts[-1]) + codec.encode_end(len(data)))
    refused(path, "index")


def frame_of(packed: bytes, raw: int, items: int = 1, kind: bytes = b"HEAD", claimed: int | None = None) -> bytes:
    """A file that begins with one frame, as announced."""
    length = len(packed) if claimed is None else claimed
    head = kind + b"".join(number.to_bytes(4, "little") for number in (length, raw, items, zlib.crc32(packed)))
    return codec.encode_start(FORMAT_VERSION) + head + zlib.crc32(head).to_bytes(4, "little") + packed


BOMB = zlib.compress(bytes(200 << 20), 9)
DEEP = zlib.compress(b"\xdd\x00\x00\xff\xff" * 5000)
WIDE = zlib.compress(b"\xdd\xff\xff\xff\xff" + bytes(10))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (frame_of(BOMB, 100), "does not decompress to the 100 bytes"),
        (frame_of(BOMB, 200 << 20), "209,715,200 bytes, expected at most"),
        (frame_of(BOMB, codec.MAX_RAW), "does not decompress to"),
        (frame_of(b"", 1, claimed=0xFFFFFFFF), "4,294,967,295 bytes, expected at most"),
        (frame_of(b"no zlib", 100), "does not decompress"),
        (frame_of(zlib.compress(b"\x80") + b"more", 1), "does not decompress to the 1 bytes"),
        (frame_of(zlib.compress(b"\x80")[:-1], 1), "does not decompress to the 1 bytes"),
        (frame_of(DEEP, 25_000), "is no msgpack"),
        (frame_of(WIDE, 15), "is no msgpack"),
        (frame_of(zlib.compress(b"\xc1"), 1), "is no msgpack"),
        (frame_of(zlib.compress(b"\x80\x80"), 2), "is no msgpack"),
        (frame_of(zlib.compress(b"\xa1\xff"), 2), "is no msgpack"),
        (frame_of(zlib.compress(b"\xd4\x05\x00"), 3), "an extension of type 5"),
        (frame_of(zlib.compress(b"\xd6\xff\x00\x00\x00\x00"), 6), "the header is a Timestamp"),
        (frame_of(zlib.compress(b"\xd5\x01--"), 4), "is no msgpack"),
        (frame_of(zlib.compress(b"\x80"), 1, kind=b"JUNK"), "unknown kind b'JUNK', expected one of HEAD, ACTR"),
        (frame_of(zlib.compress(b"\x80"), 1, kind=b"EVTS"), "a frame of events out of its place"),
        (frame_of(zlib.compress(b"\x80"), 1, kind=b"LAST"), "a frame of ending out of its place"),
    ],
)
def test_hostile_frames_cost_little_and_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """Bombs, lies about sizes and what is no msgpack are refused before they take memory."""
    path = tmp_path / "hostile.simtrace"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        refused(path, words)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * codec.MAX_RAW


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many frames that each unpack to far more than they take are refused at a limit that follows from the file's size."""
    monkeypatch.setattr(store, "_MEMORY_FREE", 8 << 20)
    parts = parts_of(build(1, 8).save(tmp_path / "whole.simtrace"))
    empty = [b"", b"\x04" * BLOCK, b"", b"", b"", b"", b""]
    bomb = [part for part in parts if part[0] is not FrameKind.EVENTS][:-1] + [(FrameKind.EVENTS, BLOCK, empty)] * 80
    path = tmp_path / "hostile.simtrace"
    path.write_bytes(assemble([*bomb, parts[-1]]))
    assert path.stat().st_size < 20_000
    refused(path, "bytes of content, expected at most")


def test_a_repetitive_text_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may print a million equal letters: its trace, which could shrink a thousandfold, is still loaded."""
    monkeypatch.setattr(store, "_MEMORY_FREE", 1 << 20)
    trace = Trace(header(), texts=["x" * (8 << 20)])
    assert same(Trace.load(trace.save(tmp_path / "a.simtrace")), trace)


def mutated(value: Any, dice: random.Random) -> Any:
    """The value with one thing in it changed."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(list(value))
        return value | {key: mutated(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return dice.choice(
            [[*value[:at], mutated(value[at], dice), *value[at + 1 :]], value[:at] + value[at + 1 :], value + value]
        )
    if isinstance(value, bytes) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return value[:at] + bytes([dice.randrange(256)]) + value[at + 1 :]
    if isinstance(value, int) and not isinstance(value, bool) and dice.random() < 0.7:
        return value + dice.choice([1, -1, 1 << 31, -(1 << 31), 1 << 63, 10**30])
    return dice.choice([None, True, -1, 0, 2**64 - 1, 1.5, "", "x", b"", b"\xff" * 8, [], {}, [[]], {"": 0}])


@pytest.mark.parametrize("seed", range(8))
def test_no_content_breaks_the_reader(tmp_path: Path, seed: int) -> None:
    """1,000 changed payloads with right checksums: each is refused with one line, or gives a trace that can be gone through."""
    dice = random.Random(seed)
    whole = dataclasses.replace(tiny(), spans=[Span("Queue.put", 0, 1, 1, 2, 3)])
    parts = parts_of(whole.save(tmp_path / "whole.simtrace"))
    path = tmp_path / "changed.simtrace"
    refusals: list[str] = []
    for _ in range(125):
        at = dice.randrange(len(parts))
        kind, items, raw = parts[at]
        items = items if dice.random() < 0.95 else dice.choice([0, 1, items + 1, BLOCK + 1, 2**32 - 1])
        path.write_bytes(assemble([*parts[:at], (kind, items, mutated(raw, dice)), *parts[at + 1 :]]))
        try:
            trace = Trace.load(path)
        except TraceError as error:
            refusals.append(str(error))
            continue
        assert len(list(trace)) == len(trace)
        assert len(trace.object_labels) == len(trace.objects)
        assert trace.outcome in Outcome
        trace.save(tmp_path / "again.simtrace")
    assert 10 < len(refusals) < 125
    assert "\n" not in "".join(refusals)
