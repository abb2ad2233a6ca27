from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from nunbit.bundle import Bundle
from nunbit.data.dataset import Dataset
from nunbit.evaluation.slices import Attribute, slice_accuracy
from nunbit.models.create import create_model
from nunbit.pipelines.evaluation.summarise import summarise
from nunbit.pipelines.evaluation.test_pass import EvaluatedPart, pass_over_test, predict_part
from nunbit.types import Predictions, Split
from tests.fixtures_data import write_images
from tests.pipelines.evaluation.test_slices import decoded


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two classes of small images; every third is of the test part."""
    folder = write_images(tmp_path_factory.mktemp("data"), ["dark", "light"], per_class=45)
    data = decoded(folder, **{"pixels.image_size": 28})
    n = len(data.samples)
    split = Split(
        paths=data.samples.paths,
        labels=tuple(data.samples.label_name(i) for i in range(n)),
        parts=tuple("test" if i % 3 == 0 else "train" for i in range(n)),
        groups=("",) * n,
        sha256=data.inspection.sha256,
        reasons=("",) * n,
    )
    return data.with_split(split).with_statistics(((0.5,) * 3, (0.25,) * 3))


@pytest.fixture(scope="module")
def bundle(parts: Dataset) -> Bundle:
    shape = {"classes": 2, "channels": 3, "height": 28, "width": 28}
    return Bundle(
        model=create_model("mlp-64-128", **shape, generator_seed=0),
        architecture="mlp-64-128",
        classes=("dark", "light"),
        preprocess=parts.preprocess,
        temperature=2.0,
    )


def test_observing_changes_no_answer(parts: Dataset, bundle: Bundle) -> None:
    plain = predict_part(parts, bundle, "test")
    observed = pass_over_test(parts, bundle, seed=0)
    assert plain is not None
    assert observed is not None
    found = observed.predictions
    np.testing.assert_array_equal(found.logits, plain.logits)
    np.testing.assert_array_equal(found.probabilities, plain.probabilities)
    np.testing.assert_array_equal(found.indices, parts.split.indices("test"))
    hooks = [len(m._forward_pre_hooks) + len(m._forward_hooks) for m in bundle.model.modules()]
    assert sum(hooks) == 0
    # What was kept is what the answers were made of.
    assert observed.features is not None
    head = list(bundle.model.modules())[-1]
    with torch.no_grad():
        again = head(torch.from_numpy(observed.features.values)).numpy()
    np.testing.assert_allclose(again, found.logits, rtol=1e-4, atol=1e-5)


def test_attributes_belong_to_the_predicted_images(parts: Dataset, bundle: Bundle) -> None:
    observed = pass_over_test(parts, bundle, seed=0)
    assert observed is not None
    found = observed.predictions
    brightness = {a.name: a.values for a in observed.attributes}["brightness"]
    assert len(brightness) == len(found) == 30
    for row, seen in zip(found.indices, brightness, strict=True):
        (canvas,) = parts.pixels.stream([np.array([row])])
        red, green, blue = canvas[0].double().reshape(-1, 3).mean(dim=0).tolist()
        assert seen == pytest.approx((red + 2 * green + blue) / 4, abs=0.6)  # rounded to levels


def test_an_empty_part_is_not_observed(parts: Dataset, bundle: Bundle) -> None:
    n = len(parts.split)
    nothing = parts.with_split(replace(parts.split, parts=("train",) * n))
    assert pass_over_test(nothing, bundle, seed=0) is None


def test_the_summary_names_the_slices_that_are_worse(parts: Dataset, bundle: Bundle) -> None:
    n = 200
    dark = np.arange(n) % 4 == 0
    labels = np.zeros(n, dtype=np.int64)
    answers = np.where(dark & (np.arange(n) % 8 == 0), 1, 0)
    test = Predictions(
        logits=np.eye(2, dtype=np.float32)[answers], labels=labels, indices=np.arange(n)
    )
    attributes = (
        Attribute(name="brightness", title="Brightness", values=np.where(dark, 5.0, 90.0)),
        Attribute(name="mode", title="Colour mode", values=["colour", "grey"] * (n // 2)),
    )
    split = Split(
        paths=tuple(f"{i}.png" for i in range(n)),
        labels=("dark",) * n,
        parts=("test",) * n,
        groups=("",) * n,
        sha256=tuple(f"{i}" for i in range(n)),
        reasons=("",) * n,
    )
    found = summarise(
        replace(parts, split=split),
        bundle,
        EvaluatedPart(predictions=test, attributes=attributes),
    )
    summary = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert summary["slices"] == [
        found.to_dict() for found in slice_accuracy(test, attributes).summary
    ]
    assert [(entry["attribute"], entry["slice"]) for entry in summary["slices"]] == [
        ("brightness", "5"),
        ("mode", "colour"),  # all dark images are of colour
    ]
    assert summary["slices"][0]["accuracy"] == 0.5
