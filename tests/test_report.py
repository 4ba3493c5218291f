"""`simcore report`: what is drawn of a run, what the page says, and that nothing in a trace gets out of its text."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli_programs import Run
from extras import needed
from pictures import CONTENDED, small
from synthetic import build
from test_exports import HOSTILE, hostile

from simcore.analysis.flows import flows
from simcore.analysis.stretches import Stretches
from simcore.errors import UsageError
from simcore.report.figure import figure
from simcore.report.scene import MOST_EVENTS, MOST_LANES, Scene, drawn, scene
from simcore.report.shown import html_of, safe
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import ActorInfo, Ending, ProcessInfo, Trace
from simcore.views.events import Selection

pytest_plugins = ["cli_fixtures"]

DOCS = Path(__file__).parent.parent / "docs" / "report.md"


def scene_of(trace: Trace, first: int = 0, last: int | None = None, **options: Any) -> Scene:
    """The scene of a part of a trace."""
    return scene(trace, Stretches(trace), Selection(first, len(trace) - 1 if last is None else last), **options)


class Page(HTMLParser):
    """A page taken apart: its tags with attributes, its text outside of scripts, and the data of its timelines."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()
        self.scenes: list[dict[str, Any]] = json.loads(self.scripts[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data


# --- what is drawn -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("actors", "outcome"), [(2, Outcome.OK), (6, Outcome.OK), (4, Outcome.DEADLOCK)])
def test_bars_are_the_stretches_waits_and_holds_of_the_run(actors: int, outcome: Outcome) -> None:
    """On each lane what an actor is at covers its life without overlapping; every wait, hold and flow is there once."""
    trace = build(actors, 700, 4, outcome=outcome)
    stretches, found = Stretches(trace), scene_of(trace)
    assert [lane.actor for lane in found.lanes] == list(range(actors))
    for lane, actor in enumerate(range(actors)):
        bars = sorted(bar[2:4] for bar in found.bars if bar.lane == lane and not bar.kind.startswith("lock"))
        parts = [part[:2] for part in stretches.of_actor(actor)]
        assert (bars[0][0], bars[-1][1]) == (parts[0][0], parts[-1][1])
        assert all(one[1] == other[0] for one, other in pairwise(bars))
    kinds = Counter("lock" if bar.kind.startswith("lock") else bar.kind for bar in found.bars)
    assert kinds["waits"] + kinds["joins"] + kinds["deadlock"] == len(stretches.waits)
    long = sum(holds.since_ns[n] < holds.until_ns[n] for holds in stretches.holds.values() for n in range(len(holds)))
    assert kinds["lock"] == long
    assert len([arrow for arrow in found.arrows if arrow.kind != "deadlock"]) == len(flows(trace))
    assert len([arrow for arrow in found.arrows if arrow.kind == "deadlock"]) == len(trace.ending.deadlock)
    assert found.whole


def test_a_deadlock_is_marked_and_does_not_press_the_run_into_a_corner() -> None:
    """Who waits for ever is red, with words; the picture ends a little beyond the last event, not where the run was ended."""
    trace = build(3, 200, 1, outcome=Outcome.DEADLOCK)
    trace.ending.deadlock[0] = trace.ending.deadlock[0]._replace(owner_ended=True)
    assert [arrow.kind for arrow in scene_of(trace).arrows if "which has ENDED" in arrow.text] == ["deadlock"]
    last_ns = trace.columns.at_ns[-1]
    trace.ending.duration_ns = last_ns + 1_000_000_000
    assert last_ns < scene_of(trace).until_ns < 2 * last_ns
    bars = [bar for bar in scene_of(trace).bars if bar.kind == "deadlock"]
    assert len(bars) == 3
    layer = next(layer for layer in figure(scene_of(trace))["layers"] if layer["role"] == "deadlock")
    assert all(label.startswith("DEADLOCK: still waits for ") for label in layer["label"])


def test_a_failure_is_marked_where_it_happened() -> None:
    """With the error in words, on the lane of who failed."""
    events = (*CONTENDED, (1, Kind.END, 17, 1, 1300, 0))
    trace = small(*events, ending=Ending(Outcome.FAILED, 1, error="ValueError: no"))
    found = scene_of(trace)
    assert found.failed is not None
    assert "FAILED: ValueError: no" in found.failed.text
    assert found.lanes[found.failed.lane].actor == 1


def test_actors_stand_under_their_processes() -> None:
    """A process with several actors has a heading, one with one its pid beside the name; main.2 comes before main.10."""
    names = ["main", "main.10", "main.2", "main.2/1"]
    actors = [ActorInfo(name, "") for name in names]
    ending = Ending(processes=[ProcessInfo("main", 7), ProcessInfo("main.2", 8, "fork"), ProcessInfo("main.10", 9, "spawn")])
    events = [(actor, Kind.SLEEP, 14, 1000, 100 + actor, 1) for actor in (0, 1, 2, 3) for _ in range(2)]
    found = scene_of(small(*events, actors=actors, ending=ending))
    assert [lane.name for lane in found.lanes] == [
        "main  pid 7",
        "process main.2 (pid 8, fork)",
        "main.2",
        "main.2/1",
        "main.10  pid 9, spawn",
    ]


def test_a_long_run_is_drawn_in_part_and_the_rest_said() -> None:
    """The beginning of one that ended well, the end of another, what lies around a split; more than that is refused."""
    trace, dead = build(3, 9000, 1), build(3, 9000, 1, outcome=Outcome.DEADLOCK)
    assert drawn(trace, 0, 8999, asked=False) == (0, MOST_EVENTS - 1)
    assert drawn(dead, 0, 8999, asked=False) == (9000 - MOST_EVENTS, 8999)
    first, last = drawn(trace, 0, 8999, asked=False, around=5000)
    assert first < 5000 < last
    assert last - first + 1 == MOST_EVENTS
    assert drawn(trace, 0, 8999, asked=False, around=8998) == (9000 - MOST_EVENTS, 8999)
    assert drawn(trace, 10, 2500, asked=True) == (10, 2500)
    with pytest.raises(UsageError, match="--range has 9,000 events, expected at most 3,000"):
        drawn(trace, 0, 8999, asked=True)
    part = scene_of(trace, 1000, 2000)
    assert all(part.window.first_ns <= bar.since_ns <= bar.until_ns <= part.window.last_ns for bar in part.bars)
    assert all(1000 <= dot.position <= 2000 for dot in part.dots)


def test_of_many_actors_those_that_waited_most_are_drawn() -> None:
    """The others are counted."""
    found = scene_of(build(MOST_LANES + 20, 2900, 2))
    assert len(found.lanes) == MOST_LANES
    assert found.lanes_left_out == 20
    assert {row.actor for row in found.rows} <= {lane.actor for lane in found.lanes}


def test_a_trace_without_events_is_drawn() -> None:
    """As an empty timeline."""
    assert figure(scene_of(small()))["layers"] == []


def test_views_become_html_of_the_same_words() -> None:
    """Escaped, and coloured by classes."""
    from rich.text import Text

    text = Text("a < b & 'c' ").append("red", style="bold red").append(" plain")
    assert html_of(text) == ('<pre class="view">a &lt; b &amp; &#x27;c&#x27; <span class="bold red">red</span> plain</pre>')
    assert safe('"\ud800<') == "&quot;\\ud800&lt;"


# --- the page ----------------------------------------------------------------------------------------------------------------


def report_page(run: Run, *arguments: str) -> Page:
    """The page that a command makes."""
    needed("bokeh")
    code, out, err = run("report", *arguments, "-o", "page.html")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"page\.html  \d+\.\d MB; open it in any browser\n", out)
    return Page(Path("page.html").read_text(encoding="utf-8"))


def test_a_page_has_all_of_a_run(run: Run, traces: Path) -> None:
    """The summary, a timeline, waits and locks, and the rows of the listing; it names nothing outside of itself."""
    page = report_page(run, "dead")
    assert "DEADLOCK after" in page.text
    assert "balance_lock" in page.text
    assert "longest waits" in page.text
    (only,) = page.scenes
    assert {"waits", "deadlock", "events", "flow-hand-off"} <= {layer["role"] for layer in only["layers"]}
    assert [lane["name"] for lane in only["lanes"]] == ["main", 'main/1 "worker-1"', 'main/2 "worker-2"']
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and "data-ms" in attributes]
    listed = run("show", "dead", "--all")[1]
    assert len(rows) == len(re.findall(r"^ *@\d+ ", listed, re.M)) + len(re.findall(r" \.\.\. waits", listed))
    for _, attributes in page.tags:
        assert not attributes.get("src")
        assert (attributes.get("href") or "#").startswith(("#", "data:"))


def test_two_runs_and_where_they_part(run: Run, traces: Path) -> None:
    """What `simcore diff` says, then each run with the place where they part."""
    page = report_page(run, "a", "b")
    said = run("diff", "a", "b")[1].splitlines()[0]
    assert said in page.text
    assert page.text.count("Timeline of ") == 2
    assert len(page.scenes) == 2
    assert all(one["split"] is not None for one in page.scenes)
    again = report_page(run, "a", "a")
    assert "SAME ORDER" in again.text
    assert [one["split"] for one in again.scenes] == [None, None]


COMPARISON = {
    "version": 1,
    "program": "<b>thumbs.py</b>",
    "python": "CPython 3.12.1",
    "cpus": 2,
    "load": 0.1,
    "columns": [{"label": "fork", "method": "fork"}, {"label": "spawn", "method": "spawn"}],
    "runs": 2,
    "state_runs": 1,
    "times_run": 6,
    "barrier": None,
    "overrides": [],
    "outcome": [{"name": "exit status", "values": {"fork": 0, "spawn": 1}}],
    "start": [],
    "schedule": [],
    "child": [],
    "globals": {"reached": 0, "differ": 0, "rows": []},
    "verdicts": [{"severity": "SILENT", "row": 1, "text": "QUALITY differs", "methods": ["spawn"], "seen": "", "fix": "pass it"}],
    "not_on_this_python": [],
    "differences": True,
}


def test_a_comparison_of_start_methods_stands_in_it(run: Run, traces: Path, here: Path) -> None:
    """What `simcore compare --json` wrote is shown as `simcore compare` shows it; anything else is refused."""
    (here / "methods.json").write_text(json.dumps(COMPARISON))
    page = report_page(run, "a", "--compare", "methods.json")
    assert re.search(r"SILENT +QUALITY differs", page.text)
    assert "<b>thumbs.py</b>" in page.text
    for wrong in ("[]", "{}", "nonsense", '{"version": 1}', '{"version": 1, "columns": 7}', "[" * 100_000):
        (here / "wrong.json").write_text(wrong)
        code, out, err = run("report", "a", "--compare", "wrong.json")
        assert (code, out) == (2, "")
        assert "error: wrong.json is no comparison, expected what `simcore compare --json` prints" in err
    assert "cannot read gone.json" in run("report", "a", "--compare", "gone.json")[2]


def test_nothing_in_a_trace_gets_out_of_its_text(run: Run, here: Path) -> None:
    """Names that would end a script, an attribute or an element make no tag that a harmless trace does not make."""
    small(*CONTENDED, (1, Kind.WRITE, 1, 0, 1300, 0), threads=3).save(here / "tame.simtrace")
    trace = hostile()
    # A file of a trace holds no lone surrogates; everything else goes through it.
    for table in (trace.actors, trace.sites):
        table[:] = [type(one)(*(part.replace("\ud800", "?") if isinstance(part, str) else part for part in one)) for one in table]
    trace.objects[:] = [one._replace(label=one.label.replace("\ud800", "?")) for one in trace.objects]
    trace.texts[:] = [HOSTILE.replace("\ud800", "?")]
    trace.save(here / "wild.simtrace")
    tame, wild = report_page(run, "tame"), report_page(run, "wild")
    # A longer name is broken into lines, each with its colour.
    assert [tag for tag, _ in wild.tags if tag != "span"] == [tag for tag, _ in tame.tags if tag != "span"]
    assert {name for tag, attributes in wild.tags if tag == "span" for name in attributes} <= {"class", "data-rows"}
    assert len(wild.scripts) == 3
    assert "<img src=x onerror=alert(1)>" in wild.text
    assert "<" not in wild.scripts[0]
    source = Path("page.html").read_text(encoding="utf-8")
    assert "\u2028" not in source
    assert "\x1b" not in source


def test_a_scene_of_lone_surrogates_is_text() -> None:
    """They come from names of threads in memory, and a page cannot hold them."""
    text = json.dumps(figure(scene_of(hostile())))
    assert "\\ud800" in text
    assert "\ud800" not in json.loads(text)["lanes"][1]["name"]


def test_a_long_trace_says_what_is_left_out(run: Run, here: Path) -> None:
    """In the page, with the option that draws the rest."""
    build(3, 9000, 1).save(here / "long.simtrace")
    page = report_page(run, "long")
    assert "Drawn are the events @0 to @2,999, 3,000 of 9,000; the other 6,000 are left out." in page.text
    page = report_page(run, "long", "--range", "@4000..@4100", "--actor", "worker-1")
    assert "Drawn are the events @4,000 to @4,100, 101 of 9,000" in page.text
    assert [lane["name"] for lane in page.scenes[0]["lanes"]] == ['main/1 "worker-1"']


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["a", "-o", "."], "-o . is a folder, expected a file"),
        (["a", "-o", ".simtraces/b.simtrace"], "would overwrite a trace"),
        (["a", "--actor", "nobody"], "the trace has no actor nobody"),
        (["gone"], "there is no trace gone"),
        (["a", "b", "dead"], "got unexpected extra argument (dead)"),
    ],
)
def test_what_cannot_be_is_refused(run: Run, traces: Path, here: Path, arguments: list[str], error: str) -> None:
    """One line, exit code 2, no page."""
    needed("bokeh")
    code, out, err = run("report", *arguments)
    assert (code, out) == (2, "")
    assert error in err
    assert not list(here.glob("*.html"))


def test_what_bokeh_is_missing_for_is_said(run: Run, traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the report names it, before a trace is read."""
    monkeypatch.setitem(sys.modules, "bokeh", None)
    code, _, err = run("report", "gone")
    assert code == 2
    assert "error: the report needs bokeh, which is not installed here" in err
    assert "hint: pip install 'simcore[html]'" in err


def test_json_and_stdout(run: Run, traces: Path, here: Path) -> None:
    """The file and its size; - writes the page to stdout. By default it is named after the trace."""
    needed("bokeh")
    facts = json.loads(run("report", "a", "--json")[1])
    assert facts["file"] == "a.html"
    assert facts["bytes"] == (here / "a.html").stat().st_size
    assert run("report", "a", "-o", "-")[1] == (here / "a.html").read_text(encoding="utf-8")


def test_the_document_has_every_option(run: Run, traces: Path, here: Path) -> None:
    """docs/report.md names them."""
    needed("bokeh")
    text = DOCS.read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z]+", run("report", "--help")[1])) - {"--help", "--no"}
    assert all(f"`{option}" in text for option in options)
