"""Writes and executes docs/notebook.ipynb: `python docs/make_notebook.py`, with simcore[notebook] and nbclient installed.

It walks the catalogue section by section, and shows each pattern's run. The text of each section is the pattern's own.
"""

from __future__ import annotations

import os
import re
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from simcore.engine.pattern import Pattern
from simcore.engine.plugins import PluginHost
from simcore.views.listing import origin

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
NOTEBOOK: Final = HERE / "notebook.ipynb"

INTRODUCTION: Final = """# Concurrency in Python, pattern by pattern
**Pythonによる並行処理のパターン**

Each section below is one pattern of simcore's catalogue: an ordinary program with `threading`, `multiprocessing` or `subprocess`.
It is run on real threads and processes, recorded, and drawn: a lane per actor, what it waited for, what it held, and who let whom
go on. Times are those of one run on one machine; yours will differ, and `%simcore diff` says how.

`%simcore record NAME` runs a pattern, `%simcore info NAME` tells more of it, and `%%simcore` runs a cell of your own."""

CHAPTERS: Final = {
    "1. threading · スレッド": """
A thread of Python is a thread of the operating system. All threads of a process share its memory. In CPython with a GIL one of
them at a time executes bytecode: it may be another one after any instruction, and is for sure when one waits.""",
    "2. multiprocessing · プロセス": """
A process has memory of its own. `fork` gives the child a copy of its parent's, `spawn` a fresh interpreter that imports the main
module again, `forkserver` a fork of a process that was kept small. On Linux `fork` was the default until Python 3.13, since 3.14
it is `forkserver`.""",
    "2-3. Between processes · プロセス間通信": """
Queues and pipes carry copies; shared memory is the same bytes for all; a manager keeps the objects in a process of its own, and
all others ask it.""",
    "3. subprocess": """
Another program, and what it prints.""",
    "concurrent.futures · スレッドプールとプロセスプール": """
An executor keeps workers alive and hands them work.""",
    "Bugs that everybody writes once · 古典的なバグ": """
Each has a parameter `fixed`. simcore ends a deadlock as soon as nobody can go on, and draws who waits for whom.""",
}
"""Headings, and what is said of them."""

_CHAPTER_OF: Final = (
    (re.compile(r"1-"), 0),
    (re.compile(r"2$|2\.|2-4|2-3-5"), 1),
    (re.compile(r"2-3-[1-4]"), 2),
    (re.compile(r"3"), 3),
    (re.compile(r"repo"), 4),
    (re.compile(r""), 5),
)

FIRST: Final = frozenset({"daemon-thread", "os-fork", "shared-value-array", "recursive-mutex", "subprocess-run"})
"""In their sections."""

PARAMETERS: Final = {
    "data-race": "-p updates=20",
    "mutex": "-p rounds=12 -p pause_s=0.0002",
}
"""What makes a run small enough to be seen as a whole."""

OWN: Final = [
    """## A cell of your own · 自分のセル
`%%simcore` writes the cell into a file and runs it as a program, so that `spawn` finds its functions. Options are those of
`simcore record`; the trace is the cell's value, and with `--name` a variable.""",
    '''%%simcore record --name lost --granularity access
"""Two tellers pay out of one account. Each looks, counts the notes, and writes down what is left."""
import threading
import time

balance = 100


def pay(amount):
    global balance
    seen = balance
    time.sleep(0.001)  # count the notes
    balance = seen - amount


tellers = [threading.Thread(target=pay, args=(amount,), name=f"teller-{amount}") for amount in (10, 20)]
for teller in tellers:
    teller.start()
for teller in tellers:
    teller.join()
print("left:", balance)''',
    "One payment is lost. `simcore races` names both lines:",
    "%simcore races lost",
    """## Two runs · 二つの実行を比べる
The same program twice, with random delays in between: where do the two runs part?""",
    """%%simcore diff --chaos --name parted
import random
import threading
import time

turn_lock = threading.Lock()
order = []


def work(name):
    for _ in range(4):
        time.sleep(random.random() / 500)
        with turn_lock:
            order.append(name[0])


workers = [threading.Thread(target=work, args=(name,), name=name) for name in ("ann", "bob", "cid")]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print("".join(order))""",
    """## Three start methods · 起動方式の比較
What changes for a program when its processes are started otherwise? `SETTINGS` is changed after the import: a forked child has
the change, a spawned one has not.""",
    """%%simcore compare -n 2 --methods fork,spawn
import multiprocessing

SETTINGS = {"verbose": False}


def work(number):
    print(number, SETTINGS["verbose"])


if __name__ == "__main__":
    SETTINGS["verbose"] = True
    children = [multiprocessing.Process(target=work, args=(number,)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()""",
]


def catalogue() -> list[Pattern]:
    """The built-in patterns in the order of the notebook."""
    host = PluginHost(env=False)
    return sorted((host.find(name) for name in host.patterns if origin(host, host.find(name)).startswith("simcore ")), key=_place)


def _place(pattern: Pattern) -> tuple[int, str, bool, str]:
    return _chapter(pattern.section), pattern.section.replace(".", "-"), pattern.name not in FIRST, pattern.name


def _chapter(section: str) -> int:
    return next(chapter for match, chapter in _CHAPTER_OF if match.match(section))


def build() -> Any:
    """The notebook, not executed yet."""
    cells = [_text("introduction", INTRODUCTION), _code("load", "%load_ext simcore")]
    before = -1
    for pattern in catalogue():
        name, chapter = pattern.name, _chapter(pattern.section)
        if chapter != before:
            heading, said = list(CHAPTERS.items())[chapter]
            cells.append(_text(f"chapter-{chapter}", f"## {heading}{said}"))
            before = chapter
        section = f"{pattern.section} " if pattern.section[0].isdigit() else ""
        heading = f"### {section}{name} · {pattern.title_ja}"
        cells.append(_text(f"about-{name}", f"{heading}\n**{pattern.title}**\n\n{pattern.summary} {pattern.lesson}"))
        cells.append(_code(name, f"%simcore record {name} {PARAMETERS.get(name, '')}".rstrip()))
    for place, source in enumerate(OWN):
        cells.append((_code if source.startswith("%") else _text)(f"own-{place}", source))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _text(name: str, source: str) -> Any:
    return nbformat.v4.new_markdown_cell(source, id=name)


def _code(name: str, source: str) -> Any:
    return nbformat.v4.new_code_cell(source, id=name)


def execute(notebook: Any, folder: Path) -> Any:
    """Execute it in a folder; whatever names this machine is taken out of what it shows."""
    client = NotebookClient(
        notebook, timeout=120, record_timing=False, coalesce_streams=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=os.environ | {"NO_COLOR": "1"})
    library = re.escape(sysconfig.get_path("stdlib"))
    places = re.compile(rf"(?:{re.escape(str(ROOT))}|{re.escape(str(folder))}|{library})/|(?:/[\w.+-]+)+/site-packages/")
    for cell in notebook.cells:
        cell.metadata.clear()
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = places.sub("", output.text)
            else:
                output.data = {kind: places.sub("", text) for kind, text in output.data.items()}
    return notebook


def main() -> None:
    """Write the executed notebook beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(build(), Path(folder).resolve())
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    nbformat.write(notebook, NOTEBOOK)
    print(f"{NOTEBOOK.name}: {len(notebook.cells)} cells, {NOTEBOOK.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
