"""The page of `nunbit serve` in Chromium: pictures go to the server, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_pages import CHECKS, SCHEMES, WIDTHS
from tests.serve.conftest import CLASSES, export  # noqa: F401 - a fixture
from tests.serve.server import Served, serving

pytestmark = pytest.mark.browser
LONG = 120_000
"""Milliseconds."""
TOKEN = "a-secret-of-24-characters"


@pytest.fixture(scope="module")
def guarded(export: Path) -> Iterator[Served]:  # noqa: F811
    """A server with a token, which the page asks for."""
    with serving(export, environment={"NUNBIT_TOKEN": TOKEN}) as server:
        yield server


@pytest.fixture
def page(browser: Any, guarded: Served) -> Iterator[Any]:
    """The page, ready to answer; it must not ask any other host for anything."""
    from playwright.sync_api import expect

    context = browser.new_context(permissions=["camera"])
    context.set_default_timeout(LONG)
    opened = context.new_page()
    errors, elsewhere = [], []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    context.on(
        "request",
        lambda asked: (
            elsewhere.append(asked.url)
            if not asked.url.removeprefix("blob:").startswith(f"{guarded.url}/")
            else None
        ),
    )
    opened.goto(guarded.url)
    opened.wait_for_selector("#token")
    opened.fill("#token input", "not the token at all")
    opened.press("#token input", "Enter")
    expect(opened.locator("#token input")).to_have_value("", timeout=LONG)  # it asks again
    opened.fill("#token input", TOKEN)
    opened.press("#token input", "Enter")
    opened.wait_for_selector("#ask:not([hidden])")
    expect(opened).to_have_title("pictures", timeout=LONG)
    # From here on it may not complain; a refused token is a line of the browser's own.
    opened.on("console", lambda message: errors.append(message.text))
    yield opened
    context.close()
    assert errors == []
    assert elsewhere == []


def test_answers_are_shown_in_both_languages(export: Path, page: Any) -> None:  # noqa: F811
    from playwright.sync_api import expect

    kit = export / "conformance"
    page.set_input_files("#files", [str(kit / name) for name in ("png_rgb.png", "tiff.tif")])
    expect(page.locator("#answers .verdict")).to_have_count(2, timeout=LONG)
    # No answer is as sure as 1, so all are unsure; names of classes are shown and not obeyed.
    assert page.inner_text("#answers .verdict").startswith("unsure")
    assert set(page.locator("#answers th").all_inner_texts()) == set(CLASSES)
    page.select_option("#accuracy", "0.9")
    assert page.inner_text("#answers .verdict") in CLASSES
    page.set_input_files("#files", {"name": "<b>x</b>.jpg", "mimeType": "", "buffer": b"text"})
    page.wait_for_selector("#answers .wrong-text")
    assert page.inner_text("#answers .file") == "<b>x</b>.jpg"
    page.click("summary")
    assert "nothing of them is stored" in page.inner_text("footer")
    assert not page.is_visible("#check")
    page.click("#open-camera")
    page.wait_for_selector("#video", state="visible")
    page.click("#take")
    page.wait_for_selector("text=Camera picture 1")
    expect(page.locator("#answers .verdict")).to_have_count(3, timeout=LONG)
    page.click("#close-camera")
    found = []
    for language in ("en", "ko"):
        page.select_option("#language", language)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                found += [f"{width} {scheme}: {fault}" for fault in page.evaluate(CHECKS)]
    assert found == []
    assert page.inner_text("#choose") == "사진 선택"
    page.click("#clear")
    assert not page.is_visible("#results")


@pytest.mark.slow
def test_what_the_network_looked_at_is_shown(browser: Any, export: Path) -> None:  # noqa: F811
    from playwright.sync_api import expect

    with serving(export.parent / "model", before="import sys\n") as server:
        opened = browser.new_page()
        opened.set_default_timeout(LONG)
        opened.goto(server.url)
        opened.wait_for_selector("#ask:not([hidden])")
        opened.set_input_files("#files", str(export / "conformance" / "png_rgb.png"))
        opened.click(".looked button")
        picture = opened.locator(".looked img")
        expect(picture).to_be_visible(timeout=LONG)
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
        assert "Maps can mislead" in opened.inner_text(".looked")
        opened.close()
