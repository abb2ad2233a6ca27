"""Images far from all others: of something else, upside down in brightness, or broken.

n images, D features, d principal components.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import finding_of_images
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.embedding import Features
from nunbit.chunks import chunk_slices
from nunbit.types import Samples

Floats = NDArray[np.float32]

FAR = 3.5
"""Robust z of the logarithm of the distance to the tenth neighbour. Of the 1,797 digits 1
lies beyond, and 1 of 10,000 images of Fashion-MNIST; noise and negatives put among them do."""
NEIGHBOUR = 10
"""Rank of the neighbour that is measured: fewer alike images do not hide each other."""
MIN_IMAGES = 100
"""Number of images below which nothing can be called usual."""
COMPONENTS = 64
REFERENCE = 10_000
"""Neighbours are looked for among at most so many images, drawn evenly."""
_STEADY = 0.02
"""Added to every standard deviation: an edge where there is hardly ever one is not that strange."""
_CHUNK_SIZE = 1_024


class Outliers(Check):
    """Images far from all others."""

    name = "outliers"
    needs = "embedding"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `outlier_findings`."""
        return outlier_findings(context.samples, context.features)


def far_from_all(values: Floats) -> NDArray[np.float64]:
    """Measure how unusual n images are: float64 [n], the robust z described at `FAR`.

    Args:
        values: features float32 [n, D].

    Returns:
        Zeros for fewer than 100 images.
    """
    if len(values) < MIN_IMAGES:
        return np.zeros(len(values))
    distances = _to_neighbour(_components(values))
    # Copies have no distance at all; they are as usual as can be.
    logarithms = np.log(np.maximum(distances, 1e-6)).astype(np.float64)
    middle = np.median(logarithms)
    spread = 1.4826 * np.median(np.abs(logarithms - middle))
    return np.asarray((logarithms - middle) / max(float(spread), 0.05))


def outlier_findings(samples: Samples, features: Features) -> tuple[Finding, ...]:
    """A note about the images that are far from all others, the farthest first."""
    unusual = far_from_all(features.values)
    order = np.argsort(-unusual, kind="stable")
    rows = [int(features.rows[i]) for i in order[: int((unusual > FAR).sum())]]
    if not rows:
        return ()
    verb = "image is" if len(rows) == 1 else "images are"
    return (
        finding_of_images(
            samples,
            rows,
            kind="outliers",
            severity="note",
            title=f"{len(rows):,} {verb} unlike all others",
            why="They may be of something else, inverted, or broken; or rare and valuable. "
            "Measured is the distance to the tenth most similar image.",
            remedy="Look at them, and take out what does not belong to any class.",
        ),
    )


def _components(values: Floats) -> Floats:
    """[n, D] to [n, d]: the directions in which the standardised features vary most."""
    mean, std = values.mean(axis=0), values.std(axis=0) + _STEADY
    moment = np.zeros((values.shape[1], values.shape[1]))
    pieces = [slice(i, i + 8 * _CHUNK_SIZE) for i in range(0, len(values), 8 * _CHUNK_SIZE)]
    for piece in pieces:
        standardised = (values[piece] - mean) / std
        moment += standardised.T @ standardised
    directions = np.linalg.eigh(moment)[1][:, ::-1][:, :COMPONENTS].astype(np.float32)
    return np.concatenate([((values[piece] - mean) / std) @ directions for piece in pieces])


def _to_neighbour(points: Floats) -> Floats:
    """[n, d] to the distance to the tenth nearest of the reference, itself left out: [n]."""
    count = len(points)
    chosen = np.unique(np.linspace(0, count - 1, min(count, REFERENCE)).astype(np.int64))
    reference = points[chosen]
    squares = np.einsum("nd,nd->n", reference, reference)
    place = np.full(count, -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    distances = np.empty(count, dtype=np.float32)
    for rows in chunk_slices(count, _CHUNK_SIZE):
        some = points[rows]
        squared = squares - 2 * (some @ reference.T)
        squared += np.einsum("nd,nd->n", some, some)[:, None]
        own = place[rows]
        known = np.flatnonzero(own >= 0)
        squared[known, own[known]] = np.inf
        tenth = np.partition(squared, NEIGHBOUR - 1, axis=1)[:, NEIGHBOUR - 1]
        distances[rows] = np.sqrt(np.maximum(tenth, 0))
    return distances
