"""Every error of simcore and every exit code.

SimcoreError
|- UsageError            2   what was asked for does not exist or does not fit
|  |- UnknownPattern
|  |- BadParameter
|  `- NotReplayable          this interpreter, platform or plugin cannot replay this trace
|- TraceError            3   a file that is no trace, is damaged, or is newer than this simcore
|- PluginError           4   a plugin that does not load or whose hook failed
|- RunFailed             1   Trace.check(): the run did not end as expected
|- Divergence            1   replay met an operation the trace does not allow
|- Inconclusive          5   no answer could be given
`- InternalError       125   simcore itself failed while it ran a program
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a `simcore` command returns; `record -- COMMAND` returns the command's own code instead."""

    YES = 0
    NO = 1
    USAGE = 2
    UNREADABLE = 3
    PLUGIN = 4
    INCONCLUSIVE = 5
    DEADLOCK = 123
    TIMEOUT = 124
    INTERNAL = 125
    INTERRUPTED = 130


class SimcoreError(Exception):
    """Base of all errors that simcore raises on purpose. `hint` says what to do, or is empty."""

    exit_code: ExitCode = ExitCode.INTERNAL
    hint: str = ""


class _Told(SimcoreError):
    """An error whose whole sentence is written where it is raised."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message, self.hint = message, hint

    def __str__(self) -> str:
        return self.message


class UsageError(_Told):
    """What was asked for does not exist or does not fit."""

    exit_code = ExitCode.USAGE


class UnknownPattern(UsageError):
    """No plugin contributes a pattern of this name."""


class BadParameter(UsageError):
    """A parameter that the pattern does not have, or a value that does not fit its type."""


class NotReplayable(UsageError):
    """This trace can be read here but not replayed: another Python minor, platform, or a pattern that is not installed."""


class TraceError(_Told):
    """A file that is no trace, is damaged, or was written by a newer simcore."""

    exit_code = ExitCode.UNREADABLE


class PluginError(_Told):
    """A plugin that does not load, or whose hook failed. The sentence names plugin, file and line."""

    exit_code = ExitCode.PLUGIN


class RunFailed(_Told):
    """`Trace.check()`: the recorded run did not end as its scenario expects."""

    exit_code = ExitCode.NO


class Inconclusive(_Told):
    """No answer: something uncontrolled, cut off or out of time stood in the way."""

    exit_code = ExitCode.INCONCLUSIVE


class InternalError(_Told):
    """simcore itself failed while it ran a program."""

    exit_code = ExitCode.INTERNAL


class Divergence(SimcoreError):
    """Replay met an operation that the trace does not have there.

    `actor` and `step` name the first event that differs, `position` its place in the trace (None past its end); `recorded` and
    `observed` are one phrase each, call site included; `reason` says more where something is known.
    """

    exit_code = ExitCode.NO
    hint = "does the program read a clock, a random number or a set's order that simcore does not control?"

    def __init__(
        self, actor: str, step: int, position: int | None, recorded: str, observed: str, reason: str = "", stack: str = ""
    ) -> None:
        super().__init__(actor, step, position, recorded, observed, reason, stack)
        self.actor, self.step, self.position = actor, step, position
        self.recorded, self.observed, self.reason, self.stack = recorded, observed, reason, stack

    def __str__(self) -> str:
        return f"{self.actor}:{self.step}: the trace has {self.recorded}, the run did {self.observed}"
