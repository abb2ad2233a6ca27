"""The network of an export, run by OpenVINO in float32.

N canvases, H height, W width, C channels, K classes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import BundleError
from nunbit.extras import extras_named
from nunbit.runtime.engine import INPUT, OUTPUTS, EngineAnswers, check_belongs
from nunbit.runtime.exported import Exported

_TELEMETRY = "openvino_telemetry"
_ONE_AT_A_TIME = threading.Lock()
"""Held by the thread that is inside OpenVINO: two can wait for each other for ever."""


class OpenVinoEngine:
    """A compiled network of OpenVINO; several threads may ask it at once.

    Their passes follow one another, each over as many cores as OpenVINO takes.
    """

    def __init__(self, exported: Exported, *, threads: int | None = None) -> None:
        """Open the network; see `nunbit.runtime.engines.open_engine`."""
        with extras_named(), _nothing_reported():
            import openvino
        path = exported.network
        # On processors that have bfloat16, OpenVINO computes in it unless told otherwise: logits
        # are then off in the second decimal.
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            with _ONE_AT_A_TIME:
                core = openvino.Core()
                network = core.read_model(path)
                compiled = core.compile_model(network, "CPU", settings)
                self._request = compiled.create_infer_request()
                carried = _carried(network)
        except Exception as error:  # OpenVINO's errors have no common root
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise BundleError(f"OpenVINO cannot read the network: {reason}", path=path) from error
        check_belongs(
            exported,
            inputs={each.any_name: _shape(each) for each in network.inputs},
            outputs={each.any_name: _shape(each) for each in network.outputs},
            carried=carried,
        )

    def answer(self, canvases: NDArray[np.uint8]) -> EngineAnswers:
        """Probabilities and logits of canvases, uint8 [N, H, W, C]."""
        batch = np.ascontiguousarray(canvases)
        with _ONE_AT_A_TIME:
            found = self._request.infer({INPUT: batch})
            # The request's own memory holds the next answers.
            return EngineAnswers(*(np.array(found[name]) for name in OUTPUTS))


def _carried(network: Any) -> str:
    """The contract in the network's metadata, as JSON; empty where there is none."""
    place = ["framework", "nunbit"]
    return str(network.get_rt_info(place).value) if network.has_rt_info(place) else ""


def _shape(port: Any) -> list[int | None]:
    """The shape of an input or output, None where it is free."""
    return [None if side.is_dynamic else side.get_length() for side in port.partial_shape]


@contextmanager
def _nothing_reported() -> Iterator[None]:
    """Hide the package by which OpenVINO reports its import to its makers.

    It would write an identifier into the user's home and send an event, unasked. OpenVINO has a
    stand-in for where that package is not installed.
    """
    hide = _TELEMETRY not in sys.modules
    if hide:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hide:
            sys.modules.pop(_TELEMETRY, None)
