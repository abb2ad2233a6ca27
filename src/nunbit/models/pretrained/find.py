"""Weights for what the user typed after --pretrained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nunbit.errors import UsageError, WeightsError
from nunbit.models.catalog import model_info
from nunbit.models.info import ModelInfo
from nunbit.models.pretrained.packaged import ARCHITECTURE, NAME, efficientnet_lite0
from nunbit.models.pretrained.saved import saved_weights
from nunbit.models.pretrained.weights import Weights
from nunbit.models.pretrained.zoo import timm_weights, torchvision_weights
from nunbit.models.zoo import timm_names, torchvision_names
from nunbit.suggest import suggest

_ZOOS = {"torchvision": torchvision_weights, "timm": timm_weights}
_ENDINGS = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".tar")


def find_weights(name: str) -> Weights:
    """The weights meant by a path or a name; the file is not read, and nothing is downloaded.

    A path that exists wins. Names are `efficientnet-lite0`, and torchvision's and timm's models,
    with or without the tag of one of their weights and with or without their origin: `resnet18`,
    `torchvision/resnet18.IMAGENET1K_V1`, `timm/convnext_atto.d2_in1k`. A bare name that both zoos
    know is torchvision's.

    Raises UsageError for an unknown name; WeightsError if the path holds no weights.
    """
    if Path(name).exists():
        return saved_weights(Path(name))
    if name == NAME:
        return efficientnet_lite0()
    origin, slash, bare = name.rpartition("/")
    finders = _ZOOS if not slash else {k: v for k, v in _ZOOS.items() if k == origin}
    for find in finders.values():
        if (found := find(bare)) is not None:
            return found
    raise _unknown(name)


def weights_for(name: str, info: ModelInfo) -> Weights:
    """Weights as `find_weights` finds them, for one network.

    Raises UsageError also where the weights are known to be of another network.
    """
    weights = find_weights(name)
    if weights.architecture is not None:
        theirs = model_info(weights.architecture).name
        if theirs.partition(".")[0] != info.name.partition(".")[0]:
            raise UsageError(
                f"the weights {weights.name} are of {theirs}, not of {info.name}",
                remedy=f"leave --model out, or choose weights of {info.name}",
            )
    return weights


def known_weights(info: ModelInfo) -> Iterator[Weights]:
    """All named weights of a model; nunbit's own models have none."""
    name = info.name.rpartition("/")[2]
    if info.origin == "torchvision":
        import torchvision

        for member in torchvision.models.get_model_weights(name):
            if (found := torchvision_weights(f"{name}.{member.name}")) is not None:
                yield found
    if info.name.partition(".")[0] == ARCHITECTURE:
        yield efficientnet_lite0()
    if info.origin == "timm" and (found := timm_weights(name)) is not None:
        yield found


def _unknown(name: str) -> UsageError:
    if name.endswith(_ENDINGS) or name.startswith((".", "/", "~")):
        return UsageError(
            "there is no such file of weights", path=name, remedy="check the path of --pretrained"
        )
    bare = name.rpartition("/")[2].partition(".")[0]
    if bare in timm_names() or bare in torchvision_names():
        return UsageError(
            f"no weights are called {name!r}, though the model is known",
            remedy=f"{_tags(bare)}, or train from scratch: --model {bare} --pretrained none",
        )
    names = dict.fromkeys((NAME, *torchvision_names(), *timm_names()))
    accepted = f"give a model of torchvision or timm, {NAME}, a run's folder, or a file"
    return UsageError(
        f"no weights are called {name!r}, and there is no such file",
        remedy=suggest(name, names, rest=accepted, limit=3, prefer=_is_here),
    )


def _is_here(name: str) -> bool:
    try:
        return find_weights(name).here() is not None
    except (UsageError, WeightsError):
        return False


def _tags(model: str) -> str:
    import timm
    import torchvision

    names = [f"timm/{name}" for name in timm.list_pretrained(f"{model}.*")]
    if model in torchvision_names():
        members = torchvision.models.get_model_weights(model)
        names = [*(f"torchvision/{model}.{m.name}" for m in members), *names]
    return f"it has {', '.join(names)}" if names else "nobody has published any"
