"""The trace file: everything comes back, a failed save changes nothing, parts can be read alone."""

import dataclasses
import os
import random
import stat
from array import array
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from synthetic import build, header
from trace_files import as_version_2, assemble, refused, same, tiny

from simcore.errors import TraceError, UsageError
from simcore.trace import codec, store, upgrades
from simcore.trace.codec import BLOCK, FrameKind
from simcore.trace.events import TEXT_KINDS, Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Columns, ObjectInfo, Pending, ProcessInfo, Site, Span, Trace

# Everything comes back.


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.DEADLOCK])
@pytest.mark.parametrize(("actors", "events"), [(1, 8), (2, 100), (5, 3 * BLOCK), (3, BLOCK + 1)])
def test_a_trace_comes_back(tmp_path: Path, actors: int, events: int, outcome: Outcome) -> None:
    """What is saved loads as it was, for any number of actors and events and any ending."""
    trace = build(actors, events, seed=events, outcome=outcome)
    path = tmp_path / "a.simtrace"
    assert trace.save(path) == path == trace.path
    again = Trace.load(path)
    assert same(again, trace)
    assert again.path == path
    assert again.ending.cut_off == ""


def test_an_empty_trace_comes_back(tmp_path: Path) -> None:
    """A run that recorded nothing is a trace too."""
    trace = Trace(header())
    assert same(Trace.load(trace.save(tmp_path / "a.simtrace")), trace)


class Colour(Enum):
    RED = 3


def test_any_header_comes_back(tmp_path: Path) -> None:
    """Texts of any script, undecodable names, long integers and nested parameters survive; an enum stands by its name."""
    params: dict[str, object] = {
        "text": "žluťoučký \U0001f40d\n\0",
        "undecodable": os.fsdecode(b"caf\xe9"),
        "big": -(10**60),
        "wide": 2**64 - 1,
        "float": 0.1,
        "infinite": float("-inf"),
        "nothing": None,
        "flag": True,
        "list": [1, [2.5, {"deep": b"bytes"}]],
        "colour": Colour.RED,
    }
    trace = Trace(header(params=params, argv=("--x", os.fsdecode(b"\xff")), seed=None, switch_interval_s=1, chaos=5))
    again = Trace.load(trace.save(tmp_path / "a.simtrace"))
    assert again.header.scenario.params == params | {"colour": "RED"}
    assert again.header.scenario.argv == trace.header.scenario.argv
    assert again.header.scenario.switch_interval_s == 1.0
    assert again.header == dataclasses.replace(
        trace.header, scenario=dataclasses.replace(trace.header.scenario, params=params | {"colour": "RED"})
    )


def random_trace(seed: int, events: int) -> Trace:
    """A trace of random rows that obey nothing but the types and the sizes of the tables."""
    dice = random.Random(seed)
    actors = [ActorInfo(f"main/{n}" if n else "main", dice.choice(["", "ž", "worker"])) for n in range(dice.randint(1, 400))]
    sites = [Site(dice.choice(["", "a.py", "b/ž.py"]), dice.choice([0, 1, 255, 256, 2**32 - 1]), "f") for _ in range(300)]
    objects = [
        ObjectInfo(
            dice.randrange(len(actors)),
            dice.choice(list(ObjectKind)),
            dice.randrange(2**32),
            dice.randrange(300),
            "x" * n,
            dice.choice(["", "main.1", "ž"]),
        )
        for n in range(20)
    ]
    texts: list[str | bytes] = [dice.randbytes(n % 5) if n % 2 else "t" * dice.randrange(5) for n in range(50)]
    c = Columns()
    kinds = [kind for kind in Kind if kind < Kind.CREATE]
    for _ in range(events):
        kind = dice.choice(kinds)
        c.actor.append(dice.randrange(len(actors)))
        c.kind.append(kind)
        c.object.append(dice.randrange(20))
        c.site.append(dice.randrange(300))
        small = kind in TEXT_KINDS or kind == Kind.START
        wide = dice.choice([0, 1, -1, 2**63 - 1, -(2**63), dice.randrange(-(2**63), 2**63)])
        c.value.append(dice.randrange(min(50, len(actors))) if small else wide)
        c.waited_us.append(dice.choice([0, 1, 2**32 - 1]))
        c.at_ns.append(dice.choice([0, 2**63 - 1, -(2**63), dice.randrange(2**40)]))
    spans = []
    for _ in range(dice.randrange(100)):
        first = dice.randrange(events + 1)
        last = dice.randrange(-1, events)
        spans.append(Span(dice.choice(["Queue.put", ""]), dice.randrange(len(actors)), dice.randrange(20), 299, first, last))
    trace = Trace(header(), actors, objects, sites, texts, c, spans, {"a.py": "", "": "x"})
    trace.ending.pending = [Pending(0, Kind.JOIN, 19, 299, -5, timed=True)]
    trace.ending.processes = [ProcessInfo("main", 1), ProcessInfo("ž", 2**63 - 1, "fork")][: dice.randrange(3)]
    return trace


@pytest.mark.parametrize("seed", range(30))
def test_any_rows_come_back(tmp_path: Path, seed: int) -> None:
    """Random rows with the extremes of every type, times that go back included, come back."""
    trace = random_trace(seed, 200)
    assert same(Trace.load(trace.save(tmp_path / "a.simtrace")), trace)


def test_large_tables_and_texts_come_back(tmp_path: Path) -> None:
    """Tables of many frames come back, and texts longer than a frame, whether they compress well, badly or enormously."""
    dice = random.Random(1)
    piece = codec.PIECE
    texts: list[str | bytes] = [
        "",
        dice.randbytes(2 * piece + 1),
        "ž" * (3 * piece),
        b"",
        "x" * piece,
        "y" * (piece + 1),
        "\ud800" * 9,
    ]
    texts += [str(n) for n in range(2 * BLOCK)]
    trace = build(2, 20)
    first = len(trace.objects)
    objects = [*trace.objects, *(ObjectInfo(1, ObjectKind.WAITER, n + 1, 0, "") for n in range(2 * BLOCK))]
    spans = [Span("Condition.wait", 1, first + n % BLOCK, 0, 5, 4) for n in range(2 * BLOCK + 1)]
    trace = dataclasses.replace(
        trace, texts=texts, objects=objects, spans=spans, sources={"a.py": "x = 1\n" * piece, "b.py": "y"}
    )
    assert same(Trace.load(trace.save(tmp_path / "a.simtrace")), trace)


def test_lock_traffic_takes_at_most_four_bytes_an_event(tmp_path: Path) -> None:
    """Contended lock traffic with texts, clocks and queues takes at most 4 bytes an event in the file, tables included."""
    trace = build(5, 20 * BLOCK)
    assert trace.save(tmp_path / "a.simtrace").stat().st_size <= 4 * len(trace)


# Saving.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    path = tmp_path / "traces"
    path.mkdir()
    return path


def test_a_failed_save_changes_nothing(folder: Path) -> None:
    """A trace that contradicts itself is refused with one line; the file that was there stays, nothing lies beside it."""
    path = build(2, 20).save(folder / "a.simtrace")
    before = path.read_bytes()
    wrong = build(2, 20)
    wrong.columns.object[7] = 1000
    with pytest.raises(TraceError, match="object 1000, expected one of") as caught:
        wrong.save(path)
    assert "\n" not in str(caught.value)
    assert wrong.path is None
    assert path.read_bytes() == before
    assert os.listdir(folder) == ["a.simtrace"]


def changed(**fields: object) -> Trace:
    return dataclasses.replace(build(2, 20), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (changed(objects=[ObjectInfo(5, ObjectKind.LOCK, 1, 0, "")] * 30), "creator 5"),
        (changed(sites=[Site("a", -1, "f")] * 30), "unsigned int"),
        (changed(texts=[]), "text 0"),
        (changed(spans=[Span("x", 0, 0, 0, 0, 20)]), "span"),
        (changed(header=header(params={"path": Path("x")})), "header.scenario.params"),
        (changed(header=header(seed="7")), "header.scenario.seed is '7', expected int"),
    ],
)
def test_what_would_not_load_is_not_saved(folder: Path, trace: Trace, words: str) -> None:
    """The checks of reading are made before writing, and name the place."""
    if words == "text 0":
        trace.columns.kind[5], trace.columns.value[5] = Kind.WRITE, 0
    with pytest.raises(TraceError) as caught:
        trace.save(folder / "a.simtrace")
    assert words in str(caught.value)
    assert os.listdir(folder) == []


def test_a_place_that_cannot_be_written_is_told(folder: Path) -> None:
    """A missing folder, a folder in the file's place: one line, no file left."""
    with pytest.raises(UsageError, match="there is no folder") as caught:
        build(2, 20).save(folder / "no" / "a.simtrace")
    assert "mkdir" in caught.value.hint
    (folder / "a.simtrace").mkdir()
    with pytest.raises(UsageError, match="cannot write"):
        build(2, 20).save(folder / "a.simtrace")
    assert os.listdir(folder) == ["a.simtrace"]


def test_the_file_obeys_the_umask_and_cannot_be_executed(tmp_path: Path) -> None:
    """The mode is that of any file that a program writes."""
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    mode = build(2, 20).save(tmp_path / "a.simtrace").stat().st_mode
    assert mode == ordinary.stat().st_mode
    assert not mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def test_the_same_trace_gives_the_same_bytes(tmp_path: Path) -> None:
    """A file holds nothing but the trace: saved, loaded and saved again it is the same, bit for bit."""
    first = build(3, 500).save(tmp_path / "a.simtrace")
    second = Trace.load(first).save(tmp_path / "b.simtrace")
    assert first.read_bytes() == second.read_bytes()


# Reading only a part.


def test_the_header_is_read_without_the_events(tmp_path: Path) -> None:
    """`read_header` gives both ends of a file whose middle it does not look at; a cut-off file has no ending."""
    whole = tiny()
    path = whole.save(tmp_path / "a.simtrace")
    assert store.read_header(path) == (whole.header, whole.ending)
    data = bytearray(path.read_bytes())
    with path.open("rb") as file:
        offset = next(part.offset for part in store.read_frames(path, file) if part[0] is FrameKind.EVENTS)
    data[offset + 30] ^= 1
    path.write_bytes(data)
    assert store.read_header(path) == (whole.header, whole.ending)
    refused(path, "checksum")
    for size in (1, codec.END_SIZE, len(data) // 4):
        path.write_bytes(data[:-size])
        assert store.read_header(path) == (whole.header, None)


def test_damage_at_the_ends_is_found_by_read_header_too(tmp_path: Path) -> None:
    """A flipped bit in the first frame, the last frame or the place of the last frame is told; in the mark there is no ending."""
    whole = tiny()
    data = whole.save(tmp_path / "a.simtrace").read_bytes()
    path = tmp_path / "b.simtrace"
    last = codec.decode_end(data[-codec.END_SIZE :])
    for at in (30, 100, last + 2, last + 30, len(data) - 20, len(data) - 10):
        path.write_bytes(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
        with pytest.raises(TraceError):
            store.read_header(path)
    path.write_bytes(data[:-1] + b"x")
    assert store.read_header(path)[1] is None


def test_frames_stream(tmp_path: Path) -> None:
    """`read_frames` has read no further than the frame that it gave."""
    path = build(3, 8 * BLOCK).save(tmp_path / "a.simtrace")
    with path.open("rb") as file:
        for frame in store.read_frames(path, file):
            if frame[0] is FrameKind.EVENTS:
                break
        assert file.tell() < path.stat().st_size / 3


# Older versions.


def as_version_1(path: Path) -> list[tuple[FrameKind, int, Any]]:
    """The frames of a file as version 1 wrote them: its objects had no process."""
    return [(kind, items, raw[:-1] if kind is FrameKind.OBJECTS else raw) for kind, items, raw in as_version_2(path)]


@pytest.mark.parametrize("labels", [[""], ["a", "b", "a"], ["a", "", "b"], ["", "a"], ["a"] * (BLOCK + 5)])
def test_a_file_of_version_1_is_read(tmp_path: Path, labels: list[str]) -> None:
    """Its objects are in no forked child's copy, whichever names they have and however many they are."""
    whole = dataclasses.replace(
        build(2, 20), objects=[ObjectInfo(0, ObjectKind.LOCK, n, 0, label) for n, label in enumerate(labels)], columns=Columns()
    )
    path = tmp_path / "a.simtrace"
    path.write_bytes(assemble(as_version_1(whole.save(path)), version=1))
    assert same(Trace.load(path), whole)
    assert same(Trace.load(Trace.load(path).save(tmp_path / "b.simtrace")), whole)


@pytest.mark.parametrize(
    "raw", [[], [{}, b"", b"", b"", b"", b""], [[], b"", 3, b"", b"", b""], [["a"], b"", b"", b""], {}, None]
)
def test_a_wrong_table_of_version_1_is_refused(tmp_path: Path, raw: Any) -> None:
    """What an upgrade cannot make sense of is damage, as any wrong content."""
    path = tiny().save(tmp_path / "a.simtrace")
    parts = [(kind, items, raw if kind is FrameKind.OBJECTS else other) for kind, items, other in as_version_1(path)]
    path.write_bytes(assemble(parts, version=1))
    refused(path, "a frame of objects")


def test_an_older_file_passes_through_every_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a version for which a function stands is read through it and those behind it, frame by frame."""

    def older(kind: FrameKind, raw: Any) -> Any:
        return {name: value for name, value in raw.items() if name != "pid"} if kind is FrameKind.HEADER else raw

    def to_version_1(kind: FrameKind, items: int, raw: Any) -> Any:
        return raw | {"pid": 77} if kind is FrameKind.HEADER else raw

    whole = tiny()
    path = whole.save(tmp_path / "a.simtrace")
    parts = [(kind, items, older(kind, raw)) for kind, items, raw in as_version_1(path)]
    path.write_bytes(assemble(parts, version=0))
    refused(path, "format version 0")
    monkeypatch.setitem(upgrades.UPGRADES, 0, to_version_1)
    again = Trace.load(path)
    assert again.header == dataclasses.replace(whole.header, pid=77)
    assert same(dataclasses.replace(again, header=whole.header), whole)
    assert store.read_header(path)[0].pid == 77
    path.write_bytes(assemble([(kind, items, [] if kind is FrameKind.HEADER else raw) for kind, items, raw in parts], version=0))
    refused(path, "a frame of header that is not of format version 0")


def test_columns_reckon_modulo_two_to_the_64() -> None:
    """Differences of extreme values come back, with and without groups."""
    dice = random.Random(3)
    values = array("q", [2**63 - 1, -(2**63), 0, 1, -1, *(dice.randrange(-(2**63), 2**63) for _ in range(1000))])
    keys = [dice.randrange(5) for _ in values]
    assert codec.sums(codec.differences(values)) == values
    assert codec.grouped_sums(keys, codec.grouped_differences(keys, values)) == values


def test_a_file_of_version_2_is_read(tmp_path: Path) -> None:
    """It has what the same file has now, frame for frame."""
    whole = build(9, 2 * BLOCK + 77)
    path = tmp_path / "a.simtrace"
    path.write_bytes(assemble(as_version_2(whole.save(path)), version=2))
    assert same(Trace.load(path), whole)


@pytest.mark.parametrize("kind", [FrameKind.ACTORS, FrameKind.OBJECTS, FrameKind.EVENTS])
@pytest.mark.parametrize("items", [BLOCK + 1, 2**32 - 1])
def test_a_frame_of_version_2_that_claims_too_much_is_refused(tmp_path: Path, kind: FrameKind, items: int) -> None:
    """Before anything of that size is made."""
    path = tiny().save(tmp_path / "a.simtrace")
    found = as_version_2(path)
    parts = [(one, items, [raw[0], *[b""] * (len(raw) - 1)]) if one is kind else (one, own, raw) for one, own, raw in found]
    path.write_bytes(assemble(parts, version=2))
    refused(path, f"a frame of {kind.word} with {items:,} rows")


def test_names_that_differ_in_a_number_come_back(tmp_path: Path) -> None:
    """Whatever digits stand in them, and wherever."""
    small = ["", "0", "7", "07", "a007", "a-0", "a-00", "v1.2", "1", "\n3\n"]
    names = [*small, "10" * 12, "x" + "9" * 18, "x1" + "0" * 18, "a\u06634", "4\u0663"]
    actors = [ActorInfo(name, other) for name in names for other in (*names, "player-1 of 3", "player-2 of 3")]
    whole = dataclasses.replace(build(2, 30), actors=actors)
    path = whole.save(tmp_path / "a.simtrace")
    assert Trace.load(path).actors == actors


def test_many_like_names_take_next_to_nothing(tmp_path: Path) -> None:
    """A name of a thread takes no more than a tenth of a byte where its number is the next one."""

    def size(number: int) -> int:
        actors = [ActorInfo("main", ""), *(ActorInfo(f"main/{n}", f"worker-{n}") for n in range(1, number))]
        path = dataclasses.replace(build(2, 30), actors=actors).save(tmp_path / "a.simtrace")
        return path.stat().st_size

    assert size(5010) - size(10) < 500
