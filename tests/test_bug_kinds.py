"""Races are put to kinds of bugs, those of plugins first; a broken kind is named and detached, and the answer comes anyway."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from accesses import THREADS, in_function, story
from cli_programs import Run

import simcore
from simcore.analysis import Mistake, Races
from simcore.analysis.kinds import KINDS
from simcore.engine.plugins import PluginHost

pytest_plugins = ["cli_fixtures"]


def both(*lines: str) -> list[str]:
    """The lines of one thread and then of the other, `N` being its number."""
    return [line.replace("/N", f"/{number}") for number in (1, 2) for line in lines]


FLAG = "while not one.x:\n    pass\none.x = True\n"
"""Somebody goes round until a flag is set."""

LINES = ("main/1 load one.x :1", "main/2 assign one.x :3", "main/1 load one.x :1")

BROKEN = """
from simcore.api import bug_kind, hookimpl

@bug_kind()
def raises(race):
    raise KeyError("seats")

@bug_kind()
def answers(race):
    return "perhaps"

@bug_kind(title="{} is a flag", fix="use an Event", name="stop flag")
def flag(race):
    return race.only_writes is False and race.line(race.sides[0]).startswith("while")

@hookimpl
def simcore_bug_kinds():
    return [raises, answers, flag]
"""


def known(*lines: str, source: str) -> list[str]:
    """What the races of a run are known as."""
    found: Races = simcore.races(story(*THREADS, *lines, source=source))
    return [race.mistake for race in found.races]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("if x: x.pop()\n", both("main/N load d_x @* :1", "main/N update d_x @*pop :1")),
        ("if x:\n    x.pop()\n", both("main/N load d_x @* :1", "main/N update d_x @*pop :2")),
        ("if x:\n    last = x.pop(0)\n", both("main/N load d_x @* :1", "main/N update d_x @*pop :2")),
    ],
)
def test_looking_before_taking_is_check_then_act(source: str, lines: list[str]) -> None:
    """`pop` is one step and loses nothing by itself; that something is there to be popped was found out before."""
    assert known(*lines, source=source) == [Mistake.CHECK_THEN_ACT]


def test_a_read_behind_the_lock_is_no_second_look() -> None:
    """Who looks without the lock, and under it only writes, checks once; what is read further down is nobody's look."""
    source = "if one.x is None:\n    new = make()\n    with lock:\n        one.x = new\nprint(one.x)\n"
    each = [
        *("main/N load one.x :1", "main/N acquire lock :3", "main/N assign one.x :4"),
        *("main/N release lock :3", "main/N load one.x :5"),
    ]
    first, second = both(*each)[:5], both(*each)[5:]
    assert Mistake.DOUBLE_CHECKED_LOCKING not in known(*first, *second, *first[:4], source=source)
    assert Mistake.CHECK_THEN_ACT in known(*first, *second, *first[:4], source=source)


def test_who_asks_for_an_item_is_not_disturbed_by_others() -> None:
    """Between `k in x` and `x[k] = ...` somebody wrote another item: that is a race, and did no harm."""
    source = "if k not in x:\n    x[k] = make()\n"
    for item, struck in (("'a'", True), ("'b'", False)):
        lines = ["main/1 load d_x @* :1", "main/2 load d_x @* :1", f"main/2 assign d_x @{item} :2", "main/1 assign d_x @'a' :2"]
        (race, *_) = simcore.races(story(*THREADS, *lines, source=source)).races
        assert (race.mistake, race.struck) == (Mistake.CHECK_THEN_ACT, struck)


LOOKS_UP = "if k in x:\n    use(x[k])\n"
SENDS = "if one.x is not None:\n    one.x.send()\n"


@pytest.mark.parametrize(
    ("source", "reads", "write", "expected"),
    [
        (LOOKS_UP + "del x[k]", ("load d_x @'a' :1", "load d_x @'a' :2"), "assign d_x @'a' :3", ("check-then-act", "no")),
        (LOOKS_UP + "x.pop(k)", ("load d_x @'a' :1", "load d_x @'a' :2"), "update d_x @'a' :3", ("check-then-act", "no")),
        (LOOKS_UP + "x[k] = y.pop()", ("load d_x @'a' :1", "load d_x @'a' :2"), "assign d_x @'a' :3", ("read-write", "yes")),
        (SENDS + "one.x = 'up'", ("load one.x :1", "load one.x :2"), "assign one.x :3", ("read-write", "yes")),
        (SENDS + "one.x = None", ("load one.x :1", "load one.x :2"), "assign one.x :3", ("check-then-act", "no")),
        (
            "if one.x:\n    log()\n    n = 1 / one.x\none.x = 0",
            ("load one.x :1", "load one.x :3"),
            "assign one.x :4",
            ("check-then-act", "yes"),
        ),
        (
            "if one.x is None:\n    raise E\none.x()\none.x = None",
            ("load one.x :1", "load one.x :3"),
            "assign one.x :4",
            ("check-then-act", "no"),
        ),
        (
            "n = x[k] if k in x else 0\ndel x[k]",
            ("load d_x @'a' :1", "load d_x @'a' :1"),
            "assign d_x @'a' :2",
            ("check-then-act", "no"),
        ),
        ("ok = one.x and one.x.y\none.x = 0", ("load one.x :1", "load one.x :1"), "assign one.x :2", ("check-then-act", "no")),
        ("ok = one.x.y and one.x\none.x = 0", ("load one.x :1", "load one.x :1"), "assign one.x :2", ("read-write", "yes")),
        ("if one.x:\n    print(one.x)\none.x = 0", ("load one.x :1", "load one.x :2"), "assign one.x :3", ("read-write", "yes")),
        ("print(one.x)\none.x.send()\none.x = 0", ("load one.x :1", "load one.x :2"), "assign one.x :3", ("read-write", "yes")),
        ("while one.x:\n    pass\none.x = 0", ("load one.x :1", "load one.x :1"), "assign one.x :3", ("read-write", "yes")),
    ],
)
def test_a_check_decides_whether_a_second_look_is_relied_on(
    source: str, reads: tuple[str, str], write: str, expected: tuple[str, str]
) -> None:
    """It struck where the write came between the two lines; what only looks twice, or can undo nothing, is no check."""
    check, use = (f"main/1 {read}" for read in reads)
    for lines, cut in (([check, use, f"main/2 {write}"], False), ([check, f"main/2 {write}", use], True)):
        found = simcore.races(story(*THREADS, *lines, source=source)).races
        struck = cut and expected[0] == "check-then-act" and reads[0][-2:] != reads[1][-2:]
        assert {(race.mistake, race.possible.value, race.struck) for race in found} == {(*expected, struck)}


def test_reading_again_what_init_writes_is_publishing_too_early() -> None:
    """Nobody unmakes an object in its `__init__`: who checks it before has been let see it too early."""
    lines = ["main/1 load one.x :1", "main/2 assign one.x :3", "main/1 load one.x :2"]
    found = simcore.races(in_function(story(*THREADS, *lines, source=SENDS + "one.x = 1"), range(3, 4), "One.__init__")).races
    assert {race.mistake for race in found} == {Mistake.PUBLISH_BEFORE_INIT}


def test_a_plugin_names_a_race_and_a_broken_one_is_detached(run: Run, here: Path) -> None:
    """With plugin, file and line, once each, on stderr and in the JSON; the exit code is that of the answer."""
    (here / "kinds.py").write_text(BROKEN)
    trace = str(story(*THREADS, *LINES, source=FLAG).save("flag.simtrace"))
    code, out, err = run("races", "--plugin", "kinds.py", trace)
    assert code == 1
    assert "`x` is a flag" in " ".join(out.split())
    assert "use an Event" in out
    err = " ".join(err.split())
    assert err.count("it is not asked again") == 2
    assert "plugin 'kinds' (kinds.py:6) failed in its kind of bug 'raises': KeyError: 'seats'; it is not asked again" in err
    assert "plugin 'kinds' (kinds.py) answered 'perhaps' in its kind of bug 'answers'; expected True, False or 'struck'" in err
    code, out, _ = run("races", "--plugin", "kinds.py", trace, "--json")
    facts = json.loads(out)
    assert (code, facts["races"][0]["mistake"], len(facts["problems"])) == (1, "stop flag", 2)
    rules = json.loads(run("races", "--plugin", "kinds.py", trace, "--format", "sarif")[1])["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*(kind.replace(" ", "-") for kind in names(KINDS)), "stop-flag"]
    assert known(*LINES, source=FLAG) == [Mistake.READ_WRITE], "without the plugin"


def names(kinds: object) -> list[str]:
    return [kind.simcore_bug_kind.name for kind in kinds]  # type: ignore[attr-defined]


def test_the_own_kinds_come_through_the_hook() -> None:
    """The host has them from the module that the entry point names; each of the words that docs/races.md explains is one."""
    host = PluginHost(entry_points=[entry for entry in points() if entry.value == "simcore.analysis.kinds"], env=False)
    assert [kind.name for kind in host.bug_kinds] == names(KINDS)
    assert set(names(KINDS)) == {one.value for one in Mistake}
    assert [plugin.problems for plugin in host.plugins] == [()]


def points() -> list[object]:
    """The entry points that pyproject.toml names."""
    from importlib.metadata import EntryPoint

    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition('[project.entry-points."simcore.plugins"]')[2].partition("\n[")[0]
    return [EntryPoint(name, value, "simcore.plugins") for name, value in re.findall(r'^([\w-]+) = "(.*)"$', section, re.M)]


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        ("@bug_kind(title='a flag')", "has the title 'a flag', expected one with {} for the place"),
        ("@bug_kind(about='both')", "is about 'both', expected 'value', 'choice' or nothing"),
        ("@bug_kind(name=' ')", "has the name ' ', expected some words"),
        ("@bug_kind(fix=3)", "has the fix 3, expected a text"),
        ("", "is not marked with @bug_kind"),
    ],
)
def test_what_is_no_kind_is_said(run: Run, here: Path, mark: str, problem: str) -> None:
    """With file and line, by `plugins check`."""
    hook = "@hookimpl\ndef simcore_bug_kinds():\n    return [flag]\n"
    body = f"{mark}\ndef flag(race):\n    return True\n\n{hook}"
    (here / "mine.py").write_text(f"from simcore.api import bug_kind, hookimpl\n\n{body}")
    code, out, _ = run("plugins", "check", "mine.py")
    assert code == 4
    assert f"(mine.py:8) simcore_bug_kinds returned flag, which {problem}" in " ".join(out.split())
