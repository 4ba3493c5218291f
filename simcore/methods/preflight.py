"""What a change of the start method would change for a program, foretold from one run of it under fork.

`foretell` runs it once. The looks that are taken inside meanwhile are in `preflight_inside`; `preflight_findings` says what they
come to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from simcore.errors import UsageError
from simcore.methods.rows import Severity
from simcore.trace.model import Trace

TARGETS: Final = ("spawn", "forkserver")
"""The start methods that a program can be looked at for."""

_OWN_OPTION: Final = "`--to spawn` is Windows, macOS; `--to forkserver` is Linux from Python 3.14 on"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would change. `row` is its number in docs/start-methods.md, 0 where it has none.

    `what` is a sentence that names the user's own things, `places` are (file, line, what is there) with the most telling first,
    `seen` is the evidence, `fix` what to do. `count` is at how many of `of` starts it was seen.
    """

    row: int
    severity: Severity
    what: str
    places: tuple[tuple[str, int, str], ...]
    seen: str
    fix: str
    count: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was foretold: findings, worst first; `fine` are sentences on what was looked at and would not change.

    `words` are the target as it is written on a command line. `ready_s` is how long a fresh interpreter took to be ready for its
    target, None where none got that far.
    """

    method: str
    trace: Trace
    findings: list[Finding]
    fine: list[str] = field(default_factory=list)
    starts: int = 0
    ready_s: float | None = None
    words: tuple[str, ...] = ()

    def worst(self) -> Severity | None:
        """The severity of the worst finding."""
        return min((finding.severity for finding in self.findings), default=None)

    def to_json(self) -> dict[str, object]:
        """As docs/start-methods.md describes it."""
        worst = self.worst()
        return {
            "to": self.method,
            "python": self.trace.header.python,
            "outcome": self.trace.outcome.word,
            "starts": self.starts,
            "ready_s": self.ready_s,
            "worst": None if worst is None else worst.name.lower(),
            "findings": [
                {
                    "severity": finding.severity.name.lower(),
                    "row": finding.row or None,
                    "what": finding.what,
                    "places": [{"file": file, "line": line, "what": what} for file, line, what in finding.places],
                    "seen": finding.seen,
                    "fix": finding.fix,
                    "count": finding.count,
                    "of": finding.of,
                }
                for finding in self.findings
            ],
            "fine": self.fine,
        }


def foretell(
    target: str | Sequence[str],
    method: str,
    *,
    params: Mapping[str, object] | None = None,
    argv: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    timeout_s: float | None = None,
    quiet: bool = False,
) -> Preflight:
    """Run a pattern or program under fork and say what would change under `spawn` or `forkserver`. Blocks until it has ended.

    `target`, `params`, `argv` and `plugins` are those of `simcore.record`. Raises: UsageError for what cannot be run, or another
    method; PluginError, InternalError as `record` does.
    """
    if method not in TARGETS:
        raise UsageError(f"method is {method!r}, expected {' or '.join(TARGETS)}", _OWN_OPTION)
    from simcore.methods.preflight_findings import conclude
    from simcore.methods.preflight_run import look

    looked = look(target, params=params, argv=argv, plugins=plugins, timeout_s=timeout_s, quiet=quiet)
    return replace(conclude(looked, method), words=_words(target, params, argv, plugins))


def _words(
    target: str | Sequence[str], params: Mapping[str, object] | None, argv: Sequence[str], plugins: Sequence[str | Path]
) -> tuple[str, ...]:
    if not isinstance(target, str):
        return ("--", *target)
    options = [word for plugin in plugins for word in ("--plugin", str(plugin))]
    options += [word for name, value in (params or {}).items() for word in ("-p", f"{name}={value}")]
    return (*options, target, *argv)
