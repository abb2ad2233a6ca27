"""What the two traps of transfer learning cost, measured on the packaged weights and real digits.

That nunbit refuses another normalisation than that of the weights is tested in
tests/config/test_model_and_input.py, and that frozen statistics stay in test_freezing.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from nunbit.backbone.extract import extract
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.bundle import Bundle, pretrained_bundle
from nunbit.data.batches import Batches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess

SIDE, N_TRAIN, N = 64, 200, 400
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lite() -> Bundle:
    return pretrained_bundle("efficientnet-lite0")


@pytest.fixture(scope="module")
def features_point(lite: Bundle) -> SplitPoint:
    return find_split_points(lite.model, (3, SIDE, SIDE))[-1]


def contract_of(lite: Bundle) -> Preprocess:
    return replace(lite.preprocess, height=SIDE, width=SIDE, crop_share=1.0)


def digits(contract: Preprocess) -> tuple[Batches, NDArray[np.int64]]:
    data = load_digits()
    chosen = np.random.default_rng(0).permutation(len(data.target))[:N]
    images = (data.images[chosen] * 15.9).astype(np.uint8)
    canvases = np.stack([contract.canvas_from_array(image) for image in images])
    labels = data.target[chosen].astype(np.int64)
    batches = Batches(
        pixels=ArrayPixels(canvases, reasons=("",) * N, preprocess=contract),
        preprocess=contract,
        rows=np.arange(N),
        labels=labels,
        batch_size=50,
        device=CPU,
    )
    return batches, labels


def features(
    model: nn.Module, split_point: SplitPoint, contract: Preprocess
) -> NDArray[np.float32]:
    return extract(
        feature_extractor(model, split_point), digits(contract)[0], pool=split_point.pooled
    )


@pytest.fixture(scope="module")
def right(lite: Bundle, features_point: SplitPoint) -> NDArray[np.float32]:
    return features(lite.model, features_point, contract_of(lite))


@pytest.fixture(scope="module")
def head(lite: Bundle, right: NDArray[np.float32]) -> object:
    labels = digits(contract_of(lite))[1]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return classifier.fit(right[:N_TRAIN], labels[:N_TRAIN])


@pytest.mark.parametrize(
    ("mean", "std", "points"),
    [
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 30),  # the usual one of ImageNet
        ((0.0,) * 3, (1.0,) * 3, 30),  # 0..1
        ((0.0,) * 3, (1 / 255,) * 3, 50),  # 0..255
    ],
)
def test_trap_6_another_normalisation_costs_tens_of_points(
    lite: Bundle, features_point: SplitPoint, right, head, mean, std, points: int
) -> None:
    labels = digits(contract_of(lite))[1][N_TRAIN:]
    well = head.score(right[N_TRAIN:], labels)
    wrong = features(lite.model, features_point, contract_of(lite).with_statistics(mean, std))
    assert well > 0.7
    assert 100 * (well - head.score(wrong[N_TRAIN:], labels)) > points


def test_trap_5_one_epoch_in_training_mode_moves_a_frozen_backbones_answers(
    lite: Bundle, features_point: SplitPoint, right, head
) -> None:
    """All weights frozen, but batch statistics not: the features are others, the head is wrong."""
    contract = contract_of(lite)
    batches, labels = digits(contract)
    model = pretrained_bundle("efficientnet-lite0").model
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.requires_grad_(False).train()
    with torch.no_grad():
        for batch in batches:
            model(batch.images)
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    moved = features(model, features_point, contract)
    well, after = (head.score(f[N_TRAIN:], labels[N_TRAIN:]) for f in (right, moved))
    assert 100 * (well - after) > 10
