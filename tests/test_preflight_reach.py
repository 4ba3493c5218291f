"""What `preflight` tells from code and values alone: which globals are reached, texts of values, lines that change a global."""

from __future__ import annotations

import functools
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from simcore.methods.preflight_lines import lines_of
from simcore.methods.reach import reachable, uses
from simcore.methods.texts import differences, texts_of

MODULE = """
import os, time as clock
LIMIT, TABLE, UNUSED, PATH = 1, {"handler": None}, 2, 3
class Base:
    shared = []
    def step(self): return LIMIT
class Job(Base):
    __slots__ = ("call",)
    def __len__(self): raise AssertionError("no code of the user's is to run")
    __eq__ = __hash__ = __len__
def inner(): return [UNSEEN for _ in range(3)]
UNSEEN = 4
def outer(job):
    from json import dumps
    import os.path as places
    def nested(): return inner()
    clock.sleep(0)
    return job, nested, TABLE["handler"], dumps, places.join, os.PATH if False else None
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    file = tmp_path / "jobs.py"
    file.write_text(MODULE)
    made: Any = ModuleType("jobs")
    made.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "jobs", made)
    exec(compile(MODULE, str(file), "exec"), made.__dict__)
    return made


def test_globals_are_found_through_calls_attributes_and_imports(module: Any) -> None:
    """Nested functions, comprehensions, methods of an object, attributes of modules, and imports within a function count."""
    job = module.Job()
    job.call = None
    found = set(reachable(functools.partial(module.outer, job)))
    assert {name for owner, name in found if owner == "jobs"} == {"LIMIT", "TABLE", "UNSEEN", "inner"}
    assert {("time", "sleep"), ("json", "dumps"), ("posixpath", "join")} <= found
    assert ("json", "loads") not in found


def test_a_chain_of_attributes_is_one_use() -> None:
    """`a.b.c` is told as such, and `import a.b` binds a."""

    def function() -> None:
        import xml.dom

        sys.flags.dev_mode.real  # noqa: B018
        xml.dom.Node  # noqa: B018

    found = uses(function.__code__)
    assert ("sys", "flags", "dev_mode", "real") in found
    assert ("import xml", "dom", "Node") in found


def test_texts_agree_for_equal_values_and_show_little() -> None:
    """No address and no order of a set; what is long, or called a secret, or in a deep structure is a size and a digest."""
    value: dict[Any, Any] = {"set": {"b", "a"}, "long": "x" * 30, "short": "x", "api_key": "abc", 7: [1.5, None], "call": len}
    texts = texts_of(value, b"salt")
    same = {**value, "set": {"a", "b"}}
    assert texts == texts_of(same, b"salt") != texts_of(same, b"other")
    assert texts[""] == "dict of 6"
    assert texts["['short']"] == "'x'"
    assert texts["['call']"] == "function builtins.len"
    assert texts["['long']"].startswith("str of 30 #")
    assert texts["['api_key']"].startswith("str of 3 #")
    assert (texts["[7][0]"], texts["[7][1]"]) == ("1.5", "None")
    assert texts_of("abc", name="TOKEN")[""].startswith("str of 3 #")


def test_a_value_of_the_environment_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it has got to."""
    monkeypatch.setenv("SOME_NAME", "hush")
    assert "hush" not in str(texts_of({"where": ["hush", b"hush"]}))


def test_a_difference_far_down_in_a_large_value_is_seen() -> None:
    """What is behind the first leaves goes into one digest; a container that differs in size is one difference."""
    rows = [list(range(10)) for _ in range(1000)]
    other = [list(row) for row in rows]
    assert texts_of(rows) == texts_of(other)
    other[900][3] = -1
    assert [path for path, _, _ in differences(texts_of(rows), texts_of(other))] == ["..."]
    assert differences(texts_of([1, 2]), texts_of([1])) == [("", "list of 2", "list of 1")]


def test_no_code_of_the_users_runs_for_texts(module: Any) -> None:
    """Neither its length, nor its equality or hash is asked for; a cycle ends."""
    job = module.Job()
    job.call = [job]
    assert texts_of(job) == {"": "jobs.Job", ".call": "list of 1", ".call[0]": "itself"}


def test_generators_are_told_by_their_state() -> None:
    """Two with one state are alike, one that has drawn is not."""
    one, other = random.Random(1), random.Random(1)
    assert texts_of(one) == texts_of(other)
    other.random()
    assert texts_of(one) != texts_of(other)


def test_lines_tell_definition_from_change(tmp_path: Path) -> None:
    """Assignments at the top define; in functions and under the guard they change, if the name is the global's."""
    source = """\
A = 1
B = {}
def change():
    global A
    A = 2
    B["x"] = 1
    C = local = 3
C = None
class D:
    kept = None
if __name__ == "__main__":
    C = 4
    D.kept = 5
    B.update(y=1)
"""
    file = tmp_path / "lines.py"
    file.write_text(source)
    told = {name: (lines_of(str(file), name).defined, lines_of(str(file), name).changed) for name in "ABCD"}
    assert told == {"A": (1, [5]), "B": (2, [6, 14]), "C": (8, [12]), "D": (9, [13])}
    assert lines_of(str(tmp_path / "nothing.py"), "A").defined == 0
