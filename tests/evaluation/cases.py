"""Made-up predictions and report inputs for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.metrics import evaluate
from nunbit.evaluation.summary import SelectedEpoch, Summary
from nunbit.reports.run import RunResult
from nunbit.types import Predictions, Split


def random_predictions(
    n: int, classes: int, *, seed: int = 0, skill: float = 1.0, labels: Any = None
) -> Predictions:
    """Gaussian logits, the true class raised by `skill`; rows 0..n-1 of the data set."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, classes, n) if labels is None else np.asarray(labels)
    logits = generator.normal(size=(n, classes)) + skill * np.eye(classes)[true]
    return Predictions(
        logits=logits.astype(np.float32),
        labels=true.astype(np.int64),
        indices=np.arange(n, dtype=np.int64),
    )


def names(classes: int) -> tuple[str, ...]:
    return tuple(f"kind {k}" for k in range(classes))


def noise(height: int, width: int, channels: int) -> Any:
    """A picture getter: each row's own noise."""

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        shape = (height, width, channels)
        drawn = [np.random.default_rng(int(r)).integers(0, 256, shape) for r in rows]
        return np.array(drawn, dtype=np.uint8).reshape(len(rows), *shape)

    return pictures


def epochs(number: int, *, validation: bool = True) -> list[dict[str, Any]]:
    return [
        {
            "epoch": e,
            "train_loss": 1 / e,
            "train_accuracy": 1 - 0.5 / e,
            "validation_loss": 1.1 / e if validation else None,
            "validation_accuracy": 1 - 0.6 / e if validation else None,
            "learning_rate": 0.001 * e,
            "seconds": 1.5,
            "images_per_second": 1000.0,
        }
        for e in range(1, number + 1)
    ]


def report_input(
    predictions: Predictions,
    classes: tuple[str, ...],
    *,
    train: int = 30,
    excluded: tuple[str, ...] = (),
    validation: bool = True,
    **changes: Any,
) -> RunResult:
    """A data set of the predicted test images, `train` training images and excluded files."""
    test = len(predictions)
    labels = [classes[k] for k in predictions.labels]
    labels += [classes[i % len(classes)] for i in range(train + len(excluded))]
    parts = ["test"] * test + ["train"] * train + ["excluded"] * len(excluded)
    if validation:
        parts[test] = "validation"
    rows = len(parts)
    split = Split(
        paths=tuple(f"folder/{i:05d}.png" for i in range(rows)),
        labels=tuple(labels),
        parts=tuple(parts),
        groups=("",) * rows,
        sha256=tuple(f"{i:064x}" for i in range(rows)),
        reasons=("",) * (test + train) + excluded,
    )
    scores = evaluate(predictions, classes).scores if test else None
    best_epoch = changes.pop("best_epoch", 2)
    summary = Summary(
        nunbit="0.1.0",
        model="smallcnn",
        dataset="things",
        classes=classes,
        n=split.counts,
        test=scores,
        validation=scores if validation else None,
        seconds={"total": 75.0, "train": 61.2},
        images_per_second=1234.0,
        device="cpu",
        seed=7,
        parameters=12345,
        kept=None
        if best_epoch is None
        else SelectedEpoch(epoch=best_epoch, why=changes.pop("kept_because", "")),
    )
    values: dict[str, Any] = {
        "summary": summary,
        "split": split,
        "predictions": predictions,
        "pictures": noise(12, 10, 3),
        "epochs": epochs(3, validation=validation),
        "contract": {"height": 12, "width": 10, "channels": 3, "fit": "pad", "mean": [0.5, 0.25]},
        "settings": 'seed = 7\nname = "a < b"',
        "command": "nunbit train things --seed 7",
    }
    return RunResult(**(values | changes))
