"""Work handed out over the network: a server with two queues, and workers that connect to it."""

from functools import cache
from multiprocessing import Process
from multiprocessing.managers import BaseManager
from queue import Queue
from typing import Any

from simcore.api import pattern

KEY = b"known to server and workers alone"


@cache
def tasks() -> "Queue[int | None]":
    """The queue of numbers to be squared, made in the server's process when somebody first asks for it."""
    return Queue()


@cache
def results() -> "Queue[tuple[int, int]]":
    """The queue of what came of them."""
    return Queue()


class Server(BaseManager):
    """Keeps both queues and publishes them."""


class Client(BaseManager):
    """Knows their names only."""


for queue in (tasks, results):
    Server.register(queue.__name__, callable=queue)
    Client.register(queue.__name__)


def work(address: tuple[str, int]) -> None:
    """Connect, and square numbers until a None comes."""
    client: Any = Client(address=address, authkey=KEY)
    client.connect()
    todo, done = client.tasks(), client.results()
    while (number := todo.get()) is not None:
        done.put((number, number * number))


@pattern(
    section="2-4",
    title="a server with two queues over TCP, and workers that connect",
    title_ja="分散型プロセス処理",
    start_methods=["fork", "spawn", "forkserver"],
)
def remote_manager(workers: int = 2, numbers: int = 8) -> None:
    """A server publishes two queues over TCP on this machine; workers connect with a key and square numbers.

    Look at the connections: each worker proves that it knows the key before it may ask for anything, and each proxy opens a
    connection of its own, which a thread of the server answers. The server takes a free port and `start` returns when it listens,
    so nobody has to guess when it is up. The workers could run on other machines.
    """
    server: Any = Server(address=("127.0.0.1", 0), authkey=KEY)
    server.start()
    todo, done = server.tasks(), server.results()
    processes = [Process(target=work, args=(server.address,), name=f"worker-{n + 1}") for n in range(workers)]
    for process in processes:
        process.start()
    for number in [*range(numbers), *[None] * workers]:
        todo.put(number)
    squares = dict(done.get() for _ in range(numbers))
    for process in processes:
        process.join()
    server.shutdown()
    assert squares == {number: number * number for number in range(numbers)}, f"the squares are {squares}"
    print(f"{workers} workers squared {numbers} numbers")
