"""The magics in a real kernel: values are pictures, output streams, an error is a line, an interrupt ends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from extras import needed
from test_notebook_magic import FAMILY, processes_of

pytestmark = pytest.mark.filterwarnings("ignore")
"""What Jupyter's own packages warn of is not ours."""

SHORT = "import threading\nworker = threading.Thread(target=print, args=('hello',))\nworker.start()\nworker.join()\n"


class Kernel:
    """A kernel, and what a cell made of it."""

    def __init__(self) -> None:
        needed("ipykernel")
        self.manager, self.client = needed("jupyter_client.manager").start_new_kernel(kernel_name="python3")

    def run(self, code: str, *, interrupt_at: str = "") -> tuple[str, list[dict[str, Any]]]:
        """`ok` or `error`, and the outputs: of streams `name` and `text`, of values `data`.

        What follows on one stream is one output, as in a notebook: the kernel sends it on every so often, in pieces.
        """
        sent = self.client.execute(code)
        outputs: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind in ("stream", "execute_result", "display_data", "error"):
                if kind == "stream" and outputs and outputs[-1].get("name") == content["name"]:
                    outputs[-1]["text"] += content["text"]
                else:
                    outputs.append(content)
                if interrupt_at and interrupt_at in content.get("text", ""):
                    self.manager.interrupt_kernel()
        while True:
            reply = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == sent:
                return reply["content"]["status"], outputs

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(own_folder: Path) -> Iterator[Kernel]:
    """A kernel in the folder of the test, with the extension loaded."""
    one = Kernel()
    try:
        assert one.run("%load_ext simcore") == ("ok", [])
        yield one
    finally:
        one.close()


def text_of(outputs: list[dict[str, Any]], name: str) -> str:
    return "".join(output["text"] for output in outputs if output.get("name") == name)


def test_a_cell_and_its_value(kernel: Kernel) -> None:
    """The program's output, then the trace as a picture and in words; it is `_`, and a variable by `--name`."""
    status, outputs = kernel.run(f"%%simcore --name t\n{SHORT}")
    assert (status, text_of(outputs, "stdout")) == ("ok", "hello\n")
    assert outputs[-1]["data"].keys() == {"image/svg+xml", "text/plain"}
    assert outputs[-1]["data"]["text/plain"].startswith("t.py  ok in ")
    _, outputs = kernel.run("t is _, t.outcome.word, len(t.actors)")
    assert outputs[0]["data"]["text/plain"] == "(True, 'ok', 2)"
    _, outputs = kernel.run("d = %simcore diff t t\nd")
    assert outputs[0]["data"]["text/plain"].startswith("SAME ORDER")


def test_what_is_wrong_is_one_line_and_stops_what_follows(kernel: Kernel) -> None:
    """Whoever found it; a program that fails is an answer, and stops nothing."""
    for code in (f"%%simcore --chaoss\n{SHORT}", f"%%simcore --seed x\n{SHORT}", "%simcore show nothing"):
        status, outputs = kernel.run(code)
        assert status == "error"
        assert [output.get("name") for output in outputs] == ["stderr"]
        (line,) = outputs[0]["text"].strip().splitlines()
        assert line.startswith("UsageError: ")
    status, outputs = kernel.run("%%simcore\nraise ValueError('no')\n")
    assert status == "ok"
    assert outputs[-1]["data"]["text/plain"].splitlines()[0].startswith("cell.py  FAILED after ")


def test_an_interrupt_of_the_kernel(kernel: Kernel, own_folder: Path) -> None:
    """It ends the program and its child, shows the run until then, and the kernel goes on."""
    status, outputs = kernel.run(f"%%simcore --name t\n{FAMILY.format(obey=True)}", interrupt_at="working")
    assert status == "error"
    (shown,) = (output["data"] for output in outputs if "data" in output)
    assert "KILLED by SIGINT" in shown["image/svg+xml"]
    assert "UsageError: interrupted; what is shown is the run until then" in text_of(outputs, "stderr")
    assert not processes_of(own_folder)
    assert kernel.run("t.outcome.word")[1][0]["data"]["text/plain"] == "'killed'"


def test_a_kernel_that_is_killed_takes_its_program_along(kernel: Kernel, own_folder: Path) -> None:
    """As by Restart."""
    kernel.client.execute(f"%%simcore\n{FAMILY.format(obey=True)}")
    while "working" not in kernel.client.get_iopub_msg(timeout=60)["content"].get("text", ""):
        pass
    assert len(processes_of(own_folder)) >= 2
    kernel.manager.shutdown_kernel(now=True)
    late = time.monotonic() + 20
    while processes_of(own_folder) and time.monotonic() < late:
        time.sleep(0.02)
    assert not processes_of(own_folder)


def test_a_comparison(kernel: Kernel) -> None:
    """Under two start methods: the verdicts as a picture, and as data; while it runs a line says how far it is."""
    code = "import multiprocessing\nVALUE = [1]\ndef f():\n    print(VALUE)\nif __name__ == '__main__':\n    VALUE[0] = 2\n"
    code += "    child = multiprocessing.Process(target=f)\n    child.start()\n    child.join()\n"
    status, outputs = kernel.run(f"%%simcore compare -n 1 --methods fork,spawn --name c\n{code}")
    assert status == "ok"
    assert "VALUE" in outputs[-1]["data"]["image/svg+xml"]
    assert [one["data"]["text/plain"].partition("; ")[2] for one in outputs[:-1]] == ["run 1 of 6  fork"], "others take its place"
    assert kernel.run("c.verdicts[0]['severity'], c.differs")[1][0]["data"]["text/plain"] == "('SILENT', True)"
