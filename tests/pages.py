"""The pages of the documentation as their tests see them: blocks with what is to be done with each.

What is written here stands for writers in docs/about-these-pages.md.
"""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from simcore.cli import main

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.md", ROOT / "README.ja.md", *sorted((ROOT / "docs").glob("*.md"))]

LANGUAGES: Final = {"console", "python", "text", "sh", "toml", "json", "xml", "yaml", "{toctree}"}
MARKS: Final = {"file", "shown", "luck", "needs", "long"}

_SHELL: Final = re.compile(r"[|&;<>$`]")
REFUSED: Final = {2, 3, 4, 125, 126, 127}
"""Exit codes with which a command that is shown without its output must not end."""

_MARK: Final = re.compile(r"<!-- ([a-z]+)(?:: (.*?))? -->\s*$")
_FENCE: Final = re.compile(r"^(`{3,}|~{3,})(.*)$")
_NUMBER: Final = re.compile(r"(?<!\.py:)(?<![\w.])\d[\d,]*(\.\d+)*( (ns|us|ms|s|B|KB|MB)\b)?")


@dataclass(slots=True)
class Block:
    """A fenced block of a page; `line` is that of its fence. `marks` are the comments right above it."""

    page: Path
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """As an editor opens it."""
        return f"{self.page.name}:{self.line}"

    def commands(self) -> list[Command]:
        """Of a console block the commands with the lines shown below each."""
        found: list[Command] = []
        for number, line in enumerate(self.text.splitlines()):
            if line.startswith("$ "):
                found.append(Command(line[2:], f"{self.page.name}:{self.line + 1 + number}", []))
            elif found:
                found[-1].shown.append(line)
        return found


@dataclass(slots=True)
class Command:
    """A line behind `$` and what the page shows of its output."""

    line: str
    place: str
    shown: list[str]

    def misses(self, printed: str) -> str:
        """What of the shown output is not in the printed one, in its order, or ''; without any shown all is well.

        `...` stands for anything. Numbers are alike, but for those of lines in files; so are line breaks and spaces.
        """
        if not self.shown:
            return ""
        have = like(printed)
        parts = re.split(r"(?<!\S)\.\.\.(?!\S)", "\n".join(self.shown))
        at = 0
        for number, part in enumerate(parts):
            wanted = like(part)
            if not wanted.strip():
                continue
            found = have.find(wanted, at)
            is_first, is_last = number == 0, number == len(parts) - 1
            if is_last and found >= 0:
                found = have.rfind(wanted, at)
            if found < 0 or (is_first and found > 0) or (is_last and found + len(wanted) < len(have)):
                return part.strip("\n")
            at = found + len(wanted) - 1
        return ""


def like(text: str) -> str:
    """A text without what differs between runs."""
    return f" {' '.join(_NUMBER.sub('N', text).split())} "


def blocks_of(page: Path) -> Iterator[Block]:
    """Its fenced blocks, in order. Raises: ValueError for a fence that is never closed."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if fence is None:
            number += 1
            continue
        first = number
        while True:
            number += 1
            if number == len(lines):
                raise ValueError(f"{page.name}:{first + 1} is never closed")
            if lines[number].strip() == fence[1]:
                break
        marks: dict[str, str] = {}
        above = first - 1
        while above >= 0 and (mark := _MARK.match(lines[above])):
            marks[mark[1]] = (mark[2] or "").strip()
            above -= 1
        text = "".join(f"{line}\n" for line in lines[first + 1 : number])
        yield Block(page, first + 1, fence[2].strip(), text, marks)
        number += 1


def prose_of(page: Path) -> str:
    """The page without its blocks."""
    text = page.read_text(encoding="utf-8")
    for block in blocks_of(page):
        text = text.replace(block.text, "", 1) if block.text.strip() else text
    return text


def run(command: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command and what it prints, stderr with stdout; `simcore` is run without a new process."""
    if command.startswith("simcore ") and not _SHELL.search(command):
        words = [found for word in shlex.split(command)[1:] for found in (sorted(glob.glob(word)) if "*" in word else [word])]
        capfd.readouterr()
        code = main(words)
        out, err = capfd.readouterr()
        return code, out + err
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": path},
        timeout=240,
    )
    return done.returncode, done.stdout
