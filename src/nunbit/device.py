"""Device of the network, and its precision."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from nunbit.errors import UsageError


def resolve_device(name: str) -> torch.device:
    """A device by name; `auto` is a GPU where there is one.

    Raises:
        UsageError: when the device is unknown or not there.
    """
    if name == "auto":
        found = (
            torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        )
        return torch.device("cpu") if found is None else found
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # "meta" holds no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"the device '{name}' cannot be used: {str(error).splitlines()[0]}",
            remedy="use --device cpu, or auto for the best that is there",
        ) from None
    return device


@contextmanager
def deterministic_algorithms(wanted: bool) -> Iterator[None]:
    """Inside, torch uses only algorithms that repeat their results, and refuses others.

    The CPU's do by themselves. cuBLAS must be told through the environment before its first use.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def describe_device(device: torch.device) -> str:
    """Name of the device as a person knows it, with the number of threads of a CPU."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        processor = platform.processor() or platform.machine()
        return f"cpu ({processor}, {torch.get_num_threads()} threads)"
    return str(device)


MAX_LINEAR_INPUTS = 2**14
"""Inputs of a linear layer up to which `auto` computes it in bfloat16 on a CPU. oneDNN's bfloat16
matrix product crashes the process for some wider layers (seen in torch 2.15), so networks that have
one are computed in float32."""


def fast_precision(device: torch.device, model: nn.Module) -> str:
    """bfloat16 where the device has matrix units that compute `model` faster in it, else float32.

    A CPU's matrix units are of no use to depthwise convolutions, which have no matrix products:
    steps of EfficientNet-lite0 take up to twice as long in bfloat16 as in float32.
    """
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type == "cpu" and _has_matrix_units() and _is_for_matrix_units(model):
        return "bfloat16"
    return "float32"


def _is_for_matrix_units(model: nn.Module) -> bool:
    return not any(
        (isinstance(layer, nn.Conv2d) and 1 < layer.groups == layer.in_channels)
        or (isinstance(layer, nn.Linear) and layer.in_features > MAX_LINEAR_INPUTS)
        for layer in model.modules()
    )


def _has_matrix_units() -> bool:
    """Tell whether the CPU multiplies bfloat16 matrices in hardware (Intel's AMX)."""
    # torch before 2.12 cannot tell; it then computes in float32 as without such units.
    ask: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return bool(ask().get("amx_bf16", False))
