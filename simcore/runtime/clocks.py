"""Clocks and sleeps. Clocks are local inputs that replay returns; every sleep is an ordered event.

The standard library reads the clock to decide how long it waits, also under names that it took at import (`threading._time`,
`queue.time`), so those are replaced too. `datetime.now` reads the clock in C: its entry in the C type's own dictionary is the
lowest name there is.
"""

import sys
import time
from collections.abc import Callable
from operator import index
from struct import pack, unpack
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import acting, publish, unpublish
from simcore.runtime.frames import hide, wait_in_c
from simcore.runtime.patches import Patches
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

real_time = False
"""Replay sleeps as long as the recording did; set by install."""

_CLOCKS = {label: number for number, (kind, label) in enumerate(FIXED_OBJECTS) if kind is ObjectKind.CLOCK}


def _bits(seconds: float) -> int:
    value: int = unpack("<q", pack("<d", seconds))[0]
    return value


def _float(bits: int) -> float:
    value: float = unpack("<d", pack("<q", bits))[0]
    return value


def _replaced(name: str, real: Callable[[], Any]) -> Callable[[], Any]:
    number = _CLOCKS[f"time.{name}"]

    if name.endswith("_ns"):

        def clock() -> Any:
            actor = acting()
            return real() if actor is None else gate.current.local(actor, Kind.CLOCK, number, real)
    else:

        def bits() -> int:
            return _bits(real())

        def clock() -> Any:
            actor = acting()
            return real() if actor is None else _float(gate.current.local(actor, Kind.CLOCK, number, bits))

    clock.__name__ = clock.__qualname__ = name
    clock.__module__ = "time"
    return clock


def _nanoseconds(seconds: Any) -> int:
    """What the argument of a sleep means, -1 for one that `time.sleep` refuses."""
    try:
        asked = int(seconds * 1e9) if isinstance(seconds, float) else index(seconds) * 1_000_000_000
    except (TypeError, ValueError, OverflowError):
        return -1
    return asked if seconds >= 0 and asked < 2**63 else -1


def _sleep(*seconds: Any) -> None:
    """As `time.sleep`."""
    try:
        _sleep_recorded(seconds)
    except BaseException as error:
        hide(error)
        raise


def _sleep_recorded(arguments: tuple[Any, ...]) -> None:
    actor = acting()
    nanoseconds = _nanoseconds(arguments[0]) if len(arguments) == 1 else -1
    if actor is None or nanoseconds < 0:
        originals.sleep(*arguments)  # raises as the original does
        return
    site = site_of(get_frame(2))
    want = gate.current.enter(actor, Kind.SLEEP, 0, site)
    if want is not None:
        try:
            if real_time:
                originals.sleep(*arguments)
        finally:
            gate.current.leave(actor, Kind.SLEEP, 0, site, nanoseconds)
        return
    since = publish(actor, Kind.SLEEP, 0, site, timed=True)
    try:
        wait_in_c(originals.sleep, *arguments)
    finally:
        unpublish(actor)
    # A sleep that a signal handler's error cuts short is no event: in replay, too, the handler runs before it and ends it.
    gate.current.leave(actor, Kind.SLEEP, 0, site, nanoseconds, (originals.monotonic_ns() - since) // 1000)


def _of_now(real: Callable[..., Any], now: Callable[[], float]) -> Callable[..., Any]:
    """`localtime()` and its kin: of the recorded moment unless the caller names one."""

    def replaced(*seconds: Any) -> Any:
        try:
            return real(*(seconds if seconds and seconds != (None,) else (now(),)))
        except BaseException as error:
            hide(error)
            raise

    return replaced


def _of_moment(real: Callable[..., Any], before: int) -> Callable[..., Any]:
    """`strftime(form)` and `asctime()`: of the recorded moment unless the caller gives a time tuple behind `before` arguments."""

    def replaced(*arguments: Any) -> Any:
        try:
            return real(*arguments, *((time.localtime(),) if len(arguments) == before else ()))
        except BaseException as error:
            hide(error)
            raise

    return replaced


_OF_ID = {"CLOCK_REALTIME": "time", "CLOCK_PROCESS_CPUTIME_ID": "process_time", "CLOCK_THREAD_CPUTIME_ID": "thread_time"}


def _by_id(real: Callable[..., Any], suffix: str) -> Callable[..., Any]:
    """`clock_gettime`: an input under the name of the clock that it resembles."""
    numbers = {getattr(time, name): _CLOCKS[f"time.{of}{suffix}"] for name, of in _OF_ID.items() if hasattr(time, name)}
    any_other = _CLOCKS[f"time.monotonic{suffix}"]

    def replaced(*which: Any) -> Any:
        actor = acting()
        try:
            told = real(*which)  # raises for a clock that there is not
            if actor is None:
                return told
            number = numbers.get(which[0], any_other)
            if suffix:
                return gate.current.local(actor, Kind.CLOCK, number, lambda: int(told))
            return _float(gate.current.local(actor, Kind.CLOCK, number, lambda: _bits(told)))
        except BaseException as error:
            hide(error)
            raise

    return replaced


def install(patches: Patches) -> None:
    """Put the replacements in place, also where other modules took the originals by name before us."""
    for label in _CLOCKS:
        name = label.partition(".")[2]
        if label.startswith("time.") and hasattr(time, name):
            patches.set(time, name, _replaced(name, getattr(time, name)))
    patches.set(time, "sleep", _sleep)
    for name in ("localtime", "gmtime", "ctime"):
        patches.set(time, name, _of_now(getattr(time, name), time.time))
    patches.set(time, "strftime", _of_moment(time.strftime, 1))
    patches.set(time, "asctime", _of_moment(time.asctime, 0))
    for name, suffix in (("clock_gettime", ""), ("clock_gettime_ns", "_ns")):
        if hasattr(time, name):
            patches.set(time, name, _by_id(getattr(time, name), suffix))
    patches.follow_captures(time)


def install_threading(patches: Patches, threading: Any) -> None:
    """`threading` took its clock before we came."""
    patches.set(threading, "_time", time.monotonic)


def install_datetime(patches: Patches, module: Any) -> None:
    """`datetime.now` and `utcnow`; `today` asks `time.time` by itself."""
    import gc

    cls = module.datetime
    # A type of C has no settable attributes, but the dictionary behind its read-only view is an ordinary one.
    (entries,) = (d for d in gc.get_referents(cls.__dict__) if type(d) is dict)
    now, from_stamp = entries["now"], entries["fromtimestamp"]
    number = _CLOCKS["datetime.now"]

    def replaced_now(kind: Any, tz: Any = None) -> Any:
        """Returns new datetime object representing current time local to tz."""
        actor = acting()
        try:
            if actor is None or not (tz is None or isinstance(tz, module.tzinfo)):
                return now.__get__(None, kind)(tz)  # raises as the original does
            return from_stamp.__get__(None, kind)(_float(gate.current.local(actor, Kind.CLOCK, number, _wall_bits)), tz)
        except BaseException as error:
            hide(error)
            raise

    def replaced_utcnow(kind: Any) -> Any:
        """Return a new datetime representing UTC day and time."""
        actor = acting()
        try:
            if sys.version_info >= (3, 12):
                import warnings

                warnings.warn(_NO_UTCNOW, DeprecationWarning, stacklevel=2)
            seconds = _wall() if actor is None else _float(gate.current.local(actor, Kind.CLOCK, number, _wall_bits))
            return from_stamp.__get__(None, kind)(seconds, module.timezone.utc).replace(tzinfo=None)
        except BaseException as error:
            hide(error)
            raise

    for name, value in (("now", replaced_now), ("utcnow", replaced_utcnow)):
        value.__name__, value.__qualname__, value.__module__ = name, f"datetime.{name}", "datetime"
        patches.item(entries, name, classmethod(value))
    getattr(sys, "_clear_internal_caches", sys._clear_type_cache)()


def _wall_bits() -> int:
    return _bits(_wall())


_wall = time.time

_NO_UTCNOW = (
    "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. "
    "Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC)."
)
"""What CPython 3.12 and 3.13 warn of: its own warning would name our line instead of the caller's, and be filtered by that."""
