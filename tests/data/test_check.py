"""Findings of the quick check on samples made by hand."""

from __future__ import annotations

import numpy as np

from nunbit.data.check import Finding, bad_images, check
from nunbit.data.inspect import Inspection
from nunbit.types import ImageArrays, Samples


def found(
    labels: list[int],
    *,
    sha256: list[str] | None = None,
    parts: list[str] | None = None,
    groups: list[str] | None = None,
    reasons: list[str] | None = None,
    late_reasons: list[str] | None = None,
    remarks: tuple[str, ...] = (),
) -> tuple[Finding, ...]:
    n = len(labels)
    samples = Samples(
        name="test",
        location="a test",
        classes=("cat", "dog", "emu")[: max(labels) + 1],
        images=ImageArrays(array=np.zeros((n, 2, 2, 1), dtype=np.uint8)),
        paths=tuple(f"{i}.png" for i in range(n)),
        labels=np.array(labels),
        parts=tuple(parts or [""] * n),
        groups=tuple(groups or [""] * n),
        reasons=("",) * n,
    )
    early = tuple(reasons or [""] * n)
    inspection = Inspection(
        sha256=tuple(sha256 or map(str, range(n))),
        facts=(None,) * n,
        reasons=early,
        bad_rows=tuple(i for i, reason in enumerate(early) if reason),
        considered=n,
        remarks=remarks,
    )
    return check(samples, inspection, reasons=late_reasons or early, max_bad_fraction=0.05)


def titles(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.title) for finding in findings]


def test_sound_data_have_no_finding() -> None:
    assert found([0, 1] * 10) == ()


def test_a_few_bad_files_are_a_warning_and_many_an_error() -> None:
    few = found([0, 1] * 50, reasons=["truncated: x", *[""] * 99])
    assert titles(few) == [
        ("warning", "1 of 100 files cannot be used, among them 1.0% of the images")
    ]
    assert few[0].examples == ("0.png (truncated: x)",)
    assert "1 truncated" in few[0].why
    assert few[0].everything == few[0].examples
    assert "above 5.0% bad" in few[0].remedy
    many = found([0, 1] * 5, reasons=["truncated: x", *[""] * 9])
    assert many[0].severity == "error"


def test_files_that_fail_only_in_decoding_count_too() -> None:
    late = ["truncated: x", *[""] * 9]
    assert found([0, 1] * 5, late_reasons=late)[0].severity == "error"


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


def test_copies_are_told_by_where_they_stand() -> None:
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    within = found(labels, sha256=["a", "a", "b", "c", "d", "e", "f", "g"])
    assert titles(within) == [("note", "Byte-identical images")]
    assert within[0].examples == ("0.png = 1.png",)
    across = found(labels, sha256=["a", "b", "c", "h", "a", "d", "e", "f"])
    assert titles(across)[0] == ("warning", "The same image stands in several classes")
    leak = found(
        labels,
        sha256=["a", "a", "b", "c", "d", "e", "f", "g"],
        parts=["train", "test"] + ["train"] * 6,
    )
    assert titles(leak)[0] == ("error", "The same image stands in several of the given parts")
    assert leak[0].count == 2


def test_a_copy_without_a_part_follows_the_others_and_is_no_leak() -> None:
    sha256 = ["a", "a", "b", "c", "d", "e", "f", "g"]
    findings = found([0, 1] * 4, sha256=sha256, parts=["test", ""] + ["train"] * 6)
    assert all(finding.severity != "error" for finding in findings)


def test_groups_torn_by_the_given_parts_are_told() -> None:
    parts = ["train", "test", "test", "", "train", "train", "test", "train"]
    groups = ["p", "p", "q", "q", "r", "r", "", ""]
    (finding,) = found([0, 1] * 4, parts=parts, groups=groups)
    assert finding.severity == "error"
    assert finding.title == "1 of the groups stand in several of the given parts"
    assert (finding.count, finding.examples) == (2, ("p",))


def test_a_class_without_a_usable_image_is_an_error() -> None:
    findings = found([0] * 40 + [1], reasons=[""] * 40 + ["truncated"])
    assert ("error", "1 of the classes have no usable image") in titles(findings)


def test_small_and_unbalanced_classes_are_told() -> None:
    findings = titles(found([0] * 50 + [1] * 2))
    assert ("warning", "1 of the classes have fewer than 3 images") in findings
    assert ("note", "The classes are unbalanced: cat has 50 images, dog 2") in findings


def test_remarks_become_notes_and_errors_stand_first() -> None:
    findings = found(
        [0, 1] * 5, reasons=["truncated", *[""] * 9], remarks=("3 files in CMYK: converted",)
    )
    assert [f.severity for f in findings] == ["error", "note"]
    assert findings[-1].title == "3 files in CMYK: converted"
