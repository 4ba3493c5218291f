"""The pids that a replayed program is told."""

from pathlib import Path

import pytest

from simcore.runtime.processes import pids


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay's table, with nothing in it."""
    monkeypatch.setattr(pids, "table", str(tmp_path / "pids"))
    monkeypatch.setattr(pids, "real_of", {})
    monkeypatch.setattr(pids, "told_of", {})


@pytest.mark.usefixtures("table")
def test_all_processes_know_what_one_has_learnt() -> None:
    """What is told and what is real are found from each other, by a process that has nothing but the table too."""
    pids.learn(700, 41)
    assert (pids.told(41), pids.real(700)) == (700, 41)
    pids.real_of.clear()
    pids.told_of.clear()
    assert (pids.told(41), pids.real(700), pids.told(42)) == (700, 41, 42)


@pytest.mark.usefixtures("table")
def test_who_was_killed_before_it_asked_changes_nothing() -> None:
    """A child that the recording has no parent's pid of is told the real one; its parent goes by the recorded one still."""
    pids.learn(700, 41)
    pids.learn(41, 41)
    pids.real_of.clear()
    pids.told_of.clear()
    assert (pids.told(41), pids.real(700)) == (700, 41)
