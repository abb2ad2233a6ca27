"""The network of a run with its first weights, and the state that its training begins with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nunbit.config.resolved import (
    ResolvedModel,
    ResolvedTraining,
)
from nunbit.data.dataset import Dataset
from nunbit.errors import UsageError
from nunbit.finetune.heads import HIDDEN
from nunbit.models.catalog import model_info
from nunbit.models.create import create_model
from nunbit.models.info import Shape
from nunbit.models.initialise import initialise
from nunbit.models.pretrained import Weights, transfer
from nunbit.models.whitening import WHITENING_IMAGES, whiten_first_layer
from nunbit.seeds import Purpose, derive_seed
from nunbit.training.optim import make_optimizer, parameter_groups
from nunbit.training.state import TrainingState, make_average

HEAD_HIDDEN = "head_hidden"
"""Argument of `create_model`: units of a hidden layer in the head."""

MIN_SIZE_FRACTION = 0.5
"""Fraction of the sides that weights were trained with, below which a run warns: on 359 pictures,
EfficientNet-lite0's features lose one or two points down to half of its 224 pixels, twelve at 64
and 45 at 32."""


def check_batches_of_one(
    network: nn.Module, shape: tuple[int, int, int], *, model: str, batch_size: int
) -> None:
    """Refuse batches of one image where a last map of one pixel leaves nothing to normalise by.

    Args:
        network: on the CPU; it is not changed.
        shape: channels, height and width of an image.
        model: name of the network, for the message.
        batch_size: images of a training step.

    Raises:
        UsageError: before anything is trained.
    """
    if batch_size != 1:
        return
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            copy.deepcopy(network).train()(torch.zeros(1, *shape))
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise UsageError(
                f"{model} cannot train on batches of one image of {shape[1]} × {shape[2]} pixels: "
                "its last map is a single pixel, and batch normalisation needs two values",
                remedy="--set training.batch_size=2 or more, or a larger --image-size",
            ) from None


def new_model(
    wanted: ResolvedModel, dataset: Dataset, *, seed: int
) -> tuple[nn.Module, tuple[str, ...]]:
    """The network with its first weights, on the CPU, and what there is to say about them.

    Its head is the published one; see `with_hidden_layer`.

    Raises:
        WeightsError: when pretrained weights are missing, damaged or do not fit.
        UsageError: when the first layer is to whiten and cannot.
    """
    draws, options = derive_seed(seed, Purpose.WEIGHTS), model_options(wanted, dataset)
    model = create_model(wanted.name, **options, generator_seed=draws)
    if wanted.initialisation == "whitening":
        whiten_first_layer(model, _some_training_images(dataset))
    else:
        initialise(model, wanted.initialisation, seed=draws)
    weights = wanted.weights
    if weights is None:
        return model, ()
    remarks = transfer(
        model,
        weights,
        info=model_info(wanted.name),
        shape=Shape(options["channels"], options["height"], options["width"]),
        classes=options["classes"],
        class_names=dataset.classes,
        strict=wanted.strict,
    )
    return model, (*remarks, *_size_remarks(weights, dataset))


def _some_training_images(dataset: Dataset) -> Tensor:
    """Evenly spread over the training part, as the network gets them: float32 [N, C, H, W]."""
    rows = dataset.split.indices("train")
    rows = rows[:: -(-len(rows) // WHITENING_IMAGES)]
    (pixels,) = dataset.pixels.stream([rows])
    return dataset.preprocess.network_input(pixels, pixels.device)


def _size_remarks(weights: Weights, dataset: Dataset) -> list[str]:
    """Remarks on images that are much smaller than those of the weights' training."""
    if weights.input is None:
        return []
    contract = dataset.preprocess
    theirs = weights.input.height, weights.input.width
    fraction = min(contract.height / theirs[0], contract.width / theirs[1])
    if fraction >= MIN_SIZE_FRACTION:
        return []
    return [
        f"warning: images of {contract.height} × {contract.width} pixels are less than half of the "
        f"{theirs[0]} × {theirs[1]} that the weights were trained with, and what they know is "
        f"worth less there; --image-size {theirs[0]} costs time and gains accuracy."
    ]


def with_hidden_layer(
    model: nn.Module, wanted: ResolvedModel, dataset: Dataset, *, seed: int
) -> nn.Module:
    """The network with one layer more in its head, which is drawn; all else is that of `model`."""
    options = model_options(wanted, dataset, hidden_layer=True)
    draws = derive_seed(seed, Purpose.WEIGHTS)
    deeper = create_model(wanted.name, **options, generator_seed=draws)
    own = deeper.state_dict()
    shared = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in own and own[name].shape == tensor.shape
    }
    deeper.load_state_dict(shared, strict=False)
    return deeper


def model_options(
    model: ResolvedModel, dataset: Dataset, *, hidden_layer: bool = False
) -> dict[str, Any]:
    """Arguments of `create_model` that rebuild the network."""
    return {
        "classes": len(dataset.classes),
        "channels": dataset.preprocess.channels,
        "height": dataset.preprocess.height,
        "width": dataset.preprocess.width,
        **({} if model.dropout is None else {"dropout": model.dropout}),
        **({HEAD_HIDDEN: HIDDEN} if hidden_layer else {}),
    }


def new_state(
    model: nn.Module,
    training: ResolvedTraining,
    *,
    device: torch.device,
    scales: Mapping[str, float] | None = None,
) -> TrainingState:
    """Network, optimiser and average before the first step.

    What requires no gradient gets no place in the optimiser; `scales` are those of
    `parameter_groups`.
    """
    layout = torch.channels_last if training.channels_last else torch.contiguous_format
    model = model.to(device).to(memory_format=layout)
    optimizer = make_optimizer(
        training.optimizer,
        parameter_groups(
            model,
            training.weight_decay,
            decay_biases_and_norms=training.decay_biases_and_norms,
            scales=scales,
        ),
        learning_rate=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
    )
    average = make_average(model, training.ema_decay)
    return TrainingState(model=model, optimizer=optimizer, average=average)
