"""What the runtime wrote is read whole, in order, and in whatever state it was left."""

import os
from pathlib import Path

import pytest

from simcore.engine.segments import SegmentReader, Wait
from simcore.runtime import segment as layout
from simcore.trace.events import HEAD, RECORD, Kind

MAIN, CHILD = 0, 1


class Writer:
    """Writes a segment as the runtime does, chunk by chunk and slot by slot, as a test wants it."""

    def __init__(self, folder: Path, ident: int = 1) -> None:
        self.events = folder / "main.events"
        self.names = folder / "main.names"
        self.events.write_bytes(b"")
        self.names.write_bytes(b"")
        self.define(layout.TAG_ACTOR, MAIN, "main", "MainThread", ident)

    def define(self, tag: int, *fields: object) -> None:
        payload = "\0".join(map(str, fields)).encode()
        with self.names.open("ab") as file:
            file.write(layout.DEFINITION.pack(len(payload), tag) + payload)

    def put(self, at: int, data: bytes) -> None:
        with self.events.open("r+b") as file:
            file.seek(at)
            file.write(data)

    def reserve(self, place: int) -> None:
        os.truncate(self.events, max(self.events.stat().st_size, (place + 1) * layout.CHUNK))

    def begin(self, place: int, actor: int, number: int) -> None:
        self.reserve(place)
        self.put(place * layout.CHUNK, layout.CHUNK_HEAD.pack(layout.CHUNK_MAGIC, actor, number, 0))

    def record(self, place: int, slot: int, stamp: int, kind: int = Kind.SLEEP, value: int = 0) -> None:
        at = place * layout.CHUNK + layout.FIRST_RECORD + slot * RECORD.size
        self.put(at, RECORD.pack(HEAD.pack(value, 0, 0, 0, kind, 0), stamp))

    def fill(self, place: int, first: int) -> int:
        slots = (layout.CHUNK - layout.FIRST_RECORD) // RECORD.size
        data = b"".join(RECORD.pack(HEAD.pack(0, 0, 0, 0, Kind.SLEEP, 0), first + slot) for slot in range(slots))
        self.put(place * layout.CHUNK + layout.FIRST_RECORD, data)
        return first + slots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def writer(folder: Path) -> Writer:
    return Writer(folder)


def stamps(reader: SegmentReader, actor: int = MAIN) -> list[int]:
    reader.refresh_records()
    return [record[6] for record in reader.records[actor]]


def test_nothing_yet(tmp_path: Path) -> None:
    """A process that has not come as far as recording has no segment."""
    reader = SegmentReader(tmp_path)
    assert not reader.exists()
    assert reader.refresh_definitions().actors == {}
    assert reader.refresh_records() == 0
    assert reader.heads() == {}


def test_records_are_read_once_and_as_they_come(folder: Path, writer: Writer) -> None:
    """A call reads what was committed since the last one, over the border of a chunk."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    assert stamps(reader) == []
    writer.record(0, 0, 5)
    writer.record(0, 1, 6)
    assert reader.refresh_records() == 2
    assert reader.refresh_records() == 0
    after = writer.fill(0, 5)
    writer.begin(1, MAIN, 1)
    writer.record(1, 0, after)
    assert stamps(reader) == list(range(5, after + 1))


def test_a_hole_is_filled_where_it_belongs(folder: Path, writer: Writer) -> None:
    """What a handler wrote behind a record that was not committed yet is read first; the record takes its place later."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    for slot, stamp in ((0, 10), (2, 30), (5, 60)):
        writer.record(0, slot, stamp)
    assert stamps(reader) == [10, 30, 60]
    writer.record(0, 4, 50)
    writer.record(0, 6, 70)
    assert stamps(reader) == [10, 30, 50, 60, 70]
    writer.record(0, 1, 20)
    assert stamps(reader) == [10, 20, 30, 50, 60, 70]
    writer.record(0, 3, 40)
    assert stamps(reader) == [10, 20, 30, 40, 50, 60, 70]


def test_a_hole_at_the_end_of_a_chunk_is_filled(folder: Path, writer: Writer) -> None:
    """Also when the actor has begun its next chunk since."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    end = writer.fill(0, 1)
    last = end - 2
    writer.record(0, last, 0)
    writer.begin(1, MAIN, 1)
    writer.record(1, 0, end)
    assert stamps(reader) == [*range(1, end - 1), end]
    writer.record(0, last, end - 1)
    assert stamps(reader) == list(range(1, end + 1))


def test_a_chunk_that_was_reserved_but_never_begun_hides_nothing(folder: Path, writer: Writer) -> None:
    """Its actor was killed in between: all others' later chunks are read; should it be begun late, so is it."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    writer.reserve(1)
    writer.begin(2, CHILD, 0)
    writer.record(2, 0, 7)
    assert stamps(reader, CHILD) == [7]
    writer.begin(1, MAIN, 1)
    writer.record(1, 0, 9)
    assert stamps(reader) == [9]


def test_a_chunk_head_that_is_half_there_is_believed_later(folder: Path, writer: Writer) -> None:
    """It reads as another first chunk of the first actor, until the rest is written."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    writer.record(0, 0, 3)
    assert stamps(reader) == [3]
    writer.begin(1, MAIN, 0)
    assert stamps(reader) == [3]
    writer.begin(1, CHILD, 0)
    writer.record(1, 0, 4)
    assert (stamps(reader, CHILD), stamps(reader)) == ([4], [3])
    assert reader.first_chunk == {MAIN: 0, CHILD: 1}


def test_a_definition_that_is_half_written_waits(folder: Path, writer: Writer) -> None:
    """It is read when it is whole."""
    reader = SegmentReader(folder)
    whole = writer.names.read_bytes()
    writer.names.write_bytes(whole[:-2])
    assert reader.refresh_definitions().actors == {}
    writer.names.write_bytes(whole)
    assert reader.refresh_definitions().actors == {MAIN: ("main", "MainThread", 1)}


def test_a_torn_definition_is_a_loss(folder: Path, writer: Writer) -> None:
    """A full disk took half of one, and later ones follow: what stands before it counts, and the loss is said."""
    reader = SegmentReader(folder)
    torn = layout.DEFINITION.pack(6, layout.TAG_SITE) + b"1\0"
    with writer.names.open("ab") as file:
        file.write(torn)
    writer.define(layout.TAG_SITE, 2, 7, "app.py", "work")
    known = reader.refresh_definitions()
    assert known.actors == {MAIN: ("main", "MainThread", 1)}
    assert known.detached == "a definition was cut off"
    writer.define(layout.TAG_SITE, 3, 8, "app.py", "work")
    assert reader.refresh_definitions().sites == {}


def test_a_wait_that_is_being_taken_back_is_over(folder: Path, writer: Writer) -> None:
    """Its first fields go first; `since` may still stand."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    writer.record(0, 0, 3)
    reader.refresh_records()
    writer.put(layout.WAIT_AT, layout.WAIT.pack(40, 7, Kind.ACQUIRE, 0, 0, 99))
    assert reader.heads() == {MAIN: (0, Wait(40, 7, Kind.ACQUIRE, 0, 99))}
    writer.put(layout.WAIT_AT, layout.WAIT.pack(0, 0, 0, 0, 0, 99))
    assert reader.heads() == {MAIN: (0, Wait(0, 0, 0, 0, 0))}


def test_a_program_that_replaces_itself_begins_anew(folder: Path, writer: Writer) -> None:
    """After exec the same files are written from their start, by a main thread with another ident."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    writer.record(0, 0, 3)
    writer.define(layout.TAG_SITE, 1, 7, "app.py", "work")
    reader.refresh_definitions()
    assert stamps(reader) == [3]
    beginnings = reader.beginnings
    again = Writer(folder, ident=2)
    again.begin(0, MAIN, 0)
    again.record(0, 0, 8)
    assert reader.refresh_definitions().sites == {}
    assert reader.beginnings == beginnings + 1
    assert stamps(reader) == [8]


def test_files_that_are_deleted_stay_readable(folder: Path, writer: Writer) -> None:
    """Once opened, until they are closed."""
    reader = SegmentReader(folder)
    assert reader.exists()
    writer.begin(0, MAIN, 0)
    writer.record(0, 0, 3)
    writer.events.unlink()
    writer.names.unlink()
    assert reader.exists()
    assert stamps(reader) == [3]
    reader.close()
    assert not reader.exists()


def test_what_is_left_of_a_loss_is_what_all_had_done(folder: Path, writer: Writer) -> None:
    """Main's chunk was full at stamp 5 + its slots and the next was lost; the child went on: its later records go."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    end = writer.fill(0, 1)
    writer.begin(1, CHILD, 0)
    for slot, stamp in enumerate((end - 3, end, end + 5)):
        writer.record(1, slot, stamp)
    reader.refresh_records()
    reader.cut_at_loss()
    assert [record[6] for record in reader.records[CHILD]] == [end - 3]
    assert len(reader.records[MAIN]) == end - 1


def test_a_child_that_could_not_record_is_where_the_loss_begins(folder: Path, writer: Writer) -> None:
    """All that it did is lost, so nothing after its start is kept."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    for slot, (stamp, kind) in enumerate(((3, Kind.SLEEP), (4, Kind.START), (9, Kind.SLEEP))):
        writer.record(0, slot, stamp, kind, CHILD)
    assert stamps(reader) == [3, 4, 9]
    reader.cut_at_loss()
    assert [record[6] for record in reader.records[MAIN]] == [3, 4]


def test_a_full_chunk_of_an_ended_actor_is_no_loss(folder: Path, writer: Writer) -> None:
    """It had nothing more to record."""
    reader = SegmentReader(folder)
    writer.begin(0, MAIN, 0)
    end = writer.fill(0, 1)
    writer.record(0, end - 2, end - 1, Kind.EXIT)
    writer.begin(1, CHILD, 0)
    writer.record(1, 0, end + 5)
    reader.refresh_records()
    reader.cut_at_loss()
    assert [record[6] for record in reader.records[CHILD]] == [end + 5]
