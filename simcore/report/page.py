"""The HTML file: what was run and how it ended, timelines, figures, events, a diff, a comparison of start methods.

Nothing is loaded from anywhere: BokehJS lies in the file, and the page itself forbids every request. Texts of the program are
escaped; data for the script is JSON in which no `<` is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from rich.console import RenderableType

from simcore.errors import UsageError
from simcore.report.figure import figure
from simcore.report.scene import Scene
from simcore.report.shown import html_of, safe
from simcore.trace.events import Outcome
from simcore.trace.model import Trace
from simcore.trace.text import count
from simcore.trace.words import Words
from simcore.views.summary import outcome_words, scenario_name

_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_CLASSES: Final = {Outcome.OK: "ok", Outcome.STALLED: "soso", Outcome.TIMEOUT: "soso"}
_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="simcore report">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
"""
_TIMELINE: Final = """<section id="timeline{letter}"><h2>Timeline{named}</h2>
<p class="hint">Drag to zoom, double-click for all of it. Hover for words; click an event, or a row below, to find one by the
other. Times are milliseconds since the start of the run. The upper half of a lane is what an actor is at, the lower half the
locks that it holds.</p>
{left_out}<div class="timeline" id="chart{letter}" data-rows="rows{letter}"><p>The timeline needs JavaScript.</p></div>
</section>
"""
_TABLE: Final = """<div class="tools">
<input type="search" data-rows="{rows}" placeholder="find: an actor, a lock, a line" aria-label="find events">
<span data-rows="{rows}"></span><span>{hidden}</span></div>
<div class="rows"><table class="events" id="{rows}">
<thead><tr><th class="n">#</th><th class="n">ms</th><th>actor</th><th>what</th><th>where</th></tr></thead>
<tbody>
"""


@dataclass(frozen=True)
class Run:
    """One run of the report: its letter where there are two, its scene, and what the views say of it."""

    letter: str
    scene: Scene
    summary: RenderableType
    stats: RenderableType


def page(runs: list[Run], *, diff: RenderableType | None = None, comparison: RenderableType | None = None) -> Iterator[str]:
    """The parts of the file, in order. Raises: UsageError where bokeh is not installed."""
    script = library()
    first = runs[0].scene.trace
    name = scenario_name(first)
    title = f"{name}: {outcome_words(first)}" if len(runs) == 1 else f"{name}: two runs"
    yield _HEAD.format(policy=_POLICY, title=safe(title))
    yield f"{_own('page.css')}</style>\n</head>\n<body>\n<main>\n"
    yield f"<header><h1>{safe(name)}</h1>{''.join(map(_badge, runs))}</header>\n"
    yield _contents(runs, diff is not None, comparison is not None)
    if diff is not None:
        yield f'<section id="diff"><h2>Where they part</h2>\n{html_of(diff)}</section>\n'
    for run in runs:
        yield from _run(run)
    if comparison is not None:
        yield f'<section id="methods"><h2>Start methods</h2>\n{html_of(comparison)}</section>\n'
    yield f"<footer>{safe(_made_by(runs))}</footer>\n</main>\n"
    data = json.dumps([figure(run.scene) for run in runs], separators=(",", ":"))
    yield f'<script type="application/json" id="scenes">{_in_script(data)}</script>\n'
    yield f"<script>{script}</script>\n<script>\n{_own('page.js')}</script>\n</body>\n</html>\n"


def library() -> str:
    """What of BokehJS the page needs, as it lies in the package bokeh. Raises: UsageError where that is not installed."""
    try:
        folder = files("bokeh") / "server" / "static" / "js"
        texts = [(folder / name).read_text(encoding="utf-8") for name in ("bokeh.min.js", "bokeh-api.min.js")]
    except (ImportError, OSError):
        raise UsageError("the report needs bokeh, which is not installed here", "pip install 'simcore[html]'") from None
    return ";\n".join(texts).replace("</script", "<\\/script")


def _own(name: str) -> str:
    return (files("simcore.report") / name).read_text(encoding="utf-8")


def _in_script(text: str) -> str:
    """JSON that may stand in a page: neither an end of a script nor a beginning of a comment is left in it."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _badge(run: Run) -> str:
    trace = run.scene.trace
    letter = f"{run.letter}: " if run.letter else ""
    return f'<span class="badge {_CLASSES.get(trace.outcome, "bad")}">{safe(letter + outcome_words(trace))}</span>'


def _contents(runs: list[Run], diff: bool, comparison: bool) -> str:
    links = [("diff", "where they part")] if diff else []
    for run in runs:
        whose = f" {run.letter}" if run.letter else ""
        links += [(f"timeline{run.letter}", f"timeline{whose}"), (f"waits{run.letter}", f"waits and locks{whose}")]
        links += [(f"events{run.letter}", f"events{whose}")]
    links += [("methods", "start methods")] if comparison else []
    return "<nav>" + "".join(f'<a href="#{target}">{safe(text)}</a>' for target, text in links) + "</nav>\n"


def _run(run: Run) -> Iterator[str]:
    scene, letter = run.scene, run.letter
    of = f"{letter}: " if letter else ""
    named = f" of {letter}" if letter else ""
    yield f"<section><h2>{safe(of + _title(scene.trace))}</h2>\n{html_of(run.summary)}</section>\n"
    left_out = "".join(f'<p class="left">{line}</p>\n' for line in _left_out(scene))
    yield _TIMELINE.format(letter=letter, named=named, left_out=left_out)
    yield f'<section id="waits{letter}"><h2>Waits and locks{named}</h2>\n'
    yield f'<p class="hint">What <code>simcore show --stats</code> says{_of_part(scene)}.</p>\n{html_of(run.stats)}</section>\n'
    yield f'<section id="events{letter}"><h2>Events{named}</h2>\n'
    yield from _events(scene, letter)
    yield "</section>\n"


def _title(trace: Trace) -> str:
    return trace.path.name if trace.path is not None else scenario_name(trace)


def _left_out(scene: Scene) -> Iterator[str]:
    """What is not drawn, and how to see it; HTML."""
    if scene.events_left_out:
        yield f"{scene.events_left_out} <code>simcore report --range A..B</code> draws others."
    if scene.actors_left_out:
        yield scene.actors_left_out
    if scene.trace.ending.cut_off:
        yield f"CUT OFF: {safe(scene.trace.ending.cut_off)}"


def _of_part(scene: Scene) -> str:
    return "" if scene.whole else f" of the events @{scene.first:,} to @{scene.last:,}"


def _events(scene: Scene, letter: str) -> Iterator[str]:
    hidden = ""
    if scene.hidden:
        inner = f"{count(scene.hidden, 'event')} inside operations, of one thread only or quiet"
        hidden = f"{inner}: simcore show --events lists them"
    yield _TABLE.format(rows=f"rows{letter}", hidden=safe(hidden))
    words = Words(scene.trace)
    yield from _table_rows(scene, words)
    yield "</tbody></table></div>\n"


def _table_rows(scene: Scene, words: Words) -> Iterable[str]:
    names = [safe(words.actor(actor)) for actor in range(len(scene.trace.actors))]
    for row in scene.rows:
        position = "" if row.state == "waits" else f"@{row.position}"
        place = f' data-position="{row.position}"' if position else ""
        got = "└ " if row.state == "got" else ""
        yield (
            f'<tr tabindex="0" class="{row.state}"{place} data-ms="{row.at_ns / 1e6:.6f}"><td class="n">{position}</td>'
            f'<td class="n">{row.at_ns / 1e6:.3f}</td><td>{names[row.actor]}</td><td class="what">{got}{safe(row.what)}</td>'
            f'<td class="where">{safe(row.site)}</td></tr>\n'
        )


def _made_by(runs: list[Run]) -> str:
    header = runs[0].scene.trace.header
    where = f"{header.implementation} {header.python}, {header.platform}"
    return f"Made by simcore report. Recorded by simcore {header.simcore} on {where}."
