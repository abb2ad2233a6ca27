"""Baselines against scikit-learn, plain loops and a simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from nunbit.evaluation.baselines import (
    LARGEST_SIDE,
    baseline_from_dict,
    compared,
    largest_class,
    nearest_neighbour,
    small_images,
)
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions


def answered(labels: np.ndarray, answers: np.ndarray) -> Predictions:
    """A network that gave these answers to images of these classes."""
    logits = np.eye(int(max(labels.max(), answers.max())) + 1, dtype=np.float32)[answers]
    return Predictions(logits=logits, labels=labels, indices=np.arange(len(labels)))


def test_the_largest_class_is_that_of_the_training() -> None:
    predictions = random_predictions(50, 3, labels=[0] * 30 + [1] * 15 + [2] * 5)
    trained = largest_class(predictions, names(3), training_labels=np.array([1, 1, 0]))
    assert (trained.correct, trained.n, trained.accuracy) == (15, 50, 0.3)
    assert trained.detail == "always “kind 1”, the largest class"
    unknown = largest_class(predictions, names(3), training_labels=None)
    assert unknown.correct == 30
    assert unknown.detail == "always “kind 0”, the largest class of these images"
    assert trained.network_correct == int((predictions.predicted == predictions.labels).sum())


def test_mcnemars_test_by_the_sum_of_its_terms() -> None:
    labels = np.zeros(20, dtype=np.int64)
    network = np.array([0] * 16 + [1] * 4)
    simple = np.array([0] * 6 + [1] * 10 + [0] * 2 + [1] * 2)
    found = compared("largest-class", simple, answered(labels, network), detail="")
    only_network, only_simple = 10, 2
    tail = sum(math.comb(12, k) for k in range(only_network, 13)) / 2**12
    assert found.p_value == pytest.approx(tail)
    assert found.clearly_beaten
    assert (found.correct, found.network_correct) == (8, 16)
    turned = compared("largest-class", network, answered(labels, simple), detail="")
    assert turned.p_value == pytest.approx(1 - tail + math.comb(12, 10) / 2**12)
    assert not turned.clearly_beaten
    assert only_simple == 12 - only_network


def test_a_network_that_answers_the_same_is_not_better() -> None:
    predictions = random_predictions(30, 3)
    same = compared("nearest-neighbour", predictions.predicted, predictions, detail="")
    assert same.p_value == 1
    assert not same.clearly_beaten


def test_a_network_that_is_no_better_is_seldom_called_better() -> None:
    generator = np.random.default_rng(0)
    labels = np.zeros(150, dtype=np.int64)
    alarms = 0
    for _ in range(1000):
        one, other = (generator.random((2, 150)) < 0.2).astype(np.int64)
        alarms += compared("largest-class", one, answered(labels, other), detail="").clearly_beaten
    assert alarms <= 35  # at most 25 expected, with a standard deviation of 5


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ends", [(), (7, 8, 30)])
def test_the_nearest_neighbour_is_scikit_learns(channels: int, ends: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (90, 9, 7, channels)).astype(np.uint8)
    labels = generator.integers(0, 4, 90)
    vectors = small_images(images)
    assert vectors.shape == (90, 9 * 7 * channels)
    predictions = random_predictions(30, 4, labels=labels[60:])
    blocks = np.split(vectors[:60], ends)
    found = nearest_neighbour(blocks, labels[:60], predictions, vectors[60:], detail="d")
    peer = KNeighborsClassifier(1, algorithm="brute")
    peer.fit(images[:60].reshape(60, -1).astype(float), labels[:60])
    answers = peer.predict(images[60:].reshape(30, -1).astype(float))
    assert found.correct == int((answers == labels[60:]).sum())
    assert found.kind == "nearest-neighbour"


def test_large_images_are_averaged_down() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 20, 3)).astype(np.uint8)
    small = small_images(images).reshape(2, 3, LARGEST_SIDE, 20)
    by_hand = images.reshape(2, LARGEST_SIDE, 2, 20, 3).mean(axis=2).transpose(0, 3, 1, 2) / 255
    assert small == pytest.approx(by_hand, abs=1e-6)


def test_a_baseline_survives_the_summary() -> None:
    found = largest_class(random_predictions(50, 3), names(3), training_labels=None)
    entry = found.to_dict()
    assert baseline_from_dict(entry) == found
    assert entry["accuracy_ci95"] == list(found.accuracy_ci95)
    low, high = found.accuracy_ci95
    assert all(a < b for a, b in pairwise((low, found.accuracy, high)))
