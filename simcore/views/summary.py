"""The summary of one run: the answer first, then figures, then where the trace lies and what to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.events import Outcome
from simcore.trace.model import Header, Trace
from simcore.trace.text import clean, count, duration, join, shorten, signal_name, size
from simcore.trace.words import Words
from simcore.views.deadlock import deadlock_facts, deadlock_view, pending_facts, pending_view
from simcore.views.figures import Traffic, is_queue, traffic
from simcore.views.processes import methods, process_facts, processes_view

LONGEST_ERROR = 240
"""Of a longer error the middle is left out: what a spawned child says of a missing `__main__` guard fills a screen."""

STYLES = {
    Outcome.OK: "bold green",
    Outcome.FAILED: "bold red",
    Outcome.DEADLOCK: "bold red",
    Outcome.STALLED: "bold yellow",
    Outcome.KILLED: "bold red",
    Outcome.TIMEOUT: "bold yellow",
}


_NEXT_WIDTH = 71
"""What 80 columns leave beside `next:`; commands that take more stand on a line each."""


def summary_view(
    trace: Trace, *, next_commands: Sequence[str] = (), prefix: str = "", place: bool = True, in_full: bool = False
) -> RenderableType:
    """Outcome, time, size, the busiest lock, what was not controlled, a deadlock in full, with `place` where the trace lies.

    With `in_full` each process has a line of its own.
    """
    words = Words(trace)
    parts: list[RenderableType] = [_headline(trace, prefix)]
    lines = [_counts(trace), *_traffic_lines(words), *_ending_lines(trace, words)]
    parts.append(Padding(Group(*lines), (0, 0, 0, 2)))
    parts += blocked(trace)
    processes = processes_view(trace) if in_full else None
    if processes is not None:
        parts += [Text(), Padding(processes, (0, 0, 0, 2)), Text()]
    last = Text()
    if place and trace.path is not None:
        last.append("trace: ", style="dim").append(shown_path(trace.path))
    if next_commands:
        together = "   ".join(next_commands)
        apart = "\n       ".join(next_commands)
        last.append("\n" if last.plain else "").append("next:  ", style="dim")
        last.append(together if len(together) <= _NEXT_WIDTH else apart)
    if last.plain:
        parts.append(Padding(last, (0, 0, 0, 2)))
    return Group(*parts)


def summary_facts(trace: Trace) -> dict[str, object]:
    """The summary for `--json`. Times are ns, sizes bytes; `trace` is None for one that was never saved."""
    scenario, ending = trace.header.scenario, trace.ending
    return {
        "scenario": scenario.name,
        "target": scenario.target,
        "argv": list(scenario.argv),
        "params": scenario.params,
        "expect": list(scenario.expect),
        "outcome": trace.outcome.word,
        "as_expected": trace.as_expected,
        "exit_code": ending.exit_code,
        "error": ending.error,
        "error_site": str(trace.sites[ending.error_site]),
        "duration_ns": ending.duration_ns,
        "events": len(trace),
        "actors": [{"name": info.name, "thread": info.thread_name} for info in trace.actors],
        "start_method": scenario.start_method,
        "processes": process_facts(trace),
        "hand_offs": [_traffic_facts(trace, one) for one in traffic(trace)],
        "deadlock": deadlock_facts(trace),
        "pending": pending_facts(trace),
        "not_controlled": ending.not_controlled,
        "cut_off": ending.cut_off,
        "trace": str(trace.path) if trace.path is not None else None,
        "bytes": _size(trace),
    }


def header_view(header: Header) -> RenderableType:
    """Everything that the header says, a line each: what was run, where, by which versions."""
    scenario = header.scenario
    rows = {
        scenario.target: _command(header),
        "parameters": ", ".join(f"{name}={value!r}" for name, value in scenario.params.items()),
        "expected": join(list(scenario.expect), "or"),
        "plugin": " ".join(part for part in (scenario.plugin, header.plugin_version, scenario.plugin_file) if part),
        "seed": "drawn from the operating system" if scenario.seed is None else str(scenario.seed),
        "hash seed": str(scenario.hash_seed),
        "chaos": "" if scenario.chaos is None else str(scenario.chaos),
        "switch every": "" if scenario.switch_interval_s is None else duration(round(scenario.switch_interval_s * 1e9)),
        "granularity": scenario.granularity,
        "start method": scenario.start_method,
        "folder": scenario.cwd,
        "simcore": header.simcore,
        "python": f"{header.implementation} {header.python}{'' if header.gil else ' (free-threaded)'}, {header.executable}",
        "platform": f"{header.platform} {header.machine}",
        "git": f"{header.git_commit[:12]}{', with changes' if header.git_dirty else ''}" if header.git_commit else "",
        "recorded": _when(header.wall_ns),
        "process": f"{header.pid}, child of {header.ppid}" if header.pid else "",
        "root": header.root,
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            grid.add_row(name, Text(clean(value)))
    for index, (name, digest) in enumerate(sorted(header.files.items())):
        grid.add_row("" if index else "files", Text(f"{clean(name)}  ").append(f"sha256 {clean(digest)[:12]}", style="dim"))
    return grid


def shown_path(path: Path) -> str:
    """The path as one would type it here: relative to the working folder when it lies below it."""
    try:
        return clean(os.fspath(Path(path).resolve().relative_to(Path.cwd())))
    except (ValueError, OSError):
        return clean(os.fspath(path))


def typed_path(path: Path) -> str:
    """The same as a word of a command: in quotes where a shell would take it apart."""
    return shlex.quote(shown_path(path))


def scenario_name(trace: Trace) -> str:
    """What the run is called in one or a few words: the pattern, the file, or the command shortened."""
    scenario = trace.header.scenario
    name = scenario.name
    if scenario.target == "command" and scenario.argv:
        name = " ".join((os.path.basename(scenario.argv[0]), *scenario.argv[1:]))
    return shorten(clean(name), 40)


def outcome_words(trace: Trace) -> str:
    """`ok in 0.21 s`, `DEADLOCK after 0.04 s`, `FAILED with exit code 3 after 1.2 s`."""
    time = duration(trace.ending.duration_ns)
    if trace.outcome is Outcome.OK:
        return f"ok in {time}"
    code = trace.ending.exit_code
    how = ""
    if trace.outcome in (Outcome.FAILED, Outcome.KILLED) and code is not None:
        how = f" by {signal_name(-code)}" if code < 0 else f" with exit code {code}" if code > 1 else ""
    return f"{trace.outcome.name}{how} after {time}"


def title(trace: Trace, part: str = "") -> Text:
    """How every view of a run begins: what was run, how it ended, which `part` is shown; of a trace that was cut off, why."""
    text = _headline(trace, "")
    if part:
        text.append(f"   {part}", style="dim")
    if trace.ending.cut_off:
        text.append("\nCUT OFF: ", style="bold yellow").append(clean(trace.ending.cut_off), style="default")
    return text


def _headline(trace: Trace, prefix: str) -> Text:
    text = Text(f"{prefix}{scenario_name(trace)}  ")
    text.append(outcome_words(trace), style=STYLES[trace.outcome])
    expect = list(trace.header.scenario.expect)
    if expect != ["ok"] and trace.as_expected:
        text.append("  as expected")
    elif expect != ["ok"]:
        text.append(f"  (expected: {clean(join(expect, 'or'))})", style="bold red")
    return text


def _counts(trace: Trace) -> Text:
    threads = sum("!" not in info.name for info in trace.actors)  # the runs of a signal handler are its thread's
    where = f"{count(threads, 'thread')} in {count(len(set(trace.processes)), 'process', 'processes')}"
    how = methods(trace)
    parts = [f"{where} ({join(how)})" if how else where, count(len(trace), "event")]
    if (n_bytes := _size(trace)) is not None:
        parts.append(size(n_bytes))
    return Text("   ".join(parts))


def _traffic_lines(words: Words) -> list[Text]:
    """The busiest lock, or where no lock changed hands the busiest queue; nothing for a single thread."""
    found = traffic(words.trace)
    if not found:
        return []
    busiest = found[0]
    thing = words.object_in_full(busiest.object)
    if is_queue(words.trace, busiest.object):
        text = Text(f"{count(busiest.hand_offs, 'item')} through {thing}")
    else:
        text = Text(f"{count(busiest.hand_offs, 'hand-off')} of {thing}")
    if busiest.longest_wait_ns:
        text.append(f"\nlongest wait {duration(busiest.longest_wait_ns)}: {words.short_actor(busiest.waiter)}")
        if 0 <= busiest.behind < len(words.trace.actors) and not is_queue(words.trace, busiest.object):
            text.append(f" behind {words.short_actor(busiest.behind)}")
    return [text]


def _ending_lines(trace: Trace, words: Words) -> list[Text]:
    ending, lines = trace.ending, []
    if ending.error and trace.outcome is not Outcome.DEADLOCK:
        text = Text(shorten(clean(" ".join(ending.error.split())), LONGEST_ERROR), style="red")
        if where := words.site_in_full(trace.sites[ending.error_site]):
            text.append(f"  at {where}", style="default")
        lines.append(text)
    if ending.cut_off:
        lines.append(Text("CUT OFF: ", style="bold yellow").append(clean(ending.cut_off), style="default"))
    if ending.not_controlled:
        what = ", ".join(clean(one) for one in ending.not_controlled)
        lines.append(Text("NOT CONTROLLED: ", style="bold yellow").append(what, style="default"))
    return lines


def blocked(trace: Trace) -> list[RenderableType]:
    """Who waits for whom in a deadlock, or what never completed in another run that did not end well; with blank lines around."""
    if trace.ending.deadlock:
        return [Text(), deadlock_view(trace), Text()]
    if trace.ending.pending and trace.outcome is not Outcome.OK:
        return [Text(), pending_view(trace), Text()]
    return []


def _traffic_facts(trace: Trace, one: Traffic) -> dict[str, object]:
    def name(actor: int) -> str | None:
        return trace.actors[actor].name if 0 <= actor < len(trace.actors) else None

    return {
        "object": trace.object_names[one.object],
        "label": trace.object_labels[one.object],
        "hand_offs": one.hand_offs,
        "longest_wait_ns": one.longest_wait_ns,
        "waiter": name(one.waiter),
        "behind": name(one.behind),
    }


def _command(header: Header) -> str:
    scenario = header.scenario
    words = scenario.argv if scenario.target == "command" else (scenario.name, *scenario.argv)
    return shlex.join(words)


def _size(trace: Trace) -> int | None:
    try:
        return None if trace.path is None else trace.path.stat().st_size
    except OSError:
        return None


def _when(wall_ns: int) -> str:
    from datetime import datetime

    try:
        return datetime.fromtimestamp(wall_ns / 1e9).astimezone().isoformat(" ", "seconds") if wall_ns else ""
    except (OverflowError, ValueError, OSError):
        return f"{wall_ns} ns after 1970"
