"""The objective of a run: the loss, and how the classes are balanced in it. K classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from nunbit.config.contradictions import is_correctable
from nunbit.config.sections import TrainingConfig
from nunbit.data.dataset import Dataset
from nunbit.errors import UsageError
from nunbit.finetune.heads import PLAIN, HeadObjective
from nunbit.models.head import last_bias, shift_outputs
from nunbit.training.class_balance import ClassBalance, class_balance
from nunbit.training.losses import Loss, make_loss


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One objective for all ways of training."""

    loss: Loss
    """Loss of networks that are trained by steps."""
    head: HeadObjective
    """The same for heads on features."""
    balance: ClassBalance | None
    """None where every image counts the same."""
    sentence: str
    """Sentence on what was done about the class frequencies and the probabilities; '' for
    nothing."""

    @property
    def balanced_sampling(self) -> bool:
        """True if batches show every class equally often."""
        return self.balance is not None and self.balance.balanced_sampling


def objective_of(training: TrainingConfig, dataset: Dataset) -> Objective:
    """The objective that the settings describe, for the training part of a data set.

    Raises:
        UsageError: when a class weight names no class.
    """
    balance = class_balance(
        dataset.labels[dataset.rows("train")],
        dataset.classes,
        class_weights=training.class_weights,
        balanced_sampling=training.sampling == "balanced",
        logit_adjustment=training.logit_adjustment,
    )
    gamma = training.focal_gamma if training.loss == "focal" else 0.0
    loss = make_loss(
        training.loss,
        label_smoothing=training.label_smoothing,
        focal_gamma=training.focal_gamma,
        balance=balance,
    )
    head = PLAIN
    if balance is not None:
        factors, adjustment = balance.factors, balance.adjustment
        head = HeadObjective(
            factors=None if factors is None else torch.from_numpy(factors),
            adjustment=None if adjustment is None else torch.from_numpy(adjustment),
            focal_gamma=gamma,
        )
    elif gamma:
        head = HeadObjective(focal_gamma=gamma)
    return Objective(loss=loss, head=head, balance=balance, sentence=_sentence(training, balance))


def check_correctable(model: nn.Module, shape: tuple[int, int, int]) -> None:
    """Raise UsageError, before any training, where `correct_priors` could not work."""
    try:
        last_bias(model, shape)
    except UsageError as error:
        raise UsageError(
            f"training.prior_correction changes the bias that the network ends in: {error.what}",
            remedy="leave it out, or choose another network",
        ) from None


def correct_priors(model: nn.Module, objective: Objective, shape: tuple[int, int, int]) -> None:
    """Bring a network's answers back to the frequencies of the data, by its last bias, in place.

    `shape` is (C, H, W) of an image. Nothing is done where classes were not balanced.

    Raises:
        UsageError: when the network does not end in a linear layer with a bias.
    """
    if objective.balance is not None:
        shift_outputs(model, torch.from_numpy(objective.balance.correction), shape)


def _sentence(training: TrainingConfig, balance: ClassBalance | None) -> str:
    if balance is None:
        return ""
    how = []
    if balance.weights is not None:
        kind = "balanced" if training.class_weights == "balanced" else "as set"
        least, most = float(balance.weights.min()), float(balance.weights.max())
        how.append(f"classes were weighted ({kind}: {least:.3g} to {most:.3g} an image)")
    if balance.balanced_sampling:
        how.append("every class was shown equally often")
    if balance.logit_adjustment:
        how.append(f"logits were adjusted by {balance.logit_adjustment:g} times the log frequency")
    text = "; ".join(how)
    text = f"{text[0].upper()}{text[1:]}"
    if training.prior_correction:
        return f"{text}: probabilities were corrected back to the data's frequencies."
    remedy = "; training.prior_correction=true corrects them" if is_correctable(training) else ""
    return (
        f"{text}: probabilities were not corrected back to the data's frequencies, so those of "
        f"rare classes are too high for data like the training images{remedy}."
    )
