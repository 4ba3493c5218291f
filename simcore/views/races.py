"""The answer of `simcore races`: each pair of lines with who does what where, whether it can do harm, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.analysis import Answer, Possible, Race, Races, Side
from simcore.trace.model import Site, Trace
from simcore.trace.text import clean, count, join
from simcore.trace.words import OBJECT_WORDS
from simcore.views.sides import source_of
from simcore.views.summary import outcome_words, scenario_name, typed_path

MOST_RACES: Final = 10
"""Of more races only the first are shown."""


def races_view(found: Races, *, everything: bool = False) -> RenderableType:
    """The whole screen: the answer, a block per race, what may be hidden, what to type next."""
    shown = found.races if everything else found.races[:MOST_RACES]
    parts: list[RenderableType] = [_headline(found), _circumstances(found)]
    for race in shown:
        parts += [Text(), *_race(found.trace, race)]
    if left := len(found.races) - len(shown):
        parts += [Text(), Text(f"and {left:,} more, which {_what_is_left(found.races[len(shown) :])}: --all shows them")]
    if not found.complete:
        parts += [Text(), Text("There are too many races here to look at all of them.", style="yellow")]
    if found.unseen:
        parts += [Text(), Text("NOT SEEN: ", style="bold yellow").append(clean("; ".join(found.unseen)), style="default")]
    if not found.accesses and found.trace.header.scenario.granularity != "access":
        parts += [Text(), _record_them(found.trace)]
    elif shown:
        parts += [Text(), _next(found.trace, shown[0])]
    return Group(*parts)


def title_of(race: Race) -> str:
    """`lost update of balance`."""
    return clean(race.title).replace("{}", clean(race.place))


def _headline(found: Races) -> Text:
    if found.answer is Answer.NONE:
        text = Text("NO RACE IN SIGHT", style="bold green")
        return text.append("  all accesses to shared data in this run are ordered", style="default not bold")
    if found.answer is Answer.INCONCLUSIVE:
        text = Text("NO ANSWER", style="bold yellow")
        why = "no race was found, but something may hide one"
        if not found.accesses:
            why = "this trace has no accesses to shared data"
        elif found.races:
            why = f"{count(len(found.races), 'race')}, unless something unseen orders the accesses"
        return text.append(f"  {why}", style="default not bold")
    struck = sum(race.struck for race in found.races)
    more = "" if found.complete else "OR MORE "
    told = f"{len(found.races):,} {more}RACE{'' if len(found.races) == 1 and found.complete else 'S'}"
    if len(found.races) == 1:
        how = "it struck in this run" if struck else "it is not seen to have struck in this run; other turns can let it"
    else:
        how = (
            f"{struck:,} of them struck in this run"
            if struck
            else "none is seen to have struck in this run; other turns can let them"
        )
    return Text(told, style="bold red" if struck else "bold yellow").append(f"  {how}", style="default not bold")


def _circumstances(found: Races) -> Text:
    what = f"{count(found.accesses, 'access', 'accesses')} to {count(found.looked_at, 'shared place')}"
    only = "" if found.trace.header.scenario.granularity == "access" or not found.accesses else ", in shared memory alone"
    return Text(f"{scenario_name(found.trace)}  {outcome_words(found.trace)}   {what}{only}", style="dim")


def _race(trace: Trace, race: Race) -> Iterator[RenderableType]:
    about = ", ".join(part for part in (OBJECT_WORDS.get(race.kind, ""), clean(str(race.made_at))) if part)
    head = Text("STRUCK", style="bold red") if race.struck else Text("RACE", style="bold yellow")
    if race.possible is Possible.NO and not race.struck:
        head = Text("RACE, NOT UNDER THIS GIL", style="bold")
    title = clean(race.title).replace("{}", f"`{clean(race.place)}`")
    yield head.append(f"  {title}{f' ({about})' if about else ''}", style="default not bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=24, overflow="fold")
    grid.add_column(overflow="fold")
    told: set[Site] = set()
    for side in race.sides:
        grid.add_row(Text(_actor(side), style="bold"), _side(trace, side, told))
    if race.moments:
        grid.add_row(Text("in this run" if race.struck else "could mix", style="dim"), Text(_moments(race)))
    grid.add_row(Text("possible", style="dim"), Text(f"{race.possible.value}: {race.because}"))
    if race.doubt:
        grid.add_row(Text("doubt", style="yellow"), Text(f"may be ordered unseen: {clean(race.doubt)}"))
    grid.add_row(Text("fix", style="green"), Text(clean(race.fix)))
    more = [
        f"{race.times:,} times" if race.times > 1 else "",
        f"at {race.places:,} objects that are called so" if race.places > 1 else "",
        "it may have been another item each time" if race.unsure else "",
    ]
    if any(more):
        grid.add_row(Text("seen", style="dim"), Text(", ".join(part for part in more if part)))
    yield Padding(grid, (0, 0, 0, 2))


def _actor(side: Side) -> str:
    name = clean(side.actor)
    return f'{name} "{clean(side.thread_name)}"' if side.thread_name not in ("", "MainThread") else name


def _side(trace: Trace, side: Side, told: set[Site]) -> Text:
    text = Text(side.does)
    if side.site.line:
        text.append(f" at {clean(str(side.site))}")
    locks = [f"`{clean(held.lock.label)}`" for held in side.locks]
    text.append(f", holding {join(locks) if locks else 'no lock'}")
    if side.site not in told and (line := source_of(trace, side.site)):
        text.append(f"\n{clean(str(side.site))} | {line}", style="dim")
    told.add(side.site)
    return text


def _moments(race: Race) -> str:
    return "\n".join(f"@{one.position} {clean(one.actor)} {one.does}" for one in race.moments)


def _what_is_left(races: tuple[Race, ...]) -> str:
    if all(race.possible is Possible.NO for race in races):
        return "this GIL does not let happen"
    return "met less often" if not any(race.struck for race in races) else "struck too"


def _record_them(trace: Trace) -> Text:
    words = "simcore record --granularity access"
    return Text.assemble(("next:  ", "dim"), f"{words} {_again(trace)}   records them")


def _again(trace: Trace) -> str:
    scenario = trace.header.scenario
    return clean(scenario.name) if scenario.target == "pattern" else "-- COMMAND"


def _next(trace: Trace, race: Race) -> Text:
    place = f" {typed_path(trace.path)}" if trace.path is not None else ""
    at = [one.position for one in race.moments] or [side.position for side in race.sides]
    return Text.assemble(("next:  ", "dim"), f"simcore show{place} --range @{min(at)}..@{max(at)}")
