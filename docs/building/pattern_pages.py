"""A page for each pattern: its lesson, its parameters, and what simcore prints when it is recorded, drawn, replayed and judged.

All patterns are recorded anew for each build, so what stands there is what the simcore beside it prints. Nothing here is kept
in the repository.
"""

import os
import re
import shlex
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from simcore.cli import main
from simcore.engine.pattern import Pattern
from simcore.engine.plugins import PluginHost
from simcore.views.listing import CHAPTERS, source_of

FOLDER: Final = "patterns"
PLUGIN: Final = "simcore_patterns."
WIDTH: Final = 80
AT_A_TIME: Final = 4
"""Patterns sleep and wait more than they compute."""

MOST_LINES: Final = 60
"""Of more lines that a command prints only the first and the last are shown."""

SHOWN_LINES: Final = 40


def write(app: Sphinx) -> None:
    """Write patterns/index.md and patterns/NAME.md into the source folder, replacing what an earlier build left there.

    Where only links are looked up those of an earlier build will do.
    """
    if app.builder.name == "linkcheck" and (Path(app.srcdir) / FOLDER / "index.md").exists():
        return
    patterns = sorted(
        (pattern for pattern in PluginHost(env=False).patterns.values() if pattern.module.startswith(PLUGIN)),
        key=lambda pattern: (natural(pattern.section), pattern.name),
    )
    if not patterns:
        raise ExtensionError("no built-in pattern is installed: pip install '.[docs]' in the checkout installs them")
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    pages = {"index": index(patterns)}
    with ProcessPoolExecutor(AT_A_TIME, mp_context=get_context("spawn")) as pool:
        pages |= zip([pattern.name for pattern in patterns], pool.map(page_of, [one.name for one in patterns]), strict=True)
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()


def natural(section: str) -> list[tuple[int, str]]:
    """Sections in the order of their numbers, those without one behind."""
    return [(int(part), "") if part.isdigit() else (999, part) for part in section.split("-")]


def index(patterns: list[Pattern]) -> str:
    """The list of all, by chapter."""
    lines = [
        "# Patterns",
        "",
        f"{len(patterns)} small programs of ordinary Python, each about one thing that threads or processes do to each other.",
        "`simcore list` shows them, `simcore info NAME` teaches one, `simcore record NAME` runs it;",
        "[writing a pattern](../writing-a-pattern.md) says how to add one.",
        "The output on their pages is that of runs that were made when these pages were built.",
    ]
    chapter = None
    for pattern in patterns:
        its = CHAPTERS.get(pattern.section.split("-")[0], pattern.section)
        if its != chapter:
            chapter = its
            lines += ["", f"## {its}", "", "| name | shows | 題名 | expects |", "|---|---|---|---|"]
        expected = "" if pattern.expect == {"ok"} else ", ".join(sorted(pattern.expect))
        lines.append(f"| [{pattern.name}]({pattern.name}.md) | {pattern.title} | {pattern.title_ja} | {expected} |")
    lines += ["", "```{toctree}", ":hidden:", "", *(pattern.name for pattern in patterns), "```", ""]
    return "\n".join(lines)


def page_of(name: str) -> str:
    """The page of a pattern. It is run for that, in a folder of its own, by the commands that the page shows."""
    pattern = PluginHost(env=False).find(name)
    for variable in ("SIMCORE_PLUGINS", "SIMCORE_PURE", "FORCE_COLOR", "SIMCORE_TRACEBACK"):
        os.environ.pop(variable, None)
    os.environ |= {"COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return "\n".join([*told(pattern), *ran(pattern), *written(pattern)])
        finally:
            os.chdir("/")


def told(pattern: Pattern) -> list[str]:
    """What its author says of it."""
    lines = [f"# {pattern.name}", "", f"**{pattern.title}**" + (f" · {pattern.title_ja}" if pattern.title_ja else ""), ""]
    lines += [pattern.summary, "", pattern.lesson, ""]
    if pattern.parameters:
        lines += ["| parameter | type | default |", "|---|---|---|"]
        for one in pattern.parameters:
            kind = ", ".join(map(str, one.choices)) if one.choices else one.type
            lines.append(f"| `{one.name}` | {kind} | `{plain(one.default)}` |")
        lines.append("")
    facts = {
        "expected outcome": ", ".join(sorted(pattern.expect)),
        "start methods": ", ".join(pattern.start_methods) or "no processes",
        "granularity": pattern.granularity,
        "section": pattern.section,
    }
    return [*lines, "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items()), ""]


def plain(value: object) -> str:
    """A value as it stands on the command line."""
    if isinstance(value, list):
        return ",".join(map(plain, value))
    return {"True": "true", "False": "false", "None": "none"}.get(str(value), str(value))


def ran(pattern: Pattern) -> list[str]:
    """The commands, and what they print."""
    lines = ["## A run", "", *shown("record", pattern.name), *shown("show", "--timeline")]
    names = {one.name for one in pattern.parameters}
    if pattern.expect == {"ok"} and pattern.granularity == "sync" and "fixed" not in names:
        return lines
    lines += ["## What simcore says of it", "", *shown("replay", "--times", "3")]
    for verb in ("races", "locks"):
        code, text = screen(verb)
        if code == 1:
            lines += block(verb, text=text)
    if "fixed" in names:
        lines += ["## With the fix", "", *shown("record", pattern.name, "-p", "fixed=true")]
    return lines


def shown(*arguments: str) -> list[str]:
    """A command with what it prints. Raises: ExtensionError where it does not end with 0: then the page would teach nonsense."""
    code, text = screen(*arguments)
    if code != 0:
        raise ExtensionError(f"`simcore {shlex.join(arguments)}` ended with {code}:\n{text}")
    return block(*arguments, text=text)


def screen(*arguments: str) -> tuple[int, str]:
    """The exit code of a command and what a terminal has of it, that of the recorded program included."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            code = main(arguments)
        finally:
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
        file.seek(0)
        return code, file.read().decode(errors="replace")


def block(*arguments: str, text: str) -> list[str]:
    """A block of a page; file names in it without the folder of this machine, and a long middle left out."""
    text = re.sub(r"[^\s\"']*/(simcore_patterns|simcore|lib/python3\.\d+|concurrent|multiprocessing)/", r".../\1/", text)
    lines = text.rstrip("\n").splitlines()
    if len(lines) > MOST_LINES:
        half = SHOWN_LINES // 2
        lines = [*lines[:half], f"... {len(lines) - 2 * half} lines more ...", *lines[-half:]]
    return ["~~~~console", f"$ simcore {shlex.join(arguments)}", *lines, "~~~~", ""]


def written(pattern: Pattern) -> list[str]:
    """Its source."""
    place = pattern.file.rpartition("/simcore_patterns/")[2]
    return ["## Source", "", f"`simcore_patterns/{place}`", "", "~~~~python", source_of(pattern).rstrip("\n"), "~~~~", ""]


if __name__ == "__main__":  # one page, to look at: python docs/building/pattern_pages.py mutex
    with suppress(BrokenPipeError):
        print(page_of(sys.argv[1]))
