"""The magics without a kernel: words taken apart by simcore's own commands, cells as files, output that streams, interrupts."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

import simcore
from simcore.diffing import Diff
from simcore.engine.family import family_of
from simcore.errors import SimcoreError, UsageError
from simcore.notebook import running
from simcore.notebook.cells import KEPT_S, write_cell
from simcore.notebook.compared import Compared
from simcore.notebook.magic import Interrupted, run_cell, run_line
from simcore.notebook.running import run_command
from simcore.notebook.words import CELL_VERBS, of_cell
from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Trace

SHORT_CHILD = """import multiprocessing
def f():
    print("child")
if __name__ == "__main__":
    p = multiprocessing.Process(target=f)
    p.start()
    p.join()
"""

THREADS = """import sys
import threading

lock = threading.Lock()


def work():
    with lock:
        pass


workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("told", *sys.argv[1:])
print("warned", file=sys.stderr)
"""

FAMILY = """import multiprocessing
import signal
import time


def work(obey):
    if not obey:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("working", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    child = multiprocessing.Process(target=work, args=({obey},))
    child.start()
    child.join()
"""


@pytest.mark.parametrize("verb", CELL_VERBS)
def test_every_option_of_the_command_is_an_option_of_the_cell(verb: str) -> None:
    """Whatever `simcore VERB` takes is passed on as it was given; there is no second list of options."""
    command: Any = import_module(f"simcore.cli.{'record' if verb == 'diff' else verb}").command
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert len(options) > 5
    for option in options:
        for name in option.opts:
            given = [name] if option.is_flag else [name, "7"]
            words = of_cell(f"{verb} {' '.join(given)} --name t 5 -- -x", {})
            assert (words.verb, words.name, words.rest) == (verb, "t", ("5", "-x"))
            assert words.options == ((option.opts[-1],) if option.is_flag else (option.opts[-1], "7"))


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("record --chaoss", "no such option --chaoss", "did you mean --chaos ?"),
        ("record --seed", "option '--seed' requires an argument", "`%%simcore record --help` lists what it takes"),
        ("replay", "a cell is run by record, compare, diff, not by 'replay'", "%simcore replay, with one %, takes a trace"),
        ("frobnicate", "a cell is run by record, compare, diff, not by 'frobnicate'", ""),
        ("--name 7x", "--name is '7x', expected the name of a variable", ""),
        ("'", '"\'" cannot be taken apart: no closing quotation', "are all quotes closed?"),
    ],
)
def test_bad_words_are_one_line(line: str, message: str, hint: str) -> None:
    """What was found, what was expected, what to do."""
    with pytest.raises(UsageError) as caught:
        of_cell(line, {})
    assert str(caught.value) == message
    assert caught.value.hint.startswith(hint)


def test_a_cell_is_a_file_whose_lines_are_those_of_the_cell(own_folder: Path) -> None:
    """Line 1 is the magic; another version is another file; git ignores them."""
    first = write_cell("print(1)\n", "%%simcore record", "cell")
    assert Path(first).read_text() == "# %%simcore record\nprint(1)\n"
    assert write_cell("print(1)\n", "%%simcore record", "cell") == first
    second = write_cell("print(2)", "%%simcore record", "cell")
    assert second != first
    assert Path(second).read_text().endswith("print(2)\n")
    assert not Path(first).is_absolute()
    assert (own_folder / ".simtraces" / ".cells" / ".gitignore").read_text() == "*\n"
    assert Path(write_cell("import queue", "%%simcore", "queue")).name == "queue_cell.py", "it must not import itself"


def test_old_cells_go_unless_a_trace_needs_them(own_folder: Path) -> None:
    """Of versions that were not run for a week those stay whose traces are there, in the trace folder or where they were put."""
    traced = run_cell("record", "print('traced')\n", {})
    elsewhere = run_cell("record -o e.simtrace", "print('elsewhere')\n", {})
    run_cell("record -o lost.simtrace", "print('lost')\n", {})
    Path("lost.simtrace").unlink()
    write_cell("print('compared')\n", "%%simcore compare", "cell")
    long_ago = time.time() - KEPT_S - 60
    for file in Path(".simtraces/.cells").glob("*/*.py"):
        os.utime(file, (long_ago, long_ago))
    write_cell("print('young')\n", "%%simcore compare", "cell")
    left = [file.read_text().splitlines()[1] for file in Path(".simtraces/.cells").glob("*/cell.py")]
    assert sorted(left) == ["print('elsewhere')", "print('traced')", "print('young')"]
    for trace in (traced, elsewhere):
        assert isinstance(trace, Trace)
        simcore.replay(trace).check()


def test_a_cell_is_recorded_as_a_program(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its words, its streams, modules beside the notebook, lines as in the cell; the trace is the value and can be replayed."""
    Path("beside.py").write_text("WORD = 'helped'\n")
    kept: dict[str, object] = {}
    trace = run_cell("--name first -- --loud", THREADS + "import beside\nprint(beside.WORD)\n", kept)
    assert isinstance(trace, Trace)
    assert trace is kept["first"]
    assert trace.outcome is Outcome.OK
    out, err = capsys.readouterr()
    assert (out, err) == ("told --loud\nhelped\n", "warned\n")
    (line,) = {site.line for site in trace.sites if site.function == "work"}
    assert THREADS.splitlines()[line - 2] == "    with lock:"
    assert run_line("replay first", kept) is None
    assert "same order, results and output" in capsys.readouterr().out


def test_a_cell_under_spawn(capsys: pytest.CaptureFixture[str]) -> None:
    """The child imports the cell's file and finds its function."""
    trace = run_cell("record --start-method spawn", SHORT_CHILD, {})
    assert isinstance(trace, Trace)
    assert [info.start_method for info in trace.ending.processes] == ["", "spawn"]
    assert capsys.readouterr().out == "child\n"


def test_diffs_of_cells_and_traces(capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs of a cell, a run against a trace in a variable, two traces by name; `show` is that trace."""
    kept: dict[str, object] = {}
    twice = run_cell("diff --name d", "print('twice')\n", kept)
    assert isinstance(twice, Diff)
    assert twice is kept["d"]
    assert twice.verdict is Verdict.SAME
    assert capsys.readouterr().out == "twice\ntwice\n"
    kept["a"] = twice.trace_a
    against = run_cell("diff --against a", "print('once')\n", kept)
    assert isinstance(against, Diff)
    assert against.verdict is Verdict.DIFFERENT
    kept["b"] = against.trace_b
    again = run_line("diff a b", kept)
    assert isinstance(again, Diff)
    assert again.verdict is Verdict.DIFFERENT
    shown = run_line("show a", kept)
    assert isinstance(shown, Trace)
    assert shown.path == twice.trace_a.path


def test_how_far_a_command_is_is_told_while_it_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per run of a comparison and of a hunt, apart from what simcore says; none of it in what is returned or printed."""
    lines: list[str] = []
    monkeypatch.setattr(running, "_shows_progress", [lambda: lines.append])
    assert isinstance(run_cell("compare -n 1 --methods fork,spawn", SHORT_CHILD, {}), Compared)
    note = "the program is run up to 6 times, and so often are its side effects repeated"
    expected = [f"{note}; run {n} of 6  {method}" for n, method in enumerate(("fork", "spawn") * 3, 1)]
    assert lines[:4] == expected[:4]
    assert lines[-1] == note
    assert set(lines) <= {note, *expected}
    lines.clear()
    assert isinstance(run_cell("--until-failure --max-runs 2", "pass\n", {}), Trace)
    assert [re.sub(r"[\d.]+ m?s/run", "T", line) for line in lines] == ["run 1 of 2  T  failed 0", "run 2 of 2  T  failed 0"]
    assert capsys.readouterr() == ("2 runs, none failed\n", "")


def test_a_hunt_returns_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The failing run where one fails; what was found in one line."""
    failed = run_cell("--until-failure --max-runs 3", "print('not shown')\nraise SystemExit(3)\n", {})
    assert isinstance(failed, Trace)
    assert failed.outcome is Outcome.FAILED
    assert capsys.readouterr().out == "1 run, the last one failed\n"


def test_a_program_that_fails_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Its traceback names the cell's file and line, and there is none of ours."""
    trace = run_cell("", "def f():\n    raise ValueError('no')\nf()\n", {})
    assert isinstance(trace, Trace)
    assert trace.outcome is Outcome.FAILED
    err = capsys.readouterr().err
    assert 'cell.py", line 3, in f' in err
    assert "simcore" not in err.replace(".simtraces", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("record no-such-pattern", "there is no pattern"),
        ("show nothing", "there is no trace nothing"),
        ("", "%simcore was not told what to do"),
    ],
)
def test_errors_of_simcore_are_one_line(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the command found them in its own process or we here."""
    with pytest.raises(SimcoreError) as caught:
        run_line(line, {})
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value) + caught.value.hint
    assert capsys.readouterr() == ("", "")


def test_bad_values_are_found_by_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `simcore record` says it, without the colours that a notebook asks for."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(UsageError) as caught:
        run_cell("--seed x", "pass\n", {})
    assert str(caught.value) == "invalid value for '--seed': 'x' is not a valid integer"


def test_helps_come_from_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """All of its options, in the cell."""
    assert run_cell("compare --help", "", {}) is None
    assert "--methods" in capsys.readouterr().out


class Interrupting:
    """A stream that interrupts this process, as a kernel is interrupted, when something is written to it."""

    def __init__(self, what: str, times: int = 1) -> None:
        self.what, self.times = what, times
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text
        if self.what in text and self.times:
            self.times -= 1
            os.kill(os.getpid(), signal.SIGINT)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("obey", [True, False], ids=["obeys", "does not obey"])
def test_an_interrupt_ends_all_and_leaves_a_trace(obey: bool, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program, its child, and simcore itself, also when the child ignores it; the trace of it is the variable's value."""
    monkeypatch.setattr(running, "PATIENCE_S", 3.0 if obey else 0.2)
    monkeypatch.setattr(sys, "stdout", Interrupting("working"))
    monkeypatch.setattr(sys, "stderr", Interrupting(""))
    sys.stderr.times = 0  # type: ignore[attr-defined]
    kept: dict[str, object] = {}
    with pytest.raises(Interrupted) as caught:
        run_cell("--name t", FAMILY.format(obey=obey), kept)
    assert isinstance(caught.value.result, Trace)
    assert kept["t"] is caught.value.result
    assert caught.value.result.outcome is Outcome.KILLED
    assert not processes_of(own_folder)


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that have a cell of this folder for their program."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if ".cells" in words and os.readlink(entry / "cwd") == str(folder):
                found.append(words)
        except OSError:
            continue
    return found


def test_output_streams_while_the_program_runs(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that waits until somebody has seen what it wrote comes to its end."""

    class Answering(Interrupting):
        def write(self, text: str) -> None:
            self.text += text
            Path("seen").touch()

    code = "import os, time\nprint('now', end='')\nwhile not os.path.exists('seen'):\n    time.sleep(0.01)\nprint(' and then')\n"
    stream = Answering("")
    monkeypatch.setattr(sys, "stdout", stream)
    trace = run_cell("--timeout 60", code, {})
    assert isinstance(trace, Trace)
    assert trace.outcome is Outcome.OK
    assert stream.text == "now and then\n"


def test_it_ends_with_its_kernel(own_folder: Path) -> None:
    """When the process that runs a cell is killed, the program and its child end, too."""
    code = f"from simcore.notebook.magic import run_cell\nrun_cell('', {FAMILY.format(obey=True)!r}, {{}})\n"
    kernel = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert kernel.stdout is not None
    assert kernel.stdout.readline() == "working\n"
    watched = [os.pidfd_open(pid) for pid in below(kernel.pid)]
    assert len(watched) == 3, "simcore, the program, its child"
    kernel.kill()
    kernel.wait()
    kernel.stdout.close()
    for descriptor in watched:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        assert ended.poll(20_000), "it still runs"
        os.close(descriptor)


def below(pid: int) -> list[int]:
    """The descendants of a process."""
    return family_of(pid)[1:]


def test_answers_are_kept_apart_from_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` answers are returned whole, and what simcore says beside is none of it."""
    ran = run_command(["list", "--json"], keep_answer=True)
    assert json.loads(ran.answer)["patterns"]
    assert (ran.talk, ran.interrupted) == ("", False)
    assert capsys.readouterr() == ("", "")
