from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from nunbit.data.sources import load_samples
from nunbit.data.sources.array_files.array_images import to_images
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError
from nunbit.types import Samples
from tests.fixtures_data import random_images

IMAGES, LABELS = random_images(6)


def load(folder: Path, **arrays: Any) -> Samples:
    np.savez(folder / "set.npz", **arrays)
    return load_samples(folder / "set.npz")


def pixels(samples: Samples) -> NDArray[np.uint8]:
    assert isinstance(samples.images, ImageArrays)
    return samples.images.array


@pytest.mark.parametrize("images", ["x", "X", "images", "data"])
@pytest.mark.parametrize("labels", ["y", "labels", "target"])
def test_one_part(tmp_path: Path, images: str, labels: str) -> None:
    samples = load(tmp_path, **{images: IMAGES, labels: LABELS})
    assert samples.name == "set"
    assert samples.paths == tuple(f"{row:05d}" for row in range(6))
    assert samples.classes == ("0", "1", "2")
    assert samples.labels.tolist() == LABELS.tolist()
    assert set(samples.parts) == {""}
    np.testing.assert_array_equal(pixels(samples), IMAGES[..., np.newaxis])
    assert samples.notes == ()


@pytest.mark.parametrize("naming", ["x_{part}", "{part}_images", "X{part}"])
def test_parts(tmp_path: Path, naming: str) -> None:
    label_naming = {"x_{part}": "y_{part}", "{part}_images": "{part}_labels", "X{part}": "y{part}"}
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[naming.format(part=part)] = IMAGES
        arrays[label_naming[naming].format(part=part)] = LABELS.reshape(-1, 1)
    samples = load(tmp_path, **arrays)
    assert samples.parts == ("test",) * 6 + ("train",) * 6 + ("validation",) * 6
    assert samples.paths[-1] == "validation/00005"
    assert samples.labels.tolist() == LABELS.tolist() * 3


def test_only_training_arrays_are_left_to_be_split(tmp_path: Path) -> None:
    samples = load(tmp_path, x_train=IMAGES, y_train=LABELS)
    assert samples.paths[0] == "train/00000"
    assert set(samples.parts) == {""}


def test_class_names(tmp_path: Path) -> None:
    names = np.array(["zebra", "ant", "Bee", "unused"])
    samples = load(tmp_path, x=IMAGES, y=LABELS, class_names=names)
    assert samples.classes == ("zebra", "ant", "Bee")
    assert samples.notes == ("no image of class 'unused': not used as a class",)


@pytest.mark.parametrize("kind", ["U", "S"])
def test_labels_that_are_names(tmp_path: Path, kind: str) -> None:
    names = np.array(["zebra", "ant", "zebra", "bee", "ant", "bee"]).astype(kind)
    samples = load(tmp_path, x=IMAGES, y=names)
    assert samples.classes == ("ant", "bee", "zebra")
    assert samples.labels.tolist() == [2, 0, 2, 1, 0, 1]


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32])
def test_label_numbers_need_not_begin_at_zero(tmp_path: Path, dtype: type) -> None:
    samples = load(tmp_path, x=IMAGES, y=np.array([10, 9, 10, 2, 2, 9]).astype(dtype))
    assert samples.classes == ("2", "9", "10")
    assert samples.labels.tolist() == [2, 1, 2, 0, 0, 1]


def test_arrays_not_used_are_told(tmp_path: Path) -> None:
    samples = load(tmp_path, x=IMAGES, y=LABELS, weights=np.ones(6))
    assert samples.notes == ("arrays that are not used: 'weights'",)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": IMAGES}, "cannot be matched; the arrays are 'x'"),
        ({"arr_0": IMAGES, "arr_1": LABELS}, "cannot be matched"),
        ({"x_train": IMAGES, "y_test": LABELS}, "cannot be matched"),
        ({"x": IMAGES, "images": IMAGES, "y": LABELS}, "'x' and 'images' could both be meant"),
        ({"x": IMAGES, "y": LABELS[:5]}, "6 images in 'x' but 5 labels in 'y'"),
        ({"x": IMAGES, "y": np.eye(6)}, "'y' has shape (6, 6)"),
        ({"x": IMAGES, "y": LABELS + 0.5}, "not whole numbers"),
        ({"x": IMAGES, "y": np.array([np.nan] * 6)}, "not whole numbers"),
        ({"x": IMAGES, "y": LABELS, "class_names": np.array(["a", "b"])}, "but there are 2 class"),
        ({"x": IMAGES, "y": LABELS, "class_names": np.array(["a", "a", "b"])}, "repeated names"),
        ({"x": IMAGES, "y": LABELS, "classes": np.arange(3)}, "'classes' is not a list of names"),
        ({"x": IMAGES, "y": np.zeros(6, int)}, "only one class"),
        (
            {"x": IMAGES, "y": LABELS, "x_test": IMAGES, "y_test": LABELS},
            "'x' belongs to no part",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, :4], "y_test": LABELS},
            "differ in shape",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS.astype(str)},
            "numbers in one part and names in another",
        ),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, **arrays)
    assert message in str(caught.value)
    assert str(tmp_path / "set.npz") in str(caught.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    objects = np.array([[1], [1, 2]], dtype=object)
    np.savez(tmp_path / "set.npz", allow_pickle=True, x=IMAGES, y=objects)
    with pytest.raises(DataError, match="could run code"):
        load_samples(tmp_path / "set.npz")


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_files_cut_off(tmp_path: Path, keep: int) -> None:
    np.savez(tmp_path / "set.npz", x=IMAGES, y=LABELS)
    data = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(data[:keep])
    with pytest.raises(DataError, match=r"cut off|damaged"):
        load_samples(tmp_path / "set.npz")


def test_flipped_bytes(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "set.npz", x=IMAGES, y=LABELS)
    data = bytearray((tmp_path / "set.npz").read_bytes())
    data[200:220] = bytes(20)
    (tmp_path / "set.npz").write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        load_samples(tmp_path / "set.npz")


def test_no_npz_at_all(tmp_path: Path) -> None:
    np.save(tmp_path / "set.npy", IMAGES)
    (tmp_path / "set.npy").rename(tmp_path / "set.npz")
    with pytest.raises(DataError, match=r"not an \.npz file"):
        load_samples(tmp_path / "set.npz")


def convert(array: NDArray[Any]) -> tuple[NDArray[np.uint8], list[str]]:
    return to_images(array, name="x", path=Path("set.npz"))


RANDOM = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), dtype=np.uint8)


def test_shapes() -> None:
    for channels in (1, 3):
        wanted = RANDOM[..., :channels]
        got, notes = convert(wanted)
        np.testing.assert_array_equal(got, wanted)
        assert notes == []
        got, notes = convert(wanted.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(got, wanted)
        assert notes == ["'x' is read as N x channels x height x width"]
    opaque = np.concatenate([RANDOM, np.full((7, 6, 5, 1), 255, np.uint8)], axis=3)
    np.testing.assert_array_equal(convert(opaque)[0], RANDOM)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((7, 64), "not a list of images"),
        ((7, 6, 3), "looks like one image"),
        ((0, 6, 5), "not a list of images"),
        ((7, 3, 5, 3), "either side could be the channels"),
        ((7, 6, 5, 2), "no side is 1 or 3 channels"),
        ((7, 6, 5, 4), "transparent pixels"),
        ((7, 6, 5, 3, 1), "not a list of images"),
    ],
)
def test_shapes_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert(np.full(shape, 100, dtype=np.uint8))
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_unit_range_is_scaled_exactly(dtype: type) -> None:
    array = (RANDOM / 255).astype(dtype)
    got, notes = convert(array)
    np.testing.assert_array_equal(got, RANDOM)
    assert "read as 0..1" in notes[0]


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int64, np.float32, np.float64])
def test_byte_range_in_other_types(dtype: type) -> None:
    got, notes = convert(RANDOM.astype(dtype))
    np.testing.assert_array_equal(got, RANDOM)
    assert "read as 0..255" in notes[0]


def test_booleans() -> None:
    np.testing.assert_array_equal(convert(RANDOM > 99)[0], np.where(RANDOM > 99, 255, 0))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (RANDOM % 17 * 1.0, "from 0 to 16, which is neither 0..1 nor 0..255"),
        ((RANDOM % 17).astype(np.int32), "neither 0..1 nor 0..255"),
        ((RANDOM % 2).astype(np.int32), "neither 0..1 nor 0..255"),
        (RANDOM.astype(np.uint16) * 257, "neither 0..1 nor 0..255"),
        (RANDOM / 127.5 - 1, "look like images that were normalised"),
        (np.where(RANDOM > 9, np.nan, 0.5), "not finite"),
        (np.where(RANDOM > 9, np.inf, 0.5), "not finite"),
        (RANDOM.astype(complex), "not pixels"),
        (RANDOM.astype(str), "not pixels"),
    ],
)
def test_values_refused(array: NDArray[Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        convert(array)
    assert message in str(caught.value)
    assert caught.value.path == "set.npz"


def test_dark_bytes_are_told() -> None:
    assert "nearly black" in convert(RANDOM % 17)[1][0]


@given(
    array=hnp.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32, np.bool_]),
        hnp.array_shapes(min_dims=2, max_dims=5, max_side=6),
    )
)
def test_any_array_becomes_bytes_or_a_clear_error(array: NDArray[Any]) -> None:
    try:
        got, _ = convert(array)
    except DataError as error:
        assert error.remedy or "not pixels" in error.what  # noqa: PT017 - either outcome is right
        return
    assert got.dtype == np.uint8
    assert got.ndim == 4
    assert got.shape[3] in (1, 3)
    assert len(got) == len(array)
    assert got.flags.c_contiguous
