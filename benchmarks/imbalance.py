"""What each lever for rare classes brings, and what it costs in calibration.

    python benchmarks/imbalance.py [--seeds 3] [--json FILE] [--quick]

Real images whose classes are made unbalanced: Fashion-MNIST at 100:1 and at 20:1, and
scikit-learn's digits at 10:1. From the most frequent class to the rarest, each has the same
fraction of the images of the one before (Cui et al. 2019, "Class-balanced loss based on effective
number of samples"); which class is rare is drawn with the seed. A small network (lenet5), few
images and few epochs, so that all of it takes eight minutes of a core: the levers are compared, not
what can be reached.

The test images are as many of every class (100 of Fashion-MNIST, 30 of the digits), so that the
recall of the rarest is measured too. Accuracy, macro F1 and calibration error would then be those
of balanced data; so each test image is weighted by the frequency of its class in training over that
in the test: they are those of data like the training images. Given are means over the seeds, with
the least and the greatest in brackets, and the processor time of a run over that without a lever.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

import nunbit
from nunbit.seeds import Purpose, rng_for

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]

WEIGHTED = {"training.class_weights": "balanced"}
LEVERS: dict[str, dict[str, object]] = {
    "none": {},
    "`checkpoint.monitor=validation_macro_f1`": {"checkpoint.monitor": "validation_macro_f1"},
    "`training.class_weights=balanced`": WEIGHTED,
    "the same with `training.prior_correction`": {**WEIGHTED, "training.prior_correction": True},
    "`training.sampling=balanced`": {"training.sampling": "balanced"},
    "`training.logit_adjustment=1`": {"training.logit_adjustment": 1.0},
    "`training.loss=focal`": {"training.loss": "focal"},
}
NUMBERS = ("macro F1", "balanced accuracy", "recall of the rarest", "accuracy", "ECE")
BINS = 15


def main() -> int:
    """Measure, print the tables, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a trial run of one epoch and seed")
    given = parser.parse_args()
    seeds = range(1 if given.quick else given.seeds)
    found: dict[str, Any] = {}
    for name, (read, ratio, most, tested, epochs) in DATA.items():
        rows: dict[str, list[dict[str, float]]] = {lever: [] for lever in LEVERS}
        found[name] = rows
        for seed in seeds:
            pool = read()
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                counts = write(place / "data.npz", pool, ratio, most, tested, seed)
                for number, (lever, settings) in enumerate(LEVERS.items()):
                    began = time.process_time()
                    nunbit.train(
                        place / "data.npz",
                        out=place / str(number),
                        model="lenet5",
                        epochs=1 if given.quick else epochs,
                        seed=seed,
                        augment="none",
                        settings={"data.max_bad_fraction": 1.0, **settings},
                    )
                    seconds = time.process_time() - began
                    measured = numbers(place / str(number) / "predictions.csv", counts)
                    rows[lever].append({**measured, "seconds": seconds})
                    if given.json is not None:  # after each run: some of them are worth something
                        content = json.dumps(found, indent=1) + "\n"
                        given.json.write_text(content, encoding="utf-8")
        print(table(name, rows), flush=True)
    return 0


def fashion() -> Arrays:
    """Images and classes of Fashion-MNIST's training part."""
    samples = nunbit.load_data("fashion-mnist").samples
    rows = [row for row, part in enumerate(samples.parts) if part == "train"]
    whole = samples.images.whole()
    assert whole is not None
    return whole[rows], samples.labels[rows]


def digits() -> Arrays:
    """Images, 8 x 8 pixels, and classes of scikit-learn's digits."""
    bunch = load_digits()
    return (bunch.images * 255 / 16).astype(np.uint8)[..., None], bunch.target.astype(np.int64)


DATA: dict[str, tuple[Callable[[], Arrays], int, int, int, int]] = {
    "Fashion-MNIST at 100:1": (fashion, 100, 800, 100, 20),
    "Fashion-MNIST at 20:1": (fashion, 20, 500, 100, 20),
    "digits at 10:1": (digits, 10, 120, 30, 40),
}
"""How they are read, the ratio, images of the most frequent class, test images of each, epochs."""


def write(
    path: Path, pool: Arrays, ratio: int, most: int, tested: int, seed: int
) -> NDArray[np.int64]:
    """Write the arrays as a data set; gives the training images of each class."""
    images, labels = pool
    rng = rng_for(seed, Purpose.SAMPLE)
    classes = len(np.unique(labels))
    sizes = np.rint(most * ratio ** (-np.arange(classes) / (classes - 1))).astype(int)
    counts = np.empty(classes, dtype=np.int64)
    counts[rng.permutation(classes)] = sizes
    train, test = [], []
    for label in range(classes):
        rows = rng.permutation(np.flatnonzero(labels == label))
        test.append(rows[:tested])
        train.append(rows[tested : tested + counts[label]])
    chosen = {"train": np.concatenate(train), "test": np.concatenate(test)}
    np.savez(
        path,
        **{f"x_{part}": images[rows] for part, rows in chosen.items()},
        **{f"y_{part}": labels[rows] for part, rows in chosen.items()},
    )
    return counts


def numbers(path: Path, counts: NDArray[np.int64]) -> dict[str, float]:
    """The numbers of a run's predictions.csv, by scikit-learn."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = np.array([int(row["label"]) for row in rows])
    said = np.array([int(row["predicted"]) for row in rows])
    sure = np.array([float(row["confidence"]) for row in rows])
    weights = (counts / np.bincount(truth))[truth]
    weights = weights / weights.sum()
    rarest = int(counts.argmin())
    right = truth == said
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs((weights * (right - sure))[place == b].sum()) for b in range(BINS)]
    return {
        "macro F1": f1_score(truth, said, average="macro", sample_weight=weights),
        "balanced accuracy": balanced_accuracy_score(truth, said),
        "recall of the rarest": recall_score(truth, said, labels=[rarest], average="macro"),
        "accuracy": float(weights @ right),
        "ECE": float(sum(gaps)),
    }


def table(name: str, rows: Mapping[str, list[dict[str, float]]]) -> str:
    """The means of a data set as a table in Markdown."""
    usual = statistics.fmean(row["seconds"] for row in rows["none"])
    lines = [
        f"### {name}, n = {len(rows['none'])} seeds\n",
        f"| lever | {' | '.join(NUMBERS)} | time |",
        "| --- |" + " --- |" * (len(NUMBERS) + 1),
    ]
    for lever, each in rows.items():
        cells = [spread([row[number] for row in each]) for number in NUMBERS]
        cost = statistics.fmean(row["seconds"] for row in each) / usual
        lines.append(f"| {lever} | {' | '.join(cells)} | {cost:.2f} |")
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    """'0.812 (0.790 to 0.840)'."""
    return f"{statistics.fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    raise SystemExit(main())
