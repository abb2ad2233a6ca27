"""A small builder of ONNX graphs: one call for each node, names made up, constants stored once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""Version of every graph that nunbit writes: read by onnxruntime and onnxruntime-web of the same
year."""
IR_VERSION = 9
"""The format that belongs to opset 20; onnxruntime-web refuses newer ones than it knows."""


class Graph:
    """Nodes in the order in which they are made; a value is the name of what a node returns."""

    def __init__(self, parent: Graph | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._root: Graph = self if parent is None else parent._root
        if parent is None:
            self._names = count()
            self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
            self.initializers: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node, and return the name of its first output."""
        return self.ops(kind, *inputs, outputs=outputs, **attributes)[0]

    def ops(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node, and return the names of all its outputs."""
        names = [f"v{next(self._root._names)}" for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def constant(self, value: NDArray[Any]) -> str:
        """The name of a stored array; equal ones are stored once."""
        root = self._root
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in root._constants:
            name = f"c{len(root._constants)}"
            root._constants[key] = name
            root.initializers.append(numpy_helper.from_array(value, name))
        return root._constants[key]

    def real(self, value: float) -> str:
        """A float64 number."""
        return self.constant(np.array(value, dtype=np.float64))

    def whole(self, value: int | Sequence[int]) -> str:
        """An int64 number, or a vector of them."""
        return self.constant(np.array(value, dtype=np.int64))

    def vector(self, *numbers: str | int) -> str:
        """Whole numbers, each a value or known, as a vector int64 [n]."""
        one = [
            self.whole([n]) if isinstance(n, int) else self.op("Unsqueeze", n, self.whole([0]))
            for n in numbers
        ]
        return self.op("Concat", *one, axis=0)

    def cast(self, value: str, kind: int) -> str:
        """A value in another type, one of `TensorProto`."""
        return self.op("Cast", value, to=kind)

    def either(
        self, condition: str, yes: Callable[[Graph], str], no: Callable[[Graph], str]
    ) -> str:
        """One of two values; only the nodes of the one that is asked for are run."""
        branches = []
        for build in (yes, no):
            branch = Graph(parent=self)
            result = branch.op("Identity", build(branch))
            info = helper.make_empty_tensor_value_info(result)
            branches.append(
                helper.make_graph(branch.nodes, f"b{next(self._root._names)}", [], [info])
            )
        return self.op("If", condition, then_branch=branches[0], else_branch=branches[1])

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[tuple[str, onnx.ValueInfoProto]],
    ) -> onnx.ModelProto:
        """The checked model; each output is the value that it takes and its name and type."""
        for value, info in outputs:
            self.nodes.append(helper.make_node("Identity", [value], [info.name]))
        graph = helper.make_graph(
            self.nodes, name, list(inputs), [info for _, info in outputs], self.initializers
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="nunbit",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


DOUBLE, FLOAT, INT32, INT64, UINT8, BOOL = (
    TensorProto.DOUBLE,
    TensorProto.FLOAT,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.BOOL,
)
