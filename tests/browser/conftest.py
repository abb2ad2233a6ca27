"""A browser for the pages that nunbit writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FAKE_CAMERA = "--use-fake-device-for-media-stream"
PATIENCE_MS = 240_000
"""Milliseconds that a condition may take: long, for a busy machine says nothing about a page."""


def missing(what: str) -> Any:
    if os.environ.get("NUNBIT_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, or a skipped test; with NUNBIT_REQUIRE_BROWSER=1, as in CI, a failed one.

    It ends with the tests of this folder: while it lives, Playwright's event loop runs in this
    thread, and nothing else in the process can start one.
    """
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        missing("there is no Chromium (Debian: apt install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: python -m pip install '.[dev]'")
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root; it opens nothing here but our own files.
        opened = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", FAKE_CAMERA],
            timeout=PATIENCE_MS,
        )
        yield opened
        opened.close()


def new_page(browser: Any, **given: Any) -> Any:
    """A page in a context of its own, which waits as long as a busy machine needs."""
    context = browser.new_context(**given)
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def show_at(page: Any, width: int, scheme: str) -> None:
    """Lay a page out at a width in a colour scheme; returns when it is so and pictures are read."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        """([width, scheme]) => innerWidth === width &&
          matchMedia(`(prefers-color-scheme: ${scheme})`).matches &&
          [...document.images].every((image) => image.complete)""",
        arg=[width, scheme],
    )
