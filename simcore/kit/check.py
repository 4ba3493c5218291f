"""Whether a pattern can be relied on: it is recorded and replayed several times, and what differs is traced to a source line.

Three things are held against each other: how a run ended against what the pattern declares; a replay against its recording, the
surroundings disturbed meanwhile (see `disturb`); and what the recordings wrote or did against each other, for replay repeats
clocks and chance, and only another recording shows them. There a difference counts only if the line that makes it is suspect
by itself: that threads take turns otherwise is no fault.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from simcore.diffing import diff
from simcore.engine.pattern import Pattern
from simcore.engine.recording import record
from simcore.engine.replaying import ReplayRun, replay
from simcore.errors import UsageError
from simcore.kit.disturb import Surroundings, surroundings
from simcore.kit.known import ADDRESS, IN_THE_TRACE, LISTING, TYPED
from simcore.kit.places import first_other_write, last_site_of, quoted, site_at, sites_written_otherwise
from simcore.kit.suspects import Source, Suspect
from simcore.trace.events import Outcome
from simcore.trace.model import Site, Trace
from simcore.trace.text import clean, join

TIMEOUT_S: Final = 60.0
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{5,}")
_PLACE: Final = re.compile(r"(\S+\.py):(\d+) in ")
_SURROUNDINGS: Final = ("turned", "moved", "plain", "moved", "moved")
"""How the surroundings of replay 1, 2, 3... differ from those of the recording."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What cannot be relied on: `what` happened, `where` (`ring.py:14`, or empty), the text of that `line`, `why`, the `fix`."""

    what: str
    where: str = ""
    line: str = ""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """One pattern under one start method ('' where it starts no processes): how often it ran, how that ended, what was found.

    `notes` are no faults: what lay outside simcore's control and made no difference.
    """

    pattern: str
    method: str
    runs: int
    ends: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def methods_of(pattern: Pattern, only: str | None = None) -> list[str]:
    """The start methods to check a pattern under. Raises: UsageError when the one that is asked for does not apply."""
    if only and pattern.start_methods and only not in pattern.start_methods:
        raise UsageError(f"{pattern.name} is for {join(list(pattern.start_methods))}, and was to be checked under {only}")
    return [only] if only else list(pattern.start_methods) or [""]


def check_pattern(
    pattern: Pattern,
    method: str,
    *,
    params: Mapping[str, object],
    plugins: Sequence[str | Path] = (),
    times: int = 5,
    each_run: Callable[[str], None] = lambda _label: None,
) -> Checked:
    """Record and replay a pattern `times` times under a start method, or until one hangs. Blocks. No trace is left.

    Raises: SimcoreError.
    """
    expected = sorted(pattern.expected(pattern.choose(params), method or None))
    look = _Look(expected, Path(pattern.file), pattern.line)
    label = f"{pattern.name} {method}".strip()
    with tempfile.TemporaryDirectory(prefix="simcore-check-") as folder, surroundings() as around:
        for number in range(times):
            each_run(label)
            around.settle()
            trace = record(
                pattern.name,
                params=params,
                plugins=plugins,
                output=Path(folder, f"{number}.simtrace"),
                start_method=method or None,
                timeout_s=TIMEOUT_S,
                quiet=True,
            )
            look.at_recording(trace)
            if trace.outcome is Outcome.TIMEOUT and not trace.as_expected:
                return Checked(pattern.name, method, number + 1, tuple(look.ends), tuple(look.findings), tuple(look.notes))
            how = _SURROUNDINGS[number % len(_SURROUNDINGS)]
            again = _again(trace, around, how, number)
            look.at_replay(trace, again, how, partial(_makes_the_difference, trace, around, how, number))
    return Checked(pattern.name, method, times, tuple(look.ends), tuple(look.findings), tuple(look.notes))


def _makes_the_difference(trace: Trace, around: Surroundings, how: str, number: int) -> bool:
    """Whether replays are another run in these surroundings and only there: a race may be another run anywhere."""
    tried = [_is_other(_again(trace, around, one, number)) for one in ("plain", how, "plain")]
    return tried == [False, True, False]


def _is_other(run: ReplayRun) -> bool:
    return bool(run.divergence or run.differs or run.writes_added or run.writes_removed or run.writes_changed)


def _again(trace: Trace, around: Surroundings, how: str, number: int) -> ReplayRun:
    around.settle()
    if how == "moved":
        around.move_objects(number)
    elif how == "turned":
        around.turn_listings()
    return replay(trace).runs[0]


class _Look:
    """What was seen of one pattern so far."""

    def __init__(self, expected: Sequence[str], file: Path, line: int) -> None:
        self._file, self._line = file, line
        self._expected = expected
        self._first: Trace | None = None
        self._seen: set[tuple[str, str]] = set()
        self._parted: set[Site] = set()
        self._sources: dict[str, tuple[Source, list[str]]] = {}
        self.ends: list[str] = []
        self.findings: list[Finding] = []
        self.notes: list[str] = []

    def at_recording(self, trace: Trace) -> None:
        """How it ended, what was not controlled, and how it differs from the first recording by more than its order."""
        if trace.outcome.word not in self.ends:
            self.ends.append(trace.outcome.word)
        if not trace.as_expected:
            error = f": {clean(trace.ending.error)}" if trace.ending.error else ""
            what = f"it ended {trace.outcome.word}{error}; it declares {join(list(self._expected), 'or')}"
            site = trace.sites[trace.ending.error_site]
            feeding = self._cause(trace, site, most=1)
            fix = feeding.fix if feeding else "let parameters decide how it ends, and say so with expect="
            self._add(what, trace, site, feeding, fix=fix)
        for what in trace.ending.not_controlled:
            if not any(what.partition(" (")[0] in note for note in self.notes):
                self.notes.append(f"not controlled: {clean(what)}")
        if self._first is None:
            self._first = trace
            self._look_for_typing(trace)
        else:
            self._against_first(trace)

    def _look_for_typing(self, trace: Trace) -> None:
        """What is typed no experiment shows: the runs have nothing to read."""
        for one in self._source(trace, self._file.name)[0].suspects(self._line, self._line):
            if one.why == TYPED:
                site = Site(self._file.name, one.line, "")
                self._add("it reads what is typed, and in a replay nobody types", trace, site, replace(one, near=0))

    def _against_first(self, trace: Trace) -> None:
        assert self._first is not None
        for site in sites_written_otherwise(self._first, trace):
            cause = self._cause(trace, site, most=1)
            if cause is not None:
                self._add("another recording wrote something else", trace, site, cause)
        split = diff(self._first, trace).split
        if split is not None and split.why in ("actor", "result"):
            for moment, of in ((split.a, self._first), (split.b, trace)):
                if moment is None:
                    continue
                site = site_at(of, moment.position)
                if (cause := self._cause(of, site, most=1)) is not None:
                    self._add("another recording did something else", of, site, cause)
                    break

    def at_replay(self, trace: Trace, run: ReplayRun, how: str, is_why: Callable[[], bool]) -> None:
        """What a replay did otherwise than its recording; `is_why` tries whether the surroundings are the reason."""
        self._is_why = is_why
        if run.divergence is not None:
            parted = run.divergence
            site = site_at(trace, parted.position) if parted.position is not None else last_site_of(trace, parted.actor)
            if self._cause(trace, site, most=1) is None:
                site = self._observed(trace, parted.observed) or site
            told = " ".join(clean(str(parted)).split())
            self._differs(f"a replay parted: {told}", trace, site, how, reason=clean(parted.reason))
        elif run.differs:
            position = next((p for p, (a, b) in enumerate(zip(trace, run.trace, strict=False)) if a.identity != b.identity), None)
            error = run.trace.ending if run.trace.ending.error_site else trace.ending
            of = run.trace if error is run.trace.ending else trace
            site = of.sites[error.error_site] if position is None else site_at(trace, position)
            self._differs(f"a replay was another run: {run.differs}", trace, site, how)
        elif run.writes_added or run.writes_removed or run.writes_changed:
            written = first_other_write(trace, run.trace)
            if written is None:
                self._differs("a replay wrote in another order", trace, Site("", 0, ""), how)
                return
            site, before, after = written
            shown = f"a replay wrote {quoted(after)} where the recording has {quoted(before)}"
            addresses = _ADDRESS.sub("", before) == _ADDRESS.sub("", after)
            self._differs(shown, trace, site, how, addresses=addresses)

    def _observed(self, trace: Trace, phrase: str) -> Site | None:
        """The place that a divergence says the run was at, which may be one that the trace has no event at."""
        found = _PLACE.search(phrase)
        if found is None:
            return None
        files = (*trace.sources, self._file.name)
        file = next((file for file in files if file.rpartition("/")[2] == found[1]), "")
        return Site(file, int(found[2]), "") if file else None

    def _differs(self, what: str, trace: Trace, site: Site, how: str, *, reason: str = "", addresses: bool = False) -> None:
        if site in self._parted:
            return  # as in a replay before, and for the same cause
        self._parted.add(site)
        rather = {"moved": ADDRESS, "turned": LISTING}.get(how, "")
        cause = self._cause(trace, site, most=3, rather=rather, replayed=True)
        if cause is not None and cause.near > 1 and cause.kind == rather and not self._is_why():
            cause = None  # it stands somewhere else in the file, and is not the reason
        why, fix = "", ""
        if addresses:
            cause = None
            why = "the text has the address of an object, which is another one in each run"
            fix = "write a name or a number instead of the object, or give its class a __repr__"
        elif cause is None and how == "turned" and self._is_why():
            why, fix = "it seems to depend on the order in which a directory is listed", "sort what is listed: sorted(...)"
        elif cause is None:
            why = reason or "shared data that nothing orders, or an input that is not in the trace"
            fix = "`simcore races` looks for data without a lock; docs/how-it-works.md says where replay ends"
        self._add(what, trace, site, cause, why=why, fix=fix, once=cause.why if cause else why)

    def _cause(self, trace: Trace, site: Site, *, most: int, rather: str = "", replayed: bool = False) -> Suspect | None:
        """The suspect nearest to a line, not farther than `most`; `rather` one of a kind, among those that feed the line.

        What a replay differs by is not what it has from the trace.
        """
        if not site.line:
            return None
        near = [one for one in self._source(trace, site.file)[0].suspects(site.line, self._line) if one.near <= most]
        near = [one for one in near if not (replayed and one.why in IN_THE_TRACE)]
        sure = [one for one in near if one.near <= 1] or near
        return next((one for one in sure if one.kind == rather), sure[0] if sure else None)

    def _source(self, trace: Trace, file: str) -> tuple[Source, list[str]]:
        if file not in self._sources:
            text = trace.sources.get(file) or ""
            if not text and file == self._file.name:  # a trace has the files of its events only
                text = self._file.read_text(encoding="utf-8", errors="replace")
            self._sources[file] = (Source(text), text.splitlines())
        return self._sources[file]

    def _add(
        self, what: str, trace: Trace, site: Site, cause: Suspect | None, *, why: str = "", fix: str = "", once: str = ""
    ) -> None:
        """Note a finding, each cause once: five runs tell the same story."""
        at = cause.line if cause is not None else site.line
        where = f"{site.file}:{at}" if at and site.file else ""
        if (where, once or what) in self._seen or (cause is not None and (where, cause.why) in self._seen):
            return
        self._seen |= {(where, once or what), *({(where, cause.why)} if cause is not None else ())}
        lines = self._source(trace, site.file)[1] if where else []
        line = lines[at - 1].strip() if 0 < at <= len(lines) else ""
        if cause is not None:
            why, fix = ("perhaps " if cause.near > 1 else "") + cause.why, cause.fix
        self.findings.append(Finding(what, where, clean(line), why, fix))
