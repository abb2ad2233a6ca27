"""Deletion and insertion: the answer while pixels are removed or come back in some order.

Petsiuk, Das and Saenko 2018 (RISE, arXiv 1806.07421): deletion paints the most important pixels
over first, insertion brings them first into a blurred image. Orders are of square cells, at most
`CELLS` along each side, the random ones and the map's own alike.

B images in a batch, C channels, H height, W width, S steps, R random orders, N masks, T classes of
one image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import integrate, stats
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as tv

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.data.batches import inference_batch_size
from nunbit.deployed import calibrated
from nunbit.explain.randomized_weights import Copies
from nunbit.inference import forward
from nunbit.models.mode import evaluation_mode
from nunbit.seeds import Purpose, rng_for

CELLS = 14
RANDOM_ORDERS = 10
SHARES = (0, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1)
"""Fractions of the cells at which the network is asked."""
BLUR = 1 / 8
"""Standard deviation of the blurred image's Gaussian, of the image's side."""
PASSES = 3 + 2 * RANDOM_ORDERS * (len(SHARES) - 2)
"""Maximum passes of one image for `random_reference`, however many of its classes are explained."""
PASSES_OF_A_MAP = 2 * (len(SHARES) - 2)
"""Maximum passes of one image for `curves_of` in addition."""


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Probability of the explained class while pixels are taken away, and while they come."""

    shares: NDArray[np.float64]
    """Fractions of the pixels, [S], from 0 to 1."""
    deletion: NDArray[np.float64]
    """[S], the map's most important pixels first."""
    insertion: NDArray[np.float64]
    """[S], likewise."""
    random_deletion: NDArray[np.float64]
    """[R, S], one row for each random order."""
    random_insertion: NDArray[np.float64]
    """[R, S]."""

    @property
    def area(self) -> float:
        """Area under insertion minus that under deletion: from -1 to 1, the larger the better."""
        return float(_area(self.insertion - self.deletion, self.shares))

    @property
    def random_areas(self) -> NDArray[np.float64]:
        """Likewise, of each random order, [R]."""
        return _area(self.random_insertion - self.random_deletion, self.shares)

    @property
    def gain(self) -> float:
        """Area minus the mean area of random orders."""
        return self.area - float(self.random_areas.mean())

    @property
    def gain_needed(self) -> float:
        """Gain that one more random order would exceed once in forty times.

        The upper prediction limit of Student's t over the random orders.
        """
        areas = self.random_areas
        spread = areas.std(ddof=1) * np.sqrt(1 + 1 / len(areas))
        return float(stats.t.ppf(0.975, len(areas) - 1) * spread)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Curves of random orders, made once for some images and classes, for all methods."""

    baseline: Tensor
    """[C, H, W]: what is put in place of what is taken away."""
    temperature: float
    cells: NDArray[np.int64]
    """[H, W], of `cells_of`."""
    steps: NDArray[np.int64]
    """[S]: numbers of cells, from none to all."""
    deletion: NDArray[np.float64]
    """[B, R, S]."""
    insertion: NDArray[np.float64]
    """[B, R, S]."""
    copies: Copies | None = None
    """Randomized copies of the network, where they have been made already."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """Fractions of the cells, [S], from 0 to 1."""
        return np.asarray(self.steps / self.steps[-1], dtype=np.float64)


def random_reference(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    baseline: Tensor | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> Reference:
    """Measure how removing pixels in random orders changes the probability of class targets[i].

    `images` [B, C, H, W] and `baseline` [C, H, W] as `attribution.attribute` takes them;
    `temperature` is the bundle's, by which logits are divided. The orders depend on the seed alone.
    Takes at most `PASSES` passes for each image; rows that follow each other with one image, and
    differ in their classes, share them.
    """
    start = torch.zeros_like(images[0]) if baseline is None else baseline.to(images)
    network = optimize_for_inference(model, images)
    cells = cells_of(*images.shape[2:])
    count = int(cells.max()) + 1
    steps = np.unique(np.round(np.asarray(SHARES) * count).astype(int))
    generator = rng_for(seed, Purpose.EXPLANATION)
    orders = np.stack([generator.permutation(count) for _ in range(RANDOM_ORDERS)])
    found = []
    for rows in _of_one_image(images):
        asked = _Asked(network, images[rows.start], targets[rows], start, temperature)
        found.append(asked.curves(orders, cells, steps, asked.ends()))
    deletion, insertion = (np.concatenate(part) for part in zip(*found, strict=True))
    return Reference(
        baseline=start,
        temperature=temperature,
        cells=cells,
        steps=steps,
        deletion=deletion,
        insertion=insertion,
    )


def curves_of(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    maps: NDArray[np.float32],
    *,
    reference: Reference,
    seed: int = 0,
) -> tuple[Curves, ...]:
    """The curves of maps [B, H, W] beside those of `random_reference` of the same images.

    A map's order is that of the cells' mean values, the highest first; equal ones are in random
    order. Takes at most `PASSES_OF_A_MAP` passes for each image.
    """
    if len(reference.deletion) != len(images):
        raise ValueError(f"the reference is of {len(reference.deletion)} images, not {len(images)}")
    generator = rng_for(seed, Purpose.EXPLANATION, 1)
    cells, steps, start = reference.cells, reference.steps, reference.baseline
    network = optimize_for_inference(model, images)
    found = []
    for i, image in enumerate(images):
        asked = _Asked(network, image, targets[i : i + 1], start, reference.temperature)
        order = _order(maps[i], cells, generator)[None]
        random_deletion, random_insertion = reference.deletion[i], reference.insertion[i]
        ends = np.stack([random_deletion[:1, 0], random_deletion[:1, -1], random_insertion[:1, 0]])
        deletion, insertion = (rows[0, 0] for rows in asked.curves(order, cells, steps, ends))
        found.append(
            Curves(
                shares=reference.shares,
                deletion=deletion,
                insertion=insertion,
                random_deletion=random_deletion,
                random_insertion=random_insertion,
            )
        )
    return tuple(found)


def cells_of(height: int, width: int) -> NDArray[np.int64]:
    """Number of the cell that each pixel lies in, [H, W]; those at the border may be smaller."""
    high, wide = (-(-side // CELLS) for side in (height, width))
    rows, columns = np.arange(height) // high, np.arange(width) // wide
    return np.asarray(rows[:, None] * (columns[-1] + 1) + columns[None, :], dtype=np.int64)


class _Asked:
    """One image and T of its classes, of which the network is asked again and again."""

    def __init__(
        self, model: nn.Module, image: Tensor, targets: Tensor, baseline: Tensor, temperature: float
    ) -> None:
        self._model = model
        self._image = image
        self._targets = targets.cpu()
        self._temperature = temperature
        self.ways = (baseline, blurred(image))
        """Pictures that deletion takes in place of pixels, and that insertion begins with."""

    def probabilities(self, covered: NDArray[np.bool_], other: Tensor) -> NDArray[np.float64]:
        """Probabilities [T, N] of the classes with pixels, bool [N, H, W], of another image."""
        height, width = self._image.shape[1:]
        size = inference_batch_size(height, width, self._image.device)
        found = []
        with evaluation_mode(self._model):
            for masks in torch.split(torch.from_numpy(covered).to(self._image.device), size):
                shown = torch.where(masks[:, None], other, self._image)
                # On the host, because some accelerators know no float64.
                logits = forward(self._model, shown).cpu()
                found.append(calibrated(logits, self._temperature)[:, self._targets])
        return np.asarray(torch.cat(found).T.numpy(), dtype=np.float64)

    def ends(self) -> NDArray[np.float64]:
        """Probabilities in the image, in none of its pixels, and in the blurred image, [3, T]."""
        nothing = np.zeros((1, *self._image.shape[1:]), dtype=bool)
        original = self.probabilities(nothing, self._image)
        emptied, blurry = (self.probabilities(~nothing, way) for way in self.ways)
        return np.stack([original[:, 0], emptied[:, 0], blurry[:, 0]])

    def curves(
        self,
        orders: NDArray[np.int64],
        cells: NDArray[np.int64],
        steps: NDArray[np.int64],
        ends: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Deletion and insertion [T, R, S] for orders of cells [R, cells].

        `ends` as the method of this name gives them.
        """
        original, emptied, blurry = ends
        ranks = np.argsort(orders, axis=1)[:, cells]
        taken = ranks[:, None] < steps[None, 1:-1, None, None]
        masks = taken.reshape(-1, *cells.shape)
        shape = (-1, len(orders), len(steps) - 2)
        deletion = self.probabilities(masks, self.ways[0]).reshape(shape)
        insertion = self.probabilities(~masks, self.ways[1]).reshape(shape)
        return _with_ends(deletion, original, emptied), _with_ends(insertion, blurry, original)


def _of_one_image(images: Tensor) -> list[slice]:
    """Rows of [B, C, H, W] that follow each other and are equal."""
    new = [i for i in range(len(images)) if i == 0 or not torch.equal(images[i], images[i - 1])]
    return [slice(a, b) for a, b in zip(new, [*new[1:], len(images)], strict=True)]


def blurred(image: Tensor) -> Tensor:
    """[C, H, W] with so little left of its evidence that insertion can begin there."""
    sigmas = [max(side * BLUR, 0.1) for side in image.shape[1:]]
    halves = [min(int(2 * s) + 1, n - 1) for s, n in zip(sigmas, image.shape[1:], strict=True)]
    kernel, spread = [2 * half + 1 for half in halves[::-1]], sigmas[::-1]
    smooth: Tensor = tv.gaussian_blur(image, kernel_size=kernel, sigma=spread)
    return smooth


def _order(
    values: NDArray[np.float32], cells: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Cells by the mean of a map [H, W], the highest first; chance decides between equals."""
    flat = cells.ravel()
    means = np.bincount(flat, weights=values.ravel().astype(np.float64)) / np.bincount(flat)
    return np.lexsort((generator.random(len(means)), -means))


def _with_ends(
    inner: NDArray[np.float64], first: NDArray[np.float64], last: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[T, R, S - 2] with values [T] in front and behind."""
    around = [np.broadcast_to(end[:, None, None], (*inner.shape[:2], 1)) for end in (first, last)]
    return np.concatenate([around[0], inner, around[1]], axis=2)


def _area(curves: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(integrate.trapezoid(curves, shares, axis=-1))
