"""Weights in a file or folder that the user names: state dicts, bundles, runs, timm's folders."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nunbit.documents import read_json_object
from nunbit.errors import WeightsError
from nunbit.models.pretrained.reading import read_tensors
from nunbit.models.pretrained.weights import Weights, WeightsInput
from nunbit.models.pretrained.zoo import timm_input

_CONFIG, _CONTRACT = "config.json", "nunbit.json"
_FILES = ("model.safetensors", "pytorch_model.bin")


def saved_weights(path: Path) -> Weights:
    """The weights in a state-dict file, a bundle, a run's folder or a folder that timm wrote.

    A file that lies beside its config.json is taken together with it; of another, neither network
    nor preprocessing is known. Raises WeightsError if the folder holds no model.
    """
    if path.is_file():
        beside = path.name in _FILES and (path.parent / _CONFIG).is_file()
        return _in_folder(path.parent, path.name) if beside else _alone(path, name=str(path))
    for folder in (path, path / "model"):
        if (folder / _CONFIG).is_file():
            file = next((name for name in _FILES if (folder / name).is_file()), _FILES[0])
            return _in_folder(folder, file)
    raise WeightsError(
        "this folder holds no finished model",
        path=path,
        remedy="give a finished run, a model's folder, or a file of weights",
    )


def _alone(
    file: Path,
    *,
    name: str,
    architecture: str | None = None,
    input: WeightsInput | None = None,
    classes: tuple[str, ...] = (),
) -> Weights:
    return Weights(
        name=name,
        architecture=architecture,
        input=input,
        classes=classes,
        here=lambda: file if file.is_file() else None,
        locate=partial(_present, file),
        read=read_tensors,
    )


def _in_folder(folder: Path, file: str) -> Weights:
    config = _read_json(folder / _CONFIG)
    contract_file = folder / _CONTRACT
    described = contract_file if contract_file.is_file() else folder / _CONFIG
    try:
        if contract_file.is_file():
            contract = _read_json(contract_file)
            architecture, wanted = contract["architecture"], _contract_input(contract)
        else:
            architecture = f"timm/{config['architecture']}"
            wanted = timm_input(config["pretrained_cfg"])
        names = config.get("label_names") or config["pretrained_cfg"].get("label_names") or ()
        classes = tuple(map(str, names))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"it does not say how images become the input of its weights: {error!r}",
            path=described,
            remedy="give a folder that nunbit or timm wrote, with all its files",
        ) from None
    return _alone(
        folder / file, name=str(folder), architecture=architecture, input=wanted, classes=classes
    )


def _contract_input(contract: dict[str, Any]) -> WeightsInput:
    """Parts of a bundle's input contract that concern weights."""
    given = contract["preprocess"]
    return WeightsInput(
        channels=given["channels"],
        height=given["height"],
        width=given["width"],
        fit=given["fit"],
        crop_share=given.get("crop_share", 1.0),
        interpolation=given["interpolation"],
        mean=tuple(given["mean"]),
        std=tuple(given["std"]),
    )


def _present(file: Path) -> Path:
    if not file.is_file():
        raise WeightsError(
            f"{file.name} is missing",
            path=file,
            remedy="restore the folder as it was written: its files belong together",
        )
    return file


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path.name} is damaged: {error}", path=path, remedy="restore it from a copy"
        ) from None
