"""MixUp and CutMix against torchvision, which mixes a whole batch by one share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2

from nunbit.data.augment import MIXINGS, CutMix, Mixing, MixUp
from nunbit.data.augment.mixing import _beta
from tests.data.augment.pictures import generator, noisy

CLASSES = 5
MIXES = [MixUp, CutMix]


def targets(batch: int) -> Tensor:
    """float32 [B, K], one-hot."""
    return F.one_hot(torch.arange(batch) % CLASSES, CLASSES).float()


def test_mix_up_is_torchvision_s_for_each_share() -> None:
    batch, labels = noisy(12), targets(12)
    own = torch.linspace(0, 1, 12)
    mixed, shares = MixUp().mix(batch, own, generator())
    assert torch.equal(shares, own)
    reference = v2.MixUp(num_classes=CLASSES)
    for i, share in enumerate(own.tolist()):
        params = {"labels": labels, "lam": share, "batch_size": 12}
        theirs = reference.transform(batch.float(), params)[i]
        assert (mixed[i] - theirs).abs().max() <= 0.5001


def test_cut_mix_is_torchvision_s_for_each_rectangle() -> None:
    batch = noisy(200, 3, 16, 22)
    own = torch.linspace(0, 1, 200)
    mixed, shares = CutMix().mix(batch, own, generator())
    reference = v2.CutMix(num_classes=CLASSES)
    neighbours = batch.roll(1, 0)
    for i in range(200):
        taken = (mixed[i] != batch[i]).any(dim=0)
        rows, columns = taken.any(dim=1).nonzero().flatten(), taken.any(dim=0).nonzero().flatten()
        box = (0, 0, 0, 0)
        if len(rows):
            box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        params = {"labels": None, "box": box, "batch_size": 200}
        assert torch.equal(mixed[i], reference.transform(batch, params)[i])
        area = (box[2] - box[0]) * (box[3] - box[1])
        assert shares[i].item() == pytest.approx(1 - area / (16 * 22), abs=1e-6)
    assert (mixed[0] == neighbours[0]).float().mean() > 0.2  # a share of 0 takes a large part


def test_rectangles_are_distributed_as_torchvision_s() -> None:
    batch = noisy(1, 1, 28, 20).expand(3000, -1, -1, -1)
    own = _beta(1.0, batch, generator())
    _, shares = CutMix().mix(batch, own, generator(1))
    reference = v2.CutMix(num_classes=CLASSES)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = [reference.make_params([batch[:1]])["lam_adjusted"] for _ in range(3000)]
    assert stats.ks_2samp(shares.numpy(), theirs, method="asymp").pvalue > 0.001


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 3.0, 100.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    shares = _beta(alpha, noisy(1, 1, 1, 1).expand(20000, -1, -1, -1), generator())
    assert 0 <= shares.min() <= shares.max() <= 1
    theirs = stats.beta(alpha, alpha).rvs(20000, random_state=0)
    # Beta(0.05, 0.05) is often nearer to 1 than float32 can say.
    ours, theirs = (np.clip(values, 1e-6, 1 - 1e-6) for values in (shares.double().numpy(), theirs))
    assert stats.ks_2samp(ours, theirs, method="asymp").pvalue > 0.001


@pytest.mark.parametrize("kind", MIXES)
@settings(deadline=None, max_examples=25)
@given(
    batch=st.integers(1, 9),
    alpha=st.floats(0.05, 100),
    probability=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_targets_stay_shares(
    kind: type[Mixing], batch: int, alpha: float, probability: float, seed: int
) -> None:
    mix = kind(alpha=alpha, probability=probability)
    before, labels = noisy(batch, 3, 7, 5), targets(batch)
    images, mixed = mix(before, labels, generator(seed))
    assert (images.shape, images.dtype) == (before.shape, torch.uint8)
    assert (mixed.shape, mixed.dtype) == ((batch, CLASSES), torch.float32)
    assert mixed.sum(dim=1).sub(1).abs().max() < 1e-5
    assert mixed.min() >= 0
    assert torch.equal(before, noisy(batch, 3, 7, 5))
    assert torch.equal(labels, targets(batch))
    unchanged = mixed.amax(dim=1) == 1
    lone = (images == before).flatten(1).all(dim=1)
    assert (unchanged | ~lone | (labels == labels.roll(1, 0)).all(dim=1) | (batch == 1)).all() or (
        kind is MixUp
    )


@pytest.mark.parametrize("kind", MIXES)
def test_targets_are_mixed_by_the_share_that_the_picture_shows(kind: type[Mixing]) -> None:
    """Black and white images in turn: the mean level of a picture is its share of white."""
    batch = torch.zeros((400, 1, 20, 20), dtype=torch.uint8)
    batch[::2] = 255
    labels = F.one_hot((torch.arange(400) + 1) % 2, 2).float()
    images, mixed = kind(alpha=1.0)(batch, labels, generator())
    white = images.float().mean(dim=(1, 2, 3)) / 255
    assert (white - mixed[:, 1]).abs().max() < 0.003
    assert len(white.unique()) > 100


@pytest.mark.parametrize("kind", MIXES)
def test_probability_0_mixes_nothing_and_one_half_every_second(kind: type[Mixing]) -> None:
    batch, labels = noisy(600), targets(600)
    images, mixed = kind(probability=0.0)(batch, labels, generator())
    assert torch.equal(images, batch)
    assert torch.equal(mixed, labels)
    _, mixed = kind(probability=0.5, alpha=100.0)(batch, labels, generator())
    assert abs(int((mixed.amax(dim=1) < 1).sum()) - 300) < 62


def test_mixing_repeats_with_its_generator() -> None:
    for kind in MIXINGS.values():
        results = [kind()(noisy(), targets(64), generator(seed)) for seed in (1, 1, 2)]
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])
        assert not torch.equal(results[0][1], results[2][1])
