"""`simcore info`: one pattern as a lesson."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, plugin_option


@click.command(cls=RichCommand)
@click.argument("pattern")
@click.option("--source", is_flag=True, help="Show its file, too.")
@plugin_option
@common
def command(pattern: str, source: bool, plugins: Sequence[str], as_json: bool) -> int:
    """Say what PATTERN teaches, its parameters with their defaults, and where it comes from.

    `simcore list` shows which there are.

    \b
    Examples:
      simcore info mutex
      simcore info ring --plugin ring.py --source
    """
    from simcore.engine.plugins import PluginHost
    from simcore.views.listing import info_view, pattern_facts, source_of

    host = PluginHost(plugins)
    found = host.find(pattern)
    if as_json:
        console.answer_json(pattern_facts(host, found, source=source))
    else:
        console.answer(info_view(host, found))
        if source:
            click.echo("\n" + source_of(found), nl=False)  # line by line as it stands there, however wide the terminal
    return 0
