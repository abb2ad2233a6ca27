"""The benchmark of attribution maps: its task, its shares and its verdict."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import evidence
import explain


def test_each_image_has_its_shape_where_the_evidence_is_said_to_be() -> None:
    drawn = evidence.draw(80, seed=3)
    assert drawn.images.shape == (80, 1, 28, 28)
    assert set(drawn.labels.tolist()) == {0, 1, 2, 3}
    assert (drawn.inside.sum(axis=(1, 2)) == 81).all()
    inside = torch.from_numpy(drawn.inside)[:, None]
    bright = drawn.images[inside].mean(), drawn.images[~inside].mean()
    assert bright[0] > bright[1] + 0.5
    assert abs(float(bright[1])) < 0.05
    assert torch.equal(evidence.draw(80, seed=3).images, drawn.images)
    assert not torch.equal(evidence.draw(80, seed=4).labels, drawn.labels)


def test_mass_and_hits_are_counted() -> None:
    maps = np.array([[[3, 1], [-9, 0]], [[0, 0], [0, -1]], [[1, 0], [0, 2]]], dtype=np.float32)
    inside = np.array([[[True, False], [True, False]]] * 3)
    np.testing.assert_allclose(evidence.mass_inside(maps, inside), [0.75, np.nan, 1 / 3])
    assert explain.hits(maps, inside) == [True, True, False]


def of_seed(inside: float, noise_trusted: float) -> dict[str, Any]:
    row = {"inside": inside, "hit": 1.0, "depends": 1.0, "matter": 1.0, "trusted": 1.0}
    ignorant = {**row, "trusted": 0.0}
    kinds: dict[str, Any] = dict.fromkeys(explain.METHODS, row)
    kinds |= {"edges": ignorant, "noise": {**ignorant, "trusted": noise_trusted}}
    return {"seed": 0, "accuracy": 1.0, "chance": 0.1, "kinds": kinds}


def test_means_and_spreads_over_seeds_and_what_is_missed() -> None:
    given = argparse.Namespace(model="small")
    found = explain.summarised([of_seed(0.5, 0.0), of_seed(0.7, 0.1)], given)
    assert found["kinds"]["grad-cam"]["inside"] == pytest.approx(0.6)
    assert found["kinds"]["grad-cam"]["inside_sd"] == pytest.approx(0.2 / 2**0.5)
    assert all(found["met"].values())
    assert "grad-cam                 0.600 ± 0.141    1.00" in explain.as_text(found)
    assert explain.as_text(found).endswith("all met")

    missed = explain.summarised([of_seed(0.25, 0.4)], given)
    assert not missed["met"]["occlusion inside"]
    assert missed["met"]["gradients inside"]
    assert explain.as_text(missed).endswith(
        "not met: grad-cam inside, integrated-gradients inside, occlusion inside, "
        "noise rarely trusted"
    )
