"""A terminal of 80 columns: real commands run on it, and what stands on its screen then is drawn as SVG."""

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from html import unescape
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

WIDTH: Final = 80
HEIGHT: Final = 50
TIMEOUT_S: Final = 60
COLUMN_PX: Final = 12.2

FONTS: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
FORM: Final = re.sub(r"@font-face \{\{.*?\n    \}\}", "", CONSOLE_SVG_FORMAT, flags=re.S).replace("Fira Code, monospace", FONTS)
"""As rich has it, with fonts of the reader's system: a picture on a page may load none."""

MACHINE: Final = re.compile(r"[^\s\"']*/(simcore_patterns|lib/python3\.\d+)/")
"""What a path has of the machine that draws."""

PIECE: Final = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Terminal:
    """Runs commands in one folder, as a person would one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        left_out = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM", "SIMCORE_PLUGINS", "SIMCORE_PURE")
        self._env = {name: value for name, value in os.environ.items() if name not in left_out}
        self._env["TERM"] = "xterm-256color"
        self._env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))

    def file(self, name: str, text: str) -> None:
        """Put a file into the folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, line: str, *, ends_with: tuple[int, ...] = (0,)) -> str:
        """Run `simcore ...`; what it and the program under it wrote, with its colours. Raises: RuntimeError for another end."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        name, *words = shlex.split(line)
        assert name == "simcore", line
        words = [one for word in words for one in self._files(word)]
        process = subprocess.Popen(
            [sys.executable, "-m", "simcore", *words],
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        written = []
        while data := _read(ours):
            written.append(data)
        os.close(ours)
        code = process.wait(TIMEOUT_S)
        text = MACHINE.sub(r".../\1/", b"".join(written).decode(errors="replace"))
        if code not in ends_with:
            raise RuntimeError(f"`{line}` ended with {code}, expected {' or '.join(map(str, ends_with))}:\n{text}")
        return text

    def _files(self, word: str) -> list[str]:
        """What a shell makes of a word: with a star the files of that name."""
        return sorted(path.name for path in self.folder.glob(word)) if "*" in word else [word]


def _read(descriptor: int) -> bytes:
    """What comes next, nothing when all who could write have gone."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def screen_of(written: str) -> str:
    """The lines that are left on the screen when all is written: a bar of progress has come and gone."""
    lines, row, fresh = [""], 0, False
    for numbers, what, control, text in PIECE.findall(written):
        if text or what == "m":
            lines[row] = ("" if fresh else lines[row]) + (text or f"\x1b[{numbers}m")
            fresh = False
        elif control == "\n":
            row, fresh = row + 1, False
            lines += [""] * (row - len(lines) + 1)
        elif control == "\r":
            fresh = True
        elif what == "A":
            row = max(row - int(numbers or 1), 0)
        elif what == "K":
            lines[row] = ""
    return "\n".join(lines).rstrip("\n")


def picture(screens: list[tuple[str, str]]) -> str:
    """An SVG of a terminal with command lines and what each has left on the screen."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        for place, (line, written) in enumerate(screens):
            prompt = Text("\n$ " if place else "$ ", style="green").append(line, style="bold default")
            console.print(prompt, highlight=False)
            console.print(Text.from_ansi(screen_of(written)), highlight=False)
        drawn = console.export_svg(title="", theme=SVG_EXPORT_THEME, code_format=FORM, unique_id="t")
    # Nothing ever sticks out of a line; clips of lines, and ends of lines as texts, would be half of the file.
    superfluous = r'<clipPath id="t-line-.*?</clipPath>|<text [^>]*>\n</text>| clip-path="url\(#t-line-\d+\)"'
    drawn = re.sub(superfluous, "", drawn, flags=re.S)
    drawn = re.sub(r'textLength="[\d.]+"([^>]*)>([^<]*[\u1100-\uffff][^<]*)<', _wide, drawn)
    return re.sub(r"\n\s*(?=\n)", "", drawn).rstrip() + "\n"


def _wide(found: re.Match[str]) -> str:
    """A text with characters of two columns, as long as it is on the screen; rich counts one for each."""
    return f'textLength="{cell_len(unescape(found[2])) * COLUMN_PX:g}"{found[1]}>{found[2]}<'
