"""A headless Chromium for the tests of pages, and for the pictures in docs/pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extras import chromium, needed

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTH, HEIGHT = 1280, 900


@contextmanager
def browser() -> Iterator[Any]:
    """A running browser of Debian's, driven by playwright; none of playwright's own has to be downloaded."""
    sync_api = needed("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield running
        finally:
            running.close()


class Tab:
    """A page opened from a file, with all that it logged and asked for. Everything is forbidden that is not in the file."""

    def __init__(self, running: Any, path: Path, scheme: str = "light") -> None:
        context = running.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, offline=True)
        self.page = context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda message: self.errors.append(message.text) if message.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.resolve().as_uri())
        for number in range(self.page.locator(".timeline").count()):
            self.page.locator(".timeline").nth(number).and_(self.page.locator("[data-drawn=yes]")).wait_for()
        # Drawn is what has been painted.
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def range(self, rows: str = "rows") -> list[float]:
        """The part of the run that a timeline shows, in ms."""
        found: list[float] = self.page.evaluate(
            "rows => { const r = simcoreCharts.get(rows).range; return [r.start, r.end]; }", rows
        )
        return found

    def place(self, ms: float, y: float, rows: str = "rows") -> tuple[float, float]:
        """Where on the screen a time and a height of a timeline lie."""
        self.page.locator(f'.timeline[data-rows="{rows}"]').scroll_into_view_if_needed()
        script = """([rows, ms, y]) => {
            const view = Bokeh.index.get_one(simcoreCharts.get(rows).plot);
            const box = document.querySelector(`.timeline[data-rows="${rows}"]`).getBoundingClientRect();
            const frame = view.frame;
            return [box.x + frame.x_scale.compute(ms), box.y + frame.y_scale.compute(y)];
        }"""
        x, top = self.page.evaluate(script, [rows, ms, y])
        return x, top
