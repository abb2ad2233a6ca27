"""Values that a setting may have, in words, read from the annotation that checks it."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

OPTIONS: Mapping[str, str] = {
    "model.name": "--model",
    "model.pretrained": "--pretrained",
    "transfer.mode": "--transfer",
    "training.epochs": "--epochs",
    "training.minutes": "--minutes",
    "seed": "--seed",
    "device": "--device",
    "pixels.image_size": "--image-size",
    "pixels.fit": "--fit",
    "augment.preset": "--augment",
    "data.manifest": "--split",
    "data.corrections": "--corrections",
}
"""Options of the command line that set what the configuration checks by itself."""
_ENDLESS = 2**60
"""A limit beyond it is one of the number's storage."""
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")


def allowed_values(field: FieldInfo) -> str:
    """Name what a setting may be: `auto, or a whole number of at least 1`."""
    ways = list(dict.fromkeys(_ways(field.annotation, field.metadata)))
    if len(ways) == 1:
        return ways[0]
    comma = "," if any(" " in way for way in ways) else ""
    return f"{', '.join(ways[:-1])}{comma} or {ways[-1]}"


def _ways(annotation: Any, metadata: Iterable[Any] = ()) -> Iterator[str]:
    """Name each alternative of an annotation; None is how a setting is left out, so never said."""
    origin, inner = get_origin(annotation), get_args(annotation)
    limits = _limits(metadata)
    if origin is Annotated:
        yield from _ways(inner[0], (*metadata, *inner[1:]))
    elif origin in (Union, types.UnionType):
        for each in inner:
            yield from _ways(each)
    elif origin is Literal:
        yield from map(str, inner)
    elif origin is tuple:
        yield _list(inner, limits)
    elif origin is dict:
        yield f"a table from name to {_one_of(inner[1])}"
    elif annotation is bool:
        yield from ("true", "false")
    elif annotation is int:
        yield f"a whole number{_between(limits)}"
    elif annotation is float:
        yield f"a number{_between(limits)}"
    elif annotation is str:
        yield "a text"
    elif annotation is not types.NoneType:
        yield "a table of settings"


def _list(inner: tuple[Any, ...], limits: Mapping[str, Any]) -> str:
    if inner[-1] is not Ellipsis:
        return f"a list of {len(inner)}, each {_one_of(inner[0])}"
    length = ""
    if "max_length" in limits:
        length = f" of {limits.get('min_length', 0)} to {limits['max_length']}"
    return f"a list{length}, each {_one_of(inner[0])}"


def _one_of(annotation: Any) -> str:
    return " or ".join(_ways(annotation))


def _limits(metadata: Iterable[Any]) -> dict[str, Any]:
    """The limits among what stands beside a type, by the name that pydantic gives them."""
    found: dict[str, Any] = {}
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            found |= _limits(entry.metadata)
        else:
            found |= {name: getattr(entry, name) for name in _LIMITS if hasattr(entry, name)}
    return found


def _between(limits: Mapping[str, Any]) -> str:
    """Words such as ` from 0 to 255`; none where a user could not meet the limits."""
    if "ge" in limits and "le" in limits:
        return f" from {limits['ge']} to {limits['le']}"
    words = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [
        f"{word} {limits[name]}"
        for name, word in words.items()
        if name in limits and limits[name] < _ENDLESS
    ]
    return f" {' and '.join(said)}" if said else ""
