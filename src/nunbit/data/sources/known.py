"""Data sets known by name: where their files may lie, and how they are got.

Looked up in $NUNBIT_DATA, in the user's cache and where Debian installs them; only then
downloaded through torchvision, which compares checksums.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from nunbit.data.sources.array_files import cifar, idx
from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import DataError

DIGITS = "digits"
SYSTEM_FOLDER = Path("/usr/share/datasets")
DOWNLOAD_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class KnownSet:
    """A data set whose files lie in a folder or can be downloaded."""

    torchvision_class: str
    inner_folders: tuple[str, ...]
    """Folders below torchvision's root that hold the files."""
    recognises: Callable[[Path], bool]
    load: Callable[[Path, SourceOptions], RawSamples]
    files: str
    """The files wanted, for messages."""
    classes: tuple[str, ...] | None = None
    """Published class names where the files hold numbers only."""


_IDX_FILES = (
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, each with or without .gz"
)
FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

FASHION_MNIST_IMAGES = 70_000
FASHION_MNIST_LABELS_SHA256 = "a80f9c8fb930e4cf3d3cfd01554b13e7870b989a88ec29c2015ca1654d05d2fd"
"""Digest of the 10,000 test labels followed by the 60,000 training labels, one byte each."""

FILE_SETS: dict[str, KnownSet] = {
    "fashion-mnist": KnownSet(
        torchvision_class="FashionMNIST",
        inner_folders=("FashionMNIST/raw",),
        recognises=idx.recognises,
        load=idx.load,
        files=_IDX_FILES,
        classes=FASHION_MNIST_CLASSES,
    ),
    "mnist": KnownSet(
        torchvision_class="MNIST",
        inner_folders=("MNIST/raw",),
        recognises=idx.recognises,
        load=idx.load,
        files=_IDX_FILES,
    ),
    "cifar10": KnownSet(
        torchvision_class="CIFAR10",
        inner_folders=("cifar-10-batches-py",),
        recognises=cifar.recognises,
        load=cifar.load,
        files="data_batch_1 to data_batch_5, test_batch and batches.meta, or the .bin files",
    ),
    "cifar100": KnownSet(
        torchvision_class="CIFAR100",
        inner_folders=("cifar-100-python",),
        recognises=cifar.recognises,
        load=cifar.load,
        files="train, test and meta, or train.bin, test.bin and fine_label_names.txt",
    ),
}
KNOWN: tuple[str, ...] = (DIGITS, *FILE_SETS)


def known_name(text: str) -> str | None:
    """The known name that a text means ('Fashion_MNIST', 'cifar-10'), None for others."""
    squeezed = text.lower().replace("-", "").replace("_", "")
    return next((name for name in KNOWN if name.replace("-", "") == squeezed), None)


def load(name: str) -> RawSamples:
    """The rows of a known data set.

    Raises DataError where it is found nowhere and cannot be downloaded, listing every place
    looked at and the files that may be put there.
    """
    if name == DIGITS:
        return _load_digits()
    known = FILE_SETS[name]
    folder = files_of(name)
    if folder is None:
        folder = _download(name, known)
    found = known.load(folder, SourceOptions())
    found = replace(found, notes=(f"read from '{folder}'", *found.notes))
    return found if known.classes is None else _with_names(found, known.classes, folder)


def files_of(name: str) -> Path | None:
    """The folder on this machine with the files of a data set of `FILE_SETS`, if there is one."""
    known = FILE_SETS[name]
    return next((place for place in _places(name, known) if known.recognises(place)), None)


def _with_names(found: RawSamples, classes: tuple[str, ...], folder: Path) -> RawSamples:
    if len(found.names) > len(classes):
        raise DataError(
            f"labels up to {len(found.names) - 1}, where the published set has {len(classes)} "
            "classes",
            path=folder,
            remedy="the files are of another data set: give their folder instead of the name",
        )
    return replace(found, names=classes[: len(found.names)])


def with_published_names(found: RawSamples) -> RawSamples:
    """The same rows, with Fashion-MNIST's class names where its labels are recognised."""
    # A bare folder of its files says nothing but numbers, and '9' helps nobody who reads a report.
    if len(found.labels) != FASHION_MNIST_IMAGES or found.names != tuple(map(str, range(10))):
        return found
    labels = found.labels.astype(np.uint8).tobytes()
    if hashlib.sha256(labels).hexdigest() != FASHION_MNIST_LABELS_SHA256:
        return found
    note = "recognised as Fashion-MNIST by its labels: the classes have their published names"
    return replace(found, names=FASHION_MNIST_CLASSES, notes=(*found.notes, note))


def _load_digits() -> RawSamples:
    """scikit-learn's 1,797 digits of 8 x 8; their values 0..16 become 0..255."""
    values, labels = _digits()
    images = np.round(values.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    part = ArrayPart(images=images, labels=labels.astype(np.int64))
    return found_in_arrays({"": part}, names=[str(n) for n in range(10)], in_order=True)


def _digits() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values [1797, 64] and labels [1797]."""
    # Its file alone, where it lies as usual: the import of scikit-learn takes a second.
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1], table[:, -1]
    from sklearn.datasets import load_digits

    content = load_digits()
    return content.data, content.target


def user_folder() -> Path:
    """Folder where downloads are kept."""
    return Path(platformdirs.user_cache_dir("nunbit")) / "datasets"


def _places(name: str, known: KnownSet) -> list[Path]:
    """Folders in which the files may lie, best first."""
    chosen = os.environ.get("NUNBIT_DATA")
    bases = [Path(chosen).expanduser()] if chosen else []
    bases += [user_folder(), SYSTEM_FOLDER]
    places = [base / name for base in bases]
    for base in bases:
        places += [base / inner for inner in known.inner_folders]
        places += [base / name / inner for inner in known.inner_folders]
    return places


def _download(name: str, known: KnownSet) -> Path:
    """Download into the user's cache; the folder with the files."""
    cache = user_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Under a temporary name first, so that a download cut off is not taken for the set.
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache) as temporary:
            fetch(known.torchvision_class, Path(temporary))
            arrived = next(
                place
                for inner in known.inner_folders
                if known.recognises(place := Path(temporary) / inner)
            )
            _keep(arrived, cache / name, known)
    except (OSError, RuntimeError, StopIteration) as error:
        raise _not_found(name, known, error) from error
    return cache / name


def _keep(arrived: Path, kept: Path, known: KnownSet) -> None:
    try:
        arrived.rename(kept)
    except OSError:
        # Another run may have been quicker; its files do as well.
        if not known.recognises(kept):
            raise


def fetch(torchvision_class: str, folder: Path) -> None:
    """Download a data set with torchvision, which compares the published checksums."""
    import torchvision

    with _network_timeout():
        getattr(torchvision.datasets, torchvision_class)(folder, download=True)


@contextmanager
def _network_timeout() -> Iterator[None]:
    # torchvision gives none, and a silent network would hold the program forever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _not_found(name: str, known: KnownSet, error: BaseException) -> DataError:
    looked = "\n    ".join(str(place) for place in _places(name, known))
    hint = "" if os.environ.get("NUNBIT_DATA") else " (or set NUNBIT_DATA to a folder of them)"
    # urllib writes its errors between < and >, which Markdown would take for a tag.
    cause = getattr(error, "reason", error)
    return DataError(
        f"'{name}' is not on this computer and could not be downloaded: {cause}\n"
        f"  looked in:\n    {looked}",
        remedy=f"put its files into one of these folders{hint}: {known.files}",
    )
