"""Runs a simcore command beside the kernel: what it writes streams into the cell, an interrupt ends it and all it has started."""

from __future__ import annotations

import codecs
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from simcore.engine.family import family_of, kill_family, kill_group
from simcore.engine.launch import HOME
from simcore.notebook.child import PROGRESS

PATIENCE_S: Final = 3.0
"""A program that is interrupted may tidy up so long. Then it is killed, as it is by a second interrupt."""

SAVING_S: Final = 60.0
"""So long simcore may take then to save the trace. A third interrupt kills it, and the next command saves what was recorded."""

_CHUNK: Final = 1 << 16
_TICK_S: Final = 0.05

Sink = Callable[[str], object]

_shows_progress: Final[list[Callable[[], Sink]]] = []


def show_progress(new: Callable[[], Sink]) -> None:
    """Ask `new`, for each command from now on, for what shows a line that says how far it is, in the place of the one before."""
    _shows_progress[:] = [new]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its stdout where that was kept, what simcore itself said, whether it was interrupted."""

    answer: str
    talk: str
    interrupted: bool


class _Pipe:
    """The reading end of one stream of the child."""

    def __init__(self, descriptor: int, sink: Sink) -> None:
        self.descriptor, self._sink = descriptor, sink
        os.set_blocking(descriptor, False)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self) -> bool:
        """Pass on what there is; False when there is nothing, or never will be."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return False
        text = self._decoder.decode(data, final=not data)
        if text:
            self._sink(text)
        return bool(data)


def run_command(words: Sequence[str], *, keep_answer: bool = False) -> Ran:
    """Run `simcore WORDS`; blocks. Its stdout is shown, or with `keep_answer` returned.

    What an interrupted program leaves behind is killed. Its stdin is empty.
    """
    answer: list[str] = []
    talk = _Talk(_shows_progress[0]() if _shows_progress else None)
    talk_end, child_end = os.pipe()
    alive_end, our_end = os.pipe()
    # -P: nothing that lies beside the notebook is taken for a module of ours.
    command = [sys.executable, "-P", "-c", _BOOT, str(HOME), str(child_end), str(alive_end), *words]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the child can say what an interrupt is
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(child_end, alive_end),
            process_group=0,  # an interrupt reaches the kernel alone, and we tell all others once
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(child_end)
        os.close(alive_end)
    assert process.stdout is not None
    assert process.stderr is not None
    shown = [_Shown("stdout"), _Shown("stderr")]
    pipes = [
        _Pipe(process.stdout.fileno(), answer.append if keep_answer else shown[0].add),
        _Pipe(process.stderr.fileno(), shown[1].add),
        _Pipe(talk_end, talk.add),
    ]
    try:
        interrupted = _watch(process, pipes, shown)
        talk.end()
    finally:
        if process.returncode is None:
            kill_family(process.pid)
            kill_group(process.pid)
            process.wait()
        process.stdout.close()
        process.stderr.close()
        os.close(talk_end)
        os.close(our_end)
    return Ran("".join(answer), talk.text, interrupted)


_BOOT: Final = """import sys
home, sys.argv[:] = sys.argv[1], ["simcore", *sys.argv[2:]]
sys.path.insert(0, home)
from simcore.notebook.child import main
sys.path.remove(home)
sys.exit(main())"""
"""The child imports the simcore that the kernel has."""


class _Talk:
    """What simcore itself says. Lines of progress are passed on at once, and are no part of it."""

    def __init__(self, progress: Sink | None) -> None:
        self.text = ""
        self._progress = progress
        self._begun = ""

    def add(self, text: str) -> None:
        """Take what has come, up to any place in a line."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if not line.startswith(PROGRESS):
                self.text += line + "\n"
            elif self._progress is not None and line != PROGRESS:
                self._progress(line.removeprefix(PROGRESS))

    def end(self) -> None:
        """Nothing more will come."""
        self.text += self._begun


class _Shown:
    """Writes to a stream of the cell, not more often than anybody can read: each time is an output of its own in the notebook."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._texts: list[str] = []
        self._since = 0.0

    def add(self, text: str) -> None:
        """Show this text soon."""
        self._since = self._since if self._texts else time.monotonic()
        self._texts.append(text)

    def show(self, *, now: bool = False) -> None:
        """Show what has come some time ago, or with `now` all of it."""
        if self._texts and (now or time.monotonic() - self._since > _TICK_S):
            text = "".join(self._texts)
            self._texts.clear()
            stream = getattr(sys, self._name)
            stream.write(text)
            stream.flush()


def _watch(process: subprocess.Popen[bytes], pipes: Sequence[_Pipe], shown: Sequence[_Shown]) -> bool:
    """Pass on what is written until the command ends; whether it was interrupted."""
    poll, by_descriptor = select.poll(), {pipe.descriptor: pipe for pipe in pipes}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    ending = _Ending(process.pid)
    while True:
        try:
            ended = _has_ended(process)
            for descriptor, _ in poll.poll(0 if ended else _TICK_S * 1000):
                if not by_descriptor[descriptor].read():
                    poll.unregister(descriptor)
            if ended:
                # Somebody may hold the pipes open for longer: what was written before is all that counts.
                for pipe in pipes:
                    while pipe.read():
                        pass
            for one in shown:
                one.show(now=ended)
            if ended:
                if ending.asked:
                    kill_group(process.pid)
                process.wait()
                return ending.asked > 0
            ending.go_on()
        except KeyboardInterrupt:
            ending.ask()


class _Ending:
    """Ends a command that was interrupted, step by step, so that there is a trace of what it did."""

    def __init__(self, pid: int) -> None:
        self.asked = 0
        self._pid = pid
        self._until = 0.0

    def ask(self) -> None:
        """Take the next step."""
        self.asked += 1
        self._until = time.monotonic() + (PATIENCE_S if self.asked == 1 else SAVING_S)
        if self.asked == 1:
            try:
                os.killpg(self._pid, signal.SIGINT)  # everybody, as Ctrl-C does in a terminal
            except ProcessLookupError:
                pass  # it has just ended
        elif self.asked > 2:
            kill_family(self._pid)

    def go_on(self) -> None:
        """Do what is due."""
        if self.asked and time.monotonic() > self._until:
            self.ask()
        if self.asked == 2:
            for child in family_of(self._pid)[1:]:
                kill_family(child)  # simcore is left, and saves the trace


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has; the number of its group stays its own until it is waited for."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None
