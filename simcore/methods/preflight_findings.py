"""From what was noted inside to findings: one for each thing that would change, however many starts show it."""

from collections.abc import Iterator
from typing import Final

from simcore.methods.preflight import Finding, Preflight
from simcore.methods.preflight_locks import held_at_forks, name_of
from simcore.methods.preflight_run import Facts, Looked
from simcore.methods.preflight_starts import Findings, Place, globals_of, of_start, pickles
from simcore.methods.rows import ROWS, Severity
from simcore.trace.model import Site, Trace
from simcore.trace.text import count as counted
from simcore.trace.text import join

_REPAIRED: Final = "a fresh child makes a lock of its own: the switch repairs this"
_GUARDED: Final = 'put it under `if __name__ == "__main__":`'
_MIXED: Final = "other processes go by the default: locks and queues of the one cannot be given to the other"


def conclude(looked: Looked, method: str) -> Preflight:
    """All findings of a run, for a change to `method`."""
    sites = [fact for fact in looked.facts if fact["kind"] == "site"]
    starts = [fact for fact in looked.facts if fact["kind"] == "start"]
    tasks = [fact for fact in looked.facts if fact["kind"] == "task"]
    for fact in (*starts, *tasks):
        for bad in fact["bad"]:
            bad[3] = bad[3] or looked.made.get(bad[4])
    findings = Findings(len(starts))
    by_key = {site["key"]: site for site in sites}
    for site in [*sites, *tasks]:
        _fresh(findings, site)
    for start in starts:
        if start["key"] in by_key:
            of_start(findings, start, by_key[start["key"]], method)
    for task in tasks:
        pickles(findings, task, task)
        globals_of(findings, task, task)
    locks = _locks(findings, looked, starts, tasks)
    for fact in looked.facts:
        if fact["kind"] == "pin":
            _pin(findings, fact, starts, method)
        elif fact["kind"] == "atexit" and method == "spawn" and not ROWS[13].not_here:
            what = "what a child registers with atexit is run when it ends; under fork it is not"
            findings.add(13, what, ("registered", fact["site"]), start=fact["child"])
    ready = [site["fresh"]["seconds"] for site in sites if not site["fresh"]["phase"]]
    done = findings.sorted()
    imported = all(site["fresh"]["phase"] != "import" for site in [*sites, *tasks])
    fine = list(_fine(done, looked, starts, tasks, locks, imported)) if starts else []
    return Preflight(method, looked.trace, done, fine, len(starts), max(ready, default=None))


def _fresh(findings: Findings, site: Facts) -> None:
    """What came of the rehearsal: did the import and the unpickling work, and what did the import do besides?"""
    fresh, main = site["fresh"], site["main"]
    start = ("started" if site["kind"] == "site" else "given", site["site"])
    top = ("main module", (main, 1))
    is_file = bool(main) and not main.startswith("<")
    if fresh["started"] is not None:
        findings.add(
            3,
            "a process is started while the main module is imported: there is no `__main__` guard",
            ("started", fresh["started"]),
            seen="each child imports the module and comes to this line again, which Python ends with RuntimeError",
        )
    elif "context has already been set" in fresh["error"]:
        what = "set_start_method is called while the main module is imported: in a child the method is set already"
        findings.add(18, what, ("called", fresh["site"]), seen="each child would end there with RuntimeError", fix=_GUARDED)
    elif fresh["phase"] == "import":
        findings.add(
            0 if is_file else 19,
            f"the main module cannot be imported again: {fresh['error']}",
            ("raised", fresh["site"]),
            start,
            seen="a fresh interpreter that prepared itself as a child does came no further",
            fix="put what only the first process can do under the guard" if is_file else "",
        )
    elif fresh["phase"] == "unpickle":
        findings.add(
            1 if is_file else 19,
            f"`{site['target']}` cannot be brought into a fresh interpreter: {fresh['error']}",
            ("defined", site["target_site"]),
            start,
            seen="it pickles, and cannot be unpickled",
        )
    if fresh["started"] is not None:
        return  # it never comes to more
    done = [f"writes {counted(fresh['written'], 'line')}"] if fresh["written"] else []
    done += [*fresh["effects"], *(f"starts thread {name!r}" for name in fresh["threads"])]
    if done:
        what = f"importing the main module {join(done)}, again in every child"
        findings.add(4, what, top, start, seen="seen in a fresh interpreter")


def _locks(findings: Findings, looked: Looked, starts: list[Facts], tasks: list[Facts]) -> int:
    """Locks that were held at a fork; returns how many locks the targets can reach."""
    trace = looked.trace
    held = held_at_forks(trace)

    def reached_by(fact: Facts) -> dict[tuple[int, int, int], str]:
        known = ((looked.objects.get(int(number)), name) for number, name in fact["locks"].items())
        return {identity: name for identity, name in known if identity is not None}

    by_tasks = {identity: name for task in tasks for identity, name in reached_by(task).items()}
    every = set(by_tasks)
    for start in starts:
        reached = reached_by(start) | by_tasks
        every |= set(reached)
        for one in held.get(start["child"], ()):
            holder, made = trace.actors[one.holder], trace.sites[trace.objects[one.object].site]
            who = "the thread that forks" if one.holder == one.forker else f"thread {holder.thread_name or holder.name!r}"
            places = (_place(trace, "taken", trace.sites[one.taken]), _place(trace, "made", made))
            name = name_of(trace, one, reached)
            if one.identity in reached:
                what = f"`{name}` is held by {who} at a fork, and the target can reach it: that child may wait for ever"
                findings.add(8, what, *places, start=start["child"], seen=_REPAIRED)
            elif one.identity not in looked.librarys and one.holder != one.forker:
                what = f"`{name}` is held by {who} at a fork; no target was seen to reach it"
                findings.add(8, what, *places, start=start["child"], severity=Severity.HAZARD)
    return len(every)


def _place(trace: Trace, word: str, site: Site) -> Place:
    file = site.file if site.file.startswith(("/", "<")) else f"{trace.header.root}/{site.file}"
    return word, (file, site.line)


def _pin(findings: Findings, fact: Facts, starts: list[Facts], method: str) -> None:
    call = fact["call"]
    if fact["method"] != "fork":
        what, seen = f"{call} asks for {fact['method']} already", "what it starts was not looked at"
        findings.add(18, what, ("called", fact["site"]), seen=seen, fix="nothing to do for these", severity=Severity.INFO)
        return
    if fact["late"]:
        what = f"{call} comes behind the first start: under {method} it raises RuntimeError"
        findings.add(18, what, ("called", fact["site"]), seen=f"a start under {method} settles the default for good")
        return
    mixed = (
        call.startswith("get_context") and any(not one["pinned"] for one in starts) and not any(one["misfits"] for one in starts)
    )
    findings.add(
        18,
        f"{call} asks for fork, whatever the default is",
        ("called", fact["site"]),
        seen=_MIXED if mixed else "it stays fork until that is changed",
        fix="use multiprocessing.Process, or leave it as it is" if call == "os.fork()" else f'ask for "{method}" there',
        severity=Severity.HAZARD if mixed else Severity.INFO,
    )


def _fine(
    findings: list[Finding], looked: Looked, starts: list[Facts], tasks: list[Facts], locks: int, imported: bool
) -> Iterator[str]:
    """What was looked at and found to stay as it is."""
    rows = {finding.row for finding in findings}
    if not any(finding.severity is Severity.FATAL for finding in findings):
        also = f"; {counted(len(tasks), 'task')} of pools too" if tasks else ""
        yield f"{counted(len(starts), 'start')}: target and arguments pickle, and unpickle in a fresh interpreter{also}"
    if imported:
        yield "a child can import the main module: no process is started by that"
    differing = len({(module, name) for fact in [*starts, *tasks] for module, name, *_ in fact["globals"]})
    reached = len({name for fact in [*starts, *tasks] for name in fact["names"]})
    if imported and reached > differing:
        yield f"{counted(reached - differing, 'global')} within reach of a target, the same in a fresh child"
    if 8 not in rows:
        yield f"no lock seen held at a fork, {counted(locks, 'lock')} within reach; that none ever is no run can show"
    if not any(fact["kind"] == "pin" for fact in looked.facts):
        yield "nothing asks for fork by name"
