"""Traces with accesses, written down from lines as in `storyteller`: `main/1 load account.balance :10`.

An object with a dot in its name is an attribute, one that begins with `d_` a container, `g_` a global, `v_` a value in shared
memory, `s_` a semaphore between processes. `@` gives the item of a container: `@'a'`, `@*`, `@*append`, `@?`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from storyteller import Teller

from simcore.analysis import fasttrack
from simcore.runtime.core import core
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import ActorInfo, Ending, Header, ObjectInfo, Scenario, Trace

PREFIXES = {
    "d_": ObjectKind.ITEMS,
    "g_": ObjectKind.GLOBAL,
    "v_": ObjectKind.SHARED,
    "s_": ObjectKind.PSEMAPHORE,
}

THREADS = ("main start t1 =main/1", "main start t2 =main/2", "main/1 begin t1", "main/2 begin t2")
"""Two threads that nothing orders."""


class _Teller(Teller):
    def object(self, name: str) -> int:
        kind = ObjectKind.ATTRIBUTE if "." in name else PREFIXES.get(name[:2])
        if kind is None or name in self.names:
            return super().object(name)
        self.names[name] = len(self.objects)
        number = sum(one.kind is kind for one in self.objects) + 1
        label = name[2:] if name[:2] in PREFIXES else name.rpartition(".")[2]
        self.objects.append(ObjectInfo(0, kind, number, 0, label))
        return self.names[name]

    def tell(self, line: str) -> None:
        words = line.split()
        item = next((word[1:] for word in words if word[0] == "@"), "")
        super().tell(" ".join(word for word in words if word[0] != "@"))
        if item:
            text = f"* {item[1:]}" if item[:1] == "*" and item[1:] else item
            self.columns.value[-1] = self.text(text) + 1 << 32


def story(*lines: str, source: str = "", gil: bool = True, granularity: str = "access", **ending: object) -> Trace:
    """The trace of these lines; `source` is the text of `app.py`."""
    teller = _Teller()
    for line in lines:
        teller.tell(line)
    header = Header(
        Scenario("pattern", "story", granularity=granularity), "0.1.0", "3.12.1", "CPython", "Linux", "x86_64", gil=gil
    )
    actors = [ActorInfo(name, "") for name in teller.actors]
    end = Ending(**{"exit_code": 0} | ending)  # type: ignore[arg-type]
    trace = Trace(header, actors, teller.objects, teller.sites, teller.texts, teller.columns, ending=end)
    trace.sources["app.py"] = source
    return trace


def in_function(trace: Trace, lines: range, function: str) -> Trace:
    """The same trace, with the sites of these lines in this function."""
    sites = [site._replace(function=function) if site.line in lines else site for site in trace.sites]
    return replace(trace, sites=sites)


CORES = {"pure Python": None} if core is None else {"C core": core, "pure Python": None}


@pytest.fixture(autouse=True, params=CORES.values(), ids=CORES)
def checked_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks for races in the tests of a file that imports this: the core in C, where it is there, and pure Python."""
    monkeypatch.setattr(fasttrack, "core", request.param)


__all__ = ["THREADS", "Kind", "checked_by", "in_function", "story"]
