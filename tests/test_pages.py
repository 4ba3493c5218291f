"""Every block of README and docs does what it says: commands print what is shown, files and examples run; help has examples that run."""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from extras import needed
from pages import LANGUAGES, MARKS, PAGES, ROOT, Block, blocks_of, prose_of

from simcore.cli import main
from simcore.cli.app import VERBS, _group

BLOCKS = {page.name: list(blocks_of(page)) for page in PAGES}
TRANSLATED = {"README.ja.md": "README.md"}
"""Pages that show the commands of another: those are run once, for both."""

SHELL = re.compile(r"[|&;<>$`]")
REFUSED = {2: "usage", 3: "unreadable trace", 4: "broken plugin", 125: "simcore failed", 126: "not run", 127: "no such command"}
"""Exit codes with which a command that is shown without its output must not end."""

Printed = dict[int, str]
"""What commands printed, by their number on the page."""


def run(command: str, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command and what it prints, stderr with stdout, on a screen of 80 columns; `simcore` without a new process."""
    if command.startswith("simcore ") and not SHELL.search(command):
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


def do(page: str, capfd: pytest.CaptureFixture[str], *, in_full: bool) -> Printed:
    """Do all blocks of a page, in their order, in the working folder; what its commands printed."""
    printed: Printed = {}
    scope: dict[str, object] = {"__name__": page}
    number = -1
    for block in BLOCKS[page]:
        commands = block.commands() if block.language == "console" else []
        first = number + 1
        number += len(commands)
        if "shown" in block.marks or (not in_full and block.marks.keys() & {"long", "needs"}):
            continue
        if "needs" in block.marks:
            needed(block.marks["needs"])
        if "file" in block.marks:
            path = Path(block.marks["file"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            code = compile(block.text, block.place, "exec", dont_inherit=True)
            if "file" not in block.marks:
                exec(code, scope)
        for place, command in enumerate(commands, start=first):
            code, text = run(command.line, capfd)
            assert not (missing := command.misses(text)), f"{command.place}: `{command.line}` does not print\n{missing}\nbut\n{text}"
            assert command.shown or code not in REFUSED, f"{command.place}: `{command.line}` ended with {code}:\n{text}"
            printed[place] = text
    return printed


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns, without a wish for colour."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "SIMCORE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("page", [page for page in BLOCKS if page not in TRANSLATED])
def test_a_page_does_what_it_shows(page: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Block by block in one folder; a translation shows what the same commands print."""
    printed = do(page, capfd, in_full=False)
    for translation in (name for name, original in TRANSLATED.items() if original == page):
        commands = [command for block in BLOCKS[translation] for command in block.commands() if block.language == "console"]
        assert printed.keys() <= set(range(len(commands)))
        for number, text in printed.items():
            assert not (missing := commands[number].misses(text)), f"{commands[number].place} shows\n{missing}\nbut it is\n{text}"


@pytest.mark.loop
@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("page", [name for name in BLOCKS if any(one.marks.keys() & {"long", "needs"} for one in BLOCKS[name])])
def test_a_page_does_all_that_it_shows(page: str, capfd: pytest.CaptureFixture[str]) -> None:
    """With the blocks that take long, or need an extra."""
    do(page, capfd, in_full=True)


@pytest.mark.parametrize("page", BLOCKS)
def test_every_block_says_what_it_is(page: str) -> None:
    """It names its language, is marked as docs/about-these-pages.md says, and is well-formed; commands stand in blocks of their own."""
    for block in BLOCKS[page]:
        assert block.language in LANGUAGES, f"{block.place}: {block.language!r}"
        assert block.marks.keys() <= MARKS, f"{block.place}: {block.marks}"
        assert block.marks.get("shown", "why") and block.marks.get("needs", "what"), f"{block.place}: a mark says no more"  # noqa: PT018
        assert block.language != "sh" or "shown" in block.marks, f"{block.place}: a shell's lines are not run; use console"
        if block.language == "console":
            assert block.text.startswith("$ "), f"{block.place}: no command"
        elif block.language == "python":
            compile(block.text, block.place, "exec", dont_inherit=True)
        elif block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)
    own_lines = re.findall(r"^(?: {4,}|\$ )(?:simcore|pip|python) .*$", prose_of(next(p for p in PAGES if p.name == page)), re.M)
    assert own_lines == [], "commands outside of a fenced block are not run"


@pytest.mark.parametrize("page", BLOCKS)
def test_options_that_are_only_shown_exist(page: str) -> None:
    """Commands of simcore in blocks that are not run, and all in backticks, name verbs and options that there are."""
    lines = [(block.place, command.line) for block in BLOCKS[page] for command in block.commands() if "shown" in block.marks]
    prose = prose_of(next(path for path in PAGES if path.name == page))
    lines += [(page, line) for line in re.findall(r"`(simcore [a-z][^`\n]*)`", prose)]
    for place, line in lines:
        if line.startswith("simcore "):
            verb, *words = shlex.split(line)[1:]
            assert verb in VERBS, f"{place}: {line}"
            command = command_of(verb)
            while words and isinstance(command, click.Group) and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
            given = words[: words.index("--")] if "--" in words else words
            unknown = {word.partition("=")[0] for word in given if re.match(r"--?[a-z]", word)} - known
            programs_own = any(word.endswith(".py") for word in given)
            assert not unknown or programs_own, f"{place}: `{line}` has {unknown}"


def test_a_translation_has_the_same_blocks() -> None:
    """Commands and files of README.ja.md are those of README.md."""
    for name, original in TRANSLATED.items():
        assert [essence(block) for block in BLOCKS[name]] == [essence(block) for block in BLOCKS[original]]


def essence(block: Block) -> object:
    if block.language == "console":
        return [command.line for command in block.commands()]
    return block.language, block.marks, block.text


# --- help --------------------------------------------------------------------------------------------------------------------


def command_of(verb: str) -> click.Command:
    group = _group(True)
    context = click.Context(group)
    context.meta["simcore.verb"] = verb
    found = group.get_command(context, verb)
    assert found is not None
    return found


def all_commands() -> list[str]:
    """The verbs, and the words of verbs that have some."""
    found: list[str] = []
    for verb in VERBS:
        found.append(verb)
        command = command_of(verb)
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

LONG = {"compare", "preflight", "demo"}
"""Verbs whose examples take long: behind the mark."""


def run_examples(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Run them beside the files that they name; each ends as it should, and says nothing of an error."""
    for name, source in SAMPLES.items():
        Path(name).write_text(source, encoding="utf-8")
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
        if command == "report" and "simcore[html]" in text:
            assert not os.environ.get("SIMCORE_EXTRAS"), text
            continue
        assert code in (0, 1), f"`{example}` ended with {code}:\n{text}"
        assert "error:" not in text, f"`{example}`:\n{text}"


@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("command", [name for name in all_commands() if name not in LONG])
def test_the_examples_of_help_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends with examples that can be typed as they stand there."""
    run_examples(command, capfd)


@pytest.mark.loop
@pytest.mark.usefixtures("screen")
@pytest.mark.parametrize("command", sorted(LONG))
def test_the_examples_of_help_that_take_long_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The same for verbs that run a program many times."""
    run_examples(command, capfd)


# --- links -------------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What its headings can be linked as."""
    heads = re.findall(r"^#+ (.*)$", prose_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower().replace("`", "")).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the repository, and its anchor a heading there; the build of the site checks its own pages."""
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", prose_of(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}; there are {sorted(anchors(path))}"


def test_the_reader_of_output_finds_what_is_not_there(own_folder: Path) -> None:
    """A line that was not printed, or not in that order, or more than is shown, is a miss; numbers and line breaks are not."""
    page = own_folder / "page.md"
    misses: Callable[[str, str], str] = lambda shown, printed: _command(page, shown).misses(printed)  # noqa: E731
    assert misses("a 1\nb", "a 22\n  b\n") == ""
    assert misses("...\nb\n...", "a\nb\nc\n") == ""
    assert misses("a\nb", "a\nb\nc\n") == "a\nb"
    assert misses("b\n...", "a\nb\n") == "b"
    assert misses("...\nb\n...\na\n...", "a\nb\n") == "a"
    assert misses("x.py:3 took", "x.py:4 took\n") == "x.py:3 took"


def _command(page: Path, shown: str):  # noqa: ANN202
    page.write_text(f"```console\n$ simcore show\n{shown}\n```\n", encoding="utf-8")
    (block,) = blocks_of(page)
    (command,) = block.commands()
    return command
