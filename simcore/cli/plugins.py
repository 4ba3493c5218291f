"""`simcore plugins`: every plugin with its state; `simcore plugins check NAME` one of them in full."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, plugin_option
from simcore.errors import ExitCode, UsageError


@click.command(cls=RichCommand)
@click.argument("words", nargs=-1, metavar="[check NAME|FILE...]")
@plugin_option
@common
def command(words: Sequence[str], plugins: Sequence[str], as_json: bool) -> int:
    """List all plugins with their state: ok, warning (some of it does not work), broken.

    `check` shows one in full, with tracebacks, and ends with 4 when it has problems; `check` alone takes all.
    """
    from simcore.engine.plugins import PluginHost
    from simcore.views.plugins import plugin_facts, plugin_view, plugins_view

    if words and words[0] != "check":
        raise UsageError(
            f"plugins has no word {words[0]!r}; expected check", f"`simcore plugins check {words[0]}` shows that one"
        )
    wanted = words[1:]
    files = [word for word in wanted if word.endswith(".py") or os.sep in word]
    host = PluginHost([*plugins, *(file for file in files if os.path.realpath(file) not in map(os.path.realpath, plugins))])
    chosen = [host.find_plugin(word) for word in wanted] if wanted else list(host.plugins)
    if as_json:
        console.answer_json({"plugins": [plugin_facts(plugin) for plugin in chosen]})
    elif words:
        for plugin in chosen:
            console.answer(plugin_view(plugin))
    else:
        console.answer(plugins_view(chosen, host.advice))
    return ExitCode.PLUGIN if words and any(plugin.problems for plugin in chosen) else ExitCode.YES
