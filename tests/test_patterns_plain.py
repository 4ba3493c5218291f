"""The built-in patterns are ordinary programs: run without simcore each does what it says, however threads are scheduled."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "plugins" / "simcore_patterns"
ALL_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["simcore.plugins"]
POINTS = {name: value for name, value in ALL_POINTS.items() if value.startswith("simcore_patterns.")}

TERMINATING: list[tuple[str, dict[str, object]]] = [
    ("simple-thread", {}),
    ("simple-thread", {"start": 0}),
    ("simple-thread", {"start": 3, "pause_s": 0.0}),
    ("mutex", {}),
    ("mutex", {"workers": 1, "rounds": 1}),
    ("mutex", {"workers": 0}),
    ("mutex", {"workers": 5, "rounds": 4, "pause_s": 0.0005}),
    ("condition", {}),
    ("condition", {"items": 1, "consumers": 2}),
    ("condition", {"items": 7, "consumers": 8}),
    ("barrier", {}),
    ("barrier", {"players": 8, "seats": 4}),
    ("barrier", {"players": 3, "seats": 4}),
    ("barrier", {"players": 5, "seats": 1}),
    ("barrier", {"players": 11, "seats": 3, "timeout_s": 0.0}),
    ("recursive-mutex-leak", {"fixed": True}),
    ("thread-pool-executor", {}),
    ("thread-pool-executor", {"workers": 1, "tasks": 0}),
    ("thread-pool-executor", {"workers": 8, "tasks": 30, "pause_s": 0.0}),
    ("thread-subclass", {}),
    ("thread-subclass", {"first": 1, "pause_s": 0.0}),
    ("count-threads", {}),
    ("count-threads", {"workers": 0}),
    ("daemon-thread", {"fixed": True}),
    ("daemon-thread", {"fixed": True, "daemon": False, "workers": 3, "lines": 0}),
    ("gil-convoy", {"rounds": 4, "switch_s": 0.001}),
    ("recursive-mutex", {}),
    ("recursive-mutex", {"workers": 4, "rounds": 20}),
    ("bounded-semaphore", {}),
    ("bounded-semaphore", {"guests": 6, "seats": 1, "pause_s": 0.0}),
    ("bounded-semaphore", {"guests": 2, "seats": 3}),
    ("event", {}),
    ("event", {"cars": 1, "phases": 3, "timeout_s": 0.0}),
    ("timer", {}),
    ("timer", {"interval_s": 0.0, "cancel_after_s": 0.002}),
    ("thread-local", {}),
    ("thread-local", {"workers": 8}),
    ("deadlock-abba", {"fixed": True}),
    ("dining-philosophers", {"fixed": True}),
    ("dining-philosophers", {"fixed": True, "seats": 2, "rounds": 5, "pause_s": 0.0}),
    ("lost-wakeup", {"fixed": True}),
    ("lost-wakeup", {"timeout_s": 0.005}),
    ("readers-writers", {"fixed": True}),
    ("readers-writers", {"fixed": True, "readers": 12}),
    ("pipeline", {"fixed": True}),
    ("pipeline", {"fixed": True, "capacity": 1, "zero_at": 0, "numbers": 1}),
    ("pipeline", {"zero_at": -1}),
]

FAILING: list[tuple[str, dict[str, object], str]] = [
    ("thread-subclass", {"call": "run"}, "who counted: `run` is to be called by `start`"),
    ("thread-local", {"style": "global"}, "went what others sent"),
    ("thread-local", {"style": "global", "workers": 2}, "went what others sent"),
    ("readers-writers", {}, "4 readers overtook the writer"),
    ("readers-writers", {"readers": 1}, "1 readers overtook the writer"),
]
"""What ends with a failed assert, every time."""


def function_of(name: str) -> Callable[..., object]:
    """The pattern's function, found as pyproject.toml says."""
    module = import_module(POINTS[name])
    return getattr(module, name.replace("-", "_"))  # type: ignore[no-any-return]


@pytest.fixture(params=[None, 1e-6, 0.05], ids=["usual switches", "hasty switches", "lazy switches"])
def scheduling(request: pytest.FixtureRequest) -> Iterator[None]:
    """The interpreter's switch interval: usual, so short that threads part everywhere, so long that they hardly ever do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param or before)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("scheduling")
@pytest.mark.parametrize(("name", "parameters"), TERMINATING, ids=lambda value: str(value))
def test_a_pattern_keeps_its_invariants(name: str, parameters: dict[str, object]) -> None:
    """Its asserts hold and no thread of it dies, whatever its size and however its threads are switched."""
    for _ in range(5):
        function_of(name)(**parameters)


@pytest.mark.usefixtures("scheduling")
@pytest.mark.parametrize("consumers", [2, 3, 6])
def test_condition_with_if_always_fails(consumers: int) -> None:
    """The bug of `if` in place of `while` shows in every run, not by luck."""
    for _ in range(5):
        with pytest.raises(AssertionError, match="took from an empty shelf"):
            function_of("condition")(style="if", consumers=consumers, items=4)


@pytest.mark.usefixtures("scheduling")
@pytest.mark.parametrize(("name", "parameters", "says"), FAILING, ids=str)
def test_a_declared_failure_shows_every_time(name: str, parameters: dict[str, object], says: str) -> None:
    """The bug is made, not waited for: however threads are switched, the assert finds it."""
    for _ in range(5):
        with pytest.raises(AssertionError, match=says):
            function_of(name)(**parameters)


@pytest.mark.parametrize("name", ["mutex", "condition", "barrier"])
def test_a_witness_lists_what_the_critical_sections_did(name: str, tmp_path: Path) -> None:
    """The witness file has one line per critical section, in the order in which they were entered."""
    witness = tmp_path / "witness.txt"
    sizes = {
        "mutex": ({"workers": 2, "rounds": 5}, 10),
        "condition": ({"items": 5, "consumers": 3}, 8),
        "barrier": ({"players": 9, "seats": 3}, 3),
    }
    parameters, lines = sizes[name]
    function_of(name)(witness=str(witness), **parameters)
    assert len(witness.read_text().splitlines()) == lines


def test_a_teller_of_the_leak_ends_and_keeps_the_lock() -> None:
    """After the first teller has ended nobody can have the lock any more: whoever comes second waits for ever."""
    program = (
        "import os, sys, threading\n"
        "from simcore_patterns.recursive_mutex_leak import Account\n"
        "account = Account(fixed=False)\n"
        "doors = threading.Event(); doors.set()\n"
        "first = threading.Thread(target=account.serve, args=(1, doors))\n"
        "first.start(); first.join()\n"
        "print('free' if account.account_lock.acquire(blocking=False) else 'held for ever')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        check=True,
    )
    assert ran.stdout.splitlines()[-1] == "held for ever"


def test_every_pattern_has_its_file_and_its_entry_point() -> None:
    """The entry points and the files of simcore_patterns are the same set: none is forgotten, none is left over."""
    files = {f"simcore_patterns.{path.stem}" for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    assert files == set(POINTS.values())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[!_]*.py")), ids=lambda path: str(path.stem))
def test_a_pattern_is_one_short_file_of_ordinary_python(path: Path) -> None:
    """Fewer than 60 lines that are not blank, and of simcore only `simcore.api`."""
    source = path.read_text()
    assert sum(1 for line in source.splitlines() if line.strip()) < 60
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    assert {module for module in modules if module.startswith("simcore")} == {"simcore.api"}
