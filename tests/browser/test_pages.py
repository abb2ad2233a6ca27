"""Every page that nunbit writes, opened at desktop and phone width, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nunbit.cli import main
from tests.browser import pages
from tests.browser.conftest import new_page, show_at

pytestmark = pytest.mark.browser

CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
KINDS = (
    "digits",
    "fashion",
    "two classes",
    "hundred classes",
    "long class names",
    "thirty percent excluded",
)


@pytest.fixture(scope="module", params=KINDS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    if request.param == "fashion":
        return pages.fashion(folder, request.getfixturevalue("fashion_mnist"))
    made: Path = getattr(pages, request.param.replace(" ", "_"))(folder)
    return made


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """A page, and what it says and asks for while it is open."""
    page = new_page(browser, offline=True)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.requested = []
    page.on("request", lambda request: page.requested.append(request.url))
    yield page
    page.context.close()


def faults(page: Any, path: Path) -> list[str]:
    """What is wrong with a page at any width and in any colours."""
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    found = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            show_at(page, width, scheme)
            found += [f"{width} {scheme}: {fault}" for fault in page.evaluate(CHECKS)]
    found += [f"console: {text}" for text in page.complaints]
    elsewhere = [url for url in page.requested if url != path.as_uri()]
    found += [f"asks for {url[:80]}" for url in elsewhere if not url.startswith("data:")]
    return found


def test_reports(report: Path, opened: Any) -> None:
    assert faults(opened, report) == []


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of photographs beside two runs on them."""
    folder = tmp_path_factory.mktemp("photographs")
    table = pages.photographs(folder / "photos")
    pages.trained(table, folder / "one", **pages.SMALL_PHOTOGRAPHS)
    other = {**pages.SMALL_PHOTOGRAPHS, "model.name": "mlp-64-128"}
    pages.trained(table, folder / "two", **{**other, "pixels.image_size": "auto"})
    return table


def test_the_map_answers_mouse_and_keyboard(photographs: Path, opened: Any) -> None:
    opened.goto((photographs.parent.parent / "one" / "report.html").as_uri())
    show_at(opened, 390, "light")
    points = opened.locator(".map .point")
    assert points.count() > 10
    points.first.focus()
    opened.keyboard.press("ArrowRight")
    opened.wait_for_function(
        "() => document.activeElement === document.querySelectorAll('.map .point')[1]"
    )
    overflows = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    # Whichever point is shown, its picture appears and nothing is pushed out of the page.
    for number in range(0, points.count(), max(1, points.count() // 12)):
        point = points.nth(number)
        point.focus()
        shown = point.evaluate("e => getComputedStyle(e, '::before').backgroundImage")
        assert shown.startswith('url("data:image/jpeg;base64,')
        told = point.evaluate("e => getComputedStyle(e, '::after').content")
        assert "predicted" in told
        assert not opened.evaluate(overflows)


@pytest.mark.parametrize("command", ["check", "augment", "explain", "compare", "evaluate"])
def test_pages_of_other_commands(
    command: str, photographs: Path, tmp_path: Path, opened: Any
) -> None:
    folder = photographs.parent.parent
    one, two, pictures = folder / "one", folder / "two", photographs.parent / "temple"
    page = tmp_path / "page.html"
    words: dict[str, list[object]] = {
        "check": [photographs, "--page", page, "--backbone", "none"],
        "augment": [photographs, "--out", page, "--augment", "photos", "--images", 2],
        "explain": [one, pictures / "00.png", "--out", tmp_path / "explained", "--no-checks"],
        "compare": [one, two, "--out", page],
        "evaluate": [one, "--out", tmp_path / "evaluated"],
    }
    assert main([command, *map(str, words[command])]) == 0
    written = sorted(tmp_path.rglob("*.html"))
    assert len(written) == 1
    assert faults(opened, written[0]) == []


BAD = """<!DOCTYPE html><html lang="en"><head><title>bad</title><style>
.low { height: 20px; overflow-y: auto; }
.pale { color: #aaa; background: #fff; } .wide { width: 5000px; } .box { overflow-x: auto; }
</style></head><body><main>
<a href="#nowhere">link</a><p id="twice">a</p><p id="twice">b</p>
<img src="data:image/png;base64,AAAA"><svg width="5" height="5"></svg>
<p class="pale">pale</p><div class="wide">wide</div><input type="radio">
<div class="scroll box"><div class="wide">wide in a box</div></div>
<div class="scroll box" tabindex="0"><table class="wide"><tr><td>cut</td></tr></table></div>
<div class="low"><table class="stacks"><tr style="height: 200px"><td>a</td></tr></table></div>
<img alt="elsewhere" src="https://example.invalid/x.png">
<script>console.error("told"); missing();</script>
</main></body></html>"""


def test_every_fault_would_be_found(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "bad.html"
    path.write_text(BAD)
    found = "\n".join(faults(opened, path))
    for fault in (
        "1280 light: overflows",
        "390 dark: overflows",
        "1280 light: a table is cut: 5000 > ",
        "390 dark: a table is cut: 5000 > ",
        "390 dark: a table ends too early: 2",
        "no alternative text: <img>",
        "no alternative text: <svg",
        "a picture that is none",
        "no name: <input>",
        "ids twice: twice",
        "a link to nowhere: #nowhere",
        "a box that the keyboard cannot scroll: <div.scroll box>",
        'pale text: <p.pale> in #page "pale" 2.32',
        "console: told",
        "console: missing is not defined",
        "asks for https://example.invalid/x.png",
    ):
        assert fault in found
