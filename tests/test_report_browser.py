"""The report in a browser: it draws, zooms, tells, in light and dark, without an error and without a request."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import WIDTH, Tab, browser
from cli_programs import Run
from extras import needed
from synthetic import build
from test_exports import HOSTILE
from test_report import COMPARISON

from simcore.trace.model import ActorInfo, Trace

pytest_plugins = ["cli_fixtures"]


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """One browser for all tests of this file."""
    needed("bokeh")
    with browser() as started:
        yield started


def made(run: Run, *arguments: str) -> Path:
    """The page that a command makes."""
    code, _, err = run("report", *arguments, "-o", "page.html")
    assert (code, err) == (0, "")
    return Path("page.html")


def pixels(tab: Tab, rows: str = "rows") -> set[tuple[int, int, int]]:
    """The colours in the picture of a timeline."""

    image = needed("PIL.Image")
    shot = tab.page.locator(f'.timeline[data-rows="{rows}"]').screenshot()
    return set(image.open(io.BytesIO(shot)).convert("RGB").getdata())


@pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_in_both_schemes(run: Run, traces: Path, running: Any, scheme: str) -> None:
    """Bars of waits, holds and the deadlock in the scheme's colours; as wide as the screen; no error, no request but the file."""
    tab = Tab(running, made(run, "dead"), scheme)
    waits, deadlock = {"light": ((240, 166, 60), (211, 34, 43)), "dark": ((217, 144, 43), (224, 64, 58))}[scheme]
    assert {waits, deadlock} <= pixels(tab)
    assert tab.errors == []
    assert tab.requests == [Path("page.html").resolve().as_uri()]
    assert tab.page.evaluate("document.documentElement.scrollWidth") == WIDTH
    background = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(251, 250, 248)", "dark": "rgb(20, 23, 27)"}[scheme]


@pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated")
def test_it_follows_the_scheme_while_it_is_open(run: Run, traces: Path, running: Any) -> None:
    """Without being loaded again."""
    tab = Tab(running, made(run, "dead"))
    tab.page.emulate_media(color_scheme="dark")
    tab.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert (217, 144, 43) in pixels(tab)
    assert tab.errors == []


def test_dragging_zooms_and_a_double_click_goes_back(run: Run, traces: Path, running: Any) -> None:
    """Into the time that was dragged over."""
    tab = Tab(running, made(run, "a"))
    whole = tab.range()
    start, end = (whole[0] + (whole[1] - whole[0]) * part for part in (0.25, 0.5))
    (x0, y0), (x1, y1) = tab.place(start, 30), tab.place(end, 60)
    tab.page.mouse.move(x0, y0)
    tab.page.mouse.down()
    tab.page.mouse.move((x0 + x1) / 2, y1)
    tab.page.mouse.move(x1, y1)
    tab.page.mouse.up()
    tab.page.wait_for_function("was => simcoreCharts.get('rows').range.start > was", arg=whole[0])
    assert tab.range() == pytest.approx([start, end], abs=(whole[1] - whole[0]) / 100)
    tab.page.mouse.dblclick(x0, y0)
    tab.page.wait_for_function("was => simcoreCharts.get('rows').range.start === was", arg=whole[0])
    assert tab.range() == whole
    assert tab.errors == []


@pytest.mark.filterwarnings("ignore:Image.Image.getdata is deprecated")
def test_hovering_tells_in_words(run: Run, traces: Path, running: Any) -> None:
    """The longest wait says who waited for what and who had it: the words of the views."""
    path = made(run, "a")
    tab = Tab(running, path)
    figures = json.loads(tab.page.locator("#scenes").text_content())
    waits = next(layer for layer in figures[0]["layers"] if layer["role"] == "waits")
    longest = max(range(len(waits["left"])), key=lambda n: waits["right"][n] - waits["left"][n])
    x, y = tab.place((waits["left"][longest] + waits["right"][longest]) / 2, waits["y"][longest] + 5)
    tab.page.mouse.move(x - 3, y)
    tab.page.mouse.move(x, y)
    told = waits["text"][longest]
    assert "waited for" in told
    assert " had it" in told
    tab.page.get_by_text(told.splitlines()[1]).first.wait_for()
    assert (136, 136, 136) not in pixels(tab), "what is pointed at lost its colour"
    assert tab.errors == []


def test_rows_and_events_find_each_other(run: Run, traces: Path, running: Any) -> None:
    """A click on a row goes to its time; the search leaves the rows that have all its words."""
    tab = Tab(running, made(run, "a"))
    row = tab.page.locator("#rows tbody tr").nth(120)
    at = float(row.get_attribute("data-ms"))
    row.click()
    start, end = tab.range()
    assert start < at < end
    assert (start + end) / 2 == pytest.approx(at)
    tab.page.get_by_label("find events").fill("WORKER-1 log_lock")
    shown = tab.page.locator("#rows tbody tr:visible")
    assert 0 < shown.count() < 120
    assert all("worker-1" in text and "log_lock" in text for text in shown.all_inner_texts())
    assert tab.errors == []


def test_the_key_switches_layers(run: Run, traces: Path, running: Any) -> None:
    """Starts are hidden at first; a click shows them."""
    tab = Tab(running, made(run, "a"))
    visible = "simcoreCharts.get('rows').entries.find(one => one.role === 'flow-start').parts[0].visible"
    button = tab.page.get_by_role("button", name="start", exact=True)
    assert (tab.page.evaluate(visible), button.get_attribute("aria-pressed")) == (False, "false")
    button.click()
    assert (tab.page.evaluate(visible), button.get_attribute("aria-pressed")) == (True, "true")


def test_two_runs_and_a_comparison(run: Run, traces: Path, running: Any) -> None:
    """Two timelines, both drawn, with what diff and compare say."""
    Path("methods.json").write_text(json.dumps(COMPARISON))
    tab = Tab(running, made(run, "a", "b", "--compare", "methods.json"))
    assert tab.page.locator("[data-drawn=yes]").count() == 2
    assert "They part at" in tab.page.locator("#diff").inner_text()
    assert "VERDICTS" in tab.page.locator("#methods").inner_text()
    assert tab.errors == []


def test_hostile_names_are_shown_as_they_are(run: Run, here: Path, running: Any) -> None:
    """No script of theirs runs, nothing of theirs is an element or taken for TeX, for which Bokeh would load MathJax."""
    trace: Trace = build(3, 300, 1)
    name = HOSTILE.replace("\ud800", "") + r" $$x$$ \(y\) \[z\]"
    trace.actors[1] = ActorInfo("main/1", name)
    lock = next(number for number, info in enumerate(trace.objects) if info.label == "balance_lock")
    trace.objects[lock] = trace.objects[lock]._replace(label=name)
    trace.save(here / "wild.simtrace")
    tab = Tab(running, made(run, "wild"))
    tab.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    x, y = tab.place(sum(tab.range()) / 2, 50)
    for step in range(40):
        tab.page.mouse.move(x - 200 + 10 * step, y)
    assert tab.page.locator("img").count() == 0
    assert tab.errors == []
    assert len(tab.requests) == 1


def test_it_opens_in_time(run: Run, here: Path, running: Any) -> None:
    """Twelve actors and 2,000 events take the page's own thread less than two seconds, whatever else the machine does."""
    build(12, 2000, 3).save(here / "twelve.simtrace")
    path = made(run, "twelve")
    context = running.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.resolve().as_uri())
    page.locator("[data-drawn=yes]").wait_for()
    figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    assert figures["ThreadTime"] < 2


def test_the_pictures_can_be_taken(here: Path, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docs' script takes those of the report, light and dark, of the size of the screen."""
    building = Path(__file__).parents[1] / "docs" / "building"
    monkeypatch.syspath_prepend(str(building))
    image = needed("PIL.Image")
    import browser_views

    browser_views.reports(running, here, here)
    for name in ("report-light", "report-dark", "report-diff-light", "report-diff-dark"):
        assert image.open(io.BytesIO((here / f"{name}.png").read_bytes())).size == (1280, 760)
