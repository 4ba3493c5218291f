"""Every block of README and docs does what it says: commands print what is shown, examples run, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from extras import needed
from pages import LANGUAGES, MARKS, PAGES, REFUSED, ROOT, Block, Command, blocks_of, prose_of, run

from simcore.cli.app import VERBS, verb_of

BLOCKS = {page.name: list(blocks_of(page)) for page in PAGES}
TRANSLATED = {"README.ja.md": "README.md"}
"""Pages that show the commands of another: those are run once, for both."""

Printed = dict[int, str]
"""What commands printed, by their number on the page."""


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
            is_luck = "luck" in block.marks
            missing = "" if is_luck else command.misses(text)
            assert not missing, f"{command.place}: `{command.line}` does not print\n{missing}\nbut\n{text}"
            is_compared = bool(command.shown) and not is_luck
            assert is_compared or code not in REFUSED, f"{command.place}: `{command.line}` ended with {code}:\n{text}"
            if not is_luck:
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
        commands = [command for block in BLOCKS[translation] if block.language == "console" for command in block.commands()]
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
    """It names its language, is marked as docs/about-these-pages.md says, and is well-formed; no command stands outside."""
    for block in BLOCKS[page]:
        assert block.language in LANGUAGES, f"{block.place}: {block.language!r}"
        assert block.marks.keys() <= MARKS, f"{block.place}: {block.marks}"
        assert all(block.marks.get(mark, "why") for mark in ("file", "shown", "luck", "needs")), f"{block.place}: say more"
        assert block.language != "sh" or "shown" in block.marks, f"{block.place}: a shell's lines are not run; use console"
        if block.language == "console":
            assert block.text.startswith("$ "), f"{block.place}: no command"
        elif block.language == "python" and "shown" not in block.marks:
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
            command = verb_of(verb)
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


def anchors(page: Path) -> set[str]:
    """What its headings can be linked as."""
    heads = re.findall(r"^#+ (.*)$", prose_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower().replace("`", "")).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the repository, and its anchor a heading there; the build of the site checks them, too."""
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", prose_of(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}; there are {sorted(anchors(path))}"


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("a 1\nb", "a 22\n  b\n", ""),
        ("...\nb\n...", "a\nb\nc\n", ""),
        ("took 2 ms, ...\nend", "took 1.5 s, at last\nend\n", ""),
        ("a\nb", "a\nb\nc\n", "a\nb"),
        ("b\n...", "a\nb\n", "b"),
        ("...\nb\n...\na\n...", "a\nb\n", "a"),
        ("x.py:3 took", "x.py:4 took\n", "x.py:3 took"),
    ],
)
def test_output_is_compared(shown: str, printed: str, missing: str) -> None:
    """A line that was not printed, or not in that order, or more than is shown, is missed; numbers and line breaks are not."""
    assert Command("simcore show", "page.md:2", shown.splitlines()).misses(printed) == missing
