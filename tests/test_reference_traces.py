"""Recordings of earlier days can be read for ever, and replayed by the Python that made them; every pattern has some."""

import importlib.util
import json
import socket
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest
from cli_programs import Run

import simcore
from simcore.diffing import diff
from simcore.engine.interpreter import running_minor
from simcore.trace.events import Verdict
from simcore.trace.model import Trace
from simcore.views.processes import processes_of

pytest_plugins = ["cli_fixtures"]

FOLDER = Path(__file__).parents[1] / "traces"
FILES = sorted(FOLDER.glob("v*/*/*.simtrace"))
FOLDERS = sorted({path.parent for path in FILES})
MINORS = ("3.11", "3.12", "3.13")
SHOWN = 12
"""By default every so-manieth recording is shown and diffed on the screen, of each minor others."""

LUCK = {"manager", "remote-manager", "shared-memory-manager"}
"""Patterns with a server that makes a thread for each time that somebody connects: how often one has to try is luck."""

STEADY = {"process", "rng-after-fork", "shared-value-array", "threads-in-processes"}
"""Patterns whose actors do the same in any two runs; in the others luck decides who gets how much to do, and who has to wait."""

PATHS_IN_MESSAGES = {"process-pool", "process-pool-executor"}
"""An error of a task comes back with its traceback as text, in which paths stand: elsewhere that message has another length.

The first recordings of these do not say how long the paths were, and replay where they are as long. The later ones do.
"""

REWRITTEN = {("v2", "gil-convoy-1")}
"""Recordings of a pattern that does something else by now, by format and name: a replay has to say so."""


def _name(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference_traces", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


make = _maker()


@cache
def loaded(path: Path) -> Trace:
    """The trace of a file, read once for all tests."""
    return Trace.load(path)


def of(minor: str) -> list[Trace]:
    """All recordings of one Python."""
    return [loaded(path) for path in FILES if path.parent.name == minor]


def texts_of(trace: Trace) -> Iterator[str]:
    """All texts of a trace that a person may read."""
    header, ending = trace.header, trace.ending
    yield from (str(text) for text in trace.texts if isinstance(text, str))
    yield from (site.file for site in trace.sites)
    yield from (header.root, header.executable, header.git_commit, header.scenario.cwd, header.scenario.plugin_file)
    yield from (ending.error, ending.cut_off, *ending.not_controlled, *header.scenario.argv)
    yield from chain(trace.sources, trace.object_labels, (actor.thread_name for actor in trace.actors))


def test_there_are_recordings_of_every_supported_minor() -> None:
    """Three minors, and each file stands in the manifest, each line of which has its file."""
    assert {path.parent.name for path in FILES} >= set(MINORS)
    rows = [line.split(" | ")[0] for line in (FOLDER / "MANIFEST.md").read_text(encoding="utf-8").splitlines()]
    listed = [row.removeprefix("| ") for row in rows if row.startswith("| v")]
    assert sorted(listed) == [_name(path) for path in FILES]


def test_every_pattern_is_among_the_cases() -> None:
    """With its bug and its fix; those that start processes under fork and under spawn, where they are for both."""
    builtin = {name: one for name, one in make.PATTERNS.items() if one.module.startswith("simcore_patterns.")}
    cases = list(make.cases())
    assert {case.name for case in cases} == {*builtin}
    for name, pattern in builtin.items():
        mine = [case for case in cases if case.name == name]
        assert {case.method for case in mine} == ({*pattern.start_methods} & {*make.METHODS} or {""})
        ends = {end for case in mine for end in pattern.expected(pattern.choose(case.params), case.method or None)}
        assert {"ok"} <= ends
        assert not any(parameter.name == "fixed" for parameter in pattern.parameters) or len(mine) > 1


@pytest.mark.parametrize("minor", MINORS)
def test_every_pattern_is_recorded_as_it_is_now(minor: str) -> None:
    """Whose pattern has changed has no recording any more: `python traces/make.py --missing` adds it beside the old."""
    assert [case.command() for case in make.cases() if not any(make.is_of(trace, case) for trace in of(minor))] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=_name)
def test_they_read(folder: Path) -> None:
    """Each whole, as expected, the same as itself, small, and without a word of the machine that made it."""
    for path in sorted(folder.glob("*.simtrace")):
        trace = loaded(path)
        assert len(trace) > 0, path
        assert trace.ending.cut_off == "", path
        assert trace.check() is trace
        assert simcore.diff(trace, Trace.load(path)).verdict is Verdict.SAME, path
        assert path.stat().st_size < 20_000, path
        for text in texts_of(trace):
            assert not text.startswith("/"), (path, text)
            assert not any(word in text for word in ("/home/", "/root/", "/usr/", socket.gethostname())), (path, text)


def _samples() -> list[object]:
    wanted = []
    for folder in FOLDERS:
        shift = MINORS.index(folder.name) * SHOWN // len(MINORS) if folder.name in MINORS else 0
        for place, path in enumerate(sorted(folder.glob("*.simtrace"))):
            by_default = place % SHOWN == shift % SHOWN
            wanted.append(pytest.param(path, id=_name(path), marks=() if by_default else pytest.mark.loop))
    return wanted


@pytest.mark.parametrize("path", _samples())
def test_it_is_shown_and_diffed(run: Run, path: Path) -> None:
    """On the screen and as JSON: its events, its header, and its difference to the same pattern under another Python."""
    trace, name = loaded(path), str(path)
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
    for other in (one for one in FILES if one.name == path.name and one.parent.parent == path.parent.parent):
        code, out, err = run("diff", name, str(other))
        assert code in (0, 1)
        assert err == ""
        assert out.startswith(("SAME", "DIFFERENT"))


@pytest.mark.parametrize("minor", MINORS)
def test_fork_and_spawn_differ_in_order_and_timing(minor: str) -> None:
    """The processes and actors are the same, what is done to which object where luck has no part in it, and the outcome unless
    the pattern declares another."""
    runs: dict[tuple[str, str], dict[str, Trace]] = {}
    for trace in of(minor):
        scenario = trace.header.scenario
        if scenario.start_method:
            runs.setdefault((scenario.name, str(scenario.params)), {}).setdefault(scenario.start_method, trace)
    pairs = [(name, both["fork"], both["spawn"]) for (name, _), both in runs.items() if {*both} >= {"fork", "spawn"}]
    assert {name for name, _, _ in pairs} == {*make.PROCESSES} - {"os-fork"}
    for name, fork, spawn in pairs:
        d, pattern = diff(fork, spawn), make.PATTERNS[name]
        assert any("started by fork in A, by spawn in B" in note for note in d.notes), name
        assert [one.name for one in processes_of(fork)] == [one.name for one in processes_of(spawn)], name
        if name not in LUCK:
            assert {actor.name for actor in fork.actors} == {actor.name for actor in spawn.actors}, name
        expected = [pattern.expected(trace.header.scenario.params, trace.header.scenario.start_method) for trace in (fork, spawn)]
        assert d.same_outcome == (expected[0] == expected[1]), name
        if name in STEADY and expected[0] == expected[1] == {"ok"}:
            assert [actor.name for actor in d.actors if actor.only_a or actor.only_b] == [], name
            assert [thing.label for thing in d.objects if thing.state == "changed"] == [], name


def _replayed() -> list[object]:
    """The recordings of this Python. By default the newest of each pattern and format under one start method."""
    mine = [path for path in FILES if path.parent.name == running_minor()]
    newest = {
        (path.parts[-3], path.name.rpartition("-")[0]): path
        for path in mine
        if loaded(path).header.scenario.start_method != "spawn"
    }
    return [pytest.param(path, id=_name(path), marks=() if path in newest.values() else pytest.mark.loop) for path in mine]


@pytest.mark.parametrize("path", _replayed())
def test_it_replays(path: Path) -> None:
    """By the minor that recorded it, wherever the pattern is installed; add a new recording when a pattern changes."""
    result = simcore.replay(path)
    (run,) = result.runs
    old = not loaded(path).header.folder_bytes
    if old and path.name.rpartition("-")[0] in PATHS_IN_MESSAGES and run.divergence is not None:
        assert run.divergence.reason.startswith("the message has "), run.divergence
        return
    if (path.parts[-3], path.stem) in REWRITTEN:
        assert run.divergence is not None
        return
    assert run.divergence is None, (run.divergence, run.divergence.reason)
    assert result.verdict is Verdict.SAME, run.differs


@pytest.mark.loop
@pytest.mark.parametrize("path", _replayed())
def test_it_replays_in_pure_python(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever core recorded it."""
    monkeypatch.setenv("SIMCORE_PURE", "1")
    test_it_replays(path)
