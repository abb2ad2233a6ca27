"""The course's network in PyTorch, and its data as torchvision gives them.

B images in a batch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from task import CLASSES, DROPOUT
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import datasets, transforms


def network() -> nn.Sequential:
    """Two convolutions and three linear layers: [B, 1, 28, 28] -> logits [B, 10]."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 6 * 6, 600),
        nn.Dropout(DROPOUT),
        nn.Linear(600, 120),
        nn.Linear(120, CLASSES),
    )


def parameters(model: nn.Module) -> int:
    """How many numbers learn."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def fashion_mnist(data: Path, *, images: int | None) -> tuple[Dataset, Dataset]:
    """Training and test part, of 60,000 (or the first so many) and 10,000 images."""
    train, test = (
        datasets.FashionMNIST(str(data), train=part, transform=transforms.ToTensor())
        for part in (True, False)
    )
    return (train if images is None else Subset(train, range(images))), test


def accuracy(model: nn.Module, batches: DataLoader) -> float:
    """Share of right answers, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in batches)
    return right / len(batches.dataset)
