"""The two halves of a network at a split point, with its own parameters in them.

Make pieces after the network is where it will be used: moving it to another device replaces those
buffers that the network itself holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from nunbit.backbone.graph import Followed, changes_its_input, dependent, follow
from nunbit.backbone.split_points import SplitPoint


def feature_extractor(model: nn.Module, split_point: SplitPoint) -> nn.Module:
    """The network from images [B, C, H, W] to the tensor at the split point, [B, *shape].

    Its parameters and buffers are those of `model`, under the same names. Raises ValueError if the
    split point is not of this network.
    """
    if not split_point.node:
        return _UpToHead(model, _name_of_head(split_point))
    followed, (node,) = _followed(model, [split_point])
    return _before(followed, [node], single=True)


def multi_extractor(model: nn.Module, split_points: Sequence[SplitPoint]) -> nn.Module:
    """The network from images to the tuple of tensors at several split points, in one pass.

    Raises as `feature_extractor`.
    """
    if not split_points[0].node:
        return _AsTuple(feature_extractor(model, split_points[0]))
    followed, nodes = _followed(model, split_points)
    return _before(followed, nodes, single=False)


def head_from(model: nn.Module, split_point: SplitPoint) -> nn.Module:
    """The network from the tensor at the split point, [B, *shape], to logits [B, K].

    Its parameters and buffers are those of `model`, under the same names; it can be trained, and
    dropout follows its mode. Auxiliary classifiers (googlenet, inception_v3) are left out. The
    input is not changed in place. Raises as `feature_extractor`.
    """
    if not split_point.node:
        return _HeadAlone(model, _name_of_head(split_point))
    followed, (node,) = _followed(model, [split_point])
    graph = Graph()
    known = {node: graph.placeholder("maps")}
    if any(changes_its_input(user, followed) for user in node.users):
        known[node] = graph.call_function(torch.clone, (known[node],))
    _copy(graph, known, dependent(followed.graph, of=node)[1:])
    return GraphModule(followed, graph, "HeadFrom")


def _followed(model: nn.Module, split_points: Sequence[SplitPoint]) -> tuple[Followed, list[Node]]:
    followed = follow(model)
    nodes = {} if followed is None else {node.name: node for node in followed.graph.nodes}
    if followed is None or any(split_point.node not in nodes for split_point in split_points):
        raise ValueError(f"{type(model).__name__} has no split point at {split_points[-1].name}")
    return followed, [nodes[split_point.node] for split_point in split_points]


def _before(followed: Followed, ends: Sequence[Node], *, single: bool) -> GraphModule:
    """Part of the graph that leads to some nodes, its outputs."""
    graph = Graph()
    known: dict[Node, Node] = {}
    needed = dependent(followed.graph)
    last = max(needed.index(end) for end in ends)
    _copy(graph, known, needed[: last + 1])
    outputs = tuple(known[end] for end in ends)
    graph.output(outputs[0] if single else outputs)
    return GraphModule(followed, graph, "FeatureExtractor" if single else "MultiExtractor")


def _copy(graph: Graph, known: dict[Node, Node], wanted: Sequence[Node]) -> None:
    """Copy nodes, each after what it needs and does not depend on the image."""

    def bring(node: Node) -> Node:
        if node not in known:
            for needed in node.all_input_nodes:
                bring(needed)
            known[node] = graph.node_copy(node, lambda old: known[old])
        return known[node]

    for node in wanted:
        if node.op == "output":
            graph.output(known[node.args[0]])  # type: ignore[index]
        else:
            bring(node)


def _name_of_head(split_point: SplitPoint) -> str:
    return split_point.name.removeprefix("input of ")


class _Reached(Exception):
    """The input of the head is there; the rest need not be computed."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values


class _UpToHead(nn.Module):
    """A network that cannot be followed, up to what its head is given."""

    def __init__(self, model: nn.Module, head: str) -> None:
        super().__init__()
        self.model = model
        self._head = head

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, D]."""

        def stop(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            raise _Reached(given[0])

        handle = self.model.get_submodule(self._head).register_forward_pre_hook(stop)
        try:
            self.model(images)
        except _Reached as reached:
            return reached.values
        finally:
            handle.remove()
        raise RuntimeError(f"the network did not use its layer {self._head}")

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """Those of the network, under its names, without the head's."""
        for name, parameter in self.model.named_parameters(prefix, recurse, remove_duplicate):
            if not name.removeprefix(prefix + "." * bool(prefix)).startswith(f"{self._head}."):
                yield name, parameter


class _HeadAlone(nn.Module):
    """One layer of a network under its own name."""

    def __init__(self, model: nn.Module, head: str) -> None:
        super().__init__()
        self._head = head
        *containers, last = head.split(".")
        place: nn.Module = self
        for name in containers:
            inner = nn.Module()
            place.add_module(name, inner)
            place = inner
        place.add_module(last, model.get_submodule(head))

    def forward(self, values: Tensor) -> Tensor:
        """[B, D] -> [B, K]."""
        logits: Tensor = self.get_submodule(self._head)(values)
        return logits


class _AsTuple(nn.Module):
    """A module's tensor as a tuple of one."""

    def __init__(self, piece: nn.Module) -> None:
        super().__init__()
        self.piece = piece

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """[B, C, H, W] -> ([B, D],)."""
        return (self.piece(images),)
