"""Groups of runs: the orders that separate passing from failing are found, named with their counts, and nothing else is."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from cli_programs import Run
from rich.cells import cell_len
from rich.console import Console
from storyteller import critical, told

import simcore
from simcore.diffing import diff_groups
from simcore.diffing.grouped import GroupDiff
from simcore.diffing.groups import MOST_TOLD
from simcore.errors import UsageError
from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Trace
from simcore.views.groups import groups_view

pytest_plugins = ["cli_fixtures"]


def passing(*lines: str) -> Trace:
    """A run that is ok."""
    return told(*lines)


def failing(*lines: str) -> Trace:
    """A run that fails."""
    return told(*lines, outcome=Outcome.FAILED, exit_code=1, error="KeyError: 'size'")


def begun(*lines: str) -> list[str]:
    """The lines, after the begins of two actors in a fixed order: what is made first is made by main in every run."""
    return ["main acquire first", "main/1 acquire own_1", "main/2 acquire own_2", *lines]


def both_ways(number: int) -> Iterator[list[str]]:
    """So many runs' worth of something that varies and means nothing: two locks taken in all four orders, again and again."""
    noise = [critical("main/1", "log"), critical("main/2", "log")]
    audit = [critical("main/1", "audit"), critical("main/2", "audit")]
    choices = [[*p, *q] for p, q in product((noise, noise[::-1]), (audit, audit[::-1]))]
    for index in range(number):
        yield [line for lines in choices[index % 4] for line in lines]


FILLER, REPORTER = critical("main/1", "cache_lock", 19), critical("main/2", "cache_lock", 27)


def shown(d: GroupDiff, width: int = 80) -> str:
    """The screen as text."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(groups_view(d))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def cache_runs() -> tuple[list[Trace], list[Trace]]:
    """Ten runs that pass, ten that fail: the reporter takes the lock before the filler. Other locks are taken in any order."""
    good = [passing(*begun(*noise, *FILLER, *REPORTER)) for noise in both_ways(10)]
    bad = [failing(*begun(*noise, *REPORTER, *FILLER)) for noise in both_ways(10)]
    return good, bad


# --- what separates


def test_the_order_that_separates_is_named_with_its_counts() -> None:
    """Of three locks whose order varies the one that decides is named, with both places."""
    d = diff_groups(*cache_runs())
    assert d.verdict is Verdict.DIFFERENT
    (one,) = d.orderings
    assert one.sentence == "main/2 takes `cache_lock` (app.py:27) before main/1 does (app.py:19)"
    assert (one.why, one.runs_a, one.runs_b, one.separates, one.score) == ("order", 0, 10, True, 1.0)
    assert (d.a.word, d.b.word) == ("passing", "failing")
    assert d.varying > 2
    assert d.split is not None
    assert d.split.a is not None
    assert d.split.b is not None
    assert (d.split.a.actor, d.split.b.actor) == ("main/1", "main/2")


def test_it_does_not_matter_which_group_comes_first() -> None:
    """What makes runs fail is told, whether they are A or B."""
    good, bad = cache_runs()
    one, other = diff_groups(good, bad).orderings[0], diff_groups(bad, good).orderings[0]
    assert one.sentence == other.sentence
    assert (other.runs_a, other.runs_b) == (10, 0)
    assert ": 10 of 10 failing, 0 of 10 passing" in shown(diff_groups(bad, good)).replace("\n", " ")


def test_which_time_it_is_counts() -> None:
    """Where an actor comes several times, it is said which time is meant."""
    early, late = critical("main/1"), critical("main/2")
    good = [passing(*begun(*early, *early, *late)) for _ in range(5)]
    bad = [failing(*begun(*early, *late, *early)) for _ in range(5)]
    d = diff_groups(good, bad)
    assert d.orderings[0].sentence == (
        "main/2 takes `lock` for the 1st time (app.py:10) before main/1 does for the 2nd time (app.py:10)"
    )


def test_whoever_comes_in_between() -> None:
    """Any of three actors may be disturbed by any other: no order of two separates, that one comes in between does."""
    names = ("main/1", "main/2", "main/3")
    start = [f"{name} acquire own_{name[-1]}" for name in names]

    def turn(name: str, inner: Sequence[str] = ()) -> list[str]:
        return [*critical(name, "lock", 12), *inner, *critical(name, "lock", 15)]

    good, bad = [], []
    for first in names:
        others = [name for name in names if name != first]
        good.append(passing(*start, *turn(first), *turn(others[0]), *turn(others[1])))
        good.append(passing(*start, *turn(first), *turn(others[1]), *turn(others[0])))
        for other, third in (others, others[::-1]):
            bad.append(failing(*start, *turn(third), *turn(first, turn(other))))
    d = diff_groups(good, bad)
    (one,) = d.orderings
    assert one.why == "between"
    assert one.sentence == ("between an actor's turns at `lock` (app.py:12, then app.py:15) another actor comes in (app.py:12)")
    assert (one.runs_a, one.runs_b) == (0, len(bad))
    assert d.split is not None
    assert d.split.b is not None
    assert d.split.b.site.line == 12


def test_two_orders_that_only_fail_together() -> None:
    """Two actors take two locks crosswise: each order alone is harmless, both at once are the deadlock."""
    payer = ["main/1 acquire accounts :11", "main/1 acquire journal :13", "main/1 release journal", "main/1 release accounts"]
    auditor = ["main/2 acquire journal :19", "main/2 acquire accounts :21", "main/2 release accounts", "main/2 release journal"]
    crossed = [payer[0], auditor[0]]
    good = [passing(*begun(*lines)) for lines in ([*payer, *auditor], [*auditor, *payer]) for _ in range(5)]
    bad = [told(*begun(*lines), outcome=Outcome.DEADLOCK) for lines in (crossed, crossed[::-1]) for _ in range(5)]
    d = diff_groups(good, bad)
    (one,) = d.orderings
    assert (one.why, one.separates, one.runs_a, one.runs_b) == ("both", True, 0, 10)
    assert sorted(half.sentence for half in one.halves) == [
        "main/1 takes `accounts` (app.py:11) before main/2 does (app.py:21)",
        "main/2 takes `journal` (app.py:19) before main/1 does (app.py:13)",
    ]


def test_a_look_before_the_change_separates() -> None:
    """What somebody only looks at has an order with those who change it, and none with others who look."""
    put, look = "main put q =main#1 :11", "main/1 empty q =1 :16"
    other = "main/2 empty q =1 :30"
    good = [passing(*begun(other, put, look)), passing(*begun(put, look, other))] * 3
    bad = [failing(*begun(other, look, put)), failing(*begun(look, put, other))] * 3
    d = diff_groups(good, bad)
    assert [one.sentence for one in d.orderings] == [
        "main/1 looks whether `q` is empty (app.py:16) before main puts into `q` (app.py:11)"
    ]


def test_who_ends_before_whom_separates_if_nothing_else_does() -> None:
    """Begins and ends of actors have an order of their own."""
    start = ["main start t1 =main/1", "main start t2 =main/2", "main/1 begin t1", "main/2 begin t2"]
    good = [passing(*start, "main/1 end t1", "main/2 end t2")] * 4
    bad = [failing(*start, "main/2 end t2", "main/1 end t1")] * 4
    assert [one.sentence for one in diff_groups(good, bad).orderings] == ["main/2 ends before main/1 does"]


def test_places_separate_where_actors_do_not() -> None:
    """Whichever worker does it: what is done at one line comes before what is done at another."""
    fill = [critical(name, "lock", 19) for name in ("main/1", "main/2")]
    report = [critical(name, "lock", 27) for name in ("main/2", "main/1")]
    good = [passing(*begun(*fill[n % 2], *report[n % 2])) for n in range(8)]
    bad = [failing(*begun(*report[n % 2], *fill[n % 2])) for n in range(8)]
    d = diff_groups(good, bad)
    assert [(one.why, one.sentence) for one in d.orderings] == [
        ("place", "somebody takes `lock` at app.py:27 before the same is done at app.py:19")
    ]


# --- what does not


def test_nothing_separates_and_it_is_said() -> None:
    """Orders that vary alike in both groups are no answer; none is named."""
    good = [passing(*begun(*noise)) for noise in both_ways(8)]
    bad = [failing(*begun(*noise)) for noise in both_ways(8)]
    d = diff_groups(good, bad)
    assert (d.verdict, d.orderings, d.split) == (Verdict.INCONCLUSIVE, (), None)
    assert d.varying > 0
    text = shown(d)
    assert text.startswith("NOTHING SEPARATES THEM  ")
    assert "none comes near" in text.replace("\n", " ")


def test_what_comes_near_is_named_as_that() -> None:
    """An order that holds in nine of ten failing runs is no proof; it is shown with its counts."""
    good, bad = cache_runs()
    bad[3] = failing(*begun(*FILLER, *REPORTER))
    d = diff_groups(good, bad)
    assert d.verdict is Verdict.INCONCLUSIVE
    assert (d.orderings[0].label, d.orderings[0].separates) == ("cache_lock", False)
    assert (d.orderings[0].runs_a, d.orderings[0].runs_b) == (0, 9)
    assert "9 of 10 failing, 0 of 10 passing" in shown(d).replace("\n", " ")


def test_the_same_order_everywhere() -> None:
    """Runs that fail though everything came in one order fail for another reason, and the screen says so."""
    d = diff_groups([passing(*FILLER, *REPORTER)] * 3, [failing(*FILLER, *REPORTER)] * 2)
    assert (d.verdict, d.varying) == (Verdict.SAME, 0)
    assert "is no order that simcore records" in shown(d).replace("\n", " ")


def test_an_operation_that_never_came_is_later_than_one_that_did() -> None:
    """A run that stopped short has the order of what it did; where it did neither it says nothing."""
    good = [passing(*begun(*FILLER, *REPORTER))] * 4
    bad = [failing(*begun(*REPORTER))] * 4
    assert diff_groups(good, bad).orderings[0].label == "cache_lock"
    silent = diff_groups(good, [failing(*begun())] * 4)
    assert not any(one.separates for one in silent.orderings)


def test_consequences_are_counted_not_listed() -> None:
    """The first order that differs makes twenty others differ: the earliest are told, the rest counted."""
    good, bad = [], []
    for noise in both_ways(10):
        later = [(critical("main/1", f"l{n}"), critical("main/2", f"l{n}")) for n in range(20)]
        good.append(passing(*begun(*noise, *FILLER, *REPORTER, *(line for one, two in later for line in (*one, *two)))))
        bad.append(failing(*begun(*noise, *REPORTER, *FILLER, *(line for one, two in later for line in (*two, *one)))))
    d = diff_groups(good, bad)
    assert d.orderings[0].label == "cache_lock"
    assert (len(d.orderings), d.more) == (MOST_TOLD, 21 - MOST_TOLD)
    assert len(shown(d).splitlines()) < 40


def test_few_runs_are_said_to_be_few() -> None:
    """With one run of each kind everything separates, and the reader is told what that is worth."""
    d = diff_groups([passing(*begun(*FILLER, *REPORTER))], [failing(*begun(*REPORTER, *FILLER))])
    assert d.verdict is Verdict.DIFFERENT
    assert d.by_chance >= 0.5
    assert "by chance: record more of both" in shown(d).replace("\n", " ")
    good, bad = cache_runs()
    assert diff_groups(good, bad).by_chance < 0.001


def test_random_runs_agree_with_brute_force() -> None:
    """What separates random runs is what a search through all pairs of operations finds."""
    choose = random.Random(7)
    for _ in range(60):
        actors = [f"main/{n}" for n in range(1, choose.randint(3, 5))]
        turns = [name for name in actors for _ in range(choose.randint(1, 3))]
        runs = []
        for _ in range(choose.randint(2, 5)):
            choose.shuffle(turns)
            runs.append(list(turns))
        cut = choose.randint(1, len(runs) - 1)
        traces = [told(*begun(), *(line for name in run for line in critical(name))) for run in runs]
        d = diff_groups(traces[:cut], traces[cut:])
        found = {
            frozenset((turn.actor, turn.nth) for turn in one.turns) for one in d.orderings if one.why == "order" and one.separates
        }
        true = set(separating(runs[:cut], runs[cut:]))
        assert found <= true
        assert bool(found) == bool(true)


def separating(a: list[list[str]], b: list[list[str]]) -> Iterator[frozenset[tuple[str, int]]]:
    """All pairs of operations of two actors that come one way round in all of A and the other in all of B."""

    def place(run: list[str], name: str, nth: int) -> int:
        return [index for index, other in enumerate(run) if other == name][nth - 1]

    operations = sorted({(name, nth) for name in a[0] for nth in range(1, a[0].count(name) + 1)})
    for one, other in product(operations, operations):
        if one[0] < other[0]:
            ways = [{place(run, *one) < place(run, *other) for run in group} for group in (a, b)]
            if all(len(way) == 1 for way in ways) and ways[0] != ways[1]:
                yield frozenset((one, other))


# --- as data, on the screen, on the command line


def test_generators_will_do_and_what_is_wrong_is_refused() -> None:
    """Traces are read once, one after the other; an empty group and things that are no traces are errors."""
    good, bad = cache_runs()
    assert diff_groups((trace for trace in good), iter(bad)).orderings == diff_groups(good, bad).orderings
    with pytest.raises(UsageError, match="a group without runs"):
        diff_groups([], bad)
    with pytest.raises(TypeError, match=r"not a str: load a file with Trace\.load"):
        diff_groups(["a.simtrace"], bad)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(diff_groups(good, bad))


def test_runs_that_were_set_up_otherwise_are_noted() -> None:
    """A group of runs with different parameters is compared all the same, and that is said."""
    good, bad = cache_runs()
    bad[0].header = replace(bad[0].header, scenario=replace(bad[0].header.scenario, params={"workers": 3}))
    assert diff_groups(good, bad).notes == ("parameter workers is not the same in all runs (1 of 20 differ from the first)",)


def test_json_is_plain() -> None:
    """The answer survives JSON."""
    good, bad = cache_runs()
    facts = json.loads(json.dumps(diff_groups(good, bad).to_json()))
    assert facts["verdict"] == "different"
    assert facts["orderings"][0]["turns"][0]["site"]["line"] == 27
    assert facts["a"]["outcomes"] == [["ok", 10]]
    assert facts["b"]["errors"] == [["KeyError: 'size'", 10]]
    assert facts["examples"] == [None, None]


@pytest.mark.parametrize("width", [30, 64, 80, 200])
def test_the_screen_fits(width: int) -> None:
    """Whatever the width; hostile names are shown, not obeyed."""
    good, bad = cache_runs()
    for trace in (*good, *bad):
        trace.objects = [
            info._replace(label="\x1b[31mred[/bold]") if info.label == "cache_lock" else info for info in trace.objects
        ]
        trace.path = Path("\x1b[31mrun.simtrace")
        trace.ending.error = "\x1b[31mbad"
    text = shown(diff_groups(good, bad), width)
    assert "\x1b" not in text
    assert max(map(cell_len, text.splitlines())) <= width
    assert "\\x1b[31mred[/bold]" in text.replace("\n", "")


@pytest.fixture
def groups(here: Path) -> tuple[list[str], list[str]]:
    """The names of three passing and three failing traces in the folder."""
    good, bad = cache_runs()
    names: tuple[list[str], list[str]] = ([], [])
    for word, traces, into in (("pass", good, names[0]), ("fail", bad, names[1])):
        for number, trace in enumerate(traces[:3]):
            trace.save(here / f"{word}-{number}.simtrace")
            into.append(f"{word}-{number}.simtrace")
    return names


def test_the_command_line_takes_groups(run: Run, groups: tuple[list[str], list[str]]) -> None:
    """All words behind --against are the other group, options aside; exit code 1, the counts, what to type next."""
    good, bad = groups
    code, out, _ = run("diff", *good, "--against", *bad)
    assert code == 1
    assert out.startswith("SEPARATED  ")
    assert "takes `cache_lock` (app.py:27) before" in out
    assert "3 of 3 failing, 0 of 3 passing" in out.replace("\n", " ")
    assert "next  simcore replay fail-0.simtrace --pdb main/2:" in out
    code, out, _ = run("diff", *good, "--against", *bad, "--json")
    assert (code, json.loads(out)["a"]["names"]) == (1, good)
    code, out, _ = run("diff", good[0], "--against", good[1], good[2])
    assert code == 1
    assert "would separate so few runs by chance" in out.replace("\n", " ")
    code, out, _ = run("diff", good[0], "--against", good[0])
    assert (code, out.startswith("SAME ORDER")) == (0, True)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["pass-0", "pass-1", "pass-2"], "error: diff compares two traces, not 3\nhint: groups of traces are compared by "),
        (["pass-0", "--against"], "error: --against names no trace\nhint: simcore diff A1 A2 ... --against B1 B2 ...\n"),
        (["--against", "fail-0"], "error: missing argument"),
        (
            ["pass-0", "pass-1", "--against", "pass-1"],
            "error: pass-1.simtrace is in both groups\nhint: a run belongs to A or to B\n",
        ),
        (["pass-0", "pass-1", "--against", "nix"], "error: there is no trace nix, here or in "),
    ],
)
def test_bad_groups_get_one_line(run: Run, groups: tuple[list[str], list[str]], words: list[str], error: str) -> None:
    """What was found, what was expected, what to do; exit code 2."""
    code, out, err = run("diff", *words)
    assert (code, out) == (2, "")
    assert err.startswith(error)


# --- recorded

CACHE = """
import random, sys, threading, time
cache_lock, log_lock = threading.Lock(), threading.Lock()
cache, errors = {}, []
def note(text):
    with log_lock: time.sleep(0)
def fill():
    note("filling")
    time.sleep(random.random() / 500)
    with cache_lock:
        cache["size"] = 42
def report():
    note("reporting")
    time.sleep(random.random() / 500)
    with cache_lock:
        cache["size"]
    note("reported")
threading.excepthook = lambda args: errors.append(args.exc_value)
threads = [threading.Thread(target=fill, name="filler"), threading.Thread(target=report, name="reporter")]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not errors, errors
"""

COUNT = """
import random, threading, time
count = 0
count_lock = threading.Lock()
def work():
    global count
    with count_lock: seen = count
    time.sleep(random.random() / 5000)
    with count_lock: count = seen + 1
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
    time.sleep(random.random() / 1000)
for thread in threads: thread.join()
assert count == 3, count
"""

CROSSED = """
import random, threading, time
accounts, journal = threading.Lock(), threading.Lock()
def pay():
    time.sleep(random.random() / 1000)
    with accounts:
        time.sleep(random.random() / 1000)
        with journal: pass
def audit():
    time.sleep(random.random() / 1000)
    with journal:
        time.sleep(random.random() / 1000)
        with accounts: pass
threads = [threading.Thread(target=pay, name="payer"), threading.Thread(target=audit, name="auditor")]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def is_cache(d: GroupDiff) -> bool:
    """The reporter is first."""
    return any(one.separates and one.sentence.startswith('main/2 "reporter" takes `cache_lock`') for one in d.orderings)


def is_count(d: GroupDiff) -> bool:
    """Somebody reads between another's read and write."""
    return any(one.separates and one.why == "between" and one.label == "count_lock" for one in d.orderings)


def is_crossed(d: GroupDiff) -> bool:
    """Each has the lock that the other wants; of runs that pass because one is always first one lock is enough."""
    named = [{half.label for half in one.halves or (one,)} for one in d.orderings if one.separates]
    return any(labels <= {"accounts", "journal"} for labels in named)


def collected(source: str, number: int) -> tuple[list[Trace], list[Trace]]:
    """So many runs of a racy program that pass, and as many that fail."""
    Path("racy.py").write_text(source, encoding="utf-8")
    good: list[Trace] = []
    bad: list[Trace] = []
    for _ in range(40 * number):
        trace = simcore.record("./racy.py", quiet=True, output="racy.simtrace")
        group = good if trace.outcome is Outcome.OK else bad
        if len(group) < number:
            group.append(trace)
        if len(good) == len(bad) == number:
            break
    return good, bad


def test_the_bug_of_a_recorded_program_is_named() -> None:
    """The lock of a racy program whose order decides, out of three runs of each kind."""
    good, bad = collected(CACHE, 3)
    assert is_cache(diff_groups(good, bad))


@pytest.mark.loop
@pytest.mark.parametrize(("source", "is_bug"), [(CACHE, is_cache), (COUNT, is_count), (CROSSED, is_crossed)])
def test_the_bugs_of_recorded_programs_are_named(source: str, is_bug: Callable[[GroupDiff], bool]) -> None:
    """An order, a disturbance and a deadlock, each out of ten runs of each kind; little else is named."""
    good, bad = collected(source, 10)
    d = diff_groups(good, bad)
    assert is_bug(d), shown(d)
    assert d.by_chance < 0.01
    assert len(d.orderings) + d.more <= 4
