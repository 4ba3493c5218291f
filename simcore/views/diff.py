"""The answer of `simcore diff`: in words, then both runs side by side around the split, then objects, actors, waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simcore.diffing.causes import EITHER, SETTING
from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.text import clean, count, duration, join, shorten
from simcore.trace.words import OBJECT_WORDS, RUNNERS
from simcore.views.sides import Sides, source_of
from simcore.views.summary import typed_path

if TYPE_CHECKING:
    from simcore.diffing.result import ActorDiff, Diff, InputDiff, ObjectDiff, Run, Split, StreamDiff, WaitDiff

MOST: Final = 4
"""So many objects, actors or waits are told one by one; the rest are counted."""

_ELSEWHERE = frozenset({ObjectKind.STREAM, *RUNNERS})

_INPUTS = {"send": "length sent", "recv": "length received", "input": "output of other programs"}

_STYLES = {Verdict.SAME: "bold green", Verdict.DIFFERENT: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def diff_view(d: Diff) -> RenderableType:
    """The whole screen; one line where both runs did the same in the same order."""
    if d.verdict is Verdict.SAME:
        return Group(*answer(d), *_setting(d), *_remarks(d))
    parts: list[RenderableType] = [*answer(d)]
    if d.split is not None:
        parts[2:2] = _sources(d, d.split)
    parts += _setting(d)
    if d.split is not None:
        parts += [Text(), Sides(d.trace_a, d.trace_b, d.split, whole=d.compared == "spans")]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for title, lines in rows_of(d):
        for index, line in enumerate(lines):
            grid.add_row("" if index else title, line)
    parts += [Text(), grid, *_remarks(d), *_next(d)]
    return Group(*parts)


def answer(d: Diff) -> list[Text]:
    """The answer in up to three lines: the verdict, where the two part, what it came to."""
    if d.verdict is Verdict.SAME:
        return [_same(d)]
    lines = [_headline(d)]
    if d.split is not None:
        lines.append(_parting(d.split, set_otherwise=bool(d.settings)))
    if d.verdict is Verdict.DIFFERENT:
        lines.append(_ending(d))
    return lines


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
        reordered = any(one.state == "reordered" for one in d.objects) or (d.split is not None and d.split.why == "order")
        by_setting = d.setting_split is not None and d.split == d.setting_split and not reordered
        text.append("DIFFERENT ORDER" if reordered else "DIFFERENT SETTING" if by_setting else "DIFFERENT EVENTS")
        text.append(", same order of what both do" if by_setting else "")
    text.append(f", {'same' if d.same_outcome else 'different'} outcome")
    text.append("" if d.same_output else ", different output")
    return text


def _ending(d: Diff) -> Text:
    """What it came to: how both ended, and the first line that they wrote otherwise."""
    one, other = _outcome(d.a), _outcome(d.b)
    if d.same_outcome:
        text = f"Both end {one}"
    else:
        text = f"A ends {one}, B {other}" if one != other else f"A ends {one}, B with another {one}"
    changed = _told_stream(d)
    if changed is not None:
        name, (line_a, line_b) = clean(changed.name), map(_quoted, (changed.text_a, changed.text_b))
        if line_a and line_b:
            text += f"; line {changed.first_line} of {name} is {line_a} in A, {line_b} in B"
        else:
            text += f"; {'A' if line_a else 'B'} goes on with {line_a or line_b} in {name}"
    return Text(f"{text}.")


def _told_stream(d: Diff) -> StreamDiff | None:
    """The stream whose first other line is told with the outcome. The traceback of an error that is told itself is none."""
    changed = (stream for stream in d.output if stream.state != "same")
    return next((one for one in changed if d.same_outcome or one.name != "stderr"), None)


def _quoted(line: str | None) -> str:
    return f'"{shorten(clean(line), 40)}"' if line is not None else ""


def _sources(d: Diff, split: Split) -> Iterator[Text]:
    """The lines of source that did it, where the traces have them: one line where both are the same place."""
    found: dict[str, str] = {}
    for letter, trace, moment in (("A", d.trace_a, split.a), ("B", d.trace_b, split.b)):
        if moment is not None and (line := source_of(trace, moment.site)):
            told = f"{clean(str(moment.site))} | {line}"
            found[told] = f"{found[told]}, {letter}" if told in found else letter
    for told, letters in found.items():
        yield Text(f"  {letters:<4} {told}", style="dim", no_wrap=True, overflow="crop")


def _setting(d: Diff) -> list[Text]:
    """What was set up otherwise, and what follows from that alone."""
    if not d.settings:
        return []
    told = ", ".join(f"{clean(one.name)} {clean(shorten(one.a, 30))} -> {clean(shorten(one.b, 30))}" for one in d.settings)
    text = Text("Set up otherwise: ").append(told, style="bold")
    changed = [one for one in d.actors if one.cause == SETTING]
    if changed and d.setting_split is not None:
        text.append(f". From that alone {join([*map(_brief, changed[:MOST]), *(_and_more(changed))])}")
        if d.split is None or d.setting_split.sentence != d.split.sentence:
            text.append(f": {clean(d.setting_split.sentence)}")
    elif d.verdict is Verdict.DIFFERENT:
        text.append(". Nothing follows from that alone")
    either = [one for one in d.actors if one.cause == EITHER]
    if either:
        they, them = ("it", "it") if len(either) == 1 else ("they", "them")
        was = "was" if len(either) == 1 else "were"
        text.append(f". Of {count(len(either), 'actor')} it cannot be told, for another order had reached {them} before")
        if any(one.first_a is None or one.first_b is None for one in either):
            text.append(f" or {they} {was} stopped")
    return [text.append(".")]


def _and_more(changed: Sequence[ActorDiff]) -> list[str]:
    number = len(changed) - MOST
    return [f"{count(number, 'actor')} more differ" if number > 1 else "one actor more differs"] if number > 0 else []


def _brief(one: ActorDiff) -> str:
    own = replace(one, only_a=one.own_only_a, only_b=one.own_only_b, other_results=one.own_other_results)
    where = {"added": " is only in B", "missing": " is only in A"}.get(one.state, f" {_change(own)}")
    return f"{clean(one.name)}{where}"


def _outcome(run: Run) -> str:
    """`ok`, or what went wrong: `AssertionError at test_pool.py:31`."""
    if run.outcome is Outcome.FAILED and run.error:
        where = f" at {run.error_site}" if run.error_site.line else ""
        return f"{shorten(clean(run.error))}{clean(where)}"
    code = f", exit code {run.exit_code}" if run.exit_code and run.outcome is not Outcome.DEADLOCK else ""
    return f"{run.outcome.word}{code}"


def _parting(split: Split, *, set_otherwise: bool) -> Text:
    a, b = (side.position if side is not None else None for side in (split.a, split.b))
    if a == b:
        where = f"at event @{a}"
    elif a is None or b is None:
        where = f"at event @{b} of B" if a is None else f"at event @{a} of A"
    else:
        where = f"at event @{a} of A, @{b} of B"
    how = "by the schedule " if split.why == "order" and set_otherwise else ""
    return Text(f"They part {how}{where}: ").append(clean(split.sentence), style="bold").append(".")


def rows_of(d: Diff) -> Iterator[tuple[str, list[str]]]:
    """What differs besides: objects, actors, waiting and the rest, each with its lines, which may be none."""
    yield "objects", _objects(d)
    yield "actors", _actors(d.actors)
    waits = [one for one in d.waiting if one.total_a_ns != one.total_b_ns]
    told = [f"{_awaited(one)} {duration(one.total_a_ns)} -> {duration(one.total_b_ns)}" for one in waits[:MOST]]
    yield "waiting", told + _more(len(waits) - MOST, "object")
    yield "switches", [f"{d.a.switches:,} -> {d.b.switches:,} changes of actor"]
    yield "output", [line for stream in d.output for line in _stream(stream, told=stream is _told_stream(d))]
    inputs = [f"{_input(one)} {one.differ:,} of {one.compared:,}" for one in d.inputs if one.differ]
    yield "inputs", [f"differ: {', '.join(inputs)}"] if inputs else []


def _input(one: InputDiff) -> str:
    """The kind of input, and of what other programs wrote which they are."""
    word = _INPUTS.get(one.kind, one.kind)
    return f"{word} ({', '.join(map(clean, one.sources[:MOST]))})" if one.kind == "input" and one.sources else word


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


def _stream(one: StreamDiff, *, told: bool) -> list[str]:
    if one.state == "same":
        return []
    if one.state == "reordered":
        text = f"{clean(one.name)}: the same {count(one.lines_a, 'line')} in another order"
    else:
        sides = [f"{count(n, 'line')} only in {run}" for n, run in ((one.lines_only_a, "A"), (one.lines_only_b, "B")) if n]
        text = f"{clean(one.name)}: {', '.join(sides)}"
    if told:
        return [text]
    lines = [f"  {run} {_quoted(line) or '(ended)'}" for run, line in (("A", one.text_a), ("B", one.text_b))]
    return [f"{text}; first at line {one.first_line}:", *lines]


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
        inputs = [_input(one) for one in d.inputs if one.differ and one.kind != "clock"]
        lines += [f"inputs differ: {join(inputs)}"] if inputs else []
    return [Text(f"note  {clean(line)}", style="dim") for line in [*lines, *d.notes]]


def _next(d: Diff) -> list[Text]:
    """What to type after a difference: stop at the split in B."""
    path, split = d.trace_b.path, d.split
    if path is None or split is None or split.b is None:
        return []
    # A write is no step: its place in the trace names it.
    event = f"@{split.b.position}" if split.b.kind is Kind.WRITE else split.b.event
    return [Text("next  ", style="dim").append(f"simcore replay {typed_path(path)} --pdb {clean(event)}", style="default")]
