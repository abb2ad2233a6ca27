"""Description of an exported model: for nunbit, and for readers of other projects."""

from __future__ import annotations

from typing import Any

import numpy as np

from nunbit.bundle import Bundle
from nunbit.data.preprocess import Preprocess
from nunbit.runtime.exported import FORMAT, KIND

_PILLOW_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
"""Numbers of Pillow's filters, by which transformers names them."""


def export_contract(bundle: Bundle, *, versions: dict[str, str]) -> dict[str, Any]:
    """nunbit.json without the hashes of the files, which is also in the network's metadata."""
    return {
        "format": FORMAT,
        "kind": KIND,
        "architecture": bundle.architecture,
        "classes": list(bundle.classes),
        "preprocess": bundle.preprocess.to_dict(),
        "mirrored": bundle.mirrored,
        "temperature": bundle.temperature,
        "thresholds": dict(bundle.thresholds),
        **({} if (point := bundle.operating_point) is None else {"operating_point": vars(point)}),
        "data_hash": bundle.data_hash,
        "versions": versions,
    }


def hub_config(bundle: Bundle) -> dict[str, Any]:
    """config.json: class names as Hugging Face's readers find them."""
    names = {str(number): name for number, name in enumerate(bundle.classes)}
    return {
        "architecture": bundle.architecture,
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: int(number) for number, name in names.items()},
        "problem_type": "single_label_classification",
    }


def preprocessor_config(contract: Preprocess) -> dict[str, Any]:
    """preprocessor_config.json: the nearest that transformers' image processors can express.

    Statistics and sizes are exact; the order of scaling and cropping, and rounding, are theirs.
    nunbit.json has the whole contract.
    """
    kept = contract.crop_share if contract.fit == "crop" else 1.0
    size = {"height": contract.height, "width": contract.width}
    resized = {side: int(np.rint(length / kept)) for side, length in size.items()}
    if contract.fit == "crop":
        resized = {"shortest_edge": min(resized.values())}
    grey = contract.channels == 1
    return {
        "do_resize": True,
        "size": resized,
        "resample": _PILLOW_FILTERS[contract.interpolation],
        "do_center_crop": contract.fit == "crop",
        "crop_size": size,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(contract.mean) * (3 if grey else 1),
        "image_std": list(contract.std) * (3 if grey else 1),
    }
