"""A map of the test images: those that the network finds alike lie close together.

N test images, M of them with features, D features, P points on the map. The features are what
the network's last layer is given: all that its answer is made of. PCA keeps distances as well as
two directions can; UMAP, where it is installed, keeps neighbours together at the cost of distances.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.seeds import Purpose, rng_for, sklearn_seed
from nunbit.types import Predictions

MAX_POINTS = 800
"""Limit of points on the map: more cover each other, and each brings a small picture into the
page."""
SHARE_OF_MISTAKES = 0.5
"""Fraction of the points, where there are as many mistakes: they are what one looks for."""
MIN_POINTS = 10
NEIGHBOURS = 15
"""Number of neighbours of UMAP, its default (McInnes, Healy and Melville 2018)."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Inputs of the network's last layer."""

    values: NDArray[np.float32]
    """[M, D]"""
    rows: NDArray[np.int64]
    """[M] rows of the predictions, ascending, drawn without regard to the answers."""
    layer: str
    """Name of the layer that was given them."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.rows):
            raise ValueError(f"features {self.values.shape} do not fit {len(self.rows)} rows")


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Positions of the points."""

    method: str
    """PCA or UMAP."""
    points: NDArray[np.float64]
    """[P, 2] from 0 to 1 in both directions; one scale for both."""
    variance: float | None = None
    """Share of the features' variance that PCA's two directions hold."""


@dataclass(frozen=True, kw_only=True)
class ImageMap:
    """The points, and which images they are."""

    rows: NDArray[np.int64]
    """[P] rows of the predictions, ascending."""
    projections: tuple[Projection, ...]
    mistakes_of: int
    """Mistakes among the M images with features, of which all or some are shown."""
    images_of: int
    """M."""


def map_images(predictions: Predictions, features: Features, *, seed: int) -> ImageMap | None:
    """The map of at most `MAX_POINTS` images; None where there are too few, or all are one.

    PCA is fitted on all M images; UMAP on the points that are shown, because it takes seconds.
    `seed` decides which images are shown, and what UMAP draws.
    """
    values = np.asarray(features.values, dtype=np.float32)
    if len(values) < MIN_POINTS or values.shape[1] < 2 or not np.isfinite(values).all():
        return None
    if (values == values[0]).all():
        return None
    wrong = (predictions.predicted != predictions.labels)[features.rows]
    shown = _choose(wrong, seed=seed)
    projections = [_pca(values, shown, seed=seed)]
    neighbours = _umap(values[shown], seed=seed)
    if neighbours is not None:
        projections.append(neighbours)
    return ImageMap(
        rows=features.rows[shown],
        projections=tuple(projections),
        mistakes_of=int(wrong.sum()),
        images_of=len(values),
    )


def _choose(wrong: NDArray[np.bool_], *, seed: int) -> NDArray[np.int64]:
    """Positions [P] of the M that are shown: mistakes first, up to their share, then the others."""
    if len(wrong) <= MAX_POINTS:
        return np.arange(len(wrong), dtype=np.int64)
    generator = rng_for(seed, Purpose.SAMPLE)
    mistakes = generator.permutation(np.flatnonzero(wrong))
    others = generator.permutation(np.flatnonzero(~wrong))
    most = max(int(MAX_POINTS * SHARE_OF_MISTAKES), MAX_POINTS - len(others))
    mistakes = mistakes[:most]
    chosen = np.concatenate([mistakes, others[: MAX_POINTS - len(mistakes)]])
    return np.sort(chosen).astype(np.int64)


def _pca(values: NDArray[np.float32], shown: NDArray[np.int64], *, seed: int) -> Projection:
    """The two directions in which the features vary most, by Lanczos' method."""
    from scipy.sparse.linalg import svds

    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    if min(centred.shape) > 2:
        start = rng_for(seed, Purpose.PROJECTION).standard_normal(min(centred.shape))
        _, lengths, directions = svds(centred, k=2, v0=start)
        directions, lengths = directions[::-1], lengths[::-1]
    else:
        _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
        directions, lengths = directions[:2], lengths[:2]
    # A direction may as well be its opposite: its largest part is taken to be positive.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return Projection(
        method="PCA",
        points=_in_unit_square(centred[shown] @ (directions * np.sign(largest)).T),
        variance=float((lengths**2).sum() / (centred**2).sum()),
    )


def _umap(values: NDArray[np.float32], *, seed: int) -> Projection | None:
    """None where UMAP is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its compiler, which the reader cannot fix
            umap: Any = __import__("umap", fromlist=["UMAP"]).UMAP
            fitted = umap(
                n_neighbors=min(NEIGHBOURS, len(values) - 1),
                random_state=sklearn_seed(seed, Purpose.PROJECTION),
                n_jobs=1,
            )
            points = fitted.fit_transform(values)
    except (ImportError, AttributeError):  # another package has this name, too
        return None
    return Projection(method="UMAP", points=_in_unit_square(np.asarray(points)))


def _in_unit_square(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Points [P, 2] moved and scaled alike in both directions, their middle at (0.5, 0.5)."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = max(float((high - low).max()), np.finfo(np.float32).tiny)
    return np.asarray(0.5 + (points - (low + high) / 2) / scale, dtype=np.float64)
