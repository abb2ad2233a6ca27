"""Which epoch was kept, in words."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.pipelines.training.epochs import select_epoch
from nunbit.training.state import Best, TrainingState
from tests.config.resolving import resolved_config


def state_with(best: Best, *, epochs: int = 4) -> TrainingState:
    model = nn.Linear(1, 1)
    state = TrainingState(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    state.history = [{"epoch": float(epoch)} for epoch in range(1, epochs + 1)]
    state.best = best
    return state


@pytest.mark.parametrize(
    ("best", "settings", "why"),
    [
        (
            Best(value=0.9, epoch=2, reached=2),
            {},
            "the highest validation accuracy of all, 90.0 %",
        ),
        (
            Best(value=0.9, epoch=4, reached=2),
            {},
            "the latest within one standard error (3.0 points on 100 images) of the highest "
            "validation accuracy, 90.0 % in epoch 2",
        ),
        (
            Best(value=0.9, epoch=3, reached=0),
            {"checkpoint.tolerance": 0.5},
            "the latest within 0.5 standard errors (1.5 points on 100 images) of the highest "
            "validation accuracy, 90.0 % of the fitted head",
        ),
        (
            Best(value=0.25, epoch=3, reached=3),
            {"checkpoint.monitor": "validation_loss"},
            "the lowest validation loss of all, 0.2500",
        ),
        (Best(epoch=4), {}, "the last one: the checkpoint of the best is damaged"),
        (
            Best(value=0.9, epoch=2, reached=2),
            {"checkpoint.deploy": "last"},
            "the last one, as checkpoint.deploy says",
        ),
    ],
)
def test_why_an_epoch_was_kept(best: Best, settings: dict[str, object], why: str) -> None:
    checkpoint = resolved_config(settings).checkpoint
    kept = select_epoch(state_with(best), checkpoint, validation_images=100)
    assert kept.why == why
    assert kept.epoch == (4 if "last one" in why else best.epoch)


def test_without_a_validation_part_the_training_loss_decides() -> None:
    state, checkpoint = (
        state_with(Best(value=0.5, epoch=3, reached=3)),
        resolved_config(n_validation=0).checkpoint,
    )
    kept = select_epoch(state, checkpoint, validation_images=0)
    assert kept.why == "the lowest train loss of all, 0.5000"
