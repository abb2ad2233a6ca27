"""An exported model in use, with the face of `nunbit.classifier.Classifier` and without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunks
from nunbit.data.preprocess import Preprocess
from nunbit.errors import UsageError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.predictor import Canvas, Predictor, warn_of_other_resizing
from nunbit.runtime.engine import EngineAnswers
from nunbit.runtime.engines import EngineName, open_engine
from nunbit.runtime.exported import Exported, read_export
from nunbit.types import ClassNames

MAX_BATCH_PIXELS, MIN_BATCH, MAX_BATCH = 400_000, 8, 250
"""Limits of canvases in one pass; the same as on torch, so that a pass stays in a processor's
caches."""


class ExportedClassifier(Predictor):
    """An exported model ready to classify; see `Predictor`."""

    def __init__(
        self,
        exported: Exported,
        *,
        engine: EngineName = "onnxruntime",
        threads: int | None = None,
    ) -> None:
        warn_of_other_resizing(exported.contract.get("versions") or {})
        self.exported = exported
        self._engine = open_engine(exported, engine, threads=threads)

    @property
    def classes(self) -> ClassNames:
        """Names of the K classes, in the order of the probabilities."""
        return self.exported.classes

    @property
    def preprocess(self) -> Preprocess:
        """The input contract: how an image becomes what the network sees."""
        return self.exported.preprocess

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Confidence thresholds by the accuracy above them, such as "0.95"."""
        return self.exported.thresholds

    @property
    def operating_point(self) -> OperatingPoint | None:
        """Threshold of a model of two classes; None where none was chosen."""
        return self.exported.operating_point

    def _probabilities(
        self,
        canvases: Sequence[Canvas],
        *,
        of: int,  # noqa: ARG002 - one engine for any number
    ) -> NDArray[np.float64]:
        return self.answer(canvases).probabilities.astype(np.float64)

    def answer(self, canvases: Sequence[Canvas]) -> EngineAnswers:
        """Probabilities and logits of canvases, uint8 [H, W, C] each, n > 0 of them."""
        contract = self.preprocess
        fitting = MAX_BATCH_PIXELS // (contract.height * contract.width)
        size = min(max(fitting, MIN_BATCH), MAX_BATCH)
        batches = (np.stack(some) for some in chunks(canvases, size))
        answers = [self._engine.answer(batch) for batch in batches]
        return EngineAnswers(*(np.concatenate(each) for each in zip(*answers, strict=True)))

    def explain(self, *_: object, **__: object) -> NoReturn:
        """Refuse: what a network looks at is found in its layers, which an export does not give.

        Raises UsageError.
        """
        raise UsageError(
            "an exported model cannot be explained: its layers are not there",
            remedy="nunbit explain RUN FILE..., with the run that was exported",
        )


def load_export(
    folder: Path, *, engine: EngineName = "onnxruntime", threads: int | None = None
) -> ExportedClassifier:
    """Open the classifier of an exported folder.

    Raises BundleError naming what is missing, damaged or foreign; UsageError where the engine is
    not installed.
    """
    return ExportedClassifier(read_export(folder), engine=engine, threads=threads)
