"""Where a network can be cut in two: the ends of its stages, found from its structure.

B images in a batch, C channels, H height, W width, D features, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One tensor through which everything flows, at the end of a stage."""

    name: str
    """Of the outermost module that ends here, as `named_modules` has it; unique in a network."""
    node: str
    """Of the traced graph; '' where the network was cut without one (`input of the head`)."""
    shape: tuple[int, ...]
    """Of one image's tensor: (C, H, W), (H, W, C), (T, D) or (D,)."""
    channel_dim: int
    """Which dimension of `shape` counts channels."""
    stage: int
    """0 for the first; cut i ends stage i."""
    parameters_before: int
    """Numbers that are trained up to here."""
    multiply_adds_before: int
    """For one image, up to here."""

    @property
    def channels(self) -> int:
        """Length of the vector that `pooled` gives."""
        return self.shape[self.channel_dim]

    def pooled(self, values: Tensor) -> Tensor:
        """[B, *shape] -> [B, channels], averaged over all places; vectors stay as they are."""
        kept = 1 + self.channel_dim
        places = [dim for dim in range(1, values.ndim) if dim != kept]
        return values.mean(dim=places) if places else values


def cuts_of(model: nn.Module, shape: Sequence[int]) -> tuple[Cut, ...]:
    """The ends of the stages in the order of the data flow; the last is the input of the head.

    `shape` is (C, H, W) of an image. The head is the final linear layer. The last cut is always
    there, and the only one where the network cannot be followed. Deterministic for a structure.
    Raises UsageError where the network does not end in a linear layer.
    """
    raise NotImplementedError
