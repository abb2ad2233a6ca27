"""The network of a bundle as a program of torch (.pt2), which runs without nunbit.

N images in a batch, H height, W width, C channels, K classes.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor, nn

from nunbit.bundle import Bundle
from nunbit.deployed import Deployed
from nunbit.errors import ExportError
from nunbit.seeds import Purpose, rng_for

TRIED_BATCHES = (1, 2, 7)
_OF_THE_MACHINE = ("stack_trace", "source_fn_stack", "from_node", "custom")
"""Entries of a program's nodes that hold paths and source lines of whoever exports."""


def torch_program(bundle: Bundle) -> bytes:
    """The program as the bytes of a .pt2: uint8 [N, H, W, C] -> probabilities, logits [N, K].

    Normalising, the pass over mirror images and the temperature are inside; N may be anything.
    The file holds its example images as a pickle, as torch writes it: they are random.

    Raises:
        ExportError: when torch cannot express the network, or the file read back answers otherwise
            than the bundle, in any bit.
    """
    network = _TwoOutputs(
        Deployed(
            bundle.model.cpu().eval(),
            preprocess=bundle.preprocess,
            temperature=bundle.temperature,
            mirrored=bundle.mirrored,
            probability_dtype=torch.float32,
        )
    ).eval()
    # Of one image, the batch would be burnt in by some networks.
    example = _random_canvases(bundle, 2)
    try:
        with torch.no_grad():
            program = torch.export.export(
                network, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
            )
    except Exception as error:  # torch's exporter has many ways to fail, and no common root
        raise ExportError(
            f"torch cannot express {bundle.architecture} as a program: {error}",
            remedy="choose another network, or --to onnx",
        ) from error
    for node in program.graph.nodes:
        for entry in _OF_THE_MACHINE:
            node.meta.pop(entry, None)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    data = buffer.getvalue()
    _check_bits(network, data, bundle)
    return data


class _TwoOutputs(nn.Module):
    """Both outputs in the order of an export's contract."""

    def __init__(self, deployed: Deployed) -> None:
        super().__init__()
        self.deployed = deployed

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [N, H, W, C] to probabilities and logits."""
        answers = self.deployed(image)
        return answers.probabilities, answers.logits


def _random_canvases(bundle: Bundle, n: int) -> Tensor:
    contract = bundle.preprocess
    shape = (n, contract.height, contract.width, contract.channels)
    values = rng_for(0, Purpose.SAMPLE, n).integers(0, 256, shape, dtype=np.uint8)
    return torch.from_numpy(values)


def _check_bits(network: nn.Module, data: bytes, bundle: Bundle) -> None:
    """Raise ExportError unless the file read back gives the network's answers to the bit."""
    loaded = torch.export.load(io.BytesIO(data)).module()
    for n in TRIED_BATCHES:
        canvases = _random_canvases(bundle, n)
        with torch.no_grad():
            ours, theirs = network(canvases), loaded(canvases)
        if not all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)):
            raise ExportError(
                f"the program answers a batch of {n} otherwise than nunbit does",
                remedy="nothing was written; report it with the versions of `nunbit --version`",
            )
