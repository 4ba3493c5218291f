"""Threads: start, begin, end, join, is_alive, active_count, enumerate, and the interpreter's own wait at shutdown.

`_thread.start_new_thread` (and 3.13's `start_joinable_thread`) is where every thread of Python begins, so a thread's first event
and its last are put there, outside of `threading`'s own bookkeeping. That bookkeeping (`Thread._started`, `_active_limbo_lock`)
stays raw: nothing in it can be seen but through the functions replaced here, whose answers are recorded.
"""

import _thread
import threading
import weakref
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import actors, gate, imports, originals, rest, segment, signal_places, sites
from simcore.runtime.actors import Actor, acting, here, publish, tls, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.segment import PHASE_ENDED, PHASE_SHUTDOWN, TAG_ERROR
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

failures: list[str] = []
"""Names of actors whose thread ended by an exception that nobody caught."""

_listing = originals.RLock()
"""Held, while recording, from a thread's last record until it counts as ended, and while threads are listed."""

_nothing = nullcontext()

_thread_of: dict[str, "weakref.ref[threading.Thread]"] = {}
_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))


def child_of(actor: Actor, site: int) -> Actor:
    """The next actor that this one starts, with the object that stands for its thread."""
    actor.children += 1
    name = f"{actor.name}/{actor.children}"
    thread_object = actors.create_for(actor, ObjectKind.THREAD, site)
    following = actor.following
    index = actors.new_index() if following is None else following.actor_index(name)
    child = Actor(name, index, thread_object)
    if following is not None:
        following.attach(child)
    return child


def _start(real: Callable[..., Any], function: Callable[..., Any], call: Callable[[Callable[..., Any]], Any], frame: Any) -> Any:
    """Start a thread that runs `function`; `call` hands the function to run to `real`."""
    actor = here()
    if actor is None:
        return call(function)
    imports.threaded = True
    site = site_of(frame)
    child = child_of(actor, site)
    thread = getattr(function, "__self__", None)
    thread_name = ""
    if isinstance(thread, threading.Thread):
        thread.simcore_actor = child  # type: ignore[attr-defined]
        thread_name = thread.name
    child.define(thread_name, 0)

    def boot(*args: Any, **kwargs: Any) -> Any:
        child.define(thread_name, originals.get_ident())
        tls.actor = child
        gate.current.enter(child, Kind.BEGIN, child.thread_object, site)
        gate.current.leave(child, Kind.BEGIN, child.thread_object, site, 0)
        rest.starting.pop(child.index, None)
        if actors.begun is not None:
            actors.begun(child, thread_name)
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            if not isinstance(error, SystemExit):
                child.failed = True
            hide(error)
            raise
        finally:
            if here() is child:  # else this is a forked child, or the end of the process
                with _listing if not gate.current.following else _nothing:
                    gate.current.give(child, Kind.END, child.thread_object, site, int(child.failed))
                    actors.alive.pop(child.index, None)
                gate.current.gave(child)
                actors.set_phase(child, PHASE_ENDED)
                del tls.actor

    gate.current.give(actor, Kind.START, child.thread_object, site, child.index)
    if isinstance(thread, threading.Thread):
        _thread_of[child.name] = weakref.ref(thread)  # from its start on it can be listed
    actors.alive[child.index] = child
    if actor.raw:  # in Thread.start, which waits for it
        rest.starting[child.index] = actor
    try:
        return call(boot)
    except BaseException:
        rest.starting.pop(child.index, None)
        raise
    finally:
        gate.current.gave(actor)
        if isinstance(thread, threading.Thread) and gate.current.following and signal_places.is_before(actor, child):
            thread._started = _Started(thread, actor, child)  # type: ignore[attr-defined]


class _Started:
    """In replay: what `Thread.start` waits for, where a signal came before the new thread began."""

    def __init__(self, thread: threading.Thread, actor: Actor, child: Actor) -> None:
        self._thread, self._actor, self._child = thread, actor, child
        self._event = thread._started  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None) -> bool:
        """As of the `Event`. Raises: what the handlers raise."""
        self._thread._started = self._event  # type: ignore[attr-defined]
        signal_places.run_before(self._actor, self._child)
        return bool(self._event.wait(timeout))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._event, name)


def _start_new_thread(function: Callable[..., Any], args: Any, kwargs: Any = None, /) -> int:
    """As `_thread.start_new_thread`."""
    try:
        if not callable(function) or not isinstance(args, tuple) or not (kwargs is None or isinstance(kwargs, dict)):
            return _real_start(function, args, *(() if kwargs is None else (kwargs,)))  # raises as the original does
        ident: int = _start(_real_start, function, lambda boot: _real_start(boot, args, kwargs or {}), get_frame(1))
        return ident
    except BaseException as error:
        hide(error)
        raise


def _start_joinable_thread(function: Callable[..., Any], handle: Any = None, daemon: bool = True) -> Any:
    """As `_thread.start_joinable_thread` (3.13)."""
    try:
        return _start(_real_joinable, function, lambda boot: _real_joinable(boot, handle=handle, daemon=daemon), get_frame(1))
    except BaseException as error:
        hide(error)
        raise


_real_start = _thread.start_new_thread
_real_joinable: Callable[..., Any] = getattr(_thread, "start_joinable_thread", _real_start)
_Thread = threading.Thread
_init, _thread_start, _join, _is_alive = _Thread.__init__, _Thread.start, _Thread.join, _Thread.is_alive
_enumerate, _active_count = threading.enumerate, threading.active_count
_shutdown = threading._shutdown  # type: ignore[attr-defined]
_excepthook = threading.excepthook


def _thread_init(self: threading.Thread, *args: Any, **kwargs: Any) -> None:
    actor = here()
    if actor is None:
        return _init(self, *args, **kwargs)
    self.simcore_serial = serial(actor)  # type: ignore[attr-defined]
    actor.raw += 1  # Thread._started is bookkeeping
    try:
        _init(self, *args, **kwargs)
    except BaseException as error:
        hide(error)
        raise
    finally:
        actor.raw -= 1


_next_number = threading._counter  # type: ignore[attr-defined]


def _number() -> int:
    """The number in `Thread-7`: from a counter that all threads share, so who gets which is anybody's guess."""
    actor = here()
    number: int = _next_number() if actor is None else gate.current.local(actor, Kind.DRAW, 0, _next_number)
    return number


def serial(actor: Actor) -> int:
    """A hash that agrees between runs, for objects that live in sets and would else iterate by address."""
    actor.serials += 1
    return zlib.crc32(actor.name.encode()) << 20 | actor.serials


def _hash(self: Any) -> int:
    number: int | None = self.__dict__.get("simcore_serial")
    return object.__hash__(self) if number is None else number


def _start_thread(self: threading.Thread) -> None:
    actor = here()
    if actor is None:
        _thread_start(self)
        return
    actor.raw += 1  # waiting for _started is bookkeeping
    try:
        _thread_start(self)
    except BaseException as error:
        hide(error)
        raise
    finally:
        actor.raw -= 1


def _join_thread(self: threading.Thread, timeout: float | None = None) -> None:
    try:
        _join_recorded(self, timeout, get_frame(1))
    except BaseException as error:
        hide(error)
        raise


def _join_recorded(self: threading.Thread, timeout: float | None, frame: Any) -> None:
    actor = acting()
    thread = self.__dict__.get("simcore_actor")
    if actor is None or thread is None or thread is actor or not self._started.is_set():  # type: ignore[attr-defined]
        _join(self, timeout)
        return
    site = site_of(frame)
    want = _enter_join(self, timeout, actor, thread.thread_object, site)
    waited = 0
    value = want or 0
    actor.raw += 1
    try:
        if want is None:
            if _is_alive(self):
                since = publish(actor, Kind.JOIN, thread.thread_object, site, timed=timeout is not None)
                try:
                    _join(self, timeout)
                finally:
                    unpublish(actor)
                waited = (originals.monotonic_ns() - since) // 1000
            value = int(not _is_alive(self))
        elif want:
            _join_ended(self, thread)
    except BaseException:
        if want is None:
            raise
        gate.current.leave(actor, Kind.JOIN, thread.thread_object, site, value, waited)
        raise
    finally:
        actor.raw -= 1
    gate.current.leave(actor, Kind.JOIN, thread.thread_object, site, value, waited)


def _enter_join(self: threading.Thread, timeout: float | None, actor: Actor, thread_object: int, site: int) -> int | None:
    """Wait for the turn; where a signal came in the join, inside of `threading`, so that its handler has those frames too."""

    def enter() -> int | None:
        return gate.current.enter(actor, Kind.JOIN, thread_object, site)

    if not gate.current.following or not signal_places.is_due(actor):
        return enter()
    name = "_handle" if hasattr(self, "_handle") else "_tstate_lock"
    turn = _Turn(getattr(self, name), enter)
    setattr(self, name, turn)
    try:
        _join(self, timeout)
    finally:
        if getattr(self, name) is turn:  # else `threading` takes the thread for ended, as it does when a join is cut short
            setattr(self, name, turn.waited_for)
    return turn.want


class _Turn:
    """What `Thread.join` waits for, but for the waiting: that is for the joining actor's turn."""

    def __init__(self, waited_for: Any, enter: Callable[[], int | None]) -> None:
        self.waited_for = waited_for
        self.want: int | None = None
        self._enter = enter

    def join(self, *_: Any) -> bool:
        """As of a `_thread._ThreadHandle` (3.13); as a lock's `acquire` (before) it says that it does not have it."""
        self.want = self._enter()
        return False

    acquire = join

    def __getattr__(self, name: str) -> Any:
        return getattr(self.waited_for, name)


def _join_ended(thread: threading.Thread, actor: Actor) -> None:
    """In replay: the thread's last event is behind us, only the kernel may still be busy with it.

    Before its last event only a thread counts as ended whose join a handler's error cut short, on 3.11 and 3.12.
    """
    if actor.index not in actors.alive:
        _join(thread)


def _is_thread_alive(self: threading.Thread) -> bool:
    actor = acting()
    thread = self.__dict__.get("simcore_actor")
    if actor is None or thread is None or thread is actor:
        return _is_alive(self)
    alive = gate.current.read(actor, Kind.IS_ALIVE, thread.thread_object, site_of(get_frame(1)), lambda: int(_is_alive(self)))
    if not alive and gate.current.following:
        _join_ended(self, thread)
    return bool(alive)


def _count_threads() -> int:
    """As `threading.active_count`."""
    actor = acting()
    if actor is None:
        return _active_count()
    return gate.current.read(actor, Kind.COUNT, _PROCESS, site_of(get_frame(1)), _active_count)


def _enumerate_threads() -> list[threading.Thread]:
    """As `threading.enumerate`."""
    actor = acting()
    if actor is None:
        return _enumerate()
    site = site_of(get_frame(1))
    if gate.current.following:
        text = gate.current.read(actor, Kind.ENUMERATE, _PROCESS, site, int)
        found = [_thread_of[name]() for name in actor.following.text(text).split("\n") if name in _thread_of]
        return [thread for thread in found if thread is not None] + _foreign(_enumerate())
    with _listing:  # nobody ends between the list and its stamp
        listed = _enumerate()
        # A thread whose start is not recorded yet is not there yet, one whose end is recorded is gone.
        known = {thread.simcore_actor.name: thread for thread in listed if hasattr(thread, "simcore_actor")}
        named = {name: thread for name, thread in known.items() if thread.simcore_actor.index in actors.alive or name == "main"}
        gate.current.read(actor, Kind.ENUMERATE, _PROCESS, site, lambda: sites.intern_text("\n".join(named)))
    return [*named.values(), *_foreign(listed)]


def _foreign(listed: list[threading.Thread]) -> list[threading.Thread]:
    """Threads that Python did not start: they have no name to be recorded by."""
    return [thread for thread in listed if isinstance(thread, threading._DummyThread)]


def _shut_down() -> None:
    """As `threading._shutdown`: the main thread waits for all threads that are not daemons."""
    actor = here()
    if actor is not None:
        actors.set_phase(actor, PHASE_SHUTDOWN)
    try:
        _shutdown()
    except BaseException as error:
        hide(error)
        raise


def _report(args: Any) -> None:
    """As `threading.excepthook`, which it calls; it also notes who failed and how."""
    actor = here()
    if actor is not None and args.exc_type is not SystemExit:
        actor.failed = True
        failures.append(actor.name)
        note_error(actor, args.exc_type, args.exc_value, args.exc_traceback)
    _excepthook(args)


def note_error(actor: Actor, kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """Keep the last line of a traceback, with the user's innermost line in it."""
    file, line = "", 0
    while trace is not None:
        code = trace.tb_frame.f_code
        if not file or not sites.is_internal(code):
            file, line = code.co_filename, trace.tb_lineno or 0
        trace = trace.tb_next
    try:
        message = str(error)
    except Exception:
        message = ""
    segment.current.define(TAG_ERROR, actor.index, kind.__name__, message.replace("\0", ""), file, line)


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    main = threading.main_thread()
    main.simcore_actor = here()  # type: ignore[attr-defined]
    _thread_of["main"] = weakref.ref(main)
    patches.set(_thread, "start_new_thread", _start_new_thread)
    patches.set(_thread, "start_new", _start_new_thread)
    if hasattr(threading, "_start_joinable_thread"):
        patches.set(_thread, "start_joinable_thread", _start_joinable_thread)
        patches.set(threading, "_start_joinable_thread", _start_joinable_thread)
    else:
        patches.set(threading, "_start_new_thread", _start_new_thread)
    for name, replacement in (
        ("__init__", _thread_init),
        ("__hash__", _hash),
        ("start", _start_thread),
        ("join", _join_thread),
        ("is_alive", _is_thread_alive),
    ):
        patches.method(_Thread, name, replacement)
    patches.set(threading, "_counter", _number)
    patches.set(threading, "active_count", _count_threads)
    patches.set(threading, "activeCount", _count_threads)
    patches.set(threading, "enumerate", _enumerate_threads)
    patches.set(threading, "_shutdown", _shut_down)
    patches.set(threading, "excepthook", _report)
