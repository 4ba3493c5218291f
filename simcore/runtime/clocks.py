"""Clocks and sleeps. Clocks are local inputs that replay returns; every sleep is an ordered event.

The standard library reads the clock to decide how long it waits, also under names that it took at import (`threading._time`,
`queue.time`), so those are replaced too. `datetime.now` reads the clock in C: its entry in the C type's own dictionary is the lowest
name there is.
"""

import sys
import time
from collections.abc import Callable
from struct import pack, unpack
from sys import _getframe as get_frame
from typing import Any

from simcore.runtime import originals
from simcore.runtime.actors import acting, publish, site_of, unpublish
from simcore.runtime.gate import Gate
from simcore.runtime.patches import Patches
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

gate: Gate  # set by install
real_time = False
"""Replay sleeps as long as the recording did; set by install."""

_CLOCKS = {label: number for number, (kind, label) in enumerate(FIXED_OBJECTS) if kind is ObjectKind.CLOCK}


def _replaced(name: str, real: Callable[[], Any]) -> Callable[[], Any]:
    number = _CLOCKS[f"time.{name}"]

    if name.endswith("_ns"):

        def clock() -> Any:
            actor = acting()
            return real() if actor is None else gate.local(actor, Kind.CLOCK, number, real)
    else:

        def bits() -> int:
            value: int = unpack("<q", pack("<d", real()))[0]
            return value

        def clock() -> Any:
            actor = acting()
            if actor is None:
                return real()
            return unpack("<d", pack("<q", gate.local(actor, Kind.CLOCK, number, bits)))[0]

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
    want = gate.enter(actor, Kind.SLEEP, 0, site)
    if want is not None:
        try:
            if real_time:
                originals.sleep(*arguments)
        finally:
            gate.leave(actor, Kind.SLEEP, 0, site, nanoseconds)
        return
    since = publish(actor, Kind.SLEEP, 0, site, timed=True)
    try:
        originals.sleep(*arguments)
    finally:
        unpublish(actor)
        gate.leave(actor, Kind.SLEEP, 0, site, nanoseconds, (originals.monotonic_ns() - since) // 1000)


def _of_now(real: Callable[..., Any], now: Callable[[], float]) -> Callable[..., Any]:
    """`localtime()` and its kin: of the recorded moment unless the caller names one."""

    def replaced(seconds: float | None = None, /) -> Any:
        return real(now() if seconds is None else seconds)

    return replaced


def install(patches: Patches) -> None:
    """Put the replacements in place."""
    for label in _CLOCKS:
        name = label.partition(".")[2]
        if label.startswith("time.") and hasattr(time, name):
            patches.set(time, name, _replaced(name, getattr(time, name)))
    patches.set(time, "sleep", _sleep)
    for name in ("localtime", "gmtime", "ctime"):
        patches.set(time, name, _of_now(getattr(time, name), time.time))
    strftime, asctime = time.strftime, time.asctime
    patches.set(time, "strftime", lambda form, *moment: strftime(form, *(moment or (time.localtime(),))))
    patches.set(time, "asctime", lambda *moment: asctime(*(moment or (time.localtime(),))))


def install_threading(patches: Patches, threading: Any) -> None:
    """`threading` took its clock before we came."""
    patches.set(threading, "_time", time.monotonic)


def install_datetime(patches: Patches, module: Any) -> None:
    """`datetime.now` and `utcnow`; `today` asks `time.time` by itself."""
    import gc

    cls = module.datetime
    # A type of C has no settable attributes, but the dictionary behind its read-only view is an ordinary one.
    (entries,) = (d for d in gc.get_referents(cls.__dict__) if type(d) is dict)
    now, utcnow = entries["now"].__get__(None, cls), entries["utcnow"].__get__(None, cls)
    number = _CLOCKS["datetime.now"]

    def moment() -> float | None:
        actor = acting()
        if actor is None:
            return None
        seconds: float = unpack("<d", pack("<q", gate.local(actor, Kind.CLOCK, number, _wall_bits)))[0]
        return seconds

    def replaced_now(kind: Any, tz: Any = None) -> Any:
        """Return the current date and time, in UTC's or tz's terms."""
        seconds = moment()
        if seconds is None:
            plain = now(tz)
            return plain if kind is cls else kind.combine(plain.date(), plain.timetz())
        return kind.fromtimestamp(seconds, tz)

    def replaced_utcnow(kind: Any) -> Any:
        """Return a new datetime representing UTC day and time."""
        seconds = moment()
        return utcnow() if seconds is None else kind.fromtimestamp(seconds, module.timezone.utc).replace(tzinfo=None)

    for name, value in (("now", replaced_now), ("utcnow", replaced_utcnow)):
        patches.item(entries, name, classmethod(value))
    getattr(sys, "_clear_internal_caches", sys._clear_type_cache)()


def _wall_bits() -> int:
    value: int = unpack("<q", pack("<d", _wall()))[0]
    return value


_wall = time.time
