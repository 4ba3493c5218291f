"""Each thread its own connection, under one name."""

import threading
from types import SimpleNamespace
from typing import Any, Literal

from simcore.api import pattern


class Connection:
    """A connection of one thread to something; knows who opened it."""

    def __init__(self) -> None:
        self.owner = threading.current_thread().name
        self.sent: list[str] = []


def serve(store: Any, everybody: threading.Barrier, used: list[Connection]) -> None:
    """Open a connection and, when everybody has, send one's name over it."""
    store.connection = Connection()
    everybody.wait()
    store.connection.sent.append(threading.current_thread().name)
    used.append(store.connection)


@pattern(
    section="1-7",
    title="each thread its own connection, under one name",
    title_ja="ThreadLocal",
    expect=lambda style: {"ok"} if style == "local" else {"failed"},
)
def thread_local(workers: int = 3, style: Literal["local", "global"] = "local") -> None:
    """The attributes of one `threading.local` are different for every thread.

    Look at the barrier `everybody`: before it each thread sets `store.connection`, after it each reads it, and finds its own. The
    object is one, and no variable of a stack: everyone reaches it, and each sees the attributes that were set in his own thread;
    main, which set none, has none. No lock is needed, since nothing is shared; what a thread puts there is gone when it ends.
    With style=global the last one's connection is everybody's.
    """
    assert workers > 1, "one alone has nobody to mix his connection up with"
    store: Any = threading.local() if style == "local" else SimpleNamespace()
    everybody = threading.Barrier(workers)
    used: list[Connection] = []
    threads = [threading.Thread(target=serve, args=(store, everybody, used), name=f"worker-{n + 1}") for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mixed = [connection.owner for connection in used if connection.sent != [connection.owner]]
    assert not mixed, f"over the connection of {mixed[0]} went what others sent"
    assert len(set(map(id, used))) == workers
    assert not hasattr(store, "connection"), "main has opened none"
    print(f"{workers} threads, {workers} connections, one name")
