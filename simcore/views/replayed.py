"""The verdict of a replay: how many runs were the same, or where the first one that was not left the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from simcore.trace.events import Outcome, Verdict
from simcore.trace.model import Trace
from simcore.views.deadlock import deadlock_view
from simcore.views.divergence import divergence_facts, divergence_view
from simcore.views.words import clean, count, duration

if TYPE_CHECKING:
    from simcore.engine import Replay
    from simcore.engine.replay import ReplayRun


def replay_view(trace: Trace, replay: Replay) -> RenderableType:
    """The answer of `simcore replay`; a deadlock that was replayed is reported as it was when recorded."""
    same = [run for run in replay.runs if run.divergence is None]
    failing = next((run for run in replay.runs if run.divergence is not None), None)
    parts: list[RenderableType] = []
    if failing is not None and failing.divergence is not None:
        parts.append(divergence_view(trace, failing.divergence, failing.matched))
        if len(replay.runs) > 1:
            number = replay.runs.index(failing) + 1
            parts.append(Text(f"  in replay {number} of {len(replay.runs)}; {len(same)} were the same"))
        return Group(*parts)
    if replay.verdict is Verdict.SAME:
        parts.append(_same(trace, replay))
        if trace.outcome is Outcome.DEADLOCK and trace.ending.deadlock and replay.runs:
            parts += [Text(), deadlock_view(replay.runs[-1].trace)]
    else:
        text = Text(replay.verdict.name, style="bold yellow" if replay.verdict is Verdict.INCONCLUSIVE else "bold red")
        text.append(f"  replayed {len(same)} of {len(replay.runs)}", style="default not bold")
        changed = _output(replay)
        text.append(f"; {changed}" if changed else "", style="default not bold")
        parts.append(text)
    return Group(*parts)


def replay_facts(trace: Trace, replay: Replay) -> dict[str, object]:
    """The verdict and every run for `--json`; times are ns."""
    return {
        "verdict": replay.verdict.value,
        "trace": str(trace.path) if trace.path is not None else None,
        "events": len(trace),
        "outcome": trace.outcome.word,
        "recorded_ns": trace.ending.duration_ns,
        "runs": [_run_facts(run) for run in replay.runs],
        "warnings": list(replay.warnings),
    }


def _same(trace: Trace, replay: Replay) -> Text:
    changed = _output(replay)
    text = Text(f"replayed {len(replay.runs)} of {len(replay.runs)}: ")
    text.append("same order and results" if changed else "same order, results and output", style="bold green")
    if changed:
        text.append("; ").append(changed, style="bold yellow")
    if trace.outcome is not Outcome.OK:
        text.append(f"; each ended {trace.outcome.word} as recorded" if len(replay.runs) > 1 else f"; ended {trace.outcome.word}")
    times = [run.duration_ns for run in replay.runs]
    each = duration(sum(times) // len(times)) if times else "0 s"
    word = f"{each} each" if len(times) > 1 else each
    text.append(f"   ({count(len(trace), 'event')}; {word}, recorded {duration(trace.ending.duration_ns)})", style="dim")
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
        "divergence": divergence_facts(run.divergence) if run.divergence is not None else None,
    }
