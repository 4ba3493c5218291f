"""Which interpreter can replay a trace. The one file of the engine that looks at platform and version."""

import platform
import sys

from simcore.errors import NotReplayable
from simcore.runtime import core
from simcore.trace.model import Trace


def running_minor() -> str:
    """`3.11`, with a `t` behind it on a free-threaded build."""
    return f"{sys.version_info.major}.{sys.version_info.minor}" + ("" if core.HAS_GIL else "t")


def core_name() -> str:
    """Which core records on this interpreter: `C core` or `pure Python`."""
    return core.NAME


def check_interpreter(trace: Trace) -> None:
    """Raises: NotReplayable when a trace wants another Python minor, implementation or platform."""
    header = trace.header
    ours = running_minor()
    where = (
        f"{trace.path.name if trace.path else 'it'} was recorded on Python {header.python} ({header.machine}, {header.platform})"
    )
    if sys.platform == "win32" or platform.system() != header.platform:
        raise NotReplayable(f"{where}; this is {platform.system()}", "show, diff and export work here")
    recorded_here = header.scenario.target in ("pattern", "file", "function")
    if recorded_here and header.minor != ours:
        raise NotReplayable(
            f"{where}; this is {platform.python_version()}. Replay needs {header.minor}",
            f"show, diff and export work here; to replay: run simcore on Python {header.minor}",
        )
