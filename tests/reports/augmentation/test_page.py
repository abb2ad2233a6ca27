"""The page is whole, stands alone, and names what it shows."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from nunbit.data.augment import (
    COMBINATIONS,
    MIXINGS,
    OPERATIONS,
    PRESETS,
    Augmentation,
    CutMix,
    MixUp,
)
from nunbit.data.augment.compose import OneOf
from nunbit.data.augment.erasing import CoarseDropout
from nunbit.data.augment.flips_and_shifts import HorizontalFlip, Shift
from nunbit.data.augment.geometric import Rotation
from nunbit.reports.augmentation import build_gallery, showcase
from tests.reports.augmentation.test_gallery import pictures
from tests.reports.run.page import Page


def page_of(augmentation: Augmentation, **options) -> Page:
    return Page(build_gallery(pictures(), augmentation, seed=0, **options))


def test_every_operation_has_a_section_and_the_whole_the_last() -> None:
    page = page_of(PRESETS["photos"], results=2)
    assert page.section_names == ["assumption", *(f"operation-{i}" for i in (1, 2, 3, 4)), "whole"]
    assert "a mirror, small turns, zoom and light keep the label" in page.section("assumption")
    assert page.section("operation-1").startswith("horizontal-flip Flip left and right.")
    assert "All operations in turn" in page.section("whole")
    assert [link.attributes["href"][1:] for link in page.all("a")] == page.section_names


def test_parameters_and_probability_are_named() -> None:
    mine = Augmentation(
        name="mine",
        assumption="round things",
        operations=(
            Rotation(degrees=33, probability=0.25),
            Shift(border="constant", fill=7),
            OneOf(operations=(CoarseDropout(holes=(2, 4)), HorizontalFlip())),
        ),
    )
    page = page_of(mine, results=2)
    rotation = page.section("operation-1")
    assert "Happens to 25 % of the training images; shown here on each picture." in rotation
    assert re.search(r"degrees ?33 ?maximum rotation to either side", rotation)
    assert "grey level of a constant border" not in rotation  # a mirrored border has none
    assert re.search(r"fill ?7 ?grey level", page.section("operation-2"))
    both = page.section("operation-3")
    assert "coarse-dropout (every training image)" in both
    assert "horizontal-flip (50 % of the training images)" in both
    assert re.search(r"holes ?2 to 4 ?number of rectangles", both)


def decoded(source: str) -> np.ndarray:
    kind, _, data = source.partition(";base64,")
    assert kind == "data:image/png"  # small pictures are exact
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_pictures_are_the_canvases_and_their_results() -> None:
    mine = Augmentation(name="mine", assumption="", operations=(HorizontalFlip(),))
    page = page_of(mine, whole=False)
    images = [decoded(image.attributes["src"]) for image in page.all("img")]
    canvases = pictures().canvases
    # One result of each is enough where chance has no part.
    assert len(images) == 6
    for number, canvas in enumerate(canvases):
        assert np.array_equal(images[2 * number], canvas)
        assert np.array_equal(images[2 * number + 1], canvas[:, ::-1])
    described = [image.attributes["alt"] for image in page.all("img")]
    assert described[:2] == ["0.png (ant), unchanged", "ant, result 1 of horizontal-flip"]


def test_mixed_targets_stand_below_the_pictures() -> None:
    mine = Augmentation(
        name="mix", assumption="", operations=(), mixing=(MixUp(), CutMix(probability=0.5))
    )
    page = page_of(mine, results=8)
    captions = [caption.words for caption in page.all("figcaption")]
    assert any(re.fullmatch(r"\d+.% (ant|bee|cat), \d+.% (ant|bee|cat)", text) for text in captions)
    assert "the target that the network is to answer" in page.section("operation-1")


def test_the_page_loads_nothing_and_escapes_names() -> None:
    nasty = pictures()
    classes = ("<script>alert(1)</script>", "b&b", '"c"')
    shown = type(nasty)(**{**vars(nasty), "classes": classes, "dataset": "<b>data</b>"})
    html = build_gallery(shown, PRESETS["digits"], seed=0, notes=("a < b",))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html
    assert "a &lt; b" in html
    assert not re.findall(r'(?:src|href)="(?!data:|#)', html)
    assert "url(" not in html
    Page(html)


def test_the_same_seed_makes_the_same_page() -> None:
    first, again, other = (build_gallery(pictures(), PRESETS["digits"], seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("channels", [1, 3])
def test_the_showcase_shows_every_operation_there_is(channels: int) -> None:
    everything, missing = showcase()
    assert missing == ()
    html = build_gallery(pictures(2, channels), everything, seed=0, whole=False, results=2)
    titles = [heading.words for heading in Page(html).all("h2")][1:]
    assert titles == [*OPERATIONS, *COMBINATIONS, *MIXINGS]


def test_the_showcase_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nunbit.data.augment.photometric.find_spec", lambda name: None)
    everything, (missing,) = showcase()
    assert len(everything.operations) == len(OPERATIONS) - 1 + len(COMBINATIONS)
    assert "clahe needs kornia" in missing
    assert "python -m pip install 'nunbit[augment]'" in missing
