"""An exported folder: its contract, read and held against its files before anything is answered.

    model.onnx        canvases in, probabilities out
    preprocess.onnx   a decoded picture in, its canvas out
    nunbit.json       the contract: classes, preprocessing, thresholds, hashes of the two

The network's own metadata carry the same contract, so files of two exports cannot be mixed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nunbit.data.preprocess import Preprocess
from nunbit.documents import DocumentError, read_json
from nunbit.errors import BundleError, ConfigError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.types import ClassNames

CONTRACT, NETWORK, PREPROCESSING = "nunbit.json", "model.onnx", "preprocess.onnx"
KIND = "nunbit-onnx"
FORMAT = 1
"""Version of an export's nunbit.json; raised when an older nunbit could misread one."""
MAX_CONTRACT_BYTES = 64 << 20
_TOGETHER = "restore the folder as `nunbit export` wrote it: its files belong together"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """Contents of an exported folder; K classes."""

    folder: Path
    classes: ClassNames
    preprocess: Preprocess
    temperature: float
    """Inside the network already; probabilities need no further scaling."""
    mirrored: bool
    thresholds: Mapping[str, float]
    """Confidence thresholds by the accuracy above them, such as "0.95"."""
    operating_point: OperatingPoint | None = None
    """Threshold of a model of two classes."""
    contract: Mapping[str, Any]
    """All of nunbit.json."""

    @property
    def network(self) -> Path:
        """The file of the network."""
        return self.folder / NETWORK


def is_export(folder: Path) -> bool:
    """Tell whether a folder looks like one that `nunbit export` wrote."""
    return (folder / NETWORK).is_file() and (folder / CONTRACT).is_file()


def read_export(folder: Path) -> Exported:
    """Read the contract of an exported folder, and check that its files belong together.

    Raises:
        BundleError: naming the file that is missing, damaged, foreign or of a newer nunbit.
    """
    contract = _read_contract(folder)
    for name, digest in _hashes(contract, folder).items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{name} is missing from the export", path=path, remedy=_TOGETHER)
        if _sha256(path) != digest:
            raise BundleError(
                f"{name} is damaged, or belongs to another export", path=path, remedy=_TOGETHER
            )
    try:
        classes = _class_names(contract["classes"])
        return Exported(
            folder=folder,
            classes=classes,
            preprocess=Preprocess.from_dict(contract["preprocess"]),
            temperature=_positive(contract["temperature"]),
            mirrored=bool(contract["mirrored"]),
            thresholds=_thresholds(contract["thresholds"]),
            operating_point=OperatingPoint.from_dict(contract.get("operating_point"), classes),
            contract=contract,
        )
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise BundleError(
            f"{CONTRACT} does not describe an exported model: {what}",
            path=folder / CONTRACT,
            remedy=_TOGETHER,
        ) from error


def _read_contract(folder: Path) -> dict[str, Any]:
    path = folder / CONTRACT
    try:
        contract = read_json(path, max_bytes=MAX_CONTRACT_BYTES)
    except FileNotFoundError:
        raise BundleError(
            f"this is not an exported model: it has no {CONTRACT}",
            path=folder,
            remedy="give the folder that `nunbit export` wrote",
        ) from None
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror}", path=path) from error
    except DocumentError as error:
        raise BundleError(f"{CONTRACT} is damaged: {error}", path=path, remedy=_TOGETHER) from error
    if not isinstance(contract, dict) or contract.get("kind") != KIND:
        raise BundleError(
            "this is not an exported ONNX model of nunbit",
            path=folder,
            remedy="give the folder that `nunbit export --to onnx` wrote",
        )
    if contract.get("format") != FORMAT:
        raise BundleError(
            f"the export has format {contract.get('format')!r}, and this nunbit reads {FORMAT}",
            path=path,
            remedy="install the version of nunbit that wrote it, or a later one",
        )
    return contract


def _hashes(contract: Mapping[str, Any], folder: Path) -> dict[str, str]:
    files = contract.get("files")
    if not isinstance(files, dict) or not all(isinstance(files.get(n), str) for n in _HASHED):
        raise BundleError(
            f"{CONTRACT} does not name the model's files",
            path=folder / CONTRACT,
            remedy=_TOGETHER,
        )
    return {name: files[name] for name in _HASHED}


_HASHED = (NETWORK, PREPROCESSING)


def _class_names(value: object) -> ClassNames:
    names = value if isinstance(value, list) else []
    if len(names) < 2 or not all(isinstance(name, str) and name for name in names):
        raise ValueError("classes are not a list of at least two names")
    if len(set(names)) < len(names):
        raise ValueError("a class is named twice")
    return tuple(names)


def _positive(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if not 0 < value < math.inf:
        raise ValueError(f"a temperature is positive and finite, not {value}")
    return float(value)


def _thresholds(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError("thresholds are not a table of accuracies")
    for accuracy, threshold in value.items():
        number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
        if not number or not 0 <= threshold <= 1:
            raise ValueError(f"the threshold for {accuracy} lies outside 0 to 1")
    return {str(accuracy): float(threshold) for accuracy, threshold in value.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
