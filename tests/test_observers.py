"""Plugins are told of each finished run; a broken one is named and detached, and the command goes on."""

import json
import re
from pathlib import Path

import pytest
from cli_programs import Run

from simcore.engine.plugins import PluginHost

pytest_plugins = ["cli_fixtures"]

DIARY = re.search(
    r"^## `simcore_observers.*?```python\n(.*?)```",
    (Path(__file__).parents[1] / "docs" / "hooks.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)

BROKEN = """
from simcore.api import hookimpl, observer

@observer()
def loud(run):
    print("told of", run.verb, run.trace.path.name if run.verb == "record" else run.recorded.path.name)

@observer()
def broken(run):
    raise KeyError("seats")

@observer()
def leaves(run):
    raise SystemExit(7)

@hookimpl
def simcore_observers():
    return [loud, broken, leaves]
"""


@pytest.fixture
def diary(here: Path) -> str:
    """The example of docs/hooks.md."""
    assert DIARY is not None
    (here / "diary.py").write_text(DIARY[1])
    return "diary.py"


def test_an_observer_is_told_of_every_run(run: Run, here: Path, diary: str) -> None:
    """After a recording and after each replay, with what is in the trace; from the environment as well as by an option."""
    (here / "app.py").write_text("print('hello')\n")
    assert run("record", "--plugin", diary, "app.py")[0] == 0
    assert run("record", "--plugin", diary, "simple-thread")[0] == 0
    assert run("replay", "--times", "2", "--plugin", diary)[0] == 0
    lines = (here / "diary.txt").read_text().splitlines()
    assert [re.sub(r"\d+ events", "N events", line) for line in lines] == [
        "record app.py ok N events",
        "record simple-thread ok N events",
        *["replay simple-thread ok N events"] * 2,
    ]


def test_a_hunt_tells_of_every_try(run: Run, here: Path, diary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --until-failure after each run; the plugin may be named by the environment."""
    monkeypatch.setenv("SIMCORE_PLUGINS", str(here / diary))
    (here / "app.py").write_text("print('hello')\n")
    assert run("record", "--until-failure", "--max-runs", "2", "app.py")[0] == 0
    assert len((here / "diary.txt").read_text().splitlines()) == 2


def test_a_broken_observer_is_named_and_detached(run: Run, here: Path) -> None:
    """With file and line, once; the others are told, the answer stays on stdout and the exit code is the program's."""
    (here / "loud.py").write_text(BROKEN)
    (here / "app.py").write_text("print('hello')\nraise SystemExit(3)\n")
    code, out, err = run("record", "--plugin", "loud.py", "app.py")
    assert (code, out) == (3, "hello\n")
    err = " ".join(err.split())
    assert "told of record app-1.simtrace" in err
    assert "plugin 'loud' (loud.py:10) failed in its observer broken: KeyError: 'seats'; it is not called again" in err
    assert "plugin 'loud' (loud.py:14) failed in its observer leaves: SystemExit: 7; it is not called again" in err
    (here / "good.py").write_text("print('hello')\n")
    run("record", "good.py")
    (here / "loud.py").write_text(BROKEN)
    host = PluginHost(["loud.py"], entry_points=False)
    from simcore.engine.finished import FinishedRun, Observers
    from simcore.trace.model import Trace

    told = Observers(host.observers)
    finished = FinishedRun("record", Trace.load(".simtraces/good-1.simtrace"))
    assert [len(told.tell(finished)) for _ in range(2)] == [2, 0]


def test_a_plugin_that_does_not_load_is_said_and_the_run_goes_on(run: Run, here: Path) -> None:
    """One line on stderr with file and line; the program ran and its exit code is its own."""
    (here / "bad.py").write_text("import nothing_of_this_name\n")
    (here / "app.py").write_text("raise SystemExit(3)\n")
    code, _, err = run("record", "--plugin", "bad.py", "app.py")
    assert code == 3
    assert "warning: plugin 'bad' (bad.py:1) does not import: ModuleNotFoundError" in " ".join(err.split())


def test_what_is_no_observer_is_said(run: Run, here: Path) -> None:
    """A function without the mark is named with file and line; a good one is listed."""
    (here / "mine.py").write_text(
        "from simcore.api import hookimpl, observer\n\n@observer()\ndef good(run):\n    pass\n\ndef bare(run):\n    pass\n\n"
        "@hookimpl\ndef simcore_observers():\n    return [good, bare]\n"
    )
    code, out, _ = run("plugins", "check", "mine.py")
    assert code == 4
    assert "observer good" in out
    assert "(mine.py:11) simcore_observers returned bare, which is not marked with @observer" in " ".join(out.split())
    (mine,) = json.loads(run("plugins", "check", "mine.py", "--json")[1])["plugins"]
    assert mine["observers"] == ["good"]
