from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from PIL import Image

from nunbit.formatting import rough_duration
from nunbit.reports.advice import description, draw_advice
from tests.advisor.advice import ADVICE, DIFFERENT


def words(svg: bytes) -> str:
    root = ElementTree.fromstring(svg)
    return " ".join("".join(node.itertext()) for node in root.iter() if node.tag.endswith("text"))


def test_the_picture_is_a_png_of_a_readable_size() -> None:
    picture = Image.open(io.BytesIO(draw_advice(ADVICE)))
    assert picture.format == "PNG"
    assert picture.width >= 1600
    assert picture.height >= 1200


def test_the_picture_names_what_it_shows() -> None:
    shown = words(draw_advice(ADVICE, form="svg"))
    for text in (
        "birds & <bees> with timm/efficientnet_lite0",
        "pretrained network",
        "untrained network",
        "raw pixels",
        "training images",
        "5 min",
        "similar, little data",
        "these images",
        "last 2 stages",
    ):
        assert text in shown, text


def test_the_same_advice_gives_the_same_picture() -> None:
    assert draw_advice(ADVICE, form="svg") == draw_advice(ADVICE, form="svg")
    assert draw_advice(ADVICE, form="svg") != draw_advice(DIFFERENT, form="svg")


def test_the_readers_own_style_changes_nothing() -> None:
    import matplotlib as mpl

    before = draw_advice(ADVICE, form="svg")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        assert draw_advice(ADVICE, form="svg") == before
        assert mpl.rcParams["font.size"] == 30


def test_the_description_says_what_matters() -> None:
    text = description(ADVICE)
    assert "on the last stage of timm/efficientnet_lite0 is right on 90.0 %" in text
    assert "on raw pixels 55.0 %" in text
    assert text.endswith("Recommended: last stage and head.")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "under a second"),
        (1, "1 s"),
        (59, "59 s"),
        (99.6, "2 min"),
        (600, "10 min"),
        (7200, "2.0 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert rough_duration(seconds) == said
