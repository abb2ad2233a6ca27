"""Networks with fresh weights, made from a model's name."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.models.catalog import model_info
from nunbit.models.head import add_hidden_layer
from nunbit.models.info import BUILD_ERRORS, Dropout, ModelInfo, Shape
from nunbit.models.pretrained import transfer, weights_for

_LOG = logging.getLogger(__name__)


def create_model(  # noqa: PLR0913 - what a bundle records to build its network again
    name: str,
    *,
    classes: int | None = None,
    channels: int | None = None,
    height: int | None = None,
    width: int | None = None,
    dropout: Dropout = None,
    head_hidden: int | None = None,
    generator_seed: int | None = None,
    pretrained: str | None = None,
) -> nn.Module:
    """A network from float [B, C, H, W] to logits [B, classes], on the CPU, in training mode.

    The name alone gives the published form: classes, channels, height and width not given are
    those of its `ModelInfo`. Models on flat features [B, d] take d as `width`, those on graphs the
    features of a node. `dropout` is one probability for all dropout layers or one for each. With
    `generator_seed` the weights depend on the seed alone, and the global random generator stays as
    it was; without it, they are drawn from it. In training mode, `googlenet` and `inception_v3`
    return a named tuple whose field `logits` is accompanied by those of their auxiliary
    classifiers.

    With `head_hidden` the final linear layer becomes two, with so many units and ReLU between them,
    drawn again; such a network is nunbit's own, and no longer timm's or torchvision's.

    `pretrained` names weights to start from, as `nunbit.models.pretrained.find_weights` takes them;
    they fit or it is an error, but for a new head where they know another number of classes. They
    want images prepared as in their training: `nunbit.load(NAME)` and `nunbit.train` see to that.

    Raises UsageError for an unknown name, or a shape, dropout or head that the model cannot have;
    WeightsError for weights that are missing, damaged or do not fit.
    """
    info = model_info(name)
    if classes is None:
        classes = _published_classes(info)
    shape = Shape(
        info.input.channels if channels is None else channels,
        info.default_height if height is None else height,
        info.default_width if width is None else width,
    )
    check_model_settings(info, shape=shape, classes=classes, dropout=dropout)
    if head_hidden is not None and head_hidden < 1:
        raise UsageError(f"a hidden layer has at least one unit, not {head_hidden}")
    with _seeded(generator_seed):
        try:
            network = info.build(shape, classes, dropout)
        except BUILD_ERRORS as error:
            raise UsageError(f"{info.name} cannot be built in this way: {error}") from error
    if pretrained is not None:
        weights = weights_for(pretrained, info)
        for remark in transfer(network, weights, info=info, shape=shape, classes=classes):
            _LOG.info(remark)
    if head_hidden is not None:
        with _seeded(generator_seed):
            add_hidden_layer(network, shape, units=head_hidden)
    return network


def _published_classes(info: ModelInfo) -> int:
    """The number of classes of the published form; UsageError for an encoder, which has none."""
    if info.classes < 1:
        raise UsageError(
            f"{info.name} was published without classes", remedy="give their number as classes"
        )
    return info.classes


def check_model_settings(info: ModelInfo, *, shape: Shape, classes: int, dropout: Dropout) -> None:
    """Raise UsageError, as `create_model` does, without building the network."""
    if classes < 1:
        raise UsageError(f"a model needs at least one class, not {classes}")
    if shape.height < 1 or shape.width < 1:
        raise UsageError(f"an image of {shape.height} × {shape.width} pixels is empty")
    rows = shape.height if info.takes == "features" else 1
    if info.takes != "images" and (shape.channels > 1 or rows > 1):
        raise UsageError(
            f"{info.name} takes {info.takes}, not images",
            remedy="leave channels and height out, and give the number of features as width",
        )
    if shape.channels not in info.channels:
        accepted = " or ".join(map(str, info.channels))
        raise UsageError(
            f"{info.name} takes images with {accepted} channels, not {shape.channels}",
            remedy=f"ask for channels={info.channels[-1]} (in nunbit train: --set pixels.colour="
            f"{'grey' if info.channels[-1] == 1 else 'rgb'}); grey images are repeated in each",
        )
    if not info.resizable and shape[1:] != info.input[1:]:
        raise _impossible_size(info, shape)
    _check_dropout(info, dropout)
    if not info.accepts(shape):
        raise _impossible_size(info, shape)


def _check_dropout(info: ModelInfo, dropout: Dropout) -> None:
    """Raise UsageError if the model does not have these dropout layers."""
    if dropout is None:
        return
    if info.dropouts == 0:
        raise UsageError(
            f"{info.name} has no dropout layer to set", remedy="leave dropout out of the settings"
        )
    if isinstance(dropout, tuple) and len(dropout) != info.dropouts:
        raise UsageError(
            f"{info.name} has {info.dropouts} dropout layer(s), but {len(dropout)} are given"
        )
    for probability in dropout if isinstance(dropout, tuple) else (dropout,):
        if not 0 <= probability < 1:
            raise UsageError(f"a dropout probability lies from 0 to below 1, not {probability}")


def _impossible_size(info: ModelInfo, shape: Shape) -> UsageError:
    asked = f"{info.name} cannot work on images of {shape.height} × {shape.width} pixels"
    own = f"{info.default_height} × {info.default_width}"
    if not info.resizable:
        return UsageError(asked, remedy=f"this model is built for {own} only: ask for that size")
    least = f"{info.minimum_size} × {info.minimum_size}"
    remedy = f"the smallest size that works is {least}"
    if info.sizes_in_steps:
        remedy += f"; not every larger one does, but its own, {own}, is sure to"
    elif least != own:
        remedy += f"; its own is {own}"
    return UsageError(asked, remedy=remedy)


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Draw from a generator of this seed, then give the global one its state back."""
    if seed is None:
        yield
        return
    # Only the CPU's generator: weights are drawn there, and torch.manual_seed would reset the
    # generators of the accelerators as well.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
