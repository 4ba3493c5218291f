"""The command line: what it prints where, what it ends with, how it refuses."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from synthetic import build

import simcore
from simcore.cli import main
from simcore.cli.app import VERBS
from simcore.cli.hunt import is_failure
from simcore.cli.record import RecordCommand, exit_code
from simcore.cli.record import command as record_command
from simcore.trace.events import Outcome
from simcore.trace.model import Ending, Trace

ROOT = Path(simcore.__file__).parent.parent

PLUGIN = '''
import threading
from simcore.api import pattern

@pattern(section="1", title="threads take turns")
def turns(workers: int = 2, rounds: int = 5, broken: bool = False):
    """Threads take turns.

    Look at the lock.
    """
    lock = threading.Lock()
    def work():
        for _ in range(rounds):
            with lock:
                pass
        print("done")
    threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken, "it is broken"

@pattern(section="1", title="never ends", expect={"deadlock"})
def stuck():
    """One thread takes a lock twice."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
'''

PROGRAM = """
import sys, threading

lock = threading.Lock()

def work(n):
    with lock:
        print("worker", n, sys.argv[1:])

threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if "--exit" in sys.argv:
    sys.exit(7)
if "--raise" in sys.argv:
    raise ValueError("on purpose")
if "--hang" in sys.argv:
    lock.acquire()
    lock.acquire()
"""

FAILS_LATE = """
import pathlib
count = pathlib.Path("count")
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
print("run", number)
assert number < 3, f"run {number} failed"
"""


@pytest.fixture
def here(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the test, on a screen 80 columns wide, without a wish for colour or plugins from the environment."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "SIMCORE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return own_folder


@pytest.fixture
def traces(here: Path) -> Path:
    """A trace folder with a.simtrace, b.simtrace and, as the latest, dead.simtrace."""
    folder = here / ".simtraces"
    folder.mkdir()
    for number, (name, trace) in enumerate(
        [("a", build(3, 300, 1)), ("b", build(3, 300, 2)), ("dead", build(3, 200, 1, outcome=Outcome.DEADLOCK))]
    ):
        trace.save(folder / f"{name}.simtrace")
        os.utime(folder / f"{name}.simtrace", (1_000_000 + number, 1_000_000 + number))
    return folder


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(here: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one command line; exit code, stdout and stderr, those of the recorded program included."""

    def run(*arguments: str) -> tuple[int, str, str]:
        assert Path.cwd() == here
        capfd.readouterr()
        code = main(arguments)
        out, err = capfd.readouterr()
        return code, out, err

    return run


def outside(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "SIMCORE_PLUGINS")
    }
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]), "COLUMNS": "80"}
    environment |= options.pop("env", {})  # type: ignore[arg-type]
    command = [sys.executable, "-m", "simcore.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


def test_help_lists_the_verbs(run: Run) -> None:
    """Without a verb and with --help the same: every verb with its line, on stdout, exit code 0."""
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for verb, line in VERBS.items():
        assert re.search(rf"\b{verb} +{re.escape(line[:20])}", out)
    assert run() == (0, out, "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_json(run: Run, verb: str) -> None:
    """Each says what it does within 80 columns, and takes --json and --no-color."""
    code, out, err = run(verb, "--help")
    assert (code, err) == (0, "")
    assert f"simcore {verb}" in out
    for option in ("--json", "--no-color"):
        assert option in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_loads_no_verb_and_nothing_heavy(here: Path) -> None:
    """`simcore --help` costs what click and rich cost: no engine, no verb, no msgpack, no pluggy."""
    code = "import sys; from simcore.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = set(done.stderr.split())
    assert "simcore.cli.app" in loaded
    assert not {f"simcore.cli.{verb}" for verb in VERBS} & loaded
    assert not {"simcore.engine", "simcore.trace.model", "simcore.views", "msgpack", "pluggy", "asyncio"} & loaded


def test_version(run: Run) -> None:
    """The version of simcore and of the interpreter."""
    code, out, _ = run("--version")
    assert code == 0
    assert out.startswith(f"simcore {simcore.__version__} (CPython {sys.version_info.major}.{sys.version_info.minor}")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["shwo"], "there is no verb `shwo`; there are list, info,", "did you mean show ?"),
        (["show", "--nope"], "no such option --nope", ""),
        (["show", "--xyz"], "no such option --xyz", "`simcore show --help` lists what it takes"),
        (["record", "--choas", "nix"], "no such option --choas", "did you mean --chaos ?"),
        (["info"], "missing argument 'PATTERN'", "`simcore info --help` lists what it takes"),
        (["info", "nix"], "there is no pattern 'nix'", ""),
        (["show"], "there is no trace in ", "record one: simcore record mutex"),
        (["show", "nix"], "there is no trace nix, here or in ", "`simcore record NAME` makes one"),
        (["show", "."], ". is a folder, not a trace", "a trace is one file, *.simtrace"),
        (["replay", "--times", "0"], "invalid value for '--times'", "`simcore replay --help` lists what it takes"),
        (["record"], "record was not told what to run, expected PATTERN | FILE.py", "`simcore list` shows the patterns"),
        (["record", "--"], "record was not told what to run", "`simcore list` shows the patterns"),
        (["record", "nix.py"], "there is no file nix.py", ""),
        (["record", "nix", "word"], "nix takes no words of its own, but was given word", "parameters are set as in -p workers=4"),
        (["record", "nix", "-p", "workers"], "-p workers is no assignment; expected -p name=value", "write -p workers=VALUE"),
        (["record", "--timeout", "0", "nix"], "invalid value for '--timeout'", "`simcore record --help` lists what it takes"),
        (["record", "-o", "nowhere/a.simtrace", "nix.py"], "there is no file nix.py", ""),
        (["plugins", "chck"], "plugins has no word 'chck'; expected check", ""),
        (["diff", "one"], "missing argument 'B'", ""),
    ],
)
def test_bad_input_gets_one_line_and_a_hint(run: Run, arguments: list[str], error: str, hint: str) -> None:
    """Exit code 2, nothing on stdout, `error:` with what was found and expected, `hint:` with what to do, no traceback."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith(f"error: {error}")
    if hint:
        assert lines[1].startswith(f"hint: {hint}")
    assert len(lines) <= 2


def test_a_file_that_is_no_trace_is_refused(run: Run, here: Path) -> None:
    """A foreign or an empty file: exit code 3."""
    (here / "foreign.simtrace").write_bytes(b"PK\x03\x04 something else")
    (here / "empty.simtrace").touch()
    for name in ("foreign", "empty"):
        for verb in (["show", name], ["replay", name], ["diff", name, name]):
            code, out, err = run(*verb)
            assert (code, out) == (3, "")
            assert re.match(r"error: .*\.simtrace", err)
            assert len(err.splitlines()) <= 2


def test_a_trace_is_found_by_path_by_name_or_as_the_latest(run: Run, traces: Path) -> None:
    """A name is looked up in the trace folder, with or without its suffix; none means the latest."""
    for spec in (str(traces / "a.simtrace"), ".simtraces/a.simtrace", "a.simtrace", "a"):
        code, out, _ = run("show", spec)
        assert code == 0
        assert "trace: .simtraces/a.simtrace" in out
    assert "trace: .simtraces/dead.simtrace" in run("show")[1]
    assert run("show", "deed")[2].splitlines()[1] == "hint: did you mean dead ?"


@pytest.mark.usefixtures("traces")
def test_show_lists_who_did_what(run: Run) -> None:
    """The summary, then lanes with the first and last events; --all leaves nothing out; filters leave the summary out."""
    code, out, err = run("show", "a")
    assert (code, err) == (0, "")
    assert out.startswith("synthetic  ok in ")
    assert '0 main   1 main/1 "worker-1"   2 main/2 "worker-2"' in out
    assert re.search(r"\.\.\. \d+ events more; --range @\d+\.\.@\d+ shows them, --all everything", out)
    whole = run("show", "a", "--all", "--events")[1]
    assert re.findall(r"^ *(@\d+)", whole, re.M) == [f"@{n}" for n in range(300)]
    one = run("show", "a", "--actor", "worker-1", "--object", "balance_lock", "--kind", "acquire")[1]
    assert "synthetic" not in one
    rows = [line for line in one.splitlines() if line.strip().startswith("@")]
    assert rows
    assert all("took balance_lock" in row for row in rows)


@pytest.mark.usefixtures("traces")
def test_show_takes_ranges_as_listed(run: Run) -> None:
    """Both ends, one end, a single event with what is around it; events named in every way that listings print."""

    def positions(*arguments: str) -> list[int]:
        out = run("show", "a", "--events", *arguments)[1]
        return [int(found) for found in re.findall(r"^ *@(\d+)", out, re.M)]

    assert positions("--range", "@40..@52") == list(range(40, 53))
    assert positions("--range", "40..52") == list(range(40, 53))
    assert positions("--range", "..@5") == list(range(6))
    assert positions("--range", "@295..") == list(range(295, 300))
    assert positions("--range", "@100") == list(range(90, 111))
    assert positions("--range", "main:1..worker-1:1") == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--range", "@9..@5"], "--range @9..@5 ends before it starts", "did you mean --range @5..@9 ?"),
        (["--range", "@900"], "", ""),
        (["--range", "nonsense"], "", ""),
        (
            ["--actor", "worker1"],
            "the trace has no actor worker1; it has main, MainThread, main/1, worker-1,",
            "did you mean worker-1 ?",
        ),
        (["--object", "balance_lok"], "the trace has no object balance_lok; it has ", "did you mean balance_lock ?"),
        (["--kind", "aquire"], "there is no kind of event aquire; there are acquire, release,", "did you mean acquire ?"),
    ],
)
@pytest.mark.usefixtures("traces")
def test_show_names_what_the_trace_does_not_have(run: Run, arguments: list[str], error: str, hint: str) -> None:
    """Exit code 2 and what there is instead."""
    code, out, err = run("show", "a", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {error}")
    assert f"hint: {hint}" in err


@pytest.mark.usefixtures("traces")
def test_json_is_one_document_on_stdout(run: Run) -> None:
    """Summary and events of show, the header, the output, a diff: each is JSON that says what the screen says."""
    code, out, err = run("show", "a", "--json", "--range", "@40..@52", "--events")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert shown["summary"]["outcome"] == "ok"
    assert [event["position"] for event in shown["events"]] == list(range(40, 53))
    assert json.loads(run("show", "a", "--header", "--json")[1])["scenario"]["name"] == "synthetic"
    writes = json.loads(run("show", "a", "--output", "--json")[1])["writes"]
    assert "".join(write["text"] for write in writes) == run("show", "a", "--output")[1]
    dead = json.loads(run("show", "dead", "--json")[1])["summary"]
    assert [link["label"] for link in dead["deadlock"]] == ["log_lock", "balance_lock", "main:thread2"]
    code, out, _ = run("diff", "a", "b", "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "different")


@pytest.mark.usefixtures("traces")
def test_diff_answers_by_its_exit_code_too(run: Run) -> None:
    """0 for the same, 1 for different."""
    code, out, err = run("diff", "a", "a")
    assert (code, err) == (0, "")
    assert out.startswith("SAME ORDER")
    code, out, _ = run("diff", "a", "b")
    assert code == 1
    assert out.startswith("DIFFERENT")


def test_a_cut_off_trace_shows_its_intact_prefix(run: Run, traces: Path) -> None:
    """What is there is shown, and that it is not all."""
    data = (traces / "a.simtrace").read_bytes()
    (traces / "cut.simtrace").write_bytes(data[: len(data) * 2 // 3])
    code, out, _ = run("show", "cut")
    assert code == 0
    assert "CUT OFF: " in out


@pytest.mark.usefixtures("traces")
def test_colour_follows_the_environment(here: Path) -> None:
    """None in a pipe, with NO_COLOR or --no-color; FORCE_COLOR wins over the pipe, --no-color over FORCE_COLOR."""

    def coloured(*arguments: str, **env: str) -> bool:
        done = outside(*arguments, cwd=here, env=env)
        assert done.returncode in (0, 2)
        return "\x1b[" in done.stdout + done.stderr

    assert not coloured("show", "a")
    assert not coloured("--help")
    assert coloured("show", "a", FORCE_COLOR="1")
    assert coloured("--help", FORCE_COLOR="1")
    assert coloured("show", "nix", FORCE_COLOR="1")
    assert not coloured("show", "a", FORCE_COLOR="1", NO_COLOR="1")
    assert not coloured("--help", FORCE_COLOR="1", NO_COLOR="1")
    assert not coloured("show", "a", "--no-color", FORCE_COLOR="1")
    assert not coloured("--no-color", "show", "a", FORCE_COLOR="1")
    assert not coloured("--no-color", "show", "nix", FORCE_COLOR="1")
    assert not coloured("show", "--no-color", "--help", FORCE_COLOR="1")


@pytest.mark.usefixtures("traces")
def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    """`simcore show | head -1`: no traceback, no message, the exit code of a broken pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "simcore.cli", "show", "a", "--all"],
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.usefixtures("traces")
def test_a_terminal_without_the_marks_still_gets_its_answer(here: Path) -> None:
    """Under an ASCII locale the lanes are drawn with ASCII and nothing fails."""
    done = outside("show", "a", cwd=here, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "0 1 2  actor" in done.stdout


@pytest.mark.usefixtures("traces")
def test_an_unexpected_error_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of simcore: exit code 125, where it was, how to see the traceback."""

    def broken(_path: object) -> Trace:
        raise KeyError("no such thing")

    monkeypatch.setattr(Trace, "load", broken)
    code, out, err = run("show", "a")
    assert (code, out) == (125, "")
    assert re.match(
        r"error: simcore failed: KeyError: 'no such thing' \(tests/test_cli.py:\d+\)\nhint: SIMCORE_TRACEBACK=1 ", err
    )
    assert len(err.splitlines()) == 2
    monkeypatch.setenv("SIMCORE_TRACEBACK", "1")
    assert "Traceback (most recent call last):" in run("show", "a")[2]


@pytest.mark.usefixtures("traces")
def test_an_interruption_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: one word on stderr."""

    def interrupted(_path: object) -> Trace:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trace, "load", interrupted)
    assert run("show", "a") == (130, "", "simcore: interrupted\n")


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
    assert isinstance(record_command, RecordCommand)
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


@pytest.fixture
def plugin(here: Path) -> str:
    """A plugin file with the patterns `turns` and `stuck`."""
    (here / "mine.py").write_text(PLUGIN)
    return "mine.py"


def test_patterns_are_listed_taught_and_checked(run: Run, plugin: str, here: Path) -> None:
    """list, info and plugins with a plugin of one file, one of them broken."""
    (here / "bad.py").write_text("import nothing_of_this_name\n")
    code, out, _ = run("list", "--plugin", plugin, "--plugin", "bad.py")
    assert code == 0
    assert re.search(r"turns +threads take turns +mine\.py", out)
    assert re.search(r"stuck +never ends +expects deadlock +mine\.py", out)
    listed = json.loads(run("list", "--plugin", plugin, "--json")[1])
    assert {"turns", "stuck"} <= {pattern["name"] for pattern in listed["patterns"]}
    code, out, _ = run("info", "turns", "--plugin", plugin)
    assert code == 0
    assert re.search(r"^rounds +int +5$", out, re.M)
    code, out, _ = run("plugins", "--plugin", plugin, "--plugin", "bad.py")
    assert code == 0
    assert re.search(r"^ok +mine +turns and stuck", out, re.M)
    assert "(bad.py:1) does not import: ModuleNotFoundError" in " ".join(out.split())
    code, out, _ = run("plugins", "check", "bad.py")
    assert code == 4
    assert "Traceback (most recent call last):" in out
    assert run("plugins", "check", "mine.py")[0] == 0


def test_a_pattern_is_recorded_shown_replayed_and_diffed(run: Run, plugin: str, here: Path) -> None:
    """The whole way: the pattern's output on stdout, the summary on stderr, a faithful replay, no difference to itself."""
    code, out, err = run("record", "turns", "--plugin", plugin, "-p", "workers=3", "-o", "a.simtrace")
    assert (code, out) == (0, "done\n" * 3)
    assert re.match(r"simcore: turns  ok in \d", err)
    assert "4 threads in 1 process" in err
    assert "next:  simcore replay a.simtrace   simcore show a.simtrace" in err
    code, out, err = run("replay", "a.simtrace", "--times", "2")
    assert (code, err) == (0, "")
    assert out.startswith("replayed 2 of 2: same order, results and output")
    code, out, _ = run("replay", "a.simtrace", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "same")
    assert run("diff", "a.simtrace", "a.simtrace")[0] == 0
    assert not (here / ".simtraces").exists()


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


def test_the_trace_folder_is_used_without_an_output(run: Run, plugin: str) -> None:
    """A trace per run, numbered; the last one is meant when none is named."""
    for number in (1, 2):
        _, _, err = run("record", "turns", "--plugin", plugin)
        assert f"trace: .simtraces/turns-{number}.simtrace" in err
        assert "next:  simcore replay   simcore show" in err
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


def test_a_hunt_tells_what_a_program_said_last(run: Run, here: Path) -> None:
    """A program that ends with an exit code and no exception: its output was hidden, so the end of it is in the report."""
    (here / "exits.py").write_text("print('one\\ntwo')\nprint()\nprint('three')\nprint('four\\x1b[31m')\nraise SystemExit(9)\n")
    code, out, _ = run("record", "--until-failure", "exits.py")
    assert code == 1
    assert re.match(r"run 1 FAILED with exit code 9 after .*\n  two\n  three\n  four\\x1b\[31m\nkept  ", out)


def test_the_verbs_are_commands_with_their_own_file() -> None:
    """Each name in the table is a module of the package with a click command in it."""
    from importlib import import_module

    for verb in VERBS:
        assert isinstance(import_module(f"simcore.cli.{verb}").command, click.Command)


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
