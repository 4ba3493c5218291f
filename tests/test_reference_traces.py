"""Recordings of earlier days can be read for ever, and replayed by the Python that made them."""

import json
from pathlib import Path

import pytest
from cli_programs import Run

import simcore
from simcore.engine.interpreter import running_minor
from simcore.trace.events import Verdict
from simcore.trace.model import Trace

pytest_plugins = ["cli_fixtures"]

FOLDER = Path(__file__).parents[1] / "traces"
FILES = sorted(FOLDER.glob("v*/*/*.simtrace"))


def test_there_are_recordings_of_every_supported_minor() -> None:
    """Three minors, and each file stands in the manifest."""
    assert {path.parent.name for path in FILES} >= {"3.11", "3.12", "3.13"}
    manifest = (FOLDER / "MANIFEST.md").read_text(encoding="utf-8")
    assert [path for path in FILES if str(path.relative_to(FOLDER)) not in manifest] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_reads(path: Path) -> None:
    """Whole, as expected, and the same as itself."""
    trace = Trace.load(path)
    assert len(trace) > 0
    assert trace.ending.cut_off == ""
    assert trace.check() is trace
    assert simcore.diff(trace, Trace.load(path)).verdict is Verdict.SAME
    assert not [site.file for site in trace.sites if site.file.startswith("/")], "a path of the machine that made it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_it_is_shown_and_diffed(run: Run, path: Path) -> None:
    """On the screen and as JSON: its events, its header, and its difference to the same pattern under another Python."""
    trace, name = Trace.load(path), str(path)
    code, out, err = run("show", name, "--events", "--all")
    assert (code, err) == (0, "")
    assert out.startswith(f"{trace.header.scenario.name}  ")
    assert f"@{len(trace) - 1}" in out
    listed = json.loads(run("show", name, "--json", "--events", "--all")[1])
    assert [event["position"] for event in listed["events"]] == list(range(len(trace)))
    assert listed["summary"]["outcome"] == trace.outcome.word
    assert json.loads(run("show", name, "--header", "--json")[1])["python"] == trace.header.python
    assert trace.header.scenario.name in run("show", name, "--header")[1]
    assert run("diff", name, name)[0] == 0
    others = [other for other in FILES if other.name == path.name and other.parent.parent == path.parent.parent]
    for other in others:
        code, out, err = run("diff", name, str(other))
        assert code in (0, 1)
        assert err == ""
        assert out.startswith(("SAME", "DIFFERENT"))


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent.name == running_minor()], ids=lambda path: str(path.relative_to(FOLDER))
)
def test_it_replays(path: Path) -> None:
    """By the minor that recorded it, wherever the pattern is installed; add a new recording when a pattern changes."""
    result = simcore.replay(path)
    assert [run.divergence for run in result.runs] == [None]
    assert result.verdict is Verdict.SAME
