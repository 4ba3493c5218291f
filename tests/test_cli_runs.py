"""The verbs that run something: record, replay, the hunt for a failure."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_programs import FAILS_LATE, PROGRAM, ROOT, Run
from synthetic import build

import simcore
from simcore.cli.hunt import is_failure
from simcore.cli.record import command as record_command
from simcore.cli.record import exit_code
from simcore.cli.target import TargetCommand
from simcore.trace.events import Outcome
from simcore.trace.model import Ending, Trace

pytest_plugins = ["cli_fixtures"]


@pytest.mark.parametrize(
    ("words", "options", "target", "is_command"),
    [
        (["mutex", "-p", "workers=4", "-o", "a"], {"parameters": ("workers=4",), "output": "a"}, ("mutex",), False),
        (["-p", "workers=4", "mutex", "--chaos"], {"parameters": ("workers=4",), "chaos": True}, ("mutex",), False),
        (["-pworkers=4", "mutex"], {"parameters": ("workers=4",)}, ("mutex",), False),
        (["--output=a", "mod:main", "--seed", "3"], {"output": "a", "seed": 3}, ("mod:main",), False),
        (["app.py", "--its", "-o", "args"], {"output": None}, ("app.py", "--its", "-o", "args"), False),
        (["-o", "a", "app.py", "--chaos", "--", "x"], {"output": "a", "chaos": False}, ("app.py", "--chaos", "--", "x"), False),
        (["--chaos", "--", "python", "app.py", "--chaos"], {"chaos": True}, ("python", "app.py", "--chaos"), True),
        (["-o", "a", "--", "mutex"], {"output": "a"}, ("mutex",), True),
        (["--", "a", "--", "b"], {}, ("a", "--", "b"), True),
        (["--", "-x"], {}, ("-x",), True),
        (["--json", "--timeout", "2.5", "mutex"], {"as_json": True, "timeout_s": 2.5}, ("mutex",), False),
        ([], {}, (), False),
        (["--"], {}, (), True),
    ],
)
def test_record_tells_its_options_from_the_programs(
    words: list[str], options: dict[str, object], target: tuple[str, ...], is_command: bool
) -> None:
    """All words after `--` or after FILE.py are the program's; a pattern may have our options on both sides."""
    assert isinstance(record_command, TargetCommand)
    with record_command.make_context("record", list(words)) as context:
        assert context.params["target"] == target
        assert context.meta["simcore.is_command"] is is_command
        assert {name: context.params[name] for name in options} == options


def ended(target: str, ending: Ending, expect: Sequence[str] = ("ok",)) -> Trace:
    """A trace of this kind of target with this ending."""
    trace = build(2, 40, 1)
    scenario = dataclasses.replace(trace.header.scenario, target=target, expect=tuple(expect))
    return dataclasses.replace(trace, header=dataclasses.replace(trace.header, scenario=scenario), ending=ending)


@pytest.mark.parametrize(
    ("target", "ending", "expect", "code"),
    [
        ("pattern", Ending(Outcome.OK, 0), ("ok",), 0),
        ("pattern", Ending(Outcome.FAILED, 3), ("ok",), 1),
        ("pattern", Ending(Outcome.DEADLOCK, -9), ("deadlock",), 0),
        ("pattern", Ending(Outcome.OK, 0), ("deadlock",), 1),
        ("function", Ending(Outcome.FAILED, 1), ("ok",), 1),
        ("file", Ending(Outcome.OK, 0), ("ok",), 0),
        ("file", Ending(Outcome.FAILED, 7), ("ok",), 7),
        ("command", Ending(Outcome.KILLED, -15), ("ok",), 143),
        ("command", Ending(Outcome.DEADLOCK, -9), ("ok",), 123),
        ("command", Ending(Outcome.STALLED, -9), ("ok",), 123),
        ("command", Ending(Outcome.TIMEOUT, -15), ("ok",), 124),
        ("command", Ending(Outcome.FAILED, -2), ("ok",), 130),
        ("pattern", Ending(Outcome.FAILED, -2), ("ok",), 130),
        ("command", Ending(Outcome.KILLED, None), ("ok",), 137),
        ("command", Ending(Outcome.FAILED, None), ("ok",), 1),
    ],
)
def test_record_ends_as_the_program_did(target: str, ending: Ending, expect: Sequence[str], code: int) -> None:
    """A pattern's code says whether the expected happened; a program's code is its own unless simcore ended it."""
    assert exit_code(ended(target, ending, expect)) == code


def test_what_a_hunt_is_after() -> None:
    """An outcome that is not expected; where success is expected among others, everything else."""
    dead, fine = Ending(Outcome.DEADLOCK, -9), Ending(Outcome.OK, 0)
    assert is_failure(ended("command", Ending(Outcome.FAILED, 1)))
    assert not is_failure(ended("command", fine))
    assert is_failure(ended("pattern", dead, ("deadlock", "ok")))
    assert not is_failure(ended("pattern", dead, ("deadlock",)))
    assert is_failure(ended("pattern", fine, ("deadlock",)))


def test_a_pattern_is_recorded_shown_replayed_and_diffed(run: Run, plugin: str, here: Path) -> None:
    """The whole way: the pattern's output on stdout, the summary on stderr, a faithful replay, no difference to itself."""
    code, out, err = run("record", "turns", "--plugin", plugin, "-p", "workers=3", "-o", "a.simtrace")
    assert (code, out) == (0, "done\n" * 3)
    assert re.match(r"simcore: turns  ok in \d", err)
    assert "4 threads in 1 process" in err
    assert "next:  simcore replay a.simtrace   simcore show a.simtrace --timeline\n" in err
    code, out, err = run("replay", "a.simtrace", "--times", "2")
    assert (code, err) == (0, "")
    assert out.startswith("replayed 2 of 2: same order, results and output")
    code, out, _ = run("replay", "a.simtrace", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "same")
    assert run("diff", "a.simtrace", "a.simtrace")[0] == 0
    assert not (here / ".simtraces").exists()


def test_a_command_to_type_next_is_one_that_a_shell_takes(run: Run, plugin: str) -> None:
    """A path with a space stands in quotes in a command, and as it is elsewhere."""
    _, _, err = run("record", "turns", "--plugin", plugin, "-o", "my run.simtrace")
    assert "trace: my run.simtrace\n" in err
    assert "simcore replay 'my run.simtrace'" in err
    assert "simcore show 'my run.simtrace' --timeline\n" in err


def test_record_does_not_overwrite_what_is_no_trace(run: Run, here: Path) -> None:
    """A folder, or the user's own program named by accident, is refused before anything runs; an old trace is replaced."""
    (here / "app.py").write_text("print('ran')\n")
    code, out, err = run("record", "-o", "app.py", "app.py")
    assert (code, out) == (2, "")
    assert err.startswith("error: -o app.py would overwrite a file that is no trace\nhint: ")
    assert (here / "app.py").read_text() == "print('ran')\n"
    code, out, err = run("record", "-o", ".", "app.py")
    assert (code, out) == (2, "")
    assert err.startswith("error: -o . is a folder, expected a file\n")
    for _ in range(2):
        assert run("record", "-o", "a.simtrace", "app.py")[:2] == (0, "ran\n")


def test_a_recording_cut_off_by_kill_is_found_by_the_next_command(run: Run, here: Path) -> None:
    """kill -9 of simcore itself: whatever verb comes next turns the run folder into a trace and says so."""
    (here / "waits.py").write_text("import sys\nprint('ready', flush=True)\nsys.stdin.read()\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "simcore.cli", "record", "waits.py"]
    with subprocess.Popen(command, cwd=here, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        process.wait()
        process.stdin.close()
        assert process.stdout.read() == b""
    code, out, err = run("show")
    assert code == 0
    assert err == "recovered .simtraces/waits-1.simtrace from a recording that was cut off\n"
    assert "CUT OFF: " in out
    assert run("show", "waits-1")[2] == ""


def test_a_hunt_shows_its_progress_to_a_terminal(here: Path) -> None:
    """A bar on stderr while it runs, gone at the end; the answer on stdout."""
    import pty

    (here / "late.py").write_text(FAILS_LATE)
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "simcore.cli", "record", "--until-failure", "--max-runs", "9", "late.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(command, cwd=here, env=environment, stdout=subprocess.PIPE, stderr=child) as process:
        os.close(child)
        shown = b""
        while True:
            try:
                data = os.read(parent, 4096)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data
        out, _ = process.communicate(timeout=60)
    os.close(parent)
    assert process.returncode == 1
    assert b"run 1 of 9" in shown
    assert b"/run  failed 0" in shown
    assert out.startswith(b"run 3 FAILED")


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (("record", "app.py", "-o", "x.simtrace"), "-o"),
        (("record", "app.py", "--output=x.simtrace"), "--output"),
        (("record", "app.py", "--chaos"), "--chaos"),
        (("record", "app.py", "-o", "x.txt", "--seed", "3", "--json"), ""),
        (("record", "--", sys.executable, "app.py", "-o", "x.simtrace", "--chaos"), ""),
        (("preflight", "app.py", "--to", "spawn"), "--to"),
        (("preflight", "--to", "spawn", "app.py", "--to", "spawn"), ""),
    ],
)
def test_options_behind_the_program_are_its_own_and_noted(run: Run, here: Path, words: tuple[str, ...], noted: str) -> None:
    """The program gets every word behind it; of one that is hardly its own it is said to whom it went."""
    (here / "app.py").write_text("import sys\nprint(sys.argv[1:])\n")
    code, out, err = run(*words)
    assert ("note: " in err) == bool(noted), err
    if noted:
        assert f"note: {noted} goes to app.py; simcore's own options stand before it\n" in err
    if words[:2] == ("preflight", "app.py"):
        assert (code, out) == (2, "")
    else:
        assert str(list(words[words.index("app.py") + 1 :])) in out
    assert not (here / "x.simtrace").exists()


def test_the_trace_folder_is_used_without_an_output(run: Run, plugin: str) -> None:
    """A trace per run, numbered; the last one is meant when none is named."""
    for number in (1, 2):
        _, _, err = run("record", "turns", "--plugin", plugin)
        assert f"trace: .simtraces/turns-{number}.simtrace" in err
        assert "next:  simcore replay   simcore show --timeline" in err
    assert "trace: .simtraces/turns-2.simtrace" in run("show")[1]


def test_record_ends_with_1_when_a_pattern_does_not_do_what_is_expected(run: Run, plugin: str) -> None:
    """A failed assert of a pattern, its error and place in the summary; an expected deadlock is fine and shown."""
    code, _, err = run("record", "turns", "--plugin", plugin, "-p", "broken=yes")
    assert code == 1
    assert "turns  FAILED" in err
    assert "AssertionError: it is broken" in err
    code, _, err = run("record", "stuck", "--plugin", plugin)
    assert code == 0
    assert re.search(r"stuck  DEADLOCK after \S+ s  as expected", err)
    assert "waits for `lock` (Lock, mine.py:" in err
    code, out, _ = run("replay")
    assert code == 0
    assert "and the same end: DEADLOCK" in out
    assert "waits for `lock` (Lock, mine.py:" in out


def test_a_program_is_recorded_unmodified(run: Run, here: Path) -> None:
    """Its arguments, output and exit code are its own, as FILE.py and as a command; --json puts the summary last on stderr."""
    (here / "app.py").write_text(PROGRAM)
    code, out, err = run("record", "app.py", "--its", "-o", "args")
    assert code == 0
    assert sorted(out.splitlines()) == [f"worker {n} ['--its', '-o', 'args']" for n in (0, 1)]
    assert "app.py  ok in " in err
    code, out, err = run("record", "--json", "-o", "x.simtrace", "--", sys.executable, "app.py", "--exit")
    assert code == 7
    assert sorted(out.splitlines()) == [f"worker {n} ['--exit']" for n in (0, 1)]
    facts = json.loads(err.splitlines()[-1])
    assert (facts["outcome"], facts["exit_code"], facts["target"]) == ("failed", 7, "command")
    code, _, err = run("record", "app.py", "--raise")
    assert code == 1
    assert "ValueError: on purpose" in err
    code, _, err = run("record", "app.py", "--hang")
    assert code == 123
    assert "DEADLOCK" in err


def test_a_changed_program_diverges_and_says_where(run: Run, here: Path) -> None:
    """A lock taken elsewhere and a thread more: exit code 1, both sides, what to type next; a print more is only noted."""
    (here / "app.py").write_text(PROGRAM)
    assert run("record", "app.py")[0] == 0
    (here / "app.py").write_text(PROGRAM + '\nprint("one more")\n')
    code, out, err = run("replay")
    assert code == 0
    assert "same order and results; output differs: 2 writes added" in out
    assert err.splitlines()[0] == "warning: app.py changed since the recording"
    assert run("replay", "--strict-output")[0] == 1
    code, _, err = run("replay", "--strict")
    assert code == 2
    assert err.startswith("error: app.py changed since the recording")
    (here / "app.py").write_text(PROGRAM.replace("range(2)", "range(1)"))
    code, out, _ = run("replay")
    assert code == 1
    assert out.startswith("DIVERGED at main:")
    assert "the trace has  " in out
    assert "the run did    " in out
    assert "next:  simcore replay .simtraces/app-1.simtrace --pdb main:" in " ".join(out.split("\n")).replace(
        "next:  ", "next:  "
    )
    code, out, _ = run("replay", "--json")
    assert code == 1
    assert json.loads(out)["runs"][0]["divergence"]["actor"] == "main"


@pytest.mark.usefixtures("traces")
def test_replay_refuses_what_does_not_fit_together(run: Run) -> None:
    """--pdb with --times, an event that is not there, a plugin for a program."""
    code, _, err = run("replay", "a", "--pdb", "@1", "--times", "2")
    assert (code, err.splitlines()[0]) == (2, "error: --pdb stops one replay, but --times asks for more")
    code, _, err = run("replay", "a", "--pdb", "@4711")
    assert code == 2
    assert err.startswith("error: ")


def test_a_hunt_stops_at_the_first_failure(run: Run, here: Path) -> None:
    """Runs are quiet; the failing run and the last passing one are kept; exit code 1 and what to type next."""
    (here / "late.py").write_text(FAILS_LATE)
    code, out, err = run("record", "--until-failure", "--max-runs", "9", "late.py")
    assert (code, err) == (1, "")
    assert re.match(r"run 3 FAILED after .*\nAssertionError: run 3 failed  at\s+late.py:7", out)
    assert "kept  .simtraces/fail.simtrace (run 3), .simtraces/pass.simtrace (run 2)" in out
    assert "simcore replay .simtraces/fail.simtrace" in out
    assert "simcore diff .simtraces/pass.simtrace .simtraces/fail.simtrace" in out
    assert "run 1" not in out
    assert {path.name for path in (here / ".simtraces").iterdir()} == {".gitignore", "fail.simtrace", "pass.simtrace"}
    assert "run 3" in run("show", "fail", "--output")[1]
    assert "run 2" in run("show", "pass", "--output")[1]


def test_a_hunt_that_finds_nothing_ends_with_0(run: Run, here: Path) -> None:
    """It says how many runs passed and keeps the last; -o names the failing trace, and the passing one after it."""
    (here / "late.py").write_text(FAILS_LATE)
    code, out, _ = run("record", "--until-failure", "--max-runs", "2", "-o", "bug.simtrace", "--", sys.executable, "late.py")
    assert code == 0
    assert out.startswith("2 runs, none failed")
    assert {path.name for path in here.iterdir()} == {"count", "late.py", "bug-pass.simtrace"}
    code, out, _ = run("record", "--until-failure", "--max-runs", "2", "--chaos", "-o", "bug.simtrace", "--json", "late.py")
    facts = json.loads(out)
    assert (code, facts["failed"], facts["runs"], facts["pass"]) == (1, True, 1, None)
    assert facts["fail"]["error"] == "AssertionError: run 3 failed"


def test_a_hunt_in_vain_says_what_would_shake_more(run: Run, here: Path) -> None:
    """First the schedule, then the accesses to data, between which no delay comes unless they are recorded."""
    (here / "fine.py").write_text("print('fine')\n")
    options: list[str] = []
    for more, offered in (
        (["--max-runs", "1"], "--chaos"),
        (["--chaos"], "--granularity access"),
        (["--granularity", "access"], ""),
    ):
        options += more
        _, out, _ = run("record", "--until-failure", *options, "fine.py")
        assert [word for word in ("--chaos", "--granularity access") if word in out] == ([offered] if offered else [])


def test_a_hunt_tells_what_a_program_said_last(run: Run, here: Path) -> None:
    """A program that ends with an exit code and no exception: its output was hidden, so the end of it is in the report."""
    (here / "exits.py").write_text("print('one\\ntwo')\nprint()\nprint('three')\nprint('four\\x1b[31m')\nraise SystemExit(9)\n")
    code, out, _ = run("record", "--until-failure", "exits.py")
    assert code == 1
    assert re.match(r"run 1 FAILED with exit code 9 after .*\n  two\n  three\n  four\\x1b\[31m\nkept  ", out)


def test_ctrl_c_leaves_a_trace(here: Path) -> None:
    """SIGINT to the terminal's group while a program waits: simcore ends with 130 and keeps what was recorded."""
    (here / "waits.py").write_text("import threading\nprint('ready', flush=True)\nthreading.Event().wait()\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "simcore.cli", "record", "waits.py"],
        cwd=here,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "trace: .simtraces/waits-1.simtrace" in err


def test_ctrl_c_ends_a_hunt(here: Path) -> None:
    """It is no failure that was found: nothing is kept, and no other run is begun."""
    os.mkfifo("begun")
    (here / "waits.py").write_text("import time\nopen('begun', 'w').close()\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "simcore", "record", "--until-failure", "waits.py"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        with open("begun") as begun:
            begun.read()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, "", "simcore: interrupted\n")
    assert not list(here.glob(".simtraces/*.simtrace"))


STOPS_ONCE = """\
import os
if os.path.exists("go"):
    begun = open("begun", "w")
    begun.write("1")
    begun.flush()
    open("go").read()
elif os.path.exists("begun"):
    open("again", "w").close()
"""


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["replay", "app.simtrace", "--times", "3"], signal.SIGTERM),
        (["record", "--until-failure", "--max-runs", "3", "app.py"], signal.SIGINT),
    ],
)
def test_a_signal_to_simcore_alone_ends_what_runs_many_times(here: Path, words: list[str], number: signal.Signals) -> None:
    """It comes so late in a run that the program ends by itself: no other run is begun."""
    (here / "app.py").write_text(STOPS_ONCE)
    simcore.record("app.py", output="app.simtrace", quiet=True)
    os.mkfifo("begun")
    os.mkfifo("go")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "simcore", *words], cwd=here, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        with open("begun") as begun:
            begun.read(1)
            process.send_signal(number)
            with open("go", "w"):
                os.unlink("go")
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "simcore: interrupted\n")
    assert not Path("again").exists()


def test_who_is_ended_ends_the_programs_that_it_compares(here: Path) -> None:
    """SIGTERM does what a Ctrl-C does: the program is gone when simcore is, and so is the folder of the runs."""
    (here / "app.py").write_text(STOPS_ONCE)
    os.mkfifo("begun")
    os.mkfifo("go")
    (here / "tmp").mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(here / "tmp")}
    command = [sys.executable, "-m", "simcore", "compare", "-n", "1", "app.py"]
    process = subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        with open("begun") as begun:
            begun.read(1)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
            left = select.select([begun], [], [], 0)[0] == []
    finally:
        process.kill()
        if os.path.exists("go"):
            os.close(os.open("go", os.O_RDWR))  # lets a program go on that is still there
    assert (process.returncode, err) == (130, "simcore: interrupted\n")
    assert not left
    assert list((here / "tmp").iterdir()) == []


def test_the_demo_shows_record_replay_and_diff(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step with its command and its screen, a faithful replay, nothing left behind; the same facts as JSON."""
    import simcore_patterns.mutex

    monkeypatch.setenv("SIMCORE_PLUGINS", simcore_patterns.mutex.__file__)
    code, out, err = run("demo")
    assert (code, err) == (0, "")
    commands = re.findall(r"^\$ simcore (\w+)", out, re.M)
    assert commands[:4] == ["record", "replay", "record", "diff"]
    assert "replayed 3 of 3: same order, results and output" in out
    assert "hand-offs of `balance_lock`" in out
    assert max(map(len, out.splitlines())) <= 80
    assert list(here.iterdir()) == []
    facts = json.loads(run("demo", "--json")[1])
    assert facts["replay"]["verdict"] == "same"
    assert facts["a"]["scenario"] == "mutex"
    assert facts["diff"]["verdict"] in ("same", "different")
