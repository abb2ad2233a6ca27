"""The report's body: baselines, curves with events, matrices, pictures with originals, layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from nunbit.evaluation.baselines import Baseline
from nunbit.evaluation.mistakes import confusion_order, doubted_below, doubted_labels
from nunbit.models.summary import summarise_name
from nunbit.reports.kit.pictures import Original
from nunbit.reports.run import build_report
from nunbit.reports.run.run_result import Event, RunResult
from nunbit.reports.run.sections.classes import classes
from nunbit.reports.run.sections.confusion import confusion
from nunbit.reports.run.sections.curves import curves
from nunbit.reports.run.sections.gallery import gallery
from nunbit.reports.run.sections.how import model
from nunbit.reports.run.sections.result import result
from nunbit.types import Predictions
from tests.evaluation.cases import names, noise, random_predictions, report_input
from tests.reports.run.page import Page


def section(made: Any) -> Page:
    assert made is not None
    return Page(str(made.body))


def ten() -> RunResult:
    return report_input(random_predictions(200, 10), names(10))


def test_baselines_stand_in_a_table_and_warn_where_they_are_not_beaten() -> None:
    report = ten()
    assert report.metrics is not None
    right = report.metrics.correct
    beaten = Baseline(
        kind="largest-class",
        detail="always “kind 1”, the largest class",
        n=200,
        correct=20,
        network_correct=right,
        p_value=1e-9,
    )
    near = Baseline(
        kind="nearest-neighbour",
        detail="the most similar of 90 training images by pixels",
        n=50,
        correct=14,
        network_correct=16,
        p_value=0.25,
    )
    summary = replace(report.summary, baselines=(beaten, near))
    page = section(result(replace(report, summary=summary)))
    rows = [row.words for row in page.all("tr")]
    assert (
        "Largest classalways “kind 1”, the largest class 200 20 10.0 % (6.6 to 14.9) "
        f"{right / 2:.1f} % ✓ clearly better" in rows
    )
    (warning,) = page.all("p", class_="warning")
    assert warning.words == (
        "Not clearly better than taking the class of the most similar of 90 training images by "
        "pixels. On the same 50 test images the network is right on 16, the baseline on 14. Chance "
        "alone gives such a lead in 25 % of cases (McNemar's test)."
    )


def test_without_baselines_in_the_summary_the_largest_class_is_counted() -> None:
    (largest,) = ten().baselines
    labels = np.bincount(ten().predictions.labels)
    assert (largest.kind, largest.correct) == ("largest-class", labels.max())
    assert report_input(random_predictions(0, 3), names(3)).baselines == ()


def test_events_are_marked_on_the_curves_and_told() -> None:
    events = (
        Event(epoch=2, kind="plateau", text="learning rate lowered"),
        Event(epoch=2, kind="kept", text="kept as epoch002"),
        Event(epoch=3, kind="stop", text="stopped early"),
    )
    page = section(curves(replace(ten(), events=events)))
    told = [e.words for e in page.all("dt")] + [e.words for e in page.all("dd")]
    assert told == [
        "1 Epoch 2",
        "2 Epoch 3",
        "Kept besides",
        "Learning rate lowered",
        "Stopped early",
        "1 checkpoint in checkpoints/epochs: epoch002",
    ]
    for drawing in page.all("svg"):
        texts = [e.words for e in page.all("text")]
        assert drawing.attributes["aria-label"]
        assert texts.count("1") >= 3  # in each of the three charts
    assert "What happened" not in str(curves(ten()).body)  # type: ignore[union-attr]


def test_shares_are_the_counts_over_their_rows() -> None:
    report = ten()
    assert report.metrics is not None
    page = section(confusion(report))
    cells = [e for e in page.all("td") if " taken for " in e.attributes.get("title", "")]
    order = confusion_order(report.metrics.confusion)
    matrix = report.metrics.confusion[np.ix_(order, order)]
    assert len(cells) == 100
    for cell, (i, j) in zip(cells, np.ndindex(10, 10), strict=True):
        share = 100 * matrix[i, j] / matrix[i].sum()
        assert float(cell.words) == pytest.approx(share, abs=0.05)
        assert cell.attributes["title"].endswith(f"of {matrix[i].sum()} images")


def test_many_classes_are_two_pictures_and_a_list() -> None:
    page = section(confusion(report_input(random_predictions(3000, 100, skill=3), names(100))))
    labels = [e.attributes["aria-label"] for e in page.all("svg")]
    assert [label.partition(", ")[2].partition(";")[0] for label in labels] == [
        "fraction of the true class",
        "number of images",
    ]
    (summary,) = [e.words for e in page.all("summary") if "confusions" in e.words]
    assert summary.startswith("The 300 most frequent of ")


def test_a_thousand_classes_are_ordered_too() -> None:
    matrix = np.diag(np.full(1000, 50))
    for a, b in ((0, 900), (10, 500)):
        matrix[a, b] = matrix[b, a] = 20
    order = confusion_order(matrix).tolist()
    assert sorted(order) == list(range(1000))
    for a, b in ((0, 900), (10, 500)):
        assert abs(order.index(a) - order.index(b)) == 1


def test_a_class_without_images_has_no_share() -> None:
    page = section(confusion(report_input(random_predictions(40, 3, labels=[0, 2] * 20), names(3))))
    assert [e.words for e in page.all("td")].count("–") == 3


def test_originals_stand_beside_what_the_network_saw() -> None:
    def originals(row: int) -> Original:
        if row == 0:
            return Original(fault="missing: there is no such file")
        return Original(picture=noise(40, 90, 3)(np.array([row]))[0], height=400, width=900)

    report = report_input(random_predictions(9, 3), names(3), originals=originals)
    page = section(gallery(report))
    captions, images = page.all("figcaption"), page.all("img")
    gone = page.all("span", class_="gone")
    assert {e.words for e in gone} == {"no original: missing: there is no such file"}
    assert len(images) + len(gone) == 2 * len(captions)
    of_one = [e.attributes["alt"] for e in images if "00004.png" in e.attributes["alt"]]
    assert any(alt.endswith("the original, 400 × 900 pixels") for alt in of_one)
    assert any("predicted" in alt for alt in of_one)
    lost = "1 original could" if len(gone) == 1 else f"{len(gone)} originals could"
    assert f"{lost} not be read any more" in page.all("p", class_="warning")[0].words


def test_an_original_that_is_the_picture_is_shown_once() -> None:
    pictures = noise(12, 10, 1)

    def originals(row: int) -> Original:
        return Original(picture=pictures(np.array([row]))[0, ..., 0], height=12, width=10)

    report = report_input(
        random_predictions(9, 3), names(3), originals=originals, pictures=pictures
    )
    page = section(gallery(report))
    assert len(page.all("img")) == len(page.all("figcaption"))
    assert "The originals are the same to the last pixel, and so shown once." in str(
        gallery(report).body  # type: ignore[union-attr]
    )


def test_only_shown_originals_are_read() -> None:
    asked: list[int] = []

    def originals(row: int) -> Original:
        asked.append(row)
        return Original(fault="not now")

    report = report_input(random_predictions(5000, 10, skill=9), names(10), originals=originals)
    build_report(report)
    assert 0 < len(asked) <= 24 + 12 + 12 + 24


@pytest.mark.parametrize(("kinds", "skill"), [(2, 5), (10, 8), (100, 12)])
def test_planted_wrong_labels_are_found_and_few_others(kinds: int, skill: float) -> None:
    """Labels are drawn from the network's own probabilities: it is calibrated by construction."""
    generator = np.random.default_rng(0)
    n = 8000
    logits = generator.normal(size=(n, kinds)).astype(np.float32)
    logits[np.arange(n), generator.integers(0, kinds, n)] += skill
    chances = softmax(logits.astype(np.float64), axis=1)
    labels = (chances.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    planted = generator.random(n) < 0.02
    wrong = np.where(planted, (labels + generator.integers(1, kinds, n)) % kinds, labels)
    found = doubted_labels(Predictions(logits=logits, labels=wrong, indices=np.arange(n)))
    assert planted[found].mean() > 0.6
    assert planted[found].sum() > 0.7 * planted.sum()
    of_label = chances[found, wrong[found]]
    assert (np.diff(of_label) >= 0).all()
    assert (of_label < doubted_below(kinds)).all()


def test_the_doubt_follows_bayes_rule() -> None:
    p, kinds, wrong = doubted_below(5), 5, 0.02
    assert wrong / (kinds - 1) * (1 - p) == pytest.approx((1 - wrong) * p)


def test_doubted_labels_are_shown_with_the_rule() -> None:
    logits = np.zeros((40, 2), dtype=np.float32)
    labels = np.array([0, 1] * 20)
    logits[np.arange(40), labels] = 9
    labels[3] = 0
    predictions = Predictions(logits=logits, labels=labels, indices=np.arange(40))
    body = str(gallery(report_input(predictions, names(2))).body)  # type: ignore[union-attr]
    assert "1 test image: the network gives the label a probability below 2\xa0%" in body
    assert "If 2\xa0% of all labels were wrong, most of these would be" in body


def test_the_layers_are_listed_and_folded_where_they_are_many() -> None:
    few = summarise_name("mlp-100")
    page = section(model(replace(ten(), layers=few)))
    rows = [row.words for row in page.all("tr")][1:]
    assert len(rows) == len(few.layers)
    assert any("78,500" in row for row in rows)  # 784 x 100 + 100
    assert "89,610: 89,610 trainable, 0 frozen" in [e.words for e in page.all("dd")]
    assert not page.all("details")
    many = summarise_name("resnet18", measure=False)
    folded = section(model(replace(ten(), layers=many)))
    (summary,) = folded.all("summary")
    assert summary.words == f"All {len(many.layers)} layers"


def test_precision_and_f1_carry_intervals() -> None:
    page = section(classes(ten()))
    rows = [row.words for row in page.all("tr")]
    first, ranks = rows[1:11], rows[12:]  # each table has a head
    assert len(first) == len(ranks) == 10
    assert all(row.count(" to ") == 3 for row in first)
    assert [row.split(" ")[:3] for row in ranks] == [row.split(" ")[:3] for row in first]
