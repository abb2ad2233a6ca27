"""Folders of finished runs, made up so that what they answered is known; nothing is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nunbit.bundle import Bundle, save_bundle
from nunbit.config import Config
from nunbit.data.preprocess import Preprocess
from nunbit.data.split import write_manifest
from nunbit.evaluation.predictions import write_predictions
from nunbit.models import create_model
from nunbit.pipelines.run_folder import RunFolder, save_config
from nunbit.types import Predictions, Split

CLASSES = ("ant", "bee", "NA")
"""The last name is one that a reader of tables may take for a missing value."""
IMAGES = 60


def write_images(folder: Path) -> Path:
    """`IMAGES` small pictures in class folders."""
    random = np.random.default_rng(0)
    for number in range(IMAGES):
        name = CLASSES[number % len(CLASSES)]
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (12, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{number:03d}.png")
    return folder


def image_paths() -> list[str]:
    return [f"{CLASSES[number % len(CLASSES)]}/{number:03d}.png" for number in range(IMAGES)]


def write_run(
    folder: Path,
    data: Path,
    *,
    wrong: Sequence[int] = (),
    test: Sequence[int] = range(IMAGES),
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
) -> Path:
    """A run on `data` whose test part is `test` and which errs on the images `wrong`."""
    place = RunFolder(folder)
    folder.mkdir(parents=True)
    paths = image_paths()
    digests = [hashlib.sha256((data / path).read_bytes()).hexdigest() for path in paths]
    split = Split(
        paths=tuple(paths),
        labels=tuple(path.partition("/")[0] for path in paths),
        parts=tuple("test" if i in set(test) else "train" for i in range(IMAGES)),
        groups=("",) * IMAGES,
        sha256=tuple(digests),
        reasons=("",) * IMAGES,
    )
    write_manifest(place.split, split)
    predictions = _predictions(test, set(wrong), seed)
    write_predictions(place.predictions, predictions, paths, CLASSES)
    given = {"data.path": str(data), "seed": seed, **(settings or {})}
    save_config(place, Config().with_settings(given))
    summary = {
        "model": "smallcnn",
        "dataset": "insects",
        "parameters": 1234,
        "seconds": {"train": 12.5},
        "device": "cpu",
    }
    place.summary.write_text(json.dumps(summary), encoding="utf-8")
    return folder


def _predictions(test: Sequence[int], wrong: set[int], seed: int) -> Predictions:
    rows = np.asarray(test, dtype=np.int64)
    labels = rows % len(CLASSES)
    answers = np.where([row in wrong for row in rows], (labels + 1) % len(CLASSES), labels)
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(rows), len(CLASSES)))
    logits = noise + 2 * np.eye(len(CLASSES))[answers]
    return Predictions(logits=logits.astype(np.float32), labels=labels, indices=rows)


def add_model(folder: Path) -> None:
    """A bundle for the run in `folder`."""
    preprocess = Preprocess(height=8, width=8, channels=1, mean=(0.5,), std=(0.5,))
    options = {"classes": len(CLASSES), "channels": 1, "height": 8, "width": 8}
    save_bundle(
        RunFolder(folder).model,
        Bundle(
            model=create_model("mlp-100", **options, generator_seed=1),
            architecture="mlp-100",
            classes=CLASSES,
            preprocess=preprocess,
        ),
    )
