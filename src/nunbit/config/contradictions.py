"""Settings that cannot go together, noticed before the images are read.

With pretrained weights their own preprocessing is the contract: what the weights know about it
cannot be set otherwise, so that they are never fed with images normalised in another way.
"""

from __future__ import annotations

from nunbit.config import Config
from nunbit.config.sections import PixelsConfig, TrainingConfig
from nunbit.data.augment import load_augmentation
from nunbit.data.scaling import fixed_scaling
from nunbit.errors import ConfigError, UsageError
from nunbit.formatting import listed
from nunbit.models.catalog import image_model, model_info
from nunbit.models.pretrained import Weights, find_weights, weights_for

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation, one number for each channel."""


def check_settings(config: Config) -> None:
    """Notice a typing error or a contradiction before the images are read rather than after.

    Raises:
        UsageError: for an unknown model, augmentation preset or operation, or weights that are
            unknown or cannot go with the other settings.
        WeightsError: when pretrained weights are not here and cannot be downloaded.
    """
    check_transfer(config)
    check_class_balance(config)
    if config.model.name != "auto":
        image_model(config.model.name)
    if config.augment.preset != "auto":
        load_augmentation(config.augment.preset)
    if (weights := pretrained_weights(config)) is not None:
        weights.locate()


def check_transfer(config: Config) -> None:
    """Raise ConfigError where settings of the transfer cannot go together, naming both."""
    mode, preset = config.transfer.mode, config.augment.preset
    if config.model.pretrained == "none" and mode not in ("auto", "none"):
        raise ConfigError(
            f"transfer.mode = '{mode}' needs pretrained weights, and there are none",
            remedy="name them, as in --pretrained efficientnet-lite0, or leave --transfer out",
        )
    if mode == "head" and preset not in ("auto", "none"):
        raise ConfigError(
            f"augment.preset = '{preset}' changes images in every epoch, but with transfer.mode = "
            "'head' each image passes through the network once",
            remedy="leave one of the two out; --set transfer.views=mirror adds mirror images",
        )


def check_class_balance(config: Config) -> None:
    """Raise ConfigError where levers for rare classes cannot go together, naming both."""
    training = config.training
    levers = {
        "training.class_weights=balanced": training.class_weights == "balanced",
        "training.sampling=balanced": training.sampling == "balanced",
        "training.logit_adjustment": training.logit_adjustment > 0,
    }
    chosen = [name for name, is_set in levers.items() if is_set]
    if len(chosen) > 1:
        raise ConfigError(
            f"{listed(chosen)} each make the classes count the same: together they would turn the "
            "imbalance round",
            remedy="set one of them",
        )
    if training.logit_adjustment and training.loss != "cross-entropy":
        raise ConfigError(
            f"training.logit_adjustment needs the cross entropy, not training.loss={training.loss}",
            remedy="leave one of the two out",
        )
    if not training.prior_correction:
        return
    if not chosen and training.class_weights == "none":
        raise ConfigError(
            "training.prior_correction has nothing to correct: classes are not weighted",
            remedy="leave it out, or set training.class_weights=balanced",
        )
    if not is_correctable(training):
        raise ConfigError(
            f"training.prior_correction is not known for training.loss={training.loss}, whose "
            "minimum is not at the probabilities of the classes",
            remedy="leave one of the two out; the temperature calibrates in any case",
        )


def is_correctable(training: TrainingConfig) -> bool:
    """Tell whether the loss is least at probabilities of the classes, which can be corrected."""
    return training.loss in ("cross-entropy", "mean-squared-error")


def pretrained_weights(config: Config) -> Weights | None:
    """The pretrained weights of a configuration, checked against its other settings; not yet read.

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
            "model.initialisation would overwrite the pretrained weights",
            remedy="leave out one of the two",
        )
    _check_statistics(weights, config.pixels)
    return weights


def _check_statistics(weights: Weights, pixels: PixelsConfig) -> None:
    """Raise ConfigError where images would be normalised in another way than for the weights."""
    published = weights.input
    if published is None:
        if pixels.mean == "auto" and pixels.scaling == "auto":
            raise ConfigError(
                f"{weights.name} does not say how images were normalised for its weights, and "
                "with another normalisation they are worth little",
                remedy="say it: --set pixels.scaling=imagenet (or zero-one, minus-one-one), or per "
                "channel of pixels scaled to 0..1, as in "
                "--set pixels.mean=[0.485,0.456,0.406] --set pixels.std=[0.229,0.224,0.225]",
            )
        return
    if pixels.scaling == "auto" and pixels.mean == "auto":
        return
    if set_statistics(pixels, len(published.mean)) != (published.mean, published.std):
        stated = f"{pixels.mean} and {pixels.std}"
        if pixels.mean == "auto":
            stated = f"pixels.scaling={pixels.scaling}"
        raise ConfigError(
            f"the weights {weights.name} were trained with mean {published.mean} and standard "
            f"deviation {published.std}, not with {stated}",
            remedy="leave out pixels.scaling, pixels.mean and pixels.std: they come with the "
            "weights",
        )


def set_statistics(pixels: PixelsConfig, channels: int) -> Statistics | None:
    """Mean and standard deviation that the settings say; None leaves them to the training part."""
    if pixels.mean != "auto" and pixels.std != "auto":
        return pixels.mean, pixels.std
    if pixels.scaling == "auto" or pixels.scaling == "z-score":  # noqa: PLR1714 - narrows the type
        return None
    return fixed_scaling(pixels.scaling, channels=channels)
