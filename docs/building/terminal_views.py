"""Which commands are drawn as pictures of a terminal. Their programs are those that the pages show."""

import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from terminal import Terminal, picture

import simcore

ROOT: Final = Path(__file__).resolve().parents[2]
AT_A_TIME: Final = 3
"""Programs sleep and wait more than they compute."""

EACH: Final = 3
"""Passing and failing runs that are held against each other."""

MOST_TRIES: Final = 300

UNRELIABLE: Final = '''"""A pattern that cannot be replayed."""

from threading import Lock

from simcore.api import pattern


class Job:
    def __init__(self, number: int) -> None:
        self.number = number


@pattern(section="mine")
def unlucky(jobs: int = 20) -> None:
    """Goes through a set, whose order is that of addresses."""
    locks = [Lock(), Lock()]
    for job in {Job(number) for number in range(jobs)}:
        with locks[job.number % 2]:
            pass
'''


class Drawn:
    """A terminal whose screens become files in a folder."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.terminal = Terminal(folder)
        self.target = target

    def __call__(self, name: str, *lines: str, ends_with: tuple[int, ...] = (0,)) -> None:
        """Run the lines and draw them with what they print."""
        screens = [(line, self.terminal.run(line, ends_with=ends_with)) for line in lines]
        (self.target / f"{name}.svg").write_text(picture(screens), encoding="utf-8")

    def file_of(self, page: str, name: str) -> None:
        """Write a program that a page shows, with its marker `file`."""
        text = (ROOT / page).read_text(encoding="utf-8")
        found = re.search(rf"<!-- file: {re.escape(name)} -->\n```python\n(.*?)```", text, re.S)
        if found is None:
            raise RuntimeError(f"{page} has no {name}")
        self.terminal.file(name, found[1])


def tellers(drawn: Drawn) -> None:
    """A failure: caught, replayed, held against a run that passed, and several against several."""
    drawn.file_of("README.md", "teller.py")
    caught = "simcore record --until-failure --chaos -- python teller.py"
    drawn("until-failure", caught, "simcore replay fail.simtrace --times 5", ends_with=(0, 1))
    drawn("diff", "simcore diff pass.simtrace fail.simtrace", ends_with=(1,))
    have = {"pass": 0, "fail": 0}
    for _ in range(MOST_TRIES):
        if min(have.values()) >= EACH:
            break
        drawn.terminal.run("simcore record --chaos -o run.simtrace -- python teller.py", ends_with=(0, 1))
        end = "pass" if simcore.Trace.load(drawn.terminal.folder / "run.simtrace").outcome is simcore.Outcome.OK else "fail"
        have[end] += 1
        (drawn.terminal.folder / "run.simtrace").rename(drawn.terminal.folder / f"{end}-{have[end]}.simtrace")
    drawn("groups", "simcore diff pass-*.simtrace --against fail-*.simtrace", ends_with=(1,))


def printers(drawn: Drawn) -> None:
    """Ten processes that pass a lock on: recorded, listed, drawn, in figures."""
    drawn("record", "simcore record process-lock --start-method fork")
    drawn("show", "simcore show --range @30..@52")
    drawn("timeline", "simcore show --timeline")
    drawn("by-object", "simcore show --by-object")
    drawn("stats", "simcore show --stats")


def deadlock(drawn: Drawn) -> None:
    """A run that stands still."""
    drawn("deadlock", "simcore record dining-philosophers")


def accounts(drawn: Drawn) -> None:
    """A deadlock that did not strike."""
    drawn.file_of("docs/locks.md", "accounts.py")
    drawn.terminal.run("simcore record accounts.py")
    drawn("locks", "simcore locks", ends_with=(1,))


def races(drawn: Drawn) -> None:
    """A lost update."""
    drawn.terminal.run("simcore record data-race -p updates=5")
    drawn("races", "simcore races", ends_with=(1,))


def thumbs(drawn: Drawn) -> None:
    """Another start method: measured, and foretold."""
    drawn.file_of("docs/start-methods.md", "thumbs.py")
    drawn("compare", "simcore compare -n 3 thumbs.py", ends_with=(1,))
    drawn("preflight", "simcore preflight --to spawn --quiet thumbs.py", ends_with=(1,))


def changed(drawn: Drawn) -> None:
    """A replay of a program that was changed."""
    drawn.file_of("docs/locks.md", "accounts.py")
    drawn.terminal.run("simcore record accounts.py")
    source = drawn.terminal.folder / "accounts.py"
    before, after = "    with savings:\n        with checking:", "    with checking:\n        with savings:"
    drawn.terminal.file(source.name, source.read_text(encoding="utf-8").replace(before, after))
    drawn("divergence", "simcore replay", ends_with=(1,))


def catalogue(drawn: Drawn) -> None:
    """Patterns and plugins."""
    drawn("help", "simcore --help")
    drawn("list", "simcore list")
    drawn("info", "simcore info mutex")
    drawn.terminal.file("unlucky.py", UNRELIABLE)
    drawn("check", "simcore plugins check unlucky.py", ends_with=(1,))


SCENES: Final[tuple[Callable[[Drawn], None], ...]] = (tellers, thumbs, printers, deadlock, accounts, races, changed, catalogue)


def draw(target: Path) -> None:
    """Draw all of them into a folder."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for done in [pool.submit(_draw_one, scene, target) for scene in SCENES]:
            done.result()


def _draw_one(scene: Callable[[Drawn], None], target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scene(Drawn(Path(folder), target))
