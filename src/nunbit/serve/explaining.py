"""Pictures of what the network looked at, where a run is served on torch and captum is installed.

One at a time, on a copy of the network: the maps are made with hooks in its layers, which would see
the pictures of others if the engine's own network were taken.
"""

from __future__ import annotations

import io
import threading
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from PIL import Image

from nunbit.errors import UsageError
from nunbit.predictor import Predictor
from nunbit.runtime.classifier import ExportedClassifier
from nunbit.serve.problems import Problem, too_busy

METHODS = ("grad-cam", "integrated-gradients")
"""The first one that suits the network is taken."""
_SHOWN = 320
"""Pixels of the longer side, at least half of it."""


def can_explain(predictor: Predictor) -> bool:
    """Tell whether a model can be looked into on this computer."""
    return not isinstance(predictor, ExportedClassifier) and find_spec("captum") is not None


class Explainer:
    """Makes one picture at a time."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._copied: tuple[Predictor, Any] | None = None

    def png(self, predictor: Predictor, data: bytes) -> bytes:
        """PNG of a picture's canvas, faded, under what speaks for the predicted class in orange.

        Raises Problem where the model cannot be looked into, or another picture is being made;
        UnusableImage.
        """
        if not can_explain(predictor):
            raise Problem(
                404,
                "no_explanations",
                "this model is served without its layers",
                remedy="serve the run itself, with the extras train and explain installed",
            )
        if not self._busy.acquire(blocking=False):
            raise too_busy("another picture is being explained", seconds=2)
        try:
            return self._made(predictor, data)
        finally:
            self._busy.release()

    def _made(self, predictor: Predictor, data: bytes) -> bytes:
        from nunbit.reports.explanation.pictures import enlarged, overlay, scale_end

        explanation = self._explained(predictor, data)
        values = explanation.attributions[0].values
        picture = overlay(explanation.canvas, values, scale_end(values))
        buffer = io.BytesIO()
        Image.fromarray(enlarged(picture, _SHOWN)).save(buffer, "PNG")
        return buffer.getvalue()

    def _explained(self, predictor: Predictor, data: bytes) -> Any:
        if self._copied is None or self._copied[0] is not predictor:
            bundle: Any = predictor.bundle  # type: ignore[attr-defined]
            own: Any = type(predictor)
            self._copied = predictor, own(replace(bundle, model=deepcopy(bundle.model)))
        classifier = self._copied[1]
        for method in METHODS:
            try:
                (explanation,) = classifier.explain(
                    [data], methods=(method,), stages=False, checks=False
                )
            except UsageError:  # it does not suit this network
                continue
            return explanation
        raise Problem(
            422,
            "no_explanations",
            "no method suits this network",
            remedy="nunbit explain RUN FILE says more",
        )
