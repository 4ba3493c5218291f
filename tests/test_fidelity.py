"""The fidelity loop of the benchmarks in short: what was recorded happens again, say three judges that can also say no."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FIDELITY = Path(__file__).parents[1] / "benchmarks" / "fidelity.py"


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark's module; `benchmarks` is no installed package."""
    spec = importlib.util.spec_from_file_location("fidelity_loop", FIDELITY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fidelity_loop", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("program", "params"),
    [("mutex", {"workers": 3, "rounds": 20}), ("queues", {"items": 12}), ("conditions", {"rounds": 6})],
    ids=["mutex", "queues", "conditions"],
)
def test_each_replay_is_its_recording(
    fidelity: ModuleType, program: str, params: dict[str, object], own_folder: Path, tmp_path: Path
) -> None:
    """Two recordings, two replays of each: the replay's own trace, the output and the witness are the same."""
    case = fidelity.Case(program, params, builtin=program == "mutex")
    row = fidelity.Loop(case, own_folder, tmp_path / "kept", least=0).run(2, 2, control=False)
    assert row.problems == []
    assert (row.recordings, row.replays, row.same) == (2, 4, 4)
    assert not fidelity.failed([row])


def test_the_judges_say_no(fidelity: ModuleType, own_folder: Path, tmp_path: Path) -> None:
    """Another run is unlike the first for every judge, and one witness with another line differs."""
    one, more = (
        fidelity.Loop(fidelity.Case("mutex", {"workers": 2, "rounds": rounds}, builtin=True), own_folder, tmp_path / "kept")
        for rounds in (3, 4)
    )
    first, seen = one.record("a.simtrace")
    other, seen_other = more.record("b.simtrace")
    assert fidelity.unlike(first, first) == []
    assert len(fidelity.unlike(first, other)) == 3
    assert seen.differs(seen_other) == "stdout, witness"
    assert seen.differs(seen) == ""


PARTING = """
import os, threading
lock = threading.Lock()
if not os.path.exists("marker"):
    open("marker", "w").close()
    with lock:
        print("first")
print("again")
"""


def test_a_replay_that_parts_is_told_and_kept(
    fidelity: ModuleType, own_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that a file of its first run leads elsewhere fails the loop; both traces lie where the problem says."""
    program = own_folder / "parting.py"
    program.write_text(PARTING, encoding="utf-8")
    case = fidelity.Case(str(program), builtin=True, witness=False)
    row = fidelity.Loop(case, own_folder, tmp_path / "kept", least=0).run(1, 1, control=False)
    assert (row.replays, row.same) == (1, 0)
    assert row.problems[0].startswith("divergence")
    assert "other stdout" in row.problems[0]
    assert fidelity.failed([row])
    kept = capsys.readouterr().err.splitlines()[-1].removeprefix("  kept in ")
    assert {"recorded.simtrace", "replayed.simtrace", "recorded.stdout", "replayed.stdout"} <= {
        f.name for f in Path(kept).iterdir()
    }
    assert Path(kept, "recorded.stdout").read_bytes() == b"first\nagain\n"
