"""Images of stripes in four directions, and a small network that has learned them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.advisor.inputs import AdvisorInput, Images, ScratchBaseline
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess

SIDE = 16
CONTRACT = Preprocess(height=SIDE, width=SIDE, channels=1, mean=(0.5,), std=(0.25,))


def stripes(n: int, *, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """uint8 [n, 16, 16, 1] and classes 0 to 3, each direction with noise and a random phase."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    angle = labels * np.pi / 4
    rows, columns = np.mgrid[:SIDE, :SIDE]
    waves = (
        np.cos(angle)[:, None, None] * rows + np.sin(angle)[:, None, None] * columns
    ) * 1.5 + generator.uniform(0, 2 * np.pi, (n, 1, 1))
    pictures = 128 + 60 * np.sin(waves) + generator.normal(0, 110, (n, SIDE, SIDE))
    return pictures.clip(0, 255).astype(np.uint8)[..., None], labels


def network(seed: int = 0) -> nn.Module:
    """Three stages and a head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for channels, wider in ((1, 8), (8, 16), (16, 16)):
            layers += [
                nn.Conv2d(channels, wider, 3, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))


def pretrained() -> nn.Module:
    """The network after some steps on other images of stripes."""
    images, labels = stripes(1024, seed=99)
    inputs = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(160):
        rows = torch.arange(64) + 64 * (step % 16)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs[rows]), torch.from_numpy(labels)[rows])
        loss.backward()
        optimizer.step()
    model.zero_grad()
    return model.eval()


def make_images(n: int, *, seed: int = 1, contract: Preprocess = CONTRACT) -> Images:
    pictures, labels = stripes(n, seed=seed)
    if contract.channels == 3:
        pictures = np.repeat(pictures, 3, axis=3)
    return Images(
        pixels=ArrayPixels(pictures, reasons=("",) * n, preprocess=contract),
        preprocess=contract,
        rows=np.arange(n),
        all_labels=labels,
        device=torch.device("cpu"),
    )


def make_case(model: nn.Module, n: int = 120, *, seed: int = 0) -> AdvisorInput:
    return AdvisorInput(
        data="stripes",
        model="net",
        weights="weights of net",
        classes=4,
        network=model,
        untrained=lambda: network(seed=7),
        scratch=ScratchBaseline(
            name="tiny",
            build=lambda height, width: network(seed=3),
            height=SIDE,
            width=SIDE,
            epochs=20,
        ),
        images=make_images(n),
        groups=np.arange(n),
        training_images=round(0.8 * n),
        epochs=10,
        stage_decay=0.5,
        augmented=False,
        seed=seed,
    )
