"""The network of a bundle as one ONNX model: uint8 canvases in, calibrated probabilities out.

N images in a batch, H height, W width, C channels, K classes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import onnx
import torch

from nunbit.bundle import Bundle
from nunbit.deployed import Deployed
from nunbit.errors import ExportError
from nunbit.export.graph import IR_VERSION, OPSET

INPUT, OUTPUTS = "image", ("probabilities", "logits")
_EXAMPLES = 2
"""A batch of one is burnt in by some networks (torch 2.14, vit_b_16), without a word."""


def network_model(bundle: Bundle, *, metadata: Mapping[str, str] | None = None) -> onnx.ModelProto:
    """The model: `image` uint8 [N, H, W, C] -> `probabilities` and `logits`, float32 [N, K].

    Normalising, the network, the pass over mirror images and the temperature are inside; N may be
    anything. `metadata` becomes the model's metadata_props. Nothing of the machine that exports
    is in it: torch writes the paths and source lines of every operation, which are taken out.

    Raises:
        ExportError: when torch cannot express the network in ONNX.
    """
    contract = bundle.preprocess
    deployed = Deployed(
        bundle.model.cpu().eval(),
        preprocess=contract,
        temperature=bundle.temperature,
        mirrored=bundle.mirrored,
        probability_dtype=torch.float32,
    ).eval()
    shape = (_EXAMPLES, contract.height, contract.width, contract.channels)
    example = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator())
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                _NamedOutputs(deployed),
                (example,),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                opset_version=OPSET,
                optimize=True,
                verbose=False,
            )
    except Exception as error:  # torch's exporter has many ways to fail, and no common root
        raise ExportError(
            f"torch cannot express {bundle.architecture} in ONNX: {_first_line(error)}",
            remedy="choose a network that can be exported; `nunbit models` names those tested",
        ) from error
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _strip(model)
    _name_batch(model, len(bundle.classes))
    for key, value in (metadata or {}).items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    return model


class _NamedOutputs(torch.nn.Module):
    """Both outputs in the order of the contract."""

    def __init__(self, deployed: Deployed) -> None:
        super().__init__()
        self.deployed = deployed

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """uint8 [N, H, W, C] to probabilities and logits."""
        answers = self.deployed(image)
        return answers.probabilities, answers.logits


def _strip(model: onnx.ModelProto) -> None:
    """Take out what tells of the machine: paths, source lines, names of Python objects."""
    graph = model.graph
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = "nunbit", ""
    model.doc_string, graph.doc_string, graph.name = "", "", "nunbit"
    del model.metadata_props[:]
    del graph.metadata_props[:]
    parts = [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        parts += function.node
    for part in parts:
        part.doc_string = ""
        del part.metadata_props[:]


def _name_batch(model: onnx.ModelProto, classes: int) -> None:
    """Say N of inputs and outputs by its name, and K as the number that it is."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[1].dim_value = classes
    # Inferred again by every reader; torch's names of its symbols would contradict "N".
    del model.graph.value_info[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what torch's exporter prints about itself; its errors still come."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
