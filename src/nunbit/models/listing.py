"""Listing of models: size, cost, and the weights that exist for each.

A list stays quick: it builds nunbit's own networks and few of the zoos', without values; for the
rest it has what the libraries have published, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nunbit.errors import UsageError
from nunbit.models.info import ModelInfo
from nunbit.models.pretrained import Weights, find_weights, known_weights
from nunbit.models.summary import summarise_name

FEW = 12
"""Models of timm that are built for a list; each takes up to a second."""


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """Published weights of a model."""

    name: str
    """The name as --pretrained takes it."""
    licence: str
    """The licence as their publisher states it; empty if unknown."""
    here: bool
    """True if the file is on this machine, so that no network is needed."""


@dataclass(frozen=True, kw_only=True)
class ListedModel:
    """One line of the list."""

    info: ModelInfo
    parameters: int | None
    """Number in the published form; None if not known without building it."""
    multiply_adds: int | None
    """Count for one input of the published form; torchvision publishes them in millions. None if
    not known without building it."""
    weights: tuple[KnownWeights, ...]

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON takes it."""
        return {
            "name": self.info.name,
            "origin": self.info.origin,
            "takes": self.info.takes,
            "input": list(self.info.input),
            "classes": self.info.classes,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "weights": [
                {"name": known.name, "licence": known.licence or None, "here": known.here}
                for known in self.weights
            ],
            "source": self.info.source,
        }


def describe(models: Sequence[ModelInfo], *, asked: str = "") -> tuple[ListedModel, ...]:
    """The lines of these models, in their order; nothing is downloaded.

    In a long list, timm's models have their default weights and no count; the one called `asked`
    has all of it nevertheless.
    """
    few = sum(info.origin == "timm" for info in models) <= FEW
    return tuple(
        _described(info, fully=few or info.origin != "timm" or asked in _names(info))
        for info in models
    )


def _names(info: ModelInfo) -> tuple[str, str]:
    return info.name, info.name.rpartition("/")[2]


def _described(info: ModelInfo, *, fully: bool) -> ListedModel:
    parameters, multiply_adds = info.parameters, info.multiply_adds
    if info.origin == "torchvision":
        multiply_adds = _published_multiply_adds(info)
    elif fully and (parameters is None or multiply_adds is None):
        counted = _counted(info)
        if counted is not None:
            parameters, multiply_adds = counted
    weights = {known.name: known for known in known_weights(info)}
    if fully and info.origin == "timm":
        weights |= {known.name: known for known in _all_tags(info)}
    return ListedModel(
        info=info,
        parameters=parameters,
        multiply_adds=multiply_adds,
        weights=tuple(
            KnownWeights(name=known.name, licence=known.licence, here=known.here() is not None)
            for known in weights.values()
        ),
    )


def _all_tags(info: ModelInfo) -> Iterator[Weights]:
    """The weights of one of timm's architectures under all tags, where no tag was asked for."""
    import timm

    bare = info.name.rpartition("/")[2]
    for name in [] if "." in bare else timm.list_pretrained(f"{bare}.*"):
        yield find_weights(f"timm/{name}")


def _counted(info: ModelInfo) -> tuple[int, int] | None:
    """Parameters and multiply-adds of the published form; None if it cannot be built here."""
    try:
        summary = summarise_name(info.name, measure=False)
    except UsageError:
        return None
    return summary.parameters, summary.multiply_adds


def _published_multiply_adds(info: ModelInfo) -> int | None:
    import torchvision

    published = torchvision.models.get_model_weights(info.name.rpartition("/")[2]).DEFAULT.meta
    billions = published.get("_ops")
    return None if billions is None else round(billions * 1e9)
