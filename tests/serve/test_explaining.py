"""What the network looked at: on torch, by the same functions as `nunbit explain`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nunbit
from nunbit.errors import UnusableImage
from nunbit.reports.explanation.pictures import enlarged, overlay, scale_end
from nunbit.serve.explaining import Explainer, can_explain
from nunbit.serve.problems import Problem


def test_the_map_is_that_of_explain(export: Path, pictures: dict[str, bytes]) -> None:
    classifier = nunbit.load(export.parent / "model", device="cpu")
    assert can_explain(classifier)
    before = {name: tensor.clone() for name, tensor in classifier.model.state_dict().items()}
    data = pictures["png_rgb.png"]
    got = np.asarray(Image.open(io.BytesIO(Explainer().png(classifier, data))))
    (expected,) = classifier.explain([data], methods=("grad-cam",), checks=False)
    values = expected.attributions[0].values
    assert np.array_equal(got, enlarged(overlay(expected.canvas, values, scale_end(values)), 320))
    assert values.max() > values.min()
    # The network that answers is not the one that was looked into.
    assert all((before[name] == t).all() for name, t in classifier.model.state_dict().items())
    assert not any(module._forward_hooks for module in classifier.model.modules())
    with pytest.raises(UnusableImage):
        Explainer().png(classifier, b"a text")


def test_one_at_a_time(export: Path, pictures: dict[str, bytes]) -> None:
    classifier, explainer = nunbit.load(export.parent / "model", device="cpu"), Explainer()
    with explainer._busy, pytest.raises(Problem) as refused:
        explainer.png(classifier, pictures["png_rgb.png"])
    assert refused.value.status == 429
    assert explainer.png(classifier, pictures["png_rgb.png"]).startswith(b"\x89PNG")
