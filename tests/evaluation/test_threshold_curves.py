"""Curves of thresholds equal scikit-learn's, and their bands hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score, roc_curve

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.threshold_curves import ThresholdCurve, threshold_curve


def drawn(positives: int, negatives: int, *, seed: int, ties: bool = False):
    generator = np.random.default_rng(seed)
    scores = np.concatenate([generator.normal(1, 1, positives), generator.normal(0, 1, negatives)])
    positive = np.arange(positives + negatives) < positives
    return (np.round(scores, 0) if ties else scores), positive


def curve_of(scores: np.ndarray, positive: np.ndarray) -> ThresholdCurve:
    curve = threshold_curve(scores, positive)
    assert curve is not None
    return curve


@pytest.mark.parametrize("ties", [False, True])
def test_both_curves_are_scikit_learns(ties: bool) -> None:
    scores, positive = drawn(40, 90, seed=3, ties=ties)
    curve = curve_of(scores, positive)
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(np.append(0, curve.false_alarms), false)
    np.testing.assert_allclose(np.append(0, curve.sensitivity), true)
    area = auc(np.append(0, curve.false_alarms), np.append(0, curve.sensitivity))
    assert area == pytest.approx(roc_auc_score(positive, scores))
    precision, recall, _ = precision_recall_curve(positive, scores)
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1])
    np.testing.assert_allclose(curve.sensitivity, recall[:-1][::-1])


def test_bands_are_wilsons_intervals() -> None:
    curve = curve_of(*drawn(20, 50, seed=1))
    low, high = curve.precision_band
    for some, others, below, above in zip(curve.found, curve.wrong, low, high, strict=True):
        assert (below, above) == pytest.approx(wilson_interval(int(some), int(some + others)))
    upper, lower = curve.roc_band
    assert (upper[:, 0] <= curve.false_alarms).all()
    assert (upper[:, 1] >= curve.sensitivity).all()
    assert (lower[:, 0] >= curve.false_alarms).all()
    assert (lower[:, 1] <= curve.sensitivity).all()
    for edge in (upper, lower):
        assert (np.diff(edge, axis=0) >= 0).all(), "an outline does not fold back"


@pytest.mark.parametrize(("positives", "negatives"), [(20, 200), (60, 60)])
def test_the_box_of_a_threshold_holds_both_true_rates_in_95_of_100_samples(
    positives: int, negatives: int
) -> None:
    """Normal scores, whose true rates at a threshold are known."""
    threshold, samples, held = 0.8, 1500, 0
    truth = norm.sf(threshold), norm.sf(threshold, loc=1)
    for seed in range(samples):
        scores, positive = drawn(positives, negatives, seed=seed)
        curve = curve_of((scores >= threshold).astype(float), positive)
        at = 0 if len(curve.found) == 2 else -1
        (least, high), (most, low) = (edge[at] for edge in curve.roc_band)
        held += least <= truth[0] <= most and low <= truth[1] <= high
    assert 0.93 <= held / samples <= 0.97


def test_without_images_of_both_kinds_there_is_no_curve() -> None:
    scores = np.array([0.2, 0.7])
    assert threshold_curve(scores, np.array([True, True])) is None
    assert threshold_curve(scores, np.array([False, False])) is None


def test_a_thinned_curve_keeps_its_ends() -> None:
    curve = curve_of(*drawn(300, 900, seed=2))
    thin = curve.thinned(50)
    assert len(thin.found) == 50
    assert (thin.positives, thin.negatives) == (300, 900)
    assert thin.found[0] == curve.found[0]
    assert len(curve.thinned(10_000).found) == 1200
