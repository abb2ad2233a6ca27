"""Operations that move pixels, against torchvision, SciPy and Pillow, one image at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode, functional

from nunbit.data.augment.crops import CentreCrop, Crop, RandomResizedCrop, Resize
from nunbit.data.augment.flips_and_shifts import (
    HeightShift,
    HorizontalFlip,
    RandomRotation90,
    Shift,
    VerticalFlip,
    WidthShift,
)
from nunbit.data.augment.geometric import Affine, Rotation, ShiftScaleRotate, Zoom
from nunbit.data.augment.sampling import BORDERS, border_index
from tests.data.augment.pictures import generator, noisy, smooth

SCIPY = {
    "reflect": "reflect",
    "wrap": "grid-wrap",
    "constant": "grid-constant",
    "replicate": "nearest",
}
NUMPY = {"reflect": "symmetric", "wrap": "wrap", "constant": "constant", "replicate": "edge"}


def assert_close(ours: Tensor, theirs: Tensor, *, most: float = 1.0) -> None:
    """At most so many grey levels apart everywhere."""
    assert (ours.double() - theirs.double()).abs().max().item() <= most


@pytest.mark.parametrize("kind", [HorizontalFlip, VerticalFlip])
def test_flips_are_torchvision_s(kind: type) -> None:
    flip = {HorizontalFlip: functional.hflip, VerticalFlip: functional.vflip}[kind]
    batch = noisy(7)
    assert torch.equal(kind(probability=1.0)(batch, generator()), flip(batch))


def test_each_image_is_mirrored_whole_or_not_at_all_and_half_of_them() -> None:
    batch = noisy(2000)
    flipped = HorizontalFlip()(batch, generator())
    mirrored = (flipped == batch.flip(-1)).flatten(1).all(dim=1)
    kept = (flipped == batch).flatten(1).all(dim=1)
    assert (mirrored | kept).all()
    # Binomial: five standard deviations of 2000 fair coins are 112.
    assert abs(int(mirrored.sum()) - 1000) < 112


def test_quarter_turns_are_numpy_s_and_equally_frequent() -> None:
    batch = noisy(800, height=9, width=9)
    operation = RandomRotation90()
    (quarters,) = operation.sample_params(batch, generator())
    turned = operation.apply(batch, (quarters,))
    for image, turn, result in zip(batch, quarters, turned, strict=True):
        assert np.array_equal(np.rot90(image.numpy(), int(turn), (1, 2)), result.numpy())
    assert all(abs(int((quarters == turn).sum()) - 200) < 62 for turn in range(4))


def test_an_oblong_canvas_takes_half_turns_only() -> None:
    batch = noisy(200, height=6, width=9)
    turned = RandomRotation90()(batch, generator())
    halves = [torch.equal(a, b.flip(-1, -2)) for a, b in zip(turned, batch, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(turned, batch, strict=True)]
    assert all(half != keep for half, keep in zip(halves, kept, strict=True))
    assert 60 < sum(halves) < 140


@pytest.mark.parametrize("border", BORDERS)
def test_moves_are_windows_of_a_padded_image(border: str) -> None:
    batch = noisy(300, height=12, width=10)
    operation = Shift(fraction=0.2, border=border, fill=77)
    down, right = operation.sample_params(batch, generator())
    moved = operation.apply(batch, (down, right)).numpy()
    fill = {"constant_values": 77} if border == "constant" else {}
    margin = ((0, 0), (0, 0), (2, 2), (2, 2))
    padded = np.pad(batch.numpy(), margin, mode=NUMPY[border], **fill)
    for i, (dy, dx) in enumerate(zip(down.tolist(), right.tolist(), strict=True)):
        assert np.array_equal(moved[i], padded[i, :, 2 - dy : 14 - dy, 2 - dx : 12 - dx])
    assert len(set(zip(down.tolist(), right.tolist(), strict=True))) == 25


@pytest.mark.parametrize("kind", [WidthShift, HeightShift])
def test_a_shift_along_one_side_leaves_the_other_alone(kind: type) -> None:
    batch = noisy(200, height=20, width=20)
    operation = kind(fraction=0.1)
    down, right = operation.sample_params(batch, generator())
    axis, by, other = (3, right, down) if kind is WidthShift else (2, down, right)
    assert not other.any()
    moved = operation.apply(batch, (down, right))
    assert sorted(set(by.tolist())) == [-2, -1, 0, 1, 2]
    for image, step, result in zip(batch, by.tolist(), moved, strict=True):
        rolled = image.roll(step, axis - 1)
        inner = slice(2, -2)
        seen = (slice(None), slice(None), inner) if axis == 3 else (slice(None), inner)
        assert torch.equal(result[seen], rolled[seen])


@pytest.mark.parametrize("border", ["reflect", "wrap", "replicate"])
@pytest.mark.parametrize("side", [1, 2, 5])
def test_places_far_beyond_the_border_are_folded_as_numpy_pads(border: str, side: int) -> None:
    far = 3 * side + 1
    wanted = np.pad(np.arange(side), far, mode=NUMPY[border])
    assert border_index(torch.arange(-far, side + far), side, border).tolist() == wanted.tolist()


def by_scipy(image: Tensor, degrees: float, border: str, fill: float) -> Tensor:
    """One image turned about its centre, each channel by SciPy, bilinearly."""
    height, width = image.shape[1:]
    row, column = np.mgrid[:height, :width]
    place = (column - (width - 1) / 2) - 1j * (row - (height - 1) / 2)
    seen = place * np.exp(-1j * np.deg2rad(degrees))
    coordinates = np.array([(height - 1) / 2 - seen.imag, (width - 1) / 2 + seen.real])
    planes = [
        ndimage.map_coordinates(
            plane.astype(np.float64), coordinates, order=1, mode=SCIPY[border], cval=fill
        )
        for plane in image.numpy()
    ]
    return torch.from_numpy(np.stack(planes))


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(40, 32), (9, 25), (1, 4), (2, 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_rotation_is_scipy_s_up_to_the_border(
    border: str, size: tuple[int, int], channels: int
) -> None:
    batch = smooth(5, channels, *size)
    degrees = torch.tensor([-170.0, -31.0, 0.0, 45.0, 90.0])
    turned = Rotation(degrees=180, border=border, fill=60).apply(batch, (degrees,))
    for image, angle, result in zip(batch, degrees.tolist(), turned, strict=True):
        assert_close(result, by_scipy(image, angle, border, 60), most=0.6)


def test_a_rotation_is_pillow_s_away_from_the_border() -> None:
    batch = smooth(5, 1, 40, 40)
    degrees = torch.tensor([-20.0, -5.0, 0.0, 7.0, 20.0])
    turned = Rotation(degrees=20).apply(batch, (degrees,))
    centre = (slice(None), slice(10, 30), slice(10, 30))
    for image, angle, result in zip(batch, degrees.tolist(), turned, strict=True):
        theirs = Image.fromarray(image[0].numpy()).rotate(angle, Image.Resampling.BILINEAR)
        assert_close(result[centre], torch.from_numpy(np.array(theirs))[None][centre], most=1)


def test_shift_scale_rotate_is_torchvision_s_affine() -> None:
    batch = smooth()
    operation = ShiftScaleRotate(shift=0.2, scale=0.3, degrees=90, border="constant", fill=9)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, *numbers in zip(batch, changed, *(d.tolist() for d in drawn), strict=True):
        degrees, factor, right, down = numbers
        theirs = functional.affine(
            image.float(),
            angle=-degrees,
            translate=[right, down],
            scale=factor,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
            fill=9.0,
        )
        # torchvision blends with the fill by a mask of its own, so the outermost pixel may differ.
        inside = functional.affine(
            torch.ones_like(image[:1]).float(),
            angle=-degrees,
            translate=[right, down],
            scale=factor,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        assert_close(result * (inside == 1), theirs * (inside == 1))
        assert_close(result * (inside == 0), theirs * (inside == 0))


@pytest.mark.parametrize(
    "operation",
    [Zoom(factor=(0.5, 2), border="constant"), Affine(degrees=60, zoom=1, border="constant")],
)
def test_zoom_and_affine_are_torchvision_s_affine(operation: Zoom | Affine) -> None:
    batch = smooth()
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    angles = drawn[0].tolist() if len(drawn) == 2 else [0.0] * len(batch)
    for image, result, degrees, factor in zip(
        batch, changed, angles, drawn[-1].tolist(), strict=True
    ):
        theirs = functional.affine(
            image.float(),
            angle=-degrees,
            translate=[0, 0],
            scale=factor,
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        inner = (slice(None), slice(12, -12), slice(10, -10))
        assert_close(result[inner], theirs[inner])


def test_a_rotation_of_an_oblong_image_keeps_right_angles() -> None:
    """A centred square stays a square: its area is the same after the turn."""
    batch = torch.zeros((1, 1, 40, 80), dtype=torch.uint8)
    batch[:, :, 12:28, 32:48] = 255
    turned = Affine(degrees=45, zoom=0.0)(batch.expand(50, -1, -1, -1), generator())
    area = turned.float().sum(dim=(1, 2, 3)) / 255
    assert area.sub(256).abs().max() < 6


@pytest.mark.parametrize(
    "operation",
    [
        Crop(fraction=(0.3, 1)),
        CentreCrop(fraction=(0.3, 1)),
        RandomResizedCrop(),
        RandomResizedCrop(scale=(0.001, 0.01), ratio=(0.1, 10)),
    ],
)
@pytest.mark.parametrize("size", [(40, 32), (7, 11)])
def test_crops_are_torchvision_s_resized_crop(operation: Crop, size: tuple[int, int]) -> None:
    batch = smooth(20, 3, *size)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, *place in zip(batch, changed, *(d.tolist() for d in drawn), strict=True):
        top, left, height, width = place
        assert 0 <= top <= top + height <= size[0]
        assert 0 <= left <= left + width <= size[1]
        theirs = functional.resized_crop(
            image.float(), top, left, height, width, list(size), antialias=True
        )
        assert_close(result, theirs, most=0.51)


@pytest.mark.parametrize("size", [(40, 32), (7, 11), (1, 1)])
def test_resize_is_two_of_torch_s_antialiased_ones(size: tuple[int, int]) -> None:
    batch = smooth(12, 3, *size)
    operation = Resize(fraction=(0.05, 1))
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, height, width in zip(
        batch, changed, *(d.tolist() for d in drawn), strict=True
    ):
        options = {"mode": "bilinear", "antialias": True}
        small = F.interpolate(image[None].float(), (height, width), **options)
        assert_close(result, F.interpolate(small, size, **options)[0], most=0.51)


def test_the_whole_image_cropped_is_the_image() -> None:
    for operation in (Crop(fraction=(1, 1)), CentreCrop(fraction=(1, 1)), Resize(fraction=(1, 1))):
        assert torch.equal(operation(noisy(4), generator()), noisy(4))
