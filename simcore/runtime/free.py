"""Policy `free`: record, never wait. Order is the operating system's; stamps after what takes, before what gives."""

from collections.abc import Callable

from simcore.runtime import originals
from simcore.runtime.actors import Actor, emit, intern_text
from simcore.trace.events import Kind


class Free:
    """The gate of a recording."""

    following = False

    def __init__(self) -> None:
        # Re-entrant, since a signal handler may print while its own thread is printing.
        self.write_lock = originals.RLock()

    def enter(self, actor: Actor, kind: Kind, object_id: int, site: int) -> None:
        """Nothing is prescribed."""

    def leave(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int, waited_us: int = 0) -> None:
        """Record what has happened."""
        emit(actor, kind, object_id, site, value, waited_us)

    def give(self, actor: Actor, kind: Kind, object_id: int, site: int, value: int) -> None:
        """Record what is about to happen: whoever acts on it is stamped later."""
        emit(actor, kind, object_id, site, value)

    def gave(self, actor: Actor) -> None:
        """Nothing to hand back."""

    def read(self, actor: Actor, kind: Kind, object_id: int, site: int, ask: Callable[[], int]) -> int:
        """Ask and record."""
        value = ask()
        emit(actor, kind, object_id, site, value)
        return value

    def local(self, actor: Actor, kind: Kind, object_id: int, ask: Callable[[], int]) -> int:
        """Ask and record; the site of a clock read is not worth its cost."""
        value = ask()
        emit(actor, kind, object_id, 0, value)
        return value

    def write(self, actor: Actor, stream: int, text: str, put: Callable[[str], int]) -> int:
        """Write and record as one, so that the order of the events is the order on the screen."""
        from simcore.runtime.actors import caller

        site = caller(3)
        number = intern_text(text)
        with self.write_lock:
            written = put(text)
            emit(actor, Kind.WRITE, stream, site, number)
        return written

    def offers(self, actor: Actor, kind: Kind, name: str) -> bool:
        """Every import is recorded."""
        return True

    def importing(self, actor: Actor, name: str) -> None:
        """Nobody waits for it."""

    def imported(self, name: str) -> None:
        """Nobody waits for it."""

    def must(self, actor: Actor, done: bool, reason: str) -> None:
        """A recording cannot contradict itself."""
