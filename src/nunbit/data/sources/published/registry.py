"""The published layouts, asked in this order; one line adds one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from nunbit.data.sources import class_folders
from nunbit.data.sources.published import digits, image_sets, matrices
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions


class PublishedLayout(NamedTuple):
    """A data set as its makers hand it out."""

    name: str
    recognises: Callable[[Path], bool]
    load: Callable[[Path, SourceOptions], RawSamples]


LAYOUTS: tuple[PublishedLayout, ...] = (
    PublishedLayout("Tiny-ImageNet", image_sets.is_tiny_imagenet, image_sets.load_tiny_imagenet),
    PublishedLayout("Food-101", image_sets.is_food101, image_sets.load_food101),
    PublishedLayout("CUB-200-2011", image_sets.is_cub, image_sets.load_cub),
    PublishedLayout("Stanford Dogs", image_sets.is_dogs, image_sets.load_dogs),
    PublishedLayout("Oxford Pets", image_sets.is_pets, image_sets.load_pets),
    PublishedLayout("EMNIST", digits.is_emnist, digits.load_emnist),
    PublishedLayout("QMNIST", digits.is_qmnist, digits.load_qmnist),
    PublishedLayout("KMNIST", matrices.is_kmnist, matrices.load_kmnist),
    PublishedLayout("SVHN", matrices.is_svhn, matrices.load_svhn),
    PublishedLayout("STL-10", matrices.is_stl10, matrices.load_stl10),
    PublishedLayout("CIFAR-10.1", matrices.is_cifar101, matrices.load_cifar101),
)


def recognises(path: Path) -> bool:
    """Tell whether a path is one of the published layouts."""
    return _layout(path) is not None


def load(path: Path, options: SourceOptions) -> RawSamples:
    """Rows of the layout; of folders whose parts the user says, as class folders.

    Raises DataError for files that are not what the layout says.
    """
    layout = _layout(path)
    if layout is None or options.parts is not None:
        return class_folders.load(path, options)
    return layout.load(path, options)


def _layout(path: Path) -> PublishedLayout | None:
    try:
        return next((layout for layout in LAYOUTS if layout.recognises(path)), None)
    except OSError:
        return None
