"""Examples of what an augmentation makes of images.

N images, T results of each, H height, W width, C channels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nunbit.data.augment import load_augmentation
from nunbit.errors import UsageError


def augmented(
    images: NDArray[np.uint8], augmentation: str | Path, *, times: int, seed: int
) -> NDArray[np.uint8]:
    """Augment images as a training would see them, with each operation's own probability.

    Args:
        images: uint8 [N, H, W] or [N, H, W, C].
        augmentation: a preset's name, or a TOML file of operations.
        times: results T of each image.
        seed: of all random numbers.

    Returns:
        uint8 [N, T, H, W] or [N, T, H, W, C].

    Raises:
        UsageError: for anything that is not an array of images.
        ConfigError: for an unknown augmentation, or one that is not possible.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or len(images) == 0:
        raise UsageError(
            "images are uint8 of shape [N, H, W] or [N, H, W, C], "
            f"not {images.dtype} of shape {list(images.shape)}"
        )
    change = load_augmentation(str(augmentation))
    generator = torch.Generator().manual_seed(seed)
    channels_last = images if images.ndim == 4 else images[..., None]
    originals = torch.from_numpy(np.ascontiguousarray(channels_last)).permute(0, 3, 1, 2)
    # Mixing asks for classes; every image is one of its own here.
    labels = torch.arange(len(images))
    results = []
    for _ in range(times):
        changed, _ = change.mix(
            change(originals, generator), labels, classes=len(images), generator=generator
        )
        results.append(changed.permute(0, 2, 3, 1).numpy())
    return np.stack(results, axis=1).reshape(len(images), times, *images.shape[1:])
