from __future__ import annotations

import pytest

from nunbit_labs.comparison import Comparison, Goal, Published, comparison_from, comparison_table

COURSE = Published(0.9, digits=1, unit="%")


def compared(
    ours: tuple[float, ...] | str | None,
    published: Published = COURSE,
    goal: Goal = "higher",
    *,
    tolerance: float | None = None,
    comparable: bool = True,
) -> Comparison:
    return Comparison(
        what="accuracy",
        published=published,
        ours=ours,
        goal=goal,
        tolerance=tolerance,
        comparable=comparable,
        images=100,
        seconds=75.0,
        remark="",
    )


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ((0.91, 0.92), "beaten"),
        ((0.91,), "reached"),  # one seed beats nothing
        ((0.89, 0.92), "reached"),
        ((0.9,), "reached"),
        ((0.85, 0.9), "spread"),
        ((0.85, 0.89), "short"),
        (None, "not-run"),
    ],
)
def test_higher_is_better(ours: tuple[float, ...] | None, verdict: str) -> None:
    assert compared(ours).verdict == verdict


def test_lower_is_better() -> None:
    loss = Published(3.8e-5, digits=6)
    assert compared((1e-5, 2e-5), loss, "lower").verdict == "beaten"
    assert compared((1e-4,), loss, "lower").verdict == "short"


@pytest.mark.parametrize(
    ("ours", "published", "verdict"),
    [
        (0.5108, Published(0.51), "agrees"),
        (0.516, Published(0.51), "differs"),
        (0.7445, Published(0.74), "agrees"),
        (0.8693, Published(0.869, digits=1, unit="%"), "agrees"),
        (0.868, Published(0.869, digits=1, unit="%"), "differs"),
        (62_378_344, Published(62_378_344, digits=0), "agrees"),
        (62_378_345, Published(62_378_344, digits=0), "differs"),
    ],
)
def test_equal_to_the_published_digits(ours: float, published: Published, verdict: str) -> None:
    assert compared((ours,), published, "equal").verdict == verdict


def test_equal_within_a_tolerance() -> None:
    row = compared((0.5,), Published(0.51), "equal", tolerance=0.02)
    assert row.verdict_in_words("en") == "equal within 0.02"


def test_texts_are_equal_or_not() -> None:
    assert compared("a", Published("a"), "equal").verdict == "agrees"
    assert compared("b", Published("a"), "equal").verdict_in_words("en") == "differs"


def test_a_quick_run_is_not_judged() -> None:
    assert compared((0.1,), comparable=False).verdict == "quick"


def test_numbers_are_shown_in_the_published_form() -> None:
    row = compared((0.86, 0.88))
    assert row.published_in_words() == "90.0 %"
    assert row.ours_in_words("en") == "87.0 % ± 1.4 (n = 2 seeds, 86.0 % – 88.0 %)"
    assert row.verdict_in_words("en") == "not reached, by 3.00 points"
    assert compared((0.86,)).ours_in_words("en") == "86.0 %"
    assert compared(None).ours_in_words("en") == "–"
    assert Published(62_378_344, digits=0).shown(62_378_344) == "62,378,344"
    assert Published(3.8e-5, digits=2).shown(3.8e-5) == "3.80e-05"


def test_a_number_that_nobody_has_published_stands_alone() -> None:
    row = compared((-0.02, 0.01), Published(None, source="", digits=1, unit="points"))
    assert row.verdict == "alone"
    assert row.verdict_in_words("en") == "nothing published"
    assert row.published_in_words() == "–"
    assert row.ours_in_words("en") == "-0.5 points ± 2.1 (n = 2 seeds, -2.0 points – +1.0 points)"
    assert comparison_from(row.to_dict()) == row


def test_differences_are_told_in_points() -> None:
    gain = Published(0.0212, digits=2, unit="points")
    assert gain.shown(0.0212) == "+2.12 points"
    assert compared((0.01,), gain).verdict_in_words("en") == "not reached, by 1.12 points"
    assert compared((0.02124,), gain, "equal").verdict == "agrees"
    assert compared((0.02126,), gain, "equal").verdict == "differs"


def test_a_row_comes_back_from_its_dictionary() -> None:
    for row in (compared((0.8, 0.9)), compared(None), compared("a", Published("a"), "equal")):
        assert comparison_from(row.to_dict()) == row


def test_the_table_escapes_what_it_shows() -> None:
    row = compared("<b>", Published("a"), "equal")
    table = comparison_table([row], "ko")
    assert "&lt;b&gt;" in table
    assert "발표된 값" in table
