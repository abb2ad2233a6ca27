"""Fine-tuning: from the fitted head on, some stages of a pretrained network learn.

Activations at the boundary of the stages that never learn can stand in for the images: training
then runs on the rest of the network alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from nunbit.backbone.pieces import feature_extractor, head_from
from nunbit.backbone.split_points import SplitPoint
from nunbit.finetune.freezing import Freezing, stages_of


@dataclass(frozen=True, kw_only=True)
class FineTuning(Freezing):
    """What learns in which epoch, and where the batches enter the network."""

    entry: SplitPoint | None = None
    """The split point whose activations the batches hold; None where they hold images."""

    def part(self, model: nn.Module) -> nn.Module:
        """See `Scope.part`."""
        return model if self.entry is None else head_from(model, self.entry)


def fine_tuning(
    model: nn.Module,
    split_points: Sequence[SplitPoint],
    *,
    mode: str,
    unfreeze_epochs: int = 0,
    freeze_statistics: bool = False,
) -> FineTuning:
    """How a network is tuned in a mode (head, last-stage, stages:N or all), on images.

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
    """What keeping the activations of some images takes, in float32."""
    return 4 * images * int(np.prod(split_point.shape, dtype=np.int64))
