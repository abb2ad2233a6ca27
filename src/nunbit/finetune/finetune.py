"""Fine-tuning: from the fitted head on, some stages of a pretrained network learn.

Activations at the boundary of the stages that never learn can stand in for the images: training
then runs on the rest of the network alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.backbone.pieces import feature_extractor, head_from
from nunbit.backbone.split_points import SplitPoint
from nunbit.finetune.stages import Stages, stages_of
from nunbit.training.loop import TrainableScope


@final
@dataclass(frozen=True, kw_only=True)
class FineTuning(TrainableScope):
    """Stages that learn in each epoch, and where the batches enter the network.

    A stage that does not learn is in evaluation mode, whatever the others do: its weights, and the
    statistics of its batch normalisation, stay bit for bit what they were.
    """

    stages: Stages
    learning: int
    """Stages that learn in the end, counted from the last."""
    unfreeze_epochs: int = 0
    """Epochs after which one more stage learns, from the last one on; 0: all at once."""
    freeze_statistics: bool = False
    """True if batch normalisation keeps its statistics in the stages that learn, too."""
    entry: SplitPoint | None = None
    """The split point whose activations the batches hold; None where they hold images."""

    @property
    def always_frozen(self) -> int:
        """Number of stages that never learn."""
        return self.stages.count - self.learning

    def frozen(self, epoch: int) -> int:
        """Number of stages that do not learn in an epoch, counted from 1."""
        learning = self.learning
        if self.unfreeze_epochs:
            learning = min(learning, 1 + (epoch - 1) // self.unfreeze_epochs)
        return self.stages.count - learning

    def part(self, model: nn.Module) -> nn.Module:
        """See `TrainableScope.part`."""
        return model if self.entry is None else head_from(model, self.entry)

    def enter_epoch(self, model: nn.Module, epoch: int) -> None:
        """See `TrainableScope.enter_epoch`.

        A function of the epoch alone, so that an interrupted run goes on as it would have.
        """
        self.freeze(model, self.frozen(epoch))

    def freeze(self, model: nn.Module, frozen: int) -> None:
        """Let the stages from number `frozen` on learn, and none before it."""
        model.train()
        for name, module in model.named_modules():
            still = self.freeze_statistics and isinstance(module, _BatchNorm)
            if still or self.stages.of_module.get(name, frozen) < frozen:
                module.eval()
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(self.stages.of_parameter[name] >= frozen)


def fine_tuning(
    model: nn.Module,
    split_points: Sequence[SplitPoint],
    *,
    mode: str,
    unfreeze_epochs: int = 0,
    freeze_statistics: bool = False,
) -> FineTuning:
    """Plan of tuning a network in a mode (head, last-stage, stages:N or all), on images.

    Args:
        model: the network, with its head.
        split_points: all of them, from `find_split_points`.
        mode: which stages learn beside the head.
        unfreeze_epochs: epochs after which one more stage learns; 0 starts with all that are to.
        freeze_statistics: whether batch normalisation keeps its statistics where weights learn.
    """
    stages = stages_of(
        model, [feature_extractor(model, split_point) for split_point in split_points]
    )
    return FineTuning(
        stages=stages,
        learning=stages.learning(mode),
        unfreeze_epochs=unfreeze_epochs,
        freeze_statistics=freeze_statistics,
    )


def boundary(tuning: FineTuning, split_points: Sequence[SplitPoint]) -> SplitPoint | None:
    """The end of the last stage that never learns; None where all learn."""
    return split_points[tuning.always_frozen - 1] if tuning.always_frozen else None


def activation_bytes(split_point: SplitPoint, images: int) -> int:
    """Bytes of the activations of some images in float32."""
    return 4 * images * int(np.prod(split_point.shape, dtype=np.int64))
