"""Few images: features of a pretrained backbone against training from scratch.

    python benchmarks/transfer.py --table [--seeds 3] [--sizes 500 5000] [--test-images 2000]

Fashion-MNIST. Of its training images, subsets drawn by the seed, with a fifth for validation and
each class in its share; of its test images, the first so many, the same for all. On the same images
each seed trains

    features      --pretrained efficientnet-lite0 --transfer head (the images enlarged to 224)
    fashion-cnn   the course's network from scratch
    default       nunbit's own choice from scratch

with nunbit's defaults for each. Written are the accuracies with their spread over the seeds, the
half width of the 95 % interval that the number of test images allows, and the seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.api import train
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays

WAYS: dict[str, dict[str, object]] = {
    "features": {"model.pretrained": "efficientnet-lite0", "transfer.mode": "head"},
    "fashion-cnn": {"model.name": "fashion-cnn"},
    "default": {},
}


def table(given: argparse.Namespace) -> int:
    """Train all, print the table, keep it where asked for."""
    from transfer import machine, write_new

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            for seed in range(given.seeds):
                data = Path(folder) / f"fashion-{size}-{seed}.npz"
                write_subset(data, size=size, seed=seed, test_images=given.test_images)
                for way, settings in WAYS.items():
                    epochs = given.model_epochs
                    more = {"training.epochs": epochs} if epochs and way != "features" else {}
                    run = train(
                        data,
                        out=Path(folder) / f"{way}-{size}-{seed}",
                        seed=seed,
                        settings={**settings, **more},
                    )
                    rows.append(row(way, size, seed, run.summary))
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    text = as_markdown(rows)
    print(text)
    if given.markdown is not None:
        with given.markdown.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
    if given.json is not None:
        write_new(given.json, {"rows": rows, "machine": machine()})
    return 0


def write_subset(path: Path, *, size: int, seed: int, test_images: int) -> None:
    """A subset as `.npz` in given parts, every class in its share."""
    samples = load_samples("fashion-mnist")
    assert isinstance(samples.images, ImageArrays)
    parts = np.array(samples.parts)
    rng = np.random.default_rng(seed)
    train_rows, validation_rows = drawn(samples.labels, parts == "train", size, rng)
    test_rows = np.flatnonzero(parts == "test")[:test_images]
    arrays: dict[str, NDArray[Any]] = {"class_names": np.array(samples.classes)}
    for name, rows in (
        ("train", train_rows),
        ("validation", validation_rows),
        ("test", test_rows),
    ):
        arrays[f"x_{name}"] = samples.images.array[rows]
        arrays[f"y_{name}"] = samples.labels[rows]
    np.savez(path, **arrays)


def drawn(
    labels: NDArray[np.int64], among: NDArray[np.bool_], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows for training and for validation (a fifth), as many of each class."""
    train_rows, validation_rows = [], []
    classes = np.unique(labels)
    for label in classes:
        rows = rng.permutation(np.flatnonzero(among & (labels == label)))[: size // len(classes)]
        fifth = len(rows) // 5
        validation_rows.append(rows[:fifth])
        train_rows.append(rows[fifth:])
    return np.sort(np.concatenate(train_rows)), np.sort(np.concatenate(validation_rows))


def row(way: str, size: int, seed: int, summary: dict[str, Any]) -> dict[str, Any]:
    """One run's numbers."""
    low, high = summary["test"]["accuracy_ci95"]
    return {
        "way": way,
        "images": size,
        "seed": seed,
        "model": summary["model"],
        "accuracy": summary["test"]["accuracy"],
        "half_width": (high - low) / 2,
        "test_images": summary["n"]["test"],
        "seconds": summary["seconds"]["total"],
    }


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The table of the docs."""
    lines = [
        "| images | way | model | accuracy | over the seeds | 95 % of one run | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in dict.fromkeys(r["images"] for r in rows):
        for way in WAYS:
            found = [r for r in rows if (r["images"], r["way"]) == (size, way)]
            accuracies = [r["accuracy"] for r in found]
            between = f"{min(accuracies):.1%} to {max(accuracies):.1%} ({len(found)} seeds)"
            lines.append(
                f"| {size:,} | {way} | `{found[0]['model']}` | {statistics.mean(accuracies):.1%} | "
                f"{between} | ± {found[0]['half_width']:.1%} of {found[0]['test_images']:,} | "
                f"{statistics.median(r['seconds'] for r in found):.0f} |"
            )
    return "\n".join(lines)
