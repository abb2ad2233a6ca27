"""Byte-identical images, by where they stand; and what is proposed about them."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from nunbit.checks.finding import Finding
from nunbit.checks.metadata.exact_copies import duplicates
from tests.checks.metadata.cases import kinds, of_kind, samples_of

PARTS = ("", "train", "validation", "test")


def found(
    labels: list[int], sha256: list[str], parts: list[str] | None = None
) -> tuple[Finding, ...]:
    samples = samples_of(labels, parts=parts)
    return tuple(duplicates(samples, sha256, [""] * len(labels)))


def test_copies_within_a_class_are_a_note_without_correction() -> None:
    (note,) = found([0, 0, 0, 1], ["a", "a", "b", "c"])
    assert (note.kind, note.severity, note.count) == ("exact-copies", "note", 2)
    assert note.title == "1 image appears several times in one class, as byte-identical copies"
    assert note.examples == ("0.jpg = 1.jpg",)
    assert note.groups == ((0, 1),)
    assert note.corrections == ()


def test_copies_in_several_classes_are_all_proposed_for_exclusion() -> None:
    (warning,) = found([0, 1, 0, 1], ["a", "a", "b", "c"])
    assert (warning.kind, warning.severity) == ("copies-across-classes", "warning")
    assert warning.groups == ((0, 1),)
    assert [(c.path, c.action, c.label) for c in warning.corrections] == [
        ("0.jpg", "exclude", "cat"),
        ("1.jpg", "exclude", "dog"),
    ]
    assert warning.corrections[0].reason == "the same image is in several classes"


def test_a_leak_is_an_error_and_the_copy_that_trains_goes() -> None:
    parts = ["train", "validation", "test", "train", "validation", "train"]
    (leak,) = found([0] * 6, ["a", "a", "a", "b", "b", "c"], parts)
    assert (leak.kind, leak.severity, leak.count) == ("copies-across-parts", "error", 5)
    assert leak.title.startswith("2 images appear in several of the given parts")
    assert leak.groups == ((0, 1, 2), (3, 4))
    assert [(c.path, c.reason) for c in leak.corrections] == [
        ("0.jpg", "the same image is in the test part"),
        ("1.jpg", "the same image is in the test part"),
        ("3.jpg", "the same image is in the validation part"),
    ]


def test_a_leak_between_classes_is_corrected_once() -> None:
    findings = found([0, 1, 0, 0], ["a", "a", "b", "c"], ["train", "test", "train", "test"])
    assert kinds(findings) == ["copies-across-parts", "copies-across-classes"]
    assert of_kind(findings, "copies-across-parts").corrections == ()
    assert len(of_kind(findings, "copies-across-classes").corrections) == 2


def test_a_copy_without_a_part_follows_the_others_and_is_no_leak() -> None:
    findings = found([0, 0, 1, 1], ["a", "a", "b", "c"], ["test", "", "train", "train"])
    assert kinds(findings) == ["exact-copies"]


def test_what_is_unusable_is_no_copy() -> None:
    samples = samples_of([0, 0])
    assert list(duplicates(samples, ["a", "a"], ["", "truncated"])) == []
    assert list(duplicates(samples, ["", ""], ["", ""])) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from("abcdef"), st.sampled_from(PARTS)),
        min_size=1,
        max_size=30,
    )
)
def test_the_corrections_leave_no_leak_and_no_contradiction(
    rows: list[tuple[int, str, str]],
) -> None:
    labels, digests, parts = (list(column) for column in zip(*rows, strict=True))
    findings = found([*labels, 2], [*digests, "other"], [*parts, ""])
    proposed = Counter(c.path for finding in findings for c in finding.corrections)
    assert all(count == 1 for count in proposed.values())
    left = defaultdict(list)
    for row, digest in enumerate(digests):
        if f"{row}.jpg" not in proposed:
            left[digest].append(row)
    for members in left.values():
        assert len({labels[row] for row in members}) == 1
        assert len({parts[row] for row in members} - {""}) <= 1
    # What stood in one class lost none of its rightmost part, and nothing else was touched.
    for digest in set(digests):
        members = [row for row in range(len(rows)) if digests[row] == digest]
        if len({labels[row] for row in members}) == 1:
            last = max((PARTS.index(parts[row]) for row in members), default=0)
            kept = [row for row in members if parts[row] in ("", PARTS[last])]
            assert all(f"{row}.jpg" not in proposed for row in kept)
