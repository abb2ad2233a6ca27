"""The network of an export and what runs it: canvases in, probabilities out.

N canvases, H height, W width, C channels, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.documents import parse_json
from nunbit.errors import BundleError, UsageError
from nunbit.runtime.exported import Exported

INPUT, OUTPUTS = "image", ("probabilities", "logits")
_ERRORS_ONLY = 3


class EngineAnswers(NamedTuple):
    """Outputs of the network."""

    probabilities: NDArray[np.float32]
    """[N, K], calibrated."""
    logits: NDArray[np.float32]
    """[N, K]"""


class NetworkEngine(Protocol):
    """A network ready to answer; several threads may ask it at once."""

    def answer(self, canvases: NDArray[np.uint8]) -> EngineAnswers:
        """Probabilities and logits of canvases, uint8 [N, H, W, C]."""


class OnnxEngine:
    """A session of onnxruntime; several threads may ask it at once."""

    def __init__(self, exported: Exported, *, threads: int | None = None) -> None:
        """Open the network; see `nunbit.runtime.engines.open_engine`."""
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise UsageError(
                "onnxruntime is not installed, and exported models run on it",
                remedy="python -m pip install onnxruntime",
            ) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        if threads is not None:
            options.intra_op_num_threads = threads
        # Threads that wait actively take a busy machine's time from each other.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = exported.network
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no common root
            reason = str(error).splitlines()[0]
            raise BundleError(
                f"onnxruntime cannot read the network: {reason}", path=path
            ) from error
        check_belongs(
            exported,
            inputs={each.name: each.shape for each in self._session.get_inputs()},
            outputs={each.name: each.shape for each in self._session.get_outputs()},
            carried=self._session.get_modelmeta().custom_metadata_map.get("nunbit", ""),
        )

    def answer(self, canvases: NDArray[np.uint8]) -> EngineAnswers:
        """Probabilities and logits of canvases, uint8 [N, H, W, C]."""
        batch = np.ascontiguousarray(canvases)
        probabilities, logits = self._session.run(list(OUTPUTS), {INPUT: batch})
        return EngineAnswers(probabilities, logits)


Shape: TypeAlias = Sequence[int | str | None]
"""Shape of an input or output; a number where it is fixed."""


def check_belongs(
    exported: Exported,
    *,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    carried: str,
) -> None:
    """Raise BundleError unless the network was exported with this contract.

    `carried` is the contract as JSON that stands in the network's own metadata.
    """
    contract, classes = exported.preprocess, len(exported.classes)
    shape = [contract.height, contract.width, contract.channels]
    try:
        same = parse_json(carried) == {k: v for k, v in exported.contract.items() if k != "files"}
    except ValueError:
        same = False
    fits = list(inputs.get(INPUT, []))[1:] == shape and all(
        list(outputs.get(name, []))[1:] == [classes] for name in OUTPUTS
    )
    if not (same and fits):
        raise BundleError(
            "the network and the contract beside it are not of one export",
            path=exported.network,
            remedy="restore the folder as `nunbit export` wrote it",
        )
