"""What operations draw is distributed as what their references draw for one image at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2

from nunbit.data.augment import OPERATIONS
from tests.data.augment.pictures import generator

DRAWS = 4000
HEIGHT, WIDTH = 24, 36
EMPTY = torch.zeros((1, 3, 1, 1), dtype=torch.uint8).expand(DRAWS, 3, HEIGHT, WIDTH)
UNLIKELY = 0.001
"""p-value below which two samples would not be called alike; seeds are fixed."""


def drawn(name: str, **parameters: object) -> list[np.ndarray]:
    operation = OPERATIONS[name](**parameters)
    return [values.numpy() for values in operation.sample_params(EMPTY, generator())]


def by_torchvision(transform: v2.Transform, read: Callable[[dict], tuple]) -> np.ndarray:
    """[values, DRAWS], one draw at a time from the global generator."""
    image = torch.zeros((3, HEIGHT, WIDTH), dtype=torch.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return np.array([read(transform.make_params([image])) for _ in range(DRAWS)]).T


def assert_alike(ours: np.ndarray | Tensor, theirs: np.ndarray) -> None:
    assert (
        stats.ks_2samp(np.asarray(ours, dtype=np.float64), theirs, method="asymp").pvalue > UNLIKELY
    )


def test_turns() -> None:
    (degrees,) = by_torchvision(v2.RandomRotation(40), lambda params: (params["angle"],))
    assert_alike(drawn("rotation", degrees=40)[0], degrees)
    assert_alike(drawn("affine", degrees=40)[0], degrees)


def test_shift_scale_rotate() -> None:
    transform = v2.RandomAffine(30, translate=(0.25, 0.25), scale=(0.8, 1.2))
    angle, scale, right, down = by_torchvision(
        transform, lambda params: (params["angle"], params["scale"], *params["translate"])
    )
    ours = drawn("shift-scale-rotate", degrees=30, scale=0.2, shift=0.25)
    assert_alike(ours[0], angle)
    assert_alike(ours[1], scale)
    # torchvision moves by whole pixels, here by any amount.
    assert_alike(np.rint(ours[2]), right)
    assert_alike(np.rint(ours[3]), down)
    assert np.abs(np.corrcoef(ours)[np.triu_indices(4, 1)]).max() < 0.08


@pytest.mark.parametrize(
    ("scale", "ratio"), [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.5, 1.0), (0.2, 0.4)), ((1, 1), (3, 4))]
)
def test_random_resized_crop(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    transform = v2.RandomResizedCrop(8, scale=scale, ratio=ratio)
    theirs = by_torchvision(
        transform, lambda params: tuple(params[key] for key in ("top", "left", "height", "width"))
    )
    for ours, reference in zip(
        drawn("random-resized-crop", scale=scale, ratio=ratio), theirs, strict=True
    ):
        assert_alike(ours, reference)


def test_crop_places_are_torchvision_s() -> None:
    transform = v2.RandomCrop((HEIGHT // 2, WIDTH // 2))
    top, left = by_torchvision(transform, lambda params: (params["top"], params["left"]))
    ours = drawn("crop", fraction=(0.5, 0.5))
    assert_alike(ours[0], top)
    assert_alike(ours[1], left)


def test_colour_jitter() -> None:
    transform = v2.ColorJitter(brightness=0.3, contrast=0.5, saturation=0.7, hue=0.2)
    names = ("brightness_factor", "contrast_factor", "saturation_factor", "hue_factor")
    theirs = by_torchvision(
        transform,
        lambda params: (*(params[key] for key in names), *params["fn_idx"].tolist()),
    )
    order, *factors = drawn("colour-jitter", brightness=0.3, contrast=0.5, saturation=0.7, hue=0.2)
    for ours, reference in zip(factors, theirs[:4], strict=True):
        assert_alike(ours, reference)
    counts = [
        np.unique(rows, axis=0, return_counts=True)[1] for rows in (order, theirs[4:].T.astype(int))
    ]
    assert all(len(count) == 24 for count in counts)
    assert stats.chisquare(counts[0]).pvalue > UNLIKELY


def test_noise_and_blur_strengths() -> None:
    for name in ("gaussian-noise", "blur"):
        deviation = drawn(name, deviation=(0.2, 0.9))[0]
        assert stats.kstest(deviation, stats.uniform(0.2, 0.7).cdf).pvalue > UNLIKELY
    theirs = by_torchvision(v2.GaussianBlur(3, (0.2, 0.9)), lambda params: (params["sigma"][0],))[0]
    assert_alike(drawn("blur", deviation=(0.2, 0.9))[0], theirs)


@pytest.mark.parametrize(
    ("name", "parameters", "column", "low", "high"),
    [
        ("brightness-contrast", {"brightness": 0.3}, 0, 0.7, 1.3),
        ("brightness-contrast", {"contrast": 0.4}, 1, 0.6, 1.4),
        ("brightness-range", {"factor": (0.5, 2)}, 0, 0.5, 2),
        ("hue-saturation-value", {"hue": 0.1}, 0, -0.1, 0.1),
        ("hue-saturation-value", {"saturation": 0.2}, 1, -0.2, 0.2),
        ("hue-saturation-value", {"value": 0.3}, 2, -0.3, 0.3),
        ("shift-scale-rotate", {"shift": 0.1}, 2, -3.6, 3.6),
    ],
)
def test_ranges_are_filled_evenly(
    name: str, parameters: dict, column: int, low: float, high: float
) -> None:
    values = drawn(name, **parameters)[column]
    assert low <= values.min() <= values.max() <= high + 1e-6
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > UNLIKELY


@pytest.mark.parametrize(("name", "parameters"), [("zoom", {"factor": (0.5, 3)}), ("affine", {})])
def test_zoom_factors_are_even_on_a_log_scale(name: str, parameters: dict) -> None:
    factor = np.log(drawn(name, **parameters)[-1])
    low, high = np.log((0.5, 3) if name == "zoom" else (1 / 1.1, 1.1))
    assert stats.kstest(factor, stats.uniform(low, high - low).cdf).pvalue > UNLIKELY


@pytest.mark.parametrize(
    ("name", "column", "values"),
    [
        ("shift", 0, range(-2, 3)),
        ("shift", 1, range(-3, 4)),
        ("width-shift", 1, range(-3, 4)),
        ("height-shift", 0, range(-2, 3)),
        ("clahe", 0, range(9)),
    ],
)
def test_whole_numbers_are_equally_frequent(name: str, column: int, values: range) -> None:
    parameters = {} if name == "clahe" else {"fraction": 0.09}
    found, counts = np.unique(drawn(name, **parameters)[column], return_counts=True)
    assert found.tolist() == list(values)
    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_resize_and_centre_crop_sizes() -> None:
    for name in ("resize", "centre-crop"):
        *_, height, width = drawn(name, fraction=(0.25, 0.75))
        uniform = np.random.default_rng(0).uniform(0.25, 0.75, DRAWS)
        assert_alike(height, np.rint(uniform * HEIGHT))
        assert_alike(width, np.rint(uniform * WIDTH))
        assert np.abs(height / HEIGHT - width / WIDTH).max() < 0.5 / HEIGHT + 0.5 / WIDTH + 1e-6


def test_erased_squares() -> None:
    top, left, side, _ = drawn("erase", fraction=0.5)
    rng = np.random.default_rng(0)
    wanted = np.ceil(rng.uniform(0, 12, DRAWS))
    assert_alike(side, wanted)
    assert_alike(top, rng.integers(0, HEIGHT - wanted, endpoint=True))
    assert_alike(left, rng.integers(0, WIDTH - wanted, endpoint=True))
    # The last row and column are reached as well.
    assert (top + side).max() == HEIGHT
    assert (left + side).max() == WIDTH


def test_holes() -> None:
    top, left, height, width = drawn("coarse-dropout", holes=(1, 4), height=(0.1, 0.5))
    _, counts = np.unique((height > 0).sum(axis=1), return_counts=True)
    assert len(counts) == 4
    assert stats.chisquare(counts).pvalue > UNLIKELY
    rng = np.random.default_rng(0)
    wanted = np.rint(rng.uniform(0.1, 0.5, DRAWS) * HEIGHT)
    assert_alike(height[:, 0], wanted)
    assert_alike(top[:, 0], rng.integers(0, HEIGHT - wanted, endpoint=True))
    first, second = left[:, 0], left[:, 1]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.08
    assert width.max() <= round(0.2 * WIDTH)
