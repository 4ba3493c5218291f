"""Which lines ask for a lock without waiting for it: a trace knows a try by its failure, not one that succeeded."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from simcore.trace.model import Site

_ACQUIRE: Final = frozenset({"acquire", "acquire_lock"})
_GET: Final = frozenset({"get", "get_nowait"})
"""`multiprocessing.Queue.get` takes its lock as it was itself called: at once or never, or with a timeout."""


class Asks(IntEnum):
    """How a line asks for locks; what does more than one of these counts as the first."""

    WAITS = 0
    UNKNOWN = 1
    """It depends on values, or the trace does not have the source."""
    TRIES = 2
    """At once or never, or with a timeout."""


class Lines:
    """Looks lines up in the sources that a trace keeps; files are parsed once."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._files: dict[str, tuple[dict[int, Asks], dict[int, Asks]] | None] = {}

    def asks(self, site: Site, *, shared: bool) -> Asks:
        """How the line of a site asks for a lock, which may be `shared` by processes."""
        if site.file not in self._files:
            self._files[site.file] = _lines(self._sources.get(site.file))
        known = self._files[site.file]
        if known is None:
            return Asks.UNKNOWN
        takes, gets = known
        return takes.get(site.line, gets.get(site.line, Asks.WAITS) if shared else Asks.WAITS)


def _lines(source: str | None) -> tuple[dict[int, Asks], dict[int, Asks]] | None:
    """What is known of lines that call `acquire`, or enter something, and of lines that call `get`."""
    if source is None:
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # not Python
    takes: dict[int, Asks] = {}
    gets: dict[int, Asks] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            for item in node.items:
                takes[item.context_expr.lineno] = Asks.WAITS
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called in _ACQUIRE or called in _GET:
            found = gets if called in _GET else takes
            # Which line of a call that has several is its site differs between versions of Python.
            for line in {node.lineno, node.func.end_lineno or node.lineno}:
                found[line] = min(found.get(line, Asks.TRIES), _call(node, called))
    return takes, gets


def _call(node: ast.Call, called: str) -> Asks:
    """How `acquire(blocking, timeout)` and `get(block, timeout)` ask; both may be given by place or by name."""
    if called == "get_nowait":
        return Asks.TRIES
    if any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords):
        return Asks.UNKNOWN
    named = {one.arg: one.value for one in node.keywords}
    blocking = node.args[0] if node.args else named.get("blocking", named.get("block", ast.Constant(True)))
    timeout = node.args[1] if len(node.args) > 1 else named.get("timeout", ast.Constant(None))
    how = _choice(blocking)
    if how is not Asks.WAITS or _is_for_ever(timeout):
        return how
    return Asks.TRIES


def _choice(node: ast.expr) -> Asks:
    if not isinstance(node, ast.Constant):
        return Asks.UNKNOWN
    return Asks.WAITS if node.value else Asks.TRIES


def _is_for_ever(node: ast.expr) -> bool:
    try:
        return ast.literal_eval(node) in (None, -1)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False  # one that is computed is a timeout
