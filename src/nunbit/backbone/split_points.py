"""Split points of a network: the ends of its stages, found from its structure.

The network is followed as a graph (`nunbit.backbone.graph`). A place to split it is a node through
whose single tensor everything flows from the image to the logits. Places in a row whose maps have
about the same size are one stage; a stage ends

- at its last place that lies outside of blocks (the fewest enclosing modules that are more than a
  sequence), which is where its last block ends, and is not the bare output of a convolution, which
  a normalisation and an activation are still to come to;
- for the last stage, right before the last parameters: at the input of the head.

What multiplies nothing (pooling, a lone normalisation) joins the stage before it. Where fewer than
three stages come of that, as in transformers, whose tokens do not grow fewer, a stage ends after
each quarter of the multiply-adds.
A network that cannot be followed, or flows through several tensors everywhere, has one split
point: the input of its final linear layer.

B images in a batch, C channels, H height, W width, D features, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.fx import Node

from nunbit.backbone.graph import Followed, articulations, follow
from nunbit.backbone.measure import Measured, measure
from nunbit.errors import UsageError
from nunbit.models.head import head_input

MAX_STAGE_FRACTION = 0.45
"""Maps with at most this fraction of the places before them begin a stage; 3 x 3 to 2 x 2 does."""
MIN_STAGES = 3
MAX_ASPECT_CHANGE = 0.75
"""Change of the logarithm of the aspect ratio beyond which a tensor is not a map of the image."""
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True, kw_only=True)
class SplitPoint:
    """One tensor through which everything flows, at the end of a stage."""

    name: str
    """Name of the outermost module that ends here (`named_modules`), or of the operation."""
    node: str
    """Name in the followed graph; '' where the network cannot be followed."""
    shape: tuple[int, ...]
    """Shape of one image's tensor: (C, H, W), (H, W, C), (T, D) or (D,)."""
    channel_dim: int
    """Dimension of `shape` that counts channels."""
    stage: int
    """0 for the first; split point i ends stage i."""
    parameters_before: int
    """Numbers that training could change up to here."""
    multiply_adds_before: int
    """Count for one image, up to here."""

    @property
    def channels(self) -> int:
        """Length of the vector that `pooled` gives."""
        return self.shape[self.channel_dim]

    def pooled(self, values: Tensor) -> Tensor:
        """[B, *shape] -> [B, channels], averaged over all places; vectors stay as they are."""
        places = [dim for dim in range(1, values.ndim) if dim != 1 + self.channel_dim]
        return values.mean(dim=places) if places else values


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A node at which the network could be split."""

    node: Node
    name: str
    blocks: int
    """Enclosing modules that are more than a sequence, the network itself left out."""
    bare: bool
    """True if it is the output of a convolution or a linear layer as it is."""
    shape: tuple[int, ...]
    channel_dim: int
    parameters: int
    multiply_adds: int

    @property
    def positions(self) -> int:
        """Pixels of a map, or tokens; 1 of a vector."""
        return math.prod(self.shape) // max(1, self.shape[self.channel_dim])


def find_split_points(model: nn.Module, shape: Sequence[int]) -> tuple[SplitPoint, ...]:
    """The ends of the stages in the order of the data flow; the last is the input of the head.

    `shape` is (C, H, W) of an image. The last is always there. The result depends on the
    network's structure alone; its weights, mode and device do not matter and stay as they are.
    Raises UsageError where there is nothing before the head, or the network cannot be followed and
    does not end in a linear layer.
    """
    followed = follow(model)
    places = [] if followed is None else _places(followed, measure(followed, shape), shape)
    if not places:
        return (_input_of_head(model, shape),)
    ends = _ends_of_stages(places)
    if len(ends) < MIN_STAGES:
        ends = _quarters(places)
    return tuple(
        SplitPoint(
            name=place.name,
            node=place.node.name,
            shape=place.shape,
            channel_dim=place.channel_dim,
            stage=stage,
            parameters_before=place.parameters,
            multiply_adds_before=place.multiply_adds,
        )
        for stage, place in enumerate(ends)
    )


def _places(followed: Followed, measured: Measured, shape: Sequence[int]) -> list[_Place]:
    """Possible split points: tensors of one image each, before the last parameters."""
    found: list[_Place] = []
    before, channel_dim = tuple(shape), 0
    through = set(articulations(followed.graph))
    for node in followed.graph.nodes:
        size = measured.shapes.get(node.name)
        if size is None or not 1 <= len(size) <= 3 or math.prod(size) == 0:
            continue
        if node not in through:
            if _is_convolution(followed, node):  # whose layout is certain
                before, channel_dim = size, 0
            continue
        if measured.parameters[node.name] == measured.total_parameters:
            break
        dim = dim_of_channels(size, before, channel_dim)
        if dim is None:
            continue
        before, channel_dim = size, dim
        name, blocks = _boundary(followed, node)
        found.append(
            _Place(
                node=node,
                name=name,
                blocks=blocks,
                bare=_is_convolution(followed, node) or _is_linear(followed, node),
                shape=size,
                channel_dim=channel_dim,
                parameters=measured.parameters[node.name],
                multiply_adds=measured.multiply_adds[node.name],
            )
        )
    return _never_finer_again(found)


def _never_finer_again(places: Sequence[_Place]) -> list[_Place]:
    """The places without those that later ones outnumber, such as windows for a while."""
    kept: list[_Place] = []
    for place in reversed(places):
        if not kept or place.positions >= kept[-1].positions:
            kept.append(place)
    return kept[::-1]


def dim_of_channels(size: Sequence[int], before: Sequence[int], channel_dim: int) -> int | None:
    """Dimension that counts channels, judged by what came before: torch does not say.

    Of maps, the first or the last, whichever leaves the aspect ratio as it was, and None where
    neither does, as in windows; of two dimensions, the one that is not the number of places before.
    """
    if len(size) == 1:
        return 0
    places = [n for dim, n in enumerate(before) if dim != channel_dim] or [1]
    if len(size) == 2:
        count = math.prod(places)
        first, second = (abs(math.log(n / count)) for n in size)
        return 1 if first <= second else 0
    aspect = places[0] / places[1] if len(places) == 2 else 1.0
    first = abs(math.log(size[1] / size[2] / aspect))
    last = abs(math.log(size[0] / size[1] / aspect))
    if min(first, last) > MAX_ASPECT_CHANGE:
        return None
    return 0 if first <= last else 2


def _boundary(followed: Followed, node: Node) -> tuple[str, int]:
    """Name of the outermost module that ends at this node, and how many blocks it lies within."""
    own = followed.path(node)
    shared = min((_common(own, followed.path(user)) for user in node.users), key=len, default=())
    name = ".".join(own[: len(shared) + 1]) if len(own) > len(shared) else node.name
    modules = (".".join(shared[: end + 1]) for end in range(len(shared)))
    blocks = [m for m in modules if not isinstance(followed.origin.get_submodule(m), CONTAINERS)]
    return name, len(blocks)


def _is_convolution(followed: Followed, node: Node) -> bool:
    return node.op == "call_module" and isinstance(
        followed.get_submodule(str(node.target)), nn.modules.conv._ConvNd
    )


def _is_linear(followed: Followed, node: Node) -> bool:
    return node.op == "call_module" and isinstance(
        followed.get_submodule(str(node.target)), nn.Linear
    )


def _common(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
    length = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    return one[: min(len(one), len(two)) if length is None else length]


def _ends_of_stages(places: Sequence[_Place]) -> list[_Place]:
    """The end of each stage; what multiplies nothing, or never ends well, joins a neighbour."""
    stages: list[list[_Place]] = [[places[0]]]
    for before, place in pairwise(places):
        if place.positions <= MAX_STAGE_FRACTION * before.positions:
            stages.append([])
        stages[-1].append(place)
    last = places[-1]
    ends = [ended[-1] for stage in stages[:-1] if (ended := _outermost(_activated(stage)))]
    return [
        end for end, later in pairwise([*ends, last]) if later.multiply_adds > end.multiply_adds > 0
    ] + [last]


def _quarters(places: Sequence[_Place]) -> list[_Place]:
    """The place after each quarter of the multiply-adds, and the last."""
    last = places[-1]
    ends: list[_Place] = []
    for quarter in (1, 2, 3):
        low, high = (last.multiply_adds * part / 4 for part in (quarter, quarter + 1))
        within = [p for p in _activated(places) if low <= p.multiply_adds < high]
        if candidates := _outermost(within):
            work = candidates[0].multiply_adds
            ends.append([p for p in candidates if p.multiply_adds == work][-1])
    return [end for end in ends if 0 < end.multiply_adds < last.multiply_adds] + [last]


def _activated(places: Sequence[_Place]) -> list[_Place]:
    return [place for place in places if not place.bare]


def _outermost(places: Sequence[_Place]) -> list[_Place]:
    fewest = min((place.blocks for place in places), default=0)
    return [place for place in places if place.blocks == fewest]


def _input_of_head(model: nn.Module, shape: Sequence[int]) -> SplitPoint:
    """The only split point of a network in which no place is found."""
    name, size = head_input(model, shape)
    head = model.get_submodule(name)
    parameters = sum(p.numel() for p in model.parameters()) - sum(
        p.numel() for p in head.parameters()
    )
    if parameters == 0:
        raise UsageError(
            "the network has one layer only: there is nothing before its head to split off"
        )
    return SplitPoint(
        name=f"input of {name}",
        node="",
        shape=size,
        channel_dim=len(size) - 1,
        stage=0,
        parameters_before=parameters,
        multiply_adds_before=0,
    )
