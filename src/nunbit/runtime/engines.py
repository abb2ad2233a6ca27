"""The choice of what runs the network of an export, by its name."""

from __future__ import annotations

from typing import Literal, TypeAlias

from nunbit.runtime.engine import NetworkEngine, OnnxEngine
from nunbit.runtime.exported import Exported
from nunbit.runtime.openvino_engine import OpenVinoEngine

EngineName: TypeAlias = Literal["onnxruntime", "openvino"]


def open_engine(
    exported: Exported, name: EngineName = "onnxruntime", *, threads: int | None = None
) -> NetworkEngine:
    """Open the network of an export on the CPU.

    Args:
        exported: the folder, already held against its hashes.
        name: what runs it.
        threads: number that one pass may use; None leaves it to the engine.

    Raises:
        UsageError: when the engine is not installed.
        BundleError: when the network cannot be read, or is not the contract's.
    """
    if name == "openvino":
        return OpenVinoEngine(exported, threads=threads)
    return OnnxEngine(exported, threads=threads)
