"""The answer of `simcore diff ... --against ...`: which orders separate the groups, with counts and the lines that did it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from simcore.trace.events import Verdict
from simcore.trace.text import clean, count, join, shorten
from simcore.views.sides import Sides, source_of
from simcore.views.summary import typed_path

if TYPE_CHECKING:
    from simcore.diffing.grouped import GroupDiff, GroupOfRuns, Ordering
    from simcore.trace.model import Site

_STYLES: Final = {Verdict.SAME: "bold green", Verdict.DIFFERENT: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}

_LUCK: Final = 0.1
"""With more orders than this to be expected by chance a reader is warned."""


def groups_view(d: GroupDiff) -> RenderableType:
    """The whole screen: the answer, what separates the groups, both examples side by side, what to type next."""
    parts: list[RenderableType] = [_headline(d), Text()]
    if d.orderings:
        parts += _ordering(d.orderings[0], d)
    if d.split is not None:
        trace_a, trace_b = d.examples
        parts += [Text(), Sides(trace_a, trace_b, d.split)]
    if len(d.orderings) > 1:
        parts += [Text(), Text("later, and as sharply:" if d.verdict is Verdict.DIFFERENT else "then:", style="dim")]
        parts += [Padding(_sentence(one, d, style=""), (0, 0, 0, 2)) for one in d.orderings[1:]]
    if d.more:
        parts.append(Text(f"  and {count(d.more, 'order')} more", style="dim"))
    if d.orderings:
        parts.append(Text())
    parts += [_group(d.a), _group(d.b), *_remarks(d), *_next(d)]
    return Group(*parts)


def _headline(d: GroupDiff) -> Text:
    a, b = (f"{one.runs} {one.word}" if one.word not in "AB" else f"{one.runs} of {one.word}" for one in (d.a, d.b))
    text = Text(style=_STYLES[d.verdict])
    if d.verdict is Verdict.DIFFERENT:
        number = len(d.orderings) + d.more
        text.append("SEPARATED")
        what = "one order tells" if number == 1 else f"{number:,} orders tell"
        rest = f"  {what} {b} from {a} runs ({count(d.varying, 'order')} {'varies' if d.varying == 1 else 'vary'})"
    elif d.verdict is Verdict.SAME:
        text.append("SAME ORDER")
        rest = f"  in all {d.a.runs + d.b.runs} runs: what sets {b} from {a} is no order that simcore records"
    else:
        text.append("NOTHING SEPARATES THEM")
        near = ": these come nearest" if d.orderings else ", and none comes near"
        rest = f"  {count(d.varying, 'order')} {'varies' if d.varying == 1 else 'vary'} in {b} and {a} runs{near}"
    return text.append(rest, style="default not bold")


def _ordering(one: Ordering, d: GroupDiff) -> Iterator[RenderableType]:
    yield _sentence(one, d, style="bold")
    seen: list[Site] = []
    for site in _sites(one):
        if site.line and site not in seen:
            seen.append(site)
            if line := next(filter(None, (source_of(trace, site) for trace in d.examples)), ""):
                yield Padding(Text(f"{clean(str(site))} | {line}", style="dim"), (0, 0, 0, 4))


def _sentence(one: Ordering, d: GroupDiff, *, style: str) -> Text:
    """The ordering with its counts, those first of the group that it is typical of."""
    counts = [f"{one.runs_b} of {_of(d.b)}", f"{one.runs_a} of {_of(d.a)}"]
    if one.runs_a * d.b.runs > one.runs_b * d.a.runs:
        counts.reverse()
    return Text(one.sentence, style=style).append(f": {', '.join(counts)}", style="default not bold")


def _of(group: GroupOfRuns) -> str:
    return f"{group.runs} {group.word}" if group.word not in "AB" else f"{group.runs} in {group.word}"


def _sites(one: Ordering) -> Iterator[Site]:
    for half in one.halves or (one,):
        yield from (turn.site for turn in half.turns)
        if half.between is not None:
            yield half.between


def _group(group: GroupOfRuns) -> Text:
    text = Text(f"{group.letter}  ", style="dim")
    ends = [f"{number} {word}" if len(group.outcomes) > 1 else word for word, number in group.outcomes]
    text.append(f"{count(group.runs, 'run')}: {join(ends)}", style="default")
    if group.errors:
        error, number = group.errors[0]
        text.append(f"  {shorten(clean(error))}", style="default")
        others = sum(times for _, times in group.errors) - number
        text.append(f" and {count(others, 'other error')}" if others else "", style="default")
    return text


def _remarks(d: GroupDiff) -> list[Text]:
    lines = list(d.notes)
    if d.verdict is not Verdict.SAME and d.by_chance >= _LUCK:
        expected = f"about {d.by_chance:,.0f}" if d.by_chance >= 1 else "one now and then"
        lines.append(f"of {d.varying:,} orders {expected} would separate so few runs by chance: record more of both")
    if d.verdict is Verdict.SAME or not d.orderings:
        lines.append("values, inputs and data that no lock orders are not looked at here: `simcore diff A B` compares two runs")
    return [Text(f"note  {clean(line)}", style="dim") for line in lines]


def _next(d: GroupDiff) -> list[Text]:
    """What to type then: stop a run of B where it parts, compare the two examples."""
    lines: list[str] = []
    paths = [trace.path for trace in d.examples]
    if d.split is not None and d.split.b is not None and paths[1] is not None:
        lines.append(f"simcore replay {typed_path(paths[1])} --pdb {clean(d.split.b.event)}")
    if paths[0] is not None and paths[1] is not None:
        lines.append(f"simcore diff {typed_path(paths[0])} {typed_path(paths[1])}")
    heads = ("next  ", "      ")
    return [Text(head, style="dim").append(line, style="default") for head, line in zip(heads, lines, strict=False)]
