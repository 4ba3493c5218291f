"""From what was noted at the starts to findings: one for each thing that would change, however many starts show it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from simcore.methods.preflight import Finding, Preflight
from simcore.methods.preflight_lines import lines_of
from simcore.methods.preflight_locks import held_at_forks, name_of
from simcore.methods.preflight_run import Facts, Looked
from simcore.methods.rows import ROWS, Severity
from simcore.trace.model import Trace
from simcore.trace.text import count as counted

Place = tuple[str, int]

_CONNECTIONS: Final = re.compile(r"socket|sqlite3|Connection|SSL")
_PER_THREAD: Final = ("ContextVar", "_thread._local")
_FUNCTION: Final = re.compile(r"^(function|method|class|partial)\b")


class Findings:
    """Findings under way: what is seen again adds to the count."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Finding] = {}
        self._starts: dict[tuple[int, str], set[str]] = {}

    def add(
        self,
        row: int,
        what: str,
        *places: Place | list[Any] | None,
        seen: str = "",
        fix: str = "",
        severity: Severity | None = None,
        start: str = "",
        of: int = 0,
    ) -> None:
        """Note one; the first to say something says where and why."""
        known = ROWS.get(row)
        level = severity if severity is not None else known.severity if known is not None else Severity.FATAL
        unique = tuple(dict.fromkeys((str(place[0]), int(place[1])) for place in places if place and place[0]))
        key = (row, what)
        if key not in self._found:
            self._found[key] = Finding(row, level, what, unique, seen, fix or (known.fix if known is not None else ""), 0, of)
            self._starts[key] = set()
        if start:
            self._starts[key].add(start)

    def sorted(self) -> list[Finding]:
        """Worst first; as they were seen within one severity."""
        from dataclasses import replace

        whole = [replace(finding, count=len(self._starts[key])) for key, finding in self._found.items()]
        return sorted(whole, key=lambda finding: finding.severity)


def conclude(looked: Looked, method: str) -> Preflight:
    """All findings of a run, for a change to `method`."""
    trace, findings = looked.trace, Findings()
    sites = [fact for fact in looked.facts if fact["kind"] == "site"]
    starts = [fact for fact in looked.facts if fact["kind"] == "start"]
    tasks = [fact for fact in looked.facts if fact["kind"] == "task"]
    by_key = {site["key"]: site for site in sites}
    for site in [*sites, *tasks]:
        _fresh(findings, site, trace)
    for start in starts:
        if start["key"] in by_key:
            _start(findings, start, by_key[start["key"]], len(starts), method)
    for task in tasks:
        _pickles(findings, task, task, 0)
        _globals(findings, task, task, 0)
    reached = _locks(findings, looked, starts, tasks)
    for fact in looked.facts:
        if fact["kind"] == "pin":
            _pin(findings, fact, starts, method)
        elif fact["kind"] == "atexit" and method == "spawn" and not ROWS[13].not_here:
            _atexit(findings, fact, len(starts))
    ready = [site["fresh"]["seconds"] for site in sites if not site["fresh"]["phase"]]
    done = findings.sorted()
    fine = list(_fine(done, looked, starts, sites, reached)) if starts else []
    return Preflight(method, trace, done, fine, len(starts), max(ready, default=None))


# A fresh interpreter ------------------------------------------------------------------------------------------------------------


def _fresh(findings: Findings, site: Facts, trace: Trace) -> None:
    """What came of the rehearsal: did the import and the unpickling work, and what did the import do besides?"""
    fresh = site["fresh"]
    start, main = site["site"], site.get("main") or ""
    if fresh["started"] is not None:
        findings.add(
            3,
            "a process is started while the main module is imported: there is no `__main__` guard",
            fresh["started"],
            seen="each child would import the module and come to this line again, which Python ends with RuntimeError",
        )
    elif fresh["phase"] == "import":
        row = 19 if main.startswith("<") or not main else 0
        findings.add(
            row,
            f"the main module cannot be imported again: {fresh['error']}",
            fresh["site"],
            start,
            seen="a fresh interpreter that prepared itself as a child does came no further",
            fix="" if row else "move what only the first process can do under the guard, or make it bear a second time",
        )
    elif fresh["phase"] == "unpickle":
        row = 1 if main and not main.startswith("<") else 19
        findings.add(
            row,
            f"`{site['target']}` is not there in a fresh interpreter: {fresh['error']}",
            site["target_site"],
            start,
            seen="it pickles, by its name, and cannot be unpickled",
        )
    if fresh["written"]:
        findings.add(
            4,
            f"importing the main module writes {counted(fresh['written'], 'line')}, in every child again",
            _main_place(site),
            start,
            seen="seen in a fresh interpreter that imported it",
        )
    for name in fresh["threads"]:
        findings.add(4, f"importing the main module starts thread {name!r}, in every child again", _main_place(site), start)


def _main_place(site: Facts) -> Place | None:
    return (site["main"], 1) if site.get("main") else None


# Starts -------------------------------------------------------------------------------------------------------------------------


def _start(findings: Findings, start: Facts, site: Facts, of: int, method: str) -> None:
    _pickles(findings, start, site, of)
    _globals(findings, start, site, of)
    child, place = start["child"], site["site"]
    for name, ours, theirs, row in start["settings"]:
        findings.add(
            row, f"{name}: {ours} under fork, {theirs} in a fresh child", place, seen="", start=child, of=of, severity=_mild(row)
        )
    if start["codecs"]:
        what = f"{counted(start['codecs'], 'codec')} that the parent registered behind the import: only a forked child knows it"
        findings.add(6, what, place, start=child, of=of)
    if start["threads"]:
        shown = ", ".join(repr(name) for name in start["threads"][:3]) + (", ..." if len(start["threads"]) > 3 else "")
        what = f"{counted(len(start['threads']), 'thread')} beside the one that forks: {shown}"
        findings.add(9, what, place, seen="a forked child is without them, and does not know it", start=child, of=of)
    files = start["files"]
    if files["pending"]:
        what = f"{counted(files['pending'], 'file')} with text that is not written yet at a fork"
        findings.add(10, what, place, seen="under fork it is written twice, else once", start=child, of=of)
    if files["sockets"] or files["files"]:
        both = [(files["sockets"], "socket"), (files["files"], "file")]
        shown = " and ".join(f"{counted(number, word)}" for number, word in both if number)
        severity = Severity.HAZARD if files["sockets"] else Severity.INFO
        seen = "a forked child has them too, a fresh one has not"
        findings.add(11, f"{shown} open at a fork", place, seen=seen, severity=severity, start=child, of=of)
    if method == "forkserver":
        for key, where in start["environment"]:
            what = f"the environment variable {key} is changed after the first start: children keep what it was"
            findings.add(16, what, where, place, seen="a fork server has the environment of its own start", start=child, of=of)
        if start["umask"] is not None:
            before, now, where = start["umask"]
            what = f"the umask is changed after the first start, {before} to {now}: children keep {before}"
            findings.add(16, what, where, place, start=child, of=of)
        if "os.getppid" in start["uses"]:
            what = f"`{site['target']}` may ask for os.getppid(): it would be the fork server's"
            findings.add(20, what, site["target_site"], place, start=child, of=of)


def _mild(row: int) -> Severity | None:
    return None if row in ROWS else Severity.SILENT


def _pickles(findings: Findings, fact: Facts, site: Facts, of: int) -> None:
    for path, kind, why, place in fact["bad"]:
        is_name = why.startswith(("a lambda", "it cannot be found"))
        findings.add(
            1 if is_name else 2,
            f"`{path}` of `{site['target']}` cannot be pickled: it is {'' if kind.startswith('a ') else '`'}{kind}"
            f"{'' if kind.startswith('a ') else '`'}",
            place,
            site["site"],
            seen=why,
            fix="" if is_name else _FIXES.get(kind.removeprefix("a "), ""),
            start=fact.get("child", ""),
            of=of,
        )


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


def _globals(findings: Findings, fact: Facts, site: Facts, of: int) -> None:
    has_logging = any(row == 15 and name.startswith("logging") for name, _, _, row in fact.get("settings", ()))
    for module, name, unsteady, number, parts in fact["globals"]:
        path, ours, theirs = parts[0]
        if has_logging and (ours.startswith("Logger") or path in (".level", ".handlers")):
            continue  # said of the root already
        shown = name if module == "__main__" else f"{module}.{name}"
        lines = lines_of(_file_of(module, site), name)
        file = _file_of(module, site)
        places = [(file, line) for line in (*lines.changed, lines.defined) if line]
        more = f" (and {number - 1} more)" if number > 1 else ""
        row, severity = _row_of(ours, theirs, unsteady)
        if row == 7:
            what = f"`{shown}` draws other numbers in a fresh child; under fork all siblings draw the same ones"
            seen = "a generator that each child makes anew" if unsteady else "its state at the fork is lost"
        elif severity is Severity.INFO:
            what = f"`{shown}{path}` is made anew in each child"
            seen = "two fresh interpreters had two values: it is computed at import"
        else:
            what = f"`{shown}{path}` is {ours or 'not there'} under fork, {theirs or 'not there'} in a fresh child{more}"
            seen = "changed after the import" if lines.changed else "not what the import alone makes of it"
        reader = site["target_site"]
        findings.add(
            row, what, *places[:2], *([reader] if reader else []), site["site"], seen=seen, severity=severity,
            start=fact.get("child", ""), of=of,
        )  # fmt: skip


def _row_of(ours: str, theirs: str, unsteady: bool) -> tuple[int, Severity | None]:
    """Which of the twenty a difference of a global is."""
    if ours.startswith(("Random ", "numpy Random")):
        return 7, None
    if _CONNECTIONS.search(ours):
        return 12, None
    if _FUNCTION.match(ours) or _FUNCTION.match(theirs):
        return 6, None
    if ours.startswith(_PER_THREAD):
        return 17, None
    return 5, Severity.INFO if unsteady else None


def _file_of(module: str, site: Facts) -> str:
    """The file of a global's module, as far as it is known: the target's own, or the main one."""
    files: dict[str, str] = site.get("files", {})
    return files.get(module, site.get("main") or "" if module == "__main__" else "")


# The run ------------------------------------------------------------------------------------------------------------------------


def _locks(findings: Findings, looked: Looked, starts: list[Facts], tasks: list[Facts]) -> int:
    """Locks that were held at a fork; returns how many locks the targets can reach."""
    trace = looked.trace
    held = held_at_forks(trace)
    by_task = {looked.objects.get(int(number)): name for task in tasks for number, name in task["locks"].items()}
    every = set(by_task)
    for start in starts:
        reached = {looked.objects.get(int(number)): name for number, name in start["locks"].items()} | by_task
        every |= set(reached)
        for one in held.get(start["child"], ()):
            known = {key: name for key, name in reached.items() if key is not None}
            name, holder = name_of(trace, one, known), trace.actors[one.holder]
            who = "the thread that forks" if one.holder == one.forker else f"thread {holder.thread_name or holder.name!r}"
            taken, made = trace.sites[one.taken], trace.sites[trace.objects[one.object].site]
            places = [_absolute(trace, site.file, site.line) for site in (taken, made) if site.line]
            if one.identity in known:
                what = f"`{name}` is held by {who} at a fork, and the target can reach it: under fork that child waits for ever"
                findings.add(
                    8,
                    what,
                    *places,
                    start=start["child"],
                    of=len(starts),
                    seen=_REPAIRED,
                )
            elif not trace.sites[trace.objects[one.object].site].file.startswith("<"):
                what = f"`{name}` is held by {who} at a fork; no target was seen to reach it"
                findings.add(8, what, *places, start=start["child"], of=len(starts), severity=Severity.HAZARD)
    return len(every - {None})


_REPAIRED: Final = "a fresh child makes a lock of its own: the switch repairs this"


def _absolute(trace: Trace, file: str, line: int) -> Place:
    return (file if file.startswith(("/", "<")) else f"{trace.header.root}/{file}", line)


def _pin(findings: Findings, fact: Facts, starts: list[Facts], method: str) -> None:
    call = fact["call"]
    if fact["method"] == "fork":
        mixed = call.startswith("get_context") and any(not start["pinned"] for start in starts)
        fix = f'ask for "{method}" there' if call != "os.fork()" else "use multiprocessing.Process, or leave it as it is"
        findings.add(
            18,
            f"{call} asks for fork, whatever the default is",
            fact["site"],
            seen="other processes go by the default: what the two make does not fit each other"
            if mixed
            else "it stays fork until you change it",
            fix=fix,
            severity=Severity.HAZARD if mixed else Severity.INFO,
        )
    else:
        findings.add(
            18,
            f"{call} asks for {fact['method']} already",
            fact["site"],
            seen="what it starts was not looked at",
            fix="nothing to do for these",
            severity=Severity.INFO,
        )


_MIXED: Final = "other processes go by the default: locks and queues of the one cannot be given to the other"


def _atexit(findings: Findings, fact: Facts, of: int) -> None:
    what = "what a child registers with atexit is run when it ends; under fork it is not"
    findings.add(13, what, fact["site"], start=fact["child"], of=of)


def _fine(findings: list[Finding], looked: Looked, starts: list[Facts], sites: list[Facts], locks: int) -> Iterator[str]:
    """What was looked at and found to stay as it is."""
    rows = {finding.row for finding in findings}
    fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
    if not fatal:
        yield f"{counted(len(starts), 'start')}: target and arguments pickle, and unpickle in a fresh interpreter"
    if 3 not in rows:
        yield "the main module can be imported by a child: it starts no process"
    differing = len({(module, name) for start in starts for module, name, *_ in start["globals"]})
    reached = max((start["reached"] for start in starts), default=0)
    if reached > differing:
        yield f"{counted(reached - differing, 'global')} that a target can reach: the same in a fresh child"
    if 8 not in rows:
        yield f"no lock was seen held at a fork ({counted(locks, 'lock')} within reach); that it never is, no run can show"
    if not any(fact["kind"] == "pin" for fact in looked.facts):
        yield "nothing asks for fork by name"
