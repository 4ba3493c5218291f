"""A writer and a reader with a queue between their processes; the reader would wait for ever and is terminated."""

import signal
import time
from multiprocessing import Event, Process, Queue, current_process
from multiprocessing.queues import Queue as QueueType
from multiprocessing.synchronize import Event as EventType

from simcore.api import pattern


def write(letters: "QueueType[str]", text: str, pause_s: float) -> None:
    """Put every letter into the queue."""
    for letter in text:
        letters.put(letter)
        time.sleep(pause_s)
    print(f"{current_process().name} has put {len(text)} letters\n", end="", flush=True)


def read(letters: "QueueType[str]", text: str, all_read: EventType, witness: str) -> None:
    """Take letters out and never stop; say when all of the text has come."""
    seen = ""
    while True:
        seen += letters.get()
        if witness:
            with open(witness, "a") as file:
                print(seen, file=file)
        if len(seen) == len(text):
            print(f"{current_process().name} has read {seen}\n", end="", flush=True)
            assert seen == text, f"the letters came as {seen}"
            all_read.set()


@pattern(
    section="2-3-1",
    title="a writer, a reader, a queue between them; the reader is terminated",
    title_ja="キュー（Queue）",
    start_methods=["fork", "spawn", "forkserver"],
)
def process_queue(text: str = "interprocess", pause_s: float = 0.001, witness: str = "") -> None:
    """Letters go from one process to another through a Queue.

    Look at the writer's second thread: `put` only fills a buffer, and a feeder thread sends what is in it through a pipe, so the
    writer's process ends no sooner than all is sent. The reader waits in `get` for more until it is terminated: its exit code is
    minus the number of the signal. Terminated before `all_read` is set it would take what it had read with it. `witness` names
    a file that lists what was read.
    """
    letters: QueueType[str] = Queue()
    all_read = Event()
    writer = Process(target=write, args=(letters, text, pause_s), name="writer")
    reader = Process(target=read, args=(letters, text, all_read, witness), name="reader")
    for process in (writer, reader):
        process.start()
    writer.join()
    if text:
        all_read.wait()
    assert reader.is_alive(), "the reader waits for more"
    reader.terminate()
    reader.join()
    assert writer.exitcode == 0, f"the writer ended with {writer.exitcode}"
    assert reader.exitcode == -signal.SIGTERM, f"the reader ended with {reader.exitcode}"
