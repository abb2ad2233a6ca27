from __future__ import annotations

import pytest

from nunbit import formatting as words


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.921, "92.1 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9999, "99.99 %"),
        (0.00012, "0.01 %"),
        (0.9999999, ">99.999 %"),
        (1e-9, "<0.001 %"),
    ],
)
def test_percent_never_reaches_the_ends_by_rounding(share: float, text: str) -> None:
    assert words.percent(share) == text


def test_range_reads_as_in_a_sentence() -> None:
    assert words.percent_with_range(0.921, (0.9084, 0.9321)) == "92.1 % (90.8 to 93.2)"
    assert words.percent_with_range(1, [0.5655, 1]) == "100 % (56.5 to 100)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.7, "1 min"),
        (75, "1 min 15 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_numbers() -> None:
    assert words.count(1, "image") == "1 image"
    assert words.count(2000, "image") == "2,000 images"
    assert words.decimal(0.00002) == "2.00e-05"
    assert words.decimal(None) == words.decimal(float("nan")) == words.percent(None) == "–"
    assert words.confidence(0.99999) == ">99.9 %"
    assert words.plain([True, 1000, 0.25, "x"]) == "yes, 1,000, 0.25, x"
