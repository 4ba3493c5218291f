"""Races for other programs: annotations of GitHub's, and SARIF 2.1.0 (the OASIS format of static analysis results)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from simcore.analysis import Possible, Race, Races, Side
from simcore.analysis.kinds import KINDS
from simcore.trace.model import Site
from simcore.trace.text import clean
from simcore.views.races import title_of

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def github(found: Races) -> str:
    """A line per race, at its first site, in GitHub's workflow commands."""
    lines = []
    for race in found.races:
        site = next((side.site for side in race.sides if side.site.line), None)
        where = "" if site is None else f"file={_property(site.file)},line={site.line},"
        lines.append(f"::warning {where}title={_property(title_of(race))}::{_data(sentence(race))}")
    return "\n".join(lines)


def sentence(race: Race) -> str:
    """All of a race in a few sentences."""
    first, second = race.sides
    parts = [
        f"{_side(first)}; {_side(second)}; {'others can come between' if race.split else 'nothing orders the two'}.",
        "It struck in this run." if race.struck else "",
        f"Possible: {race.possible.value}, {race.because}.",
        f"May be ordered unseen: {race.doubt}." if race.doubt else "",
        f"Fix: {race.fix}.",
    ]
    return clean(" ".join(part for part in parts if part))


def _side(side: Side) -> str:
    where = f" at {side.site}" if side.site.line else ""
    return f"{side.actor} {side.does}{where}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")


def sarif(found: Races, version: str) -> dict[str, object]:
    """The answer as one run of simcore, with a result per race; the second site is a related location."""
    known = [kind.simcore_bug_kind for kind in KINDS]  # type: ignore[attr-defined]
    rules = {kind.name: kind.means for kind in known} | {race.mistake: race.means for race in found.races}
    notes = [{"level": "warning", "message": {"text": f"not seen: {what}"}} for what in map(clean, found.unseen)]
    return {
        "version": "2.1.0",
        "$schema": SCHEMA,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "simcore",
                        "version": version,
                        "rules": [
                            {"id": _id(name), "name": clean(name), "shortDescription": {"text": clean(text)}}
                            for name, text in rules.items()
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
                "results": [_result(race) for race in found.races],
            }
        ],
    }


def _id(name: str) -> str:
    return clean(name).replace(" ", "-")


def _result(race: Race) -> dict[str, object]:
    places = [(side, side.site) for side in race.sides if side.site.line]
    related = [
        {"id": number, "message": {"text": clean(_side(side))}, **_location(site)} for number, (side, site) in enumerate(places)
    ]
    key = "|".join(sorted(f"{site.file}:{site.function}" for _, site in places))
    return {
        "ruleId": _id(race.mistake),
        "level": "error" if race.struck else "note" if race.possible is Possible.NO or race.doubt else "warning",
        "message": {"text": f"{title_of(race)}: {sentence(race)}"},
        "locations": [_location(places[0][1])] if places else [],
        "relatedLocations": related,
        "occurrenceCount": race.times,
        "partialFingerprints": {"simcoreRace/v1": clean(f"{race.place}|{key}")},
    }


def _location(site: Site) -> dict[str, object]:
    file = site.file.replace("\\", "/")
    path = f"file://{quote(file)}" if PurePosixPath(file).is_absolute() else quote(file)
    return {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": site.line}}}
