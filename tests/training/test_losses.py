"""Losses against the closed forms of the course and torch's own."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nunbit.training.class_balance import ClassBalance, class_balance
from nunbit.training.losses import largest_class, loss_of_output, make_loss


def test_cross_entropy_of_the_course() -> None:
    """Outputs 0.6, 0.6, 0.3 for the true class: 0.51, 0.51, 1.20, mean 0.74."""
    true = torch.tensor([0.6, 0.6, 0.3])
    logits = torch.stack((true.log(), (1 - true).log()), dim=1)
    targets = torch.zeros(3, dtype=torch.int64)
    each = [make_loss("cross-entropy")(logits[i : i + 1], targets[:1]).item() for i in range(3)]
    assert [round(value, 2) for value in each] == [0.51, 0.51, 1.20]
    assert round(make_loss("cross-entropy")(logits, targets).item(), 2) == 0.74


@pytest.mark.parametrize(
    "name", ["cross-entropy", "focal", "binary-cross-entropy", "mean-squared-error"]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_class_indices_and_one_hot_targets_agree(name: str, smoothing: float) -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    loss = make_loss(name, label_smoothing=smoothing)
    one_hot = F.one_hot(targets, 4).float()
    assert loss(logits, targets).item() == pytest.approx(loss(logits, one_hot).item(), rel=1e-6)


def test_binary_cross_entropy_by_a_plain_loop() -> None:
    logits, targets = torch.tensor([[0.3, -1.2, 2.0]]), torch.tensor([2])
    wanted = 0.0
    for value, target in zip(logits[0].tolist(), [0, 0, 1], strict=True):
        p = 1 / (1 + math.exp(-value))
        wanted -= math.log(p if target else 1 - p) / 3
    assert make_loss("binary-cross-entropy")(logits, targets).item() == pytest.approx(wanted)


def test_mean_squared_error_is_of_probabilities() -> None:
    logits, targets = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    assert make_loss("mean-squared-error")(logits, targets).item() == pytest.approx(0.25)


class Outputs(NamedTuple):
    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


def test_auxiliary_heads_add_three_tenths_each() -> None:
    torch.manual_seed(0)
    main, second, first = torch.randn(3, 2, 4)
    targets, loss = torch.tensor([1, 2]), make_loss("cross-entropy")
    total, logits = loss_of_output(loss, Outputs(main, second, first), targets)
    wanted = loss(main, targets) + 0.3 * loss(second, targets) + 0.3 * loss(first, targets)
    assert total.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert logits is main
    alone, _ = loss_of_output(loss, Outputs(main, None, None), targets)
    assert alone.item() == pytest.approx(loss(main, targets).item())


@pytest.mark.parametrize("name", ["cross-entropy", "binary-cross-entropy", "mean-squared-error"])
def test_mixed_targets_are_what_every_loss_takes(name: str) -> None:
    """By hand: cross-entropy and binary cross-entropy are linear in the target."""
    torch.manual_seed(0)
    logits = torch.randn(3, 4, dtype=torch.float64)
    shares = torch.tensor([[0.7, 0.3, 0, 0], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]]).double()
    wanted = 0.0
    for row, share in zip(logits.tolist(), shares.tolist(), strict=True):
        total = sum(map(math.exp, row))
        for value, part in zip(row, share, strict=True):
            p, q = math.exp(value) / total, 1 / (1 + math.exp(-value))
            wanted += {
                "cross-entropy": -part * math.log(p) / 3,
                "binary-cross-entropy": -(part * math.log(q) + (1 - part) * math.log(1 - q)) / 12,
                "mean-squared-error": (p - part) ** 2 / 12,
            }[name]
    assert make_loss(name)(logits, shares).item() == pytest.approx(wanted)


def test_the_larger_share_counts_as_right() -> None:
    assert largest_class(torch.tensor([2, 0])).tolist() == [2, 0]
    mixed = torch.tensor([[0.4, 0.6, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    assert largest_class(mixed).tolist() == [1, 1, 2]


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown loss 'hinge'"):
        make_loss("hinge")


COUNTS = [70, 20, 10]


def balanced(**levers: object) -> ClassBalance:
    labels = np.repeat(np.arange(3), COUNTS)
    found = class_balance(labels, ("a", "b", "c"), **levers)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weighted_cross_entropy_is_torchs_sum_over_the_images(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(6, 3).double(), torch.tensor([0, 2, 1, 1, 2, 0])
    balance = balanced(class_weights="balanced")
    loss = make_loss("cross-entropy", label_smoothing=smoothing, balance=balance)
    theirs = nn.CrossEntropyLoss(
        weight=torch.from_numpy(balance.weights), label_smoothing=smoothing, reduction="sum"
    )
    assert loss(logits, targets).item() == pytest.approx(theirs(logits, targets).item() / 6)
    mixed = torch.softmax(torch.randn(6, 3).double(), dim=1)
    assert loss(logits, mixed).item() == pytest.approx(theirs(logits, mixed).item() / 6)


def test_over_all_training_images_it_is_torchs_mean() -> None:
    """Weights are 1 in the mean, so that both divide by the same number."""
    torch.manual_seed(0)
    targets = torch.from_numpy(np.repeat(np.arange(3), COUNTS))
    logits, balance = torch.randn(100, 3).double(), balanced(class_weights={"c": 9})
    theirs = F.cross_entropy(logits, targets, weight=torch.from_numpy(balance.weights))
    loss = make_loss("cross-entropy", balance=balance)
    assert loss(logits, targets).item() == pytest.approx(theirs.item())


@pytest.mark.parametrize("name", ["focal", "binary-cross-entropy", "mean-squared-error"])
def test_weights_repeat_images(name: str) -> None:
    """An image of weight 3 counts as three of it do."""
    torch.manual_seed(0)
    logits, targets = torch.randn(2, 3).double(), torch.tensor([0, 2])
    plain = make_loss(name)
    weighted = make_loss(name, balance=balanced(class_weights={"c": 3}))
    sums = plain(logits[:1], targets[:1]) + 3 * plain(logits[1:], targets[1:])
    assert weighted(logits, targets).item() == pytest.approx(sums.item() / 2 / 1.2)
    one_hot = F.one_hot(targets, 3).double()
    assert weighted(logits, one_hot).item() == pytest.approx(sums.item() / 2 / 1.2)


def test_focal_loss_by_hand_and_without_its_exponent() -> None:
    """-(1 - 0.8)^2 log 0.8 and -(1 - 0.3)^2 log 0.3, of the two true classes."""
    probabilities = torch.tensor([[0.8, 0.2], [0.7, 0.3]]).double()
    logits, targets = probabilities.log(), torch.tensor([0, 1])
    wanted = -(0.2**2 * math.log(0.8) + 0.7**2 * math.log(0.3)) / 2
    assert make_loss("focal")(logits, targets).item() == pytest.approx(wanted)
    plain = F.cross_entropy(logits, targets).item()
    assert make_loss("focal", focal_gamma=0)(logits, targets).item() == pytest.approx(plain)


def test_focal_loss_of_a_certain_answer_has_a_finite_slope() -> None:
    logits = torch.tensor([[90.0, 0.0], [0.0, 90.0]], requires_grad=True)
    make_loss("focal", focal_gamma=0.5)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_logit_adjustment_adds_the_log_frequencies_within_the_loss() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 3).double(), torch.tensor([0, 2, 1, 1, 2])
    added = 0.7 * torch.tensor([0.7, 0.2, 0.1]).double().log()
    wanted = F.cross_entropy(logits + added, targets).item()
    loss = make_loss("cross-entropy", balance=balanced(logit_adjustment=0.7))
    assert loss(logits, targets).item() == pytest.approx(wanted)
