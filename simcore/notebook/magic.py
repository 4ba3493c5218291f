"""What `%simcore` and `%%simcore` do; nothing here knows IPython.

Each runs simcore's own command in a process of its own, asks it to answer in JSON, and returns what that is about: a `Trace`, a
`Diff`, a `Compared`, or nothing where the command has only text to show.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

from simcore.cli.options import load_trace
from simcore.diffing import Diff, diff
from simcore.errors import ExitCode, SimcoreError, UsageError
from simcore.notebook.cells import keep_for, write_cell
from simcore.notebook.compared import Compared
from simcore.notebook.running import run_command
from simcore.notebook.words import Words, of_cell, of_line
from simcore.trace.model import Trace
from simcore.trace.text import count

Result = Trace | Diff | Compared | None

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


class Interrupted(SimcoreError):
    """The kernel was interrupted; `result` is what came of the run up to then, None if nothing did."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, result: Result = None) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return "interrupted" + ("; what is shown is the run until then" if self.result is not None else "")


def run_cell(line: str, cell: str, variables: MutableMapping[str, object]) -> Result:
    """Run a cell as a program; the result, which with `--name` is kept in a variable, too.

    Blocks; what the program writes is shown meanwhile. Raises: UsageError and other errors of simcore, Interrupted.
    """
    words = of_cell(line, variables)
    if words.wants_help:
        _say([words.verb if words.verb != "diff" else "record", "--help"])
        return None
    file = write_cell(cell, f"%%simcore {line}".rstrip(), words.name or "cell")
    result: Result = None
    try:
        if words.verb == "compare":
            result = _compare([*words.options, file, *words.rest], echo=words.wants_json)
        else:
            arguments = [*words.options, file, *words.rest]
            result = _record(arguments, words) if words.verb == "record" else _diff_runs(arguments, words)
    except Interrupted as error:
        result = error.result
        raise
    finally:
        for trace in _traces_of(result):
            keep_for(file, trace)
        if words.name and result is not None:
            variables[words.name] = result
    return result


def _traces_of(result: Result) -> list[Path]:
    """The files of the runs that a result is of."""
    runs = [result.trace_a, result.trace_b] if isinstance(result, Diff) else [result] if isinstance(result, Trace) else []
    return [run.path for run in runs if run.path is not None]


def run_line(line: str, known: Mapping[str, object]) -> Result:
    """Run one command line; what a word names in `known` is used in its place. As `run_cell`."""
    words = of_line(line, known)
    rest = list(words.rest)
    if not {"--help", "-h"} & set(rest):
        match words.verb:
            case "record":
                return _record(rest, words)
            case "compare":
                return _compare(rest, echo="--json" in rest)
            case "diff" if len(rest) == 2 and not any(word.startswith("-") for word in rest):
                return diff(load_trace(rest[0]), load_trace(rest[1]))
            case "show" if not any(word.startswith("-") for word in rest) and len(rest) < 2:
                return load_trace(rest[0] if rest else None)
    _say([words.verb, *rest])
    return None


def _say(words: Iterable[str]) -> None:
    """Run a command for what it prints."""
    ran = run_command(list(words))
    if ran.interrupted:
        raise Interrupted
    _told(ran.talk)


def _record(arguments: list[str], words: Words) -> Trace | None:
    """Record a run, or hunt for one; the trace of what failed where there are two."""
    hunts = "--until-failure" in (words.options or arguments)
    ran = run_command(["record", "--json", *arguments], keep_answer=hunts)
    facts, talk = _json(ran.answer, ran.talk) if hunts else _last_line(ran.talk)
    if hunts and facts is not None:
        kept = {end: facts[end]["trace"] for end in ("fail", "pass") if facts[end] is not None}
        if facts["failed"] and "pass" in kept:
            print(f"run {facts['runs']} failed; the last that passed is {_typed(kept['pass'])}")
        else:
            print(f"{count(facts['runs'], 'run')}, {'the last one' if facts['failed'] else 'none'} failed")
        facts = facts["fail"] or facts["pass"]
    if words.wants_json and facts is not None:
        print(json.dumps(facts))
    trace = Trace.load(facts["trace"]) if facts is not None and facts["trace"] else None
    if ran.interrupted:
        raise Interrupted(trace)
    _told(talk, answered=trace is not None)
    return trace


def _compare(arguments: list[str], *, echo: bool) -> Compared | None:
    ran = run_command(["compare", "--json", *arguments], keep_answer=True)
    facts, talk = _json(ran.answer, ran.talk)
    if ran.interrupted:
        raise Interrupted
    _told(talk, answered=facts is not None)
    if echo and facts is not None:
        print(json.dumps(facts))
    return Compared(facts) if facts is not None else None


def _diff_runs(arguments: list[str], words: Words) -> Diff | None:
    """Two runs of a cell, or with `--against` one and a trace that is there already."""
    first = load_trace(words.against) if words.against else _record(arguments, words)
    if first is None:
        return None
    second = _record(arguments, words)
    return diff(first, second) if second is not None else None


def _typed(path: str) -> str:
    from simcore.views.summary import typed_path

    return typed_path(Path(path))


def _json(answer: str, talk: str) -> tuple[dict[str, Any] | None, str]:
    """An answer in JSON, None where there is none, and the talk beside it."""
    try:
        facts = json.loads(answer)
    except ValueError:
        return None, talk + answer
    return (facts, talk) if isinstance(facts, dict) else (None, talk)


def _last_line(talk: str) -> tuple[dict[str, Any] | None, str]:
    """The answer that is the last line of what simcore said, and all the rest."""
    head, _, last = talk.rstrip("\n").rpartition("\n")
    facts, _ = _json(last, "")
    return (facts, head) if facts is not None and "trace" in facts else (None, talk)


def _told(talk: str, *, answered: bool = True) -> None:
    """Show what simcore said. Raises: UsageError for an error, in one line."""
    lines = [line for line in _COLOUR.sub("", talk).splitlines() if line]
    errors = [place for place, line in enumerate(lines) if line.startswith("error: ")]
    before = lines[: errors[0]] if errors else lines
    for line in before:
        print(line, file=sys.stderr)
    if errors:
        hint = next((line for line in lines[errors[0] :] if line.startswith("hint: ")), "")
        raise UsageError(lines[errors[0]].removeprefix("error: "), hint.removeprefix("hint: "))
    if not answered and not lines:
        raise UsageError("simcore ended without an answer")
