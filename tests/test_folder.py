"""The trace folder: where it lies, how traces in it are called, and run folders that are nobody's but their controller's."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simcore.engine.folder import RunFolder, TraceFolder, configured
from simcore.engine.naming import trace_name
from simcore.errors import UsageError
from simcore.trace.model import Scenario


def test_the_folder_is_simtraces_unless_configured(tmp_path: Path) -> None:
    """That of the nearest pyproject.toml, relative to it; nothing is created by asking."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert configured(inner) == inner / ".simtraces"
    (tmp_path / "pyproject.toml").write_text("[tool.simcore]\ntrace-dir = 'runs'\n", encoding="utf-8")
    assert configured(inner) == tmp_path / "runs"
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'a'\n", encoding="utf-8")
    assert configured(inner) == tmp_path / "a" / ".simtraces"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.simcore]\ntrace-dir = 3\n", "trace-dir is 3, expected a path"),
        ("[tool.simcore]\ntrace-dir = ''\n", "trace-dir is '', expected a path"),
        ("[tool.simcore\n", "pyproject.toml is not TOML"),
        ("\udcff", "pyproject.toml is not TOML"),
    ],
)
def test_a_broken_pyproject_is_named(tmp_path: Path, text: str, message: str) -> None:
    """One line: the file, what was found, what was expected."""
    (tmp_path / "pyproject.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as raised:
        configured(tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.hint


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\nsimcore = 'x'\n"])
def test_a_pyproject_of_another_mind_is_left_alone(tmp_path: Path, text: str) -> None:
    """Where there is no table of ours there is the default."""
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert configured(tmp_path) == tmp_path / ".simtraces"


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/traces` is a path as people write it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pyproject.toml").write_text("[tool.simcore]\ntrace-dir = '~/mine'\n", encoding="utf-8")
    assert configured(tmp_path) == tmp_path / "mine"


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    """Not a FileNotFoundError without a name."""
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the working directory does not exist any more"):
        TraceFolder()


def test_traces_are_numbered_by_name() -> None:
    """The number behind the highest there is; a name is made of what a file name may be made of, and not too long."""
    traces = TraceFolder()
    assert traces.new_path("mutex").name == "mutex-1.simtrace"
    for name in ("mutex-2", "mutex-9", "mutex-x", "mutex-10-3", "mut-30"):
        (traces.path / f"{name}.simtrace").touch()
    assert traces.new_path("mutex").name == "mutex-10.simtrace"
    assert traces.new_path("../a b/*").name == "a-b-1.simtrace"
    assert traces.new_path("").name == "trace-1.simtrace"
    assert len(traces.new_path("x" * 400).name) < 100
    assert (traces.path / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_adopting_never_overwrites() -> None:
    """Sixteen at once get sixteen numbers, and each its own content."""
    traces = TraceFolder()

    def adopt(number: int) -> tuple[Path, str]:
        file = Path(f"part-{number}")
        file.write_text(str(number), encoding="ascii")
        return traces.adopt(file, "run"), str(number)

    with ThreadPoolExecutor(16) as pool:
        adopted = list(pool.map(adopt, range(16)))
    assert {path.name for path, _ in adopted} == {f"run-{n}.simtrace" for n in range(1, 17)}
    assert all(path.read_text(encoding="ascii") == content for path, content in adopted)
    assert list(Path().glob("part-*")) == []


def test_the_latest_is_the_one_written_last() -> None:
    """By time, not by name; without any there is a hint."""
    traces = TraceFolder()
    with pytest.raises(UsageError, match="there is no trace in"):
        traces.latest()
    for place, name in enumerate(("b-1", "a-1", "c-1")):
        path = traces.new_path(name).with_name(f"{name}.simtrace")
        path.touch()
        os.utime(path, ns=(0, [2, 3, 1][place]))
    assert traces.latest().name == "a-1.simtrace"


def test_a_folder_that_cannot_be_made_is_said() -> None:
    """A file stands in its place."""
    Path(".simtraces").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"the trace folder .* cannot be made: File exists") as raised:
        TraceFolder().new_run()
    assert "-o" in raised.value.hint


def test_a_run_folder_is_private_and_ignored_by_git() -> None:
    """Also where the trace folder itself is kept in git; when it is removed, nothing of it is left."""
    traces = TraceFolder(Path("kept"))
    run = traces.new_run()
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert (traces.path / ".runs" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    run.remove()
    traces.tidy()
    assert list(traces.path.iterdir()) == []
    hidden = TraceFolder()
    hidden.new_run().remove()
    hidden.tidy()
    assert not hidden.path.exists()


def test_tidying_leaves_what_holds_something() -> None:
    """A trace, another's run folder, a file of the user's."""
    traces = TraceFolder()
    run = traces.new_run()
    traces.tidy()
    assert run.path.is_dir()
    run.remove()
    (traces.path / "notes.txt").touch()
    traces.tidy()
    assert sorted(entry.name for entry in traces.path.iterdir()) == [".gitignore", "notes.txt"]


def test_a_run_folder_that_is_being_made_is_nobodys_leftover() -> None:
    """Some make and remove run folders while others look for leftovers and tidy: none is ever found, none fails."""
    traces = TraceFolder()
    found: list[RunFolder] = []

    def make(_: int) -> None:
        for _ in range(40):
            traces.new_run().remove()
            traces.tidy()

    def look(_: int) -> None:
        for _ in range(80):
            found.extend(traces.left_over())
            traces.tidy()

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(job, place) for place, job in enumerate((make, look, make, look))]
        for job in jobs:
            job.result()
    # What is left over between unlocking and deleting would be found by a controller that removes; ours deletes first.
    assert [run.path.name for run in found if run.path.exists()] == []


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        (Scenario("pattern", "mutex"), "mutex"),
        (Scenario("file", "src/app.py"), "app"),
        (Scenario("function", "pkg.mod:main"), "main"),
        (Scenario("command", "python", ("python", "app.py", "--its")), "app"),
        (Scenario("command", "python3", ("/usr/bin/python3", "-X", "dev", "-u", "tools/run.py")), "run"),
        (Scenario("command", "python", ("python", "-m", "pytest", "tests")), "pytest"),
        (Scenario("command", "python", ("python", "-c", "print(1)")), "python"),
        (Scenario("command", "python", ("python",)), "python"),
        (Scenario("command", "pytest", ("pytest", "tests/test_x.py")), "pytest"),
        (Scenario("command", "./go.sh", ("./go.sh",)), "go"),
    ],
)
def test_a_trace_is_called_after_what_ran(scenario: Scenario, name: str) -> None:
    """The script rather than the interpreter."""
    assert trace_name(scenario) == name
