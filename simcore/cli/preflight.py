"""`simcore preflight`: what another start method would change, foretold from one run under fork.

The program's stdout and stderr are its own unless `--quiet` or `--json`; the answer goes to stdout behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from simcore.cli import console
from simcore.cli.options import common, folder, plugin_option
from simcore.cli.target import TargetCommand, is_command, target_options, words_of
from simcore.errors import ExitCode

_LEVELS: Final = ("fatal", "deadlock", "silent", "random", "hazard", "cost", "info")


@click.command(cls=TargetCommand)
@target_options
@click.option("--to", "method", type=click.Choice(["spawn", "forkserver"]), required=True, help="The start method to look at.")
@click.option(
    "--fail-on",
    type=click.Choice(_LEVELS),
    default="silent",
    show_default=True,
    help="End with 1 when something of this severity, or a worse one, was found.",
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End the run after S seconds."
)
@click.option("--quiet", is_flag=True, help="Do not show what the program writes.")
@plugin_option
@common
@click.pass_context
def command(
    ctx: click.Context,
    target: Sequence[str],
    method: str,
    fail_on: str,
    parameters: Sequence[str],
    timeout_s: float | None,
    quiet: bool,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Run a program once, under fork, and foretell what would change under another start method.

    What would break loudly, what would differ silently, what is fine: worst first, each with its places and a fix. The program
    itself is not changed, but it takes longer: each place that starts a process is rehearsed in a fresh interpreter.

    Ends with 0 when nothing as bad as `--fail-on` was found, else with 1; with 5 when the run failed before it started a process.

    \b
    Examples:
      simcore preflight --to spawn workers.py
    """
    from simcore.engine.parameters import split_assignments
    from simcore.methods.preflight import foretell
    from simcore.methods.rows import Severity
    from simcore.trace.events import Outcome

    words = words_of(ctx, target, "preflight")
    folder()
    result = foretell(
        words if is_command(ctx) else words[0],
        method,
        argv=() if is_command(ctx) else words[1:],
        params=split_assignments(parameters),
        plugins=plugins,
        timeout_s=timeout_s,
        quiet=quiet or as_json,
    )
    if as_json:
        console.answer_json(result.to_json())
    else:
        from simcore.views.preflight import preflight_view

        console.answer(preflight_view(result))
    if not result.starts and result.trace.outcome is not Outcome.OK:
        return ExitCode.INCONCLUSIVE
    worst = result.worst()
    return ExitCode.NO if worst is not None and worst <= Severity[fail_on.upper()] else ExitCode.YES
