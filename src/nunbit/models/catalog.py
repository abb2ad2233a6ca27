"""Every model by name: nunbit's own in one table, torchvision's and timm's passed through.

A new model is one file beside this one and one entry of `CATALOGUE`.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable

from nunbit.errors import UsageError
from nunbit.models import fashion, lenet, mnist_cnn, smallcnn, zoo
from nunbit.models.info import ModelInfo, Shape

CATALOGUE: dict[str, ModelInfo] = {
    info.name: info
    for info in (
        ModelInfo(
            name="smallcnn",
            build=smallcnn.smallcnn,
            input=Shape(1, 28, 28),
            dropouts=1,
            follows_data=True,
            parameters=288_170,
            source="nunbit's default for images up to 64 pixels",
        ),
        ModelInfo(
            name="fashion-dnn",
            build=fashion.fashion_dnn,
            input=Shape(1, 28, 28),
            dropouts=2,
            parameters=235_146,
            source="course notes, Fashion-MNIST with linear layers",
        ),
        ModelInfo(
            name="fashion-cnn",
            build=fashion.fashion_cnn,
            input=Shape(1, 28, 28),
            dropouts=1,
            parameters=1_475_338,
            source="course notes, Fashion-MNIST with convolutions",
        ),
        ModelInfo(
            name="mnist-cnn",
            build=mnist_cnn.mnist_cnn,
            input=Shape(1, 28, 28),
            dropouts=2,
            parameters=21_840,
            source="course notes, MNIST with convolutions",
        ),
        ModelInfo(
            name="lenet5",
            build=lenet.lenet5,
            input=Shape(1, 32, 32),
            parameters=61_026,
            classes=2,
            source="LeCun et al. 1998, with ReLU and max pooling as in the course notes",
        ),
        ModelInfo(
            name="cifar-small",
            build=lenet.lenet5,
            input=Shape(3, 32, 32),
            parameters=62_006,
            source="course notes, CIFAR-10: LeNet-5 on colour images",
        ),
    )
}


def model_info(name: str) -> ModelInfo:
    """What is known of the model called `name`.

    A bare name is looked for in nunbit's catalogue, then in torchvision, then in timm;
    "torchvision/..." and "timm/..." ask one of them. Raises UsageError for an unknown name.
    """
    origin, slash, bare = name.rpartition("/")
    finders = _FINDERS if not slash else {k: v for k, v in _FINDERS.items() if k == origin}
    for find in finders.values():
        if (info := find(bare)) is not None:
            return info
    near = difflib.get_close_matches(name, _all_names(), n=3, cutoff=0.6)
    remedy = f"did you mean {' or '.join(near)}?" if near else ""
    raise UsageError(
        f"no model is called {name!r}",
        remedy=remedy or "`nunbit models` lists all names; `nunbit models WORD` those with a word",
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
