"""Pipes between processes: `multiprocessing.connection`, at the level of whole messages.

A connection's number travels with it when it is pickled, so every process speaks of one and the same end. What is sent is stamped
before it can arrive, what is received when it is there. Whether there is something to read is asked only while recording. Closing
an end is no event: what it brings about elsewhere, an end of file or a broken pipe, is.
"""

import errno
import os
import select
from collections.abc import Callable
from sys import _getframe as get_frame
from typing import Any, Final

from simcore.runtime import actors, gate, originals, signal_places, sites
from simcore.runtime.actors import Actor, acting, here, publish, tls, unpublish
from simcore.runtime.coming import coming
from simcore.runtime.core import core
from simcore.runtime.frames import hide
from simcore.runtime.order import ORDER_EVENT
from simcore.runtime.patches import Patches
from simcore.runtime.processes.children import unrecorded
from simcore.runtime.processes.exclusion import one_at_a_time
from simcore.runtime.processes.folders import recorded_size
from simcore.runtime.processes.tickets import TOO_LONG, place_among_receivers, takes_out, tickets_of
from simcore.runtime.segment import WAIT_STAMPED
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_END_OF_FILE: Final = -1
_CUT_OFF: Final = -2
"""Values of RECV below zero, with TOO_LONG; those further below are a negative `errno`."""

_LONGEST_HEADER: Final = 12
_BROKEN: Final = (errno.EPIPE, errno.ECONNRESET)


def undone(actor: Actor, object_id: int) -> int | None:
    """In replay: the `-errno` with which the trace has the operation fail whose turn this actor has; None if it did not."""
    following = coming(actor)
    if following is None or following.kind != Kind.UNDO or following.object_id != object_id:
        return None
    return following.value


def undo(actor: Actor, object_id: int, site: int, error: OSError) -> None:
    """Say that what was just given did not happen."""
    gate.current.give(actor, Kind.UNDO, object_id, site, -(error.errno or 0))
    gate.current.gave(actor)


def os_error(value: int) -> OSError:
    """The error behind a negative value."""
    return OSError(-value, os.strerror(-value))


class _Failing:
    """Stands for a connection whose reading or writing comes to nothing: its error has the traceback that it had.

    No cycle of references leads through it: the error would else keep the message's buffer until the collector comes.
    """

    _handle = -1

    def __init__(self, cls: Any, does: Callable[..., bytes]) -> None:
        self._cls, self._does = cls, does

    def _send(self, buf: Any) -> None:
        self._cls._send(self, buf, self._does)

    def _recv(self, size: int) -> Any:
        return self._cls._recv(self, size, self._does)


def _raising(value: int) -> Callable[..., bytes]:
    def does(handle: int, _: Any) -> bytes:
        raise os_error(value)

    return does


def _reading(*chunks: bytes) -> Callable[..., bytes]:
    coming = iter(chunks)
    return lambda handle, size: next(coming)


def install(patches: Patches, module: Any) -> None:
    """Replace what a `Connection` does with messages, `wait`, and how a connection is pickled."""
    cls = module.Connection
    _install_messages(patches, cls, cls._send_bytes, cls._recv_bytes, cls._poll)
    base = module._ConnectionBase
    real_init = base.__init__

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            real_init(self, *arguments, **named)
        except BaseException as error:
            hide(error)
            raise
        self.simcore_id = actors.create(ObjectKind.CONNECTION, get_frame(1))

    patches.method(base, "__init__", __init__)
    patches.set(module, "rebuild_connection", unrecorded(module.rebuild_connection))
    real_reduce = module.reduce_connection

    def reduce_connection(conn: Any) -> Any:
        made = _reduce(conn)
        state = {name: value for name, value in vars(conn).items() if name.startswith("simcore_")}
        return (*made, state) if state.get("simcore_id") else made

    _reduce = unrecorded(real_reduce)
    patches.set(module, "reduce_connection", reduce_connection)
    patches.item(module.reduction.ForkingPickler._extra_reducers, cls, reduce_connection)
    _install_wait(patches, module)


def _install_messages(patches: Patches, cls: Any, real_send: Any, real_receive: Any, real_poll: Any) -> None:
    def _send_bytes(self: Any, buf: Any) -> None:
        actor = acting()
        try:
            number = getattr(self, "simcore_id", 0)
            if actor is None or not number:
                real_send(self, buf)
            elif gate.current.following:
                _send_again(actor, self, number, buf, site_of(get_frame(1)))
            elif hasattr(self, "simcore_queue"):  # who sends holds the queue's lock
                _send(actor, self, number, buf, site_of(get_frame(1)))
            else:
                with one_at_a_time(number):
                    _send(actor, self, number, buf, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _send(actor: Actor, self: Any, number: int, buf: Any, site: int) -> None:
        gate.current.give(actor, Kind.SEND, number, site, len(buf))
        flags = WAIT_STAMPED
        since = publish(actor, Kind.SEND, number, site, timed=False, flags=flags)  # noqa: F841  its name lets signals in here
        try:
            real_send(self, buf)
        except OSError as error:
            undo(actor, number, site, error)
            raise
        finally:
            unpublish(actor)
            gate.current.gave(actor)

    def _send_again(actor: Actor, self: Any, number: int, buf: Any, site: int) -> None:
        size = recorded_size(buf)
        want = gate.current.give(actor, Kind.SEND, number, site, size)
        gate.current.must(actor, want == size, f"the message has {size} bytes instead of {want}")
        failed = undone(actor, number)
        if failed is not None:
            gate.current.gave(actor)
            gate.current.give(actor, Kind.UNDO, number, site, failed)
            gate.current.gave(actor)
            real_send(_Failing(cls, _raising(failed)), buf)
        tickets = tickets_of(number)
        ticket = tickets.take()
        try:
            if tickets.is_next(ticket) and _has_room(self._handle, len(buf)):
                _put(self, buf)
                gate.current.gave(actor)
                _run_handlers(actor)
            else:
                gate.current.gave(actor)
                _run_handlers(actor)
                publish(actor, Kind.SEND, number, site, timed=False, flags=WAIT_STAMPED)
                tickets.wait(ticket)
                _put(self, buf)
                unpublish(actor)
        finally:
            tickets.sent(ticket)
            gate.current.gave(actor)

    def _put(self: Any, buf: Any) -> None:
        try:
            real_send(self, buf)
        except OSError as error:
            if error.errno not in _BROKEN:  # who would have read it has gone already: nobody misses it
                raise

    def _recv_bytes(self: Any, maxsize: int | None = None) -> Any:
        actor = acting()
        try:
            number = getattr(self, "simcore_id", 0)
            if actor is None or not number:
                return real_receive(self, maxsize)
            receive = _receive_again if gate.current.following else _receive
            return receive(actor, self, number, maxsize, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _receive(actor: Actor, self: Any, number: int, maxsize: int | None, site: int) -> Any:
        done: list[Any] = []
        gate.current.enter(actor, Kind.RECV, number, site)
        since = publish(actor, Kind.RECV, number, site, timed=False)
        try:
            try:
                done.extend(map(real_receive, (self,), (maxsize,)))
            finally:
                unpublish(actor)
        except (OSError, EOFError) as error:
            value = _value_of(error)
            if value is not None:
                gate.current.leave(actor, Kind.RECV, number, site, value, (originals.monotonic_ns() - since) // 1000)
            raise
        gate.current.leave(actor, Kind.RECV, number, site, _size(done[0]), (originals.monotonic_ns() - since) // 1000)
        return done[0]

    def _receive_again(actor: Actor, self: Any, number: int, maxsize: int | None, site: int) -> Any:
        early: list[Any] = []
        failed = ""
        coming = _coming(actor, number)
        if coming is not None and takes_out(coming[0]):
            place = None if hasattr(self, "simcore_queue") else place_among_receivers(actor, number, coming[4])
            if place is not None:
                tickets_of(number).wait_to_receive(place)
            try:
                early.append(real_receive(self, maxsize))
            except (OSError, EOFError) as error:
                failed = f"there is no message: {type(error).__name__} {error}".rstrip()
            if place is not None:
                tickets_of(number).received(place)
        want = gate.current.enter(actor, Kind.RECV, number, site)
        try:
            gate.current.must(actor, not failed, failed)
            if want == _END_OF_FILE:
                real_receive(_Failing(cls, _reading(b"")), maxsize)
            elif want == _CUT_OFF:
                real_receive(_Failing(cls, _reading(b"\0", b"")), maxsize)
            elif not early:
                real_receive(_Failing(cls, _raising(want or 0)), maxsize)
            size = TOO_LONG if early[0] is None else recorded_size(early[0].getvalue())
            gate.current.must(actor, size == want, f"a message of {size} bytes came instead of {want}")
            return early[0]
        finally:
            gate.current.leave(actor, Kind.RECV, number, site, want or 0)

    def _poll(self: Any, timeout: float | None) -> bool:
        actor = acting()
        try:
            number = getattr(self, "simcore_id", 0)
            if actor is None or not number:
                return bool(real_poll(self, timeout))
            return _look(actor, self, number, timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _look(actor: Actor, self: Any, number: int, timeout: float | None, site: int) -> bool:
        want = gate.current.enter(actor, Kind.POLL, number, site)
        value, waited = want, 0
        try:
            if value is None:
                since = publish(actor, Kind.POLL, number, site, timed=timeout is not None)
                actor.raw += 1
                try:
                    value = int(real_poll(self, timeout))
                except OSError as error:
                    value = -(error.errno or 0)
                    raise
                finally:
                    actor.raw -= 1
                    unpublish(actor)
                waited = (originals.monotonic_ns() - since) // 1000
            elif value < 0:
                raise os_error(value)
        finally:
            if value is not None:  # else a handler's error ended it
                gate.current.leave(actor, Kind.POLL, number, site, value, waited)
        return bool(value)

    def _send_fast(self: Any, buf: Any) -> None:
        try:
            core.sending(self, buf, real_send, _send_bytes)
        except BaseException as error:
            hide(error)
            raise

    def _receive_fast(self: Any, maxsize: int | None = None) -> Any:
        try:
            return core.receiving(self, maxsize, real_receive, _recv_bytes, _value_of)
        except BaseException as error:
            hide(error)
            raise

    if core is not None and not gate.current.following:
        patches.method(cls, "_poll", _poll)
        patches.method(cls, "_send_bytes", _send_fast)
        patches.method(cls, "_recv_bytes", _receive_fast)
        return
    for name, replacement in (("_send_bytes", _send_bytes), ("_recv_bytes", _recv_bytes), ("_poll", _poll)):
        patches.method(cls, name, replacement)


def _run_handlers(actor: Actor) -> None:
    """In replay: call the signal handlers that ran while this actor sent, for what they raise is raised there."""
    if signal_places.is_due(actor):
        signal_places.interrupt_at_end(actor)


def _coming(actor: Actor, number: int) -> tuple[int, ...] | None:
    """In replay: this actor's next event, if it is that it receives at this end. What is due before it is done."""
    mine = actor.following
    follow: Any = gate.current
    while mine.cursor < mine.end:
        event = ORDER_EVENT.unpack_from(mine.events, mine.cursor)
        value, its_object, _, after, position, kind, flags = event
        if kind == Kind.RECV and its_object == number:
            return event
        if not follow._due(actor, mine, kind, value, flags, after, position):
            return None
    return None


def _size(message: Any) -> int:
    """What RECV says of a message."""
    return TOO_LONG if message is None else int(message.tell())


def _value_of(error: BaseException) -> int | None:
    """How an error of a receiver is recorded; None for one that is a handler's, and no event."""
    if isinstance(error, EOFError):
        return _END_OF_FILE
    if not isinstance(error, OSError):
        return None
    if error.errno:
        return -error.errno
    return _CUT_OFF if error.args == ("got end of file during message",) else None


def _has_room(handle: int, size: int) -> bool:
    """Whether a message of this size can be sent without waiting, for sure."""
    if size + _LONGEST_HEADER > select.PIPE_BUF:
        return False
    poll = select.poll()
    poll.register(handle, select.POLLOUT)
    return bool(poll.poll(0))


def _install_wait(patches: Patches, module: Any) -> None:
    """`connection.wait`, for whatever it is asked to wait for: connections, sockets, sentinels of processes."""
    real = module.wait

    def wait(object_list: Any, timeout: float | None = None) -> list[Any]:
        actor = acting()
        try:
            if actor is None:
                found: list[Any] = real(object_list, timeout)
                return found
            return _wait(actor, list(object_list), timeout, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _wait(actor: Actor, asked: list[Any], timeout: float | None, site: int) -> list[Any]:
        want = gate.current.enter(actor, Kind.READY, _PROCESS, site)
        if want is not None:
            text = actor.following.text(want)
            gate.current.leave(actor, Kind.READY, _PROCESS, site, sites.intern_text(text))
            return [asked[int(number)] for number in text.split(",") if number]
        since = publish(actor, Kind.READY, _PROCESS, site, timed=timeout is not None)
        actor.raw += 1
        try:
            ready: list[Any] = real(asked, timeout)
        finally:
            actor.raw -= 1
            unpublish(actor)
        text = ",".join(str(next(number for number, one in enumerate(asked) if one is found)) for found in ready)
        waited = (originals.monotonic_ns() - since) // 1000
        gate.current.leave(actor, Kind.READY, _PROCESS, site, sites.intern_text(text), waited)
        return ready

    patches.set(module, "wait", wait)


def install_sharer(patches: Patches, module: Any) -> None:
    """Connections that are sent to others go through a thread and a socket of `multiprocessing`'s own: nobody's doing."""
    cls = module._ResourceSharer
    real_start = cls._start

    def _start(self: Any) -> None:
        actor = here()
        if actor is None:
            real_start(self)
            return
        del tls.actor
        try:
            real_start(self)
        finally:
            tls.actor = actor

    patches.method(cls, "_start", _start)
    for name in ("register", "stop"):
        patches.method(cls, name, unrecorded(getattr(cls, name)))
    patches.set(cls, "get_connection", staticmethod(unrecorded(cls.get_connection)))
    patches.set(module, "stop", module._resource_sharer.stop)
