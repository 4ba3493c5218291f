"""The verdict of a replay: how many runs were the same, or where the first one that was not left the trace."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Trace
from simcore.trace.text import clean, count, duration
from simcore.views.deadlock import deadlock_view
from simcore.views.divergence import divergence_facts, divergence_view

if TYPE_CHECKING:
    from simcore.engine import Replay, ReplayRun

_PLAIN: Final = "default not bold"


def replay_view(trace: Trace, replay: Replay, times: int) -> RenderableType:
    """The answer of `simcore replay --times N`; a deadlock that was replayed is reported as it was when recorded."""
    parting = next((run for run in replay.runs if run.divergence is not None or run.differs), None)
    if parting is None and replay.verdict is Verdict.SAME:
        parts: list[RenderableType] = [_same(trace, replay, times)]
        if trace.ending.cut_off:
            parts.append(Text("  CUT OFF: ", style="bold yellow").append(clean(trace.ending.cut_off), style=_PLAIN))
        if replay.runs and replay.runs[-1].trace.ending.deadlock:
            again = dataclasses.replace(replay.runs[-1].trace, sources=trace.sources)
            parts += [Text(), deadlock_view(again)]
        return Group(*parts)
    if parting is None:
        return Text("INCONCLUSIVE", style="bold yellow").append(f"  {len(replay.runs)} of {times} replays finished", style=_PLAIN)
    if parting.divergence is not None:
        parts = [divergence_view(trace, parting.divergence, parting.matched)]
    else:
        title = Text("DIFFERENT", style="bold red").append(f"  {clean(parting.differs)}", style=_PLAIN)
        changed = _output(replay)
        title.append(f"  ({changed.partition(': ')[2]})" if changed else "", style=_PLAIN)
        title.append(f"\n  {parting.matched:,} of {count(len(trace), 'event')} were the same.", style=_PLAIN)
        parts = [title]
    if times > 1:
        number = replay.runs.index(parting)
        before = f"; {'the one' if number == 1 else f'the {number}'} before it {'was' if number == 1 else 'were'} the same"
        parts.append(Text(f"  This was replay {number + 1} of {times}{before if number else ''}."))
    return Group(*parts)


def replay_facts(trace: Trace, replay: Replay) -> dict[str, object]:
    """The verdict and every run for `--json`; times are ns."""
    return {
        "verdict": replay.verdict.value,
        "trace": str(trace.path) if trace.path is not None else None,
        "events": len(trace),
        "outcome": trace.outcome.word,
        "cut_off": trace.ending.cut_off,
        "recorded_ns": trace.ending.duration_ns,
        "runs": [_run_facts(run) for run in replay.runs],
        "warnings": list(replay.warnings),
    }


def _same(trace: Trace, replay: Replay, times: int) -> Text:
    changed = _output(replay)
    text = Text(f"replayed {len(replay.runs)} of {times}: ")
    text.append("same order and results" if changed else "same order, results and output", style="bold green")
    if changed:
        text.append("; ").append(changed, style="bold yellow")
    if trace.outcome is not Outcome.OK and (trace.outcome is not Outcome.KILLED or trace.ending.exit_code is not None):
        text.append(f", and the same end: {trace.outcome.name}")
    took = [run.duration_ns for run in replay.runs]
    each = duration(sum(took) // max(len(took), 1))
    word = f"{each} each" if len(took) > 1 else each
    text.append(f"\n  {count(len(trace), 'event')}; {word}, recorded {duration(trace.ending.duration_ns)}", style="dim")
    return text


def _output(replay: Replay) -> str:
    """`output differs: 2 writes added`, or nothing; where runs disagree the largest numbers."""
    numbers = {
        "added": max((run.writes_added for run in replay.runs), default=0),
        "missing": max((run.writes_removed for run in replay.runs), default=0),
        "changed": max((run.writes_changed for run in replay.runs), default=0),
    }
    told = [f"{count(number, 'write')} {word}" for word, number in numbers.items() if number]
    return f"output differs: {', '.join(told)}" if told else ""


def _run_facts(run: ReplayRun) -> dict[str, object]:
    return {
        "outcome": run.trace.outcome.word,
        "trace": clean(str(run.trace.path)) if run.trace.path is not None else None,
        "matched": run.matched,
        "writes_added": run.writes_added,
        "writes_removed": run.writes_removed,
        "writes_changed": run.writes_changed,
        "duration_ns": run.duration_ns,
        "differs": run.differs,
        "divergence": divergence_facts(run.divergence) if run.divergence is not None else None,
    }
