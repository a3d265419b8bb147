"""A real Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.services.parts import UnavailableError

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (  # it runs as root, without a display, and talks to nobody but the page under test
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE = 20_000
"""Milliseconds to wait for what a page should show: a busy machine draws a chart in several seconds."""


class Chromium:
    """A running browser."""

    def __init__(self, browser: Browser) -> None:
        self.description = f"Chromium {browser.version.split('.', maxsplit=1)[0]}"
        self._browser = browser

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A page that shares no cookies and no storage with another."""
        with self._browser.new_context() as context:
            yield context.new_page()


@contextlib.contextmanager
def chromium() -> Iterator[Chromium]:
    """The machine's Chromium; raises `UnavailableError`."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        raise UnavailableError(f"no {', '.join(NAMES)} on the PATH: install chromium")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield Chromium(browser)
        finally:
            browser.close()
