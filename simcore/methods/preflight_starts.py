"""What the looks at each start come to: what does not pickle, globals and settings that a fresh child has otherwise."""

import re
from dataclasses import replace
from typing import Any, Final

from simcore.methods.preflight import Finding
from simcore.methods.preflight_lines import lines_of
from simcore.methods.preflight_run import Facts
from simcore.methods.preflight_state import LOGGING
from simcore.methods.rows import ROWS, Severity
from simcore.trace.text import count as counted
from simcore.trace.text import join

Place = tuple[str, Any]
"""A word on a place, and the file and line, or None where that is not known."""

_CONNECTION: Final = re.compile(r"socket|sqlite3|Connection|SSL")
_FUNCTION: Final = re.compile(r"^(function|method|class|partial)\b")
_DIGEST: Final = re.compile(r" #[0-9a-f]+$")
_PER_THREAD: Final = ("ContextVar", "_thread._local")

_SERVER: Final = "the fork server is started first, and its children get its"
_PLAIN: Final = ("True", "False", "None", "not", "inf", "nan")

_FIXES: Final = {
    "_thread.lock": "pass a multiprocessing.Lock(), or make the lock in the child",
    "_thread.RLock": "pass a multiprocessing.RLock(), or make the lock in the child",
    "_io.TextIOWrapper": "pass the path, and open the file in the child",
    "_io.BufferedReader": "pass the path, and open the file in the child",
    "_io.BufferedWriter": "pass the path, and open the file in the child",
    "builtins.generator": "pass a list, or make the generator in the child",
    "builtins.module": "import the module in the child",
    "builtins.memoryview": "pass bytes, or a multiprocessing.shared_memory.SharedMemory",
    "sqlite3.Connection": "pass the path, and connect in the child",
}


class Findings:
    """Findings under way: what is seen again adds to the count."""

    def __init__(self, starts: int) -> None:
        self._of = starts
        self._found: dict[tuple[int, str], Finding] = {}
        self._starts: dict[tuple[int, str], set[str]] = {}

    def add(
        self,
        row: int,
        what: str,
        *places: Place,
        seen: str = "",
        fix: str = "",
        severity: Severity | None = None,
        start: str = "",
    ) -> None:
        """Note one; the first to say something says where and why. `start` is the child at whose start it was seen."""
        known = ROWS.get(row)
        level = severity if severity is not None else known.severity if known is not None else Severity.FATAL
        told: list[tuple[str, int, str]] = []
        for word, place in places:
            if place and place[0] and place[1] and (place[0], place[1]) not in [one[:2] for one in told]:
                told.append((place[0], place[1], word))
        key = (row, what)
        if key not in self._found:
            fix = fix or (known.fix if known is not None else "")
            self._found[key] = Finding(row, level, what, tuple(told), seen, fix, 0, self._of if start else 0)
            self._starts[key] = set()
        if start:
            self._starts[key].add(start)

    def sorted(self) -> list[Finding]:
        """Worst first; as they were seen within one severity."""
        whole = [replace(finding, count=len(self._starts[key])) for key, finding in self._found.items()]
        return sorted(whole, key=lambda finding: finding.severity)


def of_start(findings: Findings, start: Facts, site: Facts, method: str) -> None:
    """What one start has to say; `site` are the facts of the first from there."""
    pickles(findings, start, site)
    globals_of(findings, start, site)
    _settings(findings, start, site)
    child, place = start["child"], ("started", site["site"])
    codecs = start["codecs"] - site["fresh"].get("codecs", start["codecs"])
    if codecs > 0:
        what = f"{counted(codecs, 'codec')} registered behind the import: only a forked child knows it"
        findings.add(6, what, place, start=child)
    if start["threads"]:
        shown = ", ".join(repr(name) for name in start["threads"][:3]) + (", ..." if len(start["threads"]) > 3 else "")
        what = f"{counted(len(start['threads']), 'thread')} beside the one that forks: {shown}"
        findings.add(9, what, place, seen="a forked child is without them, and does not know it", start=child)
    for kind, made in start["misfits"]:
        what = f"a {kind} that get_context made for fork is given to a child that goes by the default"
        seen = f"under {method} that raises RuntimeError: the two do not fit each other"
        findings.add(18, what, ("made", made), place, seen=seen, start=child)
    files = start["files"]
    if files["pending"]:
        used = bool(files["pending within reach"])
        what = f"{counted(files['pending'], 'file')} with text that is not written yet at a fork"
        what += ", within reach of the target: under fork both write it" if used else ""
        findings.add(10, what, place, severity=Severity.SILENT if used else None, start=child)
    if files["sockets"] or files["files"]:
        both = [(files["sockets"], "socket"), (files["files"], "file")]
        what = f"{join([counted(number, word) for number, word in both if number])} open at a fork"
        findings.add(11, what, place, seen="a forked child has them too, a fresh one has not", start=child)
    if method == "forkserver":
        _late(findings, start, site)


def _settings(findings: Findings, start: Facts, site: Facts) -> None:
    """What belongs to one row and severity is one finding."""
    groups: dict[tuple[int, Severity], list[str]] = {}
    for name, ours, theirs, row in start["settings"]:
        severity = Severity.HAZARD if row == 15 and name not in LOGGING else ROWS[row].severity
        said = groups.setdefault((row, severity), [])
        said.append(f"{name} is {ours}" + (f" under fork, {theirs} in a fresh child" if not said else f", not {theirs}"))
    for (row, severity), said in groups.items():
        findings.add(row, "; ".join(said), ("started", site["site"]), severity=severity, start=start["child"])


def _late(findings: Findings, start: Facts, site: Facts) -> None:
    """What a fork server has as it was when it was started."""
    place, child = ("started", site["site"]), start["child"]
    for key, where in start["environment"]:
        what = f"the environment variable {key} is changed after the first start: children keep what it was"
        findings.add(
            16, what, ("changed", where), place, seen="a fork server keeps the environment of its own start", start=child
        )
    if start["umask"] is not None:
        before, now, where = start["umask"]
        what = f"the umask is changed after the first start, from {before} to {now}: children keep {before}"
        findings.add(16, what, ("changed", where), place, seen=f"{_SERVER} umask", start=child)
    if "os.getppid" in start["uses"]:
        what = f"`{site['target']}` may ask for os.getppid(), which would be the fork server"
        findings.add(20, what, ("target", site["target_site"]), place, severity=Severity.HAZARD, start=child)


def pickles(findings: Findings, fact: Facts, site: Facts) -> None:
    """The parts that cannot be pickled."""
    for path, kind, why, place, _ in fact["bad"]:
        is_name = not kind.startswith("a ")
        shown = f"`{kind}`" if is_name else kind
        findings.add(
            1 if is_name else 2,
            f"`{path}` of `{site['target']}` cannot be pickled: it is {shown}",
            ("defined" if is_name else "made", place),
            ("started" if site["kind"] == "site" else "given", site["site"]),
            seen=why,
            fix="" if is_name else _FIXES.get(kind.removeprefix("a "), ""),
            start=fact.get("child", ""),
        )


def globals_of(findings: Findings, fact: Facts, site: Facts) -> None:
    """The globals that a fresh child has otherwise."""
    has_logging = any(name in LOGGING for name, *_ in fact.get("settings", ()))
    for module, name, unsteady, whole, number, parts in fact["globals"]:
        path, ours, theirs = parts[0]
        if has_logging and (ours.startswith("Logger") or path in (".level", ".handlers")):
            continue  # said of the root already
        if (module, name) == ("warnings", "filters"):
            continue  # said of the settings
        shown = name if module == "__main__" else f"{module}.{name}"
        file = site["files"].get(module, "")
        lines = lines_of(file, name)
        row, severity = _row_of(ours, theirs, whole, unsteady)
        seen = "it is changed after the import" if lines.changed else "it is not what the import alone makes of it"
        if row == 5 and name in site["assigned"]:
            severity, seen = Severity.INFO, f"at its first line; `{site['target']}` assigns it itself"
        if row == 7:
            what = f"`{shown}` draws other numbers in a fresh child; under fork all siblings draw the same"
            seen = "each child makes it anew" if unsteady else "what was drawn or seeded before the fork is lost"
        elif unsteady and severity is Severity.INFO:
            what = f"`{shown}{path}` is made anew in each child"
            seen = "two fresh interpreters had two values: it is computed at import"
        else:
            more = f", and {counted(number - 1, 'difference')} more in it" if number > 1 else ""
            other = _noun(theirs) if _noun(theirs) != _noun(ours) else "another"
            what = f"`{shown}{path}` is {_noun(ours)} under fork, {other} in a fresh child{more}"
        findings.add(
            row,
            what,
            *(("changed", (file, line)) for line in lines.changed[:2]),
            ("defined", (file, lines.defined)),
            (f"read by {site['target']}", site["target_site"]),
            ("started" if site["kind"] == "site" else "given", site["site"]),
            seen=seen,
            severity=severity,
            start=fact.get("child", ""),
        )


def _row_of(ours: str, theirs: str, whole: str, unsteady: bool) -> tuple[int, Severity | None]:
    """Which of the twenty a difference of a global is."""
    if ours.startswith("Random "):
        return 7, None
    if unsteady or ours == "'__main__'":
        return 5, Severity.INFO
    if _CONNECTION.search(ours):
        return 12, None
    if _FUNCTION.match(ours) or _FUNCTION.match(theirs):
        return 6, None
    return (17, None) if whole.startswith(_PER_THREAD) else (5, None)


def _noun(text: str) -> str:
    """`a dict of 5000`, `90`, `a _io.TextIOWrapper`; a digest is left out."""
    if not text:
        return "not there"
    text = _DIGEST.sub("", text)
    first = text.split()[0]
    is_scalar = text[0] in "'\"-0123456789(" or text.startswith(("b'", 'b"')) or first in _PLAIN
    return text if is_scalar else f"a {text}" if not _FUNCTION.match(text) else f"the {text}"
