"""What the measurements come to: verdicts, worst first. Each module has rules for some of the twenty rows."""

from __future__ import annotations

from dataclasses import replace

from simcore.methods.model import Comparison, Verdict
from simcore.methods.rows import ROWS, Severity
from simcore.methods.verdicts import forks, globals_, settings, starting


def judge(comparison: Comparison) -> list[Verdict]:
    """All verdicts on a comparison. Where a method is compared with itself, nothing that differs is the method's doing."""
    found = [
        *starting.rules(comparison),
        *forks.rules(comparison),
        *globals_.rules(comparison),
        *settings.rules(comparison),
    ]
    told: dict[tuple[object, ...], Verdict] = {}
    for verdict in found:
        if comparison.one_method and verdict.severity < Severity.INFO:
            verdict = replace(verdict, severity=Severity.INFO)
        fix = verdict.fix or (ROWS[verdict.row].fix if verdict.row and verdict.severity < Severity.INFO else "")
        told.setdefault((verdict.row, verdict.text), replace(verdict, fix=fix))
    return sorted(told.values(), key=lambda one: (one.severity, one.row or 99))
