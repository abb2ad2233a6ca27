"""The features of the test images, taken in the same pass as the predictions.

B images in a batch, N test images, M of them with features, D features.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.evaluation.projection import Features
from nunbit.models.head import head_input
from nunbit.seeds import Purpose, rng_for

MAX_IMAGES = 5000
"""Limit of images whose features are kept: 41 MB of 2048 features. Of more test images so many are
drawn."""


@dataclass
class KeptFeatures:
    """Features of a pass; complete after the context of `keep_features`."""

    features: Features | None = None
    missing: str = ""
    """Reason why there are none."""
    _parts: list[Tensor] = field(default_factory=list)


@contextmanager
def keep_features(
    model: nn.Module, shape: tuple[int, int, int], *, n: int, seed: int, passes: int = 1
) -> Iterator[KeptFeatures]:
    """Inside, one pass over N test images in their order leaves what the last layer was given.

    `shape` is (C, H, W) of an image. Of several `passes` over each batch, the first counts. The
    network's weights, mode and answers stay as they are, and nothing stays on it, whatever happens
    inside. A network that does not end in a linear layer leaves no features, and says so.
    """
    kept = KeptFeatures()
    try:
        name, given = head_input(model, shape)
    except UsageError:
        kept.missing = "the network does not end in a linear layer whose input could be drawn"
        yield kept
        return
    if len(given) != 1 or given[0] < 2:
        kept.missing = "the network's last layer is not given several numbers for each image"
        yield kept
        return
    rows = _drawn(n, seed=seed)
    wanted = np.zeros(n, dtype=np.bool_)
    wanted[rows] = True
    seen = asked = 0

    def remember(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal seen, asked
        asked += 1
        if (asked - 1) % passes:
            return
        batch = inputs[0].detach()
        places = np.flatnonzero(wanted[seen : seen + len(batch)])
        seen += len(batch)
        # A copy, for the layer may work in place; on the device, so that nothing waits for it.
        kept._parts.append(batch[torch.from_numpy(places).to(batch.device)].float())

    handle = model.get_submodule(name).register_forward_pre_hook(remember)
    try:
        yield kept
    finally:
        handle.remove()
    if seen != n:  # not one pass over every image: which feature is whose is not known
        kept.missing = "the features of the test images were not kept in their order"
        return
    values = torch.cat(kept._parts).cpu().numpy()
    kept._parts.clear()
    kept.features = Features(values=values, rows=rows, layer=name or "the network itself")


def _drawn(n: int, *, seed: int) -> NDArray[np.int64]:
    """Rows [M] of N images, ascending."""
    if n <= MAX_IMAGES:
        return np.arange(n, dtype=np.int64)
    generator = rng_for(seed, Purpose.SAMPLE)
    return np.sort(generator.choice(n, size=MAX_IMAGES, replace=False)).astype(np.int64)
