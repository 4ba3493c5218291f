"""The examples at the end of each `--help` can be typed as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from extras import needed
from pages import run

from simcore.cli import main
from simcore.cli.app import VERBS, verb_of


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, without a wish for colour."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "SIMCORE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


def all_commands() -> list[str]:
    """The verbs, and the words of verbs that have some."""
    found: list[str] = []
    for verb in VERBS:
        found.append(verb)
        command = verb_of(verb)
        if isinstance(command, click.Group):
            found += [f"{verb} {word}" for word in command.commands]
    return found


SAMPLES = {
    "app.py": """
import pathlib, threading
balance_lock = threading.Lock()
def work():
    with balance_lock:
        pass
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
count = pathlib.Path("count.txt")
runs = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(runs))
assert runs % 3, "every third run fails"
""",
    "workers.py": """
from multiprocessing import Process
def work():
    print("done")
if __name__ == "__main__":
    child = Process(target=work)
    child.start()
    child.join()
""",
    "ring.py": """
from threading import Thread
from simcore.api import pattern

@pattern(section="mine", title="a ring")
def ring(size: int = 2) -> None:
    \"\"\"Threads one after the other.\"\"\"
    for number in range(size):
        thread = Thread(target=print, args=(number,))
        thread.start()
        thread.join()
""",
}
"""What the examples of the help call their files."""

TRACES: dict[str, bytes] = {}
"""Their traces, recorded once."""

ANSWERS = {0, 1, 5}
"""Yes, no, and that there is none: which of them three runs and their turns decide."""

LONG = {"compare", "preflight", "demo", "report"}
"""Verbs whose examples take long, or need an extra: behind the mark."""


def run_examples(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Run them beside the files that they name; each ends as it should, and says nothing of an error."""
    for name, source in SAMPLES.items():
        Path(name).write_text(source, encoding="utf-8")
    if command == "report":
        needed("bokeh")
    capfd.readouterr()
    assert main([*command.split(), "--help"]) == 0
    examples = re.findall(r"^ *(simcore .*?) *$", capfd.readouterr().out.partition("Examples:")[2].partition("╭")[0], re.M)
    assert examples, f"`simcore {command} --help` has no examples"
    assert all(example.startswith(f"simcore {command}") for example in examples)
    if command in ("replay", "diff", "show", "locks", "races", "export", "report"):
        for name in ("pass-1", "pass-2", "fail-1"):
            if name not in TRACES:
                words = ["record", "--granularity", "access", "-o", f"{name}.simtrace", "app.py"]
                assert main(words) == (name == "fail-1"), "every third run fails"
                TRACES[name] = Path(f"{name}.simtrace").read_bytes()
            Path(f"{name}.simtrace").write_bytes(TRACES[name])
        Path("pass.simtrace").write_bytes(TRACES["pass-1"])
        Path("fail.simtrace").write_bytes(TRACES["fail-1"])
        Path(".simtraces").mkdir(exist_ok=True)
        Path(".simtraces", "app-1.simtrace").write_bytes(TRACES["pass-1"])
    for example in examples:
        code, text = run(example, capfd)
        assert code in ANSWERS, f"`{example}` ended with {code}:\n{text}"
        assert "error:" not in text, f"`{example}`:\n{text}"


@pytest.mark.parametrize("command", [name for name in all_commands() if name not in LONG])
def test_the_examples_of_help_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends with examples that can be typed as they stand there."""
    run_examples(command, capfd)


@pytest.mark.loop
@pytest.mark.parametrize("command", sorted(LONG))
def test_the_examples_of_help_that_take_long_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The same for verbs that run a program many times."""
    run_examples(command, capfd)
