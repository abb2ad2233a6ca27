"""A browser for the pages that nunbit writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FAKE_CAMERA = "--use-fake-device-for-media-stream"


def missing(what: str) -> Any:
    if os.environ.get("NUNBIT_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skipped test; with NUNBIT_REQUIRE_BROWSER=1, as in CI, a failed one."""
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
            executable_path=executable, args=["--no-sandbox", FAKE_CAMERA]
        )
        yield opened
        opened.close()
