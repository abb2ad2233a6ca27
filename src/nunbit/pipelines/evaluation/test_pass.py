"""The one pass over the test part: answers, what led to them, and what is known of the images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nunbit.bundle import Bundle
from nunbit.evaluation.projection import Features
from nunbit.evaluation.slices import Attribute
from nunbit.pipelines.evaluation.feature_map import keep_features
from nunbit.pipelines.evaluation.slices import MeasuredPixels, attributes_of
from nunbit.pipelines.loading.parts import Parts
from nunbit.types import Predictions


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What a pass over the test part leaves besides the predictions."""

    attributes: tuple[Attribute, ...] = ()
    """Of the images, in the order of the predictions."""
    features: Features | None = None
    no_features: str = ""
    """Why there are none."""


def predict_and_observe(
    parts: Parts, bundle: Bundle, *, seed: int
) -> tuple[Predictions | None, Observed]:
    """What the bundle's network says about the test part, and what the report tells besides.

    No image is decoded twice for it, and nothing is computed twice. None where the part is empty.
    """
    rows = parts.split.indices("test")
    if len(rows) == 0:
        return None, Observed()
    pixels = MeasuredPixels(parts.prepared.pixels)
    watched = replace(parts, prepared=replace(parts.prepared, pixels=pixels))
    passes = 2 if bundle.mirrored else 1
    with keep_features(
        bundle.model, bundle.preprocess.shape, n=len(rows), seed=seed, passes=passes
    ) as kept:
        predictions = watched.predict(bundle, "test")
    assert predictions is not None  # the part is not empty
    return predictions, Observed(
        attributes=attributes_of(parts.prepared, predictions.indices, pixels),
        features=kept.features,
        no_features=kept.missing,
    )
