"""A fix list leaves an image in each class."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nunbit.checks.emptied_classes import keep_classes
from nunbit.checks.finding import Finding
from nunbit.data.corrections import Correction
from nunbit.types import Samples
from tests.checks.cases import made_diagnosis

NAMES = ("a", "b", "c")


def samples_of(labels: tuple[int, ...]) -> Samples:
    paths = tuple(f"{row}.png" for row in range(len(labels)))
    parts = ("train",) * len(labels)
    return made_diagnosis(paths=paths, labels=labels, classes=NAMES, parts=parts).samples


def exclude(samples: Samples, row: int) -> Correction:
    label = samples.label_name(row)
    return Correction(path=samples.paths[row], action="exclude", label=label, reason="a copy")


def relabel(samples: Samples, row: int, new: str) -> Correction:
    label = samples.label_name(row)
    return Correction(
        path=samples.paths[row], action="relabel", label=label, new_label=new, reason="looks so"
    )


def copies(*groups: tuple[int, ...]) -> Finding:
    return Finding(
        kind="copies-across-classes", severity="warning", title="t", count=1, groups=groups
    )


def test_two_classes_of_the_same_pictures_are_named_and_left_alone() -> None:
    samples = samples_of((0, 0, 1, 1, 2, 2))
    corrections = [exclude(samples, row) for row in range(5)]
    kept, finding = keep_classes(corrections, [copies((0, 2), (1, 3))], samples, [""] * 6)
    assert kept == (exclude(samples, 4),)
    assert finding is not None
    assert finding.title == "a fix list would empty 2 classes, so it proposes nothing for them"
    assert finding.examples == ("a (2 images like b)", "b (2 images like a)")
    assert finding.everything == ("0.png", "1.png", "2.png", "3.png")
    assert "merge them, with --label-map" in finding.remedy


def test_a_class_whose_labels_all_look_wrong_is_left_alone() -> None:
    samples = samples_of((0, 0, 1, 1, 2, 2))
    corrections = [relabel(samples, 0, "c"), relabel(samples, 1, "c"), relabel(samples, 2, "a")]
    kept, finding = keep_classes(corrections[:2], [], samples, [""] * 6)
    assert kept == ()
    assert finding is not None
    assert finding.title == "a fix list would empty a class, so it proposes nothing for it"
    assert finding.examples == ("a (2 images like c)",)
    # Another image comes in, so that nothing is empty.
    assert keep_classes(corrections, [], samples, [""] * 6) == (tuple(corrections), None)


def test_what_stays_in_one_class_may_be_missing_in_another() -> None:
    """b lives on what comes from a, and a must keep it."""
    samples = samples_of((0, 1, 2))
    corrections = [relabel(samples, 0, "b"), exclude(samples, 1)]
    kept, finding = keep_classes(corrections, [], samples, [""] * 3)
    assert kept == ()
    assert finding is not None
    assert finding.examples == ("a (1 image like b)", "b")


def test_images_that_cannot_be_used_do_not_fill_a_class() -> None:
    samples = samples_of((0, 0, 1))
    kept, finding = keep_classes([exclude(samples, 0)], [], samples, ["", "torn", ""])
    assert kept == ()
    assert finding is not None
    # And what is proposed for them takes nothing away.
    both = (exclude(samples, 1),)
    assert keep_classes(both, [], samples, ["", "torn", ""]) == (both, None)
    # Nor is a class empty only now that nobody could use before.
    assert keep_classes([], [], samples, ["torn", "torn", ""]) == ((), None)


def test_a_list_that_empties_no_class_is_what_it_was() -> None:
    samples = samples_of((0, 0, 1, 1))
    corrections = (exclude(samples, 0), relabel(samples, 2, "a"))
    assert keep_classes(corrections, [], samples, [""] * 4) == (corrections, None)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=12))
def test_no_class_is_ever_emptied(rows: list[tuple[int, int]]) -> None:
    samples = samples_of(tuple(label for label, _ in rows))
    corrections = [
        exclude(samples, row) if new == 3 else relabel(samples, row, NAMES[new])
        for row, (label, new) in enumerate(rows)
        if new != label
    ]
    kept, _ = keep_classes(corrections, [], samples, [""] * len(rows))
    of = {c.path: c for c in kept}
    left: Counter[str] = Counter()
    for row, path in enumerate(samples.paths):
        new = of.get(path)
        if new is None or new.action == "relabel":
            left[samples.label_name(row) if new is None else new.new_label] += 1
    assert {NAMES[label] for label, _ in rows} <= set(left)
