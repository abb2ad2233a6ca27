"""Batch normalisation with fixed statistics, folded into the convolution before it.

In evaluation mode y = (W * x + b - mean) / sqrt(variance + eps) * gamma + beta is one convolution
with other weights: a pass over every feature map is saved, and the result differs by rounding only.
"""

from __future__ import annotations

from collections import Counter
from typing import cast

from torch import nn
from torch.fx import Graph, GraphModule, Node
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nunbit.models.mode import evaluation_mode

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def fuse_conv_bn(piece: nn.Module) -> nn.Module:
    """Fuse batch normalisation into convolutions where possible, for evaluation mode.

    `piece` is one of `features.pieces`, and stays as it is; what is not changed is shared with it.
    A network that could not be followed is given back itself. Later changes of the piece's weights
    do not reach the folded one.
    """
    if not isinstance(piece, GraphModule):
        return piece
    with evaluation_mode(piece):
        return _fuse(piece)


def _fuse(piece: GraphModule) -> GraphModule:
    modules = dict(piece.named_modules())
    calls = Counter(str(node.target) for node in piece.graph.nodes if node.op == "call_module")
    graph = Graph()
    known: dict[Node, Node] = {}
    for node in piece.graph.nodes:
        convolution = _folds_into(node, modules, calls)
        if convolution is None:
            known[node] = graph.node_copy(node, lambda old: known[old])
            continue
        name = str(convolution.target)
        norm = cast(nn.BatchNorm2d, modules[str(node.target)])
        modules[name] = fuse_conv_bn_eval(cast(nn.Conv2d, modules[name]), norm)
        known[node] = known[convolution]
        if _has_activation(norm):
            after = [getattr(norm, part) for part in ("drop", "act")]
            modules[str(node.target)] = nn.Sequential(*after)
            known[node] = graph.call_module(str(node.target), (known[convolution],))
    return GraphModule({**_tensors(piece, graph), **_called(modules, graph)}, graph, "Folded")


def _folds_into(node: Node, modules: dict[str, nn.Module], calls: Counter[str]) -> Node | None:
    """The convolution that takes this normalisation up; None where there is none."""
    if node.op != "call_module" or not _is_foldable(modules[str(node.target)]):
        return None
    before = node.args[0] if node.args else None
    if not isinstance(before, Node) or before.op != "call_module" or len(before.users) != 1:
        return None
    # Exactly torch's own layers: one that standardises its weights first cannot take a scale up.
    is_plain = type(modules[str(before.target)]) in _CONVOLUTIONS
    once = calls[str(before.target)] == calls[str(node.target)] == 1
    return before if is_plain and once else None


def _is_foldable(module: nn.Module) -> bool:
    plain = type(module) in _NORMS or _has_activation(module)
    return plain and getattr(module, "running_mean", None) is not None


def _has_activation(module: nn.Module) -> bool:
    """Tell whether it is timm's normalisation with an activation behind it in one layer."""
    return type(module).__name__ == "BatchNormAct2d" and isinstance(module, nn.BatchNorm2d)


def _called(modules: dict[str, nn.Module], graph: Graph) -> dict[str, nn.Module]:
    names = {str(node.target) for node in graph.nodes if node.op == "call_module"}
    return {name: modules[name] for name in names}


def _tensors(piece: nn.Module, graph: Graph) -> dict[str, object]:
    """Parameters and buffers that the graph reads itself."""
    found = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            owner, _, name = str(node.target).rpartition(".")
            found[str(node.target)] = getattr(piece.get_submodule(owner), name)
    return found
