"""What a pattern declares is what happens: its bug shows in every run, its fix in none, and a replay shows the same."""

import importlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from programs import assert_same
from test_patterns_plain import POINTS, ROOT
from test_process_patterns import SMALL

import simcore
from simcore.engine.plugins import PluginHost
from simcore.trace.events import Kind
from simcore.trace.words import Words

sys.path.append(str(ROOT))  # the benchmarks are no installed package; the variants of the patterns stand there once
patterns = importlib.import_module("benchmarks.patterns")
sys.path.remove(str(ROOT))

HOST = PluginHost(env=False)
EVERY = list(patterns.cases())
LINES = {"subprocess-run": ["'quiet' came back as 'QUIET'", "with check=True: exit code 3, and it says 'no such thing'"]}
ELSEWHERE = {
    *(("daemon-thread", "daemon"), ("lost-wakeup", "timeout_s")),  # a stall takes long to be sure of, and two others show it
    *(("process-pool", "terminate"), ("shared-value-array", "style")),  # tests of their own
}
"""Parameters that the long loops take, or tests of other files."""


RECORDED = {"simple-thread", "mutex", "condition", "barrier", "thread-pool-executor", "recursive-mutex-leak"}
"""Their defaults are recorded and replayed by other tests, and are among the reference recordings."""


def short_cases() -> list[tuple[str, Mapping[str, object]]]:
    """What no other test records in the default run, processes under fork only."""
    return [
        (name, params)
        for name, params, method in EVERY
        if method in ("", "fork")
        and not any(parameter in params for variant, parameter in ELSEWHERE if variant == name)
        and not (name in RECORDED and not params)
        and not (name in SMALL and params.get("fixed") == SMALL[name].get("fixed") and not {*params} - {"fixed"})
    ]


@pytest.mark.parametrize(("name", "params"), short_cases(), ids=str)
def test_a_pattern_ends_as_it_declares_and_so_does_its_replay(name: str, params: Mapping[str, object]) -> None:
    """A deadlock, a stall, a failure or none, whatever the switch interval; the replay does the same."""
    trace = simcore.record(name, params=params, switch_interval_s=1e-5, timeout_s=60, quiet=True)
    assert trace.as_expected, f"{trace.outcome.word}: {trace.ending.error}"
    assert_same(simcore.replay(trace))


@pytest.mark.loop
@pytest.mark.parametrize(("name", "params", "method"), EVERY, ids=str)
def test_every_pattern_is_replayed_the_same_under_every_start_method(
    name: str, params: Mapping[str, object], method: str, own_folder: Path, tmp_path: Path
) -> None:
    """Five recordings with two replays each: the replays' traces and output are the same, and each run ends as declared."""
    row = patterns.PatternLoop(name, params, method, own_folder, tmp_path / "kept").run(5, 2, control=False)
    assert row.problems == []
    assert (row.recordings, row.replays, row.same) == (5, 10, 10)


@pytest.mark.parametrize("variant", sorted(patterns.VARIANTS))
def test_a_bug_and_its_fix_are_declared_apart(variant: str) -> None:
    """Each set of parameters has one declared end under each start method: nothing is left to luck."""
    pattern = HOST.find(variant)
    for params in ({}, *patterns.VARIANTS[variant]):
        for method in pattern.start_methods or (None,):
            assert len(pattern.expected(pattern.choose(params), method)) == 1


@pytest.mark.parametrize("name", sorted(POINTS))
def test_a_pattern_has_both_titles_and_says_what_to_look_at(name: str) -> None:
    """English and Japanese, a lesson that begins with what to look at, and start methods where it starts processes."""
    pattern = HOST.find(name)
    assert pattern.title.isascii()
    assert pattern.title_ja
    assert pattern.lesson.startswith("Look at ")
    source = Path(pattern.file).read_text(encoding="utf-8")
    assert bool(pattern.start_methods) == ("multiprocessing" in source or "os.fork" in source or "ProcessPool" in source)


@pytest.mark.parametrize("name", ["os-fork", "subprocess-run", "subprocess-pipeline", "daemon-thread", "gil-convoy"])
def test_a_program_of_its_own_ends_well_without_simcore(name: str) -> None:
    """What forks, starts programs, leaves threads behind or sets the switch interval is run by an ordinary Python."""
    program = f"from {POINTS[name]} import {name.replace('-', '_')} as run\nrun()\n"
    environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert set(LINES.get(name, [])) <= set(ran.stdout.splitlines())


def test_a_daemon_is_cut_off_and_its_journal_never_closed(own_folder: Path) -> None:
    """With the default nobody closes; asked to end, both do."""
    for fixed, closed in ((False, 0), (True, 2)):
        trace = simcore.record("daemon-thread", params={"fixed": fixed}, timeout_s=60, quiet=True)
        assert sum("closed" in str(text) for text in trace.texts) == closed


def test_called_by_hand_run_makes_no_thread(own_folder: Path) -> None:
    """With call=run the trace has one actor, with call=start three."""
    for call, actors in (("run", 1), ("start", 3)):
        trace = simcore.record("thread-subclass", params={"call": call, "first": 2}, timeout_s=60, quiet=True).check()
        assert len(trace.actors) == actors


def test_the_trace_shows_how_deep_a_lock_is_held(own_folder: Path) -> None:
    """Each event of a re-entrant lock says how deep it is held from then on, unless that is once or not at all."""
    trace = simcore.record("recursive-mutex", params={"workers": 1, "rounds": 1}, timeout_s=60, quiet=True).check()
    said = [words for words in map(Words(trace).event, range(len(trace))) if "account_lock" in words]
    assert [words.replace("account_lock", "it") for words in said] == [
        "took it",
        "took it, 2 deep",
        "released it, still 1 deep",
        "took it, 2 deep",
        "took it, 3 deep",
        "released it, still 2 deep",
        "released it, still 1 deep",
        "released it",
    ]


def test_each_process_has_a_thread_lock_of_its_own(own_folder: Path) -> None:
    """The threads of two processes take two locks of one name, and one that is shared."""
    trace = simcore.record("threads-in-processes", timeout_s=60, quiet=True).check()
    columns, takers = trace.columns, dict[int, set[str]]()
    for actor, kind, thing in zip(columns.actor, columns.kind, columns.object, strict=True):
        if kind == Kind.ACQUIRE and trace.object_labels[thing].startswith(("own_lock", "total.lock")):
            takers.setdefault(thing, set()).add(trace.processes[actor])
    assert sorted((trace.object_labels[thing].partition("@")[0], sorted(takers[thing] - {"main"})) for thing in takers) == [
        ("own_lock", ["main.1"]),
        ("own_lock", ["main.2"]),
        ("total.lock", ["main.1", "main.2"]),
    ]


def test_a_pattern_for_fork_only_refuses_another_start_method() -> None:
    """What was asked, what it is for, what to type."""
    with pytest.raises(simcore.SimcoreError, match="os-fork is for fork, and was to be started under spawn") as refused:
        simcore.record("os-fork", start_method="spawn", quiet=True)
    assert refused.value.hint == "leave out --start-method, or write --start-method fork"
