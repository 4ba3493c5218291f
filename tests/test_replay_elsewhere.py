"""A trace from another machine or checkout is replayed where the program lies now, under whatever path and interpreter."""

import os
import shutil
import sys
from pathlib import Path

import pytest

import simcore
from simcore.errors import UsageError
from simcore.trace.events import Verdict
from simcore.trace.model import Trace

PATHS_IN_MESSAGES = """
import logging, logging.handlers, multiprocessing, os, subprocess, sys

def work(n):
    if n == 1:
        raise ValueError(f"no {n}")
    return n

def log(queue):
    logging.getLogger().addHandler(logging.handlers.QueueHandler(queue))
    logging.warning("from a child")
    queue.put(__file__)

if __name__ == "__main__":
    method, = sys.argv[1:] or ["fork"]
    context = multiprocessing.get_context(method)
    with context.Pool(1) as pool:
        try:
            pool.map(work, range(2), 1)
        except ValueError as error:
            print("error:", error)
    queue = context.Queue()
    child = context.Process(target=log, args=(queue,))
    child.start()
    print(queue.get().getMessage())
    print(os.path.relpath(queue.get()))
    child.join()
    script = os.path.abspath("helper.py")
    print(subprocess.run([sys.executable, script], capture_output=True, text=True).stdout, end="")
"""


def program(folder: str) -> Path:
    """The program in a folder of this name, which is the working directory from now on."""
    Path(folder).mkdir()
    os.chdir(folder)
    Path("app.py").write_text(PATHS_IN_MESSAGES, encoding="utf-8")
    Path("helper.py").write_text("print('helped')\n", encoding="utf-8")
    return Path.cwd()


def test_a_program_that_was_moved_replays_where_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its messages carry tracebacks, log records and paths, which are shorter there; without the folder it is refused."""
    there = program("a-folder-with-a-rather-long-name")
    trace = simcore.record("app.py", quiet=True)
    assert trace.as_expected
    kept = trace.path
    assert kept is not None
    now = there.parent / "b"
    there.rename(now)
    monkeypatch.chdir(now.parent)
    kept = now / kept.relative_to(there)
    with pytest.raises(simcore.SimcoreError, match=r"which does not exist"):
        simcore.replay(kept)
    replayed = simcore.replay(kept, folder="b")
    assert replayed.verdict is Verdict.SAME, (replayed.runs[0].divergence, replayed.runs[0].differs)
    assert replayed.runs[0].writes_changed == 0


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_so_it_does_under_the_other_start_methods(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy with a longer name, while the original is still there; words of the command that name the old folder follow."""
    there = program("a")
    trace = simcore.record([sys.executable, str(there / "app.py"), method], quiet=True)
    assert trace.as_expected
    now = there.parent / "another-folder-with-a-rather-long-name"
    shutil.copytree(there, now)
    shutil.rmtree(there)
    monkeypatch.chdir(now)
    replayed = simcore.replay(trace, folder=".")
    assert replayed.verdict is Verdict.SAME, (replayed.runs[0].divergence, replayed.runs[0].differs)


def test_an_interpreter_that_is_not_here_is_replaced() -> None:
    """The trace names the one that ran the command, in another environment; ours runs it, and its children."""
    program("a")
    bin_folder = Path.cwd() / "environment" / "bin"
    bin_folder.mkdir(parents=True)
    python = bin_folder / "python"
    python.symlink_to(sys.executable)
    settings = Path(sys.prefix, "pyvenv.cfg")
    if settings.exists():
        shutil.copy(settings, bin_folder.parent)
    trace = simcore.record([str(python), "app.py"], quiet=True)
    assert trace.as_expected
    shutil.rmtree(bin_folder.parent)
    replayed = simcore.replay(trace, folder=".")
    assert replayed.verdict is Verdict.SAME, (replayed.runs[0].divergence, replayed.runs[0].differs)


def test_a_message_of_another_length_is_a_divergence_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no name of a folder counts: a longer text in a message is another message."""
    there = program("a-folder-with-a-rather-long-name")
    trace: Trace = simcore.record("app.py", quiet=True)
    there.rename(there.parent / "b")
    monkeypatch.chdir(there.parent / "b")
    Path("app.py").write_text(PATHS_IN_MESSAGES.replace("from a child", "from the child"), encoding="utf-8")
    divergence = simcore.replay(trace, folder=".").runs[0].divergence
    assert divergence is not None
    assert "bytes instead of" in divergence.reason


def test_a_pattern_is_found_by_its_plugin() -> None:
    """A folder says nothing of it."""
    trace = simcore.record("mutex", params={"rounds": 2}, quiet=True)
    with pytest.raises(UsageError, match=r"'mutex' is a pattern"):
        simcore.replay(trace, folder=".")
