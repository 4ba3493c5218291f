"""A lock for many readers or one writer, and a writer who is overtaken."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread

from simcore.api import pattern


class Page:
    """Many may read at once, one may write alone. `writer_first` makes readers wait who come behind a waiting writer."""

    def __init__(self, writer_first: bool) -> None:
        self.writer_first, self.writer_waits = writer_first, False
        self.readers = self.asked = self.overtaken = 0
        self.changed = Condition()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Wait until no writer is in the way, then read; the last one out lets a writer in."""
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: not (self.writer_first and self.writer_waits))
            self.readers += 1
            self.overtaken += self.writer_waits
        yield
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def write(self, waiting: Event) -> None:
        """Wait until nobody reads, then write alone: who wants to read has to come through this lock."""
        with self.changed:
            self.writer_waits = True
            waiting.set()
            self.changed.wait_for(lambda: not self.readers)
            self.writer_waits = False
            self.changed.notify_all()


def read(page: Page) -> None:
    """Read the page once."""
    with page.reading():
        print("somebody reads\n", end="")


@pattern(
    section="beyond",
    title="a writer waits while reader after reader is let in",
    title_ja="リーダー・ライター問題",
    expect=lambda fixed: {"ok"} if fixed else {"failed"},
)
def readers_writers(readers: int = 4, fixed: bool = False) -> None:
    """Many may read at once, a writer needs to be alone; and who lets every reader in lets the writer starve.

    Look at the writer's wait: it begins before `reader-1` comes, and ends when the last reader is gone; the more there are, the
    longer he waits. With `fixed` a reader who comes behind a waiting writer waits, too.
    """
    page, waiting = Page(writer_first=fixed), Event()
    writer = Thread(target=page.write, args=(waiting,), name="writer")
    late = [Thread(target=read, args=(page,), name=f"reader-{n + 1}") for n in range(max(readers, 1))]
    with page.reading():
        for thread in (writer, *late):
            thread.start()
            waiting.wait()  # the writer was there before the first of them
        with page.changed:
            page.changed.wait_for(lambda: page.asked == 1 + len(late))
    for thread in (writer, *late):
        thread.join()
    assert not page.overtaken, f"{page.overtaken} readers overtook the writer, who had come before them"
