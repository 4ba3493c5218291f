"""Runs, diffs and comparisons as static pictures: what is on them, that all fits, that no name breaks out of its text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from drawings import Drawing
from pictures import CONTENDED, everything, small
from synthetic import build
from test_exports import HOSTILE, hostile
from test_report import COMPARISON

import simcore
from simcore.analysis.flows import FlowKind, flows
from simcore.analysis.stretches import Stretches
from simcore.diffing import diff
from simcore.notebook.axis import Axis
from simcore.notebook.cells import without_place
from simcore.notebook.colours import COLOURS
from simcore.notebook.compared import Compared
from simcore.notebook.comparison import comparison_svg
from simcore.notebook.difference import difference_svg
from simcore.notebook.display import bundle
from simcore.notebook.picture import WIDTH, cut_to, lines_of, width_of
from simcore.notebook.running import PATIENCE_S
from simcore.notebook.timeline import MOST_LANES, timeline_svg
from simcore.report.scene import MOST_EVENTS
from simcore.trace.events import Outcome
from simcore.trace.model import Ending, Trace

PAGE = Path(simcore.__file__).parent / "report" / "page.js"
ALLOWED = {"svg", "title", "style", "rect", "path", "text"}
KEPT = {
    *(
        "width",
        "height",
        "viewBox",
        "role",
        "aria-label",
        "class",
        "fill",
        "stroke",
        "stroke-width",
        "stroke-dasharray",
        "opacity",
    ),
    *("x", "y", "rx", "d", "font-size", "font-family", "font-weight", "text-anchor"),
}
"""What the sanitisers of nbconvert, nbviewer and others leave of an SVG that they put into a page; roles and labels may go."""


def checked(svg: str) -> Drawing:
    """The drawing, when it has nothing in it that a notebook would refuse, and every text lies on its card."""
    drawing = Drawing(svg)
    assert set(drawing.tags) <= ALLOWED
    assert {name for element in drawing.elements for name in element.attrib} <= KEPT
    assert "url(" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    for x, y, text in drawing.texts:
        assert 0 <= x <= drawing.width, text
        assert 0 < y < drawing.height, text
    for element in drawing.of_tag("text"):
        x, size = float(element.get("x", 0)), float(element.get("font-size", 12))
        wide = width_of(element.text or "", size)
        left = {"middle": x - wide / 2, "end": x - wide}.get(element.get("text-anchor", ""), x)
        assert left > -2, element.text
        assert left + wide < drawing.width + 2, element.text
    used = {name for element in drawing.elements for name in element.get("class", "").split()}
    rules = set(re.findall(r"\.(simcore-[fs]-[\w-]+)\{", drawing.of_tag("style")[0].text or ""))
    assert used == rules
    return drawing


def test_every_wait_hold_and_hand_off_is_drawn_once() -> None:
    """One wait, two holds and one hand-off make one bar, two bars and one arrow, below each other in the order of time."""
    trace = small(*CONTENDED)
    drawing = checked(timeline_svg(trace))
    waits = [box for box in drawing.boxes("waits") if box[3] - box[1] == 13]
    holds = [box for box in drawing.boxes("lock0") if box[3] - box[1] == 9]
    assert (len(waits), len(holds)) == (1, 2)
    first, second = sorted(holds)
    assert first[2] <= second[0], "nobody holds it while another does"
    assert waits[0][0] < first[2] <= waits[0][2] <= second[0] + 0.2, "the wait ends where the lock is taken"
    assert first[1] < waits[0][1] < second[1], "the one that waited is the one that has it next"
    assert drawing.heads("flow-hand-off") == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_arrows_are_the_flows_of_the_trace(seed: int) -> None:
    """As many of each kind as the analysis finds, or none and their number in the key."""
    trace = build(4, 260, seed)
    drawing = checked(timeline_svg(trace))
    found = [flow.kind for flow in flows(trace)]
    for kind, name in ((FlowKind.START, "start"), (FlowKind.MESSAGE, "message"), (FlowKind.HAND_OFF, "hand-off")):
        number = found.count(kind)
        not_drawn = re.search(rf"^([\d,]+) {name}s?, not drawn$", drawing.words, re.M)
        if not_drawn:
            assert int(not_drawn[1].replace(",", "")) == number
        else:
            assert drawing.heads(f"flow-{name}") == (number or -1)


def test_a_lane_for_each_actor_grouped_by_process() -> None:
    """Twelve actors have twelve names, from top to bottom in the order of the tree."""
    trace = build(12, 2000, 1)
    drawing = checked(timeline_svg(trace))
    names = [(y, text) for x, y, text in drawing.texts if re.match(r"main(/\d+)?( |$)", text)]
    assert [text.split()[0] for _, text in sorted(names)] == ["main", *(f"main/{n}" for n in range(1, 12))]


def test_a_deadlock_says_who_waits_for_whom() -> None:
    """An arc for each link, what each waits for, who holds it, and that the owner has ended."""
    trace = simcore.record("recursive-mutex-leak", quiet=True)
    drawing = checked(timeline_svg(trace))
    assert drawing.heads("flow-deadlock") == len(trace.ending.deadlock) == 2
    stuck = [box for box in drawing.boxes("deadlock") if box[3] - box[1] == 13]
    assert len(stuck) == 2
    words = drawing.words
    assert "DEADLOCK after" in words
    assert "as expected" in words
    for said in ("still waits for account_lock", "holds account_lock", "has ENDED"):
        assert words.count(said) >= 1, said


def test_what_failed_is_marked_and_told() -> None:
    """A cross, and the error in words; of an outcome that is not the expected one what was."""
    ending = Ending(Outcome.FAILED, 1, "ValueError: too few", 2, duration_ns=2_000_000)
    trace = small(*CONTENDED, ending=ending)
    trace = replace(trace, header=replace(trace.header, scenario=replace(trace.header.scenario, expect=("deadlock",))))
    drawing = checked(timeline_svg(trace))
    assert "ValueError: too few" in drawing.words
    assert "expected: deadlock" in drawing.words
    assert "FAILED after" in drawing.words
    assert "l10 10m0 -10l-10 10" in drawing.steps("failure")


def test_nothing_in_a_trace_gets_out_of_its_text() -> None:
    """Names that would end an element or load something are text, and what no XML may have is escaped."""
    wild, tame = checked(timeline_svg(hostile())), checked(timeline_svg(small(*CONTENDED, threads=3)))
    assert set(wild.tags) == set(tame.tags)
    assert "</script><img" in wild.words
    both = checked(difference_svg(diff(hostile(), small(*CONTENDED, threads=3))))
    assert set(both.tags) <= ALLOWED
    facts = COMPARISON | {"program": HOSTILE, "overrides": [{"call": HOSTILE, "asked": "fork", "site": "", "methods": ["x"]}]}
    assert "onerror" in checked(comparison_svg(facts)).words


def test_a_long_trace_is_drawn_in_part_and_says_so() -> None:
    """Of 40,000 events 3,000 are drawn, in two seconds of processor time and less than 300 KB; the rest is told."""
    trace = build(12, 40_000, 1)
    before = time.process_time()
    svg = timeline_svg(trace)
    assert time.process_time() - before < 2
    drawing = checked(svg)
    assert len(svg) < 300_000
    assert re.search(r"Drawn are the events @0 to @2,999, 3,000 of [\d,]+; the other [\d,]+ are left out\.", drawing.words)


def test_of_many_actors_those_that_waited_longest_are_drawn() -> None:
    """The others are counted."""
    drawing = checked(timeline_svg(build(60, 3000, 1)))
    shown = sum(bool(re.match(r"main(/\d+)?( |$)", text)) for _, _, text in drawing.texts)
    assert shown == MOST_LANES
    assert f"{60 - MOST_LANES} actors that waited less than these are left out." in drawing.words


def test_nothing_happened() -> None:
    """A trace without events is a card that says so."""
    assert "no events" in checked(timeline_svg(small())).words


def test_a_diff_shows_both_runs_and_where_they_part() -> None:
    """The answer in words, two timelines with a mark each, and one colour for one lock."""
    a, b = build(3, 300, 1), build(3, 300, 2)
    drawing = checked(difference_svg(diff(a, b)))
    assert [text for _, _, text in drawing.texts].count("they part here") == 2
    assert "DIFFERENT ORDER" in drawing.words
    for lock in {trace.object_labels[thing] for trace in (a, b) for thing in Stretches(trace).holds}:
        keys = [text for _, _, text in drawing.texts if text.startswith(f"holds {lock} (")]
        assert len(keys) <= 1, lock


def test_a_diff_of_the_same_is_drawn_once() -> None:
    """One timeline, and no mark."""
    a = build(3, 300, 1)
    drawing = checked(difference_svg(diff(a, a)))
    assert "they part here" not in drawing.words
    assert "SAME ORDER" in drawing.words
    assert len([text for _, _, text in drawing.texts if text.startswith("A  ")]) == 1


def test_a_comparison_has_its_verdicts_first() -> None:
    """With what to do, then the rows with a column for each method; a value that is not the first one's stands out."""
    drawing = checked(comparison_svg(COMPARISON))
    places = {text: y for _, y, text in drawing.texts}
    assert places["QUALITY differs"] < places["pass it"] < places["Outcome"] < places["exit status"]
    assert {"fork", "spawn"} <= places.keys()
    (odd,) = (element for element in drawing.of_tag("text") if element.text == "1" and element.get("font-weight"))
    assert "simcore-f-yellow" in odd.get("class", "")
    facts = COMPARISON | {"verdicts": [], "differences": False}
    assert "No verdicts" in checked(comparison_svg(facts)).words


def test_colours_are_the_reports_in_both_schemes() -> None:
    """What the report's script calls a colour has that colour here, and a picture has the light ones as attributes."""
    text = PAGE.read_text(encoding="utf-8")
    for place, scheme in enumerate(("light", "dark")):
        block = re.search(rf"{scheme}: \{{(.*?)\n    \}}", text, re.S)
        assert block is not None
        theirs = dict(re.findall(r'"?([\w-]+)"?: "(#\w+)"', block[1]))
        shared = theirs.keys() & COLOURS.keys()
        assert {"runs", "waits", "deadlock", "lock0", "flow-hand-off", "ink", "card"} <= shared
        assert {name: theirs[name] for name in shared} == {name: COLOURS[name][place] for name in shared}
    drawing = checked(timeline_svg(small(*CONTENDED)))
    for element in drawing.elements:
        for name in element.get("class", "").split():
            what, role = re.fullmatch(r"simcore-([fs])-([\w-]+)", name).groups()  # type: ignore[union-attr]
            assert element.get({"f": "fill", "s": "stroke"}[what]) == COLOURS[role][0]


def test_texts_can_be_read_on_what_they_stand_on() -> None:
    """By the contrast that WCAG asks for: 4.5 for words on the card, 3 for what stands on bars."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str, scheme: int) -> float:
        high, low = sorted((luminance(COLOURS[name][scheme]) for name in (one, other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for scheme in (0, 1):
        for role in ("ink", "soft", "green", "red", "yellow", "blue", "split"):
            assert contrast(role, "card", scheme) >= 4.5, role
        for role, bar in (("on-waits", "waits"), ("on-joins", "joins"), ("on-dark", "stuck"), ("on-dark", "deadlock")):
            assert contrast(role, bar, scheme) >= 3, bar


def test_the_axis_goes_forward_and_folds_only_what_is_quiet() -> None:
    """A later moment never lies further left, and nothing happens inside a fold."""
    moments = [1000, 2000, 3500, 5_000_000, 5_001_000, 90_000_000, 90_002_000]
    axis = Axis(0, 91_000_000, moments, 100, 900, stands_still_ns=90_002_000)
    places = [axis(at_ns) for at_ns in range(0, 91_000_000, 10_007)]
    assert places == sorted(places)
    assert (places[0], axis(91_000_000)) == (100, 900)
    assert axis(90_002_000) == axis.tail < 900
    assert axis.folds
    for fold in axis.folds:
        assert not [at_ns for at_ns in moments if fold.left + 0.1 < axis(at_ns) < fold.right - 0.1]
    ticks = [tick.x for tick in axis.ticks()]
    assert ticks == sorted(ticks)


def test_texts_are_broken_and_cut_to_fit() -> None:
    """Between words, within one that is too long, and never wider than asked."""
    text = "one two three " + "x" * 80 + " four"
    lines = lines_of(text, 120)
    assert all(width_of(line) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert width_of(cut_to("w" * 99, 80)) <= 80
    assert cut_to("short", 80) == "short"
    assert width_of("哲学者") > width_of("abc")


def test_what_a_notebook_asks_of_each_thing() -> None:
    """A picture, and the words of the command line without a word of where a cell's file lies."""
    trace = small(*CONTENDED)
    scenario = replace(trace.header.scenario, target="file", name=".simtraces/.cells/0123456789/first.py")
    trace = replace(trace, header=replace(trace.header, scenario=scenario))
    other = small(*CONTENDED[:4])
    for thing, said in ((trace, "first.py  ok"), (diff(trace, other), "first.py"), (Compared(COMPARISON), "QUALITY differs")):
        shown = bundle(thing)
        assert shown.keys() == {"image/svg+xml", "text/plain"}
        assert checked(shown["image/svg+xml"]).width == WIDTH
        assert said in shown["text/plain"]
        assert ".cells" not in json.dumps(shown)
    with pytest.raises(TypeError, match="int has no picture"):
        bundle(7)
    assert without_place("see '../t/.cells/0123456789/a.py', b") == "see 'a.py', b"


def test_public_objects_have_a_picture_and_a_trace_loads_none_of_it() -> None:
    """`simcore.Trace` answers a notebook; nothing that draws is loaded before it asks."""
    code = """import sys, simcore
trace = simcore.Trace(header=None)
assert hasattr(trace, "_repr_mimebundle_") and hasattr(simcore.Diff, "_repr_mimebundle_")
print(sorted(name for name in sys.modules if name.startswith(("rich", "simcore.notebook", "simcore.views"))))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_events_are_strokes() -> None:
    """Each event that the list of events shows is on its lane."""
    trace = small(*CONTENDED)
    shown = [row for row in everything(trace).rows() if row.state != "waits"]
    strokes = re.findall(r"M[\d.]+ [\d.]+v9", checked(timeline_svg(trace)).steps("events"))
    assert len(strokes) == len(shown) + 1, "and the one of the key"


def test_a_trace_that_was_cut_off_says_so() -> None:
    """In the picture, too."""
    trace: Trace = small(*CONTENDED, ending=Ending(Outcome.KILLED, -9, cut_off="simcore was killed"))
    assert "CUT OFF: simcore was killed" in checked(timeline_svg(trace)).words


def test_the_docs_name_the_limits() -> None:
    """docs/jupyter.md says how much is drawn, and how long an interrupt waits."""
    text = (Path(__file__).parents[1] / "docs" / "jupyter.md").read_text(encoding="utf-8")
    assert f"Of a long run {MOST_EVENTS:,} events are drawn, of many actors the {MOST_LANES} that waited longest" in text
    assert PATIENCE_S == 3, "it says: after three seconds"
    assert "killed after three seconds" in text
