"""Findings of the quick check about files, groups and classes, and their order."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from nunbit.checks.context import Context
from nunbit.checks.metadata.classes import widest_interval
from nunbit.checks.metadata.unusable_files import bad_images
from nunbit.checks.run import quick_findings
from nunbit.data.inspect import Inspection
from tests.checks.metadata.cases import checked, inspection_of, kinds, of_kind, samples_of


def test_sound_data_have_no_finding() -> None:
    samples = samples_of([0, 1] * 110)
    context = Context(samples=samples, inspection=inspection_of(samples), reasons=[""] * 220)
    assert quick_findings(context) == ()


def test_a_few_bad_files_are_a_warning_and_many_an_error() -> None:
    samples = samples_of([0, 1] * 50)
    looked = inspection_of(samples, reasons=["truncated: x", *[""] * 99])
    few = of_kind(checked(samples, looked), "unusable-files")
    assert few.severity == "warning"
    assert few.title == "1 of 100 files cannot be used, among them 1.0 % of the images"
    assert few.examples == ("0.jpg (truncated: x)",)
    assert few.everything == few.examples
    assert "1 truncated" in few.why
    assert "above 5.0 % bad" in few.remedy
    samples = samples_of([0, 1] * 5)
    looked = inspection_of(samples, reasons=["truncated: x", *[""] * 9])
    assert of_kind(checked(samples, looked), "unusable-files").severity == "error"


def test_files_that_fail_only_in_decoding_count_too() -> None:
    found = checked(samples_of([0, 1] * 5), reasons=["truncated: x", *[""] * 9])
    assert of_kind(found, "unusable-files").severity == "error"


def test_bad_images_counts_both_looks_once() -> None:
    inspection = Inspection(
        sha256=("", "b", "c"),
        facts=(None,) * 3,
        reasons=("zero bytes", "", ""),
        bad_rows=(0,),
        considered=3,
        remarks=(),
    )
    assert bad_images(inspection, ["zero bytes", "truncated", ""]) == ([0, 1], 3)


def test_groups_torn_by_the_given_parts_are_told() -> None:
    parts = ["train", "test", "test", "", "train", "train", "test", "train"]
    groups = ["p", "p", "q", "q", "r", "r", "", ""]
    torn = of_kind(checked(samples_of([0, 1] * 4, parts=parts, groups=groups)), _TORN)
    assert torn.severity == "error"
    assert torn.title == "1 of 3 groups is in several of the given parts"
    assert (torn.count, torn.examples) == (2, ("p",))


_TORN = "groups-across-parts"


def test_a_class_without_a_usable_image_is_an_error() -> None:
    samples = samples_of([0] * 40 + [1])
    found = of_kind(checked(samples, reasons=[""] * 40 + ["truncated"]), "empty-classes")
    assert found.severity == "error"
    assert found.title == "1 of the 2 classes has no usable image"
    assert found.examples == ("dog",)


def test_small_and_unbalanced_classes_are_told() -> None:
    found = checked(samples_of([0] * 50 + [1] * 2))
    small = of_kind(found, "small-classes")
    assert (small.severity, small.count) == ("warning", 2)
    assert small.title == "1 of the 2 classes has fewer than 3 images"
    assert small.examples == ("dog (2)",)
    unbalanced = of_kind(found, "unbalanced-classes")
    assert unbalanced.title == "The classes are unbalanced: cat has 50 images, dog 2"
    assert "--set training.sampling=balanced" in unbalanced.remedy
    assert "--set checkpoint.monitor=validation_macro_f1" in unbalanced.remedy
    assert "unbalanced-classes" in kinds(checked(samples_of([0] * 50 + [1] * 10)))
    assert "unbalanced-classes" not in kinds(checked(samples_of([0] * 49 + [1] * 10)))


def test_an_empty_class_does_not_make_the_others_unbalanced() -> None:
    samples = samples_of([0] * 40 + [1] * 40 + [2])
    found = checked(samples, reasons=[""] * 80 + ["truncated"])
    assert "unbalanced-classes" not in kinds(found)


@pytest.mark.parametrize("n", [1, 2, 10, 19, 20, 21, 100, 5000])
def test_the_widest_interval_is_wilsons_at_one_half(n: int) -> None:
    widths = []
    for right in {n // 2, n - n // 2, 0, n}:
        interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
        widths.append(interval.high - interval.low)
    assert max(widths) <= widest_interval(n) + 1e-6
    if n % 2 == 0:
        assert math.isclose(max(widths), widest_interval(n), rel_tol=1e-6)


def test_classes_too_small_to_be_measured_are_told() -> None:
    def told(samples, **options):  # type: ignore[no-untyped-def]
        looked = inspection_of(samples)
        context = Context(
            samples=samples,
            inspection=looked,
            reasons=looked.reasons,
            max_bad_fraction=1,
            **options,
        )
        return [
            finding for finding in quick_findings(context) if finding.kind == "unmeasurable-classes"
        ]

    labels = [0] * 200 + [1] * 60
    (found,) = told(samples_of(labels))
    assert found.severity == "note"
    assert (
        found.title == "1 of the 2 classes is too small to be measured: fewer than 21 test images"
    )
    assert found.examples == ("dog (12 in the test part)",)
    assert told(samples_of(labels), test_fraction=0.4) == []
    parts = ["test"] * 30 + ["train"] * 170 + ["test"] * 21 + ["train"] * 39
    assert told(samples_of(labels, parts=parts)) == []
    parts[0:10] = ["train"] * 10
    assert told(samples_of(labels, parts=parts))[0].examples == ("cat (20 in the test part)",)


def test_remarks_become_notes_and_errors_stand_first() -> None:
    samples = samples_of([0, 1] * 5)
    looked = inspection_of(
        samples,
        reasons=["truncated", *[""] * 9],
        remarks=("3 files in CMYK: converted",),
    )
    found = checked(samples, looked)
    assert [f.severity for f in found] == ["error", "note"]
    assert (found[-1].kind, found[-1].title) == ("odd-files", "3 files in CMYK: converted")
