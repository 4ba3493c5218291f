"""`simcore demo`: record, replay and diff a pattern, each step explained.

It works in a folder of its own that is gone afterwards, through the same calls as the verbs whose commands it shows.
"""

from __future__ import annotations

import tempfile
from contextlib import chdir
from pathlib import Path
from secrets import randbits
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, verdict_code

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simcore.trace.model import Trace

PATTERN: Final = "mutex"
PARAMETERS: Final = {"rounds": 20, "pause_s": 0.0005}
"""So that the threads meet at the lock: two recordings shall have something to differ in."""

TIMES: Final = 3


@click.command(cls=RichCommand)
@common
def command(as_json: bool) -> int:
    """Record, replay and diff the pattern `mutex` in a few seconds, and say at each step what is shown.

    Ends with 0 when the replays were the same as the recording, else as `simcore replay` does.

    \b
    Examples:
      simcore demo
    """
    from simcore.diffing import diff
    from simcore.engine import replay
    from simcore.trace.text import duration
    from simcore.views.diff import diff_view
    from simcore.views.replayed import replay_facts, replay_view
    from simcore.views.summary import summary_facts, summary_view

    guide = Guide(silent=as_json)
    started_ns = monotonic_ns()
    with tempfile.TemporaryDirectory(prefix="simcore-demo-") as place, chdir(place):
        guide.step(
            "1  Three threads change one balance under one lock. Record who got it when (--chaos: with short random delays)."
        )
        first = guide.record(Path("a.simtrace"))
        guide.show(summary_view(first, place=False))

        guide.step(f"2  Run it again {TIMES} times under the recorded order. Every event is checked.")
        guide.command(f"simcore replay a.simtrace --times {TIMES}")
        replayed = replay(first, times=TIMES)
        guide.show(replay_view(first, replayed, TIMES))

        guide.step("3  Record it once more. Nobody controls the schedule, so the threads take turns in another order.")
        second = guide.record(Path("b.simtrace"))
        guide.show(summary_view(second, place=False))

        guide.step("4  Where do the two runs part? Who got the lock before whom?")
        guide.command("simcore diff a.simtrace b.simtrace")
        difference = diff(first, second)
        guide.show(diff_view(difference))
        took_ns = monotonic_ns() - started_ns
        if as_json:
            console.answer_json(
                {
                    "a": summary_facts(first),
                    "replay": replay_facts(first, replayed),
                    "b": summary_facts(second),
                    "diff": difference.to_json(),
                    "took_ns": took_ns,
                }
            )
    guide.step(f"That took {duration(took_ns)}, and left nothing behind. Now your turn:")
    guide.command("simcore record -- python your_program.py", "simcore show", "simcore replay", "simcore list")
    return verdict_code(replayed.verdict)


class Guide:
    """Tells the user what happens, on stdout; says nothing when silent."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent

    def step(self, text: str) -> None:
        """A sentence that says what comes next."""
        from rich.text import Text

        self.show(Text(f"\n{text}\n", style="bold"))

    def command(self, *lines: str) -> None:
        """Commands as one would type them."""
        from rich.text import Text

        for line in lines:
            self.show(Text("$ ", style="dim").append(line, style="cyan"))

    def record(self, path: Path) -> Trace:
        """Show the command that records the pattern, and do so; the pattern's own output stays hidden."""
        from simcore.engine import record

        words = " ".join(f"-p {name}={value}" for name, value in PARAMETERS.items())
        self.command(f"simcore record {PATTERN} {words} --chaos -o {path.name}")
        return record(PATTERN, params=PARAMETERS, output=path, chaos=randbits(31), quiet=True)

    def show(self, renderable: RenderableType) -> None:
        """What a command printed."""
        if not self.silent:
            console.answer(renderable)
