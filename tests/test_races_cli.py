"""`simcore races`: the screen, JSON, the annotations of GitHub's, SARIF, and exit codes."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from accesses import THREADS, story
from cli_programs import Run

import simcore
from simcore.analysis import Race, Races, Side
from simcore.analysis import fasttrack as fasttrack_module
from simcore.analysis.race_result import HeldLock, Mistake, Moment, Possible
from simcore.trace.model import Trace

pytest_plugins = ["cli_fixtures"]

SOURCE = "\n" * 9 + "account.balance = plus(account.balance, 10)\n" + "\n" * 8 + "with lock:\n    account.balance += 1\n"
"""Line 10 calls between its read and its write, line 20 is under a lock."""

STRUCK = (
    *THREADS,
    "main/1 load account.balance :10",
    *("main/2 acquire lock :19", "main/2 update account.balance :20", "main/2 release lock :19"),
    "main/1 assign account.balance :10",
)


def struck(**ending: object) -> Trace:
    """A lost update that struck."""
    return story(*STRUCK, source=SOURCE, **ending)


def test_the_screen_says_who_did_what_where_and_what_to_do(run: Run) -> None:
    """In 80 columns, with the lines of the source, the events of this run, and whether the interpreter lets it happen."""
    code, out, err = run("races", str(struck().save("bank.simtrace")))
    assert (code, err) == (1, "")
    assert (
        out
        == """\
1 RACE  it struck in this run
story  ok in 0 ns   3 accesses to 1 shared place

STRUCK  lost update of `balance` (attribute)
  main/1       reads and writes at app.py:10, holding no lock
               app.py:10 | account.balance = plus(account.balance, 10)
  main/2       updates at app.py:20, holding `lock`
               app.py:20 | account.balance += 1
  in this run  @4 main/1 reads balance
               @6 main/2 updates balance
               @8 main/1 writes balance
  possible     yes: a call lies between the read and the write: there CPython
               3.12 lets another thread in
  fix          hold `lock` at both, from the read to the write: main/2 holds it
               (taken at app.py:19), main/1 does not
  seen         2 times

next:  simcore show bank.simtrace --range @4..@8
"""
    )


def test_json_has_all_of_it(run: Run) -> None:
    """By --json and by --format json alike; sites as objects, kinds as words."""
    name = str(struck().save("bank.simtrace"))
    code, out, _ = run("races", name, "--json")
    assert code == 1
    assert run("races", name, "--format", "json") == (1, out, "")
    facts = json.loads(out)
    assert (facts["answer"], facts["accesses"], facts["looked_at"], facts["complete"], facts["unseen"]) == (
        "found",
        3,
        1,
        True,
        [],
    )
    (race,) = facts["races"]
    assert race["mistake"] == "lost update"
    assert (race["struck"], race["possible"], race["kind"], race["place"]) == (True, "yes", "attribute", "balance")
    assert [moment["position"] for moment in race["moments"]] == [4, 6, 8]
    assert race["sides"][1] == {
        "actor": "main/2",
        "thread_name": "",
        "site": {"file": "app.py", "line": 20, "function": "work"},
        "does": "updates",
        "position": 6,
        "locks": [
            {
                "lock": {"name": "main:lock425", "label": "lock", "kind": "lock", "site": None},
                "taken_at": {"file": "app.py", "line": 19, "function": "work"},
            }
        ],
    }


def test_every_member_of_the_json_is_documented() -> None:
    """docs/races.md has a word for each name that `--json` can print, and for each value of its own words."""
    page = (Path(__file__).parents[1] / "docs" / "races.md").read_text(encoding="utf-8").partition("## `--json`")[2]
    names = {one.name for kind in (Races, Race, Side, HeldLock, Moment) for one in fields(kind)} - {"trace"}
    words = {one.value for kind in (Mistake, Possible) for one in kind}
    assert {name for name in names | words if f"`{name}`" not in page} == set()


def test_annotations_stand_at_the_line(run: Run) -> None:
    """A line per race in GitHub's workflow commands, with what would end one escaped."""
    trace = struck()
    trace.sites[:] = [site._replace(file="a:b,c%d.py") if site.line == 10 else site for site in trace.sites]
    trace.objects[:] = [info._replace(label="bal\nance") if info.label == "balance" else info for info in trace.objects]
    code, out, err = run("races", str(trace.save("bank.simtrace")), "--format", "github")
    assert (code, err) == (1, "")
    (line,) = out.splitlines()
    head, _, text = line[2:].partition("::")
    assert head == "warning file=a%3Ab%2Cc%25d.py,line=10,title=lost update of bal\\nance"
    assert text.startswith(
        "main/1 reads and writes at a:b,c%25d.py:10; main/2 updates at app.py:20; nothing orders the two. It struck"
    )
    assert run("races", str(story(*THREADS).save("none.simtrace")), "--format", "github") == (0, "", "")


def test_sarif_has_what_its_schema_requires(run: Run) -> None:
    """Version, tool, rules that the results refer to, locations with addresses and lines from 1, levels that there are."""
    trace = struck()
    trace.sites[:] = [site._replace(file="/far away/lib.py") if site.line == 20 else site for site in trace.sites]
    code, out, err = run("races", str(trace.save("bank.simtrace")), "--format", "sarif")
    assert (code, err) == (1, "")
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (one,) = log["runs"]
    driver = one["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("simcore", simcore.__version__)
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules) == len(Mistake)
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    (result,) = one["results"]
    assert result["ruleId"] == "lost-update"
    assert result["ruleId"] in rules
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("lost update of balance: main/1 reads and writes at app.py:10; ")
    assert result["occurrenceCount"] >= 1
    assert set(result["partialFingerprints"]) == {"simcoreRace/v1"}
    places = [place["physicalLocation"] for place in (*result["locations"], *result["relatedLocations"])]
    assert [place["artifactLocation"]["uri"] for place in places] == ["app.py", "app.py", "file:///far%20away/lib.py"]
    assert [place["region"]["startLine"] for place in places] == [10, 10, 20]
    assert [place["id"] for place in result["relatedLocations"]] == [0, 1]
    assert one["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    empty = json.loads(run("races", str(story(*THREADS).save("none.simtrace")), "--format", "sarif")[1])
    assert empty["runs"][0]["results"] == []


PLAIN = (*THREADS, "main/1 assign a.x :1")


@pytest.mark.parametrize(
    ("lines", "changes", "granularity", "code", "words"),
    [
        (PLAIN, {}, "access", 0, "NO RACE IN SIGHT  all accesses to shared data in this run are ordered\n"),
        (THREADS, {}, "access", 0, "NO RACE IN SIGHT"),
        (PLAIN, {"not_controlled": ["1 socket (:80)"]}, "access", 0, "NO RACE IN SIGHT"),
        (PLAIN, {"not_controlled": ["2 native threads"]}, "access", 5, "NOT SEEN: 2 native threads\n"),
        (PLAIN, {"cut_off": "simcore was killed"}, "access", 5, "NOT SEEN: the trace is only a prefix: simcore was killed\n"),
        (STRUCK, {"not_controlled": ["2 native threads"]}, "access", 1, "NOT SEEN: 2 native threads\n"),
        (THREADS, {}, "sync", 5, "NO ANSWER  this trace has no accesses to shared data\n"),
        (THREADS, {}, "sync", 5, "next:  simcore record --granularity access story   records them\n"),
    ],
)
def test_the_exit_code_says_whether_there_is_an_answer(
    run: Run, lines: tuple[str, ...], changes: dict[str, object], granularity: str, code: int, words: str
) -> None:
    """0 there is none, 1 there is one, 5 something may hide one, or there is nothing to judge."""
    name = str(story(*lines, source=SOURCE, granularity=granularity, **changes).save("one.simtrace"))
    got, out, err = run("races", name)
    assert (got, err) == (code, "")
    assert words in out
    assert out.startswith("NO ANSWER") == (code == 5)
    assert json.loads(run("races", name, "--json")[1])["answer"] == {0: "none", 1: "found", 5: "inconclusive"}[code]


def test_many_races_are_counted_and_shown_on_request(run: Run) -> None:
    """At most ten blocks, and what is left; with --all each; too many are not looked at."""
    lines = [f"main/{thread} update a.x{line} :{line}" for line in range(1, 14) for thread in (1, 2)]
    name = str(story(*THREADS, *lines, source="a.x += 1\n" * 14).save("many.simtrace"))
    code, out, _ = run("races", name)
    assert code == 1
    assert out.startswith("13 RACES  none is seen to have struck in this run; other turns can let them\n")
    assert out.count("\nRACE, NOT UNDER THIS GIL  ") == 10
    assert "\nand 3 more, which this GIL does not let happen: --all shows them\n" in out
    everything = run("races", name, "--all")[1]
    assert everything.count("\nRACE, NOT UNDER THIS GIL  ") == 13
    assert "more" not in everything
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasttrack_module, "MOST_PAIRS", 12)
        ended = run("races", name)[1]
    assert ended.startswith("12 OR MORE RACES  none is seen")
    assert "\nThere are too many races here to look at all of them.\n" in ended


def test_names_that_a_terminal_or_shell_would_obey_are_escaped(run: Run) -> None:
    """A trace may be hostile."""
    trace = struck()
    trace.objects[:] = [
        info._replace(label="\x1b[31mred\n") if info.label in ("balance", "lock") else info for info in trace.objects
    ]
    trace.actors[:] = [info._replace(thread_name="\x1b[2J") for info in trace.actors]
    trace.sources["app.py"] = "\n" * 9 + "with a:  # \x1b[2J\n"
    path = str(trace.save("hostile one.simtrace"))
    for form in ("text", "github", "sarif", "json"):
        assert "\x1b" not in run("races", path, "--format", form)[1]
    out = run("races", path)[1]
    assert out.endswith("next:  simcore show 'hostile one.simtrace' --range @4..@8\n")


def test_a_damaged_trace_is_refused(run: Run) -> None:
    """As by every verb that reads one."""
    path = struck().save("bad.simtrace")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, out, err = run("races", "bad.simtrace")
    assert (code, out) == (3, "")
    assert err.startswith("error: bad.simtrace is damaged")


def test_values_out_of_place_are_no_crash() -> None:
    """A trace may refer to texts, actors and objects that it does not have, or know no source."""
    trace = struck()
    for value in (-1, 1 << 40, 5 << 32):
        for position in range(len(trace)):
            columns = replace(trace.columns, value=trace.columns.value[:])
            columns.value[position] = value
            simcore.races(replace(trace, columns=columns, sources={})).to_json()
