"""`subprocess`: a Python child is recorded with actors of its own; any other program is an input, and runs again in replay.

What `subprocess` does inside is not recorded: START where the program makes a `Popen`, JOIN where it waits, STATUS where it asks.
What another program wrote is an INPUT where it was read to its end; so is, of any child, what had come when `communicate` lost
its patience: replay gives the program as much.
"""

import io
from sys import _getframe as get_frame
from types import ModuleType
from typing import Any

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor, acting, publish, unpublish
from simcore.runtime.frames import hide
from simcore.runtime.patches import Patches
from simcore.runtime.processes import inputs
from simcore.runtime.processes.birth import Birth, told_pid
from simcore.runtime.processes.children import unrecorded
from simcore.runtime.processes.executed import Starting, program_name
from simcore.runtime.processes.waiting import children, make_end
from simcore.runtime.sites import site_of
from simcore.trace.events import RUNNING, Kind

_CUT = "timeout"
"""How the text of an INPUT begins that says how far `communicate` had come."""

_STREAMS = ("stdout", "stderr")


class Until(float):
    """In replay: the moment at which `communicate` loses its patience, which is when as much has come as when it was recorded."""

    popen: Any
    wanted: tuple[int, int, int]

    def _is_over(self) -> bool:
        popen = self.popen
        sent, out, err = self.wanted
        parts = popen._fileobj2output
        return bool(
            getattr(popen, "_input_offset", 0) >= sent
            and _length(parts, popen.stdout) >= out
            and _length(parts, popen.stderr) >= err
        )

    def __sub__(self, now: object) -> float | None:  # type: ignore[override]
        return 0.0 if self._is_over() else None

    def __lt__(self, now: object) -> bool:
        return self._is_over()


def _length(parts: dict[Any, list[bytes]], stream: Any) -> int:
    return sum(map(len, parts.get(stream, ())))


class _Popen:
    """What takes the place of `Popen`'s own methods; `real` are those."""

    def __init__(self, module: Any) -> None:
        cls = module.Popen
        self.module = module
        self.init, self.poll, self.wait = cls.__init__, cls.poll, cls._wait
        self.communicate = cls._communicate

    def start(self, popen: Any, args: Any, rest: Any, options: Any) -> None:
        actor = acting()
        if actor is None:
            self.init(popen, args, *rest, **options)
            return
        with Starting(actor, site_of(get_frame(2)), program_name(args)) as starting:
            self.init(popen, args, *rest, **options)
        child = starting.birth
        popen.simcore_child = child
        popen.pid = told_pid(actor, child.object_id, popen.pid)
        children[popen.pid] = child
        for name in _STREAMS:
            raw = inputs.watched(getattr(popen, name))
            if raw is not None:
                raw.simcore_child, raw.simcore_stream = child, name

    def _see_end(self, actor: Actor, popen: Any, child: Birth, status: int) -> None:
        """In replay: the child has ended by now, or is made to."""
        if popen.returncode is None:
            make_end(child.index, popen.pid, status)
            self.wait(popen, None)
        gate.current.must(
            actor, popen.returncode == status, f"the child ended with {popen.returncode}, in the trace with {status}"
        )

    def join(self, popen: Any, timeout: float | None) -> int:
        actor = acting()
        child: Birth | None = popen.__dict__.get("simcore_child")
        if actor is None or child is None:
            ended: int = self.wait(popen, timeout)
            return ended
        site = site_of(get_frame(2))
        want = gate.current.enter(actor, Kind.JOIN, child.object_id, site)
        value, waited = RUNNING if want is None else want, 0
        actor.raw += 1
        try:
            if want is None:
                since = publish(actor, Kind.JOIN, child.object_id, site, timed=timeout is not None)
                try:
                    self.wait(popen, timeout)
                finally:
                    unpublish(actor)
                waited = (originals.monotonic_ns() - since) // 1000
                value = popen.returncode
            elif want != RUNNING:
                self._see_end(actor, popen, child, want)
        except BaseException as error:
            if want is not None or isinstance(error, self.module.TimeoutExpired):
                gate.current.leave(actor, Kind.JOIN, child.object_id, site, value, waited)
            raise
        finally:
            actor.raw -= 1
        gate.current.leave(actor, Kind.JOIN, child.object_id, site, value, waited)
        if value == RUNNING:
            raise self.module.TimeoutExpired(popen.args, timeout)
        children.pop(popen.pid, None)
        return value

    def look(self, popen: Any) -> int | None:
        actor = acting()
        child: Birth | None = popen.__dict__.get("simcore_child")
        if actor is None or child is None:
            found: int | None = self.poll(popen)
            return found

        def ask() -> int:
            actor.raw += 1
            try:
                status: int | None = self.poll(popen)
                return RUNNING if status is None else status
            finally:
                actor.raw -= 1

        status = gate.current.read(actor, Kind.STATUS, child.object_id, site_of(get_frame(2)), ask)
        if status == RUNNING:
            return None
        if gate.current.following:
            actor.raw += 1
            try:
                self._see_end(actor, popen, child, status)
            finally:
                actor.raw -= 1
        children.pop(popen.pid, None)
        return status

    def exchange(self, popen: Any, given: Any, endtime: Any, timeout: Any) -> Any:
        actor = acting()
        child: Birth | None = popen.__dict__.get("simcore_child")
        if actor is None or child is None:
            return self.communicate(popen, given, endtime, timeout)
        wanted = None
        if gate.current.following:
            coming = inputs.coming(actor, child) or ""
            endtime = None
            if coming.startswith(_CUT):
                _, sent, out, _, err, _ = coming.split(" ")
                wanted = (int(sent), int(out), int(err))
                endtime = Until()
                endtime.popen, endtime.wanted = popen, wanted
        try:
            result = self.communicate(popen, given, endtime, timeout)
        except self.module.TimeoutExpired as error:
            if any(stream and not stream.closed for stream in (popen.stdin, popen.stdout, popen.stderr)):
                if wanted is not None:
                    error.output, error.stderr = (
                        _cut(data, length) for data, length in zip((error.output, error.stderr), wanted[1:], strict=True)
                    )
                offset = getattr(popen, "_input_offset", 0) if wanted is None else wanted[0]
                text = f"{_CUT} {offset} {inputs.digest(error.output or b'')} {inputs.digest(error.stderr or b'')}"
                inputs.emit(actor, child, text)
            raise
        for which in _STREAMS:
            stream = getattr(popen, which)
            if stream is not None and stream in popen._fileobj2output:
                inputs.keep(actor, child, f"{which} {inputs.digest(b''.join(popen._fileobj2output[stream]))}")
        return result


def _cut(data: bytes | None, length: int) -> bytes | None:
    """As much as there was when it was recorded: more may have come meanwhile, and is kept for later."""
    return data[:length] or None if data is not None else None


def install(patches: Patches, module: Any) -> None:
    """Put the replacements in place."""
    cls = module.Popen
    ours = _Popen(module)

    def __init__(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        try:
            ours.start(self, args, rest, options)
        except BaseException as error:
            hide(error)
            raise

    def poll(self: Any) -> int | None:
        try:
            return ours.look(self)
        except BaseException as error:
            hide(error)
            raise

    def _wait(self: Any, timeout: float | None) -> int:
        try:
            return ours.join(self, timeout)
        except BaseException as error:
            hide(error)
            raise

    def _communicate(self: Any, input: Any, endtime: Any, orig_timeout: Any) -> Any:  # noqa: A002  the original's names
        try:
            return ours.exchange(self, input, endtime, orig_timeout)
        except BaseException as error:
            hide(error)
            raise

    for name, replacement in (("__init__", __init__), ("poll", poll), ("_wait", _wait), ("_communicate", _communicate)):
        patches.method(cls, name, replacement)
    patches.method(cls, "_internal_poll", unrecorded(cls._internal_poll))
    private = ModuleType("io")
    private.__dict__.update(vars(io))
    private.open = inputs.open_stream  # type: ignore[attr-defined]
    patches.set(module, "io", private)
    patches.set(module, "_USE_POSIX_SPAWN", False)
    patches.set(module, "_time", originals.monotonic)
