"""Levers for rare classes in a run: recorded, told, and corrected back where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from nunbit.cli import main
from nunbit.config import read_config
from nunbit.errors import UsageError
from nunbit.models.head import shift_outputs
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.objective import check_correctable
from nunbit.training.checkpoint import load_weights, newest
from nunbit.training.class_balance import class_balance
from tests.fixtures_data import write_images

COUNTS = {"cat": 30, "dog": 10}


def trained(home: Path, name: str, *settings: str) -> RunFolder:
    write_images(home / "pets", COUNTS)
    levers = [word for setting in settings for word in ("--set", setting)]
    command = ["train", str(home / "pets"), "--model", "smallcnn", "--epochs", "1", "-q", *levers]
    assert main([*command, "--out", str(home / name)]) == 0
    return RunFolder(home / name)


def test_a_corrected_run_says_so_and_differs_by_its_last_bias(tmp_path: Path) -> None:
    run = trained(
        tmp_path,
        "run",
        "training.class_weights=dog=4",
        "training.prior_correction=true",
        "training.operating_point=sensitivity:0.9",
    )
    assert read_config(run.config).training.class_weights == {"dog": 4}
    said = "Classes were weighted (as set: 0.581 to 2.33 an image): probabilities were corrected"
    assert said in json.loads(run.summary.read_text("utf-8"))["class_balance"]
    point = json.loads(run.model.joinpath("nunbit.json").read_text("utf-8"))["operating_point"]
    assert (point["positive"], point["rule"]) == ("dog", "sensitivity:0.9")
    measured = json.loads(run.summary.read_text("utf-8"))["operating_point"]
    assert measured["threshold"] == point["threshold"]
    assert measured["positives"] + measured["negatives"] == 8
    assert "Operating point: dog from a probability of" in run.report.read_text("utf-8")
    assert "Operating point: dog from" in (run.model / "README.md").read_text("utf-8")
    for page in (run.report, run.model / "README.md"):
        assert said in page.read_text("utf-8")
    from nunbit.bundle import load_bundle

    bundle = load_bundle(run.model)
    shipped = {name: tensor.clone() for name, tensor in bundle.model.state_dict().items()}
    load_weights(newest(run.best), bundle.model)
    changed = [n for n, w in bundle.model.state_dict().items() if not torch.equal(w, shipped[n])]
    (bias,) = changed
    # Weights 1 and 4 (over 43 / 25, their mean over 19 cats and 6 dogs) differ by log 4.
    moved = shipped[bias] - bundle.model.state_dict()[bias]
    torch.testing.assert_close(moved, torch.tensor([0.5, -0.5]) * np.log(4).astype(np.float32))


def test_a_shift_multiplies_the_odds_and_nothing_else() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    images = torch.randn(5, 3, 2, 2)
    before = softmax(model(images).detach().numpy().astype(float), axis=1)
    balance = class_balance(np.array([0, 0, 0, 1, 2]), ("a", "b", "c"), class_weights="balanced")
    assert balance is not None
    shift_outputs(model, torch.from_numpy(balance.correction), (3, 2, 2))
    after = softmax(model(images).detach().numpy().astype(float), axis=1)
    expected = before * [0.6, 0.2, 0.2]
    np.testing.assert_allclose(after, expected / expected.sum(1, keepdims=True), rtol=1e-5)


def test_what_cannot_be_corrected_is_an_error_before_the_training() -> None:
    without_bias = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False))
    no_linear = nn.Sequential(nn.Conv2d(3, 3, 2), nn.Flatten())
    for model in (without_bias, no_linear):
        with pytest.raises(UsageError, match=r"training\.prior_correction changes the bias"):
            check_correctable(model, (3, 2, 2))
