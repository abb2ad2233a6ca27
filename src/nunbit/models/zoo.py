"""The models of torchvision and timm under nunbit's interface, with fresh weights.

Both libraries are imported when first asked for: nunbit's own models do without them.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape

TIMM_RENAMED = {"xception": "legacy_xception"}
"""Names in wide use that timm itself only takes with a warning."""
TORCHVISION_WITH_DROPOUT = (
    *("alexnet", "efficientnet", "googlenet", "inception", "mnasnet", "mobilenet"),
    *("squeezenet", "swin", "vgg", "vit"),
)


@cache
def torchvision_names() -> tuple[str, ...]:
    """Names of torchvision's classifiers, sorted."""
    import torchvision

    return tuple(torchvision.models.list_models(module=torchvision.models))


@cache
def timm_names() -> tuple[str, ...]:
    """Names of timm's architectures, sorted; a name may be followed by the tag of its weights."""
    import timm

    return tuple(timm.list_models())


@cache
def torchvision_info(name: str) -> ModelInfo | None:
    """Facts about torchvision's classifier `name`; None if there is none."""
    if name not in torchvision_names():
        return None
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    side = weights.transforms.keywords["crop_size"]
    return ModelInfo(
        name=f"torchvision/{name}",
        origin="torchvision",
        build=partial(_build_torchvision, name),
        input=Shape(3, side, side),
        channels=(3,),
        dropouts=1 if name.startswith(TORCHVISION_WITH_DROPOUT) else 0,
        sizes_in_steps=name.startswith(("vit_", "maxvit_")),
        parameters=weights.meta["num_params"],
        classes=1000,
        source=f"torchvision.models.{name}",
    )


@cache
def timm_info(name: str) -> ModelInfo | None:
    """Facts about timm's model `name`, with or without a weight's tag; None if unknown."""
    import timm

    name = TIMM_RENAMED.get(name, name)
    try:
        published = timm.get_pretrained_cfg(name)
    except RuntimeError:  # an unknown name or an unknown tag
        return None
    if published is None:
        if not timm.is_model(name):
            return None
        published = timm.models.PretrainedCfg()
    return ModelInfo(
        name=f"timm/{name}",
        origin="timm",
        build=partial(_build_timm, name),
        input=Shape(*published.input_size),
        dropouts=1,
        sizes_in_steps=published.fixed_input_size,
        classes=published.num_classes,
        source=published.origin_url or f"timm.models.{name.partition('.')[0]}",
    )


def timm_arguments(info: ModelInfo, shape: Shape) -> dict[str, Any]:
    """Arguments for timm, beside name and classes, to build a network for `shape`."""
    arguments: dict[str, Any] = {"in_chans": shape.channels}
    if info.sizes_in_steps and shape[1:] != info.input[1:]:
        arguments["img_size"] = [shape.height, shape.width]
    return arguments


def timm_layout(info: ModelInfo) -> dict[str, Any]:
    """Names of timm's first convolution and classifier, which it replaces by others."""
    import timm

    name = info.name.rpartition("/")[2]
    published = timm.get_pretrained_cfg(name) or timm.models.PretrainedCfg()
    names = ("first_conv", "classifier", "pool_size", "fixed_input_size")
    return {name: getattr(published, name) for name in names}


def _build_torchvision(name: str, shape: Shape, classes: int, dropout: Dropout) -> nn.Module:
    import torchvision

    arguments: dict[str, Any] = {}
    if name.startswith("vit_"):
        if shape.height != shape.width:
            raise ValueError(f"{name} takes square images only")
        arguments["image_size"] = shape.height
    elif name.startswith("maxvit_"):
        arguments["input_size"] = (shape.height, shape.width)
    elif name in ("googlenet", "inception_v3"):
        # Both are the present defaults; left out, torchvision warns that the first may change.
        arguments |= {"init_weights": True, "aux_logits": True}
    if dropout is not None:
        arguments["dropout"] = _only_probability(dropout)
    network: nn.Module = torchvision.models.get_model(
        name, weights=None, num_classes=classes, **arguments
    )
    return network


def _build_timm(name: str, shape: Shape, classes: int, dropout: Dropout) -> nn.Module:
    import timm

    info = timm_info(name)
    assert info is not None, "the name was found when the build was made"
    arguments = timm_arguments(info, shape)
    if dropout is not None:
        arguments["drop_rate"] = _only_probability(dropout)
    try:
        network: nn.Module = timm.create_model(
            name, pretrained=False, num_classes=classes, **arguments
        )
    except TypeError as error:
        # The entry points pass on what they are given: only the constructor knows what it takes.
        raise ValueError(f"{name}: {error}") from error
    return network


def _only_probability(dropout: float | tuple[float, ...]) -> float:
    return dropout[0] if isinstance(dropout, tuple) else dropout
