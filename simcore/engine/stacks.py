"""The stack of an actor that does not come to its turn, written by the program's own faulthandler at our signal."""

import os
import re
import signal
from pathlib import Path

from simcore.engine.run_reader import RunReader

STACK_SIGNAL = signal.SIGRTMAX - 3 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2
"""Registered by the runtime in replay only; hardly anybody else's."""


def ask_for_stacks(pid: int) -> None:
    """Let the process write all its stacks; it does so in C, also while Python waits. One that has not begun (pid 0) has none."""
    if not pid:
        return
    try:
        os.kill(pid, STACK_SIGNAL)
    except OSError:
        pass  # it is gone: there is no stack


def stack_of(reader: RunReader, actor: str, stacks: Path) -> str:
    """The stack of one actor in what its process has written, innermost frame first, or '' while there is none."""
    ident = next((ident for name, _, ident in reader.definitions.actors.values() if name == actor), 0)
    try:
        text = stacks.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for block in text.split("\n\n"):
        if re.search(rf"\b0x0*{ident:x}\b", block.partition("\n")[0]):
            whole = re.findall(r"^ *(File .* in \S+)$", block, re.MULTILINE)
            return "\n".join(line for line in whole if "simcore/runtime" not in line)
    return ""
