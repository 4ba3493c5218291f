"""`simcore preflight`: one run under fork foretells what another start method changes, and changes nothing itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_programs import Run
from method_programs import PLAIN, PROGRAMS

from simcore.methods.measure import Plan, measure
from simcore.methods.preflight import Finding, Preflight, foretell
from simcore.methods.preflight_run import look
from simcore.methods.rows import ROWS, Severity
from simcore.methods.verdicts import judge

pytest_plugins = ["cli_fixtures"]

SAMPLE = """\
import logging, multiprocessing as mp, os, random, sys, threading
CONFIG = {"quality": 50, "verbose": False}
CACHE = {}
RNG = random.Random()
STATS_LOCK = threading.Lock()
API_TOKEN = "import-time"
class Settings:
    profile = "default"
def pick(): return RNG.random()
def flush(held, over):
    with STATS_LOCK:
        held.set()
        over.wait()
def work(number):
    pick()
    got = STATS_LOCK.acquire(timeout=0.05)
    print(CONFIG["quality"], len(CACHE), Settings.profile, os.environ.get("LATE"), API_TOKEN == "hush-hush-1", flush=True)
if __name__ == "__main__":
    CONFIG["quality"] = 90
    CACHE.update((n, n) for n in range(5000))
    Settings.profile = "production"
    API_TOKEN = "hush-hush-1"
    RNG.seed(7)
    logging.basicConfig(level=logging.INFO)
    held, over = threading.Event(), threading.Event()
    helper = threading.Thread(target=flush, args=(held, over), name="stats")
    helper.start()
    held.wait()
    if len(sys.argv) > 1: mp.set_start_method(sys.argv[1])
    for number in range(2):
        if number == 1: os.environ["LATE"] = "hush-hush-2"
        child = mp.Process(target=work, args=(number,))
        child.start()
        child.join()
    over.set()
    helper.join()
"""


def program(source: str) -> str:
    Path("program.py").write_text(source)
    return "program.py"


def plain(*arguments: str) -> str:
    """What the program prints without us."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def said(result: Preflight, text: str) -> Finding:
    """The one finding whose sentence has this text."""
    (found,) = (finding for finding in result.findings if text in finding.what)
    return found


def places(finding: Finding) -> dict[str, int]:
    return {word: line for _, line, word in finding.places}


def test_what_would_differ_is_told_with_values_and_places(capfd: pytest.CaptureFixture[str]) -> None:
    """On a program with silent differences all of them are foretold, and what its children print bears them out."""
    result = foretell(program(SAMPLE), "forkserver")
    forked = "90 5000 production None True\n90 5000 production hush-hush-2 True\n"
    assert capfd.readouterr().out == plain("program.py", "fork") == forked
    assert plain("program.py", "forkserver") == "50 0 default None False\n" * 2
    assert result.starts == 2
    quality = said(result, "CONFIG")
    assert quality.what == "`CONFIG['quality']` is 90 under fork, 50 in a fresh child"
    assert places(quality) == {"changed": 19, "defined": 2, "read by work": 14, "started": 33}
    assert said(result, "CACHE").what == "`CACHE` is a dict of 5000 under fork, a dict of 0 in a fresh child"
    assert said(result, "Settings").what == "`Settings.profile` is 'production' under fork, 'default' in a fresh child"
    assert said(result, "root logger").row == 15
    assert (said(result, "RNG").row, said(result, "RNG").severity) == (7, Severity.RANDOM)
    late = said(result, "LATE")
    assert (late.row, places(late), late.count, late.of) == (16, {"changed": 31, "started": 33}, 1, 2)
    lock = said(result, "STATS_LOCK")
    assert "held by thread 'stats'" in lock.what
    assert (lock.severity, places(lock), lock.count) == (Severity.DEADLOCK, {"taken": 11, "made": 5}, 2)
    assert [finding.severity for finding in result.findings] == sorted(finding.severity for finding in result.findings)
    assert all(finding.fix for finding in result.findings)


def test_no_value_that_may_be_a_secret_leaves_the_program() -> None:
    """Neither what is put into the environment nor what is called a token is among the facts or in the answer."""
    looked = look(program(SAMPLE), quiet=True)
    assert looked.facts
    assert "hush-hush" not in json.dumps(looked.facts)
    assert any("API_TOKEN" in str(fact.get("globals")) for fact in looked.facts)


PICKLES = """\
import functools, multiprocessing as mp, threading
class Pool:
    def __init__(self):
        self.lock = threading.Lock()
        self.parts = {"ok": 1, "call": lambda: None}
    def run(self, job): pass
class Worker(mp.Process):
    def __init__(self):
        super().__init__()
        self.feed = (n for n in ())
    def run(self): pass
def apply(call, lock): pass
if __name__ == "__main__":
    def late(): pass
    whole = [Worker(), mp.Process(target=late), mp.Process(target=apply, args=(print, mp.Lock()))]
    for child in (mp.Process(target=Pool().run, args=([1],)), mp.Process(target=functools.partial(apply, late)), *whole):
        child.start()
        child.join()
"""


def test_what_cannot_be_pickled_is_told_down_to_the_part() -> None:
    """Each part is named by its path and no more than it; what `multiprocessing` sends itself is none of them."""
    result = foretell(program(PICKLES), "spawn", quiet=True)
    fatal = {finding.what for finding in result.findings if finding.severity is Severity.FATAL}
    assert fatal == {
        "`target.__self__.lock` of `Pool.run` cannot be pickled: it is a _thread.lock",
        "`target.__self__.parts['call']` of `Pool.run` cannot be pickled: it is `Pool.__init__.<locals>.<lambda>`",
        "`self.feed` of `Worker.run` cannot be pickled: it is a builtins.generator",
        "`late` cannot be brought into a fresh interpreter: AttributeError: Can't get attribute 'late'",
        "`apply` cannot be brought into a fresh interpreter: AttributeError: Can't get attribute 'late'",
    }
    assert result.trace.ending.exit_code == 0


POOLS = """\
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
LIMIT = 1
def times(number): return number * LIMIT
def more(number): return number + LIMIT
if __name__ == "__main__":
    LIMIT = 5
    with mp.get_context("fork").Pool(1) as pool:
        LIMIT = 7
        print(pool.map(times, [1]))
    with ProcessPoolExecutor(1) as executor:
        print(list(executor.map(more, [1])))
"""


def test_tasks_of_pools_are_held_against_what_the_workers_have(capfd: pytest.CaptureFixture[str]) -> None:
    """A worker has the globals of the moment it was forked, not those of the moment its task was given; a pin is named."""
    result = foretell(program(POOLS), "spawn")
    assert capfd.readouterr().out == "[5]\n[8]\n"
    told = {finding.what: places(finding) for finding in result.findings if finding.row == 5}
    assert {what: found[next(word for word in found if word.startswith("read by"))] for what, found in told.items()} == {
        "`LIMIT` is 5 under fork, 1 in a fresh child": 4,
        "`LIMIT` is 7 under fork, 1 in a fresh child": 5,
    }
    pin = said(result, 'get_context("fork")')
    assert (pin.row, places(pin)) == (18, {"called": 8})


def test_a_program_that_would_be_the_same_has_no_finding(run: Run) -> None:
    """Locks, shared values, pipes and pools of a well-made program pass; the answer says what was looked at."""
    code, out, _ = run("preflight", "--to", "forkserver", "--json", "--fail-on", "info", program(PLAIN))
    facts = json.loads(out)
    assert (code, facts["findings"], facts["worst"], facts["outcome"]) == (0, [], None, "ok")
    assert facts["starts"] == 5
    assert "5 starts: target and arguments pickle, and unpickle in a fresh interpreter; 1 task of pools too" in facts["fine"]


def test_the_level_decides_about_the_exit_code(run: Run) -> None:
    """A hazard is no reason to fail, unless it is asked for; the screen fits 80 columns and says what to type next."""
    where = program(PROGRAMS[14])
    code, out, _ = run("preflight", "--to", "spawn", where)
    assert (code, max(map(len, out.splitlines())) <= 80, "\x1b" in out) == (0, True, False)
    assert "fork -> spawn: 1 may go wrong at times" in out
    assert "simcore compare --methods fork,spawn program.py" in out
    assert run("preflight", "--to", "spawn", "--fail-on", "hazard", "--quiet", where)[0] == 1


def test_a_missing_guard_is_found_without_running_the_program_again() -> None:
    """The line that starts a process at import is named; what the import starts in the rehearsal does not come about."""
    source = PROGRAMS[3].replace("def work(): pass", "import os\ndef work(): open(f'ran-{os.getpid()}', 'w').close()")
    result = foretell(program(source), "spawn", quiet=True)
    (finding,) = result.findings
    assert (finding.row, finding.severity) == (3, Severity.FATAL)
    assert places(finding) == {"started": next(n for n, line in enumerate(source.splitlines(), 1) if "start()" in line)}
    assert len(list(Path().glob("ran-*"))) == 1


def test_a_fork_lock_for_a_default_child_is_foretold() -> None:
    """A lock of a pinned context does not fit a child that goes by the default."""
    result = foretell(program(PROGRAMS[18]), "spawn", quiet=True)
    assert (result.findings[0].row, result.findings[0].severity) == (18, Severity.FATAL)


def test_a_run_that_fails_before_any_start_is_no_answer(run: Run) -> None:
    """Nothing was looked at, so nothing is called fine."""
    code, out, _ = run("preflight", "--to", "spawn", "--quiet", program("raise KeyError('early')"))
    assert code == 5
    assert "no answer, the run failed before it started a process" in out


def test_arguments_that_change_between_starts_are_rehearsed_again() -> None:
    """A child that is not forked gets `sys.argv` as it is at its start, and its import may not bear that."""
    source = "import sys\nassert len(sys.argv) < 3\n" + PROGRAMS[5].replace(
        "start(work)", "start(work)\n    sys.argv += ['a', 'b']\n    start(work)"
    )
    result = foretell(program(source), "spawn", quiet=True)
    broken = said(result, "cannot be imported again: AssertionError")
    assert (broken.severity, places(broken)["raised"]) == (Severity.FATAL, 2)


def test_a_value_that_comes_into_the_environment_later_is_no_difference() -> None:
    """What may be shown depends on the environment; a global that stays the same is not told as another."""
    source = PROGRAMS[5].replace(
        "CONFIG['quality'] = 90\n    start(work)", "start(work, n=1)\n    import os\n    SET\n    start(work, n=1)"
    )
    source = source.replace("SET", "os.environ['QUALITY'] = 'best-of-all'").replace("50", "'best-of-all'")
    result = foretell(program(source), "spawn", quiet=True)
    assert result.starts == 2
    assert [finding.what for finding in result.findings] == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--to", "spawn", "nosuch.py"), "error: there is no file nosuch.py"),
        (
            ("--to", "spawn"),
            "error: preflight was not told what to run, expected PATTERN | FILE.py | MODULE:FUNCTION | -- COMMAND...",
        ),
        (("--to", "spawn", "--", "no-such-command"), "error: there is no command 'no-such-command'"),
        (("--to", "fork", "mutex"), "error: invalid value for '--to': 'fork' is not one of 'spawn', 'forkserver'"),
    ],
)
def test_a_bad_target_is_one_line(run: Run, words: tuple[str, ...], line: str) -> None:
    """What was found and what was expected, with a hint, and exit code 2."""
    code, out, err = run("preflight", *words)
    assert (code, out, err.splitlines()[0], len(err.splitlines())) == (2, "", line, 2)
    assert err.splitlines()[1].startswith("hint: ")
    assert not os.path.exists(".simtraces")


def expected(number: int, method: str) -> bool:
    """Whether a change from fork to this method brings the row."""
    if number in (16, 20):
        return method == "forkserver"
    return not ROWS[number].not_here and (number != 13 or method == "spawn")


@pytest.mark.loop
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("number", PROGRAMS)
def test_what_is_foretold_is_what_compare_measures(number: int, method: str) -> None:
    """On a program for each of the twenty differences both say the same rows, and with the same severity."""
    source = PROGRAMS[number]
    target = [sys.executable, "-c", source] if number == 19 else program(source)
    told = {(finding.row, finding.severity) for finding in foretell(target, method, quiet=True).findings}
    told = {(row, severity) for row, severity in told if severity < Severity.INFO}
    assert (number in {row for row, _ in told}) is expected(number, method)
    command = [sys.executable, "program.py"] if isinstance(target, str) else target
    comparison = measure(Plan(command=command, shown="program", methods=("fork", method), runs=0))
    measured = {(verdict.row, verdict.severity) for verdict in judge(comparison) if verdict.severity < Severity.INFO}
    assert {one for one in told if one[0] == number} == {one for one in measured if one[0] == number}
