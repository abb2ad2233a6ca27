"""Every model by name: nunbit's own in one table, torchvision's and timm's passed through.

A new model is one file beside this one and one line of `FAMILIES`: see docs/models.md.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from importlib import import_module

from nunbit.errors import UsageError
from nunbit.models import zoo
from nunbit.models.info import ModelInfo
from nunbit.suggest import suggest

FAMILIES = (
    "smallcnn",
    "patchcnn",
    "perceptron",
    "mlp",
    "fashion",
    "mnist_cnn",
    "cifar",
    "keras_cnn",
    "lenet",
    "alexnet",
    "vgg",
    "googlenet",
    "resnet",
    "row_rnn",
    "boltzmann",
    "gcn",
)
"""Files in `networks`, each with the tuple `MODELS`, in the order in which they are listed."""

CATALOGUE: dict[str, ModelInfo] = {
    info.name: info
    for family in FAMILIES
    for info in import_module(f"nunbit.models.networks.{family}").MODELS
}
"""nunbit's own models by name."""


def model_info(name: str) -> ModelInfo:
    """Look up the facts about the model called `name`.

    A bare name is looked for in nunbit's catalogue, then in torchvision, then in timm;
    "torchvision/..." and "timm/..." ask one of them. Raises UsageError for an unknown name.
    """
    origin, slash, bare = name.rpartition("/")
    finders = _FINDERS if not slash else {k: v for k, v in _FINDERS.items() if k == origin}
    for find in finders.values():
        if (info := find(bare)) is not None:
            return info
    raise UsageError(
        f"no model is called {name!r}",
        remedy=suggest(name, _all_names(), limit=3)
        or "`nunbit models` lists all names; `nunbit models WORD` those with a word",
    )


def image_model(name: str) -> ModelInfo:
    """`model_info` of a model that takes images.

    Raises UsageError for an unknown name, or a model that takes something else.
    """
    info = model_info(name)
    if info.takes == "images":
        return info
    takes = {"features": "flat features [B, d]", "graphs": "graphs (adjacency and node features)"}
    raise UsageError(
        f"{info.name} takes {takes[info.takes]}, not images",
        remedy=f"choose another model: `nunbit models` lists them; in Python, nunbit.create_model"
        f"({info.name!r}, ...) builds this one for your own loop",
    )


def list_models(pattern: str = "") -> tuple[ModelInfo, ...]:
    """All models whose name contains `pattern`, or matches it if it has *, ? or [; nunbit's first.

    Upper and lower case are the same. An empty result is an empty tuple.
    """
    wanted = pattern.lower()
    if not any(sign in wanted for sign in "*?["):
        wanted = f"*{wanted}*"
    names = (*CATALOGUE, *_zoo_names())
    return tuple(
        model_info(name)
        for name in names
        if fnmatch.fnmatchcase(name, wanted) or fnmatch.fnmatchcase(name.rpartition("/")[2], wanted)
    )


_FINDERS: dict[str, Callable[[str], ModelInfo | None]] = {
    "nunbit": CATALOGUE.get,
    "torchvision": zoo.torchvision_info,
    "timm": zoo.timm_info,
}


def _zoo_names() -> list[str]:
    return [
        *(f"torchvision/{name}" for name in zoo.torchvision_names()),
        *(f"timm/{name}" for name in zoo.timm_names()),
    ]


def _all_names() -> list[str]:
    """Every accepted name, bare and with its origin, nunbit's first."""
    bare = dict.fromkeys((*CATALOGUE, *zoo.torchvision_names(), *zoo.timm_names()))
    return [*bare, *_zoo_names()]
