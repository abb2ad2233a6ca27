"""Builders of tiny data sets on disk, in the layouts that nunbit reads.

They write the bytes of each format by its description, without nunbit's own code.
"""

from __future__ import annotations

import gzip
import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CIFAR10_NAMES = (
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


def write_files(root: Path, *paths: str, content: bytes = b"x") -> Path:
    """Files with some content; a path that ends with '/' is an empty folder."""
    for path in paths:
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return root


def write_images(
    root: Path,
    classes: Mapping[str, int] | Sequence[str],
    *,
    per_class: int = 4,
    size: tuple[int, int] = (8, 8),
    seed: int = 0,
) -> Path:
    """Class folders of real PNG files; later classes are brighter, so they can be learnt."""
    random = np.random.default_rng(seed)
    counts = dict(classes) if isinstance(classes, Mapping) else dict.fromkeys(classes, per_class)
    for number, (name, images) in enumerate(counts.items()):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        base = round(200 * number / max(1, len(counts) - 1))
        for image in range(images):
            pixels = base + random.integers(0, 50, (*size, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{image:03d}.png")
    return root


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An IDX file of uint8 values."""
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_idx(
    folder: Path,
    parts: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    *,
    gzipped: bool = False,
    dot: bool = False,
) -> Path:
    """MNIST's layout; `parts` maps 'train' or 't10k' to images [N, H, W] and labels [N]."""
    folder.mkdir(parents=True, exist_ok=True)
    between = "." if dot else "-"
    for stem, (images, labels) in parts.items():
        for kind, array in (("images", images), ("labels", labels)):
            name = f"{stem}-{kind}{between}idx{array.ndim}-ubyte"
            data = idx_bytes(array)
            if gzipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / name).write_bytes(data)
    return folder


def random_images(
    number: int, *, shape: tuple[int, ...] = (6, 5), classes: int = 3, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """uint8 images [N, *shape] and labels [N] in which every class occurs."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (number, *shape), dtype=np.uint8)
    return images, (np.arange(number) % classes).astype(np.uint8)


def write_cifar10_python(folder: Path, batches: Mapping[str, tuple[Any, Any]]) -> Path:
    """CIFAR-10's python layout; batches map a file name to images [N, 32, 32, 3] and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    _dump(folder / "batches.meta", {b"label_names": list(CIFAR10_NAMES)})
    for name, (images, labels) in batches.items():
        content = {b"data": planes(images), b"labels": [int(label) for label in labels]}
        _dump(folder / name, content)
    return folder


def write_cifar100_python(folder: Path, batches: Mapping[str, tuple[Any, Any]]) -> Path:
    """CIFAR-100's python layout, whose fine classes are called 'class00' to 'class99'."""
    folder.mkdir(parents=True, exist_ok=True)
    _dump(folder / "meta", {"fine_label_names": [f"class{n:02d}" for n in range(100)]})
    for name, (images, labels) in batches.items():
        fine = [int(label) for label in labels]
        coarse = [label // 5 for label in fine]
        _dump(
            folder / name,
            {"data": planes(images), "fine_labels": fine, "coarse_labels": coarse},
        )
    return folder


def write_cifar_binary(
    folder: Path, batches: Mapping[str, tuple[Any, Any]], *, names: Sequence[str]
) -> Path:
    """The binary layout of CIFAR-10, or of CIFAR-100 where `names` are a hundred."""
    folder.mkdir(parents=True, exist_ok=True)
    hundred = len(names) == 100
    names_file = "fine_label_names.txt" if hundred else "batches.meta.txt"
    (folder / names_file).write_text("\n".join(names) + "\n\n")
    for name, (images, labels) in batches.items():
        records = [
            (bytes([0, int(label)]) if hundred else bytes([int(label)])) + row.tobytes()
            for label, row in zip(labels, planes(images), strict=True)
        ]
        (folder / name).write_bytes(b"".join(records))
    return folder


def planes(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, 32, 32, 3] to rows of red, green and blue planes [N, 3072]."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


def _dump(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))
