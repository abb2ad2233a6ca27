"""What is said about near-duplicates, by where they stand."""

from __future__ import annotations

import numpy as np

from nunbit.checks.finding import Finding
from nunbit.checks.pixels.near_copies import copies_together, copy_findings
from nunbit.data.near_duplicates import NearDuplicates
from nunbit.types import Samples
from tests.checks.faults import samples_of


def near(*pairs: tuple[int, int]) -> NearDuplicates:
    return NearDuplicates(
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2), similarity=np.ones(len(pairs))
    )


def told(
    samples: Samples, *pairs: tuple[int, int], sha256: list[str] | None = None
) -> dict[str, Finding]:
    digests = sha256 or [str(i) for i in range(len(samples))]
    return {f.kind: f for f in copy_findings(samples, near(*pairs), sha256=digests)}


def test_copies_within_a_class_are_a_note_and_nothing_is_proposed() -> None:
    found = told(samples_of([0, 0, 1, 1, 0]), (0, 1), (0, 4), (2, 3))
    assert list(found) == ["near-duplicates"]
    finding = found["near-duplicates"]
    assert finding.severity == "note"
    assert finding.title == "2 pictures appear several times in one class, as near-duplicates"
    assert finding.count == 5
    assert finding.groups == ((0, 1, 4), (2, 3))
    assert finding.examples == ("0000 ~ 0001 ~ 0004", "0002 ~ 0003")
    assert finding.everything == ("0000", "0001", "0004", "0002", "0003")
    assert finding.corrections == ()


def test_copies_in_two_classes_contradict_each_other() -> None:
    samples = samples_of([0, 1, 2, 3], parts=["train", "train", "test", "test"])
    found = told(samples, (0, 1))
    assert list(found) == ["near-duplicates-across-classes"]
    finding = found["near-duplicates-across-classes"]
    assert finding.severity == "warning"
    assert finding.title == "1 picture appears in several classes, as near-duplicates"
    assert [(c.path, c.action, c.label) for c in finding.corrections] == [
        ("0000", "exclude", "c0"),
        ("0001", "exclude", "c1"),
    ]
    assert {c.reason for c in finding.corrections} == {"a near-duplicate is in another class"}
    (torn,) = told(samples, (2, 3)).values()
    assert torn.corrections == ()  # a given test part stays as it is


def test_a_leak_is_corrected_in_training() -> None:
    parts = ["train"] * 4 + ["validation"] * 2 + ["test"] * 4
    found = told(samples_of([0] * 10, parts=parts), (0, 6), (4, 7), (1, 5), (2, 3))
    assert list(found) == ["near-duplicates-across-parts", "near-duplicates"]
    leak = found["near-duplicates-across-parts"]
    assert leak.severity == "error"
    assert leak.title == (
        "3 pictures appear in several of the given parts, as near-duplicates "
        "(up to 50.00 % of a part)"
    )
    assert [(c.path, c.reason) for c in leak.corrections] == [
        ("0000", "a near-duplicate is in the test part"),
        ("0001", "a near-duplicate is in the validation part"),
        ("0004", "a near-duplicate is in the test part"),
    ]
    assert found["near-duplicates"].groups == ((2, 3),)


def test_a_leak_that_hardly_matters_is_a_warning() -> None:
    parts = ["train"] * 100 + ["test"] * 101
    (finding,) = told(samples_of([0] * 201, parts=parts), (0, 150)).values()
    assert finding.severity == "warning"
    assert "up to 0.99 % of a part" in finding.title


def test_a_group_may_be_a_leak_and_a_contradiction_at_once() -> None:
    found = told(samples_of([0, 1], parts=["train", "test"]), (0, 1))
    assert list(found) == ["near-duplicates-across-parts", "near-duplicates-across-classes"]


def test_a_copy_without_a_part_leaks_nothing() -> None:
    found = told(samples_of([0, 0], parts=["", "test"]), (0, 1))
    assert list(found) == ["near-duplicates"]


def test_byte_identical_images_are_the_quick_checks_business() -> None:
    samples = samples_of([0, 0, 0, 0])
    assert told(samples, (0, 1), sha256=["x", "x", "y", "z"]) == {}
    mixed = told(samples, (0, 1), (0, 2), sha256=["x", "x", "y", "z"])
    assert mixed["near-duplicates"].groups == ((0, 1, 2),)


def test_nothing_found_is_nothing_told() -> None:
    assert told(samples_of([0, 1])) == {}


def test_copies_and_groups_of_the_user_are_joined() -> None:
    samples = samples_of([0] * 7, groups=["p", "", "p", "", "", "q", "q"])
    together = copies_together(samples, near((2, 3), (3, 4)))
    assert len(set(together[[0, 2, 3, 4]])) == 1
    assert together[5] == together[6]
    assert len(set(together)) == 3
