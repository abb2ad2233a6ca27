"""Runs that answer with an image and its mirror image, against two passes by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.datasets import load_digits

import nunbit
from nunbit.data.split import read_manifest
from nunbit.pipelines.evaluation.checkpoints import evaluate_checkpoints

SETTINGS = {"model.test_time_mirror": True, "augment.preset": "none", "pixels.image_size": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mirrored") / "run"
    nunbit.train("digits", epochs=2, out=out, settings=SETTINGS)
    return out


def images_of(run: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A part's images and labels, straight from scikit-learn."""
    split = read_manifest(run / "split.csv")
    rows = split.indices(part)
    numbers = [int("".join(filter(str.isdigit, split.paths[row]))) for row in rows]
    digits = load_digits()
    pixels = np.round(digits.images[numbers] * 255 / 16).astype(np.uint8)
    return pixels, digits.target[numbers]


def by_hand(classifier: nunbit.Classifier, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Softmax of the two passes' mean, at the bundle's temperature."""
    seen = classifier.preprocess.normalise(torch.from_numpy(images)[:, None])
    with torch.no_grad():
        passes = [classifier.model(side) for side in (seen, torch.flip(seen, (3,)))]
    logits = (passes[0] + passes[1]).double().numpy() / 2
    return softmax(logits / classifier.bundle.temperature, axis=1)


def test_answers_are_means_over_both_sides(run: Path) -> None:
    classifier = nunbit.load(run, device="cpu")
    images, labels = images_of(run, "test")
    expected = by_hand(classifier, images)
    assert len(images) >= 128  # the way that many images take
    for some in (slice(None), slice(0, 5)):
        found = classifier.predict_proba(list(images[some]))
        np.testing.assert_allclose(found, expected[some], rtol=1e-4, atol=1e-6)
    once = softmax(
        classifier.model(classifier.preprocess.normalise(torch.from_numpy(images)[:, None]))
        .detach()
        .double()
        .numpy()
        / classifier.bundle.temperature,
        axis=1,
    )
    assert np.abs(once - expected).max() > 0.05  # a mirrored digit is another one
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    right = expected.argmax(axis=1) == labels
    assert summary["test"]["accuracy"] == pytest.approx(right.mean())


def test_the_model_says_so(run: Path) -> None:
    contract = json.loads((run / "model" / "nunbit.json").read_text(encoding="utf-8"))
    assert contract["mirrored"] is True
    assert contract["format"] >= 2  # the first whose readers ask mirror images
    assert "mirror image" in (run / "model" / "README.md").read_text(encoding="utf-8")


def test_explanations_state_the_same_probabilities(run: Path) -> None:
    classifier = nunbit.load(run, device="cpu")
    image = images_of(run, "test")[0][0]
    (found,) = classifier.explain([image], methods=("gradients",), checks=False)
    np.testing.assert_allclose(
        found.probabilities, classifier.predict_proba([image])[0], rtol=1e-5, atol=1e-7
    )


def test_saved_epochs_are_judged_alike(run: Path) -> None:
    images, labels = images_of(run, "validation")
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    best = next(one for one in evaluate_checkpoints(run, device="cpu") if one.name == "best")
    right = by_hand(nunbit.load(run, device="cpu"), images).argmax(axis=1) == labels
    assert best.accuracy == pytest.approx(right.mean())
    assert summary["validation"]["accuracy"] == pytest.approx(right.mean())


def test_a_head_on_features_is_calibrated_on_both_sides(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "head"
    settings = {**SETTINGS, "transfer.mode": "head", "model.pretrained": str(run)}
    del settings["pixels.image_size"]  # it comes with the weights
    nunbit.train("digits", out=out, settings=settings)
    images, labels = images_of(out, "validation")
    right = by_hand(nunbit.load(out, device="cpu"), images).argmax(axis=1) == labels
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["validation"]["accuracy"] == pytest.approx(right.mean())
