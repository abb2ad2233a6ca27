"""Features kept on disk between runs, beside the pixels.

An entry's key says all that decided its numbers: the content of the images in their order, the
input contract with mean and standard deviation, the layers and weights before the split point, that
point, the view, and the version of the code here. Features computed on another device or number of
threads differ in their last digits only, and count as the same.

n images, N samples.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL
import psutil
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.backbone.extract import View, stream
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import SplitPoint
from nunbit.data.array_cache import ArrayCache, Fill, Write, array_writer
from nunbit.data.batches import Batches
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.progress import SILENT, Progress

VERSION = 1
"""Raised whenever this package computes other features from the same images and weights."""


class FeatureStore:
    """Features by content. With `disk_bytes` 0 nothing is kept, and nothing is looked for.

    `disk_bytes` is the limit of all arrays in the cache folder, decoded pixels included;
    `ram_bytes` that of one answer in memory, beyond which it is a memory map of the disk; None is
    half of what is free. `folder` None is the usual cache folder.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        disk_bytes: int,
        ram_bytes: int | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self.folder = default_cache_folder() if folder is None else folder
        self._disk_bytes = disk_bytes
        self._ram_bytes = ram_bytes
        self._progress = progress
        self._cache = ArrayCache(self.folder, "features", disk_bytes=disk_bytes, progress=progress)

    def features(
        self,
        model: nn.Module,
        split_point: SplitPoint,
        batches: Batches,
        *,
        sha256: Sequence[str],
        view: View = "centre",
        pooled: bool = True,
    ) -> NDArray[np.float32]:
        """Features of `batches.rows` in that order, float32 [n, C]; [n, *shape] if not pooled.

        Found on disk, or computed in one pass and kept. `sha256` [N] is that of the `Inspection`;
        images without one ('') are computed each time. Model and batches are on one device. Raises
        ValueError if there is no image.
        """
        if len(batches.rows) == 0:
            raise ValueError("nothing to extract: the batches hold no image")
        piece = feature_extractor(model, split_point)
        size = (split_point.channels,) if pooled else split_point.shape
        shape = (len(batches.rows), *size)
        key = feature_key(piece, split_point, batches, sha256=sha256, view=view, pooled=pooled)

        def compute(write: Write) -> dict[str, int]:
            pool = split_point.pooled if pooled else None
            seen = self._progress.track(
                stream(piece, batches, pool=pool, view=view),
                total=len(batches),
                title=_title(view),
            )
            for values in seen:
                write(values)
            return {}

        kept = self._kept(key, shape, compute) if key and self._disk_bytes else None
        if kept is not None:
            return kept
        return _in_memory(shape, compute)

    def _kept(self, key: str, shape: tuple[int, ...], compute: Fill) -> NDArray[np.float32] | None:
        """The entry, made now if need be; None when there is none and the disk cannot hold it."""
        nbytes = 4 * int(np.prod(shape))
        into_ram = nbytes <= self._max_in_ram()
        try:
            # Looked for first: with a limit that follows what is free, the entry itself lowers it.
            found = self._cache.find(key, shape, np.float32, into_ram=into_ram)
            if found is None and nbytes <= self._disk_bytes:
                found = self._cache.build(key, shape, np.float32, compute, into_ram=into_ram)
        except OSError as error:
            self._progress.note(
                f"features are not kept on disk: {error.strerror or error} ({self.folder})"
            )
            return None
        return None if found is None else found.array

    def _max_in_ram(self) -> int:
        if self._ram_bytes is not None:
            return self._ram_bytes
        return psutil.virtual_memory().available // 2


def _in_memory(shape: tuple[int, ...], compute: Fill) -> NDArray[np.float32]:
    """Collect the features in one array from the start: joining parts would need it twice."""
    values = np.empty(shape, dtype=np.float32)
    compute(array_writer(values))
    return values


def feature_key(
    piece: nn.Module,
    split_point: SplitPoint,
    batches: Batches,
    *,
    sha256: Sequence[str],
    view: View,
    pooled: bool,
) -> str:
    """Digest of all that decides the features; '' where an image's content is not known."""
    content = [sha256[row] for row in batches.rows]
    if "" in content:
        return ""
    decided = {
        "version": VERSION,
        "contract": batches.preprocess.to_dict(),
        "canvas": batches.preprocess.canvas_key,
        "pillow": PIL.__version__,  # which decodes and resizes
        "layers": _layers(piece),
        "weights": weights_digest(piece),
        "cut": [split_point.name, split_point.node, list(split_point.shape)],
        "view": view,
        "pooled": pooled,
    }
    text = "\n".join([json.dumps(decided, sort_keys=True), *content])
    return hashlib.sha256(text.encode()).hexdigest()


def weights_digest(module: nn.Module) -> str:
    """Digest of the names, types and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        values = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _layers(module: nn.Module) -> str:
    """Settings of all layers and their order: padding, for example, shows in no weight."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(module))  # addresses differ from run to run


def _title(view: View) -> str:
    return "Computing features" if view == "centre" else f"Computing features ({view})"
