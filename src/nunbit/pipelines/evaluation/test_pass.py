"""The one pass over the test part: answers, what led to them, and what is known of the images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nunbit.bundle import Bundle
from nunbit.data.dataset import Dataset
from nunbit.deployed import Deployed, predict_canvases
from nunbit.evaluation.projection import Features
from nunbit.evaluation.slices import Attribute
from nunbit.pipelines.evaluation.attributes import attributes_of
from nunbit.pipelines.evaluation.feature_map import keep_features
from nunbit.pipelines.evaluation.slices import MeasuredPixels
from nunbit.types import Part, Predictions


@dataclass(frozen=True, kw_only=True)
class EvaluatedPart:
    """Results of a pass over the test part."""

    predictions: Predictions
    attributes: tuple[Attribute, ...] = ()
    """Attributes of the images, in the order of the predictions."""
    features: Features | None = None
    no_features: str = ""
    """Reason why there are none."""


def pass_over_test(dataset: Dataset, bundle: Bundle, *, seed: int) -> EvaluatedPart | None:
    """Predict the test part with the bundle's network, and collect facts about its images.

    No image is decoded twice for it, and nothing is computed twice. None where the part is empty.
    """
    rows = dataset.split.indices("test")
    if len(rows) == 0:
        return None
    pixels = MeasuredPixels(dataset.pixels)
    watched = replace(dataset, pixels=pixels)
    passes = 2 if bundle.mirrored else 1
    with keep_features(
        bundle.model, bundle.preprocess.shape, n=len(rows), seed=seed, passes=passes
    ) as kept:
        predictions = predict_part(watched, bundle, "test")
    assert predictions is not None  # the part is not empty
    return EvaluatedPart(
        predictions=predictions,
        attributes=attributes_of(
            dataset.samples,
            dataset.inspection,
            predictions.indices,
            brightness=pixels.brightness[predictions.indices],
            sharpness=pixels.sharpness[predictions.indices],
        ),
        features=kept.features,
        no_features=kept.missing,
    )


def predict_part(dataset: Dataset, bundle: Bundle, part: Part) -> Predictions | None:
    """Predict a part with a bundle's network; None if the part is empty.

    The probabilities are those at the bundle's temperature.
    """
    batches = dataset.batches(part)
    if batches is None:
        return None
    return predict_canvases(Deployed.of(bundle, device=dataset.device), batches.canvases())
