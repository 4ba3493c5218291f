"""`simcore show`: a trace in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, load_trace, plural_of, usage_error
from simcore.errors import UsageError
from simcore.trace.events import FIXED_OBJECTS, Kind

if TYPE_CHECKING:
    from simcore.trace.model import Trace
    from simcore.views.events import Selection

HEAD: Final = 30
TAIL: Final = 20
AROUND: Final = 10
"""Events shown on each side of a single event given as `--range`."""


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.option(
    "--range",
    "span",
    metavar="A..B",
    help="From event A to event B: `@40..@52`, `main/1:3..failure`, `@40` with what is around it.",
)
@click.option(
    "--actor", "actors", metavar="NAME", multiple=True, help="Only this actor, by path or thread name; may be repeated."
)
@click.option("--object", "objects", metavar="NAME", multiple=True, help="Only events on this object; may be repeated.")
@click.option(
    "--kind", "kinds", metavar="KIND", multiple=True, help="Only this kind of event (acquire, put, write...); may be repeated."
)
@click.option(
    "--events",
    "inner",
    is_flag=True,
    help="Also the events that operations like Condition.wait are made of, clocks, garbage, imports.",
)
@click.option("--all", "everything", is_flag=True, help="Leave no rows out in the middle.")
@click.option("--header", is_flag=True, help="Only what was run, where and by which versions.")
@click.option("--timeline", is_flag=True, help="A lane per actor, time to the right: who held, waited for and passed on what.")
@click.option("--by-object", is_flag=True, help="The same with a lane per lock: who held it, how many waited.")
@click.option("--stats", is_flag=True, help="Per lock how often and long it was held and waited for; the longest waits.")
@click.option("--output", "output", is_flag=True, help="Only what the program wrote, as it wrote it.")
@common
def command(
    trace: str | None,
    span: str | None,
    actors: Sequence[str],
    objects: Sequence[str],
    kinds: Sequence[str],
    inner: bool,
    everything: bool,
    header: bool,
    timeline: bool,
    by_object: bool,
    stats: bool,
    output: bool,
    as_json: bool,
) -> int:
    """Show TRACE (default: the latest): its summary, then who did what when.

    What is listed can be pasted back: `@4711` is a place in the trace, `main/1:17` the 17th step of an actor.

    \b
    Examples:
      simcore show
      simcore show fail.simtrace --timeline
      simcore show --actor main --range @2..@9
      simcore show --stats
    """
    _one_of({"--header": header, "--output": output, "--stats": stats, "--timeline": timeline or by_object})
    if timeline or by_object or stats:
        refused = {"--kind": bool(kinds), "--events": inner}
        for option in (name for name, given in refused.items() if given):
            which = "--stats" if stats else "--timeline"
            raise UsageError(f"{option} chooses rows of the listing; {which} takes --range, --actor, --object and --all")
    loaded = load_trace(trace)
    if timeline or by_object or stats:
        from simcore.cli.figures import show_figures

        selection = select(loaded, span, actors, objects, (), False)
        view = "stats" if stats else "objects" if by_object else "actors"
        show_figures(loaded, selection, view, everything=everything, as_json=as_json)
    elif header:
        _show_header(loaded, as_json)
    elif output:
        _show_output(loaded, as_json)
    else:
        selection = select(loaded, span, actors, objects, kinds, inner)
        if as_json:
            _show_json(loaded, selection)
        else:
            chosen = bool(span or actors or objects or kinds)
            _show(loaded, selection, everything=everything or bool(span), summary=not chosen)
    return 0


def _one_of(given: dict[str, bool]) -> None:
    """Refuse two answers at once. Raises: UsageError."""
    names = [name for name, wanted in given.items() if wanted]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} are two answers, expected one of them", f"did you mean {names[0]} ?")


def select(
    trace: Trace, span: str | None, actors: Sequence[str], objects: Sequence[str], kinds: Sequence[str], inner: bool
) -> Selection:
    """The selection that these options mean. Raises: UsageError for what the trace does not have."""
    from simcore.views.events import Selection

    first, last = range_of(trace, span)
    return Selection(
        first,
        last,
        {index for name in actors for index in _actors(trace, name)} if actors else None,
        {index for name in objects for index in _objects(trace, name)} if objects else None,
        {_kind(word) for words in kinds for word in words.split(",")} if kinds else None,
        inner,
    )


def _show(trace: Trace, selection: Selection, *, everything: bool, summary: bool) -> None:
    from rich.text import Text

    from simcore.views.events import EventList
    from simcore.views.lanes import Lanes
    from simcore.views.summary import summary_view

    if summary:
        console.answer(summary_view(trace, in_full=True), Text())
    console.answer(Lanes(EventList(trace, selection), None if everything else HEAD, TAIL))


def _show_json(trace: Trace, selection: Selection) -> None:
    from simcore.trace.facts import event_facts
    from simcore.views.events import EventList
    from simcore.views.summary import summary_facts

    shown = EventList(trace, selection)
    facts = summary_facts(trace)
    facts["hidden"] = shown.hidden
    console.answer_json_list(
        {"summary": facts}, "events", (event_facts(trace, shown.words, position) for position in shown.positions)
    )


def _show_header(trace: Trace, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        console.answer_json(asdict(trace.header))
        return
    from simcore.views.summary import header_view

    console.answer(header_view(trace.header))


def _show_output(trace: Trace, as_json: bool) -> None:
    """Writes in their order; bytes that are no text are shown escaped."""
    columns = trace.columns
    written = [
        (
            FIXED_OBJECTS[columns.object[position]][1] if columns.object[position] < len(FIXED_OBJECTS) else "",
            columns.value[position],
            position,
        )
        for position, kind in enumerate(columns.kind)
        if kind == Kind.WRITE
    ]
    texts = [
        (stream, trace.texts[index] if 0 <= index < len(trace.texts) else "", position) for stream, index, position in written
    ]
    if as_json:
        console.answer_json_list(
            {}, "writes", ({"position": position, "stream": stream, "text": str(text)} for stream, text, position in texts)
        )
        return
    import sys

    for _, text, _ in texts:
        sys.stdout.write(text if isinstance(text, str) else text.decode("utf-8", "backslashreplace"))


def range_of(trace: Trace, span: str | None) -> tuple[int, int]:
    """First and last position of `A..B`; either end may be left out; a single event means it and its surroundings."""
    from simcore.trace.locate import locate

    end = len(trace) - 1
    if span is None:
        return 0, end
    start, dots, stop = span.partition("..")

    def place(spec: str) -> int:
        spec = spec.strip()
        return locate(trace, f"@{spec}" if re.fullmatch(r"\d+", spec) else spec)

    if not dots:
        middle = place(start)
        return max(middle - AROUND, 0), min(middle + AROUND, end)
    first, last = place(start) if start.strip() else 0, place(stop) if stop.strip() else end
    if first > last:
        raise UsageError(f"--range {span} ends before it starts", f"did you mean --range {stop}..{start} ?")
    return first, last


def _actors(trace: Trace, name: str) -> list[int]:
    found = [index for index, info in enumerate(trace.actors) if name in (info.name, info.thread_name)]
    if not found:
        known = {word: 0 for info in trace.actors for word in (info.name, info.thread_name) if word}
        raise usage_error(f"the trace has no actor {name}; it has {plural_of(known)}", name, known)
    return found


def _objects(trace: Trace, name: str) -> list[int]:
    wanted = name.strip("`")
    pairs = zip(trace.object_names, trace.object_labels, strict=True)
    # What a process has of its own goes by its maker's name, too: `lock` means each process's `lock@main.1`.
    found = [index for index, names in enumerate(pairs) if wanted in (*names, trace.objects[index].label)]
    if not found:
        used = set(trace.columns.object)
        known = {label: 0 for index, label in enumerate(trace.object_labels) if label and index in used}
        raise usage_error(f"the trace has no object {name}; it has {plural_of(known)}", wanted, known)
    return found


def _kind(word: str) -> Kind:
    try:
        return Kind[word.strip().upper().replace("-", "_")]
    except KeyError:
        known = {kind.name.lower(): 0 for kind in Kind if kind < Kind.CREATE}
        raise usage_error(f"there is no kind of event {word}; there are {', '.join(known)}", word, known) from None
