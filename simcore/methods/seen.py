"""Reads what the processes of a run have written down, and puts it in order by child."""

from __future__ import annotations

import ast
from pathlib import Path

from simcore.methods.model import Child, Facts

_TIMES = ("called", "returned", "target", "site", "helpers")


def read_events(folder: Path) -> list[Facts]:
    """All events of a run; a line that a killed process left unfinished is passed over."""
    events = []
    for path in sorted(folder.glob("*.seen")):
        for line in path.read_text(encoding="utf-8", errors="backslashreplace").splitlines():
            try:
                event = ast.literal_eval(line)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(event, dict) and "kind" in event:
                events.append(event)
    return events


def children_of(events: list[Facts]) -> dict[str, Child]:
    """The children by name. Those that were started by a child that only imports its main module again are not children of
    the program."""
    found: dict[str, Child] = {}

    def child(event: Facts) -> Child:
        return found.setdefault(event["name"], Child(event["name"]))

    stray = {event["pid"] for event in events if event["kind"] == "child failed"}
    for event in events:
        match event["kind"]:
            case "start":
                one = child(event)
                for key in _TIMES:
                    setattr(one, key, event[key])
                one.pid = event["child"]
            case "start failed" if event["pid"] not in stray:
                one = child(event)
                one.target, one.site = event["target"], event["site"]
                one.failed = event
            case "before start" if event["pid"] not in stray:
                child(event).parent = event
            case "fork":
                child(event).fork = event
            case "first line":
                one = child(event)
                one.first, one.ours, one.cpu = event["at"], event["ours"], event["cpu"]
                one.ppid_is_parent, one.modules = event["ppid_is_parent"], event["modules"]
            case "end":
                one = child(event)
                one.begun, one.ended, one.error = event["begun"], event["at"], event["error"]
                one.switches, one.taken = event["switches"], event["taken"]
            case "exit":
                child(event).status = event["status"]
            case "state":
                child(event).facts = event["facts"]
            case "globals":
                one = child(event)
                one.found, one.worker, one.assigned = event["found"], event["worker"], event["assigned"]
            case "atexit":
                child(event).registered = event["registered"]
            case "atexit called":
                child(event).called_at_exit = True
    by_pid = {one.pid: one for one in found.values() if one.pid}
    for event in events:
        one_or_none = by_pid.get(event["pid"])
        if one_or_none is not None and event["kind"] == "child failed":
            one_or_none.failed = event
        elif one_or_none is not None and event["kind"] == "reimport":
            one_or_none.reimport = event
    return {name: one for name, one in found.items() if name.startswith("main")}
