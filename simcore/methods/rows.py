"""The twenty differences between fork, spawn and forkserver, as data: what `compare` measures and `preflight` foretells.

Standard library only.
"""

import enum
import sys
from dataclasses import dataclass
from typing import Final

METHODS: Final = ("fork", "spawn", "forkserver")


class Severity(enum.IntEnum):
    """How much a difference matters, worst first."""

    FATAL = 0
    """A child does not start, or the program fails."""
    DEADLOCK = 1
    """A child can wait for ever."""
    SILENT = 2
    """The program runs to its end and does something else."""
    RANDOM = 3
    """Children draw the same numbers, or other ones."""
    HAZARD = 4
    """It goes wrong in some runs, or when the program changes a little."""
    COST = 5
    """It takes longer, or more memory."""
    INFO = 6
    """Worth knowing; nothing to change."""


@dataclass(frozen=True, slots=True)
class Row:
    """One difference. `means` and `fix` are for the user, `not_here` says why this Python does not have it, or is empty.

    `seen` is what happens under fork, spawn and forkserver, in a few words.
    """

    number: int
    title: str
    severity: Severity
    means: str
    fix: str
    seen: tuple[str, str, str]
    not_here: str = ""


ROWS: Final = {
    row.number: row
    for row in (
        Row(
            1,
            "a lambda, local function or local class as target",
            Severity.FATAL,
            "a child that is not forked gets its target by name, and this one has none that can be imported",
            "make it a function or class at the top level of a module",
            ("ok", "start() fails", "start() fails"),
        ),
        Row(
            2,
            "an argument that cannot be pickled",
            Severity.FATAL,
            "a child that is not forked gets its arguments pickled; a lock, file, generator or connection cannot be",
            "pass plain data and make the object in the child",
            ("ok", "start() fails", "start() fails"),
        ),
        Row(
            3,
            "no `__main__` guard",
            Severity.FATAL,
            "a child that is not forked imports the main module, which starts processes again",
            'put the start under `if __name__ == "__main__":`',
            ("ok", "the child ends with 1", "the child ends with 1"),
        ),
        Row(
            4,
            "the main module is imported again",
            Severity.SILENT,
            "what the main module does when it is imported is done again in children",
            'move it under `if __name__ == "__main__":`',
            ("not again", "in every child", "once, in the fork server" if sys.version_info >= (3, 14) else "in every child"),
        ),
        Row(
            5,
            "globals changed before start()",
            Severity.SILENT,
            "only a forked child sees what was changed after the import; any other has the import-time value",
            "pass it in args or an initializer, or set it at import",
            ("kept", "import-time value", "import-time value"),
        ),
        Row(
            6,
            "mocks, replaced functions and registered codecs",
            Severity.SILENT,
            "what was replaced or registered in the parent is so only in a forked child",
            "do it again in the child: at import, or in an initializer",
            ("kept", "lost", "lost"),
        ),
        Row(
            7,
            "random generators that siblings share",
            Severity.RANDOM,
            "a generator that is copied into children gives all of them the same numbers",
            'seed in the child: Random(f"{seed}-{index}")',
            ("siblings alike", "siblings differ", "siblings differ; alike if preloaded"),
        ),
        Row(
            8,
            "a lock that another thread holds at a fork",
            Severity.DEADLOCK,
            "the child has a copy of the lock, held by a thread that does not exist there: it is never released",
            "start processes before threads; os.register_at_fork(after_in_child=make it anew); or leave fork",
            ("hangs", "ok", "ok"),
        ),
        Row(
            9,
            "helper threads that a forked child does not have",
            Severity.HAZARD,
            "only the thread that forks exists in the child; work that is handed to another is never done",
            "start helper threads in the child, or processes before threads",
            ("work is lost", "ok", "ok"),
        ),
        Row(
            10,
            "a file with text that is not written yet",
            Severity.HAZARD,
            "the child has a copy of the buffer, and what is in it is written by both",
            "flush() before start(), or open the file in the child",
            ("written twice", "once", "once"),
        ),
        Row(
            11,
            "open files and sockets",
            Severity.HAZARD,
            "a forked child has all open descriptors: a port stays busy and a pipe open for as long as it lives",
            "close them in the child, open them after start(), or leave fork",
            ("inherited", "closed", "closed"),
        ),
        Row(
            12,
            "a connection that processes share",
            Severity.SILENT,
            "forked children use one connection together and may read each other's answers; others do not have it at all",
            "open a connection in each child",
            ("shared", "not there", "not there"),
        ),
        Row(
            13,
            "atexit in a child",
            Severity.SILENT,
            "what a child registers with atexit is not always run when it ends",
            "do it in a `finally` of the target, or with multiprocessing.util.Finalize",
            ("not run", "run", "not run"),
            "since Python 3.13 it runs under every method" if sys.version_info >= (3, 13) else "",
        ),
        Row(
            14,
            "signal handlers",
            Severity.HAZARD,
            "only a forked child has the handlers of its parent; in others only what was ignored stays ignored",
            "set handlers in the child: at import, or first thing in the target",
            ("inherited", "default", "default"),
        ),
        Row(
            15,
            "logging, warnings and limits of the interpreter",
            Severity.SILENT,
            "level and handlers of logging, warning filters, the recursion limit are set in a forked child only",
            "configure the child too: at import, or in an initializer",
            ("kept", "default", "default"),
        ),
        Row(
            16,
            "environment and umask changed after the first start()",
            Severity.SILENT,
            "the fork server keeps what it was started with, and so do its children; a value does not reach them later",
            "set it before the first start(), or pass it in args",
            ("seen", "seen", "stale"),
        ),
        Row(
            17,
            "context variables, thread-local data and decimal precision",
            Severity.SILENT,
            "what belongs to the thread that starts a process is kept in a forked child only",
            "pass the value in args and set it in the child",
            ("kept", "default", "default"),
        ),
        Row(
            18,
            "start methods that do not fit each other",
            Severity.FATAL,
            "a lock made for fork cannot be given to a child that is not forked; the default cannot be set after it was used",
            "make locks and processes from one get_context(...), and call set_start_method first of all",
            ("ok", "RuntimeError", "RuntimeError"),
        ),
        Row(
            19,
            "a main module that is no file",
            Severity.FATAL,
            "a child that is not forked cannot import what came from -c, standard input or a notebook",
            "put the functions into a module file",
            ("ok", "the child ends with 1", "the child ends with 1"),
        ),
        Row(
            20,
            "the parent process and helper processes",
            Severity.INFO,
            "the parent of a fork server's child is the fork server; spawn and forkserver bring helper processes",
            "use multiprocessing.parent_process().pid, not os.getppid()",
            ("the parent", "the parent; 1 helper", "the fork server; 2 helpers"),
        ),
    )
}
"""By number, as in docs/start-methods.md."""
