"""What all tests share: a working directory of their own, and a look at what they leave behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

for _ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    # A shell's background job starts with these ignored, and so would every program under test.
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.default_int_handler if _ignored is signal.SIGINT else signal.SIG_DFL)

PATIENCE_S = 2.0
"""A fork server and a resource tracker end by themselves a moment after the program that started them."""

MEMORY_PATIENCE_S = 60.0
"""What is in shared memory may be another test's, which runs beside this one: it is gone when that test has ended."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a test waits for its programs for a good part of its time."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + 1


@pytest.fixture(scope="session")
def left_in_memory() -> Iterator[dict[str, str]]:
    """What was found in shared memory behind a test, with its name; nothing of it may be there when all tests have ended.

    No test waits for this, since it may belong to one that runs beside it.
    """
    found: dict[str, str] = {}
    yield found
    late = time.monotonic() + MEMORY_PATIENCE_S
    while time.monotonic() < late and found.keys() & _shared_memory():
        time.sleep(0.02)
    left = [f"{name}, found behind {found[name]}" for name in sorted(found.keys() & _shared_memory())]
    assert left == [], "something is left in shared memory"


@pytest.fixture(autouse=True)
def own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, left_in_memory: dict[str, str]
) -> Iterator[Path]:
    """Each test works in a folder of its own, so traces and run folders land there; nothing may run or lie about afterwards."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SIMCORE_PLUGINS", raising=False)
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    before = _shared_memory()
    yield folder
    late = time.monotonic() + PATIENCE_S
    while time.monotonic() < late and _left_in(tmp_path):
        time.sleep(0.02)
    assert _left_in(tmp_path) == [], "a process that the test started still runs"
    now = _shared_memory()
    for name in left_in_memory.keys() - now:
        del left_in_memory[name]
    for name in now - before:
        left_in_memory.setdefault(name, request.node.nodeid)
    assert list(tmp_path.rglob(".runs/run-*")) == [], "a run folder is left"


def _shared_memory() -> set[str]:
    try:
        return set(os.listdir("/dev/shm"))
    except OSError:
        return set()


def _left_in(folder: Path) -> list[str]:
    """Command lines of processes whose run folder lies below `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            if f"SIMCORE_RUN={folder}".encode() in environment:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
