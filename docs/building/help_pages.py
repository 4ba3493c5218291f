"""The page of the commands: what `--help` of each prints."""

import os
from typing import Final

import click
from pattern_pages import WIDTH, screen
from sphinx.application import Sphinx

from simcore.cli.app import VERBS, verb_of

PAGE: Final = "commands"


def put_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the help of every verb, and of the words of those that have some, behind what the page has."""
    if page != PAGE:
        return
    kept = os.environ.copy()
    os.environ |= {"COLUMNS": str(WIDTH), "NO_COLOR": "1"}
    try:
        for command in commands():
            _, text = screen(*command.split(), "--help")
            lines = [line.rstrip() for line in text.strip("\n").splitlines()]
            source[0] += "\n".join(["", f"## simcore {command}", "", "~~~~text", *lines, "~~~~", ""])
    finally:
        os.environ.clear()
        os.environ.update(kept)


def commands() -> list[str]:
    """The verbs in the order of `simcore --help`, each followed by its words."""
    found: list[str] = []
    for verb in VERBS:
        found.append(verb)
        command = verb_of(verb)
        found += [f"{verb} {word}" for word in command.commands] if isinstance(command, click.Group) else []
    return found
