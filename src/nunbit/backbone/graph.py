"""A network as a graph of operations, followed symbolically with torch.fx.

Modules stay modules: the graph calls the network's own, so its pieces share parameters, buffers and
mode with it. Followed in evaluation mode: what only happens in training is left out, but for
dropout, which becomes a module again where it was a function.

Not torchvision's `feature_extraction`, which is built on the same tracer: it gives what lies before
a node, never the head from there on, and raises for networks of which a part cannot be followed.
"""

from __future__ import annotations

import contextlib
import inspect
import operator
import sys
import threading
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.fx import Graph, GraphModule, Node, Tracer

from nunbit.models.head import HiddenHead
from nunbit.models.mode import evaluation_mode

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_DROPOUTS: dict[Any, type[nn.Module]] = {
    F.dropout: nn.Dropout,
    F.alpha_dropout: nn.AlphaDropout,
    F.feature_alpha_dropout: nn.FeatureAlphaDropout,
    F.dropout1d: nn.Dropout1d,
    F.dropout2d: nn.Dropout2d,
    F.dropout3d: nn.Dropout3d,
}
_IN_PLACE_OPERATORS = (operator.iadd, operator.isub, operator.imul, operator.itruediv)
_following = threading.Lock()
"""torch.fx puts its own call in the place of `nn.Module.__call__` while it follows, and the former
one back: two threads at once would leave the wrong one behind."""
_FOLLOW_ERRORS = (Exception,)
"""Following runs a network's own Python on values that are none: anything may come of it."""


class Followed(GraphModule):
    """A network as a graph over its own modules."""

    def __init__(self, origin: nn.Module, graph: Graph, paths: dict[str, str]) -> None:
        super().__init__(origin, graph)
        object.__setattr__(self, "origin", origin)  # known, but no part of this module
        self.paths = paths

    origin: nn.Module
    """The network that was followed."""

    def path(self, node: Node) -> tuple[str, ...]:
        """Parts of the name of the module that computed a node; () for the network."""
        return tuple(part for part in self.paths.get(node.name, "").split(".") if part)


def follow(model: nn.Module) -> Followed | None:
    """The network as a graph over its own modules; None where it cannot be followed at all.

    What cannot be followed inside is one node. The model's mode stays.
    """
    tracer = _Tracer()
    try:
        with _following, evaluation_mode(model), torch.no_grad():
            graph = tracer.trace(model, concrete_args=_usual_arguments(model))
    except _FOLLOW_ERRORS:
        return None
    _drop_unused(model, graph)
    if sum(node.op == "placeholder" for node in graph.nodes) != 1:
        return None
    followed = Followed(model, graph, tracer.paths)
    _restore_dropout(followed)
    return followed


def dependent(graph: Graph, *, of: Node | None = None) -> list[Node]:
    """A node, by default the image, and all nodes that depend on it, in order."""
    known: set[Node] = set() if of is None else {of}
    for node in graph.nodes:
        is_image = of is None and node.op == "placeholder"
        if is_image or known.intersection(node.all_input_nodes):
            known.add(node)
    return [node for node in graph.nodes if node in known]


def articulations(graph: Graph) -> list[Node]:
    """Nodes through whose single value everything flows from the image to the output, in order.

    A node is one if no edge passes over it: whatever comes later uses it, and nothing before it.
    The image itself and the output are left out.
    """
    nodes = dependent(graph)
    position = {node: i for i, node in enumerate(nodes)}
    found, farthest = [], 0
    for i, node in enumerate(nodes):
        # So far `farthest` is the last use of any earlier node: beyond i, it passes over node i.
        if node.op not in ("placeholder", "output") and farthest <= i:
            found.append(node)
        farthest = max([farthest, *(position[user] for user in node.users)])
    return found


class _Tracer(Tracer):
    """Follows into modules that have parts, and remembers in which modules it was."""

    def __init__(self) -> None:
        super().__init__(autowrap_functions=_functions_that_are_one())
        self.paths: dict[str, str] = {}
        self._inside: list[str] = []
        self._one = _modules_that_are_one()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Tell leaves: modules without parts, torch's own layers, and those that timm names."""
        if isinstance(m, HiddenHead):
            return True
        if isinstance(m, _CONTAINERS):
            return False
        return (
            super().is_leaf_module(m, module_qualified_name)
            or next(m.children(), None) is None
            or isinstance(m, (nn.modules.batchnorm._BatchNorm, *self._one))
        )

    def call_module(
        self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The call as torch follows it; a module that cannot be followed becomes one node."""
        # While torch.fx follows, every module of the process is called through its tracer, and asks
        # it for its parameters: what other threads do is none of its business.
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        name = self.path_of_module(m)
        with self._in(name):
            if self.is_leaf_module(m, name):
                return self.create_proxy("call_module", name, args, kwargs)
            last = next(iter(reversed(self.graph.nodes)))
            try:
                return super().call_module(m, forward, args, kwargs)
            except _FOLLOW_ERRORS:
                self._forget_after(last)
                return self.create_proxy("call_module", name, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """The attribute as torch gives it, a parameter's proxy; to other threads the parameter."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_node(self, *args: Any, **kwargs: Any) -> Node:
        """The node that torch makes; its place is noted."""
        node = super().create_node(*args, **kwargs)
        self.paths[node.name] = self._inside[-1] if self._inside else ""
        return node

    @contextlib.contextmanager
    def _in(self, name: str) -> Iterator[None]:
        self._inside.append(name)
        try:
            yield
        finally:
            self._inside.pop()

    def _forget_after(self, last: Node) -> None:
        for node in list(reversed(self.graph.nodes)):
            if node is last:
                return
            self.graph.erase_node(node)


def changes_its_input(node: Node, root: nn.Module) -> bool:
    """Tell whether an operation writes into the tensor that it is given."""
    if node.op == "call_module":
        return bool(getattr(root.get_submodule(str(node.target)), "inplace", False))
    name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
    operation = str(name)
    in_place_operator = node.target in _IN_PLACE_OPERATORS
    named_so = operation.endswith("_") and not operation.endswith("__")
    return in_place_operator or named_so or bool(node.kwargs.get("inplace", False))


def _usual_arguments(model: nn.Module) -> dict[str, Any]:
    """Arguments of the network beside the image, each with its default."""
    parameters = list(inspect.signature(model.forward).parameters.values())[1:]
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _drop_unused(root: nn.Module, graph: Graph) -> None:
    """Take out what nobody uses: assertions on shapes, and what only they asked for."""
    for node in reversed(list(graph.nodes)):
        if node.op == "output" or node.users:
            continue
        if node.target is torch._assert or not changes_its_input(node, root):
            graph.erase_node(node)


def _restore_dropout(followed: Followed) -> None:
    """Dropout written as a function was followed with its mode of then; as a module it has one."""
    graph = followed.graph
    for node in list(graph.nodes):
        kind = _DROPOUTS.get(node.target) if node.op == "call_function" else None
        if kind is None:
            continue
        dropped = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 0.5)
        name = f"dropout_of_{node.name}"
        followed.add_submodule(name, kind(dropped).train(followed.training))
        with graph.inserting_before(node):
            new = graph.call_module(name, (node.args[0],) if node.args else (node.kwargs["input"],))
        followed.paths[new.name] = followed.paths[node.name]
        node.replace_all_uses_with(new)
        graph.erase_node(node)
    followed.recompile()


def _modules_that_are_one() -> tuple[type[nn.Module], ...]:
    """Modules that timm declares as leaves, if timm is in use at all."""
    timm = sys.modules.get("timm.models")
    return () if timm is None else tuple(timm.get_notrace_modules())


def _functions_that_are_one() -> tuple[Any, ...]:
    timm = sys.modules.get("timm.models")
    return () if timm is None else tuple(timm.get_notrace_functions())
