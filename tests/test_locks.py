"""Deadlocks that did not strike: found in programs that are really recorded, told on the screen, in JSON, by the exit code."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from cli_programs import Run
from lock_programs import PROGRAMS, STRUCK, program
from programs import record
from storyteller import told
from test_patterns_plain import POINTS

import simcore
from simcore.analysis import Answer, Cycle, Locks, Request
from simcore.analysis import cycles as cycles_module
from simcore.analysis.result import LockInfo
from simcore.engine.plugins import PluginHost
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace

pytest_plugins = ["cli_fixtures"]

LEAK = "recursive-mutex-leak"
REFERENCES = sorted((Path(__file__).parents[1] / "traces").glob("v2/*/*.simtrace"))

BOTH_WAYS = (
    *("main start t1 =main/1 :1", "main start t2 =main/2 :1", "main/1 begin t1", "main/2 begin t2"),
    *("main/1 acquire a :10", "main/1 acquire b :11", "main/1 release b :11", "main/1 release a :10"),
    *("main/2 acquire b :20", "main/2 acquire a :21", "main/2 release a :21", "main/2 release b :20"),
)
"""Two threads, two locks, two orders."""


def cycles(found: Locks) -> list[set[str]]:
    """The locks of each cycle."""
    return [{request.held.label for request in cycle.requests} for cycle in found.cycles]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_cycles_that_are_in_it(name: str) -> None:
    """Each of them, and no other; none of them struck."""
    source, expected = PROGRAMS[name]
    trace, ran = record(source)
    assert ran.code == 0, ran.err
    found = simcore.locks(trace)
    assert cycles(found) == expected
    assert found.answer is (Answer.FOUND if expected else Answer.NONE)
    assert not any(cycle.struck for cycle in found.cycles)
    for cycle in found.cycles:
        assert len({request.actor for request in cycle.requests}) == len(cycle.requests)
        for request, after in zip(cycle.requests, [*cycle.requests[1:], cycle.requests[0]], strict=True):
            assert request.asked == after.held
            got = trace.event(request.position or 0)
            assert (got.actor, got.kind, got.object, got.site) == (
                request.actor,
                Kind.ACQUIRE,
                request.asked.name,
                request.asked_at,
            )


def test_a_gate_that_only_one_has_is_told_by_its_own_name() -> None:
    """Its line makes four locks, of which nobody used the third."""
    trace, _ = record(PROGRAMS["a gate for one of them only"][0])
    (cycle,) = simcore.locks(trace).cycles
    assert [[lock.label for lock in request.gates] for request in cycle.requests] == [["gate"], []]


def test_a_deadlock_that_struck_is_told_as_certain(run: Run) -> None:
    """The run's own deadlock comes first, with the requests that never came to their locks."""
    trace, _ = record(program(STRUCK))
    assert trace.outcome is Outcome.DEADLOCK
    found = simcore.locks(trace)
    assert [cycle.struck for cycle in found.cycles] == [True]
    assert {(one.actor, one.held.label, one.asked.label, one.position) for one in found.cycles[0].requests} == {
        ("main/1", "a", "b", None),
        ("main/2", "b", "a", None),
    }
    code, out, err = run("locks", str(trace.save("dead.simtrace")))
    assert (code, err) == (1, "")
    assert out.startswith("DEADLOCK  this run ended in it\n")
    a, b = "`a` (Lock, program.py:4)", "`b` (Lock, program.py:4)"  # who had his lock first is told first
    assert f"\nCERTAIN  {a} and {b}\n" in out or f"\nCERTAIN  {b} and {a}\n" in out
    assert " and waits for `b` at\n                program.py:22\n" in out
    assert "POTENTIAL" not in out
    assert out.endswith("next:  simcore show dead.simtrace --range deadlock\n")
    assert run("show", "dead.simtrace", "--range", "deadlock")[0] == 0


def test_the_screen_says_who_holds_what_where_and_what_to_do(run: Run) -> None:
    """In 80 columns, with the lines of the source: the answer first, in words that tell what can be from what was."""
    again = [line for _ in range(3) for line in BOTH_WAYS[4:8]]
    trace = told(*BOTH_WAYS, *again)
    trace.sources["app.py"] = "\n" * 9 + "with a:\n    with b:\n" + "\n" * 8 + "with b:\n    with a:\n"
    code, out, err = run("locks", str(trace.save("both.simtrace")))
    assert (code, err) == (1, "")
    assert (
        out
        == """\
1 POTENTIAL DEADLOCK  it did not strike in this run; other turns can lead there
story  ok in 0 ns   2 locks, 5 nested requests

POTENTIAL  `a` (Lock) and `b` (Lock)
  main/1  holds `a` (taken at app.py:10) and asks for `b` at app.py:11
          app.py:10 | with a:
          app.py:11 | with b:
  main/2  holds `b` (taken at app.py:20) and asks for `a` at app.py:21
          app.py:20 | with b:
          app.py:21 | with a:
  fix     take `a` before `b`, as 4 of 5 requests do: change app.py:21

next:  simcore show both.simtrace --range @5
"""
    )


def test_json_has_all_of_it(run: Run) -> None:
    """By --json and by --format json alike; sites as objects, kinds as words."""
    name = str(told(*BOTH_WAYS).save("both.simtrace"))
    code, out, _ = run("locks", name, "--json")
    assert code == 1
    assert run("locks", name, "--format", "json") == (1, out, "")
    facts = json.loads(out)
    assert (facts["answer"], facts["deadlock"], facts["complete"], facts["unseen"]) == ("found", False, True, [])
    (cycle,) = facts["cycles"]
    assert cycle["struck"] is False
    assert cycle["requests"][1] == {
        "actor": "main/2",
        "thread_name": "",
        "held": {"name": "main:lock98", "label": "b", "kind": "lock", "site": None},
        "taken_at": {"file": "app.py", "line": 20, "function": "work"},
        "asked": {"name": "main:lock97", "label": "a", "kind": "lock", "site": None},
        "asked_at": {"file": "app.py", "line": 21, "function": "work"},
        "gates": [],
        "position": 9,
        "times": 1,
    }


def test_every_member_of_the_json_is_documented() -> None:
    """docs/locks.md has a word for each name that `--json` can print."""
    page = (Path(__file__).parents[1] / "docs" / "locks.md").read_text(encoding="utf-8").partition("## `--json`")[2]
    names = {one.name for kind in (Locks, Cycle, Request, LockInfo) for one in fields(kind)} - {"trace"}
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_names_that_a_terminal_or_shell_would_obey_are_escaped(run: Run) -> None:
    """A trace may be hostile."""
    trace = told(*BOTH_WAYS)
    trace.objects[:] = [info._replace(label="\x1b[31mred\n") if info.label == "a" else info for info in trace.objects]
    trace.actors[:] = [info._replace(thread_name="\x1b[2J") for info in trace.actors]
    trace.sources["app.py"] = "\n" * 9 + "with a:  # \x1b[2J\n"
    out = run("locks", str(trace.save("hostile one.simtrace")))[1]
    assert "\x1b" not in out
    assert out.endswith("next:  simcore show 'hostile one.simtrace' --range @5\n")
    assert "`\\x1b[31mred\\n`" in out


def test_many_cycles_are_counted_and_shown_on_request(run: Run) -> None:
    """At most ten blocks, and how many are left; with --all each."""
    lines = list(BOTH_WAYS)
    for line in range(30, 42):
        lines += ["main/1 acquire a :10", f"main/1 acquire b :{line}", f"main/1 release b :{line}", "main/1 release a :10"]
    name = str(told(*lines).save("many.simtrace"))
    code, out, _ = run("locks", name)
    assert code == 1
    assert out.startswith("13 POTENTIAL DEADLOCKS  none struck in this run; other turns can lead there\n")
    assert out.count("\nPOTENTIAL  ") == 10
    assert "\nand 3 more, as short or longer: --all shows them\n" in out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycles_module, "MOST_CYCLES", 12)
        ended = run("locks", name)[1]
    assert ended.startswith("12 OR MORE POTENTIAL DEADLOCKS  none struck in this run; other turns can lead\nthere\n")
    assert "\nLocks are taken in too many orders here to look at all of them.\n" in ended
    everything = run("locks", name, "--all")[1]
    assert everything.count("\nPOTENTIAL  ") == 13
    assert "more" not in everything


@pytest.mark.parametrize(
    ("lines", "changes", "code", "words"),
    [
        (BOTH_WAYS[:8], {}, 0, "NO DEADLOCK IN SIGHT"),
        (BOTH_WAYS[:8], {"not_controlled": ["1 socket (:80)"]}, 0, "NO DEADLOCK IN SIGHT"),
        (BOTH_WAYS[:8], {"not_controlled": ["1 child process (ls)"]}, 0, "NO DEADLOCK IN SIGHT"),
        (BOTH_WAYS[:8], {"not_controlled": ["1 socket (:80)", "2 native threads"]}, 5, "NOT SEEN: 2 native threads\n"),
        (BOTH_WAYS[:8], {"cut_off": "simcore was killed"}, 5, "NOT SEEN: the trace is only a prefix: simcore was killed\n"),
        (BOTH_WAYS, {"not_controlled": ["2 native threads"]}, 1, "NOT SEEN: 2 native threads\n"),
    ],
)
def test_the_exit_code_says_whether_there_is_an_answer(
    run: Run, lines: tuple[str, ...], changes: dict[str, object], code: int, words: str
) -> None:
    """0 there is none, 1 there is one, 5 something that takes locks unseen may hide one."""
    trace = told(*lines)
    name = str(replace(trace, ending=replace(trace.ending, **changes)).save("one.simtrace"))  # type: ignore[arg-type]
    got, out, err = run("locks", name)
    assert (got, err) == (code, "")
    assert words in out
    assert out.startswith("NO ANSWER") == (code == 5)
    assert json.loads(run("locks", name, "--json")[1])["answer"] == {0: "none", 1: "found", 5: "inconclusive"}[code]


def test_a_damaged_trace_is_refused(run: Run) -> None:
    """As by every verb that reads one."""
    path = told(*BOTH_WAYS).save("bad.simtrace")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, out, err = run("locks", "bad.simtrace")
    assert (code, out) == (3, "")
    assert err.startswith("error: bad.simtrace is damaged")


def test_answers_are_no_booleans() -> None:
    """Whoever asks `if found` would take NONE for an answer of yes."""
    found = simcore.locks(told(*BOTH_WAYS))
    with pytest.raises(TypeError, match=r"found\.answer is Answer\.FOUND"):
        bool(found)
    with pytest.raises(TypeError, match=r"answer is Answer\.FOUND"):
        bool(found.answer)


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recorded_patterns_are_silent_but_for_those_that_deadlock(path: Path) -> None:
    """What ended in a deadlock is reported, all others are not."""
    trace = Trace.load(path)
    assert not _wrong(trace, simcore.locks(trace))


def _wrong(trace: Trace, found: Locks) -> str:
    """What is wrong with an answer about a pattern: a deadlock is found, a leak is one of no cycle, and nothing else has any."""
    scenario = trace.header.scenario
    stuck = trace.outcome is Outcome.DEADLOCK
    right = (found.answer, found.deadlock) == (Answer.FOUND if stuck else Answer.NONE, stuck)
    right = right and (found.cycles == () or (stuck and scenario.name != LEAK))
    return "" if right else f"{scenario.name} {scenario.params}: {found.to_json()}"


VARIANTS: list[tuple[str, dict[str, object]]] = [
    *((name, {}) for name in POINTS),
    ("condition", {"style": "if"}),
    ("process-lock", {"lock": "module"}),
    ("process-pool", {"terminate": True}),
    (LEAK, {"fixed": True}),
    ("shared-value-array", {"style": "own"}),
    ("shared-value-array", {"style": "raw"}),
]


@pytest.mark.loop
@pytest.mark.parametrize(("name", "parameters"), VARIANTS, ids=str)
def test_patterns_are_silent_but_for_the_leak(name: str, parameters: dict[str, object]) -> None:
    """Recorded twenty times: the one pattern whose bug is a lock is reported each time, all others never."""
    assert name in {pattern.name for pattern in PluginHost().patterns.values()}
    for _ in range(20):
        trace = simcore.record(name, params=parameters, quiet=True)
        assert not _wrong(trace, simcore.locks(trace))
