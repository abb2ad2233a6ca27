"""Files of weights to tensors, by safetensors or torch's restricted unpickler alone."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nunbit.errors import WeightsError
from nunbit.models.pretrained.weights import Tensors

_WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which checkpoints of common trainers keep the weights."""
_PARALLEL = "module."
"""Prefix that DataParallel puts before every name."""


def read_tensors(path: Path) -> Tensors:
    """The tensors of a safetensors or state-dict file, on the CPU.

    A checkpoint that holds the weights beside other things is unwrapped, and `remarks` says so.
    Raises WeightsError if the file is missing, damaged, or holds anything but tensors.
    """
    try:
        content = _content(path)
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise WeightsError(
            f"the file of weights cannot be read: {first_line(error)}",
            path=path,
            remedy="give a whole safetensors file, or what torch.save(model.state_dict()) wrote",
        ) from None
    except pickle.UnpicklingError:
        raise WeightsError(
            "the file holds more than tensors, or is damaged, and is not opened: code could hide "
            "in it",
            path=path,
            remedy="save the weights alone: torch.save(model.state_dict(), FILE), or safetensors",
        ) from None
    return _unwrapped(content, path)


def first_line(error: Exception) -> str:
    """The gist of another library's error; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _unwrapped(content: Any, path: Path) -> Tensors:
    remarks = []
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            others = [str(name) for name in content if name != key]
            left = f"; left aside: {', '.join(others)}" if others else ""
            remarks.append(f"{path.name}: the weights are its entry {key}{left}.")
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise _no_weights(path, type(content).__name__)
    strange = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        raise _no_weights(path, f"{len(strange)} entries such as {strange[0]}")
    if all(name.startswith(_PARALLEL) for name in content):
        remarks.append(f"{path.name}: the prefix {_PARALLEL} before every name is taken off.")
        content = {name.removeprefix(_PARALLEL): value for name, value in content.items()}
    # As it is, not as a new dict: torch keeps version numbers of layers in an attribute of it.
    return Tensors(state=content, remarks=tuple(remarks))


def _no_weights(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f"the file holds {what}, not the named tensors of a network",
        path=path,
        remedy="give a safetensors file, or what torch.save(model.state_dict()) wrote",
    )
