"""Candidates for copies: nearest neighbours that tolerate small shifts and crops.

An image is described by the low frequencies of its cosine transform, without the mean and scaled to
length 1, so that brightness and contrast do not count: a perceptual hash that is not cut down to
bits. Shifting or enlarging an image a little moves its description along directions that can be
computed (its tangents); the distance of another image is measured from the plane that they span
(Simard et al. 1993), around five views of the image: nearly whole, and cut at each corner.

The search does not grow with the square of the number of images n: descriptions are sorted into
about sqrt(n) cells around representative images, and a view is compared only with the cells nearest
to it.

n images, h and w height and width of a thumbnail, d values of a description, V views, t tangents,
k neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from nunbit.chunks import chunk_slices
from nunbit.progress import SILENT, Progress
from nunbit.seeds import Purpose, sklearn_seed

Floats = NDArray[np.float32]

FREQUENCIES = 8
"""Cosine frequencies in each direction."""
_VIEWS = ((0.98, 0.5, 0.5), (0.94, 0.0, 0.0), (0.94, 0.0, 1.0), (0.94, 1.0, 0.0), (0.94, 1.0, 1.0))
"""Fraction of each side that a view keeps, and where it lies: 0 top or left, 1 bottom or right."""
_SHIFT = 0.018
"""Step for the tangents, fraction of the side; half a pixel of 28."""
_ZOOM = 0.03
"""Step for the tangent of enlarging."""
_ALL_IN_ONE_CELL = 4_000
"""Up to so many images every image is compared with every other."""
_FOR_CENTRES = 20_000
"""Images from which the centres of the cells are computed."""
_PROBES = 4
"""Cells that each view is compared with."""
_CHUNK = 2_048
"""Images whose views are in memory at once."""
_MAX_DISTANCES = 1 << 19
"""Distances that are worked on at once, 2 MB: they stay in the processor's cache, which takes half
the time of whole cells, and a cell may hold most of the data where they are alike."""
_FAR = np.float32(np.inf)


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The k nearest of each of n images, nearest first."""

    indices: NDArray[np.int64]
    """[n, k]; -1 where there are fewer."""
    distances: NDArray[np.float32]
    """[n, k] squared distance of descriptions of length 1; inf where there are fewer."""


def nearest(thumbnails: NDArray[np.uint8], *, k: int, progress: Progress = SILENT) -> Neighbours:
    """The k nearest of each image.

    Args:
        thumbnails: uint8 [n, h, w].
        k: neighbours wanted.
        progress: listener to progress.
    """
    described = _in_chunks(thumbnails)
    centres, cell_of = _cells(described)
    order = np.argsort(cell_of, kind="stable")
    starts = np.searchsorted(cell_of[order], np.arange(len(centres) + 1))
    found = Neighbours(
        indices=np.full((len(thumbnails), k), -1, dtype=np.int64),
        distances=np.full((len(thumbnails), k), _FAR, dtype=np.float32),
    )
    chunks = np.array_split(order, -(-len(order) // _CHUNK) or 1)
    # Neighbours in the order ask the same cells, so their comparisons are one multiplication.
    for chunk in progress.track(chunks, total=len(chunks), title="Looking for copies"):
        views = _Views(thumbnails[chunk])
        indices, distances = _probe(views, described, centres, order=order, starts=starts, k=k)
        distances[indices == np.repeat(chunk, len(_VIEWS))[:, None]] = _FAR
        found.indices[chunk], found.distances[chunk] = _best(
            indices.reshape(len(chunk), -1), distances.reshape(len(chunk), -1), k
        )
    return found


def describe(images: NDArray[np.uint8]) -> Floats:
    """uint8 [n, h, w] to float32 [n, d], each of length 1 (a flat image: 0)."""
    height, width = images.shape[1:]
    return _described(images.astype(np.float32), _cosines(height), _cosines(width))


def _described(images: Floats, down: Floats, across: Floats) -> Floats:
    """[n, h, w] and the frequencies along both sides, [fh, h] and [fw, w], to [n, d]."""
    values = (down @ images @ across.T).reshape(len(images), -1)[:, 1:]
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-3), dtype=np.float32)


def _cosines(length: int) -> Floats:
    """[frequencies, length] the rows of the cosine transform that are kept."""
    # The highest frequencies of tiny images do not survive resizing or compression.
    kept = max(1, min(FREQUENCIES, length * 3 // 4))
    return np.asarray(dct(np.eye(length), axis=0, norm="ortho")[:kept], dtype=np.float32)


def _in_chunks(thumbnails: NDArray[np.uint8]) -> Floats:
    parts = np.array_split(thumbnails, -(-len(thumbnails) // _CHUNK) or 1)
    return np.concatenate([describe(part) for part in parts])


class _Views:
    """The views of some images: points [n * V, d] and orthonormal tangents [t, n * V, d]."""

    def __init__(self, thumbnails: NDArray[np.uint8]) -> None:
        images = thumbnails.astype(np.float32)
        pairs = [_view(images, *view) for view in _VIEWS]
        dimensions = pairs[0][0].shape[1]
        self.points = np.stack([point for point, _ in pairs], axis=1).reshape(-1, dimensions)
        tangents = np.stack([tangent for _, tangent in pairs], axis=2)
        self.tangents = tangents.reshape(len(tangents), -1, dimensions)
        self.offsets = np.einsum("tnd,nd->tn", self.tangents, self.points)

    def squared_distances(self, which: NDArray[np.int64], described: Floats) -> Floats:
        """Squared distances from some views to m descriptions: [len(which), m]."""
        squared = 2 - 2 * (self.points[which] @ described.T)
        for tangent, offset in zip(self.tangents, self.offsets, strict=True):
            along = tangent[which] @ described.T
            along -= offset[which][:, None]
            squared -= np.square(along, out=along)
        return np.asarray(np.maximum(squared, 0, out=squared), dtype=np.float32)


def _view(images: Floats, fraction: float, down: float, right: float) -> tuple[Floats, Floats]:
    """One view of images [n, h, w]: its description [n, d], and its tangents [t, n, d]."""
    height, width = images.shape[1:]

    def seen(kept: float, *, dy: float = 0.0, dx: float = 0.0, blurred: bool = False) -> Floats:
        top, left = down * (1 - kept) + dy, right * (1 - kept) + dx
        rows = _sampling(height, top, top + kept)
        columns = _sampling(width, left, left + kept)
        if blurred:
            rows, columns = _blurring(height) @ rows, _blurring(width) @ columns
        return _described(images, _cosines(height) @ rows, _cosines(width) @ columns)

    point = seen(fraction)
    steps = (
        seen(fraction, dy=_SHIFT) - seen(fraction, dy=-_SHIFT),
        seen(fraction, dx=_SHIFT) - seen(fraction, dx=-_SHIFT),
        seen(fraction - _ZOOM) - seen(fraction + _ZOOM),
        seen(fraction, blurred=True) - point,
    )
    tangents: list[Floats] = []
    for step in steps:
        # Gram-Schmidt; a direction that is already spanned, as on stripes, becomes nearly 0.
        for known in (point, *tangents):
            step = step - known * np.einsum("nd,nd->n", known, step)[:, None]  # noqa: PLW2901
        length = np.linalg.norm(step, axis=1, keepdims=True)
        tangents.append(np.where(length > 1e-4, step / np.maximum(length, 1e-4), 0))
    return point, np.stack(tangents).astype(np.float32)


def _sampling(length: int, start: float, end: float) -> Floats:
    """[length, length] linear interpolation of a line's part from `start` to `end` (fractions)."""
    position = (np.arange(length) + 0.5) / length
    where = np.clip((start + position * (end - start)) * length - 0.5, 0, length - 1)
    weights = np.maximum(0, 1 - np.abs(where[:, None] - np.arange(length)))
    return np.asarray(weights, dtype=np.float32)


def _blurring(length: int) -> Floats:
    """[length, length] the weights 1/4, 1/2, 1/4 along a line."""
    one = np.eye(length, dtype=np.float32)
    before, after = one[[0, *range(length - 1)]], one[[*range(1, length), length - 1]]
    return np.asarray(before / 4 + one / 2 + after / 4, dtype=np.float32)


def _cells(described: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Centres [cells, d], and the nearest centre of each description [n]."""
    count = len(described)
    if count <= _ALL_IN_ONE_CELL:
        return np.zeros((1, described.shape[1]), np.float32), np.zeros(count, dtype=np.int64)
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    some = described[:: -(-count // _FOR_CENTRES)]
    cells = KMeans(
        round(np.sqrt(count)),
        init="random",
        n_init=1,
        max_iter=8,
        random_state=sklearn_seed(0, Purpose.FOLDS),
    )
    with warnings.catch_warnings():
        # Raised where many descriptions are equal, so that some cells are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centres = np.asarray(cells.fit(some).cluster_centers_, dtype=np.float32)
    # Of equal centres all but one stay empty, and asking those would find nothing.
    used, cell_of = np.unique(_nearest_centres(described, centres, 1)[:, 0], return_inverse=True)
    return centres[used], cell_of.astype(np.int64)


def _nearest_centres(points: Floats, centres: Floats, count: int) -> NDArray[np.int64]:
    """[n, count] the nearest centres, in no particular order."""
    if count >= len(centres):
        return np.tile(np.arange(len(centres), dtype=np.int64), (len(points), 1))
    half = np.einsum("cd,cd->c", centres, centres) / 2
    parts = np.array_split(points, -(-len(points) // (4 * _CHUNK)))
    nearest_of = [np.argpartition(half - part @ centres.T, count, axis=1) for part in parts]
    return np.concatenate([found[:, :count] for found in nearest_of]).astype(np.int64)


def _probe(
    views: _Views,
    described: Floats,
    centres: Floats,
    *,
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    k: int,
) -> tuple[NDArray[np.int64], Floats]:
    """Find the nearest in each cell that a view asks: indices, distances [views, probes * k]."""
    asked = _nearest_centres(views.points, centres, _PROBES)
    count, probes = asked.shape
    # One more than wanted, because an image finds itself.
    indices = np.full((count, probes, k + 1), -1, dtype=np.int64)
    distances = np.full((count, probes, k + 1), _FAR, dtype=np.float32)
    for cell, views_of_cell, places in _by_cell(asked):
        members = order[starts[cell] : starts[cell + 1]]
        kept = min(k + 1, len(members))
        size = max(1, _MAX_DISTANCES // len(members))
        for some in chunk_slices(len(views_of_cell), size):
            which, probe = views_of_cell[some], places[some]
            squared = views.squared_distances(which, described[members])
            if kept < len(members):
                best = np.argpartition(squared, kept - 1, axis=1)[:, :kept]
                squared = np.take_along_axis(squared, best, axis=1)
                indices[which, probe, :kept] = members[best]
            else:
                indices[which, probe, :kept] = members
            distances[which, probe, :kept] = squared
    return indices.reshape(count, -1), distances.reshape(count, -1)


def _by_cell(
    asked: NDArray[np.int64],
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield each cell that is probed: its number, the views that probe it, and their places."""
    flat = asked.ravel()
    sequence = np.argsort(flat, kind="stable")
    cells, first = np.unique(flat[sequence], return_index=True)
    for cell, positions in zip(cells, np.split(sequence, first[1:]), strict=True):
        yield int(cell), positions // asked.shape[1], positions % asked.shape[1]


def _best(
    indices: NDArray[np.int64], distances: Floats, k: int
) -> tuple[NDArray[np.int64], Floats]:
    """The k nearest different ones of [n, m], nearest first, equals by index: [n, k] each."""
    by_distance = np.lexsort((distances, indices), axis=1)
    indices = np.take_along_axis(indices, by_distance, axis=1)
    distances = np.take_along_axis(distances, by_distance, axis=1)
    repeated = np.zeros_like(indices, dtype=np.bool_)
    repeated[:, 1:] = indices[:, 1:] == indices[:, :-1]
    distances = np.where(repeated | (indices < 0), _FAR, distances)
    nearest_first = np.argsort(distances, axis=1, kind="stable")[:, :k]
    found = np.full((len(indices), k), -1, dtype=np.int64)
    far = np.full((len(indices), k), _FAR, dtype=np.float32)
    width = nearest_first.shape[1]
    far[:, :width] = np.take_along_axis(distances, nearest_first, axis=1)
    found[:, :width] = np.take_along_axis(indices, nearest_first, axis=1)
    found[np.isinf(far)] = -1
    return found, far
