"""What `auto` means in training: decided from the number of images, device and data, and stated."""

from __future__ import annotations

import torch

from nunbit.config import Config
from nunbit.data.augment import choose_preset
from nunbit.data.preprocess import Preprocess
from nunbit.device import resolve_precision
from nunbit.models.choose import ModelChoice
from nunbit.training.optim import USUAL_LEARNING_RATE

IMAGES_SEEN = 600_000
"""What a run without --epochs shows the network in all, within the limits below."""
FEWEST_EPOCHS, MOST_EPOCHS = 10, 100
FEW_IMAGES = 2000
FINE_TUNING = 0.25
"""Factor on the usual learning rate with pretrained weights, which large steps would undo."""
SMALL_BATCH, USUAL_BATCH = 32, 100


def resolve(
    config: Config,
    *,
    model: ModelChoice,
    preprocess: Preprocess,
    data_name: str,
    n_train: int,
    device: torch.device,
) -> tuple[Config, list[str]]:
    """The configuration without `auto` in what shapes the result, and why each was chosen."""
    training, notes, settings = config.training, [], dict[str, object]()
    settings["model.name"] = model.name
    settings["pixels.image_size"] = (model.height, model.width)
    settings["pixels.colour"] = "grey" if preprocess.channels == 1 else "rgb"
    settings["pixels.fit"] = preprocess.fit
    settings["pixels.crop_share"] = preprocess.crop_share
    settings["pixels.interpolation"] = preprocess.interpolation
    if config.model.name == "auto":
        notes.append(f"Model {model.name} at {model.height}x{model.width}: {model.reason}.")
    if config.augment.preset == "auto":
        preset, reason = choose_preset(data_name)
        settings["augment.preset"] = preset
        notes.append(f"Augmentation '{preset}': {reason}.")
    if training.epochs == "auto" and training.minutes is None:
        epochs = min(max(round(IMAGES_SEEN / n_train), FEWEST_EPOCHS), MOST_EPOCHS)
        settings["training.epochs"] = epochs
        notes.append(f"{epochs} epochs for {n_train:,} training images.")
    if training.batch_size == "auto":
        settings["training.batch_size"] = SMALL_BATCH if n_train < FEW_IMAGES else USUAL_BATCH
    if training.learning_rate == "auto":
        usual = USUAL_LEARNING_RATE[training.optimizer]
        if config.model.pretrained != "none":
            usual *= FINE_TUNING
            notes.append(f"Learning rate {usual:g}: pretrained weights want small steps.")
        settings["training.learning_rate"] = usual
    settings["training.precision"] = resolve_precision(training.precision, device)
    return config.with_settings(settings), notes
