"""Where traces lie, and the run folders of recordings under way.

The trace folder is `[tool.simcore] trace-dir` of the nearest pyproject.toml, else `.simtraces`; it ignores itself in git. Below
it `.runs` holds one folder per run under way, locked with flock by its controller: a folder that nobody locks is left over from
a controller that was killed, and any next command turns it into a trace (see `recovery`). Whoever makes, takes over or removes
run folders holds a lock on `.runs` meanwhile, so that a folder which is just being made is nobody's leftover.
"""

import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from simcore.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows, where traces are read and nothing is recorded
    fcntl = None  # type: ignore[assignment]

SUFFIX: Final = ".simtrace"
_IGNORE_ALL: Final = "*\n"
_LONGEST_STEM: Final = 80
_ATTEMPTS: Final = 100
_VANISHED: Final = (FileNotFoundError, FileExistsError)
"""What making a folder comes to when somebody tidies it away at that moment: one is not there, or was there just before."""


def configured(start: Path) -> Path:
    """The trace folder for a working directory; reads pyproject.toml, creates nothing. Raises: UsageError when that is broken."""
    for folder in (start, *start.parents):
        config = folder / "pyproject.toml"
        if config.is_file():
            return folder / _trace_dir(config)
    return start / ".simtraces"


def _trace_dir(config: Path) -> Path:
    """What a pyproject.toml says of the trace folder, else the default."""
    hint = "simcore reads [tool.simcore] trace-dir from it"
    try:
        found: object = tomllib.loads(config.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{config} is not TOML: {error}", hint) from None
    except OSError as error:
        raise UsageError(f"{config} cannot be read: {error.strerror}", hint) from None
    for key in ("tool", "simcore"):
        found = found.get(key, {}) if isinstance(found, dict) else {}
    name = found.get("trace-dir", ".simtraces") if isinstance(found, dict) else ".simtraces"
    if not isinstance(name, str) or not name:
        raise UsageError(f"{config}: [tool.simcore] trace-dir is {name!r}, expected a path", "write it as a string")
    return Path(name).expanduser()


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError("the working directory does not exist any more", "change to one that does") from None


class RunFolder:
    """The folder of one run, mode 0700, locked as long as this object or its process lives. Raises: OSError when it is taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise

    def remove(self) -> None:
        """Delete the folder and give the lock back."""
        gone = self.path.with_name(f"gone-{self.path.name}")  # else somebody who looks for leftovers puts a new lock into it
        try:
            self.path.rename(gone)
        except OSError:
            gone = self.path
        shutil.rmtree(gone, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Give the lock back, keep the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class TraceFolder:
    """A folder of traces, that of the working directory unless another is named. It is made when something is put into it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path if path is not None else configured(_working_folder())).absolute()

    @property
    def _runs(self) -> Path:
        return self.path / ".runs"

    def _make(self) -> None:
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                fresh = not self.path.exists()
                self.path.mkdir(parents=True, exist_ok=True)
                if fresh and self.path.name == ".simtraces":
                    (self.path / ".gitignore").write_text(_IGNORE_ALL, encoding="utf-8")
                return
            except OSError as error:
                if isinstance(error, _VANISHED) and attempts_left:
                    continue  # somebody else has just tidied it away
                hint = "set [tool.simcore] trace-dir, or name a file with -o"
                raise UsageError(f"the trace folder {self.path} cannot be made: {error.strerror}", hint) from None

    # Run folders ---------------------------------------------------------------------------------------------------------------

    @contextmanager
    def _runs_locked(self) -> Iterator[None]:
        """Hold `.runs`, which is made when it is missing. Raises: OSError."""
        while True:
            self._runs.mkdir(mode=0o700, exist_ok=True)
            try:
                held = os.open(self._runs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # somebody has just removed it
            try:
                fcntl.flock(held, fcntl.LOCK_EX)
                if self._is_at_its_place(held):
                    yield
                    return
            finally:
                os.close(held)

    def _is_at_its_place(self, held: int) -> bool:
        try:
            return os.path.samestat(os.fstat(held), self._runs.stat())
        except FileNotFoundError:
            return False

    def new_run(self) -> RunFolder:
        """A fresh run folder. Raises: UsageError when none can be made here."""
        for attempts_left in reversed(range(_ATTEMPTS)):
            self._make()
            try:
                with self._runs_locked():
                    if not (self._runs / ".gitignore").exists():
                        (self._runs / ".gitignore").write_text(_IGNORE_ALL, encoding="utf-8")
                    return RunFolder(Path(tempfile.mkdtemp(prefix="run-", dir=self._runs)))
            except OSError as error:
                if isinstance(error, _VANISHED) and attempts_left:
                    continue  # tidied away again
                raise UsageError(
                    f"no run folder can be made in {self.path}: {error.strerror}", "see that the folder is writable"
                ) from None
        raise AssertionError("the last attempt returns or raises")

    def left_over(self) -> list[RunFolder]:
        """Run folders whose controller is gone, each now locked by us."""
        found = []
        if self._runs.is_dir():
            try:
                with self._runs_locked():
                    for path in self._runs.glob("gone-*"):
                        shutil.rmtree(path, ignore_errors=True)  # whoever was about to is gone
                    for path in sorted(self._runs.glob("run-*")):
                        try:
                            found.append(RunFolder(path))
                        except OSError:
                            continue  # a recording under way, or somebody else's
            except OSError:
                pass  # a folder that we may only read: nothing here is ours to recover
        return found

    def recover(self) -> list[Path]:
        """Turn what killed controllers left over into traces; their paths. See `simcore.engine.recovery`."""
        from simcore.engine.recovery import recover

        return recover(self)

    def tidy(self) -> None:
        """Remove `.runs`, and a trace folder of our own making, when nothing is left in them."""
        try:
            if self._runs.is_dir():
                with self._runs_locked():
                    _remove_if_empty(self._runs)
            if self.path.name == ".simtraces":
                _remove_if_empty(self.path)
        except OSError:
            pass  # it stays, and does no harm

    # Traces --------------------------------------------------------------------------------------------------------------------

    def new_path(self, name: str) -> Path:
        """A path for a new trace of this name: `mutex-3.simtrace` after `mutex-2.simtrace`. Reserves nothing: see `adopt`."""
        self._make()
        stem = re.sub(r"[^\w.+-]+", "-", name).strip("-.")[:_LONGEST_STEM] or "trace"
        taken = [0]
        for entry in self.path.iterdir():
            number = entry.name[len(stem) + 1 : -len(SUFFIX)]
            if entry.name == f"{stem}-{number}{SUFFIX}" and number.isdecimal():
                taken.append(int(number))
        return self.path / f"{stem}-{max(taken) + 1}{SUFFIX}"

    def adopt(self, file: Path, name: str) -> Path:
        """Move a finished file here as the next trace of this name; two at one moment get two numbers. Raises: UsageError."""
        while True:
            path = self.new_path(name)
            try:
                os.link(file, path)
            except FileExistsError:
                continue
            except OSError:
                return self._move(file, path)  # a file system without hard links
            file.unlink(missing_ok=True)
            return path

    def _move(self, file: Path, path: Path) -> Path:
        try:
            shutil.move(file, path)
        except OSError as error:
            raise UsageError(f"cannot write the trace {path}: {error.strerror}", "choose another place with -o") from None
        return path

    def latest(self) -> Path:
        """The trace recorded last. Raises: UsageError when there is none."""
        found = []
        for entry in self.path.glob(f"*{SUFFIX}"):
            try:
                found.append((entry.stat().st_mtime_ns, entry))
            except OSError:
                continue  # just removed
        if not found:
            raise UsageError(f"there is no trace in {self.path}", "record one: simcore record mutex")
        return max(found)[1]


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing but its .gitignore; one that somebody puts something into meanwhile stays as it was."""
    if {entry.name for entry in folder.iterdir()} == {".gitignore"}:
        (folder / ".gitignore").unlink()
        try:
            folder.rmdir()
        except OSError:
            (folder / ".gitignore").write_text(_IGNORE_ALL, encoding="utf-8")
