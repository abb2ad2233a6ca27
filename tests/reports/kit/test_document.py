from __future__ import annotations

import base64
import io

import jinja2
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from nunbit.reports.kit import (
    Section,
    document,
    is_pixelated,
    png_address,
    render,
    thumbnail_address,
)
from tests.reports.run.page import Page


def made(**changes: object) -> str:
    values = {
        "title": "tab",
        "heading": "a & b",
        "aside": "checked <today>",
        "description": 'it says "no"',
        "finished": "",
        "version": "1.2",
        "sections": [Section(name="one", title="First < second", body=Markup("<p>body</p>"))],
    }
    return document(**(values | changes))  # type: ignore[arg-type]


def test_shell_escapes_everything_and_fetches_nothing() -> None:
    html = made()
    page = Page(html)
    assert page.all("h1")[0].words == "a & b checked <today>"
    assert page.all("meta", name="description")[0].attributes["content"] == 'it says "no"'
    assert page.all("h2")[0].words == "First < second"
    assert page.section("one") == "First < second body"
    assert not page.all("script")
    assert not page.all("link")
    assert "http" not in html


def test_names_that_are_not_unicode_are_shown_as_question_marks() -> None:
    assert "photo?.png" in made(heading="photo\udcff.png")


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("kit/facts")


def test_every_package_can_include_the_shared_templates() -> None:
    body = render("explanation/how", rows=[("Size", "<1>")], command="", sources=[])
    assert "<dt>Size</dt><dd>&lt;1&gt;</dd>" in body


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4)])
def test_small_pictures_are_kept_exactly(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    address = png_address(picture)
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(decoded.reshape(shape), picture)


def test_large_pictures_are_scaled_down_in_proportion() -> None:
    picture = np.zeros((300, 150, 3), dtype=np.uint8)
    data = png_address(picture, max_side=60).partition(",")[2]
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (30, 60)
    assert not is_pixelated(picture)
    assert is_pixelated(picture[:63, :63])


def test_thumbnails_are_exact_when_small_and_a_quarter_of_the_bytes_when_large() -> None:
    small = np.random.default_rng(0).integers(0, 256, (28, 28, 1)).astype(np.uint8)
    assert thumbnail_address(small) == png_address(small)
    photo = np.linspace(0, 255, 128 * 128 * 3).reshape(128, 128, 3)
    photo += np.random.default_rng(0).normal(0, 12, photo.shape)
    picture = photo.clip(0, 255).astype(np.uint8)
    large = thumbnail_address(picture)
    assert large.startswith("data:image/jpeg;base64,")
    assert 4 * len(large) < len(png_address(picture))
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(large.partition(",")[2]))))
    assert np.abs(decoded.astype(int) - picture).mean() < 10


def test_a_package_may_add_to_the_style() -> None:
    assert "td > b { color: red }" in made(style="td > b { color: red }")
