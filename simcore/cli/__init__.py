"""The command line: `simcore VERB`. Only here is anything printed or the process ended.

Importing this package loads nothing; `main` is the console script and returns the exit code.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from errno import ENOSPC
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from click import ClickException

__all__ = ["main"]

BROKEN_PIPE = 141
"""What a program that SIGPIPE ends returns: `simcore show | head` is no error and no answer."""


_REPORT_IT: Final = "hint: SIMCORE_TRACEBACK=1 shows the traceback; please report it"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code. Errors become one `error:` line and a `hint:` line on stderr."""
    # Not list(...): once the verb `list` is loaded, that name is its module here.
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A mark that the terminal's encoding lacks must not cost the answer.
            stream.reconfigure(errors="replace")
    try:
        with _ended_like_a_ctrl_c():
            code = _guarded(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _silence()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return 130
    return code


@contextmanager
def _ended_like_a_ctrl_c() -> Iterator[None]:
    """Whoever ends us by SIGTERM or SIGHUP has us clean up first: programs that we run, folders, semaphores."""
    numbers = []
    if threading.current_thread() is threading.main_thread():
        named = (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))
        numbers = [number for number in named if number is not None and signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _guarded(arguments: list[str]) -> int:
    """Run the verb; turn whatever it raises into lines on stderr and an exit code."""
    from click import ClickException
    from click.exceptions import Abort, Exit

    from simcore.errors import ExitCode, SimcoreError

    try:
        from simcore.cli.app import run

        return run(arguments)
    except BrokenPipeError:
        raise
    except Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, Abort):
        _say("simcore: interrupted")
        return ExitCode.INTERRUPTED
    except ClickException as error:
        message, hint = explained(error)
        _say(f"error: {message}", f"hint: {hint}" if hint else "")
        return ExitCode.USAGE
    except SimcoreError as error:
        _traceback()
        _say(f"error: {error}", f"hint: {error.hint}" if error.hint else "")
        return error.exit_code
    except OSError as error:
        _traceback()
        if error.errno != ENOSPC:
            _say(f"error: simcore failed: {_one_line(error)}", _REPORT_IT)
            return ExitCode.INTERNAL
        where = f" for {error.filename}" if error.filename else ""
        _say(f"error: there is no room{where}: {error.strerror}", "hint: make room where traces go, and run it again")
        return ExitCode.INTERNAL
    except Exception as error:
        _traceback()
        _say(f"error: simcore failed: {_one_line(error)}", _REPORT_IT)
        return ExitCode.INTERNAL


def explained(error: ClickException) -> tuple[str, str]:
    """What click found wrong, in our words: lower case, no full stop; and the help that answers it."""
    from click.exceptions import NoSuchOption

    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "simcore"
    hint = f"`{command} --help` lists what it takes"
    if isinstance(error, NoSuchOption):
        message = f"no such option {error.option_name}"
        hint = f"did you mean {error.possibilities[0]} ?" if error.possibilities else hint
    return message[:1].lower() + message[1:], hint


def _one_line(error: BaseException) -> str:
    """Class, message and the deepest line of an unexpected exception."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = ""
    if frames:
        folder, file = os.path.split(frames[-1].filename)
        where = f" ({os.path.basename(folder)}/{file}:{frames[-1].lineno})"
    return f"{type(error).__name__}: {error}{where}"


def _traceback() -> None:
    if os.environ.get("SIMCORE_TRACEBACK", "0") not in ("", "0"):
        import traceback

        traceback.print_exc()


def _say(*lines: str) -> None:
    """Write lines to stderr, each cleaned of what a terminal would obey, its first word coloured on a terminal."""
    from simcore.cli.console import colour_of
    from simcore.trace.text import clean

    colours = {"error": "\x1b[1;31m", "hint": "\x1b[36m"}
    for line in filter(None, lines):
        head, colon, rest = clean(line).partition(":")
        if colour_of(sys.stderr) and head in colours:
            head = f"{colours[head]}{head}\x1b[0m"
        print(f"{head}{colon}{rest}", file=sys.stderr)


def _silence() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit does not complain about the broken pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
