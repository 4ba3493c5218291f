"""`simcore compare`: each of the twenty differences is found on a program made for it, nothing where there is none."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cli_programs import Run
from method_programs import PLAIN, PROGRAMS

import simcore
from simcore.methods.measure import Plan, measure
from simcore.methods.model import Comparison
from simcore.methods.report import report
from simcore.methods.rows import METHODS, ROWS, Severity
from simcore.methods.verdicts import judge

pytest_plugins = ["cli_fixtures"]

SECRET = "hush-hush"
"""What row 16's program puts into the environment."""


def compared(source: str, methods: Sequence[str] = METHODS, *, inline: bool = False, **how: Any) -> Comparison:
    """A comparison of a program; of state runs alone unless `runs` are asked for."""
    Path("program.py").write_text(source)
    command = [sys.executable, "-c", source] if inline else [sys.executable, "program.py"]
    comparison = measure(Plan(**{"command": command, "shown": "program.py", "methods": methods, "runs": 0, **how}))
    comparison.verdicts = judge(comparison)
    return comparison


def above_info(comparison: Comparison) -> list[tuple[int, tuple[str, ...]]]:
    """Row and methods of each verdict that matters."""
    return [(verdict.row, verdict.methods) for verdict in comparison.verdicts if verdict.severity < Severity.INFO]


def check_row(number: int, comparison: Comparison) -> None:
    """The row is found under the methods that have it, and told to be missing where this Python does not have it."""
    labels = {column.label for column in comparison.columns}
    found = [verdict for verdict in comparison.verdicts if verdict.row == number]
    row = ROWS[number]
    if row.not_here:
        assert found == []
        assert {"row": number, "title": row.title, "why": row.not_here} in report(comparison)["not_on_this_python"]
        return
    seen_with = {verdict.methods for verdict in found if verdict.severity <= row.severity or number == 20}
    if number in (16, 20):
        expected = {"forkserver"} & labels
    elif number == 13:
        expected = {"fork", "forkserver"} & labels if "spawn" in labels else set()
    elif row.severity in (Severity.DEADLOCK, Severity.RANDOM) or number in (9, 10, 11):
        expected = {"fork"}
    else:
        expected = labels - {"fork"}
    assert seen_with == ({tuple(label for label in METHODS if label in expected)} if expected else set())
    if expected:
        assert all(verdict.fix for verdict in found if verdict.severity < Severity.INFO)


SHORT = (1, 3, 5, 8, 16, 18, 19)
"""The rows whose programs run in the default run; the others are in one program there."""


@pytest.mark.parametrize("number", SHORT)
def test_a_difference_is_found_on_its_program(number: int) -> None:
    """A program made for one difference gets the verdict of its row, under the methods that have it."""
    check_row(number, compared(PROGRAMS[number], ("fork", "forkserver"), inline=number == 19))


@pytest.mark.loop
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("number", PROGRAMS)
def test_each_difference_is_found_under_each_method(number: int, method: str) -> None:
    """Each of the twenty rows is found between fork and each other method, by a program made for it."""
    check_row(number, compared(PROGRAMS[number], ("fork", method), inline=number == 19))


@pytest.mark.loop
@pytest.mark.parametrize("number", PROGRAMS)
def test_each_difference_is_found_among_three_methods(number: int) -> None:
    """Each of the twenty rows names exactly the methods that have it."""
    check_row(number, compared(PROGRAMS[number], inline=number == 19))


ALL_IN_ONE = """
import atexit, codecs, contextvars, decimal, logging, multiprocessing as mp, os, queue, random, signal, socket, threading, time
from unittest import mock

print("loading the model")
RNG = random.Random()
JOBS = queue.Queue()
REQUEST = contextvars.ContextVar("REQUEST", default=0)
LOCAL = threading.local()
LINE = None
FILE = None


def on_user(*_):
    pass


def serve():
    while JOBS.get() is not None:
        pass


def work(lock):
    if FILE:
        FILE.flush()
    atexit.register(on_user)
    return RNG, JOBS, LINE, time.strftime("%Y"), REQUEST.get(), decimal.getcontext().prec, LOCAL, logging.root, os.getppid()


if __name__ == "__main__":
    RNG.seed(42)
    REQUEST.set(7)
    LOCAL.user = 1
    decimal.getcontext().prec = 5
    LINE, other = socket.socketpair()
    server = socket.create_server(("127.0.0.1", 0))
    FILE = open("notes.txt", "w")
    FILE.write("header")
    codecs.register(lambda name: None)
    signal.signal(signal.SIGUSR1, on_user)
    logging.basicConfig(level=logging.INFO)
    thread = threading.Thread(target=serve, name="flusher")
    thread.start()
    with mock.patch("time.strftime", lambda *_: "patched"):
        for _ in range(2):
            child = mp.Process(target=work, args=(threading.Lock() if mp.get_start_method() == "fork" else None,))
            child.start()
            child.join()
            os.environ["LATE_SETTING"] = "hush-hush"
    JOBS.put(None)
    thread.join()
    for thing in (FILE, LINE, other, server):
        thing.close()
"""


@pytest.fixture(scope="module")
def all_in_one(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """One program with most of the differences, under all methods."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("all"))
    try:
        return compared(ALL_IN_ONE)
    finally:
        os.chdir(before)


def test_most_differences_are_found_in_one_program(all_in_one: Comparison) -> None:
    """Differences do not hide each other; the worst comes first."""
    rows = {verdict.row for verdict in all_in_one.verdicts}
    expected = {2, 4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20} - {number for number in ROWS if ROWS[number].not_here}
    assert expected <= rows
    severities = [verdict.severity for verdict in all_in_one.verdicts]
    assert severities == sorted(severities)


PRINTING = """
import multiprocessing as mp, os

TOKEN = PLACE = ""
PORT = 0


def work():
    print("token", TOKEN, PLACE, PORT, "late", os.environ.get("LATE"))


if __name__ == "__main__":
    TOKEN = os.environ["COMPARE_SECRET"]
    PLACE = f"at {TOKEN}!"
    PORT = int(os.environ["COMPARE_PORT"])
    for _ in range(2):
        child = mp.Process(target=work)
        child.start()
        child.join()
        os.environ["LATE"] = "plankton-7"
"""


def test_no_value_of_the_environment_leaves(all_in_one: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is seen nor the report has a value of the environment, also of one that the program prints or keeps.

    The number is a long one: five digits stand in digests and process ids by chance.
    """
    monkeypatch.setenv("COMPARE_SECRET", "swordfish-9")
    monkeypatch.setenv("COMPARE_PORT", "3133731337313373")
    printing = compared(PRINTING, ("fork", "forkserver"))
    for comparison in (all_in_one, printing):
        told = json.dumps(report(comparison))
        seen = repr([run.events for column in comparison.columns for run in column.all_runs])
        for value in (SECRET, "swordfish", "plankton", "3133731337313373"):
            assert value not in told
            assert value not in seen
    assert "TOKEN" in json.dumps(report(printing)["globals"])


def test_a_program_without_differences_gets_no_verdict_above_info() -> None:
    """Locks, shared values, pipes and pools that are used by the book are not spoken against."""
    comparison = compared(PLAIN)
    assert above_info(comparison) == []
    assert not comparison.matters


def test_a_program_that_starts_no_process_has_no_verdict_and_a_report(run: Run) -> None:
    """None at all, which is said."""
    Path("alone.py").write_text("print('hello')\n")
    code, out, err = run("compare", "-n", "1", "alone.py")
    assert (code, err) == (0, ""), err
    assert "VERDICTS\n  none: this program does the same under all of them\n" in out


def test_one_method_against_itself_gets_no_verdict_above_info() -> None:
    """What differs between two columns of one method is noise, and is not called anything else."""
    comparison = compared(ALL_IN_ONE, ("fork", "fork"))
    assert above_info(comparison) == []
    assert [column.label for column in comparison.columns] == ["fork", "fork (2)"]


@pytest.mark.loop
@pytest.mark.parametrize("number", range(20))
def test_twenty_tries_of_one_method_get_no_verdict_above_info(number: int) -> None:
    """Two recordings of one program under one method never show a verdict above INFO, whatever the program has."""
    comparison = compared(ALL_IN_ONE if number % 2 else PLAIN, (METHODS[number % 3],) * 2, runs=4)
    assert above_info(comparison) == []


HANGING = """
import multiprocessing as mp, threading

GATE = threading.Lock()


def hold(held, over):
    with GATE:
        held.set()
        over.wait()


def work():
    with GATE:
        print("through")


if __name__ == "__main__":
    held, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, args=(held, over), daemon=True)
    thread.start()
    held.wait()
    child = mp.Process(target=work)
    child.start()
    child.join()
"""


@pytest.mark.loop
def test_a_program_that_hangs_under_one_method_is_ended_and_not_tried_for_ever() -> None:
    """A child that waits for a lock of its parent's is a deadlock; after two such runs the method is left alone."""
    comparison = compared(HANGING, ("fork", "forkserver"), runs=4, timeout_s=5.0)
    fork, forkserver = comparison.columns
    assert [run.reason for run in fork.all_runs] == ["timeout"] * 2
    assert [run.end for run in forkserver.all_runs] == ["0"] * 5
    worst = [
        (verdict.severity, verdict.row, verdict.methods) for verdict in comparison.verdicts if verdict.severity < Severity.HAZARD
    ]
    assert worst == [(Severity.DEADLOCK, 8, ("fork",)), (Severity.DEADLOCK, 0, ("fork",))]


def test_the_method_is_forced_over_the_programs_own() -> None:
    """get_context("fork") and set_start_method get the method that is compared, and are listed with their lines."""
    source = (
        "import multiprocessing as mp, os\ndef work(): print(os.getppid() == mp.parent_process().pid)\n"
        "if __name__ == '__main__':\n    mp.set_start_method('spawn')\n    context = mp.get_context('fork')\n"
        "    child = context.Process(target=work)\n    child.start()\n    child.join()\n    print(context.get_start_method())\n"
    )
    comparison = compared(source, ("fork", "forkserver"))
    by_label = {column.label: column.states[0].out for column in comparison.columns}
    assert by_label == {"fork": ["True", "fork"], "forkserver": ["False", "forkserver"]}
    assert report(comparison)["overrides"] == [
        {"call": "set_start_method", "asked": "spawn", "site": "program.py:4", "methods": ["fork", "forkserver"]},
        {"call": "get_context", "asked": "fork", "site": "program.py:5", "methods": ["forkserver"]},
    ]


def test_a_default_that_is_set_too_late_is_found() -> None:
    """set_start_method after a child was started works under fork and raises under the others: row 18."""
    source = (
        "import multiprocessing as mp\ndef work(): pass\nif __name__ == '__main__':\n"
        "    child = mp.get_context('fork').Process(target=work)\n    child.start()\n    child.join()\n"
        "    mp.set_start_method('fork')\n"
    )
    verdict = compared(source, ("fork", "spawn")).verdicts[0]
    assert (verdict.severity, verdict.row, verdict.methods) == (Severity.FATAL, 18, ("spawn",))
    assert "program.py:7" in verdict.text


def test_a_value_that_is_computed_at_import_is_no_silent_difference() -> None:
    """A global that differs between two spawned children was not changed by the parent; said as INFO."""
    source = (
        "import multiprocessing as mp, time\nBORN = time.monotonic_ns()\ndef work(): return BORN\n"
        "if __name__ == '__main__':\n    child = mp.Process(target=work)\n    child.start()\n    child.join()\n"
    )
    comparison = compared(source, ("fork", "spawn"))
    assert above_info(comparison) == []
    assert any("BORN is computed at import" in verdict.text for verdict in comparison.verdicts)


def test_behind_a_barrier_all_children_begin_together() -> None:
    """With a barrier no child begins before the last has come to its first line."""
    source = PROGRAMS[5].replace("n=2", "n=3")
    comparison = compared(source, ("fork", "fork"), runs=2, barrier=True)
    for column in comparison.columns:
        for run in column.runs:
            assert max(child.first for child in run.began) <= min(child.begun for child in run.began)
    assert report(comparison)["barrier"] == "used"


SERVICE = """
import multiprocessing as mp, signal, sys, time


def serve(ready):
    ready.set()
    time.sleep(600)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ready = mp.Event()
    worker = mp.Process(target=serve, args=(ready,), daemon=True)
    worker.start()
    ready.wait()
    print("listening", flush=True)
    while True:
        signal.pause()
"""


def test_a_service_is_ended_after_its_duration(run: Run) -> None:
    """--duration counts from --ready and ends the service with SIGTERM; the report says when it was ready."""
    Path("service.py").write_text(SERVICE)
    until = ("--duration", "0.1", "--ready", "listening")
    code, out, err = run("compare", "-n", "1", "--methods", "fork,forkserver", *until, "--json", "service.py")
    facts = json.loads(out)
    assert code == 1, err
    assert {verdict["row"] for verdict in facts["verdicts"] if verdict["severity"] != "INFO"} == {14}  # its handler
    rows = {row["name"]: row["values"] for row in facts["outcome"]}
    assert rows["exit status"] == {"fork": "running", "forkserver": "running"}
    assert rows["ready, ms"]["fork"]["median"] > 0


def test_the_verb_answers_with_its_exit_code_and_reads_in_80_columns(run: Run) -> None:
    """1 when something differs that matters; no line is wider than the screen; the sections come in order, verdicts last."""
    Path("program.py").write_text(PROGRAMS[5])
    code, out, _ = run("compare", "-n", "1", "--methods", "fork,spawn", "program.py")
    assert code == 1
    assert max(map(len, out.splitlines())) <= 80
    heads = ["OUTCOME", "START", "SCHEDULE", "WHAT A CHILD SEES AT ITS FIRST LINE", "GLOBALS THE TARGETS CAN REACH", "VERDICTS"]
    places = [out.index(f"\n{head}") for head in heads]
    assert places == sorted(places)
    assert "CONFIG['quality'] was changed after import" in " ".join(out.split())
    assert "the program was run 4 times" in out


def test_an_interrupted_comparison_leaves_nothing_behind() -> None:
    """Ctrl-C ends the program that runs and all its children; the exit code is 130."""
    Path("program.py").write_text(
        "import multiprocessing as mp, time\ndef work():\n    print('up', file=open('up', 'w'))\n    time.sleep(600)\n"
        "if __name__ == '__main__':\n    child = mp.Process(target=work)\n    child.start()\n    child.join()\n"
    )
    command = [sys.executable, "-m", "simcore", "compare", "program.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as simcore_process:
        while not Path("up").exists():
            assert simcore_process.poll() is None
            time.sleep(0.01)
        simcore_process.send_signal(signal.SIGINT)
        out, err = simcore_process.communicate()
    assert (simcore_process.returncode, out, err.strip()) == (130, "", "simcore: interrupted")
    folder = str(Path.cwd())
    running = [path for path in Path("/proc").glob("[0-9]*") if cwd_of(path) == folder and path.name != str(os.getpid())]
    assert running == []


def cwd_of(process: Path) -> str:
    try:
        return os.readlink(process / "cwd")
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "fork", "program.py"], "--methods names 1, expected 2 to 4"),
        (["--methods", "fork,thread", "program.py"], "--methods has 'thread', expected some of fork, spawn, forkserver"),
        (["--ready", "on", "program.py"], "--ready was given without --duration, expected both"),
        ([], "compare was not told what to run"),
        (["nothing.py"], "there is no file nothing.py"),
        (["--", "no-such-command"], "'no-such-command' cannot be started"),
    ],
)
def test_bad_input_gets_one_line(run: Run, words: list[str], message: str) -> None:
    """What cannot be compared is refused before anything runs, with a hint."""
    Path("program.py").write_text("print(1)")
    code, out, err = run("compare", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert "hint: " in err


ONE_CHILD = """
import multiprocessing as mp

def work():
    pass

if __name__ == "__main__":
    child = mp.get_context("fork").Process(target=work)
    child.start()
    child.join()
"""

PROBING = """
import threading
from simcore.api import hookimpl, probe


@probe(title="threads by name", severity="hazard", means="a child is called otherwise", fix="do not look")
def name():
    import multiprocessing
    return multiprocessing.current_process().name


@probe(title="a long text")
def long():
    return "x" * 100


@hookimpl
def simcore_probes():
    return [name, long, probe(title="lost", severity="info")(lambda: 1), "nothing"]
"""


def test_what_is_loaded_inside_a_program_needs_nothing_but_the_standard_library() -> None:
    """Not a library of ours, not the engine: neither would be in the environment of the program."""
    package = Path(simcore.__file__).parent / "methods"
    allowed = ("simcore.methods.inside", "simcore.methods.reach", "simcore.methods.texts", "simcore.runtime")
    for path in [*package.glob("inside/**/*.py"), package / "reach.py", package / "texts.py", package / "rows.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [f"{node.module}"] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.partition(".")[0] == "simcore"
                assert name.startswith(allowed) if ours else name.partition(".")[0] in sys.stdlib_module_names, (path, name)


def test_the_documentation_has_the_twenty_rows() -> None:
    """docs/start-methods.md shows the rows as they are."""
    text = (Path(__file__).parents[1] / "docs" / "start-methods.md").read_text(encoding="utf-8")
    for row in ROWS.values():
        assert f"| {row.number} | {row.title} |" in text


def test_a_plugin_asks_in_each_child(run: Run) -> None:
    """A probe's answers stand in the report; where methods differ its verdict comes; what is no probe is a plugin's problem."""
    Path("mine.py").write_text(PROBING)
    Path("program.py").write_text(ONE_CHILD)
    _, out, _ = run("compare", "-n", "1", "--methods", "fork,spawn", "--plugin", "mine.py", "--json", "program.py")
    facts = json.loads(out)
    rows = {row["name"]: row["values"] for row in facts["child"]}
    assert rows["threads by name"]["fork"] == "ForkProcess-1"
    assert rows["a long text"]["fork"].startswith("#")
    assert "x" * 41 not in out
    _, out, _ = run("plugins", "check", "mine.py")
    assert "is not at the top level of its module" in " ".join(out.split())
    assert "is not marked with @probe" in " ".join(out.split())
