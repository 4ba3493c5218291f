"""`simcore list`: the patterns, a line each."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, plugin_option


@click.command(cls=RichCommand)
@plugin_option
@common
def command(plugins: Sequence[str], as_json: bool) -> int:
    """List the patterns: what each shows, what it expects, the plugin it comes from.

    `simcore info NAME` teaches one, `simcore record NAME` runs it.

    \b
    Examples:
      simcore list
      simcore list --plugin ring.py --json
    """
    from simcore.engine.plugins import PluginHost
    from simcore.views.listing import listing_facts, listing_view

    host = PluginHost(plugins)
    if as_json:
        console.answer_json(listing_facts(host))
    else:
        console.answer(listing_view(host))
    return 0
