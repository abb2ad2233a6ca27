"""Tensors for a pass without values, on torch's "meta" device, and what stops one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nunbit.models.info import BUILD_ERRORS

TRACE_ERRORS = (*BUILD_ERRORS, NotImplementedError)
"""Errors that a network raises on inputs that do not suit it, or that have no values."""


def reference_tensor(model: nn.Module) -> Tensor:
    """A tensor of the device and floating type that the model works with."""
    floating = (p for p in model.parameters() if p.is_floating_point())
    return next(floating, torch.empty(0))


def meta_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers as tensors without values, for torch's `functional_call`."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
