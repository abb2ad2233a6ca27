"""Resolution of `auto`: every decision that a run takes for the user, with its reason.

The facts come one after the other, so the decisions do too:

1. from the headers of the images: network, image size, channels, resizing, first weights
   (`resolve_model_and_input`, before any pixel is decoded);
2. from the adviser's measurement: what of pretrained weights learns (`resolve_transfer_mode`);
3. from the sizes of the parts and from network and device: augmentation, epochs, batch size,
   learning rate, precision and the rest (`resolve_training`).

What was set is never decided otherwise; what contradicts itself is noticed in contradictions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import nn

from nunbit.advisor.plans import Advice
from nunbit.config import Config
from nunbit.config.contradictions import pretrained_weights
from nunbit.config.input_contract import (
    decide_colour,
    decide_range,
    decide_resizing,
    decide_scaling,
)
from nunbit.config.resolved import (
    SET,
    Decision,
    ModelAndInput,
    ResolvedCheckpoint,
    ResolvedConfig,
    ResolvedModel,
    ResolvedTraining,
    ResolvedTransfer,
    narrowed,
    recorded_settings,
)
from nunbit.config.sections import (
    CheckpointConfig,
    InitialisationName,
    ModelConfig,
    PixelsConfig,
    TrainingConfig,
)
from nunbit.data.augment import PRESETS, choose_preset, load_augmentation
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.data.value_range import MeasuredRange
from nunbit.device import fast_precision
from nunbit.errors import DataError, UsageError
from nunbit.finetune.cached_activations import only_flips
from nunbit.finetune.heads import HeadSettings
from nunbit.models.catalog import image_model
from nunbit.models.choose import ModelChoice, choose_model, input_size_for
from nunbit.models.pretrained import Weights, WeightsInput
from nunbit.training.optim import USUAL_LEARNING_RATE

IMAGES_SEEN = 600_000
"""Number of images that a run without --epochs shows the network in all, within the limits
below."""
MIN_EPOCHS, MAX_EPOCHS = 10, 100
IMAGES_SEEN_TUNING = 20_000
"""The same for fine-tuning, which starts from a head that fits and has little way to go."""
MIN_EPOCHS_TUNING, MAX_EPOCHS_TUNING = 4, 20
FINE_TUNING = 0.25
"""Factor on the usual learning rate with pretrained weights, which large steps would undo."""
SMALL_BATCH, USUAL_BATCH = 32, 100
FEW_IMAGES = 2000
"""Training images below which batches are small."""

# ------------------------------------------------------------------------------------------------
# 1. From the headers of the images: network and input contract
# ------------------------------------------------------------------------------------------------


def resolve_model_and_input(
    config: Config,
    inspection: Inspection,
    *,
    device_type: str,
    measured: MeasuredRange | None = None,
) -> ModelAndInput:
    """Decide on the network and the input contract, whose statistics may be left to the images.

    `device_type` is torch's: "cpu", "cuda" and so on. `measured` is the range of the images of more
    than 8 bits, None where there are none. At least one image is usable.

    Raises:
        what `nunbit.config.contradictions.pretrained_weights` raises.
    """
    weights, pixels = pretrained_weights(config), config.pixels
    published = None if weights is None else weights.input
    choice, colour = _choose_network(config, inspection, weights, device_type=device_type)
    size = decide_image_size(pixels, choice, published)
    fit, crop_share, interpolation = decide_resizing(pixels, published)
    channels: Literal[1, 3] = 1 if colour.value == "grey" else 3
    scaling = decide_scaling(pixels, published, channels=channels)
    mean, std = scaling.value or ((0.0,) * channels, (1.0,) * channels)
    value_range = decide_range(pixels, measured)
    initialisation = decide_initialisation(config.model, choice.name)
    dropout = config.model.dropout
    name = Decision("model.name", choice.name, SET)
    if config.model.name == "auto":
        note = f"Model {choice.name} at {size.value[0]} × {size.value[1]}: {choice.reason}."
        name = Decision("model.name", choice.name, choice.reason, note=note)
    return ModelAndInput(
        model=ResolvedModel(
            name=choice.name,
            reason=choice.reason,
            dropout=None if dropout == "auto" else dropout,
            initialisation=initialisation.value,
            weights=weights,
            strict=config.model.pretrained_strict,
            test_time_mirror=config.model.test_time_mirror,
        ),
        preprocess=Preprocess(
            height=size.value[0],
            width=size.value[1],
            channels=channels,
            fit=fit.value,
            crop_share=crop_share.value,
            interpolation=interpolation.value,
            mean=mean,
            std=std,
            background=pixels.background,
            max_pixels=pixels.max_pixels,
            range=value_range.value,
            decoding=pixels.decoding,
            frame=pixels.frame,
            transparency=pixels.transparency,
        ),
        statistics_known=scaling.value is not None,
        decisions=(
            name,
            size,
            colour,
            fit,
            crop_share,
            interpolation,
            scaling,
            value_range,
            initialisation,
            Decision(
                "model.dropout",
                dropout,
                "the published probabilities stay" if dropout == "auto" else SET,
            ),
        ),
    )


def _choose_network(
    config: Config, inspection: Inspection, weights: Weights | None, *, device_type: str
) -> tuple[ModelChoice, Decision[str]]:
    """The network at its own image size, and the colour: what is named wins over what is seen."""
    name, reason = config.model.name, "the configuration names it"
    if name == "auto" and weights is not None:
        assert weights.architecture is not None, "refused by pretrained_weights"
        name, reason = weights.architecture, f"the weights {weights.name} are of this network"
    height, width = inspection.median_height, inspection.median_width
    if name != "auto":
        only, height, width = input_size_for(name, height=height, width=width)
        published = None if weights is None else weights.input
        if published is not None:
            height, width = published.height, published.width
        colour = decide_colour(config.pixels, inspection, published, only=only)
        return ModelChoice(name=name, height=height, width=width, reason=reason), colour
    given = _given_size(config.pixels)
    colour = decide_colour(config.pixels, inspection, None, only=None)
    choice = choose_model(
        height=given[0] if given else height,
        width=given[1] if given else width,
        same_size=inspection.same_size or given is not None,
        channels=1 if colour.value == "grey" else 3,
        n_train=len(inspection.usable),
        device_type=device_type,
    )
    return choice, colour


def decide_image_size(
    pixels: PixelsConfig, choice: ModelChoice, published: WeightsInput | None
) -> Decision[tuple[int, int]]:
    """Height and width of the input: as set, as the weights had it, or the network's own choice."""
    given = _given_size(pixels)
    if given is not None:
        return Decision("pixels.image_size", given, SET)
    why = "the weights were trained at this size"
    if published is None:
        why = f"{choice.name} uses it for images of such sizes"
    return Decision("pixels.image_size", (choice.height, choice.width), why)


def _given_size(pixels: PixelsConfig) -> tuple[int, int] | None:
    size = pixels.image_size
    if size == "auto":
        return None
    return (size, size) if isinstance(size, int) else size


def decide_initialisation(model: ModelConfig, name: str) -> Decision[InitialisationName]:
    """Decide how weights are drawn: whitening for networks made for it, else their own way."""
    if model.initialisation != "auto":
        return Decision("model.initialisation", model.initialisation, SET)
    if model.pretrained == "none" and image_model(name).whitens:
        why = "the network's first layer is made for it"
        return Decision("model.initialisation", "whitening", why)
    return Decision("model.initialisation", "default", "it is the network's own way")


# ------------------------------------------------------------------------------------------------
# 2. From the adviser's measurement: what of pretrained weights learns
# ------------------------------------------------------------------------------------------------


def asks_adviser(config: Config) -> bool:
    """Tell whether the adviser is to say what learns."""
    return config.transfer.mode == "auto" and config.model.pretrained != "none"


def resolve_transfer_mode(config: Config, advise: Callable[[], Advice]) -> Decision[str]:
    """Decide what of the network learns; `advise` measures, and is called only where it is asked.

    Where it cannot measure, a rule decides.
    """
    if config.transfer.mode != "auto":
        return Decision("transfer.mode", config.transfer.mode, SET)
    if not asks_adviser(config):
        why = "there are no pretrained weights"
        return Decision("transfer.mode", "none", why)
    evidence = ""
    try:
        advice = advise()
    except UsageError as error:  # the network does not end in a linear layer
        mode, why = "none", f"{error.what}, so all of it learns."
    except DataError as error:
        mode, why = "head", f"the adviser cannot measure here ({error.what})."
    else:
        mode, why = advice.recommended, advice.reason
        evidence = f" Expected accuracy {advice.expected.accuracy}; the evidence is in advice.png."
    note = f"Transfer '{mode}': {why}{evidence}"
    return Decision("transfer.mode", mode, why, note=note)


# ------------------------------------------------------------------------------------------------
# 3. From the sizes of the parts, the network and the device: how it is trained
# ------------------------------------------------------------------------------------------------


def resolve_training(
    config: Config,
    chosen: ModelAndInput,
    mode: Decision[str],
    *,
    preprocess: Preprocess,
    network: nn.Module,
    device: torch.device,
    data_name: str,
    counts: Mapping[str, int],
) -> ResolvedConfig:
    """Decide on everything that is still open.

    Args:
        config: what was wished.
        chosen: network and input contract.
        mode: what of the network learns.
        preprocess: the contract with its statistics.
        network: the network on any device, whose layers decide on the precision.
        device: what it is trained on.
        data_name: a known data set's has its augmentation.
        counts: images of each part.
    """
    training, transfer, n_train = config.training, config.transfer, counts["train"]
    augmentation = decide_augmentation(config.augment.preset, data_name=data_name, mode=mode.value)
    epochs = decide_epochs(training, head=transfer.head, mode=mode.value, n_train=n_train)
    batch_size = decide_batch_size(training, n_train=n_train)
    learning_rate = decide_learning_rate(
        training, mode=mode.value, pretrained=chosen.model.weights is not None
    )
    batch_norm = decide_batch_norm(transfer.batch_norm, mode=mode.value)
    precision = decide_precision(training, network=network, device=device)
    checkpoint, direction = resolve_checkpoint(
        config.checkpoint, validation_images=counts["validation"]
    )
    reason = SET if config.device != "auto" else "it is the fastest that is there"
    decisions = (
        *chosen.decisions,
        mode,
        augmentation,
        epochs,
        batch_size,
        learning_rate,
        batch_norm,
        precision,
        direction,
        Decision("device", str(device), reason),
    )
    return ResolvedConfig(
        seed=config.seed,
        device=device,
        deterministic=config.deterministic,
        model=chosen.model,
        preprocess=preprocess,
        augmentation=load_augmentation(augmentation.value),
        transfer=narrowed(ResolvedTransfer, transfer, mode, batch_norm),
        training=narrowed(ResolvedTraining, training, epochs, batch_size, learning_rate, precision),
        checkpoint=checkpoint,
        settings=recorded_settings(config, decisions),
        decisions=decisions,
    )


def decide_augmentation(preset: str, *, data_name: str, mode: str) -> Decision[str]:
    """Preset; a head sees no changed images, and frozen stages see each image once."""

    def decided(value: str, reason: str, note: str) -> Decision[str]:
        return Decision("augment.preset", value, reason, note=note)

    if mode == "head" and preset not in ("auto", "none"):
        # Refused where the user chose the head as well: this one is the adviser's.
        why = "the head is fitted on the images as they are"
        return decided("none", why, f"warning: the augmentation '{preset}' is not used: {why}.")
    if preset != "auto":
        return decided(preset, SET, "")
    if mode == "head":
        why = "the head is fitted on features of the images"
        return decided("none", why, f"Augmentation 'none': {why}.")
    usual, reason = choose_preset(data_name)
    if mode not in ("none", "all") and not only_flips(PRESETS[usual]):
        why = "so the stages that do not learn see each image once, not in every epoch"
        return decided(
            "none",
            why,
            f"Augmentation 'none': {why}; --augment {usual} would suit the data, at that cost.",
        )
    return decided(usual, reason, f"Augmentation '{usual}': {reason}.")


def decide_epochs(training: TrainingConfig, *, head: str, mode: str, n_train: int) -> Decision[int]:
    """Epochs that suit what learns: about as many images seen in all, whatever their number.

    0 where minutes say how long, and for a fitted logistic regression, which knows none.
    """
    set_epochs = 0 if training.epochs == "auto" else training.epochs
    logistic = mode == "head" and head == "logistic"
    unused = ""
    if mode == "head" and training.minutes is not None:
        unused = "training.minutes"
    elif logistic and set_epochs:
        unused = "training.epochs"
    note = f"{unused} is not used: the head is fitted, not trained epoch by epoch."
    value, why = set_epochs, SET
    if training.minutes is not None:
        why = "training.minutes says how long"
    elif logistic and not set_epochs:
        why = "a logistic regression is fitted, not trained epoch by epoch"
    elif mode == "head" and not set_epochs:
        value, why = HeadSettings().epochs, "the usual number for a head on features"
    elif not set_epochs:
        seen, least, most = IMAGES_SEEN, MIN_EPOCHS, MAX_EPOCHS
        if mode != "none":
            seen, least, most = IMAGES_SEEN_TUNING, MIN_EPOCHS_TUNING, MAX_EPOCHS_TUNING
        value = min(max(round(seen / n_train), least), most)
        why = f"about {seen:,} images seen in all, in {least} to {most} epochs"
        note, unused = f"{value} epochs for {n_train:,} training images.", "auto"
    return Decision("training.epochs", value, why, note=note if unused else "")


def decide_batch_size(training: TrainingConfig, *, n_train: int) -> Decision[int]:
    """Images in a batch: smaller for few images, so that an epoch still has some steps."""
    if training.batch_size != "auto":
        return Decision("training.batch_size", training.batch_size, SET)
    few = n_train < FEW_IMAGES
    return Decision(
        "training.batch_size",
        SMALL_BATCH if few else USUAL_BATCH,
        f"there are {'fewer than' if few else 'at least'} {FEW_IMAGES:,} training images",
    )


def decide_learning_rate(
    training: TrainingConfig, *, mode: str, pretrained: bool
) -> Decision[float]:
    """Highest learning rate: the optimiser's usual one, smaller where weights know something."""
    if training.learning_rate != "auto":
        value: float = training.learning_rate
        return Decision("training.learning_rate", value, SET)
    usual = USUAL_LEARNING_RATE[training.optimizer]
    why, note = f"the usual one of {training.optimizer}", ""
    if pretrained and mode != "head":  # a head on features begins with nothing
        usual *= FINE_TUNING
        why = "pretrained weights need small steps"
        note = f"Learning rate {usual:g}: {why}."
    return Decision("training.learning_rate", usual, why, note=note)


def decide_batch_norm(wish: str, *, mode: str) -> Decision[str]:
    """Statistics of batch normalisation in the stages that learn: frozen or trained."""
    if wish != "auto":
        return Decision("transfer.batch_norm", wish, SET)
    if mode in ("none", "head"):
        why = "there is no fitted head that depends on them"
        return Decision("transfer.batch_norm", "trained", why)
    # A head that was fitted under these statistics is worth nothing at once under others.
    why = "the head was fitted under the statistics of the pretrained weights"
    return Decision(
        "transfer.batch_norm",
        "frozen",
        why,
        note="Batch normalisation keeps the statistics of the pretrained weights, under which "
        "the head was fitted.",
    )


def decide_precision(
    training: TrainingConfig, *, network: nn.Module, device: torch.device
) -> Decision[str]:
    """float32, or bfloat16 where the device has matrix units for it that suit the network."""
    if training.precision != "auto":
        return Decision("training.precision", training.precision, SET)
    value = fast_precision(device, network)
    faster = "faster" if value == "bfloat16" else "no faster"
    why = f"{device.type} computes this network {faster} in bfloat16"
    return Decision("training.precision", value, why)


def resolve_checkpoint(
    wish: CheckpointConfig, *, validation_images: int
) -> tuple[ResolvedCheckpoint, Decision[str]]:
    """Decide the monitor of the best epoch and its direction; the loss without validation.

    Only the defaults give way: a named number that is never measured is reported in training.
    """
    usual, changed = CheckpointConfig(), dict[str, str]()
    if validation_images == 0 and wish.monitor == usual.monitor:
        changed["monitor"] = "train_loss"
    if validation_images == 0 and wish.template == usual.template:
        changed["template"] = "epoch{epoch:03d}-{train_loss:.4f}"
    monitor = changed.get("monitor", wish.monitor)
    mode = Decision[str]("checkpoint.mode", wish.mode, SET)
    if wish.mode == "auto":
        direction = "min" if monitor.endswith("loss") else "max"
        why = f"{'less' if direction == 'min' else 'more'} of {monitor} is better"
        mode = Decision("checkpoint.mode", direction, why)
    checkpoint = ResolvedCheckpoint.model_validate(
        {**wish.model_dump(), **changed, "mode": mode.value}
    )
    return checkpoint, mode
