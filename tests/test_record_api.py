"""`simcore.record`: what it takes, what it refuses before anything runs, what it says when nothing could be recorded."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import simcore
from simcore.errors import BadParameter, InternalError, UnknownPattern, UsageError
from simcore.trace.events import Kind, Outcome, Verdict
from simcore.trace.model import Scenario, Trace

LOCKS = "import threading\nlock = threading.Lock()\nwith lock:\n    pass\n"


def program(source: str, name: str = "program.py") -> str:
    """A program in the working directory; its name."""
    Path(name).write_text(source, encoding="utf-8")
    return name


# What it takes -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "argv", "kind"),
    [
        ("program.py", ["a b", "--c"], "file"),
        ([sys.executable, "program.py", "a b", "--c"], "", "command"),
        ((sys.executable, "-m", "program", "a b", "--c"), "", "command"),
        (["sh", "-c", f"exec {sys.executable} program.py 'a b' --c"], "", "command"),
        (["sh", "-c", f"{sys.executable} program.py 'a b' --c; exit $?"], "", "command"),
        (["env", "A=1", sys.executable, "program.py", "a b", "--c"], "", "command"),
        (["./go.sh"], "", "command"),
    ],
)
def test_a_program_and_a_command(target: str | list[str], argv: list[str] | str, kind: str) -> None:
    """A file, a Python, a module, a shell with a Python in it, a script: recorded in the process that is Python."""
    program(LOCKS + "import sys\nassert sys.argv[1:] == ['a b', '--c'], sys.argv\n")
    Path("go.sh").write_text(f"#!/bin/sh\n{sys.executable} program.py 'a b' --c\n", encoding="utf-8")
    Path("go.sh").chmod(0o755)
    trace = simcore.record(target, argv=argv or (), quiet=True)
    assert (trace.outcome, trace.ending.error, trace.header.scenario.target) == (Outcome.OK, "", kind)
    assert [
        trace.object_labels[o] for o, k in zip(trace.columns.object, trace.columns.kind, strict=True) if k == Kind.ACQUIRE
    ] == ["lock"]
    assert trace.path is not None
    assert trace.path.parent == Path.cwd() / ".simtraces"


def test_a_function_of_a_module() -> None:
    """With parameters; what it prints goes nowhere when quiet."""
    program(
        "def go(times: int = 1) -> None:\n    import threading\n    for _ in range(times):\n        threading.Lock().acquire()\n",
        "mod.py",
    )
    trace = simcore.record("mod:go", params={"times": 3}, quiet=True)
    assert trace.outcome is Outcome.OK
    assert sum(kind == Kind.ACQUIRE for kind in trace.columns.kind) == 3


def test_a_scenario_again() -> None:
    """The scenario of a trace is a target: the same parameters, seed and switch interval."""
    first = simcore.record("simple-thread", seed=5, switch_interval_s=0.001, quiet=True)
    again = simcore.record(first.header.scenario, quiet=True)
    assert again.header.scenario == first.header.scenario
    assert (again.header.scenario.seed, again.header.scenario.switch_interval_s) == (5, 0.001)
    other = simcore.record(first.header.scenario, seed=6, quiet=True)
    assert other.header.scenario.seed == 6


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_kept(code: int) -> None:
    """Anything but 0 is a failed run."""
    trace = simcore.record(program(f"import sys\nsys.exit({code})\n"), quiet=True)
    assert trace.ending.exit_code == code
    assert trace.outcome is (Outcome.FAILED if code else Outcome.OK)
    assert trace.ending.cut_off == ""


def test_a_thread_may_end_the_process() -> None:
    """By `os._exit`, whatever the main thread waits for: the last event is that thread's, and the replay ends there too."""
    source = """
import os, threading
def work():
    with threading.Lock(): os._exit(3)
thread = threading.Thread(target=work)
thread.start(); thread.join()
"""
    trace = simcore.record(program(source), quiet=True, timeout_s=30)
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (Outcome.FAILED, 3, "")
    assert (trace.columns.kind[-1], trace.actors[trace.columns.actor[-1]].name) == (Kind.EXIT, "main/1")
    assert simcore.replay(trace, times=3).verdict is Verdict.SAME


def test_a_death_by_signal_is_kept() -> None:
    """Negative, as the subprocess module has it, and the trace says that it was cut off."""
    trace = simcore.record(program("import os\nos.abort()\n"), quiet=True)
    assert (trace.outcome, trace.ending.exit_code, trace.ending.cut_off) == (
        Outcome.KILLED,
        -6,
        "the program was killed by SIGABRT",
    )


def test_an_error_is_kept_with_its_place() -> None:
    """The last line of the traceback and the user's line in it; check() raises."""
    trace = simcore.record(program("def f():\n    raise ValueError('no')\nf()\n"), quiet=True)
    assert (trace.outcome, trace.ending.error) == (Outcome.FAILED, "ValueError: no")
    assert str(trace.sites[trace.ending.error_site]) == "program.py:2"
    with pytest.raises(simcore.SimcoreError, match="ended failed: ValueError: no; expected ok"):
        trace.check()


def test_a_timeout_ends_the_run() -> None:
    """Outcome timeout; what it was doing stands in the trace."""
    trace = simcore.record(program("import time\ntime.sleep(1000)\n"), timeout_s=4, quiet=True)
    assert trace.outcome is Outcome.TIMEOUT
    assert trace.ending.duration_ns >= 4e9
    assert [(p.kind, p.timed) for p in trace.ending.pending] == [(Kind.SLEEP, True)]
    slow = simcore.record(program("pass\n"), timeout_s=60, quiet=True)
    assert slow.outcome is Outcome.OK


def test_seeds_agree_and_differ() -> None:
    """One seed, one sequence; without a seed each run draws its own."""
    path = program("import random, sys\nsys.stderr.write(f'{random.random()}')\n")

    def drawn(seed: int | None) -> object:
        trace = simcore.record(path, seed=seed, quiet=True)
        return next(trace.texts[v] for k, v in zip(trace.columns.kind, trace.columns.value, strict=True) if k == Kind.WRITE)

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert drawn(None) != drawn(None)


def test_the_source_is_kept_or_not() -> None:
    """The user's files with call sites, unless that is not wanted; their digests are kept in any case."""
    path = program(LOCKS)
    kept, left_out = simcore.record(path, quiet=True), simcore.record(path, keep_source=False, quiet=True)
    assert kept.sources == {"program.py": LOCKS}
    assert left_out.sources == {}
    assert kept.header.files == left_out.header.files != {}


def test_quiet_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise the program's streams are ours."""
    path = program("import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
    simcore.record(path, quiet=True)
    assert capfd.readouterr() == ("", "")
    simcore.record(path)
    assert capfd.readouterr() == ("out\n", "err\n")


def test_the_trace_goes_where_it_is_asked_to(tmp_path: Path) -> None:
    """A relative path is relative to here; what was there is replaced; no trace folder appears."""
    path = program(LOCKS)
    (tmp_path / "sub").mkdir()
    for output in ("a.simtrace", tmp_path / "sub" / "b"):
        for _ in range(2):
            trace = simcore.record(path, output=output, quiet=True)
            assert trace.path == Path(output).absolute()
            assert len(Trace.load(output)) == len(trace)
    assert not Path(".simtraces").exists()


def test_a_trace_folder_that_cannot_be_made_does_not_matter_when_the_trace_goes_elsewhere(tmp_path: Path) -> None:
    """The run folder then lies beside the trace, and is gone afterwards."""
    path = program(LOCKS)
    Path(".simtraces").touch()
    (tmp_path / "else").mkdir()
    simcore.record(path, output=tmp_path / "else" / "a.simtrace", quiet=True)
    assert [entry.name for entry in (tmp_path / "else").iterdir()] == ["a.simtrace"]
    with pytest.raises(UsageError, match="cannot be made: File exists"):
        simcore.record(path, quiet=True)


# What it refuses ---------------------------------------------------------------------------------------------------------------


def refused(call: Callable[[], object], error: type[UsageError] = UsageError) -> str:
    """What a call is refused with: one line, and a folder without traces or run folders."""
    with pytest.raises(error) as raised:
        call()
    assert "\n" not in str(raised.value)
    assert not Path(".simtraces").exists()
    return str(raised.value)


@pytest.mark.parametrize("target", [None, 3, b"mutex", ["python", 3], {"python"}])
def test_a_target_that_is_none(target: object) -> None:
    """Neither a name nor words."""
    message = refused(lambda: simcore.record(target))  # type: ignore[arg-type]
    assert message == f"{target!r} is nothing to record"


def test_targets_that_do_not_exist() -> None:
    """A pattern, a file, a function, a command: each said in its own words."""
    assert refused(lambda: simcore.record("mutx"), UnknownPattern).startswith("there is no pattern 'mutx'")
    assert refused(lambda: simcore.record("nix.py")) == "there is no file nix.py"
    assert refused(lambda: simcore.record("nix:")) == "'nix:' is no module:function"
    assert refused(lambda: simcore.record("nix.deep:main")) == "there is no module nix.deep, here or installed"
    assert refused(lambda: simcore.record([])) == "there is no command behind --"
    assert refused(lambda: simcore.record(["no-such-command-at-all"])) == "there is no command 'no-such-command-at-all'"
    assert refused(lambda: simcore.record(["./nix"])) == "there is no command './nix'"


def test_a_command_that_cannot_be_executed() -> None:
    """Not executable, a folder, of an unknown format, with a zero byte in a word."""
    program("pass\n")
    Path("program.py").chmod(0o644)
    assert refused(lambda: simcore.record(["./program.py"])) == "'./program.py' cannot be executed"
    assert refused(lambda: simcore.record(["/"])) == "'/' cannot be executed"
    Path("odd").write_bytes(b"\x7fNOPE")
    Path("odd").chmod(0o755)
    assert refused(lambda: simcore.record(["./odd"])) == "'./odd' cannot be started: Exec format error"
    assert (
        refused(lambda: simcore.record([sys.executable, "a\0b"])) == f"{sys.executable!r} cannot be started: embedded null byte"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": "x"}, "seed is 'x', expected a whole number or None"),
        ({"seed": True}, "seed is True, expected a whole number or None"),
        ({"chaos": 0.5}, "chaos is 0.5, expected a whole number or None"),
        ({"timeout_s": 0}, "timeout_s is 0, expected seconds, more than 0, or None"),
        ({"timeout_s": float("nan")}, "timeout_s is nan, expected seconds, more than 0, or None"),
        ({"timeout_s": "3"}, "timeout_s is '3', expected seconds, more than 0, or None"),
        ({"switch_interval_s": -1.0}, "switch_interval_s is -1.0, expected seconds, more than 0, or None"),
        ({"switch_interval_s": float("inf")}, "switch_interval_s is inf, expected seconds, more than 0, or None"),
        ({"on_stall": "wait"}, "on_stall is 'wait', expected 'report' or 'end'"),
        ({"output": "nowhere/a.simtrace"}, "cannot write the trace nowhere/a.simtrace: there is no folder"),
        ({"output": "."}, ". is a folder, expected a file for the trace"),
    ],
)
def test_options_are_checked_before_anything_runs(options: dict[str, object], message: str) -> None:
    """Found and expected, and the program has not run."""
    path = program("open('ran', 'w')\n")
    assert refused(lambda: simcore.record(path, **options)).startswith(message)  # type: ignore[arg-type]
    assert not Path("ran").exists()


def test_no_trace_takes_the_place_of_a_pipe_or_a_device() -> None:
    """A named pipe stands for `/dev/null` too, which a superuser would lose."""
    os.mkfifo("pipe")
    path = program("open('ran', 'w')\n")
    assert refused(lambda: simcore.record(path, output="pipe")).endswith("/pipe is a device, a pipe or the like, expected a file")
    assert Path("pipe").is_fifo()
    assert not Path("ran").exists()


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    """Its folder is not writable: said before the program runs. (Root may write everywhere but to a folder of the kernel's.)"""
    folder = Path("/proc/self") if os.geteuid() == 0 else tmp_path / "locked"
    if os.geteuid():
        folder.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    path = program("open('ran', 'w')\n")
    with pytest.raises(UsageError, match="cannot write the trace"):
        simcore.record(path, output=folder / "a.simtrace", quiet=True)


def test_parameters_that_do_not_fit() -> None:
    """Of a pattern, of a program that has none, of a function when no other process can be given them."""
    assert "has no parameter 'wrkers'" in refused(lambda: simcore.record("mutex", params={"wrkers": 3}), BadParameter)
    path = program(LOCKS)
    assert "a program has no parameters" in refused(lambda: simcore.record(path, params={"workers": 3}))
    assert "a command has no parameters" in refused(lambda: simcore.record(["true"], params={"workers": 3}))
    message = refused(lambda: simcore.record("json:dumps", params={"what": object()}), BadParameter)
    assert message.startswith("the parameters of json:dumps cannot be handed to another process")
    assert "takes no arguments" in refused(lambda: simcore.record("mutex", argv=["x"]))


def test_a_working_directory_of_a_scenario_that_is_gone() -> None:
    """A scenario from a trace names the folder in which it ran."""
    scenario = Scenario("command", "python", (sys.executable, "-c", "pass"), cwd="/nowhere/at/all")
    assert (
        refused(lambda: simcore.record(scenario)) == f"there is no folder /nowhere/at/all, in which {sys.executable!r} is to run"
    )


# What cannot be recorded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-I", "program.py"], "nothing was recorded: Python under -I ignores PYTHONPATH, and "),
        (["-E", "program.py"], "nothing was recorded: Python under -E ignores PYTHONPATH, and "),
        (["-uS", "program.py"], "nothing was recorded: Python under -S loads no site, and "),
        (["-Ic", "pass"], "nothing was recorded: Python under -I ignores PYTHONPATH, and "),
    ],
)
def test_a_python_that_does_not_load_us(words: list[str], message: str) -> None:
    """The flag is named, with what it does; the program has run; nothing is left behind."""
    program("open('ran', 'w')\n")
    with pytest.raises(InternalError) as raised:
        simcore.record([sys.executable, *words], quiet=True)
    assert str(raised.value).startswith(message)
    assert str(raised.value).endswith("started it so (exit code 0)")
    assert raised.value.hint
    assert Path("ran").exists() == ("program.py" in words)
    assert not Path(".simtraces").exists()


@pytest.mark.parametrize(("words", "code"), [(["true"], 0), (["sh", "-c", "exit 3"], 3)])
def test_a_command_without_python(words: list[str], code: int) -> None:
    """It has run; one line says that nothing was recorded, how it ended, and what can be recorded."""
    with pytest.raises(InternalError) as raised:
        simcore.record(words, quiet=True)
    shown = " ".join(words)
    assert str(raised.value) == f"nothing was recorded: {shown!r} started no Python that can be recorded (exit code {code})"
    assert "CPython 3.11 to 3.13" in raised.value.hint
    assert not Path(".simtraces").exists()


def test_a_command_that_was_killed_early() -> None:
    """Whether it would have started a Python is not known then."""
    with pytest.raises(InternalError, match=r"'sh -c kill -9 \$\$' was killed by SIGKILL before it came to record anything"):
        simcore.record(["sh", "-c", "kill -9 $$"], quiet=True)


def test_a_second_python_has_actors_of_its_own() -> None:
    """A child that is executed is recorded too."""
    child = "import threading\nfor _ in range(50):\n    threading.Lock().acquire()\nprint('child')\n"
    Path("child.py").write_text(child, encoding="utf-8")
    path = program(
        f"import subprocess\nout = subprocess.check_output([{sys.executable!r}, 'child.py'])\nassert out == b'child\\n', out\n"
    )
    trace = simcore.record(path, quiet=True)
    assert trace.outcome is Outcome.OK
    assert trace.ending.not_controlled == []
    assert sum(event.kind is Kind.ACQUIRE and event.actor == "main.1" for event in trace) == 50
