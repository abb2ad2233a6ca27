from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nunbit.data.sources import load_samples
from nunbit.data.sources.array_files.pickled import read_plain_pickle
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError
from nunbit.types import Samples
from tests.fixtures_data import (
    CIFAR10_NAMES,
    random_images,
    write_cifar10_python,
    write_cifar100_python,
    write_cifar_binary,
)

HUNDRED = [f"class{number:02d}" for number in range(100)]


def batch(number: int, seed: int, classes: int = 10) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return random_images(number, shape=(32, 32, 3), classes=classes, seed=seed)


def assert_holds(samples: Samples, *batches: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    assert isinstance(samples.images, ImageArrays)
    np.testing.assert_array_equal(
        samples.images.array, np.concatenate([images for images, _ in batches])
    )
    assert samples.labels.tolist() == np.concatenate([labels for _, labels in batches]).tolist()


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_cifar10_python(tmp_path: Path, inner: str) -> None:
    one, two, test = batch(10, 1), batch(20, 2), batch(10, 3)
    batches = {"data_batch_1": one, "data_batch_2": two, "test_batch": test}
    write_cifar10_python(tmp_path / inner, batches)
    samples = load_samples(tmp_path)
    assert samples.classes == CIFAR10_NAMES
    assert samples.parts == ("test",) * 10 + ("train",) * 30
    assert samples.paths[9:11] == ("test/00009", "train/00000")
    assert_holds(samples, test, one, two)
    assert samples.notes == (
        "batches that are not there: 'data_batch_3', 'data_batch_4', 'data_batch_5'",
    )


def test_cifar10_binary(tmp_path: Path) -> None:
    train, test = batch(10, 1), batch(20, 2)
    batches = {f"data_batch_{n}.bin": train for n in range(1, 6)} | {"test_batch.bin": test}
    write_cifar_binary(tmp_path, batches, names=CIFAR10_NAMES)
    samples = load_samples(tmp_path)
    assert samples.classes == CIFAR10_NAMES
    assert_holds(samples, test, *[train] * 5)
    assert samples.notes == ()


def test_cifar100_python(tmp_path: Path) -> None:
    train, test = batch(100, 1, 100), batch(100, 2, 100)
    samples = load_samples(write_cifar100_python(tmp_path, {"train": train, "test": test}))
    assert samples.classes == tuple(HUNDRED)
    assert_holds(samples, test, train)


def test_cifar100_binary(tmp_path: Path) -> None:
    train, test = batch(100, 1, 100), batch(100, 2, 100)
    batches = {"train.bin": train, "test.bin": test}
    samples = load_samples(write_cifar_binary(tmp_path, batches, names=HUNDRED))
    assert samples.classes == tuple(HUNDRED)
    assert_holds(samples, test, train)


def test_label_map_keeps_the_published_order(tmp_path: Path) -> None:
    write_cifar10_python(tmp_path / "data", {"data_batch_1": batch(20, 1)})
    (tmp_path / "map.json").write_text('{"automobile": "car", "truck": "car", "airplane": "zzz"}')
    samples = load_samples(tmp_path / "data", label_map=tmp_path / "map.json")
    assert samples.classes == ("zzz", "car", *CIFAR10_NAMES[2:9])


class Evil:
    """Its pickle, loaded without care, ends the program."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)


@pytest.mark.parametrize(
    "content", [Evil(), {"data": Evil()}, [print], {"x": np.random.default_rng()}]
)
def test_pickles_that_ask_for_code_are_refused(tmp_path: Path, content: object) -> None:
    file = tmp_path / "batch"
    file.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="it asks for") as caught:
        read_plain_pickle(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles_are_read(tmp_path: Path, protocol: int) -> None:
    content = {"data": np.arange(6, dtype=np.uint8).reshape(2, 3), "labels": [1, 2], "x": "é"}
    (tmp_path / "batch").write_bytes(pickle.dumps(content, protocol=protocol))
    back = read_plain_pickle(tmp_path / "batch")
    np.testing.assert_array_equal(back["data"], content["data"])
    assert (back["labels"], back["x"]) == ([1, 2], "é")


def test_pickle_of_python_2(tmp_path: Path) -> None:
    # What Python 2 wrote: byte strings as str, and the arrays' module under its old name.
    array = np.arange(3, dtype=np.uint8)
    data = pickle.dumps({b"data": array}, protocol=2)
    data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "batch").write_bytes(data)
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "batch")["data"], array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": [0]}, "no entry 'data', only 'labels'"),
        ({"data": np.zeros((1, 3072), np.uint8)}, "no entry 'labels'"),
        ({"data": np.zeros((1, 3072)), "labels": [0]}, "not an array of bytes"),
        ({"data": np.zeros((1, 3000), np.uint8), "labels": [0]}, "not N x 3072"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, "2 images, but not as many"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, "labels run from 10 to 10"),
        ([1, 2], "holds a list, not a dictionary"),
    ],
)
def test_wrong_batches(tmp_path: Path, content: object, message: str) -> None:
    write_cifar10_python(tmp_path, {"test_batch": batch(10, 0)})
    file = tmp_path / "data_batch_1"
    file.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_batches_cut_off(tmp_path: Path, cut: int) -> None:
    write_cifar10_python(tmp_path, {"data_batch_1": batch(10, 0)})
    file = tmp_path / "data_batch_1"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(DataError, match="CIFAR's python layout"):
        load_samples(tmp_path)


def test_binary_cut_off(tmp_path: Path) -> None:
    write_cifar_binary(tmp_path, {"data_batch_1.bin": batch(2, 0)}, names=CIFAR10_NAMES)
    file = tmp_path / "data_batch_1.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match="not a whole number of records of 3,073"):
        load_samples(tmp_path)


def test_missing_names(tmp_path: Path) -> None:
    write_cifar10_python(tmp_path, {"data_batch_1": batch(10, 0)})
    (tmp_path / "batches.meta").unlink()
    with pytest.raises(DataError, match=r"'batches\.meta' is missing"):
        load_samples(tmp_path)


def test_wrong_number_of_names(tmp_path: Path) -> None:
    write_cifar_binary(tmp_path, {"data_batch_1.bin": batch(10, 0)}, names=CIFAR10_NAMES[:9])
    with pytest.raises(DataError, match="10 different class names belong here, 9"):
        load_samples(tmp_path)
