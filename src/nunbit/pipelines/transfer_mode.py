"""What of pretrained weights is to learn: as set, or as the adviser recommends."""

from __future__ import annotations

import json

from torch import nn

from nunbit.config import Config
from nunbit.errors import ConfigError, DataError, UsageError
from nunbit.files import write_atomically
from nunbit.pipelines.loading.parts import Parts
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress


def refuse_contradictions(config: Config) -> None:
    """Notice settings of the transfer that cannot go together before the images are read.

    Raises:
        ConfigError: naming both.
    """
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


def is_open(config: Config) -> bool:
    """Whether the adviser is to say what learns."""
    return config.transfer.mode == "auto" and config.model.pretrained != "none"


def settle_mode(
    config: Config, parts: Parts, model: nn.Module, folder: RunFolder, progress: Progress
) -> tuple[Config, list[str]]:
    """The configuration with a mode of transfer that is not auto, and why it was chosen."""
    if config.transfer.mode != "auto":
        return config, []
    if not is_open(config):
        return config.with_settings({"transfer.mode": "none"}), []
    mode, notes = _advised(config, parts, model, folder, progress)
    if mode == "head" and config.augment.preset not in ("auto", "none"):
        notes.append(
            f"warning: the augmentation '{config.augment.preset}' is not used: the head is fitted "
            "on the images as they are."
        )
        config = config.with_settings({"augment.preset": "none"})
    return config.with_settings({"transfer.mode": mode}), notes


def _advised(
    config: Config, parts: Parts, model: nn.Module, folder: RunFolder, progress: Progress
) -> tuple[str, list[str]]:
    """The adviser's plan, its evidence in the run's folder; where it cannot measure, a rule."""
    from nunbit.pipelines.advise import advise_on
    from nunbit.reports.advice import draw_advice

    try:
        advice = advise_on(config, parts, model, progress)
    except UsageError as error:
        return "none", [f"Transfer 'none': {error.what}, so all of it learns."]
    except DataError as error:
        return "head", [f"Transfer 'head': the adviser cannot measure here ({error.what})."]
    write_atomically(
        folder.advice, json.dumps(advice.to_dict(), indent=2, ensure_ascii=False) + "\n"
    )
    write_atomically(folder.advice.with_suffix(".png"), draw_advice(advice, form="png"))
    expected = advice.expected
    return advice.recommended, [
        f"Transfer '{advice.recommended}': {advice.reason} Expected accuracy "
        f"{expected.accuracy}; the evidence is in {folder.advice.with_suffix('.png').name}."
    ]
