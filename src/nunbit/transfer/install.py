"""A fitted head into its network: afterwards it is one ordinary network."""

from __future__ import annotations

from torch import nn

from nunbit.transfer.heads import FittedHead


def install(model: nn.Module, head: FittedHead, *, shape: tuple[int, int, int]) -> None:
    """Copy the head's weights into the end of `model`, in place.

    One layer goes into the final linear layer; two need a network made with
    `create_model(..., head_hidden=HIDDEN)`. `shape` is (C, H, W) of an image. Raises UsageError
    where the network does not end in such layers, ValueError where sizes differ.
    """
    raise NotImplementedError
