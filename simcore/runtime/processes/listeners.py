"""`Listener` and `Client` of `multiprocessing.connection`: who connects to a listener before whom, and what it accepts.

Both do it through the sockets that they make, so a socket of our own class, in the place of the one they know, is the lowest name
there is: what they say of an error stays as it was. Connecting is stamped before it happens, and while recording only one at a
time connects to an address: so the order of the stamps is the order in which the listener finds them.

The operating system chooses ports and finds names taken. In replay the program is told the address of the recording, and whoever
connects to it comes to the listener in its place: all processes of a run share one table of that.
"""

import errno
import os
import select
import socket
import zlib
from collections.abc import Callable
from sys import _getframe as get_frame
from types import ModuleType
from typing import Any, Final

from simcore.runtime import actors, gate, originals, outside, sites
from simcore.runtime.actors import Actor, acting, publish, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.locks import PATIENCE_S
from simcore.runtime.patches import Patches
from simcore.runtime.processes import birth
from simcore.runtime.processes.connections import os_error, undo, undone
from simcore.runtime.processes.exclusion import one_at_a_time
from simcore.runtime.segment import WAIT_STAMPED
from simcore.runtime.sites import site_of
from simcore.trace.events import FIXED_OBJECTS, Kind, ObjectKind

_PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))
_BACKLOG: Final = 4096
"""In replay nobody waits to be let into a listener's queue: he has the turn."""

_ADDRESSES: Final = 1 << 40
"""Above the numbers of objects, which are those of pipes' ends."""

_NOT_THERE: Final = (errno.ECONNREFUSED, errno.ENOENT, errno.EAGAIN)
_AGAIN: Final = b"again"
"""What is kept of an error that the operating system has no number for: it is raised by doing it again."""


def _text_of(address: Any) -> bytes:
    """An address as it is kept."""
    if isinstance(address, tuple):
        return f"port {address[1]} {address[0]}".encode("utf-8", "surrogatepass")
    if isinstance(address, bytes):
        return b"name " + address
    return b"path " + os.fsencode(address)


def _address_of(text: bytes) -> Any:
    what, _, rest = text.partition(b" ")
    if what == b"port":
        port, _, host = rest.partition(b" ")
        return host.decode("utf-8", "surrogatepass"), int(port)
    return rest if what == b"name" else os.fsdecode(rest)


def _key(text: bytes) -> bytes:
    """What two addresses of one listener have in common: a host has several names."""
    return text.rpartition(b" ")[0] if text.startswith(b"port ") else text


def _learn(told: bytes, real: bytes) -> None:
    """Write down that there is a listener at `real` that the program knows by `told`."""
    number = os.open(f"{birth.folder}/addresses", os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        originals.write(number, f"{_key(told).hex()} {_key(real).hex()}\n".encode())
    finally:
        os.close(number)


def _real(address: Any) -> Any:
    """Where the listener is that the program knows by this address; None if it is none of this run."""
    key = _key(_text_of(address)).hex()
    try:
        with open(f"{birth.folder}/addresses", encoding="utf-8") as file:
            found = [real for told, _, real in (line.rstrip("\n").partition(" ") for line in file) if told == key]
    except OSError:
        return None
    if not found:
        return None
    real = bytes.fromhex(found[-1])  # an address may have been used before
    return (address[0], int(real.split()[1])) if isinstance(address, tuple) else _address_of(real)


class Socket(socket.socket):
    """A socket of `multiprocessing.connection` that says what it does."""

    simcore_id = 0
    simcore_name: Any = None
    """The address that the program is told, once the socket has one."""

    def bind(self, address: Any) -> None:
        """As `socket.bind`."""
        actor = acting()
        try:
            if actor is None:
                super().bind(address)
            else:
                self.simcore_id = actors.create(ObjectKind.LISTENER, get_frame(1))
                self._bind(actor, address)
        except BaseException as error:
            hide(error)
            raise

    def _bind(self, actor: Actor, address: Any) -> None:
        failed: list[BaseException] = []

        def ask() -> bytes:
            try:
                self._unrecorded(actor, super(Socket, self).bind, address)
            except OSError as error:
                failed.append(error)
                return f"errno {error.errno}".encode() if error.errno and error.errno > 0 else _AGAIN
            except BaseException as error:
                failed.append(error)
                return _AGAIN
            return _text_of(super(Socket, self).getsockname())

        told, asked = _input(actor, self.simcore_id, ask)
        try:
            if failed:
                raise failed[0]
        finally:
            failed.clear()  # an error that knows the frame that knows the error stays until the collector comes
        if not asked:
            if told.startswith(b"errno "):
                raise os_error(-int(told.split()[1]))
            self._bind_again(actor, address)
            if told == _AGAIN:
                gate.current.must(actor, False, "the trace has this address refused")
        self.simcore_name = _address_of(told)
        _learn(told, _text_of(super().getsockname()))

    def _bind_again(self, actor: Actor, address: Any) -> None:
        """In replay: at another address, if somebody has this one now."""
        try:
            self._unrecorded(actor, super().bind, address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            elsewhere = (address[0], 0) if isinstance(address, tuple) else ""  # the kernel gives it a name of its own
            self._unrecorded(actor, super().bind, elsewhere)

    @staticmethod
    def _unrecorded(actor: Actor, do: Callable[..., Any], *arguments: Any) -> Any:
        actor.raw += 1
        try:
            return do(*arguments)
        finally:
            actor.raw -= 1

    def getsockname(self) -> Any:
        """As `socket.getsockname`."""
        return super().getsockname() if self.simcore_name is None else self.simcore_name

    def listen(self, backlog: int = 128, /) -> None:
        """As `socket.listen`."""
        super().listen(max(backlog, _BACKLOG) if self.simcore_id and gate.current.following else backlog)

    def accept(self) -> Any:
        """As `socket.accept`."""
        actor = acting()
        try:
            if actor is None or not self.simcore_id:
                return super().accept()
            accepted, address = self._accept_one(actor, site_of(get_frame(1)))
            if isinstance(address, tuple):
                address = _address_of(_input(actor, self.simcore_id, lambda: _text_of(address))[0])
            return accepted, address
        except BaseException as error:
            hide(error)
            raise

    def _accept_one(self, actor: Actor, site: int) -> Any:
        want = gate.current.enter(actor, Kind.ACCEPT, self.simcore_id, site)
        if want is not None:
            try:
                if want < 0:
                    raise os_error(want)
                return super().accept()
            finally:
                gate.current.leave(actor, Kind.ACCEPT, self.simcore_id, site, want)
        since = publish(actor, Kind.ACCEPT, self.simcore_id, site, timed=self.gettimeout() is not None)
        value = 0
        try:
            if self.gettimeout() is None:
                self._wait_until_asked()
            with one_at_a_time(self.simcore_id):
                # Another process may have the same listener, and have been faster.
                while not self._is_asked(0) and self.gettimeout() is None:
                    self._wait_until_asked()
                accepted = super().accept()
                value = 1
                unpublish(actor)
                gate.current.leave(actor, Kind.ACCEPT, self.simcore_id, site, 1, (originals.monotonic_ns() - since) // 1000)
            return accepted
        except OSError as error:
            unpublish(actor)
            if error.errno and not value:
                gate.current.leave(actor, Kind.ACCEPT, self.simcore_id, site, -error.errno)
            raise
        finally:
            unpublish(actor)

    def _wait_until_asked(self) -> None:
        self._is_asked(None)

    def _is_asked(self, timeout: int | None) -> bool:
        """Whether somebody wants to be accepted, or it is of no use to wait."""
        if self.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        done: list[Any] = []  # its name says that a signal is let in here
        done.extend(map(poll.poll, (timeout,)))
        return bool(done[0])

    def connect(self, address: Any) -> None:
        """As `socket.connect`."""
        actor = acting()
        try:
            if actor is None:
                super().connect(address)
            elif gate.current.following:
                self._connect_again(actor, address, site_of(get_frame(1)))
            else:
                self._connect(actor, address, site_of(get_frame(1)))
        except BaseException as error:
            hide(error)
            raise

    def _connect(self, actor: Actor, address: Any, site: int) -> None:
        flags = WAIT_STAMPED
        since = publish(actor, Kind.CONNECT, _PROCESS, site, timed=False, flags=flags)  # noqa: F841  its name lets signals in here
        try:
            with one_at_a_time(_ADDRESSES + zlib.crc32(_key(_text_of(address)))):
                gate.current.give(actor, Kind.CONNECT, _PROCESS, site, 1)
                try:
                    self._unrecorded(actor, super().connect, address)
                except OSError as error:
                    undo(actor, _PROCESS, site, error)
                    raise
                finally:
                    gate.current.gave(actor)
        finally:
            unpublish(actor)
        if _real(address) is None:
            outside.note("socket", f":{address[1]}" if isinstance(address, tuple) else os.fsdecode(address))

    def _connect_again(self, actor: Actor, address: Any, site: int) -> None:
        gate.current.give(actor, Kind.CONNECT, _PROCESS, site, 1)
        failed = undone(actor, _PROCESS)
        if failed is not None:
            gate.current.gave(actor)
            gate.current.give(actor, Kind.UNDO, _PROCESS, site, failed)
            gate.current.gave(actor)
            if failed < 0:
                raise os_error(failed)
            self._unrecorded(actor, super().connect, address)  # raises as it did
            return
        try:
            self._connect_when_there(actor, address)
        finally:
            gate.current.gave(actor)

    def _connect_when_there(self, actor: Actor, address: Any) -> None:
        """Making a listener is no event: it was there when this was recorded, and will be in a moment."""
        until = originals.monotonic_ns() + PATIENCE_S * 1e9
        while True:
            real = _real(address)
            try:
                self._unrecorded(actor, super().connect, address if real is None else real)
                return
            except OSError as error:
                if error.errno not in _NOT_THERE:
                    raise
                gate.current.must(actor, originals.monotonic_ns() < until, "nobody listens there")
            originals.sleep(0.001)


def _input(actor: Actor, number: int, ask: Callable[[], bytes]) -> tuple[bytes, bool]:
    """What the operating system answers, or in replay what it answered; whether it was asked now."""
    answers: list[bytes] = []

    def kept() -> int:
        answers.append(ask())
        return sites.keep_bytes(answers[0])

    known = gate.current.local(actor, Kind.ENTROPY, number, kept)
    return (answers[0], True) if answers else (actor.following.data(known), False)


def install(patches: Patches, module: Any) -> None:
    """Let `multiprocessing.connection` make sockets of our class."""
    Socket.__module__, Socket.__name__, Socket.__qualname__ = "socket", "socket", "socket"
    known = ModuleType("socket")
    known.__dict__.update(vars(socket), socket=Socket)
    patches.set(module, "socket", known)
