"""Which wrong labels the check finds, by the number of classes and of images in each.

    python benchmarks/labels.py [--quick] [--long] [--seeds 3] [--json FILE]

Data, each with right labels, with 2 % and with 20 % of them changed to another class at random,
and with all labels dealt out anew (noise: features tell nothing about them):

    apart      generated features of 64 numbers, classes around random centres
    alike      the same, but five classes each share a centre nearly
    squares    4 x 4 coloured squares under noise, as images of 20 x 20 pixels
    digits     scikit-learn's, as many of each class
    fashion    Fashion-MNIST, as many of each class
    shirts     shirts and T-shirts of Fashion-MNIST, two classes that are alike

Classes are 2, 10, 100 and 1,000, with --long 2,000 too; images of each class 4 to 1,000, together
at most 100,000 (with --quick 5,000, with --long 1,000,000). Stated are the accuracy of the
classifier that judges, which part of the right labels is accused, recall and precision for 2 % and
for 20 % of wrong ones, and which part of noise is accused.

Exit code 1 when a criterion is missed: of right labels at most 5 % are accused, of noise at most
0.5 %; and on digits and Fashion-MNIST, of 100 and more images in each class, recall is 0.6 and
precision 0.5.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.measurements.features import describe
from nunbit.checks.measurements.fold_scores import deal_folds, fit_fold_scores
from nunbit.checks.measurements.suspicions import FOLDS, MIN_CLASS_IMAGES, suspected_labels
from nunbit.data.sources import load_samples
from nunbit.files import write_atomically

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

WRONG, MANY_WRONG = 0.02, 0.2
CLASSES, IMAGES = (2, 10, 100, 1_000, 2_000), (4, 6, 20, 100, 1_000)
MIN_FOR_CRITERIA = 100
MAX_RIGHT_ACCUSED, MAX_NOISE_ACCUSED = 0.05, 0.005
MIN_RECALL, MIN_PRECISION = 0.6, 0.5
REAL = ("digits", "fashion")


@dataclass(frozen=True)
class Row:
    """Means over seeds; recall and precision are 0 / 0 = 0 where nothing was planted or found."""

    data: str
    classes: int
    images: int
    """In each class."""
    accuracy: float
    """Of the classifier that judges, where labels are right."""
    right_accused: float
    recall: float
    precision: float
    recall_of_many: float
    """Where a fifth of the labels is wrong."""
    precision_of_many: float
    noise_accused: float
    seconds: float
    """Of one judgement."""


def main() -> int:
    """Measure, print and write; exit code 1 when a criterion is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, and few images")
    parser.add_argument("--long", action="store_true", help="2,000 classes, and a million images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the numbers into a new file")
    given = parser.parse_args()
    if given.json is not None and given.json.exists():
        parser.error(f"{given.json} exists already")
    limit = 5_000 if given.quick else 1_000_000 if given.long else 100_000
    seeds = 1 if given.quick else given.seeds
    print(HEAD)
    rows = []
    for name, classes, images in sizes(limit):
        rows.append(measure(name, classes, images, seeds=seeds))
        print(line(rows[-1]), flush=True)
    missed = [what for row in rows for what in missed_criteria(row)]
    print("\n".join(f"missed: {what}" for what in missed) or "all criteria are met")
    if given.json is not None:
        text = json.dumps({"rows": [asdict(row) for row in rows], "missed": missed}, indent=2)
        write_atomically(given.json, f"{text}\n".encode())
    return int(bool(missed))


def sizes(limit: int) -> Iterator[tuple[str, int, int]]:
    """Data, classes and images of each class, of at most so many images together."""
    most = 1_000 if limit < 1_000_000 else 2_000
    for name in ("apart", "alike"):
        for classes in CLASSES:
            for images in IMAGES:
                if classes * images <= limit and classes <= most:
                    yield name, classes, images
    for classes, images in ((10, 20), (100, 20), (1_000, 6)):
        if classes * images <= limit:
            yield "squares", classes, images
    for name, classes, per_class in (
        ("digits", 10, (6, 20, 100, 170)),
        ("fashion", 10, (6, 20, 100, 1_000)),
        ("shirts", 2, (1_000,)),
    ):
        for images in per_class:
            if classes * images <= limit:
                yield name, classes, images


def measure(name: str, classes: int, images: int, *, seeds: int) -> Row:
    """All experiments on one data set of one size."""
    found: dict[str, list[float]] = {key: [] for key in Row.__dataclass_fields__}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        features, truth = DATA[name](classes, images, rng)
        found["accuracy"].append(accuracy(features, truth, classes))
        began = time.perf_counter()
        right = suspected_labels(features, truth, classes=classes)
        found["seconds"].append(time.perf_counter() - began)
        found["right_accused"].append(len(right) / len(truth))
        for share, of in ((WRONG, ""), (MANY_WRONG, "_of_many")):
            wrong = rng.permutation(len(truth)) < round(share * len(truth))
            others = (truth + rng.integers(1, classes, len(truth))) % classes
            labels = np.where(wrong, others, truth)
            suspects = suspected_labels(features, labels, classes=classes).rows
            hits = int(wrong[suspects].sum())
            found[f"recall{of}"].append(hits / max(1, int(wrong.sum())))
            found[f"precision{of}"].append(hits / max(1, len(suspects)))
        noise = suspected_labels(features, rng.permutation(truth), classes=classes)
        found["noise_accused"].append(len(noise) / len(truth))
    means = {key: mean(values) for key, values in found.items() if values}
    return Row(data=name, classes=classes, images=images, **means)


def accuracy(features: Floats, labels: Labels, classes: int) -> float:
    """How often the classifier that judges gives the label; 0 where it judges nothing."""
    if len(labels) < MIN_CLASS_IMAGES * classes:
        return 0.0
    fold = deal_folds(labels, np.arange(len(labels)), folds=FOLDS, seed=0)
    scores = fit_fold_scores(features, labels, classes, fold=fold)
    some = np.arange(len(labels))[:: -(-len(labels) // 5_000)]
    return float((scores.of(some).argmax(axis=1) == labels[some]).mean())


def apart(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Classes around centres of their own."""
    return around(rng.normal(0, 0.6, (classes, 64)), images, rng)


def alike(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Classes around centres that five of them share nearly."""
    shared = rng.normal(0, 1, (-(-classes // 5), 64))[np.arange(classes) // 5]
    return around(shared + rng.normal(0, 0.3, (classes, 64)), images, rng)


def around(
    centres: NDArray[np.float64], images: int, rng: np.random.Generator
) -> tuple[Floats, Labels]:
    """Normally distributed around the centre of each class."""
    labels = np.arange(len(centres) * images) % len(centres)
    features = centres.astype(np.float32)[labels]
    features += rng.standard_normal(features.shape, dtype=np.float32)
    return features, labels


def squares(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Coloured squares, drawn anew by the noise of each image."""
    labels = np.arange(classes * images) % classes
    plain = rng.integers(0, 256, (classes, 4, 4, 3)).repeat(5, axis=1).repeat(5, axis=2)
    noisy = (plain[labels] + rng.normal(0, 25, (len(labels), 20, 20, 3))).clip(0, 255)
    return describe(noisy.astype(np.uint8)), labels


def digits(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """So many of each digit."""
    return some_of(*of_digits(), classes, images, rng)


def fashion(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """So many of each kind of clothes."""
    return some_of(*of_fashion(), classes, images, rng)


def shirts(classes: int, images: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """So many T-shirts (0) and shirts (6)."""
    canvases, labels = of_fashion()
    rows = np.flatnonzero((labels == 0) | (labels == 6))
    return some_of(canvases[rows], labels[rows] // 6, classes, images, rng)


def some_of(
    canvases: NDArray[np.uint8],
    labels: Labels,
    classes: int,
    images: int,
    rng: np.random.Generator,
) -> tuple[Floats, Labels]:
    """So many images of each class, drawn at random."""
    rows = [rng.permutation(np.flatnonzero(labels == k))[:images] for k in range(classes)]
    chosen = np.concatenate(rows)
    return describe(canvases[chosen]), labels[chosen]


@cache
def of_digits() -> tuple[NDArray[np.uint8], Labels]:
    """uint8 [1797, 8, 8, 1] and labels."""
    return of_arrays("digits")


@cache
def of_fashion() -> tuple[NDArray[np.uint8], Labels]:
    """uint8 [70000, 28, 28, 1] and labels."""
    return of_arrays("fashion-mnist")


def of_arrays(name: str) -> tuple[NDArray[np.uint8], Labels]:
    """Canvases and labels of a known data set."""
    samples = load_samples(name)
    return samples.images.array, samples.labels  # type: ignore[attr-defined]


DATA: dict[str, Callable[[int, int, np.random.Generator], tuple[Floats, Labels]]] = {
    "apart": apart,
    "alike": alike,
    "squares": squares,
    "digits": digits,
    "fashion": fashion,
    "shirts": shirts,
}
HEAD = """\
| data | classes | images of each | classifier right | right labels accused | recall | precision \
| recall of 20 % | precision | noise accused | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def line(row: Row) -> str:
    """One row of the table, in Markdown."""
    return (
        f"| {row.data} | {row.classes:,} | {row.images:,} | {row.accuracy:.3f} | "
        f"{row.right_accused:.4f} | {row.recall:.3f} | {row.precision:.3f} | "
        f"{row.recall_of_many:.3f} | {row.precision_of_many:.3f} | "
        f"{row.noise_accused:.4f} | {row.seconds:.1f} |"
    )


def missed_criteria(row: Row) -> Iterator[str]:
    """The criteria that the numbers do not meet."""
    where = f"{row.data}, {row.classes:,} classes of {row.images:,} images"
    if row.right_accused > MAX_RIGHT_ACCUSED:
        yield f"{where}: {row.right_accused:.2%} of the right labels are accused"
    if row.noise_accused > MAX_NOISE_ACCUSED:
        yield f"{where}: {row.noise_accused:.2%} of noise is accused"
    poor = row.recall < MIN_RECALL or row.precision < MIN_PRECISION
    if poor and row.data in REAL and row.images >= MIN_FOR_CRITERIA:
        yield f"{where}: recall {row.recall:.2f}, precision {row.precision:.2f}"


if __name__ == "__main__":
    sys.exit(main())
