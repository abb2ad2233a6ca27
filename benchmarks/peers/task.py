"""The task that every peer has: five epochs of one network on Fashion-MNIST, and what it reports.

    PYTHON benchmarks/peers/plain.py --data FOLDER --out FOLDER [--epochs 5] [--seed 0] [--images N]

Each peer is a program of its own, run by the Python of its own environment, so this file knows the
standard library and NumPy alone. `--data` has Fashion-MNIST as torchvision keeps it:
FOLDER/FashionMNIST/raw/train-images-idx3-ubyte and its three companions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BATCH_SIZE = 100
LEARNING_RATE = 1e-3
CLASSES = 10
DROPOUT = 0.25
PARAMETERS = 1_475_338
"""Of the course's network: the sum that its notes give, and what each peer must have."""


def arguments() -> argparse.Namespace:
    """The command line of a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a new folder, for the model")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, help="train with the first N only: a trial")
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    return given


def report(
    *,
    accuracy: float,
    parameters: int,
    train_images: int,
    test_images: int,
    packages: Sequence[str],
    model: Path,
) -> None:
    """The last line of a peer's output, as JSON.

    Raises:
        SystemExit: when the network is another one, or the model was not saved.
    """
    if parameters != PARAMETERS:
        raise SystemExit(f"the network has {parameters} parameters, not {PARAMETERS}")
    if not model.is_file():
        raise SystemExit(f"no model at {model}")
    said = {
        "accuracy": accuracy,
        "train_images": train_images,
        "test_images": test_images,
        "versions": {name: version(name) for name in packages},
    }
    print("\n" + json.dumps(said))


def arrays(data: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [N, 28, 28] and labels [N] of `train` or `t10k`."""
    raw = data / "FashionMNIST" / "raw"
    images = np.frombuffer((raw / f"{part}-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    labels = np.frombuffer((raw / f"{part}-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
    return images.reshape(-1, 28, 28), labels.astype(np.int64)
