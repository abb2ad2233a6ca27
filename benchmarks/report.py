"""How large and how slow the report of a large test part is.

    python benchmarks/report.py [--images 10000] [--classes 100] [--size 224] [--out FILE]

The predictions are made up: logits of a network that is right on about 85 % of the images, and
knows it. The pictures are smooth noise, which compresses about as well as photographs do, with
originals of twice the size; features and attributes are drawn at random. All sections of a
training's report are built from them, in one process and on one thread (set OMP_NUM_THREADS=1).

Exit code 1 when the criterion is missed: below 15 MB and below 20 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.evaluation.baselines import largest_class
from nunbit.evaluation.projection import Features
from nunbit.evaluation.slices import Attribute
from nunbit.evaluation.summary import SelectedEpoch, Summary, scores_of
from nunbit.models.summary import summarise_name
from nunbit.reports.kit.pictures import Original
from nunbit.reports.run import RunResult, build_report
from nunbit.reports.run.run_result import Event
from nunbit.types import Predictions, Split

LARGEST_BYTES, MAX_SECONDS = 15_000_000, 20.0
TRAINING_SHARE = 3
EPOCHS = 30


def made_up_predictions(n: int, classes: int) -> Predictions:
    """Logits with class-dependent mistakes: neighbours among the classes are confused."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, n)
    logits = generator.normal(size=(n, classes)).astype(np.float32)
    logits[np.arange(n), labels] += 4.5
    logits[np.arange(n), (labels + 1) % classes] += 2.5
    return Predictions(logits=logits, labels=labels, indices=np.arange(n, dtype=np.int64))


def picture(row: int, size: int) -> NDArray[np.uint8]:
    """Smooth noise, uint8 [size, size, 3], always the same for a row."""
    coarse = np.random.default_rng(row).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(row).normal(0, 6, (size, size, 1))
    return np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)


def made_up_report(images: int, classes: int, size: int) -> RunResult:
    """All that a training's report is made from."""
    names = tuple(f"class {k:03d}" for k in range(classes))
    predictions = made_up_predictions(images, classes)
    trained = TRAINING_SHARE * images
    labels = [names[k] for k in predictions.labels]
    labels += [names[i % classes] for i in range(trained)]
    rows = len(labels)
    split = Split(
        paths=tuple(f"{label}/{i:06d}.jpg" for i, label in enumerate(labels)),
        labels=tuple(labels),
        parts=("test",) * images + ("train",) * trained,
        groups=("",) * rows,
        sha256=tuple(f"{i:064x}" for i in range(rows)),
        reasons=("",) * rows,
    )
    summary = Summary(
        model="resnet18",
        dataset="made-up images",
        classes=names,
        n=split.counts,
        test=scores_of(predictions, names),
        seconds={"total": 1.0},
        seed=0,
        baselines=(largest_class(predictions, names, training_labels=None),),
        kept=SelectedEpoch(epoch=EPOCHS, why="the last one"),
    )
    epochs = [
        {"epoch": e, "train_loss": 1 / e, "train_accuracy": 1 - 0.5 / e, "learning_rate": 0.1 / e}
        for e in range(1, EPOCHS + 1)
    ]
    generator = np.random.default_rng(1)
    return RunResult(
        summary=summary,
        split=split,
        predictions=predictions,
        pictures=lambda wanted: np.stack([picture(int(row), size) for row in wanted]),
        originals=lambda row: Original(picture=picture(row, 128), height=2 * size, width=2 * size),
        epochs=epochs,
        events=[Event(epoch=9, kind="plateau", text="learning rate lowered")],
        layers=summarise_name("resnet18", classes=classes),
        settings="seed = 0\n" * 80,
        command="nunbit train made-up",
        features=Features(
            values=generator.normal(size=(images, 512)).astype(np.float32),
            rows=np.arange(images),
            layer="fc",
        ),
        attributes=[
            Attribute(name=name, title=name.capitalize(), values=generator.normal(size=images))
            for name in ("brightness", "sharpness", "size")
        ],
    )


def main() -> int:
    """Build one report, measure it and say whether the criterion is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--size", type=int, default=224, help="pixels of a side")
    parser.add_argument("--out", type=Path, help="a new file for the page itself")
    options = parser.parse_args()
    report = made_up_report(options.images, options.classes, options.size)
    began, worked = time.perf_counter(), time.process_time()
    html = build_report(report)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    size = len(html.encode())
    met = size < LARGEST_BYTES and seconds < MAX_SECONDS
    print(
        json.dumps(
            {
                "images": options.images,
                "classes": options.classes,
                "megabytes": round(size / 1e6, 2),
                "seconds": round(seconds, 2),
                "processor_seconds": round(worked, 2),
                "threads": os.environ.get("OMP_NUM_THREADS", "not limited"),
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
                "criterion": f"below {LARGEST_BYTES / 1e6:g} MB and {MAX_SECONDS:g} s",
                "met": met,
            },
            indent=2,
        )
    )
    if options.out is not None:
        with options.out.open("x", encoding="utf-8") as file:  # never over an existing file
            file.write(html)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
