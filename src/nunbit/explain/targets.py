"""The layer whose maps Grad-CAM weighs: the last that still knows places.

A layer's output counts as maps if it is [B, C, h, w], [B, h, w, C] (as in Swin and ConvNeXt), or a
row of tokens for the places of the last maps before it, with a few others in front, [B, T, C] (as
in vision transformers). Of those that ran once, before the final layer with weights, chosen is the
last

- that is not the bare output of a convolution or a linear layer, which a normalisation and an
  activation are still to come to;
- whose places matter to the answer: behind its last attention, a transformer may read the class
  token alone;
- whose maps measure at least `MIN_PIXELS` pixels, or as many as the network's finest below that;
- and of the layers with maps of that size, one that lies within the fewest blocks (modules that are
  more than a sequence): inside a block, other ways lead past it.

B images in a batch, C channels, H and W of an image, h and w of a map, T tokens.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nunbit.backbone.split_points import CONTAINERS, dim_of_channels
from nunbit.errors import UsageError
from nunbit.explain.disable_inplace import out_of_place
from nunbit.models.meta_tensors import reference_tensor
from nunbit.models.mode import evaluation_mode
from nunbit.seeds import Purpose, torch_rng_for
from nunbit.suggest import suggest

MIN_PIXELS = 7
"""Pixels of the shorter side of a map, as the last maps of most networks have for 224 x 224."""
MAX_OTHER_TOKENS = 8
"""Tokens in front of those that stand for places: a class token, one for distillation,
registers."""
_NO_CHOICE = (nn.Conv2d, nn.Linear, nn.modules.dropout._DropoutNd, nn.Identity)
"""Bare outputs, and what does nothing while the network predicts."""
OTHER_METHODS = "use integrated-gradients or occlusion, which work with every network"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Arrangement of maps in a layer's output."""

    height: int
    width: int
    kind: str
    """channels first, channels last, or tokens."""
    others: int = 0
    """Tokens in front of those that stand for places."""

    @property
    def places(self) -> int:
        """Pixels of a map."""
        return self.height * self.width

    @property
    def side(self) -> int:
        """Pixels of the shorter side of a map."""
        return min(self.height, self.width)

    def maps(self, output: Tensor) -> Tensor:
        """A layer's output as [B, C, h, w]."""
        if self.kind == "channels first":
            return output
        if self.kind == "channels last":
            return output.movedim(-1, 1)
        places = output[:, self.others :]
        return places.movedim(-1, 1).reshape(len(output), -1, self.height, self.width)

    def output(self, maps: Tensor, before: Tensor) -> Tensor:
        """[B, C, h, w] as the layer's output that it was; `before` has the other tokens."""
        if self.kind == "channels first":
            return maps
        if self.kind == "channels last":
            return maps.movedim(1, -1)
        return torch.cat([before[:, : self.others], maps.flatten(2).movedim(1, -1)], dim=1)


@dataclass(frozen=True, kw_only=True)
class _Ran:
    """A module that ran on one image."""

    name: str
    module: nn.Module
    given: Tensor | None
    """Its first argument, [1, ...]."""
    output: Tensor
    """[1, ...]."""


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A layer that could be chosen."""

    name: str
    output: Tensor
    layout: Layout
    blocks: int
    """Blocks that contain it."""


def grad_cam_layer(model: nn.Module, shape: Sequence[int]) -> str:
    """Name of the module, as `named_modules` has it; `shape` is (C, H, W) of an image.

    The network runs once on noise, forwards and back; its weights, modes and hooks stay as they
    are. Raises UsageError, naming other methods, where the network has no maps.
    """
    ran = _watch(model, shape)
    candidates = _candidates(model, ran, shape)
    enough = min(MIN_PIXELS, max((c.layout.side for c in candidates), default=0))
    fit = [c for c in candidates if c.layout.side >= enough]
    decides = _what_decides(ran)
    last = next((c for c in reversed(fit) if _places_matter(decides, c.output, c.layout)), None)
    if last is not None:
        same = [c for c in fit if c.layout.places == last.layout.places and c.blocks <= last.blocks]
        same.reverse()
        for chosen in sorted(same, key=lambda c: c.blocks):
            if _places_matter(decides, chosen.output, chosen.layout):
                return chosen.name
    raise UsageError(
        f"Grad-CAM needs maps of the image, and no layer of this {type(model).__name__} has any",
        remedy=OTHER_METHODS,
    )


@contextlib.contextmanager
def maps_of(model: nn.Module, layer: str, shape: Sequence[int]) -> Iterator[nn.Module]:
    """A module that, inside, is handed the layer's output as maps [B, C, h, w] in every pass.

    It is an identity that stands behind the layer while the context lasts: what is done to its
    output is done to the network. `shape` is (C, H, W) of an image. Raises UsageError if there is
    no such layer, or its output is not a set of maps.
    """
    layout = _layout_of(model, layer, shape)
    place = nn.Identity()

    def through(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return layout.output(place(layout.maps(output)), output)

    handle = model.get_submodule(layer).register_forward_hook(through)
    try:
        yield place
    finally:
        handle.remove()


def _layout_of(model: nn.Module, layer: str, shape: Sequence[int]) -> Layout:
    names = [name for name, _ in model.named_modules() if name]
    if layer not in names:
        remedy = suggest(layer, names, limit=3) or "leave the layer out"
        raise UsageError(f"the network has no layer called {layer!r}", remedy=remedy)
    ran = _watch(model, shape)
    at = [i for i, each in enumerate(ran) if each.name == layer]
    if not at:
        raise UsageError(
            f"the layer {layer} does not run when the network predicts, or gives no single tensor",
            remedy="choose another layer, or leave it out: a suitable one is found",
        )
    if len(at) > 1:
        raise UsageError(
            f"the layer {layer} runs {len(at)} times in one pass: it is unclear which is meant",
            remedy="choose another layer, or leave it out: a suitable one is found",
        )
    layout = _layouts(ran[: at[0] + 1], shape)[-1]
    if layout is None:
        raise UsageError(
            f"the layer {layer} gives {[*ran[at[0]].output.shape[1:]]} for an image, and no maps",
            remedy="choose another layer, or leave it out: a suitable one is found",
        )
    if not _places_matter(_what_decides(ran), ran[at[0]].output, layout):
        raise UsageError(
            f"what the layer {layer} says of places does not reach the network's answer",
            remedy="choose an earlier layer, or leave it out: a suitable one is found",
        )
    return layout


def _watch(model: nn.Module, shape: Sequence[int]) -> list[_Ran]:
    """Every module that gives one tensor, in the order in which they end."""
    ran: list[_Ran] = []
    names = {module: name for name, module in model.named_modules()}

    def keep(module: nn.Module, given: tuple[Any, ...], output: Any) -> Any:
        if not isinstance(output, Tensor) or not output.requires_grad:
            return None
        first = given[0] if given and isinstance(given[0], Tensor) else None
        ran.append(_Ran(name=names[module], module=module, given=first, output=output))
        # What comes next may write into its input: it gets a copy.
        return output.clone()

    home = reference_tensor(model)
    noise = torch.randn((1, *shape), generator=torch_rng_for(0, Purpose.NOISE))
    handles = [module.register_forward_hook(keep) for module in names]
    try:
        with (
            evaluation_mode(model),
            out_of_place(model),
            torch.enable_grad(),
            torch.autocast(home.device.type, enabled=False),
        ):
            model(noise.to(home).requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    return ran


def _candidates(model: nn.Module, ran: Sequence[_Ran], shape: Sequence[int]) -> list[_Candidate]:
    """Modules that ran once, give maps and come before the final layer with weights."""
    weighted = [i for i, each in enumerate(ran) if _has_weights_alone(each.module)]
    before_head = ran[: weighted[-1]] if weighted else ran
    often = Counter(each.name for each in before_head)
    return [
        _Candidate(
            name=each.name, output=each.output, layout=layout, blocks=_blocks(model, each.name)
        )
        for each, layout in zip(before_head, _layouts(before_head, shape), strict=True)
        if layout is not None and often[each.name] == 1 and not isinstance(each.module, _NO_CHOICE)
    ]


def _blocks(model: nn.Module, name: str) -> int:
    """Modules that a module lies within, sequences and the network itself left out."""
    parts = name.split(".")
    around = (model.get_submodule(".".join(parts[:end])) for end in range(1, len(parts)))
    return sum(not isinstance(module, CONTAINERS) for module in around)


def _layouts(ran: Sequence[_Ran], shape: Sequence[int]) -> list[Layout | None]:
    """Arrangement of maps in each output; None for an output without maps.

    Maps grow coarser through a network. What seems to be a finer one after a coarser one is
    something else: what attention compares, a square for each head, or coarse maps that were
    repeated to reach the size that a head wants.
    """
    found: list[Layout | None] = []
    size, at = tuple(shape), 0
    coarsest = Layout(height=shape[1], width=shape[2], kind="channels first")
    for each in ran:
        own = tuple(each.output.shape[1:])
        layout = None
        if len(each.output) == 1 and len(own) == 3:
            dim = 0 if isinstance(each.module, nn.Conv2d) else dim_of_channels(own, size, at)
            if dim is not None:
                layout = _of_maps(own, dim)
        elif len(each.output) == 1 and len(own) == 2:
            layout = _of_tokens(own, coarsest)
        if layout is not None and layout.places > coarsest.places:
            layout = None
        if layout is not None and layout.places > 1:
            coarsest = layout
            if len(own) == 3:
                size, at = own, 0 if layout.kind == "channels first" else 2
        found.append(layout if layout is not None and layout.places > 1 else None)
    return found


def _of_maps(own: tuple[int, ...], dim: int) -> Layout:
    height, width = (n for i, n in enumerate(own) if i != dim)
    kind = "channels first" if dim == 0 else "channels last"
    return Layout(height=height, width=width, kind=kind)


def _of_tokens(own: tuple[int, ...], places: Layout) -> Layout | None:
    others = own[0] - places.places
    if not 0 <= others <= MAX_OTHER_TOKENS:
        return None
    return Layout(height=places.height, width=places.width, kind="tokens", others=others)


def _has_weights_alone(module: nn.Module) -> bool:
    """Tell whether a module has weights and no parts."""
    return next(module.children(), None) is None and next(module.parameters(), None) is not None


def _what_decides(ran: Sequence[_Ran]) -> Tensor:
    """Input of the final layer with weights, whose own weights may all be zero at the start."""
    given = [each.given for each in ran if _has_weights_alone(each.module)]
    return ran[-1].output if not given or given[-1] is None else given[-1]


def _places_matter(decides: Tensor, output: Tensor, layout: Layout) -> bool:
    """Tell whether a tensor depends on more than one place of a layer's output."""
    weights = torch.linspace(1, 2, decides.numel()).to(decides).reshape(decides.shape)
    with torch.enable_grad():
        weighed = (decides * weights).sum()
    (gradient,) = torch.autograd.grad(weighed, output, retain_graph=True, allow_unused=True)
    if gradient is None:
        return False
    per_place = layout.maps(gradient).abs().amax(dim=(0, 1))
    return int((per_place > 0).sum()) > 1
