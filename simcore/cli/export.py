"""`simcore export`: a trace in the format of another program."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich_click import RichCommand

from simcore.cli import console
from simcore.cli.options import common, load_trace, plugin_option


@click.command(cls=RichCommand)
@click.argument("trace", required=False)
@click.option("--to", "form", metavar="FORMAT", help="perfetto, chrome, jsonl, parquet, or what a plugin offers.")
@click.option("-o", "--output", metavar="FILE", help="Where it goes; - is stdout.  [default: the trace's name, in this folder]")
@click.option("--range", "span", metavar="A..B", help="Only from event A to event B: `@40..@52`, `main/1:3..failure`.")
@plugin_option
@common
def command(
    trace: str | None, form: str | None, output: str | None, span: str | None, plugins: Sequence[str], as_json: bool
) -> int:
    """Write TRACE (default: the latest) in the format of another program.

    Without --to the formats are listed. docs/export.md says what each has.

    \b
    Examples:
      simcore export
      simcore export --to perfetto
      simcore export fail.simtrace --to jsonl --range @2..@9 -o part.jsonl
    """
    from rich.text import Text

    from simcore.cli.show import range_of
    from simcore.cli.written import place_for, write_to
    from simcore.engine.plugins import PluginHost
    from simcore.exports.part import Part
    from simcore.trace.text import clean, count, size
    from simcore.views.plugins import exporters_view
    from simcore.views.summary import shown_path

    host = PluginHost(plugins)
    if form is None:
        if as_json:
            console.answer_json([{"name": one.name, "suffix": one.suffix, "title": one.title} for one in host.exporters.values()])
        else:
            console.answer(exporters_view(list(host.exporters.values())))
        return 0
    exporter = host.find_exporter(form)
    loaded = load_trace(trace)
    stem = loaded.path.stem if loaded.path is not None else "trace"
    path = place_for(output, stem + exporter.suffix)
    part = Part(loaded, *range_of(loaded, span))
    written = write_to(path, lambda file: exporter.write(part, file))
    if path is None:
        return 0
    if as_json:
        facts = {"format": exporter.name, "file": str(path), "bytes": written, "first": part.first, "last": part.last}
        console.answer_json(facts | {"events": len(part), "cut_off": loaded.ending.cut_off})
        return 0
    left_out = "" if part.whole else f" of {len(loaded):,}, @{part.first}..@{part.last}"
    text = Text(f"{shown_path(path)}  {count(len(part), 'event')}{left_out}, {size(written)}")
    if loaded.ending.cut_off:
        text.append("\nCUT OFF: ", style="bold yellow").append(clean(loaded.ending.cut_off))
    console.answer(text)
    return 0
