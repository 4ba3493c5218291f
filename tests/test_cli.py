"""The command line: what it prints where, what it ends with, how it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cli_programs import ROOT, Run, outside

import simcore
from simcore.cli.app import VERBS
from simcore.trace.model import Trace

pytest_plugins = ["cli_fixtures"]


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
    assert f"\n Usage: simcore {verb} [OPTIONS]" in f"\n{out}", "torn apart: longer than 80 columns"
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
        (
            ["preflight", "mutex"],
            "missing option '--to'. Choose from: spawn, forkserver",
            "`simcore preflight --help` lists what it takes",
        ),
        (["record", "--max-runs", "3", "mutex"], "--max-runs was given without --until-failure", "add --until-failure"),
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
    code, out, _ = run("info", "os-fork", "--source")
    assert code == 0
    assert "PIDのチェック" in out
    assert re.search(r"^started by +fork$", out, re.M)
    source = (Path(__file__).parents[1] / "plugins" / "simcore_patterns" / "os_fork.py").read_text(encoding="utf-8")
    assert out.endswith(f"\n\n{source}"), "line by line as it stands there, on a narrow screen, too"
    told = json.loads(run("info", "os-fork", "--source", "--json")[1])
    assert (told["title_ja"], told["start_methods"], told["source"]) == ("PIDのチェック（Unix系）", ["fork"], source)
    assert re.search(r"^  os-fork +os\.fork by hand.*fork only$", run("list")[1], re.M), "no origin where all have the same one"
    code, out, _ = run("plugins", "--plugin", plugin, "--plugin", "bad.py")
    assert code == 0
    assert re.search(r"^ok +mine +turns and stuck", out, re.M)
    assert "(bad.py:1) does not import: ModuleNotFoundError" in " ".join(out.split())
    code, out, _ = run("plugins", "check", "bad.py")
    assert code == 4
    assert "Traceback (most recent call last):" in out
    assert run("plugins", "check", "mine.py", "--times", "1")[0] == 0


def test_the_verbs_are_commands_with_their_own_file() -> None:
    """Each name in the table is a module of the package with a click command in it."""
    from importlib import import_module

    for verb in VERBS:
        assert isinstance(import_module(f"simcore.cli.{verb}").command, click.Command)
