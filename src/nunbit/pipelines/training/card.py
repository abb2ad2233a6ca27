"""The model card: what a stranger must know before using the model (Mitchell et al. 2019)."""

from __future__ import annotations

import math
from pathlib import Path

from nunbit import __version__
from nunbit.data.preprocess import Preprocess
from nunbit.evaluation.confidence import CalibrationSummary, Confidence
from nunbit.evaluation.metrics import Scores, metrics_in, registry
from nunbit.evaluation.operating_point import described
from nunbit.evaluation.summary import Summary
from nunbit.formatting import percentage

_MIRRORED = (
    " Answers are means of the logits for an image and for its mirror image; readers other than "
    "nunbit must take them themselves."
)


def model_card(summary: Summary, *, preprocess: Preprocess, mirrored: bool) -> str:
    """The README.md of a bundle, with the front matter that the Hugging Face Hub reads.

    The summary is that of a finished training, with a test part and its baselines.
    """
    test, calibration = summary.test, summary.calibration
    assert test is not None
    assert calibration is not None
    pretrained = summary.pretrained
    # Of a path only the name: a card is published, and folders of this machine mean nothing there.
    source = Path(pretrained).name if pretrained and Path(pretrained).exists() else pretrained
    start = f"from the pretrained weights {source}" if source else "from scratch"
    colour = "grey" if preprocess.channels == 1 else "RGB"
    counts = summary.n
    return f"""---
library_name: nunbit
pipeline_tag: image-classification
---

# {summary.model} on {summary.dataset}

Trained with nunbit {__version__} {start}, seed {summary.seed}; \
{summary.parameters:,} trainable parameters.

{_headline(summary, test)} The test images were used once, after training.
{_other_numbers(test)}
{_class_table(test)}
{_operating_point(summary)}

{_confidence(calibration, summary.class_balance)}

## Data

{counts["train"]:,} training, {counts["validation"]:,} validation and {counts["test"]:,} test \
images; {counts["excluded"]:,} files excluded. The numbers hold for images like these: taken in \
another way, by another camera or of other classes, expect worse, and measure it with \
`nunbit evaluate`.

## Input

{preprocess.height} × {preprocess.width} pixels, {colour}, fit "{preprocess.fit}". The whole input \
contract is in nunbit.json; `nunbit.load` applies it.{_MIRRORED if mirrored else ""}

## Use

```python
import nunbit

classifier = nunbit.load("path/to/this/folder")
classifier.predict(["image.jpg"])
```
"""


def _headline(summary: Summary, test: Scores) -> str:
    n, accuracy = summary.n["test"], test.values["accuracy"]
    low, high = accuracy.ci95 or (math.nan, math.nan)
    largest = next(found for found in summary.baselines if found.kind == "largest-class")
    return (
        f"**Right on {round(accuracy.value * n):,} of {n:,} test images: "
        f"{percentage(accuracy.value)}** (95 % interval {percentage(low)} to {percentage(high)}; "
        f"always answering {largest.answer} gives {percentage(largest.accuracy)})."
    )


def _other_numbers(test: Scores) -> str:
    """A line for each further metric that the registry shows on the card."""
    return "".join(
        f"\n{metric.title}: {found.text(metric.form)}, "
        f"{'; '.join(filter(None, (metric.meaning, found.note)))}.\n"
        for metric in metrics_in("card")
        if (found := test.get(metric.name)) is not None
    )


def _operating_point(summary: Summary) -> str:
    found = summary.operating_point
    return "" if found is None else f"\n{described(found)}\n"


def _class_table(test: Scores) -> str:
    columns = [
        metric
        for metric in registry.CLASS_METRICS
        if any(metric.name in numbers for numbers in test.per_class.values())
    ]
    titles = [metric.title for metric in columns]
    rows = [
        f"| Class | {' | '.join(titles)} | Test images |",
        "| --- |" + " --- |" * (len(titles) + 1),
    ]
    for name, numbers in test.per_class.items():
        known = [numbers.get(metric.name) for metric in columns]
        values = " | ".join("-" if value is None else f"{value:.3f}" for value in known)
        rows.append(f"| {name.replace('|', ' ')} | {values} | {numbers['n']:,} |")
    return "\n".join(rows)


def _confidence(calibration: CalibrationSummary, balance: str | None) -> str:
    """Describe the calibration, class weights, and the thresholds for wanted accuracies."""
    before, after = calibration.before, calibration.after
    why = calibration.why_no_temperature
    lines = ["## Confidence", ""]
    if why:
        lines.append(
            f"Not calibrated: {why}. Calibration error on the test images: {_error(after)}."
        )
    else:
        lines.append(
            f"Outputs are divided by the temperature {calibration.temperature:.3f}, fitted on "
            f"{calibration.n_validation:,} validation images (Guo et al. 2017); readers other "
            "than nunbit must do so themselves. Calibration error on the test images: "
            f"{_error(after)}, before {_error(before)}."
        )
    if balance:
        lines += ["", balance]
    if calibration.answering:
        lines += [
            "",
            "| wanted accuracy | answer from a confidence of | test images answered | right |",
            "| --- | --- | --- | --- |",
        ]
    for target, at in calibration.answering.items():
        right = "-" if at.accuracy is None else percentage(at.accuracy)
        wanted, answered = percentage(float(target), 0), percentage(at.coverage)
        lines.append(f"| {wanted} | {at.threshold:.4f} | {answered} | {right} |")
    return "\n".join(lines)


def _error(confidence: Confidence) -> str:
    low, high = confidence.ece_ci95
    return f"{confidence.ece:.3f} (95 % interval {low:.3f} to {high:.3f})"
