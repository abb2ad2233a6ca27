from __future__ import annotations

import numpy as np

from nunbit.evaluation.metrics import evaluate
from nunbit.evaluation.mistakes import (
    confused_pairs,
    confusion_order,
    least_certain,
    random_sample,
    worst_mistakes,
)
from tests.evaluation.cases import names, random_predictions


def test_worst_mistakes_are_wrong_and_sorted_by_loss() -> None:
    predictions = random_predictions(200, 4)
    rows = worst_mistakes(predictions, 10)
    p = predictions.probabilities
    by_loop = sorted(
        (i for i in range(200) if p[i].argmax() != predictions.labels[i]),
        key=lambda i: p[i, predictions.labels[i]],
    )
    assert rows.tolist() == by_loop[:10]


def test_no_mistakes_give_no_rows_and_no_pairs() -> None:
    predictions = random_predictions(50, 3, skill=50)
    assert worst_mistakes(predictions, 10).size == 0
    assert confused_pairs(evaluate(predictions, names(3)).confusion, 5) == ()
    assert confusion_order(evaluate(predictions, names(3)).confusion).tolist() == [0, 1, 2]


def test_least_certain_have_the_smallest_margins() -> None:
    predictions = random_predictions(100, 5)
    margins = [row[-1] - row[-2] for row in np.sort(predictions.probabilities, axis=1)]
    assert least_certain(predictions, 7).tolist() == np.argsort(margins)[:7].tolist()


def test_random_sample_is_seeded_and_without_repeats() -> None:
    predictions = random_predictions(100, 2)
    rows = random_sample(predictions, 20, seed=3)
    assert len(set(rows.tolist())) == 20
    assert rows.tolist() == random_sample(predictions, 20, seed=3).tolist()
    assert rows.tolist() != random_sample(predictions, 20, seed=4).tolist()
    assert random_sample(predictions, 500, seed=0).tolist() == list(range(100))


def test_confused_pairs_by_a_plain_loop() -> None:
    predictions = random_predictions(300, 4)
    confusion = evaluate(predictions, names(4)).confusion
    pairs = confused_pairs(confusion, 100)
    counted: dict[tuple[int, int], int] = {}
    for true, predicted in zip(predictions.labels, predictions.predicted, strict=True):
        if true != predicted:
            key = (int(true), int(predicted))
            counted[key] = counted.get(key, 0) + 1
    assert {(p.true, p.predicted): p.count for p in pairs} == counted
    assert [p.count for p in pairs] == sorted(counted.values(), reverse=True)
    assert all(p.share == p.count / (predictions.labels == p.true).sum() for p in pairs)
    assert len(confused_pairs(confusion, 2)) == 2


def test_order_puts_confused_classes_side_by_side() -> None:
    confusion = np.diag([50] * 6)
    for a, b in ((0, 4), (1, 5), (2, 3)):
        confusion[a, b] = confusion[b, a] = 20
    order = confusion_order(confusion).tolist()
    assert sorted(order) == list(range(6))
    for a, b in ((0, 4), (1, 5), (2, 3)):
        assert abs(order.index(a) - order.index(b)) == 1


def test_order_bears_a_class_without_images() -> None:
    confusion = np.array([[5, 2, 0], [1, 4, 0], [0, 0, 0]])
    assert sorted(confusion_order(confusion).tolist()) == [0, 1, 2]
