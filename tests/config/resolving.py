"""A configuration resolved without data: for images of one size that nobody has to draw."""

from __future__ import annotations

import torch
from torch import nn

from nunbit.advisor.plans import Advice
from nunbit.config import build_config
from nunbit.config.resolve import (
    resolve_model_and_input,
    resolve_training,
    resolve_transfer_mode,
)
from nunbit.config.resolved import ResolvedConfig
from nunbit.data.inspect import Inspection
from nunbit.types import ImageFacts


def inspection_of(height: int, width: int, *, mode: str = "L", images: int = 4) -> Inspection:
    """What a first look finds in usable images of one size."""
    facts = ImageFacts(
        width=width,
        height=height,
        mode=mode,
        format="PNG",
        frames=1,
        bytes=100,
        rotated=False,
        transparent=False,
    )
    return Inspection(
        sha256=tuple(f"{number:064x}" for number in range(images)),
        facts=(facts,) * images,
        reasons=("",) * images,
        bad_rows=(),
        considered=images,
        remarks=(),
    )


def not_asked() -> Advice:
    raise AssertionError("the adviser is not asked")


def resolved_config(
    settings: dict[str, object] | None = None,
    *,
    n_train: int = 240,
    n_validation: int = 60,
    data_name: str = "photos",
) -> ResolvedConfig:
    """The settings without `auto`, for a network of one layer on the CPU."""
    config = build_config({}, settings or {}, origin="the test")
    chosen = resolve_model_and_input(config, inspection_of(28, 28), device_type="cpu")
    return resolve_training(
        config,
        chosen,
        resolve_transfer_mode(config, not_asked),
        preprocess=chosen.preprocess,
        network=nn.Linear(1, 1),
        device=torch.device("cpu"),
        data_name=data_name,
        counts={"train": n_train, "validation": n_validation, "test": 60, "excluded": 0},
    )


def notes_of(config: ResolvedConfig) -> str:
    """What a run would report of the decisions."""
    return " ".join(decision.note for decision in config.decisions if decision.note)
