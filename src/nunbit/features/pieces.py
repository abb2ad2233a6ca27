"""The two halves of a network that is cut, with its own parameters in them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from nunbit.features.cuts import Cut


def prefix(model: nn.Module, cut: Cut) -> nn.Module:
    """From images [B, C, H, W] to the tensor at the cut, [B, *cut.shape].

    Its parameters and buffers are those of `model`, under the same names.
    """
    raise NotImplementedError


def suffix(model: nn.Module, cut: Cut) -> nn.Module:
    """From the tensor at the cut, [B, *cut.shape], to logits [B, K].

    Its parameters and buffers are those of `model`, under the same names; it can be trained, and
    dropout follows its mode. Auxiliary classifiers (googlenet, inception_v3) are left out. The
    input is not changed in place.
    """
    raise NotImplementedError


def taps(model: nn.Module, cuts: Sequence[Cut]) -> nn.Module:
    """From images to the tuple of the tensors at several cuts, in one pass."""
    raise NotImplementedError
