"""The exported network in whole numbers of 8 bits, by onnxruntime's static quantisation.

N canvases, H height, W width, C channels.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from nunbit.errors import ExportError
from nunbit.export.network import INPUT

QUANTIZED = (
    *("Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "Concat"),
    *("MaxPool", "AveragePool", "GlobalAveragePool"),
)
"""Operations in 8 bits. Not the softmax, whose steps would be of 0.4 %."""
_BATCH = 8


def quantize_network(
    network: Path, canvases: Sequence[NDArray[np.uint8]], target: Path
) -> onnx.ModelProto:
    """Write the quantised network to `target`, with the metadata of the first; returns it.

    Activations are uint8, weights int8 with a scale for each channel, ranges the smallest and the
    greatest value that some training canvases, uint8 [H, W, C] each, give. Of the schemes of
    onnxruntime this one kept most answers of EfficientNet-lite0; one scale for a whole layer, which
    is the default, kept a third of them.

    Raises:
        ExportError: when onnxruntime cannot quantise the network.
    """
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises its own preprocessing, which changes nothing here
    try:
        quantize_static(
            network,
            target,
            _Canvases(canvases),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTIZED),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_first_and_last(onnx.load(network)),
        )
    except Exception as error:  # onnxruntime's tools have no common root of errors
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(
            f"onnxruntime cannot quantise the network: {reason[0][:300]}",
            remedy="leave --quantize out",
        ) from error
    finally:
        logger.setLevel(level)
    model = onnx.load(target)
    given = onnx.load(network)
    del model.metadata_props[:]
    model.metadata_props.extend(given.metadata_props)
    model.producer_name, model.producer_version = given.producer_name, given.producer_version
    model.ir_version = given.ir_version
    target.write_bytes(model.SerializeToString())
    return model


def _first_and_last(model: onnx.ModelProto) -> list[str]:
    """Nodes before the first layer with weights, and after the last: normalising, temperature."""
    nodes = list(model.graph.node)
    weighted = [i for i, node in enumerate(nodes) if node.op_type in ("Conv", "Gemm", "MatMul")]
    if not weighted:
        return []
    return [node.name for node in (*nodes[: weighted[0]], *nodes[weighted[-1] + 1 :])]


class _Canvases(CalibrationDataReader):  # type: ignore[misc]
    """Training canvases in batches, as onnxruntime asks for them."""

    def __init__(self, canvases: Sequence[NDArray[np.uint8]]) -> None:
        self._batches = self._all(canvases)

    @staticmethod
    def _all(canvases: Sequence[NDArray[np.uint8]]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(canvases), _BATCH):
            yield {INPUT: np.stack(canvases[start : start + _BATCH])}

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, or None at the end."""
        return next(self._batches, None)
