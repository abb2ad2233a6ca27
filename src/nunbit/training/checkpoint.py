"""Checkpoints: a folder of safetensors and JSON that is wholly there or not at all.

    last/ or best/
      weights.safetensors     the network's state
      optimizer.safetensors   one tensor per entry, named "<parameter number>.<key>"
      average.safetensors     moving average of the weights, where one is kept
      state.json              position, the epoch's sums, history, the optimiser's settings, the
                              SHA-256 of every file above and of this content itself

The random state is the position itself: every draw is a function of seed, epoch and batch
(nunbit.seeds). A checkpoint with a missing file or another digest counts as damaged, and the one
before it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from nunbit.documents import read_json_object
from nunbit.errors import CheckpointError
from nunbit.files import folder_written_atomically
from nunbit.formatting import quoted
from nunbit.training.state import TrainingState

FORMAT = 1
STATE_FILE = "state.json"


def save_checkpoint(folder: Path, state: TrainingState, *, weights_only: bool = False) -> None:
    """Write a checkpoint; one that is already at `folder` moves to `<folder>-previous`.

    Args:
        folder: where the checkpoint stands afterwards.
        state: what is saved.
        weights_only: leave out what only resuming needs.
    """
    previous = previous_of(folder)
    with folder_written_atomically(folder, keep_previous=previous) as temporary:
        tensors = {"weights": _copied(state.evaluated_model.state_dict())}
        content: dict[str, Any] = {"format": FORMAT, **state.position()}
        if not weights_only:
            tensors["weights"] = _copied(state.model.state_dict())
            tensors["optimizer"], content["optimizer"] = _optimizer_state(state.optimizer)
            if state.average is not None:
                tensors["average"] = _copied(state.average.state_dict())
        content["files"] = {}
        for name, items in tensors.items():
            path = temporary / f"{name}.safetensors"
            _save(items, path)
            content["files"][path.name] = _digest(path)
        content["sha256"] = _content_digest(content)
        (temporary / STATE_FILE).write_text(json.dumps(content, indent=1), encoding="utf-8")


def previous_of(folder: Path) -> Path:
    """Folder of the checkpoint before the one in `folder`."""
    return folder.with_name(f"{folder.name}-previous")


def newest(folder: Path) -> Path:
    """The checkpoint in `folder`, or the one before it where a kill left only that."""
    return folder if folder.exists() else previous_of(folder)


def forget_later(folder: Path, epoch: int) -> None:
    """Put the one before in place of a checkpoint of a later epoch.

    A process killed before its state was saved can leave one, and a run that is timed, or on a
    GPU, may come to other weights when it repeats the epoch.
    """
    try:
        history = read_json_object(folder / STATE_FILE)["history"]
    except (OSError, ValueError, LookupError, TypeError):
        return
    if len(history) > epoch:
        shutil.rmtree(folder)
        if previous_of(folder).exists():
            previous_of(folder).rename(folder)


def load_newest_checkpoint(folder: Path, state: TrainingState) -> str | None:
    """Restore the checkpoint in `folder`, or the one before it where that is damaged.

    The damaged one is then removed: the next saving would move it over the one that is in use.

    Returns:
        None when there is none yet, else a remark: '' or what was wrong with the newest one.

    Raises:
        CheckpointError: when there are checkpoints and all are damaged.
    """
    faults = []
    for candidate in (folder, previous_of(folder)):
        if not candidate.exists():
            continue
        try:
            load_checkpoint(candidate, state)
        except CheckpointError as error:
            faults.append(f"{error.what} ({candidate.name})")
        else:
            if faults:
                shutil.rmtree(folder, ignore_errors=True)
            return "; ".join(faults)
    if faults:
        raise CheckpointError(
            "no checkpoint can be used: " + "; ".join(faults),
            path=folder,
            remedy="start again with another --out; this folder is left as it is",
        )
    return None


def load_checkpoint(folder: Path, state: TrainingState) -> None:
    """Restore one checkpoint into networks and optimiser of the same make.

    Raises:
        CheckpointError: when it is incomplete, damaged, or of another network.
    """
    content = _read_state(folder)
    tensors = {name: _load(folder / name) for name in content["files"]}
    if "weights.safetensors" not in tensors:
        raise _damaged("names no weights", folder / STATE_FILE)
    weights = tensors["weights.safetensors"]
    if "optimizer" not in content:
        raise CheckpointError(
            "the checkpoint holds weights only and cannot be resumed from",
            path=folder,
            remedy="resume from checkpoints/last",
        )
    _restore_weights(state.model, weights, folder)
    if state.average is not None:
        _restore_weights(state.average, tensors.get("average.safetensors", {}), folder)
    try:
        _restore_optimizer(state.optimizer, tensors["optimizer.safetensors"], content["optimizer"])
        state.restore_position(content)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        what = f"does not hold what a training needs ({type(error).__name__}: {quoted(error)})"
        raise _damaged(what, folder / STATE_FILE) from None


def load_weights(folder: Path, model: nn.Module) -> int:
    """Restore only the network that a checkpoint would deploy; returns its number of full epochs.

    Raises:
        CheckpointError: when it is incomplete, damaged, or of another network.
    """
    content = _read_state(folder)
    if "average.safetensors" in content["files"]:
        averaged = _load(folder / "average.safetensors")
        prefix = "module."
        weights = {k[len(prefix) :]: v for k, v in averaged.items() if k.startswith(prefix)}
    else:
        weights = _load(folder / "weights.safetensors")
    _restore_weights(model, weights, folder)
    return len(content["history"])


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / STATE_FILE
    try:
        content = read_json_object(path)
        files = content["files"]
        damaged = [name for name, digest in files.items() if _digest(folder / name) != digest]
        if _content_digest(content) != content["sha256"]:
            damaged.insert(0, STATE_FILE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(f"is incomplete: {error}", path) from None
    if damaged:
        raise _damaged(f"has a damaged {damaged[0]}", folder / damaged[0])
    if content.get("format") != FORMAT:
        raise _damaged(f"has the unknown format {content.get('format')}", path)
    return content


def _damaged(what: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint {what}", path=path, remedy="resume from an earlier one, or start again"
    )


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors; raises OSError where safetensors words one of its own, as of a full disk."""
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        code = int(number[1])
        raise OSError(code, os.strerror(code), str(path)) from error


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise _damaged(f"has a damaged {path.name}: {error}", path) from None


def _content_digest(content: Mapping[str, Any]) -> str:
    """Digest of what state.json says, however it is laid out; numbers survive JSON exactly."""
    said = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors on the CPU, contiguous and without shared memory, as safetensors wants them."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }


def _restore_weights(model: nn.Module, tensors: Mapping[str, Tensor], folder: Path) -> None:
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(
            f"the checkpoint is of another network: {str(error).splitlines()[-1].strip()}",
            path=folder,
            remedy="use the model and the settings that the run was started with",
        ) from None


def _optimizer_state(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors named '<parameter number>.<key>', and the plain values beside them."""
    packed = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for number, entries in packed["state"].items():
        for key, value in entries.items():
            (tensors if isinstance(value, Tensor) else plain)[f"{number}.{key}"] = value
    return _copied(tensors), {"plain": plain, "groups": packed["param_groups"]}


def _restore_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], content: Mapping[str, Any]
) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **content["plain"]}.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
    for parameter in parameters:
        for key, value in optimizer.state.get(parameter, {}).items():
            # Fused kernels walk parameter and moments in one stride; saving made them contiguous.
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                laid_out = torch.empty_like(parameter, dtype=value.dtype)
                optimizer.state[parameter][key] = laid_out.copy_(value)
