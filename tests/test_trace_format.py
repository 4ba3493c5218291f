"""docs/trace-format.md is true: its reader reads what simcore writes, its example is a trace, its tables are complete."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from synthetic import build
from trace_files import parts_of, same

from simcore.trace import codec, store, tables
from simcore.trace.codec import BLOCK, FrameKind
from simcore.trace.events import FIXED_OBJECTS, FORMAT_VERSION, Kind, ObjectKind, Outcome
from simcore.trace.model import (
    ActorInfo,
    Columns,
    DeadlockLink,
    Ending,
    Header,
    ObjectInfo,
    Pending,
    ProcessInfo,
    Scenario,
    Site,
    Span,
    Trace,
)

PAGE = Path(__file__).parent.parent / "docs" / "trace-format.md"
TEXT = PAGE.read_text(encoding="utf-8")
OLD_FILES = sorted((PAGE.parent.parent / "traces").glob("v*/*/*.simtrace"))


def section(title: str) -> str:
    """A section of the page, without its heading."""
    return re.split(r"^#+ ", TEXT.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def code(title: str, number: int = 0) -> str:
    """A block of code in a section."""
    return str(re.findall(r"^```\w*\n(.*?)^```", section(title), flags=re.M | re.S)[number])


def example() -> Trace:
    """The run of the page: a thread prints while it holds a lock, then sets an event that uses the same lock."""
    head = Header(
        Scenario("file", "hello.py"),
        simcore="0.1.0",
        python="3.12.1",
        implementation="CPython",
        platform="Linux",
        machine="x86_64",
        start_ns=5_000_000_000,
    )
    sites = [Site("", 0, ""), Site("hello.py", 3, "<module>"), *(Site("hello.py", line, "greet") for line in (6, 7, 8))]
    objects = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS[:8]]
    objects.append(ObjectInfo(0, ObjectKind.LOCK, 1, 1, "talk"))
    objects.append(ObjectInfo(0, ObjectKind.EVENT, 1, 1, "done"))
    columns = Columns()
    events = (
        (Kind.ACQUIRE, 8, 2, 1, 0, 41_250),
        (Kind.WRITE, 1, 3, 0, 0, 55_900),
        (Kind.RELEASE, 8, 4, 0, 0, 58_312),
        (Kind.CLOCK, 6, 1, 5_000_060_000, 0, 60_204),
        (Kind.ACQUIRE, 8, 3, 1, 300, 371_830),
        (Kind.RELEASE, 8, 3, 0, 0, 382_333),
        (Kind.CLOCK, 6, 1, 5_000_384_000, 0, 384_411),
    )
    for kind, obj, site, value, waited_us, at_ns in events:
        for column, cell in zip(tables.columns_of(columns), (0, kind, obj, site, value, waited_us, at_ns), strict=True):
            column.append(cell)
    spans = [Span("Event.set", 0, 9, 3, 4, 5)]
    actors = [ActorInfo("main", "MainThread")]
    ending = Ending(exit_code=0, duration_ns=400_000)
    return Trace(head, actors, objects, sites, ["hello\n"], columns, spans, {"hello.py": "...\n"}, ending)


def shown(path: Path) -> dict[str, str]:
    """What the page shows of a file: its bytes, its frames, its rows."""
    data = path.read_bytes()
    lines = [data[at : at + 16] for at in range(0, len(data), 16)]
    letters = ["".join(chr(byte) if 32 <= byte < 127 else "." for byte in line) for line in lines]
    dump = "".join(
        f"{16 * n:04x}  {line.hex(' '):47}  {text}\n" for n, (line, text) in enumerate(zip(lines, letters, strict=True))
    )
    with path.open("rb") as file:
        frames = [frame for frame in store.read_frames(path, file) if isinstance(frame, store.Frame)]
    listed = "".join(f"{frame.offset:4} {frame.kind.value.decode()} {frame.items} {frame.raw!r}\n" for frame in frames)
    rows = "".join(f"{kind} {row!r}\n" for kind, payload in reader()(data) if kind in reader_types() for row in payload)
    return {"bytes": dump, "frames": listed, "rows": rows, "size": str(len(data))}


def reader_names() -> dict[str, Any]:
    """The names that the code of the page defines."""
    names: dict[str, Any] = {}
    exec(compile(code("A reader in Python"), str(PAGE), "exec"), names)
    return names


def reader() -> Callable[[bytes], Iterator[tuple[str, Any]]]:
    """The page's function `read`."""
    return cast("Callable[[bytes], Iterator[tuple[str, Any]]]", reader_names()["read"])


def reader_types() -> dict[str, str]:
    """The page's types of columns."""
    return cast("dict[str, str]", reader_names()["TYPES"])


@pytest.mark.parametrize("trace", [build(3, BLOCK + 500), build(2, 60, outcome=Outcome.DEADLOCK), example()])
def test_the_reader_of_the_page_reads_what_simcore_writes(tmp_path: Path, trace: Trace) -> None:
    """A reader written from the page alone give every table, event, text, source and map as simcore has them."""
    found: dict[str, list[Any]] = {kind.value.decode(): [] for kind in FrameKind}
    for kind, payload in reader()(trace.save(tmp_path / "a.simtrace").read_bytes()):
        found[kind] += [payload] if isinstance(payload, dict) else payload[1] if kind in ("TEXT", "SRCS") else payload
    assert found["ACTR"] == trace.actors
    assert found["SITE"] == trace.sites
    assert found["OBJS"] == trace.objects
    assert found["TEXT"] == trace.texts
    assert found["SPAN"] == trace.spans
    assert found["EVTS"] == list(zip(*tables.columns_of(trace.columns), strict=True))
    assert dict(zip(found["SRCS"][::2], found["SRCS"][1::2], strict=True)) == trace.sources
    (head,), (last,) = found["HEAD"], found["LAST"]
    assert tables.from_map(Header, head, "the header") == trace.header
    counts, index = last.pop("counts"), last.pop("frames")
    assert tables.from_map(Ending, last, "the ending") == trace.ending
    assert counts["events"] == sum(items for kind, _, items in index if kind == "EVTS") == len(trace)


@pytest.mark.parametrize("version", sorted({path.parent.parent.name for path in OLD_FILES}))
def test_the_reader_of_the_page_reads_older_files(version: str) -> None:
    """It reads every reference recording of every version; what its rows lack at the end is empty."""
    files = [path for path in OLD_FILES if path.parent.parent.name == version]
    for path in files:
        trace = Trace.load(path)
        found: dict[str, list[Any]] = {kind.value.decode(): [] for kind in FrameKind}
        for kind, payload in reader()(path.read_bytes()):
            found[kind] += payload if kind in reader_types() else []
        assert found["ACTR"] == trace.actors
        assert found["SITE"] == trace.sites
        assert [(*row, *[""] * (6 - len(row))) for row in found["OBJS"]] == trace.objects
        assert found["SPAN"] == trace.spans
        assert found["EVTS"] == list(zip(*tables.columns_of(trace.columns), strict=True))


def test_the_file_of_the_page_is_what_the_page_says(tmp_path: Path) -> None:
    """The bytes of the page load as the example, and its frames and rows are those in these bytes.

    Compressed bytes may differ between versions of zlib, so the file is read, not compared with one written now.
    """
    path = tmp_path / "page.simtrace"
    dump = code("A file, byte by byte")
    path.write_bytes(b"".join(bytes.fromhex(line[6:53]) for line in dump.splitlines()))
    assert same(Trace.load(path), example())
    view = shown(path)
    assert dump == view["bytes"]
    assert code("A file, byte by byte", 1) == view["frames"]
    assert code("A file, byte by byte", 2) == view["rows"]
    assert f"The file has {view['size']} bytes" in section("A file, byte by byte")
    written = parts_of(example().save(tmp_path / "now.simtrace"))
    assert parts_of(path)[1:-1] == written[1:-1]


def test_the_page_lists_every_kind() -> None:
    """Every kind of event, object, frame and outcome stands on the page with its number and word."""
    events = re.findall(r"^\| (\d+) \| (\w+) \|", section("Events"), flags=re.M)
    assert events == [(str(int(kind)), kind.name.lower()) for kind in Kind if kind < Kind.CREATE]
    objects = re.findall(r"(\d+) \| (\w+)[ :]", section("Tables of rows"))
    assert {(int(number), word) for number, word in objects} == {(int(kind), kind.name.lower()) for kind in ObjectKind}
    frames = re.findall(r"^\| `(\w{4})` \|", section("The file"), flags=re.M)
    assert [letters.encode() for letters in frames] == [kind.value for kind in FrameKind]
    assert ", ".join(f"{int(outcome)} {outcome.word}" for outcome in Outcome) in section("`LAST`")
    assert f"format version {FORMAT_VERSION}" in TEXT


def test_the_page_lists_every_field() -> None:
    """Every field of the header, the scenario, the ending and the rows stands on the page."""
    for title, records in (("`HEAD`", (Header, Scenario)), ("`LAST`", (Ending,))):
        cells = " ".join(re.findall(r"^\| (`.*?) \|", section(title), flags=re.M))
        expected = {field.name for record in records for field in dataclasses.fields(record)}
        extra = {"counts", "frames"} if records == (Ending,) else set()
        assert set(re.findall(r"`(\w+)`", cells)) == expected | extra
    for title, rows in (("Tables of rows", (ActorInfo, Site, ObjectInfo, Span)), ("`LAST`", (Pending, DeadlockLink))):
        for row in rows:
            assert all(f"`{name}`" in section(title) for name in row._fields), row
    assert all(f"`{field.name}`" in section("`LAST`") for field in dataclasses.fields(ProcessInfo))
    assert re.findall(r"^\| `(\w+)` \| [ui]", section("Events"), flags=re.M) == [
        field.name for field in dataclasses.fields(Columns)
    ]
    assert all(f"`{name}`" in section("`LAST`") for name in tables.Sizes._fields)


def test_the_page_names_the_limits() -> None:
    """The numbers of the page are those of the code."""
    limits = section("Limits")
    assert f"{codec.MAX_RAW >> 20} MiB" in limits
    assert f"{codec.BLOCK} items" in limits
    assert codec.encode_start(FORMAT_VERSION)[:12].hex(" ").upper() in section("The file")
    assert codec.END_MARK.hex(" ").upper() in section("The file")
    assert f"{store._MEMORY_FREE >> 20} MiB plus" in limits
    assert f"{store._MEMORY_PER_BYTE} times its size" in limits.replace("\n", " ")
