"""Pages of the site that are files of the repository, such as README: their text is taken from there, so that it stands once."""

import re
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = {
    "index": "README.md",
    "ja": "README.ja.md",
    "changelog": "CHANGELOG.md",
    "benchmarks": "benchmarks/RESULTS.md",
    "benchmarking": "benchmarks/README.md",
}
"""By the page's name on the site; the page in docs/ of that name has what stands below the text, if anything."""


def put_in(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the file's text before what the page has, and turn links to such files, on any page, into those to their pages."""
    source[0] = on_the_site(source[0], f"docs/{page}.md")
    if page in FILES:
        source[0] = on_the_site((ROOT / FILES[page]).read_text(encoding="utf-8"), FILES[page]) + "\n" + source[0]


def on_the_site(text: str, file: str) -> str:
    """The same with each link to a file of the repository turned into one to its page."""
    folder = (ROOT / file).parent
    above = "../" * (file.count("/") - 1) if file.startswith("docs/") else ""
    pages = {(ROOT / name).resolve(): f"{above}{page}.md" for page, name in FILES.items()}

    def link(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        path = (folder / target).resolve()
        if path in pages:
            return f"]({pages[path]}{anchor})"
        if path.is_relative_to(ROOT / "docs") and not file.startswith("docs/"):
            return f"]({path.relative_to(ROOT / 'docs').as_posix()}{anchor})"
        return found[0]

    return re.sub(r"\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)", link, text)
