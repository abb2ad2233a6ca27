"""A head of one or two layers, trained step by step with the optimisers of the course.

n images, D features, K classes.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from nunbit.errors import TrainingError
from nunbit.finetune.selection import (
    Choice,
    Examples,
    PathPoint,
    best_of,
    judged,
    with_choice,
)
from nunbit.finetune.settings import HeadSettings
from nunbit.seeds import Purpose, rng_for, torch_rng_for
from nunbit.training.optim import (
    USUAL_LEARNING_RATE,
    make_optimizer,
    parameter_groups,
    schedule_factor,
    set_learning_rate,
)

FEW_IMAGES = 2000
SMALL_BATCH, LARGE_BATCH = 32, 256
FIRST_DEVIATION = 0.01
"""Standard deviation of the last layer's first weights: small outputs, small first gradients."""


def train_layers(
    train: Examples,
    validation: Examples | None,
    *,
    classes: int,
    hidden: int | None,
    seed: int,
    settings: HeadSettings,
) -> Choice:
    """The epoch of least cross entropy on the validation part; without one, the last epoch.

    `hidden` None trains one layer. Raises TrainingError when the loss is no longer a number.
    """
    network = _drawn(train.features.shape[1], hidden, classes, seed).to(train.features)
    trainer = _Trainer(network, train, seed=seed, settings=settings)
    path: list[PathPoint] = []
    states: dict[int, nn.Module] = {}
    for epoch in range(1, settings.epochs + 1):
        trainer.run_epoch(epoch)
        path.append(_point(network, epoch, train, validation, settings.weight_decay))
        chosen = best_of(path) if validation is not None else len(path) - 1
        if chosen == len(path) - 1:
            states = {chosen: copy.deepcopy(network)}
    best = next(iter(states))
    linears = [layer for layer in states[best].modules() if isinstance(layer, nn.Linear)]
    return Choice(
        layers=tuple((layer.weight.detach(), layer.bias.detach()) for layer in linears),
        path=with_choice(path, best),
        chosen_by="nothing" if validation is None else "validation",
    )


class _Trainer:
    def __init__(
        self, network: nn.Sequential, train: Examples, *, seed: int, settings: HeadSettings
    ) -> None:
        self.network, self.train, self.seed, self.settings = network, train, seed, settings
        small = len(train) < FEW_IMAGES
        self.batch_size = settings.batch_size or (SMALL_BATCH if small else LARGE_BATCH)
        self.learning_rate = settings.learning_rate or USUAL_LEARNING_RATE[settings.optimizer]
        self.optimizer = make_optimizer(
            settings.optimizer,
            parameter_groups(network, settings.weight_decay),
            learning_rate=self.learning_rate,
        )

    def run_epoch(self, epoch: int) -> None:
        """Every image once, in an order of the epoch's own."""
        order = rng_for(self.seed, Purpose.ORDER, epoch)
        rows = torch.from_numpy(order.permutation(len(self.train)))
        batches = torch.split(rows, self.batch_size)
        for number, chosen in enumerate(batches):
            fraction = (epoch - 1 + number / len(batches)) / self.settings.epochs
            factor = schedule_factor(
                self.settings.schedule, fraction, warmup_fraction=self.settings.warmup_fraction
            )
            set_learning_rate(self.optimizer, self.learning_rate * factor)
            batch = self.train.at(chosen.to(self.train.labels.device))
            loss = _loss(self.network(batch.features), batch)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.optimizer.zero_grad()


def _loss(logits: torch.Tensor, batch: Examples) -> torch.Tensor:
    objective = batch.objective
    if objective.is_plain:
        return F.cross_entropy(logits, batch.labels)
    logs = -F.cross_entropy(logits, batch.labels, reduction="none")
    return objective.terms(logs, batch.labels)[0].mean()


def _point(
    network: nn.Module,
    epoch: int,
    train: Examples,
    validation: Examples | None,
    weight_decay: float,
) -> PathPoint:
    train_loss, train_accuracy = judged(network, train)
    if not math.isfinite(train_loss):
        raise TrainingError(
            f"the head's loss is no longer a number in epoch {epoch}",
            remedy="lower the learning rate, or fit it as logistic regression "
            "(--set transfer.head=logistic)",
        )
    there = (train_loss, train_accuracy) if validation is None else judged(network, validation)
    return PathPoint(
        strength=weight_decay,
        epoch=epoch,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        loss=there[0],
        accuracy=there[1],
    )


def _drawn(features: int, hidden: int | None, classes: int, seed: int) -> nn.Sequential:
    """Fresh layers whose weights depend on the seed alone."""
    sizes = [features, classes] if hidden is None else [features, hidden, classes]
    generator = torch_rng_for(seed, Purpose.WEIGHTS)
    # skip_init draws nothing from the global generator, which must stay as it was.
    linears = [
        nn.utils.skip_init(nn.Linear, below, above)  # type: ignore[no-untyped-call]
        for below, above in pairwise(sizes)
    ]
    for layer in linears:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
    nn.init.normal_(linears[-1].weight, std=FIRST_DEVIATION, generator=generator)
    return nn.Sequential(*(linears if hidden is None else [linears[0], nn.ReLU(), linears[1]]))
