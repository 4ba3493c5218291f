"""`simcore export`: what each format has of a trace, counted against the trace, and the hook that the formats come through."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cli_programs import Run, outside
from extras import needed
from pictures import CONTENDED, LOCK, leak, small
from synthetic import build
from test_flows import family

from simcore.analysis.flows import flows
from simcore.analysis.stretches import Stretches
from simcore.engine.exporter import Exporter
from simcore.engine.plugins import PluginHost
from simcore.errors import PluginError, UsageError
from simcore.exports import builtin
from simcore.exports.part import Part
from simcore.exports.protobuf import number, varint
from simcore.exports.tracks import OWN_NUMBERS
from simcore.trace.events import Kind, Outcome
from simcore.trace.facts import event_facts
from simcore.trace.model import ActorInfo, Ending, ProcessInfo, Span, Trace
from simcore.trace.words import Words

pytest_plugins = ["cli_fixtures"]

DOCS = Path(__file__).parent.parent / "docs" / "export.md"
HOSTILE = '</script><img src=x onerror=alert(1)> "\\ \x1b[31m \ud800 \u2028'


def written(exporter: Any, trace: Trace, first: int = 0, last: int | None = None) -> bytes:
    """What an exporter makes of a part of a trace."""
    file = io.BytesIO()
    exporter(Part(trace, first, last), file)
    return file.getvalue()


def hostile() -> Trace:
    """A trace whose names and texts are made to break out of whatever they stand in."""
    trace = small(*CONTENDED, (1, Kind.WRITE, 1, 0, 1300, 0), texts=[HOSTILE], threads=3)
    trace.actors[1] = ActorInfo("main/1", HOSTILE)
    trace.objects[LOCK] = trace.objects[LOCK]._replace(label=HOSTILE)
    trace.sites[1] = trace.sites[1]._replace(file=HOSTILE, function=HOSTILE)
    return trace


class Packets:
    """A Perfetto trace read back with Perfetto's own messages: tracks, and the slices and moments on them."""

    def __init__(self, data: bytes) -> None:
        protos = needed("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
        trace = protos.Trace()
        trace.ParseFromString(data)
        self.processes: dict[int, Any] = {}
        self.threads: dict[int, Any] = {}
        self.locks: dict[int, Any] = {}
        self.marks: list[tuple[int, int, int, str, str, list[int], list[int], dict[str, object]]] = []
        names: dict[str, dict[int, str]] = {"event_names": {}, "event_categories": {}, "debug_annotation_names": {}}
        texts: dict[int, str] = {}
        for packet in trace.packet:
            if packet.HasField("track_descriptor"):
                described = packet.track_descriptor
                kind = "processes" if described.HasField("process") else "threads" if described.HasField("thread") else "locks"
                getattr(self, kind)[described.uuid] = described
            for table, known in names.items():
                known.update((one.iid, one.name) for one in getattr(packet.interned_data, table))
            texts.update((one.iid, one.str.decode()) for one in packet.interned_data.debug_annotation_string_values)
            if packet.HasField("track_event"):
                event = packet.track_event
                arguments = {
                    names["debug_annotation_names"][one.name_iid]: texts[one.string_value_iid]
                    if one.string_value_iid
                    else getattr(one, one.WhichOneof("value"))
                    for one in event.debug_annotations
                }
                name = names["event_names"][event.name_iid] if event.name_iid else ""
                (category,) = [names["event_categories"][one] for one in event.category_iids] or [""]
                out, into = list(event.flow_ids), list(event.terminating_flow_ids)
                self.marks.append((event.type, event.track_uuid, packet.timestamp, name, category, out, into, arguments))

    def of(self, category: str) -> list[tuple[int, int, int, str, str, list[int], list[int], dict[str, object]]]:
        """The beginnings and moments of one category."""
        return [mark for mark in self.marks if mark[4] == category]

    def check_nesting(self) -> None:
        """On each track times never go back, and every slice ends, the inner before the outer."""
        depth: Counter[int] = Counter()
        last: dict[int, int] = {}
        for kind, track, at_ns, *_ in self.marks:
            assert at_ns >= last.get(track, 0)
            last[track] = at_ns
            depth[track] += {1: 1, 2: -1, 3: 0}[kind]
            assert depth[track] >= 0
        assert set(depth.values()) <= {0}


def check_against(packets: Packets, trace: Trace) -> None:
    """All processes, threads, operations, waits, sleeps, events, holds and flows of the trace, no more and no fewer."""
    packets.check_nesting()
    assert len(packets.processes) == len(set(trace.processes))
    assert len(packets.threads) == len(trace.actors)
    assert {one.parent_uuid for one in packets.threads.values()} == set(packets.processes)
    c = trace.columns
    assert [mark[7]["position"] for mark in packets.of("event")] == list(range(len(trace)))
    assert len(packets.of("operation")) == len(trace.spans)
    stretches = Stretches(trace)
    waited = sorted(wait.position for wait in stretches.waits if wait.position >= 0)
    assert sorted(mark[7]["position"] for mark in packets.of("wait")) == waited
    never = [wait for wait in stretches.waits if wait.position < 0]
    assert len(packets.of("never ended")) + len(packets.of("deadlock")) == len(never)
    slept = sum(c.kind[p] == Kind.SLEEP and c.waited_us[p] > 0 for p in range(len(trace)))
    assert len(packets.of("sleep")) == slept
    assert len(packets.of("held")) == sum(len(holds) for holds in stretches.holds.values())
    begins = {flow: mark[7]["position"] for mark in packets.marks for flow in mark[5]}
    ends = {flow: mark[7]["position"] for mark in packets.marks for flow in mark[6]}
    assert [(begins[flow], ends[flow]) for flow in sorted(begins)] == [flow[1:] for flow in flows(trace)]
    assert begins.keys() == ends.keys()


# --- perfetto ----------------------------------------------------------------------------------------------------------------


def test_perfetto_has_all_of_four_forked_processes() -> None:
    """Of a real run under fork, counted against the trace; pids and names are those of the run."""
    trace = family()
    packets = Packets(written(builtin.perfetto, trace))
    check_against(packets, trace)
    assert {one.process.pid for one in packets.processes.values()} == {info.pid for info in trace.ending.processes}
    mains = {one.thread.tid for one in packets.threads.values() if one.thread.tid == one.thread.pid}
    assert len(mains) == 4
    assert 'main.1 "w-0" (fork)' in {one.process.process_name for one in packets.processes.values()}
    assert len(packets.of("operation")) > 0
    assert len(packets.of("wait")) > 0
    assert {mark[7]["where"] for mark in packets.of("operation")} <= _wheres(trace)


def _wheres(trace: Trace) -> set[str]:
    words = Words(trace)
    return {words.site_in_full(site) for site in trace.sites}


@pytest.mark.parametrize(("actors", "outcome"), [(3, Outcome.OK), (12, Outcome.OK), (4, Outcome.DEADLOCK), (1, Outcome.OK)])
def test_perfetto_has_all_of_any_trace(actors: int, outcome: Outcome) -> None:
    """Of made traces with nested operations, waits that never ended, one actor."""
    trace = build(actors, 900, actors, outcome=outcome)
    packets = Packets(written(builtin.perfetto, trace))
    check_against(packets, trace)
    assert len(packets.of("deadlock")) == (3 if outcome is Outcome.DEADLOCK else 0)
    assert all(mark[3].startswith("DEADLOCK: waits for ") for mark in packets.of("deadlock"))


def test_perfetto_tells_events_in_words_and_times_them_as_the_trace() -> None:
    """The moment of an event has its words, and the wait before it ends there; a hold is named by who holds."""
    packets = Packets(written(builtin.perfetto, small(*CONTENDED)))
    (took,) = [mark for mark in packets.of("event") if mark[7]["position"] == 4]
    assert took[2:4] == (1_251_000, "take stock")
    assert took[7]["what"] == "took stock after 45 us"
    (wait,) = packets.of("wait")
    assert wait[2:4] == (1_206_000, "waits for stock")
    assert [mark[3] for mark in packets.of("held")] == ["producer", "consumer"]
    (lock,) = packets.locks.values()
    assert lock.name == "held: `stock` (Lock, buf.py:18)"


def test_operations_in_operations_are_slices_in_slices() -> None:
    """Outer ones begin first and end last, and an operation of one event holds that event."""
    spans = [Span("Queue.get", 2, LOCK, 1, 4, 5), Span("Condition.wait", 2, LOCK, 2, 4, 4), Span("Queue.put", 1, LOCK, 1, 0, 3)]
    packets = Packets(written(builtin.perfetto, small(*CONTENDED, spans=spans)))
    packets.check_nesting()
    assert [mark[3] for mark in packets.of("operation")] == ["Queue.put stock", "Queue.get stock", "Condition.wait stock"]


def test_a_part_has_its_part() -> None:
    """Events, what lies around them cut to the part, and only arrows with both ends in it."""
    trace = build(5, 800, 3)
    packets = Packets(written(builtin.perfetto, trace, 200, 420))
    packets.check_nesting()
    assert [mark[7]["position"] for mark in packets.of("event")] == list(range(200, 421))
    at_ns = trace.columns.at_ns
    assert all(at_ns[200] <= mark[2] <= at_ns[420] for mark in packets.marks)
    assert sum(len(mark[5]) for mark in packets.marks) == sum(one.source >= 200 and one.target <= 420 for one in flows(trace)) > 0


def test_numbers_of_processes_are_never_shared() -> None:
    """A pid that the system gave twice, or that nobody knows, is replaced by a number that is no pid."""
    actors = [ActorInfo("main", ""), ActorInfo("main.1", ""), ActorInfo("main.2", "")]
    ending = Ending(processes=[ProcessInfo("main", 7), ProcessInfo("main.1", 8, "fork"), ProcessInfo("main.2", 8, "fork")])
    packets = Packets(written(builtin.perfetto, small(*CONTENDED, actors=actors, ending=ending)))
    pids = [one.process.pid for one in packets.processes.values()]
    assert len(set(pids)) == len(pids)
    assert max(pids) >= OWN_NUMBERS


@pytest.mark.parametrize("value", [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**64 - 1])
def test_numbers_are_written_as_protobuf_reads_them(value: int) -> None:
    """At every length of a varint."""
    internal = needed("google.protobuf.internal.decoder")
    assert internal._DecodeVarint(varint(value), 0) == (value, len(varint(value)))


def test_a_number_below_zero_takes_ten_bytes() -> None:
    """As protobuf has it: the two's complement of 64 bits."""
    assert number(4, -1) == b"\x20" + b"\xff" * 9 + b"\x01"


# --- chrome ------------------------------------------------------------------------------------------------------------------


def test_chrome_is_json_with_the_same_slices_and_arrows() -> None:
    """Counted against the trace; slices end on their threads, arrows begin and end inside of slices."""
    trace = family()
    events = json.loads(written(builtin.chrome, trace))["traceEvents"]
    by_phase = Counter(event["ph"] for event in events)
    assert by_phase["B"] == by_phase["E"]
    assert by_phase["s"] == by_phase["f"] == len(flows(trace))
    assert Counter(event["cat"] for event in events if event["ph"] == "s") == Counter(f.kind.value for f in flows(trace))
    told = [event["args"]["position"] for event in events if event.get("cat") == "event"]
    assert told == list(range(len(trace)))
    assert sum(event.get("cat") == "operation" for event in events) == len(trace.spans)
    threads = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event.get("name") == "thread_name"}
    assert len([name for name in threads.values() if not name.startswith("held: ")]) == len(trace.actors)
    open_on: Counter[tuple[int, int]] = Counter()
    for event in events:
        place = event["pid"], event["tid"]
        open_on[place] += {"B": 1, "E": -1}.get(event["ph"], 0)
        assert place in threads or event["ph"] == "M"
        assert event["ph"] not in "sf" or open_on[place] > 0
    assert set(open_on.values()) == {0}


# --- jsonl and parquet -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", [build(4, 600, 2), leak(), small(*CONTENDED), hostile(), small()])
def test_a_line_is_what_show_says_of_an_event(trace: Trace) -> None:
    """Each line has the members of `simcore show --json`, of hostile names as well."""
    lines = written(builtin.jsonl, trace).decode("ascii").splitlines()
    words = Words(trace)
    assert [json.loads(line) for line in lines] == [event_facts(trace, words, position) for position in range(len(trace))]


@pytest.mark.parametrize("trace", [build(4, 600, 2), small(*CONTENDED), small()])
def test_a_row_is_what_a_line_is(trace: Trace) -> None:
    """The table has the members of a line as columns, and its values."""
    parquet = needed("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written(builtin.parquet, trace)))
    words = Words(trace)
    assert table.to_pylist() == [event_facts(trace, words, position) for position in range(len(trace))]


def test_a_table_of_many_rows_has_them_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written in groups of rows, so that a long trace needs little memory."""
    parquet = needed("pyarrow.parquet")
    monkeypatch.setattr("simcore.exports.parquet.ROWS", 100)
    file = parquet.ParquetFile(io.BytesIO(written(builtin.parquet, build(3, 450, 1), 20, 419)))
    assert file.num_row_groups == 4
    assert file.read().column("position").to_pylist() == list(range(20, 420))


@pytest.mark.parametrize("name", ["perfetto", "chrome", "jsonl", "parquet"])
def test_hostile_names_are_texts(name: str) -> None:
    """Names that would end a string, a line or a page, and a lone surrogate, end nothing."""
    if name == "parquet":
        needed("pyarrow")
    data = written(getattr(builtin, name), hostile())
    assert data
    if name == "chrome":
        names = {event["args"]["name"] for event in json.loads(data)["traceEvents"] if event["ph"] == "M"}
        assert any("</script>" in one and "\\ud800" in one for one in names)
    if name == "perfetto":
        assert any("\\ud800" in one.thread.thread_name for one in Packets(data).threads.values())


# --- the command -------------------------------------------------------------------------------------------------------------


def test_a_file_is_named_after_its_trace(run: Run, traces: Path, here: Path) -> None:
    """It lies in the working folder unless -o says where; what was there before is replaced; - is stdout."""
    code, out, err = run("export", "a", "--to", "jsonl")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"a\.jsonl  300 events, \d+\.\d KB\n", out)
    whole = (here / "a.jsonl").read_text()
    assert whole.count("\n") == 300
    assert run("export", "a", "--to", "jsonl", "-o", "x.jsonl", "--range", "@10..@19")[1].startswith(
        "x.jsonl  10 events of 300, @10..@19, "
    )
    assert (here / "x.jsonl").read_text() == "".join(whole.splitlines(keepends=True)[10:20])
    assert run("export", "a", "--to", "jsonl", "-o", "-") == (0, whole, "")
    facts = json.loads(run("export", "--to", "chrome", "--json")[1])
    assert (facts["format"], facts["file"], facts["events"], facts["first"], facts["last"]) == (
        "chrome",
        "dead.json",
        200,
        0,
        199,
    )
    assert sorted(path.name for path in here.iterdir() if path.is_file()) == ["a.jsonl", "dead.json", "x.jsonl"]


def test_without_a_format_they_are_listed(run: Run, here: Path) -> None:
    """Each with its suffix and what it is, in 80 columns; the same in JSON."""
    code, out, _ = run("export")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line and not line.startswith(" ")][:4] == sorted(
        ["chrome", "jsonl", "parquet", "perfetto"]
    )
    assert max(map(len, out.splitlines())) <= 80
    listed = json.loads(run("export", "--json")[1])
    assert {one["name"]: one["suffix"] for one in listed}["perfetto"] == ".pftrace"


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            ["--to", "perfeto"],
            "there is no format 'perfeto' to export to; there are chrome, jsonl, parquet, perfetto",
            "--to perfetto",
        ),
        (["--to", "jsonl", "-o", "."], "-o . is a folder, expected a file", "-o a.jsonl"),
        (["--to", "jsonl", "-o", ".simtraces/b.simtrace"], "would overwrite a trace", "-o a.jsonl"),
        (["--to", "jsonl", "-o", "no/where.jsonl"], "cannot write no/where.jsonl: there is no folder no", "mkdir -p no"),
        (["--to", "jsonl", "--range", "@300"], "there is no event @300", "main"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, traces: Path, here: Path, arguments: list[str], error: str, hint: str) -> None:
    """One line, one hint, exit code 2, and no file."""
    code, out, err = run("export", "a", *arguments)
    assert (code, out) == (2, "")
    assert error in err.splitlines()[0]
    assert hint in err.splitlines()[1]
    assert [path for path in here.iterdir() if path.is_file()] == []


def test_no_file_takes_the_place_of_a_pipe_or_a_device(run: Run, traces: Path, here: Path) -> None:
    """A named pipe stands for `/dev/null` too: said at once, with nobody at its other end, and it is there afterwards."""
    os.mkfifo("pipe")
    (here / "app.py").write_text("")
    for arguments in (["export", "a", "--to", "jsonl"], ["record", "--until-failure", "app.py"], ["record", "app.py"]):
        ran = outside(arguments[0], "-o", "pipe", *arguments[1:], cwd=here)
        assert (ran.returncode, ran.stdout) == (2, ""), ran
        assert ran.stderr.splitlines()[0] == "error: pipe is a device, a pipe or the like, expected a file"
        assert Path("pipe").is_fifo()


def test_what_pyarrow_is_missing_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the export names it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        written(builtin.parquet, small(*CONTENDED))
    assert caught.value.hint == "pip install 'simcore[data]'"


def test_a_part_that_is_none_is_refused() -> None:
    """Positions that the trace does not have."""
    with pytest.raises(UsageError, match="is no part of a trace of 6 events"):
        Part(small(*CONTENDED), 3, 9)
    assert len(Part(small())) == 0


def test_a_trace_that_was_cut_off_says_so(run: Run, here: Path) -> None:
    """What is there is exported."""
    path = build(3, 70_000, 1).save(here / "whole.simtrace")
    (here / "part.simtrace").write_bytes(path.read_bytes()[:-3000])
    code, out, _ = run("export", "part", "--to", "jsonl")
    assert code == 0
    assert out.splitlines()[1].startswith("CUT OFF: ")


# --- the hook ----------------------------------------------------------------------------------------------------------------

PLUGIN = """
from simcore.api import exporter, hookimpl

@exporter(suffix=".txt", title="names")
def names(part, file):
    file.write(" ".join(part.words.event(position) for position in part.positions).encode())

@exporter(suffix=".bad")
def bad(part, file):
    file.write(b"half")
    {}["gone"]

@hookimpl
def simcore_exporters():
    return [names, bad]
"""


def test_a_plugin_adds_a_format(run: Run, traces: Path, here: Path) -> None:
    """It is listed, writes as simcore's own do, and when it fails it is named with file and line and leaves no file."""
    (here / "mine.py").write_text(PLUGIN)
    assert "names" in run("export", "--plugin", "mine.py")[1]
    assert run("export", "a", "--to", "names", "--plugin", "mine.py")[0] == 0
    assert "took balance_lock" in (here / "a.txt").read_text()
    code, out, err = run("export", "a", "--to", "bad", "--plugin", "mine.py")
    assert (code, out) == (4, "")
    assert err.startswith("error: plugin 'mine' (mine.py:11) failed in its exporter bad: KeyError: 'gone'")
    assert not list(here.glob("*.bad"))
    assert not list(here.glob(".*.part"))
    assert "exporters names, bad" in " ".join(run("plugins", "--plugin", "mine.py")[1].split())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("return [print]", "returned print, which is not marked with @exporter"),
        ("return [exporter(suffix='csv')(lambda part, file: None)]", "has the name '<lambda>'"),
        ("return [exporter(suffix='csv', name='x')(lambda part, file: None)]", "has the suffix 'csv', expected one like '.csv'"),
        (
            "return [exporter(suffix='.x', name='jsonl')(lambda part, file: None)]",
            "exporter 'jsonl', which is there already from",
        ),
        ("return 7", "returned 7; expected functions marked with @exporter"),
        ("raise OSError('no')", "failed in simcore_exporters: OSError: no"),
    ],
)
def test_a_broken_plugin_is_named_and_costs_only_itself(tmp_path: Path, source: str, problem: str) -> None:
    """simcore's own formats stay."""
    path = tmp_path / "theirs.py"
    path.write_text(f"from simcore.api import exporter, hookimpl\n\n@hookimpl\ndef simcore_exporters():\n    {source}\n")
    host = PluginHost([path], env=False)
    plugin = host.find_plugin("theirs")
    assert problem in plugin.problems[0]
    assert "theirs.py:" in plugin.problems[0]
    assert {"perfetto", "chrome", "jsonl", "parquet"} == set(host.exporters)
    with pytest.raises(UsageError) as caught:
        host.find_exporter("zzz")
    assert caught.value.hint == plugin.problems[0]


def test_errors_that_are_meant_pass_as_they_are() -> None:
    """What simcore raises on purpose, and what the file raises, is not the plugin's fault."""
    for error in (UsageError("wrong"), OSError("full")):

        def failing(part: object, file: object, error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)):
            Exporter("x", ".x", "", "mine", "mine.py", failing).write(None, io.BytesIO())
    with pytest.raises(PluginError):
        Exporter("x", ".x", "", "mine", "mine.py", lambda part, file: 1 / 0).write(None, io.BytesIO())


def test_the_documents_say_what_there_is(run: Run, traces: Path) -> None:
    """docs/export.md has every option of the command, every format, and every member of a line."""
    text = DOCS.read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z]+", run("export", "--help")[1])) - {"--help", "--no"}
    assert all(f"`{option}" in text for option in options)
    lines = re.findall(r"^\| `(\w+)` \|", text.partition("## jsonl")[2].partition("\n## ")[0], re.M)
    assert lines == list(event_facts(small(*CONTENDED), Words(small(*CONTENDED)), 0))
    assert all(f"## {name}" in text for name in ("perfetto", "chrome", "jsonl", "parquet"))


def test_the_benchmark_runs() -> None:
    """`benchmarks/bench_export.py` prints its table; how long a format takes is nobody's test."""
    needed("pyarrow")
    needed("bokeh")
    script = Path(__file__).parents[1] / "benchmarks" / "bench_export.py"
    done = subprocess.run([sys.executable, str(script), "300"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [row[1] for row in rows] == ["perfetto", "chrome", "jsonl", "parquet", "report"]
    assert all(int(row[4].replace(",", "")) > 1000 for row in rows)
