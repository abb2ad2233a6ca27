"""Tiny images and extreme shapes."""

from __future__ import annotations

from nunbit.checks.finding import Finding
from nunbit.checks.metadata.image_sizes import sizes
from nunbit.types import ImageFacts
from tests.checks.metadata.cases import fact, inspection_of, kinds, of_kind, samples_of


def found(
    facts: list[ImageFacts], input_size: tuple[int, int] | None = None, *, files: bool = True
) -> list[Finding]:
    samples = samples_of([0, 1] * (len(facts) // 2) + [0] * (len(facts) % 2), files=files)
    looked = inspection_of(samples, facts=facts)
    return list(sizes(samples, looked, [""] * len(facts), input_size=input_size))


USUAL = [fact(120, 90), fact(90, 120), fact(100, 100), fact(110, 100)] * 5


def test_usual_sizes_give_no_finding() -> None:
    assert found(USUAL) == []
    assert found(USUAL, (64, 64)) == []


def test_tiny_images_are_found_against_median_and_input() -> None:
    tiny = of_kind(found([*USUAL, fact(30, 33), fact(34, 34)]), "tiny-images")
    assert (tiny.severity, tiny.count, tiny.everything) == ("note", 1, ("20.jpg",))
    assert tiny.groups == ((20,),)
    assert "the median image has 100 × 100 pixels" in tiny.why
    # A small input does not need more pixels than the image has.
    assert found([*USUAL, fact(30, 33)], (32, 32)) == []
    # Small originals throughout are no outliers, however large the input.
    assert found(USUAL, (512, 512)) == []


def test_extreme_shapes_are_found_against_the_input() -> None:
    long = of_kind(found([*USUAL, fact(400, 100), fact(62, 200), fact(290, 100)]), _LONG)
    assert (long.severity, long.everything) == ("note", ("20.jpg", "21.jpg"))
    assert long.title == "2 of 23 images are 3 times or more wider or narrower than the input"
    assert "100 × 110 pixels" in long.why  # height x width of the median image


def test_shapes_that_do_not_fit_the_input_at_all_are_a_warning() -> None:
    panoramas = [fact(400, 100), fact(420, 100)] * 5
    assert found(panoramas) == []
    found_here = found(panoramas, (64, 64))
    assert kinds(found_here) == [_LONG]
    assert (found_here[0].severity, found_here[0].count) == ("warning", 10)
    assert found(panoramas, (32, 128)) == []


_LONG = "extreme-aspect-ratio"


def test_arrays_have_one_size() -> None:
    assert found([fact(400, 10)] * 4, (64, 64), files=False) == []


def test_unusable_files_are_not_looked_at() -> None:
    samples = samples_of([0, 1, 0, 1, 0])
    facts = [fact(), fact(), fact(), None, fact(1, 1)]
    looked = inspection_of(samples, facts=facts)
    reasons = ["", "", "", "not an image", "truncated"]
    assert list(sizes(samples, looked, reasons, input_size=None)) == []
    assert list(sizes(samples, looked, ["truncated"] * 5, input_size=None)) == []
