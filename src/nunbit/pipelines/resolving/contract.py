"""Network and input contract: from the data, the settings, and pretrained weights where given.

With pretrained weights their own preprocessing is the contract: what the weights know about it
cannot be set otherwise, so that they are never fed with images normalised in another way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nunbit.config import Config, PixelsConfig, decided
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.data.scaling import fixed_scaling, for_channels
from nunbit.errors import ConfigError, UsageError
from nunbit.models.catalog import model_info
from nunbit.models.choose import ModelChoice, choose_model, input_size_for
from nunbit.models.pretrained import Weights, WeightsInput, find_weights, weights_for


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the run decided before any pixel is decoded."""

    model: ModelChoice
    preprocess: Preprocess
    statistics_known: bool
    """Whether mean and standard deviation are final, or must come from the training part."""


def wanted_weights(config: Config) -> Weights | None:
    """The pretrained weights of a configuration, held against its other settings; not yet read.

    Raises:
        UsageError: when no weights have this name, or they are of another network.
        ConfigError: when a setting contradicts them, or their preprocessing is unknown.
        WeightsError: when a folder holds none.
    """
    name, model = config.model.pretrained, config.model.name
    if name == "none":
        return None
    weights = find_weights(name) if model == "auto" else weights_for(name, model_info(model))
    if weights.architecture is None and model == "auto":
        raise UsageError(
            f"the file {name} does not say of which network its weights are",
            remedy="name it: --model NAME",
        )
    if config.model.initialisation not in ("auto", "default"):
        raise ConfigError(
            "model.initialisation would draw over the pretrained weights",
            remedy="leave out one of the two",
        )
    _refuse_other_statistics(weights, config.pixels)
    return weights


def choose_contract(inspection: Inspection, config: Config, *, device_type: str) -> Chosen:
    """The network, and the input contract; its statistics may be left to the training part.

    Raises:
        what `wanted_weights` raises.
    """
    weights, wanted = wanted_weights(config), config.pixels
    published = None if weights is None else weights.input
    channels = _channels(wanted, inspection, published)
    if weights is None and config.model.name == "auto":
        choice = _by_data(inspection, wanted, channels=channels, device_type=device_type)
    else:
        choice, only = _by_name(inspection, config, weights)
        if only is not None and wanted.colour == "auto":
            channels = only
    mean, std = _statistics(wanted, published, channels)
    preprocess = Preprocess(
        height=choice.height,
        width=choice.width,
        channels=1 if channels == 1 else 3,
        **_resizing(wanted, published),
        mean=mean or (0.0,) * channels,
        std=std or (1.0,) * channels,
        background=wanted.background,
        max_pixels=wanted.max_pixels,
    )
    return Chosen(model=choice, preprocess=preprocess, statistics_known=mean is not None)


def _by_data(
    inspection: Inspection, wanted: PixelsConfig, *, channels: int, device_type: str
) -> ModelChoice:
    given = _given_size(wanted)
    height, width = given or (inspection.median_height, inspection.median_width)
    choice = choose_model(
        height=height,
        width=width,
        same_size=inspection.same_size or given is not None,
        channels=channels,
        n_train=len(inspection.usable),
        device_type=device_type,
    )
    return choice if given is None else _resized(choice, given)


def _by_name(
    inspection: Inspection, config: Config, weights: Weights | None
) -> tuple[ModelChoice, int | None]:
    """The network that the user or the weights name, and its number of channels if it has one."""
    name, reason = config.model.name, "the configuration names it"
    if weights is not None and name == "auto":
        assert weights.architecture is not None, "refused by wanted_weights"
        name, reason = weights.architecture, f"the weights {weights.name} are of this network"
    only, height, width = input_size_for(
        name, height=inspection.median_height, width=inspection.median_width
    )
    if weights is not None and weights.input is not None:
        height, width = weights.input.height, weights.input.width
    choice = ModelChoice(name=name, height=height, width=width, reason=reason)
    given = _given_size(config.pixels)
    return (choice if given is None else _resized(choice, given)), only


def _channels(wanted: PixelsConfig, inspection: Inspection, published: WeightsInput | None) -> int:
    if wanted.colour != "auto":
        return 1 if wanted.colour == "grey" else 3
    if published is not None:
        return published.channels
    return 1 if inspection.is_grey else 3


def _resizing(wanted: PixelsConfig, published: WeightsInput | None) -> dict[str, Any]:
    """Fit, crop share and filter: as set, else as the weights had them, else the usual ones."""
    fit = wanted.fit
    if fit == "auto":
        fit = "crop" if published is None else published.fit
    share = wanted.crop_share
    if share == "auto":
        share = 1.0 if published is None or fit != published.fit else published.crop_share
    interpolation = wanted.interpolation
    if interpolation == "auto":
        interpolation = "bilinear" if published is None else published.interpolation
    return {"fit": fit, "crop_share": share, "interpolation": interpolation}


def _statistics(
    wanted: PixelsConfig, published: WeightsInput | None, channels: int
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and standard deviation where weights or settings say them, else None."""
    if published is not None:
        return for_channels(published.mean, channels), for_channels(published.std, channels)
    if wanted.mean != "auto":
        return for_channels(wanted.mean, channels), for_channels(decided(wanted.std), channels)
    if wanted.scaling == "auto" or wanted.scaling == "z-score":  # noqa: PLR1714 - narrows the type
        return None, None
    return fixed_scaling(wanted.scaling, channels=channels)


def _refuse_other_statistics(weights: Weights, wanted: PixelsConfig) -> None:
    published = weights.input
    if published is None:
        if wanted.mean == "auto" and wanted.scaling == "auto":
            raise ConfigError(
                f"{weights.name} does not say how images were normalised for its weights, and "
                "with another normalisation they are worth little",
                remedy="say it: --set pixels.scaling=imagenet (or zero-one, minus-one-one), or per "
                "channel of pixels scaled to 0..1, as in "
                "--set pixels.mean=[0.485,0.456,0.406] --set pixels.std=[0.229,0.224,0.225]",
            )
        return
    given = _set_statistics(wanted, len(published.mean))
    if given is not None and given != (published.mean, published.std):
        raise ConfigError(
            f"the weights {weights.name} were trained with mean {published.mean} and standard "
            f"deviation {published.std}, not with {_in_words(wanted)}",
            remedy="leave out pixels.scaling, pixels.mean and pixels.std: they come with the "
            "weights",
        )


def _set_statistics(
    wanted: PixelsConfig, channels: int
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None] | None:
    """Mean and standard deviation that the settings say, Nones for the training part's own.

    None where they say nothing.
    """
    if wanted.scaling == "auto" and wanted.mean == "auto":
        return None
    if wanted.mean != "auto":
        return wanted.mean, decided(wanted.std)
    return _statistics(wanted, None, channels)


def _in_words(wanted: PixelsConfig) -> str:
    if wanted.mean == "auto":
        return f"pixels.scaling={wanted.scaling}"
    return f"{wanted.mean} and {wanted.std}"


def _given_size(wanted: PixelsConfig) -> tuple[int, int] | None:
    size = wanted.image_size
    if size == "auto":
        return None
    return (size, size) if isinstance(size, int) else size


def _resized(choice: ModelChoice, size: tuple[int, int]) -> ModelChoice:
    return ModelChoice(name=choice.name, height=size[0], width=size[1], reason=choice.reason)
