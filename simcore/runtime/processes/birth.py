"""How a child process begins: its parent says who it will be, and the child takes that up before any code of the user's.

A forked child finds its birth in memory, one that is executed finds it in its environment, and one of a fork server in the
preparation data that `multiprocessing` sends it. Its first event is BEGIN, at its own turn, as a thread's is.
"""

import sys
from typing import Any

from simcore.runtime import actors, forks, garbage, gate, numbering, originals, rest, segment
from simcore.runtime.actors import Actor, tls
from simcore.runtime.core import HAS_GIL
from simcore.runtime.processes import folders, pids
from simcore.runtime.segment import TAG_PROCESS, Segment
from simcore.trace.events import Kind, ObjectKind

VARIABLE = "SIMCORE_ACTOR"
"""The environment variable that tells an executed child who it is; it is taken out again at once."""

SERVICE = "-"
"""Who the fork server is: nobody itself, but its children are somebody."""

folder = ""
"""The run's."""

called = "MainThread"
"""What the program calls the main actor of this process."""


class Birth:  # no dataclass: importing that module would take each process longer than all of the runtime's own
    """Who a child process will be: its name and number, the object that stands for it in its parent, where it was started.

    `called` is the name that the program gave it.
    """

    __slots__ = ("called", "index", "name", "object_id", "site")

    def __init__(self, name: str, index: int, object_id: int, site: int, called: str = "") -> None:
        self.name, self.index, self.object_id, self.site = name, index, object_id, site
        self.called = called.encode("utf-8", "replace").decode().replace("\0", "")  # it may have to go into an environment

    def __str__(self) -> str:
        return f"{self.index}:{self.object_id}:{self.site}:{self.name}:{self.called}"


def parse(text: str) -> Birth:
    """A birth from its text."""
    index, object_id, site, name, called = text.split(":", 4)
    return Birth(name, int(index), int(object_id), int(site), called)


def announce(actor: Actor, site: int, *, called: str = "", forks_now: bool = False) -> Birth:
    """The START of the next child process of this actor; `gate.current.gave` is to follow when it has been started.

    `called` is the name that the program gave it.
    When it `forks_now`, in this thread, the recording has START at the moment of the fork; `forks.disarm` is to follow.
    """
    actor.processes += 1
    name = f"{actor.name}.{actor.processes}"
    object_id = actors.create_for(actor, ObjectKind.CHILD, site)
    following = actor.following
    index = actors.new_index() if following is None else following.actor_index(name)
    segment.current.define(segment.TAG_ACTOR, index, name, called, 0)
    birth = Birth(name, index, object_id, site, called)
    if forks_now and not gate.current.following:
        forks.arm(actor, Kind.START, object_id, site, index)
    else:
        gate.current.give(actor, Kind.START, object_id, site, index)
    return birth


def told_pid(actor: Actor, child: int, real: int) -> int:
    """The pid that the program is told for a child process that it has just started: in replay the recorded one."""
    told = gate.current.local(actor, Kind.PID, child, lambda: real)
    pids.learn(told, real)
    return told


def open_segment(name: str) -> None:
    """Begin the segment of this process, and number what it makes."""
    segment.current = Segment(folder, name)
    segment.current.define(TAG_PROCESS, "name", name)
    numbering.number_from(folder)


def describe_process(real_pid: int) -> None:
    """Write down what is known of this process; its main actor has been defined."""
    define = segment.current.define
    for key, value in (
        ("pid", real_pid),
        ("ppid", originals.getppid()),
        ("python", sys.version.split()[0]),
        ("executable", sys.executable),
        ("implementation", sys.implementation.name),
        ("gil", int(HAS_GIL)),
        ("library", folders.LIBRARY),
        ("packages", folders.PACKAGES),
    ):
        define(TAG_PROCESS, key, value)


def begin(birth: Birth, *, method: str, forked: bool = False) -> Actor:
    """Let this process be the child that was announced: from here on its main thread is recorded.

    `forked` when a recorded process was forked, whose segment and threads this memory still shows.
    """
    global called
    called = birth.called or "MainThread"
    if forked:
        forks.forget()
        segment.current.leave()
        rest.begin_anew()
        garbage.begin_anew()
    open_segment(birth.name)
    gate.current.begin_process(birth.index)
    following: Any = gate.current if gate.current.following else None
    main = Actor(birth.name, birth.index, birth.object_id)
    if following is not None:
        following.attach(main)
    main.define("MainThread", originals.get_ident())
    describe_process(originals.getpid())
    segment.current.define(TAG_PROCESS, "start method", method)
    real, real_parent = originals.getpid(), originals.getppid()
    tls.actor = actors.main = main
    told = gate.current.enter(main, Kind.BEGIN, birth.object_id, birth.site)
    gate.current.leave(main, Kind.BEGIN, birth.object_id, birth.site, real if told is None else told)
    pids.learn(real if told is None else told, real)
    pids.learn(gate.current.local(main, Kind.PARENT, 0, lambda: real_parent), real_parent)
    generator = getattr(sys.modules.get("random"), "_inst", None)
    if generator is not None:
        # At a fork `random` seeds itself anew, by a way of its own and before this process is anybody's.
        generator.seed()
    if actors.begun is not None:
        actors.begun(main, called)
    return main
