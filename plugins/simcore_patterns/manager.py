"""A manager: a process that keeps things for others, who reach them through proxies."""

from multiprocessing import Manager, Process
from typing import Any

from simcore.api import pattern


def visit(number: int, things: dict[str, Any]) -> None:
    """Use every one of the manager's things once."""
    with things["lock"]:
        things["list"].append(number)
    with things["rlock"], things["rlock"]:
        things["dict"][number] = number * number
    with things["semaphore"], things["bounded"]:
        things["array"][number] = number + 1
    things["barrier"].wait()
    with things["condition"]:
        things["namespace"].ready += 1
        things["value"].value += number
        things["condition"].notify_all()
    things["event"].wait()
    things["queue"].put(number)


@pattern(
    section="2-3-4", title="a Manager's 13 types", title_ja="マネージャ（Manager）", start_methods=["fork", "spawn", "forkserver"]
)
def manager(workers: int = 2) -> None:
    """Processes share lists, dicts, locks and more that live in a process of their own, the manager's.

    Look at the first child: it is the manager's server, with a thread for each connection. Every use of a proxy is a message to
    such a thread and an answer, so a shared list costs far more than a list. One use is atomic, two are not: `ready += 1` reads
    and then writes, and stands under the condition for that.
    """
    server: Any = Manager()
    with server:
        things: dict[str, Any] = {
            "list": server.list(),
            "dict": server.dict(),
            "namespace": server.Namespace(ready=0),
            "lock": server.Lock(),
            "rlock": server.RLock(),
            "semaphore": server.Semaphore(2),
            "bounded": server.BoundedSemaphore(2),
            "condition": server.Condition(),
            "event": server.Event(),
            "barrier": server.Barrier(workers),
            "queue": server.Queue(),
            "value": server.Value("i", 0),
            "array": server.Array("i", [0] * workers),
        }
        visitors = [Process(target=visit, args=(number, things), name=f"visitor-{number + 1}") for number in range(workers)]
        for visitor in visitors:
            visitor.start()
        with things["condition"]:
            while things["namespace"].ready < workers:
                things["condition"].wait()
        things["event"].set()
        numbers = sorted(things["queue"].get() for _ in range(workers))
        for visitor in visitors:
            visitor.join()
        assert numbers == sorted(things["list"]) == list(range(workers)), f"the list holds {things['list']}"
        assert things["dict"].copy() == {number: number * number for number in range(workers)}
        assert (things["value"].value, list(things["array"])) == (sum(range(workers)), list(range(1, workers + 1)))
