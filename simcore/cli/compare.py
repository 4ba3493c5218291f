"""`simcore compare`: what changes for a program when its start method does."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from simcore.cli import console
from simcore.cli.options import common, plugin_option
from simcore.cli.progress import progress
from simcore.cli.target import TargetCommand, is_command, target_options, words_of
from simcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from simcore.methods.measure import Plan

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command(cls=TargetCommand)
@target_options
@click.option(
    "--methods",
    default="fork,spawn,forkserver",
    show_default=True,
    metavar="LIST",
    help="Which to compare; the first is what the others are held against. One twice shows what is noise.",
)
@click.option(
    "-n", "runs", type=click.IntRange(min=1), default=7, show_default=True, metavar="N", help="Timing runs for each method."
)
@click.option("--barrier", is_flag=True, help="Let all children of a run begin together: only the logic is left.")
@click.option(
    "--duration", "duration_s", type=_SECONDS, metavar="S", help="Of a service: end each run after S seconds with SIGTERM."
)
@click.option("--ready", metavar="TEXT", help="With --duration: count from when TEXT stands in its output.")
@click.option(
    "--timeout", "timeout_s", type=_SECONDS, default=60.0, show_default=True, metavar="S", help="What runs so long hangs."
)
@plugin_option
@common
@click.pass_context
def command(
    ctx: click.Context,
    target: Sequence[str],
    parameters: Sequence[str],
    methods: str,
    runs: int,
    barrier: bool,
    duration_s: float | None,
    ready: str | None,
    timeout_s: float,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Run a program under fork, spawn and forkserver and say what differs, worst first, and what to change.

    The program stays as it is; the start method is forced, even over its own get_context("fork"). It is run N + 1 times for each
    method (N + 2 when a target runs in one child only), and so often are its side effects repeated. What it prints is not shown.

    Ends with 0 when nothing differs that matters (no verdict above INFO), else with 1.

    \b
    Examples:
      simcore compare workers.py
      simcore compare --methods fork,spawn -n 3 -- python workers.py
    """
    from simcore.methods.measure import labels_of, measure, run_count
    from simcore.methods.report import report
    from simcore.methods.verdicts import judge
    from simcore.views.methods import comparison_view

    if ready is not None and duration_s is None:
        raise UsageError("--ready was given without --duration, expected both", "how long is it to run after that? --duration 5")
    names = [name.strip() for name in methods.split(",") if name.strip()]
    labels_of(names)
    plan = replace(
        _plan(words_of(ctx, target, "compare"), is_command(ctx), parameters, plugins),
        methods=names,
        runs=runs,
        barrier=barrier,
        duration_s=duration_s,
        ready=ready or "",
        timeout_s=timeout_s,
    )
    runs = run_count(plan)
    with progress(runs, f"the program is run up to {runs} times, and so often are its side effects repeated") as advance:
        comparison = measure(plan, each_run=advance)
    comparison.verdicts = judge(comparison)
    facts = report(comparison)
    if as_json:
        console.answer_json(facts)
    else:
        console.answer(comparison_view(facts))
    return ExitCode.NO if comparison.matters else ExitCode.YES


def _plan(words: list[str], whole: bool, parameters: Sequence[str], plugins: Sequence[str]) -> Plan:
    """What to run, without how; the words are a `whole` command or a target and its words. Raises: UsageError."""
    from simcore.engine.parameters import split_assignments
    from simcore.engine.plugins import PluginHost
    from simcore.engine.scenario import command_of, resolve
    from simcore.methods.measure import Plan

    host = PluginHost(plugins)
    scenario = resolve(
        words if whole else words[0],
        argv=() if whole else words[1:],
        params=split_assignments(parameters),
        plugins=plugins,
        host=host,
    )
    text = sys.stdin.buffer.read() if whole and "-" in words[1:] and not sys.stdin.isatty() else None
    return Plan(
        command=command_of(scenario),
        shown=shlex.join(words),
        text=text,
        cwd=scenario.cwd,
        probes=[probe.facts() for probe in host.probes],
    )
