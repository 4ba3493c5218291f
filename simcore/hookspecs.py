"""Every hook of simcore, on one page; docs/hooks.md has a heading for each.

A new argument of a hook is free: implementations take only the arguments they name. Changing or removing one raises
API_VERSION, warns those who still name it (`warn_on_impl_args`) and is dated in docs/hooks.md.
"""

from collections.abc import Callable, Iterable
from typing import Final

import pluggy

API_VERSION: Final = 1
"""Version of this page: raised when an argument changes its meaning or goes."""

PROJECT: Final = "simcore"
"""The project's name for pluggy: implementations carry their mark as `simcore_impl`."""

PREFIX: Final = "simcore_"
"""Every hook's name begins so; a function named so without a mark is reported."""

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def simcore_patterns() -> Iterable[Callable[..., object]] | None:
    """Return the patterns that a plugin builds at run time: functions that were passed through `simcore.api.pattern(...)`.

    A function decorated in the plugin's module is found without this hook. Called once per plugin host, and once more inside the
    recorded program when one of these patterns runs: it must build the same patterns under the same names both times.
    """


@hookspec
def simcore_probes() -> Iterable[Callable[..., object]] | None:
    """Return what `simcore compare` is to ask in each child process: functions that were passed through `simcore.api.probe(...)`.

    Each is called without arguments at a child's first line and returns a short plain value; only its name crosses into the
    program, so it stands at the top level of its module.
    """


@hookspec
def simcore_exporters() -> Iterable[Callable[..., object]] | None:
    """Return the formats that `simcore export` writes: functions that were passed through `simcore.api.exporter(...)`.

    Each is called with the part of a trace to be written and a binary file. simcore's own come through this hook as well.
    """


@hookspec
def simcore_observers() -> Iterable[Callable[..., object]] | None:
    """Return what is told of finished runs: functions that were passed through `simcore.api.observer(...)`.

    Each is called with a run when `simcore record` or `simcore replay` is done with it. One that raises is named and not called
    again; the command ends as it would have without it.
    """


@hookspec
def simcore_bug_kinds() -> Iterable[Callable[..., object]] | None:
    """Return kinds of bugs that `simcore races` is to know: functions that were passed through `simcore.api.bug_kind(...)`.

    Each is called with the evidence of a race; the first that says yes names it. Plugins are asked before simcore's own, which
    come through this hook as well. One that raises is named and not called again; the race gets another name.
    """
