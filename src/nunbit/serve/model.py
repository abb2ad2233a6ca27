"""A model ready to be served: loaded, checked against its kit, and named."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError
from nunbit.loading import load_predictor
from nunbit.predictor import Canvas, Predictor
from nunbit.runtime.classifier import ExportedClassifier, load_export
from nunbit.runtime.exported import NETWORK, is_export
from nunbit.serve.batch_sizes import exact_batch_sizes
from nunbit.serve.explaining import can_explain
from nunbit.serve.kit import KitAnswers, check_drawn_kit, check_recorded_kit
from nunbit.serve.settings import check_name

_PAGE = "index.html"
_MODEL_FOLDER = "model"


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model and what callers are told about it; K classes."""

    name: str
    version: str
    """The first digits of a hash of the network, or "" where there is none."""
    architecture: str
    predictor: Predictor
    reading: Preprocess
    """The model's contract, with the server's limit of pixels."""
    batch_sizes: tuple[int, ...]
    """Sizes of passes, the largest first, at which answers are those of each picture alone."""
    kit: KitAnswers

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes, in the order of the probabilities."""
        return self.predictor.classes

    def description(self) -> Mapping[str, Any]:
        """Plain values for callers: nothing about the machine is among them."""
        point = self.predictor.operating_point
        return {
            "name": self.name,
            "version": self.version,
            "architecture": self.architecture,
            "classes": list(self.classes),
            "thresholds": dict(self.predictor.thresholds),
            "operating_point": point and point.to_dict(),
            "preprocess": self.predictor.preprocess.to_dict(),
            "explains": can_explain(self.predictor),
        }


def load_model(path: Path, *, name: str | None, max_pixels: int) -> ServedModel:
    """Load a run, a bundle or an export, and answer its kit.

    Raises BundleError where it is damaged, or answers otherwise than recorded; UsageError naming
    the extra where torch is not installed and `path` is not an exported folder.
    """
    exported = is_export(path)
    if exported and (path / _PAGE).is_file():
        raise BundleError(
            "this is an export for browsers, whose pictures are decoded otherwise",
            path=path,
            remedy="any file server serves it; for nunbit serve: nunbit export RUN --to onnx",
        )
    predictor = load_export(path, threads=cores()) if exported else load_predictor(path)
    kit = check_recorded_kit(predictor, path) if exported else check_drawn_kit(predictor)
    contract = predictor.preprocess
    return ServedModel(
        name=check_name(default_name(path) if name is None else name),
        version=_version(predictor),
        architecture=_architecture(predictor),
        predictor=predictor,
        reading=replace(contract, max_pixels=min(contract.max_pixels, max_pixels)),
        batch_sizes=exact_batch_sizes(lambda some: _outputs(predictor, some), contract),
        kit=kit,
    )


def default_name(path: Path) -> str:
    """Name of the folder; of a run's folder `model`, that of the run."""
    place = path.resolve()
    return place.parent.name if place.name == _MODEL_FOLDER and place.parent.name else place.name


def cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _outputs(predictor: Predictor, canvases: Sequence[Canvas]) -> NDArray[np.floating]:
    """All numbers of the network, [n, 2K] or [n, K]: where it has them, logits hide nothing."""
    if isinstance(predictor, ExportedClassifier):
        return np.concatenate(predictor.answer(canvases), axis=1)
    return predictor.predict_canvases(canvases)


def _version(predictor: Predictor) -> str:
    if isinstance(predictor, ExportedClassifier):
        return str(predictor.exported.contract["files"][NETWORK])[:12]
    return ""


def _architecture(predictor: Predictor) -> str:
    if isinstance(predictor, ExportedClassifier):
        return str(predictor.exported.contract.get("architecture", ""))
    bundle = getattr(predictor, "bundle", None)
    return str(getattr(bundle, "architecture", ""))
