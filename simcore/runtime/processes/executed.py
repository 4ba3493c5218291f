"""Children that are executed: the environment they get tells them who they are, also when the program passes its own.

Only the first Python below a child that was announced is that child: a shell may start several. In replay it is the one with the
command line of the recording. Other programs, and a Python that never loads the runtime, leave no segment: so they are known.
"""

import os
import sys
from types import TracebackType
from typing import Any

from simcore.runtime import gate, originals, segment, sites
from simcore.runtime.actors import Actor, here
from simcore.runtime.order import ORDER_EVENT
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth as births
from simcore.runtime.processes import folders
from simcore.runtime.processes.birth import SERVICE, VARIABLE, Birth, announce
from simcore.runtime.segment import DEFINITION, TAG_ACTOR, TAG_NOTE
from simcore.trace.events import Kind

_ARGUMENTS, _ENVIRONMENT = 0, 5
"""Where `fork_exec` takes what is executed, and its environment or None."""

_BY_PROGRAM = "subprocess:"
"""How the text begins that tells a child who it is which the program executes by other means than `multiprocessing`."""

_KEPT = (
    *("SIMCORE_RUN", "SIMCORE_HOME", "SIMCORE_MODE"),
    *("SIMCORE_SEED", "SIMCORE_CHAOS", "SIMCORE_SWITCH_INTERVAL", "SIMCORE_START_METHOD"),
    *("SIMCORE_PROBES", "SIMCORE_ACCESS", "SIMCORE_STEPS"),
)
_KEPT_IN_REPLAY = ("SIMCORE_REAL_TIME", "SIMCORE_CPUS", folders.VARIABLE)
_SEED = b"PYTHONHASHSEED"
_ours: dict[bytes, bytes] = {}
"""What a child of ours needs in its environment."""

_NO_DIGITS = dict.fromkeys(range(ord("0"), ord("9") + 1))
_boot = b""
_fork_exec: Any = None


class Executed(Birth):
    """The birth of a child that the program executes by other means than `multiprocessing`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{_BY_PROGRAM}{originals.getpid()}:{super().__str__()}"


class Starting:
    """While the program executes a child: START before, and what is done meanwhile is not recorded.

    `name` is what the child is called as long as nothing else is known of it. `birth` is who it will be.
    """

    def __init__(self, actor: Actor, site: int, name: str) -> None:
        self._actor, self._site, self._name = actor, site, name
        self.birth: Birth

    def __enter__(self) -> "Starting":
        announced = announce(self._actor, self._site)
        self.birth = Executed(announced.name, announced.index, announced.object_id, announced.site, self._name)
        self._define(self._name)
        self._actor.birth = self.birth
        self._actor.raw += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._actor.raw -= 1
        self._actor.birth = None
        if kind is not None:
            self._define("")  # nothing was started
        gate.current.gave(self._actor)

    def _define(self, name: str) -> None:
        segment.current.define(TAG_ACTOR, self.birth.index, self.birth.name, name, 0)


def program_name(words: Any) -> str:
    """What to call a child whose command is this: a line for the shell, or words."""
    try:
        word = words if isinstance(words, (str, bytes, os.PathLike)) else next(iter(words), "")
        parts = os.fsdecode(word).split()
    except TypeError:
        return ""
    return parts[0].rpartition("/")[2].replace("\0", "") if parts else ""


def has_begun(birth: Birth) -> bool:
    """Whether a child has come to be recorded: any Python that can be does so before it does anything else."""
    return os.path.exists(f"{births.folder}/{birth.name.replace('/', '~')}.names")


# In the child -------------------------------------------------------------------------------------------------------------------


def begin(who: str, following: Any) -> Actor | None:
    """Let this process be who its environment says it is; None when another one is that already, and this one is not recorded."""
    if not who.startswith(_BY_PROGRAM):
        return births.begin(births.parse(who), method="spawn")
    starter, _, text = who[len(_BY_PROGRAM) :].partition(":")
    birth = births.parse(text)
    words = " ".join(sys.orig_argv)
    direct = int(starter) in (originals.getppid(), originals.getpid())
    if (following is not None and not _is_recorded_as(words, _recorded_words(following, birth), direct)) or not _claim(birth):
        _note_unrecorded()
        return None
    actor = births.begin(birth, method="subprocess")
    gate.current.local(actor, Kind.INPUT, birth.object_id, lambda: sites.intern_text(words))
    return actor


def _recorded_words(following: Any, birth: Birth) -> str | None:
    """In replay: the command line of the process that was this child, None if there was none."""
    events = following.events_of(birth.index)
    for at in range(0, len(events), ORDER_EVENT.size):
        value, _, _, _, _, kind, _ = ORDER_EVENT.unpack_from(events, at)
        if kind == Kind.INPUT:
            text: bytes = following.inputs[value]
            return text.decode("utf-8", "surrogatepass")
    return None


def _is_recorded_as(words: str, recorded: str | None, direct: bool) -> bool:
    """Whether these are the recorded words; where there can be no other Python, a port or a pid among them may be another."""
    if recorded is None or not direct:
        return words == recorded
    return words.translate(_NO_DIGITS) == recorded.translate(_NO_DIGITS)


def _claim(birth: Birth) -> bool:
    try:
        os.close(os.open(f"{births.folder}/{birth.name.replace('/', '~')}.claim", os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


def _note_unrecorded() -> None:
    """Count this process: it is outside of our control."""
    note = f"child process\0{os.path.basename(sys.orig_argv[0])}".encode("utf-8", "surrogatepass")
    try:
        number = os.open(
            f"{births.folder}/unrecorded-{originals.getpid()}.names", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
    except OSError:
        return  # the run's folder is gone
    try:
        originals.write(number, DEFINITION.pack(len(note), TAG_NOTE) + note)
    finally:
        os.close(number)


# In the parent ------------------------------------------------------------------------------------------------------------------


def _replaced(*arguments: Any) -> int:
    """As `_posixsubprocess.fork_exec`."""
    who = _who(arguments[_ARGUMENTS])
    if who is not None:
        changed = list(arguments)
        changed[_ENVIRONMENT] = environment(arguments[_ENVIRONMENT], who)
        arguments = tuple(changed)
    pid: int = _fork_exec(*arguments)
    return pid


def _who(words: Any) -> bytes | None:
    """Who the child will be; empty for one that is not to be recorded, None for one that nobody has announced."""
    line = b" ".join(os.fsencode(word) for word in words)
    if b"from multiprocessing.resource_tracker import main" in line:
        return b""
    if b"from multiprocessing.forkserver import main" in line:
        return SERVICE.encode()
    actor = here()
    if actor is None or actor.birth is None:
        return None
    return str(actor.birth).encode()


def environment(given: Any, who: bytes) -> list[bytes]:
    """The environment that the program wants its child to have, with ours in it; `given` are entries, or None for our own."""
    entries = dict(os.environb.items()) if given is None else {}
    for entry in given or ():
        key, _, value = os.fsencode(entry).partition(b"=")
        entries[key] = value
    seed = entries.get(_SEED)
    for key in _ours:
        entries.pop(key, None)
    if who:
        entries.update(_ours)
        if seed and seed != b"random":
            entries[_SEED] = seed
        path = entries.get(b"PYTHONPATH")
        parts = [part for part in path.split(b":") if part != _boot] if path else []
        entries[b"PYTHONPATH"] = b":".join([_boot, *parts])
        entries[VARIABLE.encode()] = who
    return [key + b"=" + value for key, value in entries.items()]


def install(patches: Patches) -> None:
    """Remember the environment this process was recorded under, and replace the functions that execute children."""
    global _boot, _fork_exec
    import _posixsubprocess

    known = os.environb
    for name in (*_KEPT, *_KEPT_IN_REPLAY, "PYTHONHASHSEED"):
        value = known.get(name.encode())
        if value is not None:
            _ours[name.encode()] = value
    home = known.get(b"SIMCORE_HOME", b"")
    _boot = os.path.join(home, b"simcore", b"runtime", b"boot")
    _fork_exec = _posixsubprocess.fork_exec
    patches.set(_posixsubprocess, "fork_exec", _replaced)
    subprocess = sys.modules.get("subprocess")
    if subprocess is not None:
        patches.set(subprocess, "_fork_exec", _posixsubprocess.fork_exec)
