"""The data of a lab: the real ones, a part of them for a quick run, or generated ones.

N images, H height, W width, C channels.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources import load_samples
from nunbit.data.sources.known import FILE_SETS, files_of
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError, UsageError
from nunbit.files import folder_written_atomically

Kind: TypeAlias = Literal["real", "part", "stand-in", "missing"]
SEED = 0
CIFAR_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


class DataMissing(DataError):
    """The rest of a lab needs data that cannot be had."""


@dataclass(frozen=True, kw_only=True)
class LabData:
    """Images for a lab: where they are, and whether they are the real ones.

    False where there are none.
    """

    name: str
    source: str
    """Path or name for `nunbit.load_data` and `nunbit.train`."""
    kind: Kind
    why: str
    """Explanation for the page."""

    def __bool__(self) -> bool:
        return self.kind != "missing"

    @property
    def real(self) -> bool:
        """True if results on them may be compared with published ones."""
        return self.kind == "real"


def lab_data(name: str, *, quick: bool, images: int, folder: Path) -> LabData:
    """The images of a known set.

    Args:
        name: mnist, fashion-mnist, cifar10.
        quick: a part of `images` training images, or generated ones where the real ones are
            not on this machine; otherwise all, which are downloaded where they are not.
        images: training images of the part or the generated set; a fifth as many for testing.
        folder: where a part or a generated set is written.

    Raises:
        UsageError: for another name.
    """
    if name not in FILE_SETS or name == "cifar100":
        raise UsageError(
            f"labs have no data set {name!r}", remedy="choose mnist, fashion-mnist or cifar10"
        )
    if not quick:
        return _whole(name)
    here = files_of(name) is not None
    kind: Kind = "part" if here else "stand-in"
    place = folder / f"{name}-{kind}-{images}"
    if not place.exists():
        with folder_written_atomically(place) as empty:
            if here:
                _write_part(name, images, empty / "part.npz")
            elif name == "cifar10":
                _write_cifar(empty, images)
            else:
                _write_digits(empty, images)
    if here:
        why = f"{images:,} training images of {name}, sampled with seed {SEED}"
        return LabData(name=name, source=str(place / "part.npz"), kind=kind, why=why)
    why = f"{name} is not on this machine: small generated files of the same format replace it"
    return LabData(name=name, source=str(place), kind=kind, why=why)


def _whole(name: str) -> LabData:
    try:
        if files_of(name) is None:
            load_samples(name)  # downloads
    except DataError as error:
        why = str(error.what).splitlines()[0].rstrip(":")
        return LabData(name=name, source="", kind="missing", why=why)
    return LabData(name=name, source=name, kind="real", why=f"the whole of {name}")


def _write_part(name: str, images: int, path: Path) -> None:
    """Some images of each part, in the file's own order of classes."""
    samples = load_samples(name)
    assert isinstance(samples.images, ImageArrays)
    given = np.array([one.partition("/")[0] for one in samples.paths])
    random = np.random.default_rng(SEED)
    arrays: dict[str, NDArray[np.generic]] = {"class_names": np.array(samples.classes)}
    for part, wanted in (("train", images), ("test", max(1, images // 5))):
        rows = np.flatnonzero(given == part)
        chosen = np.sort(random.choice(rows, size=min(wanted, len(rows)), replace=False))
        arrays[f"x_{part}"] = samples.images.array[chosen]
        arrays[f"y_{part}"] = samples.labels[chosen]
    # A class that a small draw has missed must not shift the numbers of those after it.
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _write_digits(folder: Path, images: int) -> None:
    """scikit-learn's digits, 8 x 8, enlarged to 28 x 28, as files of MNIST's format."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.images))
    grey = np.round(digits.images[order] * (255 / 16)).astype(np.uint8)
    enlarged = np.pad(grey.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    labels = digits.target[order].astype(np.uint8)
    test = min(max(1, images // 5), len(enlarged) // 5)
    parts = {"train": slice(test, test + images), "t10k": slice(0, test)}
    for stem, rows in parts.items():
        for kind, array in (("images", enlarged[rows]), ("labels", labels[rows])):
            path = folder / f"{stem}-{kind}-idx{array.ndim}-ubyte.gz"
            sizes = np.array(array.shape, dtype=">u4").tobytes()
            header = bytes([0, 0, 8, array.ndim]) + sizes
            path.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))


def _write_cifar(folder: Path, images: int) -> None:
    """Coloured shapes on noise, one colour and place for each class, in CIFAR-10's files."""
    random = np.random.default_rng(SEED)
    per_file = max(10, images // 5)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        labels = np.arange(per_file) % len(CIFAR_NAMES)
        pixels = random.integers(0, 120, (per_file, 3, 32, 32))
        for row, label in enumerate(labels):
            top, left = 2 + 6 * (label % 4), 3 + 9 * (label // 4)
            pixels[row, label % 3, top : top + 10, left : left + 10] += 110
        records = np.column_stack([labels, pixels.reshape(per_file, -1)]).astype(np.uint8)
        (folder / f"{name}.bin").write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR_NAMES) + "\n", encoding="utf-8")
