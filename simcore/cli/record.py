"""`simcore record`: run something and keep who did what to whom, when.

The program's stdout and stderr are its own; the summary goes to stderr after it, with `--json` as one line of JSON, the last one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import randbits
from signal import SIGINT, SIGKILL
from typing import TYPE_CHECKING, Final

import click

from simcore.cli import console
from simcore.cli.observed import Told
from simcore.cli.options import SUFFIX, common, folder, plugin_option
from simcore.cli.target import TargetCommand, is_command, target_options, words_of
from simcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from simcore.trace.model import Trace

_MAX_RUNS: Final = 500

_LIKE_THE_PROGRAM: Final = ("file", "command")
"""Targets after which the exit code is the program's own."""


@click.command(cls=TargetCommand)
@target_options
@click.option("-o", "--output", metavar="FILE", help="Where the trace goes; default: a new file in the trace folder.")
@click.option("--seed", type=int, metavar="N", help="Seed what the program draws from the random module.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End the run after S seconds."
)
@click.option(
    "--switch-interval",
    "switch_interval_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds after which the interpreter lets another thread run (Python's default: 0.005).",
)
@click.option(
    "--start-method",
    type=click.Choice(["fork", "spawn", "forkserver"]),
    help="How multiprocessing starts processes, unless the program says how.  [default: the platform's]",
)
@click.option(
    "--granularity",
    type=click.Choice(["sync", "access"]),
    help="access: record reads and writes of your own modules' data as well.  [default: what the pattern says, else sync]",
)
@click.option(
    "--include",
    multiple=True,
    metavar="MODULE",
    help="With --granularity access: of this module and those below it, too, though it is a library's. May be given again.",
)
@click.option("--chaos", is_flag=True, help="Random short delays and switch intervals, to shake the schedule.")
@click.option(
    "--until-failure", is_flag=True, help="Run again and again, quietly, until a run fails; keep it and the last that passed."
)
@click.option(
    "--max-runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --until-failure: give up after N runs.  [default: 500]",
)
@click.option(
    "--on-stall",
    type=click.Choice(["report", "end"]),
    help="When every thread waits and none holds what is waited for.  [default: end for patterns, report for programs]",
)
@click.option("--no-source", is_flag=True, help="Leave the source of your files out of the trace.")
@plugin_option
@common
@click.pass_context
def command(
    ctx: click.Context,
    target: Sequence[str],
    parameters: Sequence[str],
    output: str | None,
    seed: int | None,
    timeout_s: float | None,
    switch_interval_s: float | None,
    start_method: str | None,
    granularity: str | None,
    include: Sequence[str],
    chaos: bool,
    until_failure: bool,
    max_runs: int | None,
    on_stall: str | None,
    no_source: bool,
    plugins: Sequence[str],
    as_json: bool,
) -> int:
    """Run a pattern or a program, unmodified, and record it.

    Options come first: all words after FILE.py or `--` belong to the program. Its stdout is untouched; the summary goes to
    stderr.

    A pattern or function ends with 0 when its outcome is the expected one, else with 1. A program ends with its own exit code:
    128+n for a signal, 123 when a deadlock was ended, 124 at --timeout, 125 when simcore itself failed.

    \b
    Examples:
      simcore record mutex -p workers=4
      simcore record app.py --verbose
      simcore record --granularity access app.py
      simcore record --until-failure --chaos -- python app.py
    """
    from simcore.engine.parameters import split_assignments

    if max_runs is not None and not until_failure:
        raise UsageError("--max-runs was given without --until-failure, expected both", "add --until-failure")
    if output is not None:
        _check_output(Path(output))
    run = Run(
        words=words_of(ctx, target, "record"),
        is_command=is_command(ctx),
        params=split_assignments(parameters),
        plugins=plugins,
        output=output,
        seed=seed,
        timeout_s=timeout_s,
        switch_interval_s=switch_interval_s,
        start_method=start_method,
        granularity=granularity,
        include=include,
        chaos=chaos,
        on_stall=on_stall,
        keep_source=not no_source,
        told=Told(plugins),
    )
    if until_failure:
        from simcore.cli.hunt import hunt

        return hunt(run, max_runs or _MAX_RUNS, as_json=as_json)
    folder()
    trace = run.once()
    if as_json:
        from simcore.views.summary import summary_facts

        console.answer_json(summary_facts(trace), sys.stderr)
    else:
        from simcore.views.summary import summary_view

        console.talk(summary_view(trace, prefix="simcore: ", next_commands=next_commands(trace, named=output is not None)))
    return exit_code(trace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What to record and how, as the command line said it; `once` may be called again and again."""

    words: list[str]
    is_command: bool
    params: Mapping[str, object]
    plugins: Sequence[str]
    output: str | None
    seed: int | None
    timeout_s: float | None
    switch_interval_s: float | None
    start_method: str | None
    granularity: str | None
    include: Sequence[str]
    chaos: bool
    on_stall: str | None
    keep_source: bool
    told: Told

    def once(self, *, output: Path | None = None, quiet: bool = False) -> Trace:
        """Record one run; chaos is drawn anew for each. Raises: SimcoreError."""
        from simcore.engine import record
        from simcore.engine.finished import FinishedRun

        trace = record(
            self.words if self.is_command else self.words[0],
            argv=() if self.is_command else self.words[1:],
            params=self.params,
            plugins=self.plugins,
            output=output or self.output,
            seed=self.seed,
            timeout_s=self.timeout_s,
            chaos=randbits(31) if self.chaos else None,
            switch_interval_s=self.switch_interval_s,
            start_method=self.start_method,
            granularity=self.granularity,
            include=self.include,
            on_stall=self.on_stall or "report",
            keep_source=self.keep_source,
            quiet=quiet,
        )
        self.told.tell(FinishedRun("record", trace))
        return trace


def exit_code(trace: Trace) -> int:
    """What `record` ends with: as the program did, or 0 and 1 for a pattern that did or did not do what is expected of it."""
    from simcore.trace.events import Outcome

    code = trace.ending.exit_code
    if code == -SIGINT:
        return ExitCode.INTERRUPTED
    if trace.header.scenario.target not in _LIKE_THE_PROGRAM:
        return ExitCode.YES if trace.as_expected else ExitCode.NO
    match trace.outcome:
        case Outcome.DEADLOCK | Outcome.STALLED:
            return ExitCode.DEADLOCK
        case Outcome.TIMEOUT:
            return ExitCode.TIMEOUT
    if code is None:
        return 0 if trace.outcome is Outcome.OK else 128 + SIGKILL if trace.outcome is Outcome.KILLED else 1
    return code if code >= 0 else 128 - code


def next_commands(trace: Trace, *, named: bool) -> list[str]:
    """What to type after this run; a trace in the trace folder is the latest and needs no name."""
    from simcore.trace.events import Outcome
    from simcore.views.summary import typed_path

    path = f" {typed_path(trace.path)}" if named and trace.path is not None else ""
    stop = " --pdb failure" if trace.outcome is Outcome.FAILED and trace.ending.error_site else ""
    drawn = " --timeline" if len(trace.actors) > 1 else ""
    return [f"simcore replay{path}{stop}", f"simcore show{path}{drawn}"]


def _check_output(path: Path) -> None:
    """Refuse what `-o` must not overwrite: a forgotten file name takes the next word, which may be the user's program.

    Raises: UsageError.
    """
    from simcore.trace.codec import MAGIC
    from simcore.trace.store import check_place

    check_place(path)
    if path.is_dir():
        raise UsageError(f"-o {path} is a folder, expected a file", f"write it as -o {path / ('my' + SUFFIX)}")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError:
        return
    if start and start != MAGIC[: len(start)]:
        raise UsageError(f"-o {path} would overwrite a file that is no trace", f"name another one, such as {path.stem}{SUFFIX}")
