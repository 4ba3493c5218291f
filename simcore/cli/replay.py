"""`simcore replay`: run a trace again under its recorded order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.observed import Told
from simcore.cli.options import common, load_trace, plugin_option, verdict_code
from simcore.errors import UsageError

if TYPE_CHECKING:
    from simcore.trace.model import Trace


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.option("--times", type=click.IntRange(min=1), default=1, metavar="N", help="Replay N times.")
@click.option("--real-time", is_flag=True, help="Sleep as long as the recorded run did.")
@click.option("--strict", is_flag=True, help="Refuse when a file of the program has changed since the recording.")
@click.option("--strict-output", is_flag=True, help="Output that differs is a divergence, not a warning.")
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for a thread that does not come to its turn.",
)
@click.option(
    "--pdb",
    "event",
    metavar="EVENT",
    help="Stop every thread at EVENT (`@4711`, `main/1:17`, `app.py:42`, `failure`) and debug the one that is there.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where the program is now, if it was recorded elsewhere: on another machine, in another checkout.",
)
@plugin_option
@common
def command(
    trace: str | None,
    times: int,
    real_time: bool,
    strict: bool,
    strict_output: bool,
    grace_s: float,
    event: str | None,
    folder: str | None,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Replay TRACE (default: the latest) and check every event: the same operations, order and results, or where it diverged.

    A failure or deadlock that happens again as recorded is a success. Ends with 0 when all replays were the same, 1 when one
    diverged, 5 when no answer can be given.

    \b
    Examples:
      simcore replay
      simcore replay fail.simtrace --times 5
      simcore replay fail.simtrace --pdb failure
      simcore replay fail.simtrace --folder .
    """
    from rich.text import Text

    from simcore.engine import replay
    from simcore.engine.finished import FinishedRun
    from simcore.trace.locate import locate
    from simcore.views.replayed import replay_facts, replay_view

    loaded = load_trace(trace)
    if event is not None and times > 1:
        raise UsageError("--pdb stops one replay, but --times asks for more", "leave --times out")
    if plugins:
        loaded = with_plugins(loaded, plugins)
    stop_at = locate(loaded, event) if event is not None else None
    result = replay(
        loaded,
        times=times,
        real_time=real_time,
        strict=strict,
        strict_output=strict_output,
        grace_s=grace_s,
        stop_at=stop_at,
        folder=folder,
        quiet=stop_at is None,
    )
    for warning in result.warnings:
        console.talk(Text("warning: ", style="yellow").append(warning, style="default"))
    told = Told(plugins)
    for run in result.runs:
        parted = str(run.divergence) if run.divergence is not None else run.differs
        told.tell(FinishedRun("replay", run.trace, loaded, parted))
    if as_json:
        console.answer_json(replay_facts(loaded, result))
    else:
        console.answer(replay_view(loaded, result, times))
    return verdict_code(result.verdict)


def with_plugins(trace: Trace, plugins: Sequence[str]) -> Trace:
    """The trace with its pattern taken from these plugin files: where it came from may lie elsewhere now, or be improved.

    Raises: UsageError for a trace of a program; UnknownPattern, PluginError.
    """
    from simcore.engine.plugins import PluginHost

    scenario = trace.header.scenario
    if scenario.target != "pattern":
        raise UsageError(f"--plugin was given, but this trace is of a {scenario.target}", "leave --plugin out")
    pattern = PluginHost(plugins).find(scenario.name)
    scenario = replace(
        scenario, plugin=pattern.plugin, plugin_file=pattern.plugin_file, function=f"{pattern.module}:{pattern.qualname}"
    )
    return replace(trace, header=replace(trace.header, scenario=scenario))
