"""The named weights of torchvision and timm, each with its own preprocessing.

Both libraries are imported when first asked for.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nunbit.errors import WeightsError
from nunbit.models.info import BUILD_ERRORS
from nunbit.models.pretrained.imagenet import imagenet_classes
from nunbit.models.pretrained.reading import first_line, read_tensors
from nunbit.models.pretrained.store import AddressedFile, HubFile
from nunbit.models.pretrained.weights import Fit, Interpolation, Tensors, Weights, WeightsInput
from nunbit.models.zoo import TIMM_RENAMED, torchvision_names

_OWN_NORMALISATION = ("googlenet", "inception_v3")
"""torchvision's networks that change their input from ImageNet's mean and standard deviation to
0.5 and 0.5 themselves when built for these weights (`transform_input`). The contract says 0.5 and
0.5 instead, so that the network is the same with and without weights."""
_FITS: Mapping[str, Fit] = {"center": "crop", "border": "pad", "squash": "squash"}
_FILTERS: Mapping[str, Interpolation] = {
    name: name for name in ("nearest", "bilinear", "bicubic", "lanczos")
}
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)$")


def torchvision_weights(name: str) -> Weights | None:
    """Weights called `resnet18`, `resnet18.IMAGENET1K_V1` or `ResNet18_Weights.IMAGENET1K_V1`.

    A model's name alone means torchvision's default for it. None if there are none.
    """
    import torchvision

    first, _, tag = name.partition(".")
    for model in torchvision_names():
        known = torchvision.models.get_model_weights(model)
        if first in (model, known.__name__):
            chosen = tag or ("DEFAULT" if first == model else "")
            return _torchvision(model, known[chosen]) if chosen in known.__members__ else None
    return None


def _torchvision(model: str, published: Any) -> Weights:
    transforms = published.transforms()
    side, scaled = transforms.crop_size[0], transforms.resize_size[0]
    own = model in _OWN_NORMALISATION
    file = AddressedFile(url=published.url)
    categories = tuple(published.meta.get("categories") or ())
    return Weights(
        name=f"torchvision/{model}.{published.name}",
        architecture=f"torchvision/{model}",
        input=WeightsInput(
            height=side,
            width=side,
            crop_share=min(1.0, side / scaled),
            interpolation=_FILTERS[transforms.interpolation.value],
            mean=(0.5,) * 3 if own else tuple(transforms.mean),
            std=(0.5,) * 3 if own else tuple(transforms.std),
        ),
        classes=imagenet_classes() if len(categories) == 1000 else categories,
        licence=published.meta.get("license", ""),
        here=file.here,
        locate=file.locate,
        read=_read_torchvision,
    )


def _read_torchvision(path: Path) -> Tensors:
    """The file's tensors; old files of DenseNet name some layers by another rule."""
    tensors = read_tensors(path)
    for key in [key for key in tensors.state if _OLD_DENSENET.match(key)]:
        assert isinstance(tensors.state, dict), "torch.load gives one"
        tensors.state[_OLD_DENSENET.sub(r"\1\2", key)] = tensors.state.pop(key)
    return tensors


def timm_weights(name: str) -> Weights | None:
    """Weights called `convnext_atto` (timm's default for it) or `convnext_atto.d2_in1k`.

    None if there are none.
    """
    import timm

    name = TIMM_RENAMED.get(name, name)
    try:
        published = timm.get_pretrained_cfg(name)
    except RuntimeError:  # an unknown name or an unknown tag
        return None
    if published is None or not (published.hf_hub_id or published.url):
        return None
    tag = f".{published.tag}" if published.tag else ""
    full = f"{name.partition('.')[0]}{tag}"
    file = _timm_file(full, published)
    thousand = published.num_classes == 1000 and "in1k" in (published.tag or "in1k")
    return Weights(
        name=f"timm/{full}",
        architecture=f"timm/{full}",
        input=timm_input(asdict(published)),
        classes=imagenet_classes() if thousand else (),
        licence=published.license or "",
        here=file.here,
        locate=file.locate,
        read=partial(_read_timm, full),
    )


def timm_input(published: Mapping[str, Any]) -> WeightsInput:
    """The preprocessing that timm's `pretrained_cfg` describes.

    Raises KeyError, TypeError or ValueError if it describes none.
    """
    channels, height, width = published["input_size"]
    fit = _FITS[published.get("crop_mode") or "center"]
    return WeightsInput(
        channels=channels,
        height=height,
        width=width,
        fit=fit,
        # Of pad always 1; a few weights say more than 1, which would add borders.
        crop_share=1.0 if fit == "pad" else min(1.0, float(published.get("crop_pct") or 1.0)),
        interpolation=_FILTERS[published.get("interpolation") or "bicubic"],
        mean=tuple(map(float, published["mean"])),
        std=tuple(map(float, published["std"])),
    )


def _timm_file(full: str, published: Any) -> AddressedFile | HubFile:
    if not published.hf_hub_id:
        return AddressedFile(url=published.url)
    file = published.hf_hub_filename or "model.safetensors"
    return HubFile(repository=published.hf_hub_id, file=file, name=f"{full}.safetensors")


def _read_timm(full: str, path: Path) -> Tensors:
    """The tensors as timm itself loads them into the published form: it renames those of old files.

    Raises WeightsError if they do not fit.
    """
    import timm

    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore", UserWarning)
            network = timm.create_model(
                full, pretrained=True, pretrained_cfg_overlay={"file": str(path)}
            )
    except (*BUILD_ERRORS, OSError, KeyError) as error:
        raise WeightsError(
            f"the file does not hold the weights timm/{full}: {first_line(error)}",
            path=path,
            remedy="remove it, and it is fetched again; or put the right file there",
        ) from None
    state: dict[str, Tensor] = network.state_dict()
    return Tensors(state=state)
