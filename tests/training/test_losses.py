"""Losses against the closed forms of the course and torch's own."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nunbit.training.losses import largest_class, loss_of_output, make_loss


def test_cross_entropy_of_the_course() -> None:
    """Outputs 0.6, 0.6, 0.3 for the true class: 0.51, 0.51, 1.20, mean 0.74."""
    true = torch.tensor([0.6, 0.6, 0.3])
    logits = torch.stack((true.log(), (1 - true).log()), dim=1)
    targets = torch.zeros(3, dtype=torch.int64)
    each = [make_loss("cross-entropy")(logits[i : i + 1], targets[:1]).item() for i in range(3)]
    assert [round(value, 2) for value in each] == [0.51, 0.51, 1.20]
    assert round(make_loss("cross-entropy")(logits, targets).item(), 2) == 0.74


@pytest.mark.parametrize("name", ["cross-entropy", "binary-cross-entropy", "mean-squared-error"])
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
