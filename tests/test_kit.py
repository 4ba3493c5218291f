"""The author's kit: what `plugins new` writes passes its own tests, and `plugins check` says which line cannot be relied on."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cli_programs import ROOT, Run, outside

from simcore.errors import UsageError
from simcore.kit.new import new_file, new_package
from simcore.kit.suspects import Source

pytest_plugins = ["cli_fixtures"]

FAULTY = Path(__file__).with_name("faulty_patterns.py")
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])


def own_tests(folder: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """What was written, tested by its own tests."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, PATHS]))}
    return subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=240)


# --- new ---------------------------------------------------------------------------------------------------------------------


def test_a_single_file_passes_its_own_tests_and_has_no_fault(run: Run, here: Path) -> None:
    """As written: tested by unittest, loaded as a plugin that teaches, runs as it declares."""
    code, out, err = run("plugins", "new", "last-seat")
    assert (code, err) == (0, "")
    assert sorted(os.listdir()) == ["last_seat.py", "test_last_seat.py"]
    assert "simcore record --plugin last_seat.py last-seat" in out
    done = own_tests(here, "unittest", "test_last_seat", path="")
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr
    assert not (here / ".simtraces").exists()
    code, out, _ = run("info", "last-seat", "--plugin", "last_seat.py")
    assert code == 0
    assert "Look at `free_seats`" in out
    code, out, _ = run("plugins", "check", "last_seat.py", "--times", "1", "--start-method", "fork")
    assert code == 0, out
    assert re.search(r"^same +last-seat +fork +ends failed$", out, re.M)


def test_a_package_has_its_entry_point_and_runs_under_spawn(run: Run, here: Path) -> None:
    """With the metadata that an install makes of its pyproject.toml its pattern is listed and runs, its module found by name."""
    code, _, err = run("plugins", "new", "last-seat", "--package")
    assert (code, err) == (0, "")
    files = sorted(str(path.relative_to("last-seat")) for path in Path("last-seat").rglob("*") if path.is_file())
    assert files == [
        "README.md",
        "pyproject.toml",
        "src/last_seat/__init__.py",
        "src/last_seat/last_seat.py",
        "tests/test_last_seat.py",
    ]
    project = tomllib.loads(Path("last-seat/pyproject.toml").read_text())["project"]
    metadata = Path("last-seat/src") / f"last_seat-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["simcore.plugins"]
    (metadata / "entry_points.txt").write_text(
        "[simcore.plugins]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )
    env = {"PYTHONPATH": os.pathsep.join([str(here / "last-seat" / "src"), PATHS])}
    listed = json.loads(outside("list", "--json", cwd=here, env=env).stdout)["patterns"]
    (mine,) = [one for one in listed if one["name"] == "last-seat"]
    assert mine["expect"] == ["failed"]
    ran = outside("record", "last-seat", "-p", "fixed=true", "--start-method", "spawn", cwd=here, env=env)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.loop
def test_an_installed_package_is_a_plugin_under_every_start_method(run: Run, here: Path) -> None:
    """Installed by pip into an environment of its own beside simcore: its tests pass, it is listed, it runs and has no fault."""
    assert run("plugins", "new", "last-seat", "--package")[0] == 0
    subprocess.run([sys.executable, "-m", "venv", "env"], check=True)
    python = str(here / "env" / "bin" / "python")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def done(*command: str) -> str:
        ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    leave = shutil.ignore_patterns(".git", ".venv*", "build", "*.egg-info", ".simtraces", "traces", "_core.*.so")
    shutil.copytree(Path(__file__).parents[1], "simcore-tree", ignore=leave)  # a build leaves things where it is done
    done(python, "-m", "pip", "install", "-q", "./simcore-tree", "./last-seat", "pytest")
    listed = done(python, "-m", "simcore", "list")
    assert re.search(r"^ +last-seat +the last seat is sold", listed, re.M)
    assert "patterns from last-seat 0.1.0 and simcore" in " ".join(listed.split())
    assert "3 passed" in done(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "last-seat")
    for method in ("fork", "spawn", "forkserver"):
        done(python, "-m", "simcore", "record", "last-seat", "--start-method", method)
        done(python, "-m", "simcore", "replay", "--times", "2")
    assert "all replays the same" in done(python, "-m", "simcore", "plugins", "check", "last-seat")


@pytest.mark.loop
def test_a_package_passes_its_own_tests_without_an_install(run: Run, here: Path) -> None:
    """As written, by pytest and by unittest."""
    run("plugins", "new", "last-seat", "--package")
    for arguments, path in ((("pytest", "-q", "-p", "no:cacheprovider"), ""), (("unittest", "discover", "tests"), "src")):
        done = own_tests(here / "last-seat", *arguments, path=path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 passed" in done.stdout or "Ran 3 tests" in done.stderr


@pytest.mark.parametrize("package", [False, True])
def test_nothing_is_overwritten(run: Run, here: Path, package: bool) -> None:
    """Neither a file nor a folder nor a link that leads nowhere; nothing is written beside it then."""
    flags = ["--package"] if package else []
    (here / "last_seat.py").symlink_to("nowhere")
    (here / "last-seat").mkdir()
    before = sorted(os.listdir())
    code, out, err = run("plugins", "new", "last-seat", *flags)
    assert (code, out) == (2, "")
    assert re.match(r"error: last.seat(\.py)? is there already; nothing is overwritten\nhint: .*\n$", err)
    assert sorted(os.listdir()) == before
    assert os.listdir("last-seat") == []


@pytest.mark.parametrize(
    ("name", "sentence", "hint"),
    [
        ("My Pattern", "'My Pattern' cannot be a pattern's name; expected small letters, digits", "did you mean my-pattern ?"),
        ("my_pattern", "'my_pattern' cannot be", "did you mean my-pattern ?"),
        ("Queue", "'Queue' cannot be", "write it as in my-pattern"),
        ("../x", "'../x' cannot be", "did you mean x ?"),
        ("", "'' cannot be", "write it as in my-pattern"),
        ("9-lives", "'9-lives' cannot be", "write it as in my-pattern"),
        ("x" * 300, "a name of 300 letters cannot be", "did you mean"),
        ("queue", "a file queue.py would hide Python's own module queue", "`simcore plugins new my-queue`"),
        ("class", "a file class.py would have a name that is taken", "`simcore plugins new my-class`"),
        ("mutex", "there is a pattern mutex already, from plugin 'mutex'", "`simcore plugins new my-mutex`"),
    ],
)
def test_a_bad_name_gets_one_line(run: Run, here: Path, name: str, sentence: str, hint: str) -> None:
    """What was found, what was expected, what to do; nothing is written."""
    code, out, err = run("plugins", "new", name)
    assert (code, out) == (2, "")
    error, hinted = err.splitlines()
    assert sentence in error
    assert hinted.startswith(f"hint: {hint}")
    assert os.listdir() == []


def test_a_place_that_cannot_be_written_is_named(here: Path) -> None:
    """One sentence, and nothing half written: neither a file nor a folder."""
    (here / "file").write_text("")
    for write in (new_file, new_package):
        with pytest.raises(UsageError, match=r"^file/below/.*last_seat\.py cannot be written: Not a directory$"):
            write("last-seat", here / "file" / "below")
    assert os.listdir() == ["file"]


def test_a_working_directory_that_is_gone_is_said(here: Path) -> None:
    """One line instead of a failure of ours."""
    gone = here / "gone"
    gone.mkdir()
    program = f"import os, sys; os.rmdir({str(gone)!r}); from simcore.cli import main; sys.exit(main(['plugins', 'new', 'my-x']))"
    env = {**os.environ, "PYTHONPATH": PATHS}
    ran = subprocess.run([sys.executable, "-P", "-c", program], cwd=gone, env=env, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: the working directory does not exist any more\nhint: ")


# --- check -------------------------------------------------------------------------------------------------------------------


def checked(run: Run, *names: str, times: int = 2, exit_code: int = 1) -> dict[str, list[dict[str, str]]]:
    """The findings per pattern."""
    code, out, err = run("plugins", "--plugin", str(FAULTY), "check", *names, "--times", str(times), "--json")
    assert code == exit_code, out + err
    return {one["pattern"]: one["findings"] for one in json.loads(out)["checked"]}


def line_of(pattern: str) -> int:
    lines = FAULTY.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.endswith(f"# here: {pattern}"))


CAUSES = {
    "addresses": ("a", "a set of objects has the order of their addresses"),
    "addresses-in-steps": ("a", "a set of objects has the order of their addresses"),
    "printed": ("a replay wrote", "the text has the address of an object"),
    "wall-clock": ("another recording wrote something else", "datetime.now reads the clock"),
    "wall-clock-in-steps": ("another recording did something else", "time.time_ns reads the clock"),
    "file-that-changes": ("a replay wrote '1' where the recording has '0'", "a file is read again in replay"),
    "typed": ("it reads what is typed, and in a replay nobody types", "what is typed is not in the trace"),
}


def test_what_is_not_deterministic_is_told_with_line_and_reason(run: Run) -> None:
    """Addresses, clocks, files, input: each in its own pattern, once, at the line to change."""
    found = checked(run, *CAUSES)
    for pattern, (what, why) in CAUSES.items():
        (finding,) = found[pattern]
        assert finding["what"].startswith(what), pattern
        assert finding["why"].startswith(why) or why in finding["why"], pattern
        assert finding["where"] == f"{FAULTY.name}:{line_of(pattern)}", pattern
        assert finding["line"].endswith(f"# here: {pattern}")
        assert finding["fix"]


def test_what_a_replay_has_from_its_trace_is_not_why_it_differs(run: Run) -> None:
    """On a line with a pid and a thread's ident a replay differs by the ident, another recording by either."""
    found = {one["what"].partition(" wrote ")[0]: one["why"] for one in checked(run, "idents", times=2)["idents"]}
    assert found == {
        "a replay": "a thread's ident is another one in each run",
        "another recording": "a pid is another one in each run",
    }


def test_a_listing_is_turned_round_to_see_whether_it_matters(run: Run) -> None:
    """One that is gone through as it comes is a fault; sorted, with threads in any order, with a seed, all is well."""
    found = checked(run, "listing", times=1)
    assert [(one["where"], one["fix"]) for one in found["listing"]] == [
        (f"{FAULTY.name}:{line_of('listing')}", "sort it: sorted(...)")
    ]
    assert checked(run, "sorted-listing", "any-order", exit_code=0) == {"sorted-listing": [], "any-order": []}


def test_the_screen_reads_well(run: Run) -> None:
    """A line per pattern, then what was found, in 80 columns; a run that ends otherwise than declared is a fault, too."""
    code, out, _ = run("plugins", "--plugin", str(FAULTY), "check", "not-as-declared", "any-order", "--times", "1")
    assert code == 1
    lines = out.splitlines()
    assert lines[:2] == ["FAULT  not-as-declared    ends ok", "same   any-order          ends ok"]
    assert "not-as-declared: it ended ok; it declares failed" in lines
    assert "1 of 2 cannot be relied on" in lines
    assert max(map(len, lines)) <= 80


def test_bad_names_and_parameters_get_one_line(run: Run, here: Path) -> None:
    """Exit code 2, before anything is run; a plugin that does not load is 4."""
    (here / "bad.py").write_text("import nothing_of_this_name\n")
    for arguments, sentence in (
        (["nix.py"], "nix.py does not exist"),
        (["."], "there is no plugin '.'"),
        (["nix"], "there is no plugin 'nix'"),
        (["mutex", "barrier", "-p", "workers=2"], "-p workers was given for 2 patterns, expected one"),
        (["mutex", "-p", "worker=2"], "mutex has no parameter 'worker'"),
        (["os-fork", "--start-method", "spawn"], "os-fork is for fork, and was to be checked under spawn"),
    ):
        code, out, err = run("plugins", "check", *arguments)
        assert (code, out) == (2, ""), err
        assert sentence in err
        assert len(err.splitlines()) <= 2
    assert run("plugins", "check", "bad.py")[0] == 4
    assert run("plugins", "check", "mutex", "--times", "0")[0] == 0


@pytest.mark.parametrize(
    ("source", "line", "expected"),
    [
        ("import os\nfor name in os.listdir('.'):\n    print(name)\n", 3, [(1, 2, "listing")]),
        ("from os import listdir as ls\nnames = ls('.')\nprint(names)\n", 3, [(1, 2, "listing")]),
        ("import os\nprint(sorted(os.listdir('.')), len(os.listdir('.')))\n", 2, []),
        ("import os\nprint('x' in os.listdir('.'))\n", 2, []),
        ("from time import time as now\nt = []\nt.append(now())\nprint(t)\n", 4, [(1, 3, "clock")]),
        ("s = {object()}\nprint(*s)\n", 2, [(0, 2, "address")]),
        ("s = {object()}\nprint(len(s), sorted(s))\n", 2, []),
        ("def f():\n    return id(f)\nprint(f())\n", 3, [(3, 2, "address")]),
        ("from random import Random\nprint(Random(3).random())\n", 2, []),
        ("import random\ndraw = random.random()\nif draw > 0.5:\n    print('x')\n", 4, [(1, 2, "chance")]),
        ("def other():\n    return id(1)\ndef f():\n    print(3)\n", 4, []),
        ("def other():\n    return id(1)\ndef f():\n    print(3)\n    other()\n", 4, [(3, 2, "address")]),
        ("import os\nprint(os.getpid())\n", 2, [(0, 2, "number")]),
        ("print(sorted([object()], key=id))\n", 1, [(0, 1, "address")]),
        ("things = [object()]\nthings.sort(key=id)\nprint(things)\n", 3, [(1, 2, "address")]),
        ("this is no Python\n", 1, []),
    ],
)
def test_a_line_is_suspect_for_what_feeds_it(source: str, line: int, expected: list[tuple[int, int, str]]) -> None:
    """Under whatever name it was imported; what does not care for an order clears it."""
    assert [(one.near, one.line, one.kind) for one in Source(source).suspects(line)] == expected
