"""Resolved configuration: the settings of a run, each decided and with its reason.

The sections narrow those of sections.py: where a wish may be `auto`, what was decided may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import torch
from pydantic import Field

from nunbit.config import Config
from nunbit.config.sections import (
    CheckpointConfig,
    InitialisationName,
    Section,
    TrainingConfig,
    TransferConfig,
)
from nunbit.data.augment import Augmentation
from nunbit.data.preprocess import Preprocess
from nunbit.models.pretrained import Weights
from nunbit.training.callbacks import Monitor

T = TypeVar("T")
SectionT = TypeVar("SectionT", bound=Section)
SET = "it was set"
"""Reason of a decision that the user took."""
STAY_AUTO = frozenset({"device", "model.dropout", "pixels.scaling", "checkpoint.mode"})
"""Decisions that config.toml leaves open: they depend on the machine that goes on with the run, or
follow from other settings and from the images alone."""


@dataclass(frozen=True)
class Decision(Generic[T]):
    """A setting that may be `auto`, what it became, and why."""

    setting: str
    """Dotted key, such as `training.learning_rate`."""
    value: T
    reason: str
    """A clause: why this value, or `SET`."""
    note: str = ""
    """The sentence with which a run reports it; '' where it needs no word."""


@dataclass(frozen=True, kw_only=True)
class ResolvedModel:
    """The network, and where its first weights come from."""

    name: str
    reason: str
    """Reason for this network, as a clause."""
    dropout: float | tuple[float, ...] | None
    """None keeps the published probabilities."""
    initialisation: InitialisationName
    weights: Weights | None
    """Pretrained ones, found but not yet read; None to draw all."""
    strict: bool
    """Weights that do not fit are an error."""
    test_time_mirror: bool


@dataclass(frozen=True, kw_only=True)
class ModelAndInput:
    """Network and input contract: decided before any pixel is decoded."""

    model: ResolvedModel
    preprocess: Preprocess
    statistics_known: bool
    """True if mean and standard deviation are final; else they come from the training part."""
    decisions: tuple[Decision[Any], ...]


class ResolvedTransfer(TransferConfig):
    """Settings of fine-tuning pretrained weights, resolved."""

    mode: str
    """`none` also without pretrained weights."""
    batch_norm: Literal["frozen", "trained"]

    @property
    def hidden_layer(self) -> bool:
        """True if the network gets a head with a hidden layer."""
        return self.head == "mlp" and self.mode != "none"


class ResolvedTraining(TrainingConfig):
    """The loop."""

    epochs: Annotated[int, Field(ge=0)]
    """0 where `minutes` says how long, or where nothing is trained epoch by epoch."""
    batch_size: int
    learning_rate: float
    precision: Literal["float32", "bfloat16"]


class ResolvedCheckpoint(CheckpointConfig):
    """Settings of checkpoints; monitor and template suit the existing parts."""

    mode: Literal["min", "max"]

    @property
    def as_monitor(self) -> Monitor:
        """Monitor that decides which epoch is best."""
        return Monitor(name=self.monitor, mode=self.mode)


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig:
    """The configuration of a run without `auto`."""

    seed: int
    device: torch.device
    deterministic: bool
    model: ResolvedModel
    preprocess: Preprocess
    augmentation: Augmentation
    transfer: ResolvedTransfer
    training: ResolvedTraining
    checkpoint: ResolvedCheckpoint
    settings: Config
    """The same as config.toml records it, for a run that goes on and for `--recipe`."""
    decisions: tuple[Decision[Any], ...]
    """One for every setting that may be `auto`, in the order in which they were taken."""


def recorded_settings(config: Config, decisions: Sequence[Decision[Any]]) -> Config:
    """The configuration with the decisions that config.toml records in the place of `auto`."""
    return config.with_settings(
        {
            decision.setting: decision.value
            for decision in decisions
            if decision.setting not in STAY_AUTO
            # No number of epochs is a number that a recipe can name.
            and (decision.setting != "training.epochs" or decision.value)
        }
    )


def narrowed(kind: type[SectionT], section: Section, *decisions: Decision[Any]) -> SectionT:
    """A section with its decisions in place, as the type that knows no `auto`."""
    decided = {decision.setting.rpartition(".")[2]: decision.value for decision in decisions}
    return kind.model_validate({**section.model_dump(), **decided})
