"""Choice of model and image size where the user leaves them open."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.models.catalog import image_model

MAX_OWN_SIZE = 64
"""Pixels of the longer side up to which images are used at their own size."""
MIN_SIDE = 16
"""Pixels of the shorter side below which images are enlarged: a network needs some room to pool."""
SMALL_NETWORKS_AT = 96
"""Size in pixels at which nunbit's own small networks see larger images."""
MIN_IMAGES_FOR_RESNET = 2000
"""Training images below which eleven million fresh weights are of no use."""


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model, the image size it is given, and why; `reason` is a sentence for the user."""

    name: str
    height: int
    width: int
    reason: str


def choose_model(
    *, height: int, width: int, same_size: bool, channels: int, n_train: int, device_type: str
) -> ModelChoice:
    """The default for images of this median size in pixels, without pretrained weights.

    `device_type` is torch's: "cpu", "cuda" and so on.
    """
    sizes = f"{'' if same_size else 'about '}{height} × {width} pixels"
    colour = "grey" if channels == 1 else "colour"
    if max(height, width) <= MAX_OWN_SIZE:
        chosen = _at_least(height, width, MIN_SIDE)
        why = f"{colour} images of {sizes} are small: a small network sees them at full size"
        if chosen != (height, width):
            why = f"{colour} images of {sizes} are tiny: a small network sees them enlarged"
        return ModelChoice(name="smallcnn", height=chosen[0], width=chosen[1], reason=why)
    if device_type != "cpu" and n_train >= MIN_IMAGES_FOR_RESNET:
        return ModelChoice(
            name="resnet18",
            height=224,
            width=224,
            reason=f"{n_train:,} training images of {sizes} on an accelerator feed a residual "
            "network at the size it was designed for",
        )
    why = (
        f"{colour} images of {sizes} on a CPU: a quick network at {SMALL_NETWORKS_AT} pixels "
        "trains in minutes"
        if device_type == "cpu"
        else f"{n_train:,} training images are few for a large network without pretrained weights"
    )
    return ModelChoice(
        name="patchcnn",
        height=SMALL_NETWORKS_AT,
        width=SMALL_NETWORKS_AT,
        reason=f"{why}; --model resnet18 and --image-size 224 see more detail",
    )


def input_size_for(name: str, *, height: int, width: int) -> tuple[int | None, int, int]:
    """Channels (None: those of the data), height and width for a model that the user named.

    `height` and `width` are the median of the data, in pixels. Models with a published size get
    it. nunbit's small networks and the zoos' convolutional networks take images up to 64 pixels at
    their own size, enlarged where the network needs more; above, nunbit's get 96 and the zoos'
    their own default. Networks cut into patches or windows always get their default, which alone
    is sure to fit. Raises UsageError for an unknown name, or a model that takes no images.
    """
    info = image_model(name)
    channels = info.channels[0] if len(info.channels) == 1 else None
    if info.origin == "nunbit" and not info.follows_data:
        return channels, info.default_height, info.default_width
    if max(height, width) <= MAX_OWN_SIZE and info.resizable and not info.sizes_in_steps:
        return channels, *_at_least(height, width, max(MIN_SIDE, info.minimum_size))
    if info.follows_data:
        return channels, SMALL_NETWORKS_AT, SMALL_NETWORKS_AT
    return channels, info.default_height, info.default_width


def _at_least(height: int, width: int, min_side: int) -> tuple[int, int]:
    """The size, enlarged in proportion until its shorter side has `min_side` pixels."""
    scale = max(1.0, min_side / min(height, width))
    return round(height * scale), round(width * scale)
