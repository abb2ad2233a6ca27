"""What the data doctor finds of planted faults: precision and recall, over seeds.

    python benchmarks/doctor.py [--quick] [--seeds 3] [--data digits fashion-mnist] [--json FILE]

Each seed plants into a copy of the data, and lets `nunbit check` look at all of it at once:

    exact copies        byte-identical, within the training part
    exact leaks         byte-identical, a training image again in the test part
    near copies         encoded again as JPEG (quality 50 to 90); resized to 75 to 200 % (never
                        100) and back; cropped to 90 to 97 % of each side anywhere and enlarged
                        again; brightened by 10 to 40 %, cut off at white. One image in four of
                        these is a leak.
    wrong labels        2 % of the other training images get another class at random

and, of 400 images written as files, the format of half of the classes is JPEG and of the others
PNG (format shortcut; with the formats at random, nothing may be reported).

A pair of near copies counts as right when it was planted, and as wrong when it was not, unless the
same pair (or that of their originals) is found in the data before anything is planted: such natural
pairs are counted and listed apart, because whether they are copies only a person can say. What is
suspected of the labels before anything is planted counts as wrong all the same.

Exit code 1 when a criterion is missed: exact faults all and nothing else; near copies with recall
and precision of 0.95; wrong labels, in whole data sets, with recall 0.7 and precision 0.5; the
shortcut found, and nothing without one.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import nunbit
from nunbit.config import load_config
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays
from nunbit.files import write_atomically
from nunbit.pipelines.check import check_data

Canvas = NDArray[np.uint8]
Pair = tuple[int, int]

FLIPPED = 0.02
COPIES_SHARE = 70
"""One copy of each kind for so many images."""
QUICK_IMAGES = 4_000
NEAR = ("near-duplicates", "near-duplicates-across-classes", "near-duplicates-across-parts")


@dataclass
class Planted:
    """Images with faults; rows of the training part come before those of the test part."""

    images: Canvas
    labels: NDArray[np.int64]
    in_test: NDArray[np.bool_]
    origin: NDArray[np.int64]
    """[n] the row that an image was made from, or its own."""
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Score:
    """Counts of one kind of fault in one experiment."""

    planted: int
    hits: int
    false: int

    @property
    def recall(self) -> float:
        """Share of the planted that was found."""
        return self.hits / max(1, self.planted)

    @property
    def precision(self) -> float:
        """Share of the found that was planted."""
        return self.hits / max(1, self.hits + self.false)


def encoded_again(image: Canvas, rng: np.random.Generator) -> Canvas:
    """Saved as JPEG and read."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(50, 91)))
    return np.asarray(Image.open(buffer))


def resized(image: Canvas, rng: np.random.Generator) -> Canvas:
    """To another size and back."""
    height, width = image.shape
    factor = float(np.exp(rng.uniform(np.log(0.75), np.log(2))))
    size = tuple(round(factor * side) + (round(factor * side) == side) for side in (width, height))
    other = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(other.resize((width, height), Image.Resampling.BILINEAR))


def cropped(image: Canvas, rng: np.random.Generator) -> Canvas:
    """A part of it, enlarged to the whole."""
    height, width = image.shape
    share = rng.uniform(0.9, 0.97)
    left, top = rng.uniform(0, 1 - share, 2) * (width, height)
    box = (left, top, left + share * width, top + share * height)
    part = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(part)


def brightened(image: Canvas, rng: np.random.Generator) -> Canvas:
    """Lighter, cut off at white."""
    return np.clip(np.round(image * rng.uniform(1.1, 1.4)), 0, 255).astype(np.uint8)


KINDS: dict[str, Callable[[Canvas, np.random.Generator], Canvas]] = {
    "encoded again": encoded_again,
    "resized": resized,
    "cropped": cropped,
    "brightened": brightened,
}


def main() -> int:
    """Plant, look, print and write; exit code 1 when a criterion is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, and few images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion-mnist"])
    parser.add_argument("--json", type=Path, help="write the numbers into a new file")
    given = parser.parse_args()
    if given.json is not None and given.json.exists():
        parser.error(f"{given.json} exists already")
    results: dict[str, Any] = {"machine": machine(), "data": {}}
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUNBIT_CACHE"] = str(Path(folder) / "cache")
        for name in given.data:
            found = measure(
                name,
                Path(folder),
                seeds=1 if given.quick else given.seeds,
                most=QUICK_IMAGES if given.quick else None,
            )
            results["data"][name] = found
            missed += [f"{name}: {what}" for what in missed_criteria(found)]
        results["format shortcut"] = shortcut(Path(folder))
    if results["format shortcut"] != {"planted": True, "without": False}:
        missed.append(f"format shortcut: {results['format shortcut']}")
    print(table(results))
    print("\n".join(f"missed: {what}" for what in missed) or "all criteria are met")
    if given.json is not None:
        text = json.dumps({**results, "missed": missed}, indent=2) + "\n"
        write_atomically(given.json, text.encode())
    return int(bool(missed))


def measure(name: str, folder: Path, *, seeds: int, most: int | None) -> dict[str, Any]:
    """All experiments on one data set."""
    clean = original(name, most)
    before = Look(clean, folder)
    natural = before.pairs(*NEAR)
    suspected = len(before.rows("suspected-labels"))
    scores: dict[str, list[Score]] = {}
    for seed in range(seeds):
        planted = plant(clean, np.random.default_rng(seed))
        look = Look(planted, folder)
        for fault, score in judge(planted, look, natural).items():
            scores.setdefault(fault, []).append(score)
    return {
        "images": len(clean.images),
        "whole": most is None,
        "natural near copies": len(natural),
        "natural near copies across parts": sum(
            bool(clean.in_test[a] != clean.in_test[b]) for a, b in natural
        ),
        "labels suspected before": suspected,
        "seconds": {stage: round(seconds, 1) for stage, seconds in look.diagnosis.seconds.items()},
        "faults": {fault: summary(of_seeds) for fault, of_seeds in scores.items()},
    }


def original(name: str, most: int | None) -> Planted:
    """A known data set; the digits, which have no parts, get a test part of a fifth."""
    samples = load_samples(name)
    assert isinstance(samples.images, ImageArrays)
    images, labels = samples.images.array[..., 0], samples.labels
    in_test = np.array([part == "test" for part in samples.parts])
    if not in_test.any():
        in_test = np.arange(len(images)) % 5 == 0
    rows = np.arange(len(images))
    if most is not None:
        rows = np.sort(np.random.default_rng(0).permutation(len(images))[:most])
    rows = np.concatenate([rows[~in_test[rows]], rows[in_test[rows]]])
    return Planted(images[rows], labels[rows], in_test[rows], np.arange(len(rows)))


def plant(clean: Planted, rng: np.random.Generator) -> Planted:
    """The data with all faults, each on images of its own."""
    each = max(8, len(clean.images) // COPIES_SHARE)
    training = rng.permutation(np.flatnonzero(~clean.in_test))
    sources = iter(training)
    made: dict[str, list[tuple[int, Canvas, bool]]] = {
        "exact copies": [
            (row, clean.images[row], False) for row in itertools.islice(sources, each)
        ],
        "exact leaks": [(row, clean.images[row], True) for row in itertools.islice(sources, each)],
    }
    for kind, copy in KINDS.items():
        made[kind] = [
            (row, copy(clean.images[row], rng), number % 4 == 0)
            for number, row in enumerate(itertools.islice(sources, each))
        ]
    copies = [one for ones in made.values() for one in ones]
    origin = np.array([row for row, _, _ in copies])
    joined = Planted(
        np.concatenate([clean.images, np.stack([image for _, image, _ in copies])]),
        np.concatenate([clean.labels, clean.labels[origin]]),
        np.concatenate([clean.in_test, np.array([leak for _, _, leak in copies])]),
        np.concatenate([clean.origin, origin]),
    )
    numbers = itertools.count(len(clean.images))
    joined.pairs = {
        kind: [(row, next(numbers)) for row, _, _ in ones] for kind, ones in made.items()
    }
    rest = np.fromiter(sources, dtype=np.int64)
    joined.wrong = rest[: round(FLIPPED * len(rest))]
    classes = int(clean.labels.max()) + 1
    shift = rng.integers(1, classes, len(joined.wrong))
    joined.labels[joined.wrong] = (joined.labels[joined.wrong] + shift) % classes
    return joined


class Look:
    """What `nunbit check` finds in planted data, in the rows of those."""

    def __init__(self, data: Planted, folder: Path) -> None:
        path = folder / "planted.npz"
        parts = {"train": np.flatnonzero(~data.in_test), "test": np.flatnonzero(data.in_test)}
        np.savez(
            path,
            **{f"x_{part}": data.images[rows] for part, rows in parts.items()},
            **{f"y_{part}": data.labels[rows] for part, rows in parts.items()},
        )
        config = load_config(data=str(path), recipe=None, settings={})
        self.diagnosis = check_data(config, backbone="none")
        named = (path.partition("/") for path in self.diagnosis.samples.paths)
        self._row = [int(parts[part][int(number)]) for part, _, number in named]

    def groups(self, *kinds: str) -> list[list[int]]:
        """Groups of the findings of some kinds."""
        found = [finding for finding in self.diagnosis.findings if finding.kind in kinds]
        return [[self._row[row] for row in rows] for finding in found for rows in finding.groups]

    def rows(self, *kinds: str) -> set[int]:
        """Rows in any of the groups."""
        return {row for rows in self.groups(*kinds) for row in rows}

    def pairs(self, *kinds: str) -> set[Pair]:
        """Pairs of rows in one group, the lower first."""
        return {p for rows in self.groups(*kinds) for p in itertools.combinations(sorted(rows), 2)}


def judge(planted: Planted, look: Look, natural: set[Pair]) -> dict[str, Score]:
    """A score for each kind of fault."""
    scores = {}
    for fault, kind in (("exact copies", "exact-copies"), ("exact leaks", "copies-across-parts")):
        wanted, found = set(planted.pairs[fault]), look.pairs(kind)
        scores[fault] = Score(len(wanted), len(wanted & found), len(found - wanted))
    near = look.pairs(*NEAR)
    false = sum(not is_natural(pair, planted, natural) for pair in near)
    wanted = {pair for kind in KINDS for pair in planted.pairs[kind]}
    scores["near copies"] = Score(len(wanted), len(wanted & near), false)
    for kind in KINDS:
        of_kind = set(planted.pairs[kind])
        scores[f"near copies: {kind}"] = Score(len(of_kind), len(of_kind & near), 0)
    leaks = {pair for pair in wanted if planted.in_test[pair[0]] != planted.in_test[pair[1]]}
    across = look.pairs("near-duplicates-across-parts")
    scores["near copies: across parts"] = Score(len(leaks), len(leaks & across), 0)
    suspects, wrong = look.rows("suspected-labels"), set(planted.wrong.tolist())
    scores["wrong labels"] = Score(len(wrong), len(suspects & wrong), len(suspects - wrong))
    return scores


def is_natural(pair: Pair, planted: Planted, natural: set[Pair]) -> bool:
    """Whether both come from one image, or from two that are found without any planting."""
    a, b = sorted(int(planted.origin[row]) for row in pair)
    return a == b or (a, b) in natural


def shortcut(folder: Path) -> dict[str, bool]:
    """Whether the format is reported where it tells the class, and where it does not."""
    samples = load_samples("digits")
    assert isinstance(samples.images, ImageArrays)
    rng = np.random.default_rng(0)
    reported = {}
    for name in ("planted", "without"):
        for number in range(400):
            label = int(samples.labels[number])
            place = folder / name / samples.classes[label]
            place.mkdir(parents=True, exist_ok=True)
            jpeg = label < 5 if name == "planted" else rng.random() < 0.5
            image = Image.fromarray(samples.images.array[number, ..., 0])
            image.save(place / f"{number}.{'jpg' if jpeg else 'png'}")
        config = load_config(data=str(folder / name), recipe=None, settings={})
        findings = check_data(config, quick=True).findings
        reported[name] = any(finding.kind == "format-shortcut" for finding in findings)
    return reported


def summary(scores: Sequence[Score]) -> dict[str, Any]:
    """Of all seeds: counts, mean, and standard deviation between seeds."""
    recall, precision = [s.recall for s in scores], [s.precision for s in scores]
    return {
        "planted": [s.planted for s in scores],
        "found": [s.hits for s in scores],
        "false": [s.false for s in scores],
        "recall": statistics.mean(recall),
        "recall_sd": statistics.stdev(recall) if len(scores) > 1 else None,
        "precision": statistics.mean(precision),
        "precision_sd": statistics.stdev(precision) if len(scores) > 1 else None,
    }


def missed_criteria(found: dict[str, Any]) -> list[str]:
    """The criteria that the numbers of one data set do not meet."""
    least = {"exact copies": (1, 1), "exact leaks": (1, 1), "near copies": (0.95, 0.95)}
    if found["whole"]:
        least["wrong labels"] = (0.7, 0.5)
    return [
        f"{fault} (recall {got['recall']:.3f}, precision {got['precision']:.3f})"
        for fault, (recall, precision) in least.items()
        if (got := found["faults"][fault])["recall"] < recall or got["precision"] < precision
    ]


def table(results: dict[str, Any]) -> str:
    """The numbers in Markdown."""
    lines = ["| data | fault | planted | found | false | recall | precision |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for name, data in results["data"].items():
        for fault, got in data["faults"].items():
            shown = fault.startswith("near copies: ")
            precision = "" if shown else with_spread(got["precision"], got["precision_sd"])
            lines.append(
                f"| {name} | {fault} | {sum(got['planted']):,} | {sum(got['found']):,} | "
                f"{'' if shown else format(sum(got['false']), ',')} | "
                f"{with_spread(got['recall'], got['recall_sd'])} | {precision} |"
            )
    for name, data in results["data"].items():
        lines.append(
            f"\n{name}: {data['images']:,} images; before anything was planted "
            f"{data['natural near copies']:,} pairs of near copies "
            f"({data['natural near copies across parts']:,} across parts) and "
            f"{data['labels suspected before']:,} suspected labels."
        )
    found = results["format shortcut"]
    lines.append(
        f"Format shortcut: {'reported' if found['planted'] else 'not reported'}; without one: "
        f"{'reported' if found['without'] else 'nothing reported'}."
    )
    return "\n".join(lines)


def with_spread(mean: float, deviation: float | None) -> str:
    """Mean and standard deviation between seeds."""
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def machine() -> dict[str, Any]:
    """Where and with what the numbers came about."""
    return {
        "date": date.today().isoformat(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "nunbit": nunbit.__version__,
        "numpy": np.__version__,
    }


if __name__ == "__main__":
    sys.exit(main())
