"""What `auto` means in training: decided from images, network, device and data, and stated.

What shapes the network comes first: the adviser, which may then be asked what of it should learn,
needs the network. The rest depends on what learns.
"""

from __future__ import annotations

import torch
from torch import nn

from nunbit.config import Config
from nunbit.data.augment import PRESETS, choose_preset
from nunbit.data.preprocess import Preprocess
from nunbit.device import resolve_precision
from nunbit.finetune.cached_activations import only_flips
from nunbit.finetune.heads import HeadSettings
from nunbit.models.catalog import image_model
from nunbit.models.choose import ModelChoice
from nunbit.training.optim import USUAL_LEARNING_RATE

IMAGES_SEEN = 600_000
"""What a run without --epochs shows the network in all, within the limits below."""
FEWEST_EPOCHS, MOST_EPOCHS = 10, 100
IMAGES_SEEN_TUNING = 20_000
"""The same for fine-tuning, which starts from a head that fits and has little way to go."""
FEWEST_EPOCHS_TUNING, MOST_EPOCHS_TUNING = 4, 20
FINE_TUNING = 0.25
"""Factor on the usual learning rate with pretrained weights, which large steps would undo."""
SMALL_BATCH, USUAL_BATCH = 32, 100
FEW_IMAGES = 2000
"""Training images below which batches are small."""


def resolve_network(
    config: Config, *, model: ModelChoice, preprocess: Preprocess
) -> tuple[Config, list[str]]:
    """The configuration without `auto` in network and input contract, and why each was chosen."""
    settings: dict[str, object] = {
        "model.name": model.name,
        "pixels.image_size": (model.height, model.width),
        "pixels.colour": "grey" if preprocess.channels == 1 else "rgb",
        "pixels.fit": preprocess.fit,
        "pixels.crop_share": preprocess.crop_share,
        "pixels.interpolation": preprocess.interpolation,
    }
    if config.model.initialisation == "auto":
        whitens = config.model.pretrained == "none" and image_model(model.name).whitens
        settings["model.initialisation"] = "whitening" if whitens else "default"
    notes = []
    if config.model.name == "auto":
        notes.append(f"Model {model.name} at {model.height}x{model.width}: {model.reason}.")
    return config.with_settings(settings), notes


def resolve_training(config: Config, *, data_name: str, n_train: int) -> tuple[Config, list[str]]:
    """The configuration without `auto` in the training, and why each was chosen.

    `transfer.mode` is decided by now.
    """
    training, mode = config.training, config.transfer.mode
    notes, settings = [], dict[str, object]()
    if config.augment.preset == "auto":
        settings["augment.preset"], note = _augmentation(data_name, mode)
        notes.append(note)
    if mode == "head" and (unused := _unused_length(config)):
        notes.append(f"{unused} is not used: the head is fitted, not trained epoch by epoch.")
    if training.epochs == "auto" and training.minutes is None:
        settings |= _epochs(config, n_train)
        if mode != "head":
            notes.append(f"{settings['training.epochs']} epochs for {n_train:,} training images.")
    few = n_train < FEW_IMAGES
    if training.batch_size == "auto":
        settings["training.batch_size"] = SMALL_BATCH if few else USUAL_BATCH
    if training.learning_rate == "auto":
        usual = USUAL_LEARNING_RATE[training.optimizer]
        if config.model.pretrained != "none" and mode != "head":
            usual *= FINE_TUNING
            notes.append(f"Learning rate {usual:g}: pretrained weights want small steps.")
        settings["training.learning_rate"] = usual
    if config.transfer.batch_norm == "auto":
        # A head that was fitted under these statistics is worth nothing at once under others.
        frozen = mode not in ("none", "head")
        settings["transfer.batch_norm"] = "frozen" if frozen else "trained"
        if frozen:
            notes.append(
                "Batch normalisation keeps the statistics of the pretrained weights, under which "
                "the head was fitted."
            )
    return config.with_settings(settings), notes


def resolve_computing(config: Config, *, model: nn.Module, device: torch.device) -> Config:
    """The configuration without `auto` in how the network is computed."""
    precision = resolve_precision(config.training.precision, device, model)
    return config.with_settings({"training.precision": precision})


def _unused_length(config: Config) -> str:
    """The setting that says how long to train, where a fitted head cannot follow it."""
    if config.training.minutes is not None:
        return "training.minutes"
    told = config.training.epochs != "auto"
    return "training.epochs" if told and config.transfer.head == "logistic" else ""


def _epochs(config: Config, n_train: int) -> dict[str, object]:
    """Epochs that suit what learns; a fitted logistic regression knows none."""
    mode = config.transfer.mode
    if mode == "head":
        logistic = config.transfer.head == "logistic"
        return {} if logistic else {"training.epochs": HeadSettings().epochs}
    seen, fewest, most = IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS
    if mode != "none":
        seen, fewest, most = IMAGES_SEEN_TUNING, FEWEST_EPOCHS_TUNING, MOST_EPOCHS_TUNING
    return {"training.epochs": min(max(round(seen / n_train), fewest), most)}


def _augmentation(data_name: str, mode: str) -> tuple[str, str]:
    """Preset and note; a head sees no changed images, and frozen stages see each image once."""
    preset, reason = choose_preset(data_name)
    if mode == "head":
        return "none", "Augmentation 'none': the head is fitted on features of the images."
    if mode not in ("none", "all") and not only_flips(PRESETS[preset]):
        return "none", (
            "Augmentation 'none': so the stages that do not learn see each image once, not in "
            f"every epoch; --augment {preset} would suit the data, at that cost."
        )
    return preset, f"Augmentation '{preset}': {reason}."
