from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.slices import (
    FALSE_ALARMS,
    MIN_IMAGES,
    UNKNOWN,
    Attribute,
    Slice,
    Slices,
    slice_accuracy,
)
from nunbit.types import Predictions
from tests.evaluation.test_multiple_testing import plain_holm


def predictions(right: NDArray[np.bool_], labels: NDArray[np.int64] | None = None) -> Predictions:
    """Two classes, answered rightly where `right` [N] says so."""
    n = len(right)
    true = np.zeros(n, dtype=np.int64) if labels is None else labels
    answered = np.where(right, true, 1 - true)
    return Predictions(
        logits=np.eye(2, dtype=np.float32)[answered], labels=true, indices=np.arange(n)
    )


def attribute(values: object, name: str = "thing") -> Attribute:
    return Attribute(name=name, title=name.capitalize(), values=values)  # type: ignore[arg-type]


def only(found: Slices) -> dict[str, Slice]:
    (breakdown,) = found.breakdowns
    return {part.name: part for part in breakdown.slices}


def test_counts_are_those_of_a_plain_loop_and_every_image_is_in_one_slice() -> None:
    generator = np.random.default_rng(0)
    right = generator.random(400) < 0.8
    texts = [str(t) for t in generator.choice(["", "north", "south", "east"], 400)]
    parts = only(slice_accuracy(predictions(right), [attribute(texts)]))
    assert set(parts) == {UNKNOWN, "north", "south", "east"}
    for name, part in parts.items():
        mine = [r for r, t in zip(right, texts, strict=True) if (t or UNKNOWN) == name]
        others = [r for r, t in zip(right, texts, strict=True) if (t or UNKNOWN) != name]
        assert (part.n, part.correct) == (len(mine), sum(mine))
        assert part.accuracy == sum(mine) / len(mine)
        assert part.accuracy_elsewhere == pytest.approx(sum(others) / len(others))
        assert part.accuracy_ci95 == wilson_interval(sum(mine), len(mine))
    sizes = [part.n for part in parts.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 400


def test_p_values_are_fishers_corrected_for_all_slices() -> None:
    generator = np.random.default_rng(1)
    right = generator.random(300) < 0.7
    first = [str(t) for t in generator.choice(["a", "b", "c"], 300)]
    second = generator.integers(0, 2, 300).astype(float)
    found = slice_accuracy(predictions(right), [attribute(first), attribute(second, "other")])
    raw, given = [], []
    for breakdown, values in zip(found.breakdowns, (np.array(first), second), strict=True):
        for part in breakdown.slices:
            inside = values == (part.name if values.dtype.kind == "U" else float(part.name))
            table = [
                [right[inside].sum(), (~right[inside]).sum()],
                [right[~inside].sum(), (~right[~inside]).sum()],
            ]
            raw.append(fisher_exact(table, alternative="less").pvalue)
            given.append(part.p_value)
    assert found.tested == 5
    assert given == pytest.approx(plain_holm(raw))


@pytest.mark.parametrize(("accuracy", "n"), [(0.9, 200), (0.6, 500), (0.98, 800)])
def test_false_alarms_are_as_rare_as_is_promised(accuracy: float, n: int) -> None:
    trials, alarms = 300, 0
    for trial in range(trials):
        generator = np.random.default_rng([trial, n])
        right = generator.random(n) < accuracy
        attributes = [
            attribute(generator.normal(size=n), "brightness"),
            attribute(generator.normal(size=n), "sharpness"),
            attribute([str(t) for t in generator.choice(list("abcd"), n)], "folder"),
            attribute([str(t) for t in generator.choice(["grey", "colour"], n)], "mode"),
        ]
        alarms += bool(slice_accuracy(predictions(right), attributes).warnings)
    # Three standard errors above what is promised; Fisher's test stays below it.
    assert alarms / trials <= FALSE_ALARMS + 3 * (FALSE_ALARMS * 0.95 / trials) ** 0.5
    assert alarms > 0, "a test that never warns is none"


def test_a_slice_that_is_worse_is_found_and_the_others_are_not() -> None:
    generator = np.random.default_rng(2)
    dark = np.arange(1000) % 5 == 0
    right = generator.random(1000) < np.where(dark, 0.6, 0.95)
    brightness = np.where(dark, 10, 100) + generator.random(1000)
    found = slice_accuracy(
        predictions(right),
        [attribute(brightness, "brightness"), attribute(generator.random(1000), "sharpness")],
    )
    ((breakdown, part),) = found.warnings
    assert (breakdown.attribute.name, part.name, part.n) == ("brightness", "10 to 11", 200)
    (entry,) = (warning.to_dict() for warning in found.summary)
    assert entry["slice"] == "10 to 11"
    assert entry["accuracy"] == right[dark].mean()
    assert entry["accuracy_elsewhere"] == pytest.approx(right[~dark].mean())


def test_what_classes_alone_explain() -> None:
    # Class 0 is always right, class 1 half the time; the slice holds more of class 1.
    labels = np.array([0] * 80 + [1] * 20 + [0] * 20 + [1] * 80, dtype=np.int64)
    right = np.array([True] * 80 + [True, False] * 10 + [True] * 20 + [True, False] * 40)
    parts = only(slice_accuracy(predictions(right, labels), [attribute(["x"] * 100 + ["y"] * 100)]))
    assert parts["y"].accuracy == pytest.approx(0.6)
    assert parts["y"].expected == pytest.approx(0.6)
    assert parts["x"].expected == pytest.approx(0.9)
    assert parts["y"].worse


def test_a_class_that_is_nowhere_else_is_expected_as_it_is() -> None:
    labels = np.array([0] * 30 + [1] * 30, dtype=np.int64)
    right = np.array([True] * 60)
    right[30:45] = False
    parts = only(slice_accuracy(predictions(right, labels), [attribute(["x"] * 30 + ["y"] * 30)]))
    assert parts["y"].expected == 0.5


def test_numbers_are_divided_into_ranges_of_like_size() -> None:
    values = np.concatenate([np.linspace(0.011, 2.5, 500), [np.nan] * 40])
    parts = only(slice_accuracy(predictions(np.ones(540, dtype=bool)), [attribute(values)]))
    assert [part.n for part in parts.values()] == [100] * 5 + [40]
    assert next(iter(parts)) == "0.01 to 0.50"
    assert list(parts)[-1] == UNKNOWN


def test_few_numbers_stand_for_themselves_in_their_order() -> None:
    years = ["2003"] * 50 + ["2001"] * 30 + [""] * 20
    parts = only(slice_accuracy(predictions(np.ones(100, dtype=bool)), [attribute(years)]))
    assert [(name, part.n) for name, part in parts.items()] == [
        ("2001", 30),
        ("2003", 50),
        (UNKNOWN, 20),
    ]


def test_many_values_are_one_slice_in_the_end() -> None:
    texts = [f"camera {i}" for i in range(12) for _ in range(40 - i)]
    right = np.ones(len(texts), dtype=bool)
    parts = only(slice_accuracy(predictions(right), [attribute(texts)]))
    assert list(parts) == [f"camera {i}" for i in range(8)] + ["4 other values"]
    assert parts["4 other values"].n == 32 + 31 + 30 + 29


def test_what_says_nothing_is_left_out_with_the_reason() -> None:
    n = 100
    found = slice_accuracy(
        predictions(np.ones(n, dtype=bool)),
        [
            attribute(["RGB"] * n, "mode"),
            attribute([f"id-{i}" for i in range(n)], "id"),
            attribute([""] * n, "empty"),
        ],
    )
    assert found.breakdowns == ()
    assert found.left_out == (
        "Mode: RGB, of every image",
        f"Id: no two values have {MIN_IMAGES} images each",
        "Empty: not known, of every image",
    )
    assert found.summary == ()


def test_small_slices_are_shown_and_not_tested() -> None:
    right = np.ones(100, dtype=bool)
    right[:10] = False
    parts = only(
        slice_accuracy(
            predictions(right), [attribute(["few"] * 10 + ["many"] * 50 + ["more"] * 40)]
        )
    )
    assert parts["few"].accuracy == 0
    assert parts["few"].p_value is None
    assert not parts["few"].worse


def test_refusals() -> None:
    with pytest.raises(ValueError, match="no predictions to divide"):
        slice_accuracy(predictions(np.array([], dtype=bool)), [])
    with pytest.raises(ValueError, match="2 values of thing for 3 images"):
        slice_accuracy(predictions(np.ones(3, dtype=bool)), [attribute(["a", "b"])])


def test_few_numbers_that_differ_in_late_digits_keep_their_names_apart() -> None:
    values = np.repeat([1000.25, 1000.5], 40)
    parts = only(slice_accuracy(predictions(np.ones(80, dtype=bool)), [attribute(values)]))
    assert set(parts) == {"1000.25", "1000.5"}
