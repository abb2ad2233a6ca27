"""Strange images among digits, and distances against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from nunbit.checks.measurements.embedding import Features
from nunbit.checks.measurements.features import describe
from nunbit.checks.pixels import outliers as module
from nunbit.checks.pixels.outliers import far_from_all, outlier_findings
from tests.checks.faults import digits, samples_of


def test_noise_and_negatives_are_found_among_digits() -> None:
    images, labels = digits()
    rng = np.random.default_rng(0)
    strange = np.concatenate(
        [rng.integers(0, 256, (4, 8, 8, 1)).astype(np.uint8), 255 - images[:4]]
    )
    values = describe(np.concatenate([images, strange]))
    samples = samples_of([*labels, *[0] * 8])
    (finding,) = outlier_findings(samples, Features(rows=np.arange(len(values)), values=values))
    rows = [row for (row,) in finding.groups]
    assert set(rows) >= set(range(len(images), len(values)))
    assert len(rows) <= 8 + 2
    assert (finding.kind, finding.severity) == ("outliers", "note")
    assert finding.title == f"{len(rows)} images are unlike all others"
    assert finding.everything == tuple(samples.paths[row] for row in rows)
    assert finding.corrections == ()
    unusual = far_from_all(values)
    assert list(unusual[rows]) == sorted(unusual[rows], reverse=True)


def test_plain_digits_have_hardly_any() -> None:
    assert (far_from_all(describe(digits()[0])) > module.FAR).sum() <= 2


def test_rows_are_those_of_the_samples() -> None:
    images, _ = digits()
    values = describe(np.concatenate([images[:300], 255 - images[:1]]))
    features = Features(rows=np.arange(301) * 2, values=values)
    (finding,) = outlier_findings(samples_of([0] * 602), features)
    assert (600,) in finding.groups


def test_distances_are_to_the_tenth_neighbour() -> None:
    points = np.random.default_rng(0).normal(size=(2500, 7)).astype(np.float32)
    exact = NearestNeighbors(n_neighbors=11).fit(points).kneighbors(points)[0][:, 10]
    np.testing.assert_allclose(module._to_neighbour(points), exact, rtol=1e-3)


def test_a_sample_of_the_images_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    images = digits()[0]
    values = describe(np.concatenate([images, 255 - images[:3]]))
    monkeypatch.setattr(module, "REFERENCE", 400)
    unusual = far_from_all(values)
    assert (unusual[-3:] > module.FAR).all()
    assert (unusual[:-3] > module.FAR).sum() <= 4


def test_components_are_the_principal_ones() -> None:
    values = np.random.default_rng(0).normal(size=(300, 80)).astype(np.float32)
    values[:, :5] += 3 * values[:, 5:10]
    ours = module._components(values)
    standard = (values - values.mean(axis=0)) / (values.std(axis=0) + module._STEADY)
    theirs = PCA(64, svd_solver="full").fit_transform(standard)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=2e-2)


def test_few_or_equal_images_are_not_judged() -> None:
    assert not far_from_all(np.random.default_rng(0).normal(size=(99, 3)).astype("f4")).any()
    assert not (far_from_all(np.ones((200, 3), np.float32)) > module.FAR).any()
    none = Features(rows=np.empty(0, np.int64), values=np.empty((0, 1), np.float32))
    assert outlier_findings(samples_of([0]), none) == ()
