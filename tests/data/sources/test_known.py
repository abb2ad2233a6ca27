from __future__ import annotations

import socket
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from nunbit.data.sources import known, load_samples
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError
from tests.fixtures_data import (
    CIFAR10_NAMES,
    random_images,
    write_cifar10_python,
    write_cifar100_python,
    write_files,
    write_idx,
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set on this computer counts, and a download fails as without a network."""
    monkeypatch.setattr(known, "SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "fetch", offline)
    monkeypatch.delenv("NUNBIT_DATA", raising=False)


def offline(torchvision_class: str, folder: Path) -> None:
    raise OSError("no route to host")


def tiny(
    classes: int = 10, shape: tuple[int, ...] = (28, 28)
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return random_images(2 * classes, shape=shape, classes=classes)


def test_digits_are_those_of_scikit_learn() -> None:
    samples = load_samples("digits")
    assert isinstance(samples.images, ImageArrays)
    content = load_digits()
    assert np.array_equal(samples.labels, content.target)
    assert np.array_equal(samples.images.array[..., 0], np.round(content.images * 255 / 16))


def test_digits() -> None:
    samples = load_samples("digits")
    assert isinstance(samples.images, ImageArrays)
    assert samples.images.array.shape == (1797, 8, 8, 1)
    assert samples.name == "digits"
    assert samples.classes == tuple("0123456789")
    assert samples.paths[0] == "00000"
    # Published counts of each digit in this set (its description in scikit-learn's source data).
    assert np.bincount(samples.labels).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    # 0..16 become 0..255, halves to even.
    assert set(np.unique(samples.images.array).tolist()) <= {round(v * 255 / 16) for v in range(17)}


@pytest.mark.parametrize(
    "spelling", ["fashion-mnist", "Fashion-MNIST", "fashion_mnist", "FashionMNIST"]
)
def test_published_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path / "mine"))
    write_idx(tmp_path / "mine/fashion-mnist", {"train": tiny(), "t10k": tiny()})
    samples = load_samples(spelling)
    assert samples.name == "fashion-mnist"
    assert samples.location == spelling
    assert samples.classes == known.FASHION_MNIST_CLASSES
    assert samples.notes == (f"read from '{tmp_path / 'mine/fashion-mnist'}'",)


@pytest.mark.parametrize(
    "place",
    [
        "mine/mnist",
        "mine/MNIST/raw",
        "mine/mnist/MNIST/raw",
        "cache/nunbit/datasets/mnist",
        "system/mnist",
    ],
)
def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path / "mine"))
    write_idx(tmp_path / place, {"train": tiny(), "t10k": tiny()}, gzipped=True)
    assert load_samples("mnist").classes == tuple("0123456789")


def test_the_users_place_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path / "mine"))
    write_idx(tmp_path / "mine/mnist", {"train": tiny(3)})
    write_idx(tmp_path / "system/mnist", {"train": tiny(4)})
    assert len(load_samples("mnist")) == 6


def test_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path))
    write_cifar10_python(tmp_path / "cifar10", {"data_batch_1": tiny(10, (32, 32, 3))})
    write_cifar100_python(
        tmp_path / "cifar-100-python",
        {"train": tiny(100, (32, 32, 3)), "test": tiny(9, (32, 32, 3))},
    )
    assert load_samples("cifar-10").classes == CIFAR10_NAMES
    assert len(load_samples("cifar100").classes) == 100


def test_too_many_classes_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path))
    write_idx(tmp_path / "fashion-mnist", {"train": tiny(47)})
    with pytest.raises(DataError, match="labels up to 46, where the published set has 10"):
        load_samples("fashion-mnist")


def test_found_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError) as caught:
        load_samples("fashion-mnist")
    message = str(caught.value)
    assert "'fashion-mnist' is not on this computer and could not be downloaded" in message
    assert "no route to host" in message
    for place in ("mine", "cache/nunbit/datasets", "system"):
        assert str(tmp_path / place / "fashion-mnist") in message
    assert "train-images-idx3-ubyte" in caught.value.remedy
    cache = tmp_path / "cache/nunbit/datasets"
    assert list(cache.iterdir()) == []


def test_variable_is_told_where_it_is_not_set() -> None:
    with pytest.raises(DataError, match="NUNBIT_DATA"):
        load_samples("mnist")


def test_download_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(torchvision_class: str, folder: Path) -> None:
        asked.append(torchvision_class)
        write_idx(folder / "MNIST/raw", {"train": tiny(), "t10k": tiny()})

    monkeypatch.setattr(known, "fetch", fetch)
    assert len(load_samples("mnist")) == 40
    assert len(load_samples("mnist")) == 40
    assert asked == ["MNIST"]
    cache = tmp_path / "cache/nunbit/datasets"
    assert [entry.name for entry in cache.iterdir()] == ["mnist"]


def test_another_run_may_download_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache/nunbit/datasets"

    def fetch(torchvision_class: str, folder: Path) -> None:
        write_idx(folder / "MNIST/raw", {"train": tiny(3)})
        write_idx(cache / "mnist", {"train": tiny(4)})

    monkeypatch.setattr(known, "fetch", fetch)
    assert len(load_samples("mnist")) == 8
    assert [entry.name for entry in cache.iterdir()] == ["mnist"]


def test_strange_files_in_the_cache_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = write_files(tmp_path / "cache/nunbit/datasets/mnist", "mine.txt")
    monkeypatch.setattr(
        known, "fetch", lambda _class, folder: write_idx(folder / "MNIST/raw", {"train": tiny()})
    )
    with pytest.raises(DataError, match="could not be downloaded"):
        load_samples("mnist")
    assert (strange / "mine.txt").exists()


def test_download_that_brings_nothing_useful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "fetch", lambda _class, folder: write_files(folder, "x"))
    with pytest.raises(DataError, match="could not be downloaded"):
        load_samples("mnist")


def test_cause_of_a_network_error_comes_without_angle_brackets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fetch(torchvision_class: str, folder: Path) -> None:
        raise URLError(OSError("no such host"))

    monkeypatch.setattr(known, "fetch", fetch)
    with pytest.raises(DataError, match="could not be downloaded: no such host\n"):
        load_samples("mnist")


def test_torchvision_gets_a_time_limit_for_the_network() -> None:
    before = socket.getdefaulttimeout()
    with known._network_timeout():
        assert socket.getdefaulttimeout() == known.DOWNLOAD_TIMEOUT_SECONDS
    assert socket.getdefaulttimeout() == before


@pytest.mark.parametrize("name", sorted(known.FILE_SETS))
def test_torchvision_knows_the_class(name: str) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    assert hasattr(datasets, known.FILE_SETS[name].torchvision_class)


def test_a_path_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, "mnist/a/1.jpg", "mnist/b/1.jpg")
    monkeypatch.chdir(tmp_path)
    samples = load_samples("mnist")
    assert samples.classes == ("a", "b")
    assert samples.notes == ("'mnist' here is used, not the known data set of this name",)


@pytest.mark.parametrize("data", ["x" * 5000, "~nobody-of-this-name/x", "a\0b", ""])
def test_impossible_paths(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        load_samples(data)


def test_misspelt_name() -> None:
    with pytest.raises(DataError) as caught:
        load_samples("fashon-mnist")
    assert "did you mean 'fashion-mnist'?" in caught.value.remedy
    assert "digits, fashion-mnist, mnist, cifar10, cifar100" in caught.value.remedy


def test_real_files_by_name(fashion_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUNBIT_DATA", str(fashion_mnist.parent))
    samples = load_samples("fashion-mnist")
    assert len(samples) == 70_000
    assert samples.classes == known.FASHION_MNIST_CLASSES
