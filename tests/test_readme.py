"""What README tells people to run is run here, and prints what README shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def sessions() -> list[list[tuple[str, list[str]]]]:
    """The console blocks: for each its commands with the lines shown below them."""
    blocks = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S):
        commands: list[tuple[str, list[str]]] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        blocks.append(commands)
    return blocks


def shape(line: str) -> str:
    """A line without what differs between runs: numbers and their units of time."""
    return re.sub(r"\d+(\.\d+)?( (ns|us|ms|s)\b)?", "N", line).strip()


def run(command: str) -> list[str]:
    """Lines that a command prints, stderr with stdout, in a terminal wide enough not to wrap."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "130"}
    done = subprocess.run(
        command,
        shell=True,
        input="c\n",
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        timeout=240,
    )
    return [shape(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("commands", sessions(), ids=lambda commands: str(commands[0][0]))
def test_the_console_sessions_print_what_they_show(commands: list[tuple[str, list[str]]]) -> None:
    """Command by command, in one folder, with the files that README shows beside them; `...` stands for anything."""
    for name, source in re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", TEXT, re.S):
        Path(name).write_text(source, encoding="utf-8")
    for command, expected in commands:
        printed = run(command)
        for line in expected:
            if line != "...":
                assert shape(line) in printed, f"{command} does not print {line!r} but {printed}"


def test_the_python_example_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """Record, replay, diff from Python."""
    (source,) = re.findall(r"```python\n(import simcore.*?)```", TEXT, re.S)
    scope: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), scope)
    assert {"trace", "difference"} <= scope.keys()
    capfd.readouterr()


def test_the_links_lead_somewhere() -> None:
    """Every relative link of README and docs is a file of the repository."""
    for page in (README, *sorted((README.parent / "docs").glob("*.md")), README.parent / "CHANGELOG.md"):
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
