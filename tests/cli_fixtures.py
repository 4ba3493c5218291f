"""Fixtures of the tests of the command line; those name this module in their `pytest_plugins`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_programs import PLUGIN, Run
from synthetic import build

from simcore.cli import main
from simcore.trace.events import Outcome


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


@pytest.fixture
def plugin(here: Path) -> str:
    """A plugin file with the patterns `turns` and `stuck`."""
    (here / "mine.py").write_text(PLUGIN)
    return "mine.py"
