"""A diff as data: refuses to be a boolean, is plain as JSON, and takes any two traces."""

from __future__ import annotations

import json
from array import array
from dataclasses import fields, replace
from pathlib import Path

import pytest
from storyteller import critical, told
from synthetic import build

import simcore
from simcore.diffing import Diff, diff
from simcore.diffing.grouped import GroupDiff, GroupOfRuns, Ordering, Turn
from simcore.diffing.result import (
    ActorDiff,
    InputDiff,
    Moment,
    Moved,
    ObjectDiff,
    Run,
    Setting,
    Split,
    StreamDiff,
    WaitDiff,
)
from simcore.trace.events import Verdict
from simcore.trace.model import ActorInfo


def test_results_are_no_booleans() -> None:
    """`if diff(a, b)` would be read two ways, so it raises."""
    d = diff(told("main acquire lock"), told("main acquire lock"))
    with pytest.raises(TypeError, match=r"ask for diff\.verdict"):
        bool(d)


def test_only_traces_are_compared() -> None:
    """A path is refused with what to do."""
    with pytest.raises(TypeError, match=r"not a str: load a file with Trace\.load"):
        diff("a.simtrace", build(2, 50))  # type: ignore[arg-type]


def test_json_is_plain_and_complete() -> None:
    """What `--json` prints can be read back and holds every part, in words."""
    a, b = build(3, 400, seed=1), build(3, 400, seed=2)
    facts = json.loads(json.dumps(diff(a, b).to_json()))
    assert set(facts) == {
        *(
            "verdict",
            "order",
            "compared",
            "same_outcome",
            "same_output",
            "settings",
            "setting_split",
            "a",
            "b",
            "split",
            "actors",
            "objects",
            "private_objects",
        ),
        *("waiting", "output", "inputs", "moved", "total_order_same", "times_differ_ns", "notes"),
    }
    assert facts["verdict"] == "different"
    assert facts["a"]["outcome"] == "ok"
    assert facts["a"]["error_site"] is None
    assert facts["split"]["a"]["kind"] == "acquire"
    assert facts["split"]["a"]["site"]["file"] == "bank.py"
    assert facts["objects"][0]["kind"] in {"lock", "simplequeue"}
    same = diff(a, a).to_json()
    assert (same["verdict"], same["split"]) == ("same", None)


def test_the_public_names() -> None:
    """`simcore.diff` is the function and `simcore.Diff` its result."""
    assert simcore.diff is diff
    assert simcore.Diff is Diff


def test_traces_are_left_as_they_were() -> None:
    """A diff changes neither trace."""
    a, b = build(3, 300, seed=1), build(3, 300, seed=2)
    before = [column.tobytes() for trace in (a, b) for column in (trace.columns.actor, trace.columns.value, trace.columns.object)]
    diff(a, b)
    after = [column.tobytes() for trace in (a, b) for column in (trace.columns.actor, trace.columns.value, trace.columns.object)]
    assert before == after


# --- odd traces


def test_empty_traces() -> None:
    """Nothing equals nothing, and differs from something."""
    empty = told()
    assert diff(empty, empty).verdict is Verdict.SAME
    d = diff(empty, told("main acquire lock"))
    assert d.verdict is Verdict.DIFFERENT
    assert d.split is not None
    assert d.split.a is None


def test_damaged_values_are_compared_as_they_stand() -> None:
    """Indexes and tags that point nowhere are no reason to fail."""
    a, b = told("main start t =main/1", "main write stdout =x", "main get q =main#1", "main enumerate process =a"), told()
    for position in range(4):
        a.columns.value[position] = (1 << 62) + position
    b = replace(a, columns=replace(a.columns, value=array("q", (value + 1 for value in a.columns.value))))
    assert diff(a, a).verdict is Verdict.SAME
    assert diff(a, b).verdict is Verdict.DIFFERENT
    b.columns.value[:] = array("q", [-(1 << 63)] * 4)
    assert diff(a, b).verdict is Verdict.DIFFERENT


def test_names_that_occur_twice_match_in_their_order() -> None:
    """A damaged table with two actors or objects of one name still equals itself."""
    a = told(*critical("main"), *critical("main/1", "other"))
    a.actors[1] = ActorInfo("main", "")
    a.objects[-1] = a.objects[-2]
    assert diff(a, a).verdict is Verdict.SAME


def test_a_hostile_name_cannot_write_to_the_terminal() -> None:
    """Escape sequences in a trace come out escaped in the sentence."""
    a, b = told(*critical("main"), *critical("main/1")), told(*critical("main/1"), *critical("main"))
    for trace in (a, b):
        trace.objects = [info._replace(label="\x1b[31mred\n") if info.label == "lock" else info for info in trace.objects]
    split = diff(a, b).split
    assert split is not None
    assert split.sentence.isprintable()
    assert "\\x1b[31mred\\n" in split.sentence


def test_every_member_of_the_json_is_documented() -> None:
    """docs/diff.md has a word for each name that `--json` can print, for two runs and for groups."""
    page = (Path(__file__).parents[1] / "docs" / "diff.md").read_text(encoding="utf-8")
    pair, groups = page.partition("## `--json`")[2].split("\n### ")[1:]
    of_pair = (Diff, Run, Moment, Split, ActorDiff, ObjectDiff, WaitDiff, StreamDiff, InputDiff, Moved, Setting)
    for part, classes in ((pair, of_pair), (groups, (GroupDiff, GroupOfRuns, Ordering, Turn))):
        names = {one.name for kind in classes for one in fields(kind)} - {"trace_a", "trace_b"}
        assert {name for name in names if f"`{name}`" not in part} == set()
