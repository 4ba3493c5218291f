"""Where traces lie, and the run folders of recordings that were cut off.

The trace folder is `[tool.simcore] trace-dir` of the nearest pyproject.toml, else `.simtraces`; it ignores itself in git. Below it
`.runs` holds one folder per run under way, locked with flock by its controller: a folder that nobody locks is left over from a
controller that was killed, and any next command turns it into a trace.
"""

import fcntl
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path

from simcore.errors import UsageError

SUFFIX = ".simtrace"


def configured(start: Path) -> Path:
    """The trace folder for a working directory; reads pyproject.toml, creates nothing. Raises: UsageError when that is broken."""
    for folder in (start, *start.parents):
        config = folder / "pyproject.toml"
        if config.is_file():
            try:
                tool = tomllib.loads(config.read_text(encoding="utf-8")).get("tool", {}).get("simcore", {})
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise UsageError(f"{config} is not TOML: {error}", "simcore reads [tool.simcore] trace-dir from it") from None
            name = tool.get("trace-dir", ".simtraces")
            if not isinstance(name, str) or not name:
                raise UsageError(f"{config}: [tool.simcore] trace-dir is {name!r}, expected a path", "write it as a string")
            return folder / name
    return start / ".simtraces"


class RunFolder:
    """The folder of one run, mode 0700, locked as long as this object or its process lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Delete the folder and give the lock back."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Give the lock back, keep the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class TraceFolder:
    """A folder of traces. Raises: UsageError when it cannot be written."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else configured(Path.cwd())

    def _make(self) -> None:
        try:
            fresh = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            if fresh and self.path.name == ".simtraces":
                (self.path / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"the trace folder {self.path} cannot be made: {error.strerror}", "set [tool.simcore] trace-dir, or name a file with -o"
            ) from None

    def new_run(self) -> RunFolder:
        """A fresh run folder."""
        self._make()
        runs = self.path / ".runs"
        try:
            runs.mkdir(mode=0o700, exist_ok=True)
            if not (runs / ".gitignore").exists():
                (runs / ".gitignore").write_text("*\n", encoding="utf-8")
            return RunFolder(Path(tempfile.mkdtemp(prefix="run-", dir=runs)))
        except OSError as error:
            raise UsageError(f"no run folder can be made in {self.path}: {error.strerror}", "see that the folder is writable") from None

    def new_path(self, name: str) -> Path:
        """A path for a new trace of this name: `mutex-3.simtrace` after `mutex-2.simtrace`. Reserves nothing."""
        self._make()
        stem = re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "trace"
        taken = [0]
        for entry in self.path.glob(f"{stem}-*{SUFFIX}"):
            number = entry.name[len(stem) + 1 : -len(SUFFIX)]
            if number.isdecimal():
                taken.append(int(number))
        return self.path / f"{stem}-{max(taken) + 1}{SUFFIX}"

    def latest(self) -> Path:
        """The trace recorded last. Raises: UsageError when there is none."""
        found = [(entry.stat().st_mtime_ns, entry) for entry in self.path.glob(f"*{SUFFIX}")]
        if not found:
            raise UsageError(f"there is no trace in {self.path}", "record one: simcore record mutex")
        return max(found)[1]

    def left_over(self) -> list[RunFolder]:
        """Run folders whose controller is gone, each now locked by us."""
        found = []
        for path in sorted((self.path / ".runs").glob("run-*")):
            try:
                found.append(RunFolder(path))
            except OSError:
                continue  # a recording under way
        return found

    def recover(self) -> list[Path]:
        """Turn the run folders of killed controllers into traces: see `simcore.engine.recording.recover`."""
        from simcore.engine.recording import recover

        return recover(self)

    def tidy(self) -> None:
        """Remove what holds nothing any more."""
        runs = self.path / ".runs"
        try:
            if runs.is_dir() and not any(runs.glob("run-*")):
                shutil.rmtree(runs, ignore_errors=True)
            if self.path.is_dir() and {entry.name for entry in self.path.iterdir()} <= {".gitignore"} and self.path.name == ".simtraces":
                shutil.rmtree(self.path, ignore_errors=True)
        except OSError:
            pass
