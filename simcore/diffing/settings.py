"""In what two runs were set up differently: what was run, with which parameters, by which Python, with which start method."""

from __future__ import annotations

from simcore.diffing.methods import other_methods
from simcore.diffing.result import Setting
from simcore.trace.model import Trace
from simcore.trace.text import join


def settings(a: Trace, b: Trace) -> list[Setting]:
    """The settings that differ, each with its value in A and in B."""
    one, other = a.header, b.header
    found: list[Setting] = []
    if (one.scenario.target, one.scenario.name) != (other.scenario.target, other.scenario.name):
        found.append(Setting("program", one.scenario.name, other.scenario.name))
    elif one.scenario.argv != other.scenario.argv:
        found.append(Setting("arguments", " ".join(one.scenario.argv), " ".join(other.scenario.argv)))
    for name in {**one.scenario.params, **other.scenario.params}:
        first, second = (scenario.params.get(name, "not given") for scenario in (one.scenario, other.scenario))
        if first != second:
            found.append(Setting(f"parameter {name}", str(first), str(second)))
    if one.minor != other.minor:
        found.append(Setting("Python", one.minor, other.minor))
    methods = set(other_methods(a, b).values())
    if methods:
        firsts, seconds = (sorted({pair[side] for pair in methods}) for side in (0, 1))
        found.append(Setting("start method", join(firsts), join(seconds)))
    if one.scenario.granularity != other.scenario.granularity:
        found.append(Setting("granularity", one.scenario.granularity, other.scenario.granularity))
    return found
