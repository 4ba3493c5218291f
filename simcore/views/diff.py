"""The answer of `simcore diff`: in words, then both runs side by side around the split, then objects, actors, waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.text import clean, count, duration, join, shorten
from simcore.trace.words import OBJECT_WORDS, RUNNERS
from simcore.views.sides import Sides
from simcore.views.summary import shown_path

if TYPE_CHECKING:
    from simcore.diffing.result import ActorDiff, Diff, ObjectDiff, Run, Split, StreamDiff, WaitDiff

MOST: Final = 4
"""So many objects, actors or waits are told one by one; the rest are counted."""

_ELSEWHERE = frozenset({ObjectKind.STREAM, *RUNNERS})

_INPUTS = {"send": "length sent", "recv": "length received", "input": "output of other programs"}

_STYLES = {Verdict.SAME: "bold green", Verdict.DIFFERENT: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def diff_view(d: Diff) -> RenderableType:
    """The whole screen; one line where both runs did the same in the same order."""
    if d.verdict is Verdict.SAME:
        return Group(_same(d), *_remarks(d))
    parts: list[RenderableType] = [_headline(d)]
    if d.split is not None:
        parts += [_parting(d.split), Text(), Sides(d, d.split)]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for title, lines in _rows(d):
        for index, line in enumerate(lines):
            grid.add_row("" if index else title, line)
    parts += [Text(), grid, *_remarks(d), *_next(d)]
    return Group(*parts)


def _same(d: Diff) -> Text:
    text = Text("SAME ORDER", style=_STYLES[Verdict.SAME])
    figures = (count(d.a.events, "event"), count(d.a.actors, "actor"), count(d.a.hand_offs, "hand-off"))
    times = f"times differ by up to {duration(d.times_differ_ns)}" if d.times_differ_ns else "same times"
    text.append(f"  {', '.join(figures)}; {times}", style="default not bold")
    if d.a.outcome is not Outcome.OK:
        text.append(f"; both {_outcome(d.a)}", style="default not bold")
    return text


def _headline(d: Diff) -> Text:
    text = Text(style=_STYLES[d.verdict])
    if d.verdict is Verdict.INCONCLUSIVE:
        text.append("INCONCLUSIVE")
        text.append("  as far as both traces go they are the same", style="default not bold")
        return text
    if d.order is not Verdict.DIFFERENT:
        text.append("SAME ORDER" if d.order is Verdict.SAME else "SAME ORDER as far as both go")
    else:
        reordered = any(one.state == "reordered" for one in d.objects)
        text.append("DIFFERENT ORDER" if reordered else "DIFFERENT EVENTS")
    if d.same_outcome:
        text.append(f", same outcome ({_outcome(d.a)})")
    else:
        one, other = _outcome(d.a), _outcome(d.b)
        text.append(f", different outcome ({f'{one} / {other}' if one != other else f'another {one}'})")
    if not d.same_output:
        text.append(", different output")
    return text


def _outcome(run: Run) -> str:
    """`ok`, or what went wrong: `AssertionError at test_pool.py:31`."""
    if run.outcome is Outcome.FAILED and run.error:
        where = f" at {run.error_site}" if run.error_site.line else ""
        return f"{shorten(clean(run.error))}{clean(where)}"
    code = f", exit code {run.exit_code}" if run.exit_code and run.outcome is not Outcome.DEADLOCK else ""
    return f"{run.outcome.word}{code}"


def _parting(split: Split) -> Text:
    a, b = (side.position if side is not None else None for side in (split.a, split.b))
    if a == b:
        where = f"at event @{a}"
    elif a is None or b is None:
        where = f"at event @{b} of B" if a is None else f"at event @{a} of A"
    else:
        where = f"at event @{a} of A, @{b} of B"
    return Text(f"They part {where}: ").append(clean(split.sentence), style="bold").append(".")


def _rows(d: Diff) -> Iterator[tuple[str, list[str]]]:
    yield "objects", _objects(d)
    yield "actors", _actors(d.actors)
    waits = [one for one in d.waiting if one.total_a_ns != one.total_b_ns]
    told = [f"{_awaited(one)} {duration(one.total_a_ns)} -> {duration(one.total_b_ns)}" for one in waits[:MOST]]
    yield "waiting", told + _more(len(waits) - MOST, "object")
    yield "switches", [f"{d.a.switches:,} -> {d.b.switches:,} changes of actor"]
    yield "output", [line for stream in d.output for line in _stream(stream)]
    inputs = [f"{_INPUTS.get(one.kind, one.kind)} {one.differ:,} of {one.compared:,}" for one in d.inputs if one.differ]
    yield "inputs", [f"differ: {', '.join(inputs)}"] if inputs else []


def _objects(d: Diff) -> list[str]:
    # Other lines of a stream are told as output, other starts and ends of a thread as actors: here only their order.
    told = [one for one in d.objects if one.kind not in _ELSEWHERE or (one.state == "reordered" and d.same_output)]
    names = Counter(one.label for one in told)
    differ = [one for one in told if one.state != "same"]
    lines = [f"{_object(one, ambiguous=names[one.label] > 1)}  {_order(one)}" for one in differ[:MOST]]
    lines += _more(len(differ) - MOST, "object")
    same = [one for one in told if one.state == "same"]
    if same:
        few = join([_object(one, ambiguous=names[one.label] > 1) for one in same])
        lines.append(f"{few if len(same) <= 2 else count(len(same), 'other object' if differ else 'object')}  same order")
    return lines


def _object(one: ObjectDiff, *, ambiguous: bool) -> str:
    """`cache_lock`; with its kind unless it is a lock, with its place where another object is called the same."""
    about = [OBJECT_WORDS.get(one.kind, "")] if one.kind is not ObjectKind.LOCK else []
    if ambiguous and one.site.line:
        about.append(clean(str(one.site)))
    told = ", ".join(part for part in about if part)
    return f"`{clean(one.label)}`" + (f" ({told})" if told else "")


def _order(one: ObjectDiff) -> str:
    start = f", from @{one.first_a} on" if one.first_a is not None else ""
    if one.reversed:
        return f"{one.reversed:,} of {count(one.compared, 'hand-off')} reversed{start}"
    if one.state == "reordered":
        return f"another order{start}"
    if one.operations_a != one.operations_b:
        return f"{one.operations_a:,} -> {count(one.operations_b, 'operation')}"
    return f"other operations{start}"


def _awaited(one: WaitDiff) -> str:
    if one.kind is ObjectKind.PROCESS:
        return "children and connections"
    return f"end of {clean(one.label)}" if one.kind in RUNNERS else f"`{clean(one.label)}`"


def _actors(actors: Iterable[ActorDiff]) -> list[str]:
    everyone = list(actors)
    by_state = {state: [one for one in everyone if one.state == state] for state in ("same", "changed", "added", "missing")}
    same = len(by_state["same"])
    if same == len(everyone):
        return [
            f"the same {count(same, 'actor')}, each with the same events" if same > 1 else "the same one, with the same events"
        ]
    lines = [f"{_actor(one)} only in A ({count(one.events_a, 'event')})" for one in by_state["missing"][:MOST]]
    lines += [f"{_actor(one)} only in B ({count(one.events_b, 'event')})" for one in by_state["added"][:MOST]]
    lines += _more(sum(max(len(by_state[state]) - MOST, 0) for state in ("missing", "added")), "actor")
    if not lines:
        lines.append(f"the same {count(len(everyone), 'actor')}")
    changed = by_state["changed"]
    lines += [f"{_actor(one)} {_change(one)}" for one in changed[:MOST]] + _more(len(changed) - MOST, "actor")
    if same:
        lines.append("the others are equal" if same > 1 else f"{_actor(by_state['same'][0])} is equal")
    return ["; ".join(lines)] if sum(map(len, lines)) < 120 else lines


def _actor(one: ActorDiff) -> str:
    name = clean(one.name)
    return f'{name} "{clean(one.thread_name)}"' if one.thread_name and one.thread_name != "MainThread" else name


def _change(one: ActorDiff) -> str:
    about = "" if one.exact else "about "
    parts = []
    if one.only_a and one.only_b:
        parts.append(f"does {about}{count(one.only_a, 'event')} only in A and {one.only_b:,} only in B")
    elif one.only_a or one.only_b:
        more = "more" if one.only_b else "fewer"
        parts.append(f"has {about}{count(one.only_a or one.only_b, 'event')} {more}")
    if one.other_results:
        parts.append(f"gets another result {'once' if one.other_results == 1 else f'{one.other_results:,} times'}")
    return " and ".join(parts)


def _stream(one: StreamDiff) -> list[str]:
    if one.state == "same":
        return []
    if one.state == "reordered":
        text = f"{clean(one.name)}: the same {count(one.lines_a, 'line')} in another order"
    else:
        sides = [f"{count(n, 'line')} only in {run}" for n, run in ((one.lines_only_a, "A"), (one.lines_only_b, "B")) if n]
        text = f"{clean(one.name)}: {', '.join(sides)}"
    quoted = (f'"{shorten(clean(line), 50)}"' if line is not None else "(ended)" for line in (one.text_a, one.text_b))
    return [f"{text}; first at line {one.first_line}:", *(f"  {run} {line}" for run, line in zip("AB", quoted, strict=True))]


def _more(number: int, noun: str) -> list[str]:
    return [f"and {count(number, noun)} more"] if number > 0 else []


def _remarks(d: Diff) -> list[Text]:
    """What a reader should know beside the answer."""
    lines = []
    if d.verdict is Verdict.SAME and not d.total_order_same:
        lines.append("total order differs, but no two events that touch the same object")
    moved = sum(one.events for one in d.moved)
    if moved:
        first = d.moved[0]
        others = f" and {count(len(d.moved) - 1, 'place')} more" if len(d.moved) > 1 else ""
        lines.append(f"{count(moved, 'event')} moved in the source: {first.a or '?'} -> {first.b or '?'}{others}")
    if d.verdict is Verdict.SAME:
        inputs = [one.kind for one in d.inputs if one.differ and one.kind != "clock"]
        lines += [f"inputs differ: {join(inputs)}"] if inputs else []
    return [Text(f"note  {clean(line)}", style="dim") for line in [*lines, *d.notes]]


def _next(d: Diff) -> list[Text]:
    """What to type after a difference: stop at the split in B."""
    path, split = d.trace_b.path, d.split
    if path is None or split is None or split.b is None:
        return []
    # A write is no step: its place in the trace names it.
    event = f"@{split.b.position}" if split.b.kind is Kind.WRITE else split.b.event
    return [Text("next  ", style="dim").append(f"simcore replay {shown_path(path)} --pdb {clean(event)}", style="default")]
