from __future__ import annotations

import gzip
import struct
from pathlib import Path

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from nunbit.data.sources import load_samples
from nunbit.data.sources.array_files.idx import read_idx
from nunbit.data.storage import ImageArrays
from nunbit.errors import ConfigError, DataError
from tests.fixtures_data import idx_bytes, random_images, write_files, write_idx


def arrays(samples_images: object) -> NDArray[np.uint8]:
    assert isinstance(samples_images, ImageArrays)
    return samples_images.array


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("dot", [False, True])
def test_folder(tmp_path: Path, gzipped: bool, dot: bool) -> None:
    train, test = random_images(12), random_images(6, seed=1)
    write_idx(tmp_path, {"train": train, "t10k": test}, gzipped=gzipped, dot=dot)
    samples = load_samples(tmp_path)
    assert samples.paths[:2] == ("test/00000", "test/00001")
    assert samples.paths[6] == "train/00000"
    assert list(samples.paths) == sorted(samples.paths)
    assert samples.parts == ("test",) * 6 + ("train",) * 12
    assert samples.classes == ("0", "1", "2")
    assert samples.labels.tolist() == [*test[1], *train[1]]
    np.testing.assert_array_equal(
        arrays(samples.images), np.concatenate([test[0], train[0]])[..., np.newaxis]
    )
    assert samples.notes == ()


def test_numbers_without_images_are_no_classes(tmp_path: Path) -> None:
    images, _ = random_images(4)
    write_idx(tmp_path, {"train": (images, np.array([9, 2, 2, 11], dtype=np.uint8))})
    samples = load_samples(tmp_path)
    assert samples.classes == ("2", "9", "11")
    assert samples.labels.tolist() == [1, 0, 0, 2]


def test_lone_pair_is_left_to_be_split(tmp_path: Path) -> None:
    write_idx(tmp_path, {"train": random_images(6)})
    samples = load_samples(tmp_path)
    assert samples.paths[0] == "train/00000"
    assert set(samples.parts) == {""}
    assert "only the 'train' files are there: the split is drawn from them" in samples.notes


def test_gzip_is_known_by_content(tmp_path: Path) -> None:
    images, labels = random_images(6)
    write_idx(tmp_path, {"train": (images, labels)})
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(gzip.compress(file.read_bytes()))
    assert len(load_samples(tmp_path)) == 6


def test_strangers_are_told(tmp_path: Path) -> None:
    write_idx(tmp_path, {"train": random_images(6)})
    write_files(tmp_path, "readme.txt", ".hidden")
    assert "files that are not read: 'readme.txt'" in load_samples(tmp_path).notes


def damage(data: bytes, how: str) -> bytes:
    return {
        "empty": b"",
        "magic": b"\x89PNG" + data[4:],
        "type": data[:2] + b"\x0d" + data[3:],
        "dimensions": data[:3] + b"\x02" + data[4:],
        "header": data[:9],
        "short": data[:-1],
        "long": data + b"\0",
        "none": data[:4] + struct.pack(">III", 0, 6, 5),
        "gzip": gzip.compress(data)[:-12],
    }[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", "it begins with nothing"),
        ("magic", "it begins with 89 50 4e 47, not with 00 00"),
        ("type", "IDX type 13, not 8"),
        ("dimensions", "2 dimensions where 3 belong"),
        ("header", "ends within its header, after 9 bytes"),
        ("short", "6 x 6 x 5 = 180 bytes, but 179 follow"),
        ("long", "6 x 6 x 5 = 180 bytes, but 181 follow"),
        ("none", "nothing in it"),
        ("gzip", "the gzip file is damaged"),
    ],
)
def test_damage_is_named(tmp_path: Path, how: str, message: str) -> None:
    write_idx(tmp_path, {"train": random_images(6)})
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(damage(file.read_bytes(), how))
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_partner(tmp_path: Path) -> None:
    write_idx(tmp_path, {"train": random_images(6)}, gzipped=True)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"'train-labels-idx1-ubyte' .* is missing"):
        load_samples(tmp_path)


def test_other_number_of_labels(tmp_path: Path) -> None:
    images, labels = random_images(6)
    write_idx(tmp_path, {"train": (images, labels[:5])})
    with pytest.raises(DataError, match="6 images but 5 labels"):
        load_samples(tmp_path)


def test_parts_of_different_size(tmp_path: Path) -> None:
    write_idx(tmp_path, {"train": random_images(6), "t10k": random_images(6, shape=(4, 4))})
    with pytest.raises(DataError, match="differ in size"):
        load_samples(tmp_path)


def test_groups_make_no_sense_here(tmp_path: Path) -> None:
    write_idx(tmp_path, {"train": random_images(6)})
    with pytest.raises(ConfigError, match="images from arrays have none"):
        load_samples(tmp_path, group_from="(x)")


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_any_array_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, array: NDArray[np.uint8]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(file, dimensions=3), array)


@given(data=st.binary(max_size=40))
def test_any_bytes_give_an_array_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "bytes"
    file.write_bytes(b"\0\0\x08\x01" + data)
    try:
        array = read_idx(file, dimensions=1)
    except DataError:
        return
    assert idx_bytes(array) == file.read_bytes()


def test_real_fashion_mnist(fashion_mnist: Path) -> None:
    samples = load_samples(fashion_mnist)
    assert len(samples) == 70_000
    assert samples.parts.count("train") == 60_000
    assert arrays(samples.images).shape == (70_000, 28, 28, 1)
    # Published: each class has 6,000 training and 1,000 test images.
    assert np.bincount(samples.labels).tolist() == [7_000] * 10
    assert samples.classes[0] == "T-shirt/top"
    # The first training image is an ankle boot, and the first test image too.
    assert samples.label_name(10_000) == samples.label_name(0) == "Ankle boot"
    # Mean of the training pixels, 0.2860, as published with many implementations.
    assert abs(arrays(samples.images)[10_000:].mean() / 255 - 0.2860) < 1e-4
