"""Properties of files that give classes away: found where planted, silent where not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from nunbit.checks.finding import Finding
from nunbit.checks.metadata.shortcuts import (
    FALSE_ALARMS,
    PROPERTIES,
    PropertyTable,
    property_tables,
    shortcuts,
)
from nunbit.types import ImageFacts
from tests.checks.metadata.cases import checked, fact, inspection_of, of_kind, samples_of


def tables(
    labels: Sequence[int], facts: Sequence[ImageFacts], groups: Sequence[str] | None = None
) -> dict[str, PropertyTable]:
    samples = samples_of(labels, groups=groups)
    looked = inspection_of(samples, facts=facts)
    return {t.name: t for t in property_tables(samples, looked, [""] * len(labels))}


def found(labels: Sequence[int], facts: Sequence[ImageFacts]) -> list[Finding]:
    samples = samples_of(labels)
    return list(shortcuts(list(tables(labels, facts).values()), samples.classes))


def test_one_format_for_each_class_is_a_warning() -> None:
    labels = [0] * 30 + [1] * 30
    facts = [fact(format="JPEG")] * 30 + [fact(format="PNG")] * 29 + [fact(format="JPEG")]
    (warning,) = found(labels, facts)
    assert (warning.kind, warning.severity, warning.count) == ("format-shortcut", "warning", 60)
    assert warning.title == (
        "The file format tells the class of 98 % of the images; chance is 50 %"
    )
    assert warning.examples[0] == "100 % of cat and 3 % of the others are JPEG"
    assert warning.examples[1] == "97 % of dog and 0 % of the others are PNG"
    assert "98 % of these images could be given their class" in warning.why
    assert "always answering the largest class is right for 50 %" in warning.why
    assert "one format" in warning.remedy


def test_one_class_of_many_is_enough() -> None:
    labels = list(range(10)) * 40
    facts = [fact(mode="L" if label == 4 else "RGB") for label in labels]
    (warning,) = found(labels, facts)
    assert warning.kind == "mode-shortcut"
    assert warning.title == "The colour mode gives gnu away"
    assert warning.examples == ("100 % of gnu and 0 % of the others are L",)
    assert warning.count == 40


def test_a_rare_class_is_found_where_accuracy_says_nothing() -> None:
    labels = [0] * 1000 + [1] * 40
    facts = [fact(format="PNG" if i % 20 == 0 else "JPEG") for i in range(1000)]
    facts += [fact(format="PNG" if i % 2 else "JPEG") for i in range(40)]
    (warning,) = found(labels, facts)
    assert warning.title == "The file format gives cat and dog away"
    assert warning.examples[0] == "95 % of cat and 50 % of the others are JPEG"
    assert "96 % of these images" in warning.why
    assert "right for 96 %" in warning.why


@pytest.mark.parametrize(
    ("name", "sizes"), [("size", (1.0, 1.6)), ("aspect", (1.0, 1.0))], ids=["size", "aspect"]
)
def test_sizes_and_shapes_that_differ_are_found(name: str, sizes: tuple[float, float]) -> None:
    random = np.random.default_rng(3)
    labels = [0, 1] * 60
    facts = []
    for label in labels:
        width, height = random.integers(300, 400), random.integers(300, 400)
        stretched = 1.5 if name == "aspect" and label else 1.0
        facts.append(fact(int(width * sizes[label] * stretched), int(height * sizes[label])))
    kinds = {warning.kind for warning in found(labels, facts)}
    assert f"{name}-shortcut" in kinds
    if name == "size":
        assert kinds == {"size-shortcut"}


def test_of_many_ranges_the_most_telling_is_told() -> None:
    random = np.random.default_rng(0)
    labels = list(range(10)) * 100
    facts = [fact(*[int(random.integers(40, 80)) * (1 + 4 * (label == 0))] * 2) for label in labels]
    warning = next(w for w in found(labels, facts) if w.kind == "size-shortcut")
    assert warning.title == "The image size gives cat away"
    assert warning.examples[0].count(" to ") == 1
    assert " of cat and 0 % of the others have " in warning.examples[0]
    assert warning.examples[0].endswith(" pixels a side")


def test_small_data_are_told_only_when_they_cannot_be_chance() -> None:
    def formats(n: int) -> list[ImageFacts]:
        return [fact(format=("JPEG", "PNG")[i % 2]) for i in range(n)]

    assert found([0, 1] * 4, formats(8)) == []
    assert len(found([0, 1] * 10, formats(20))) == 1


def test_a_slight_difference_is_no_finding_however_certain() -> None:
    labels = [0, 1] * 5000
    facts = [
        fact(format="PNG" if (i // 2) % 100 < (10, 35)[i % 2] else "JPEG") for i in range(10_000)
    ]
    table = tables(labels, facts)["format"]
    assert table.p_value.max() < 1e-100
    np.testing.assert_allclose(table.advantage, 0.25)
    assert found(labels, facts) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["JPEG", "PNG", "GIF"])),
        min_size=2,
        max_size=60,
    )
)
def test_the_table_is_counted_and_tested_as_by_hand(rows: list[tuple[int, str]]) -> None:
    labels, names = [row[0] for row in rows], [row[1] for row in rows]
    table = tables(labels, [fact(format=name) for name in names]).get("format")
    if table is None:
        assert len(set(names)) == 1
        return
    classes = max(labels) + 1
    for label in range(classes):
        own = [name for i, name in rows if i == label]
        others = [name for i, name in rows if i != label]
        assert [own.count(value) for value in table.values] == table.counts[label].tolist()
        if not own or not others:
            assert (table.advantage[label], table.p_value[label]) == (0, 1)
            continue
        telling = [
            v for v in table.values if own.count(v) * len(others) > others.count(v) * len(own)
        ]
        a, b = (sum(name in telling for name in side) for side in (own, others))
        assert table.advantage[label] == pytest.approx(a / len(own) - b / len(others))
        contingency = [[a, len(own) - a], [b, len(others) - b]]
        p = fisher_exact(contingency, alternative="greater").pvalue
        tried = (2 ** len(table.values) - 2) * classes * PROPERTIES
        assert table.p_value[label] == pytest.approx(min(1, p * tried), rel=1e-6)


def random_fact(random: np.random.Generator) -> ImageFacts:
    return fact(
        int(random.integers(100, 800)),
        int(random.integers(100, 800)),
        mode=str(random.choice(["RGB", "L"], p=[0.9, 0.1])),
        format=str(random.choice(["JPEG", "PNG", "WEBP", "GIF"])),
    )


@pytest.mark.parametrize(("n", "classes"), [(8, 2), (40, 2), (60, 10), (200, 3)])
def test_random_data_hardly_ever_raise_an_alarm(n: int, classes: int) -> None:
    random = np.random.default_rng(n)
    share = np.r_[0.7, np.full(classes - 1, 0.3 / (classes - 1))]
    alarms, times = 0, 100
    for _ in range(times):
        labels = [*range(classes), *random.choice(classes, n - classes, p=share).tolist()]
        alarms += bool(found(labels, [random_fact(random) for _ in labels]))
    assert alarms <= 3 * FALSE_ALARMS * times


def test_images_of_one_group_are_one_witness() -> None:
    labels = [0] * 40 + [1] * 40
    facts = [fact(format="JPEG")] * 40 + [fact(format="PNG")] * 40
    groups = [f"person {i // 20}" for i in range(80)]
    assert tables(labels, facts, groups)["format"].counts.tolist() == [[2, 0], [0, 2]]
    samples = samples_of(labels, groups=groups)
    kinds = {f.kind for f in checked(samples, inspection_of(samples, facts=facts))}
    assert not any(kind.endswith("-shortcut") for kind in kinds)


def test_rare_values_are_counted_together() -> None:
    random = np.random.default_rng(0)
    names = [f"F{number:02}" for number in random.integers(0, 20, 200)]
    table = tables([0, 1] * 100, [fact(format=name) for name in names])["format"]
    assert len(table.values) == 8
    assert table.counts.sum() == 200
    assert "other" in table.values


def test_what_never_varies_has_no_table_and_arrays_have_none() -> None:
    assert tables([0, 1] * 5, [fact()] * 10) == {}
    samples = samples_of([0, 1] * 5, files=False)
    facts = [fact(format=("A", "B")[i % 2]) for i in range(10)]
    assert property_tables(samples, inspection_of(samples, facts=facts), [""] * 10) == ()


def test_the_check_reports_it() -> None:
    labels = [0, 1] * 30
    samples = samples_of(labels)
    facts = [fact(format=("JPEG", "PNG")[label]) for label in labels]
    assert of_kind(checked(samples, inspection_of(samples, facts=facts)), "format-shortcut")
