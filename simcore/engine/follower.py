"""Watches a replay from outside: sees that turns go on, and says why when they do not."""

import time
from bisect import bisect_left
from pathlib import Path
from typing import Final

from simcore.engine.family import family_of
from simcore.engine.run_reader import RunReader
from simcore.engine.stacks import ask_for_stacks, stack_of
from simcore.runtime.order import STATUS
from simcore.runtime.segment import PHASE_ENDED, WAIT_PARKED
from simcore.trace.events import Kind, Outcome
from simcore.trace.model import Trace

TICK_S: Final = 0.02
"""How often the replay is looked at."""


class Follower:
    """What the controller does between ticks of a replay: sees that turns go on, and says why when they do not."""

    def __init__(self, trace: Trace, reader: RunReader, run: Path, turns: list[int], grace_s: float, *, stops: bool) -> None:
        self._trace, self._reader, self._run, self.turns = trace, reader, run, turns
        self._grace_s, self._stops = grace_s, stops
        self._done = -1
        self._since = time.monotonic()
        self._looks = self._busy = 0
        self.last = turns[-1] + 1 if turns else 0
        self.stuck_at: int | None = None
        self.stack = ""
        self.finished = False

    def status(self) -> tuple[int, int]:
        """Turns done (position + 1), whether a debugger is open."""
        done, debugger = STATUS.unpack((self._run / "status").read_bytes()[: STATUS.size])
        return done, debugger

    def look(self, pid: int) -> str:
        """A reason to end the program, or ''."""
        done, debugger = self.status()
        now = time.monotonic()
        if (self._run / "diverged").exists():
            return "diverged"
        if debugger or (self._stops and done == 0):
            self._since = now
            return ""
        if done != self._done:
            self._done, self._since = done, now
            self._looks = self._busy = 0
        if done >= self.last:
            return self._past_the_end(now)
        if now - self._since < 0.1:
            return ""
        position = self.next_turn(done)
        waited = now - self._since
        process = self._process_of(position)
        if waited > self._grace_s / 4:
            self._looks += 1
            # Whoever has the turn may wait for one that nobody records: the fork server, another program.
            self._busy += any(map(_wants_to_run, family_of(pid) if pid else [process]))
        state = self._state_of(position)
        if state == "ended" and waited > 0.3 and self.status()[0] == done:  # else it has come meanwhile, and ended then
            self.stuck_at = position
            return "stuck"
        gap = self._gap_s(position)
        patience = self._grace_s + 3 * gap
        if self._busy > self._looks / 4:
            patience *= 10  # it computes, be it slowly: other programs may have the processor
        if waited > patience:
            self.stuck_at = position
            self.stack = self._ask_for_stack(process, position)
            return "stuck"
        return ""

    def next_turn(self, done: int) -> int:
        """The position whose turn it is when `done` positions are done."""
        return self.turns[bisect_left(self.turns, done)]

    def _ask_for_stack(self, pid: int, position: int) -> str:
        """Where the actor is that has this turn; waits up to a second for the process to write it."""
        actor = self._trace.actors[self._trace.columns.actor[position]].name
        ask_for_stacks(pid)
        stack = ""
        for _ in range(50):
            before, stack = stack, stack_of(self._reader, actor, self._run / f"stacks-{pid}")
            if stack and stack == before:
                break  # else it may have been read while it was being written
            time.sleep(0.02)
        return stack

    def lingers(self) -> bool:
        """Whether processes that outlive the first one still have turns to take."""
        done, _ = self.status()
        return done < self.last and not self.look(0) and bool(self._reader.running())

    def _process_of(self, position: int) -> int:
        """The pid, in this run, of the process that has this turn; 0 before it has begun."""
        said = self._reader.processes.get(self._trace.processes[self._trace.columns.actor[position]], {})
        return int(said.get("pid", 0))

    def _gap_s(self, position: int) -> float:
        """How long the actor took to come to this event when it was recorded, less what it waited."""
        c = self._trace.columns
        actor = c.actor[position]
        before = next((place for place in range(position - 1, max(position - 10_000, -1), -1) if c.actor[place] == actor), None)
        start = c.at_ns[before] if before is not None else 0
        return float(max(c.at_ns[position] - start, 0)) / 1e9

    def _state_of(self, position: int) -> str:
        """`ended` when the actor whose turn it is cannot come any more."""
        self._reader.refresh_definitions()
        self._reader.refresh_records()
        pid = self._process_of(position)
        name = self._trace.actors[self._trace.columns.actor[position]].name
        if pid and not name.startswith("main/") and name != "main" and pid not in self._reader.running():
            return "ended"  # the end of the first process ends the replay anyway
        heads = self._reader.heads()
        for number, (known, _, _) in self._reader.definitions.actors.items():
            if known == name:
                phase, wait = heads.get(number, (0, None))
                if phase == PHASE_ENDED or (wait is not None and wait.since and wait.flags & WAIT_PARKED):
                    return "ended"
        return ""

    def _past_the_end(self, now: float) -> str:
        """All turns are done. What was recorded to end by itself does so; what was cut off is cut off here."""
        self.finished = True
        ending = self._trace.ending
        if ending.outcome in (Outcome.DEADLOCK, Outcome.STALLED, Outcome.TIMEOUT, Outcome.KILLED) and not self._exits():
            waited = now - self._since
            settled = waited > min(self._grace_s, 1.0) or (waited > 0.05 and self._all_parked())
            return "replayed" if settled else ""
        if now - self._since > self._grace_s + 2:
            return "lingers"
        return ""

    def _exits(self) -> bool:
        c = self._trace.columns
        return any(
            kind == Kind.EXIT and self._trace.actors[actor].name == "main" for actor, kind in zip(c.actor, c.kind, strict=True)
        )

    def _all_parked(self) -> bool:
        self._reader.refresh_definitions()
        self._reader.refresh_records()
        parked = {
            self._reader.definitions.actors[number][0]
            for number, (phase, wait) in self._reader.heads().items()
            if number in self._reader.definitions.actors and (phase == PHASE_ENDED or wait.since)
        }
        return {self._trace.actors[pending.actor].name for pending in self._trace.ending.pending} <= parked


def _wants_to_run(pid: int) -> bool:
    """Whether some thread of a process runs, would if there were a processor for it, or reads from disk."""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if task.read_text(errors="replace").rpartition(")")[2].split()[0] in "RD":
                return True
        except (OSError, IndexError):
            continue  # it has just ended
    return False
