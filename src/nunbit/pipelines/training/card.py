"""The model card: what a stranger must know before using the model (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nunbit import __version__
from nunbit.data.preprocess import Preprocess
from nunbit.evaluation.metrics import Metrics
from nunbit.types import Split

_MIRRORED = (
    " Answers are means of the logits for an image and for its mirror image; readers other than "
    "nunbit must take them themselves."
)


def model_card(
    *,
    facts: Mapping[str, Any],
    preprocess: Preprocess,
    mirrored: bool,
    split: Split,
    test: Metrics,
) -> str:
    """The README.md of a bundle, with the front matter that the Hugging Face Hub reads."""
    low, high = test.accuracy_ci95
    rows = "\n".join(
        f"| {name.replace('|', ' ')} | {c.precision:.3f} | {c.recall:.3f} | {c.f1:.3f} | {c.n:,} |"
        for name, c in test.per_class.items()
    )
    pretrained = facts.get("pretrained")
    # Of a path only the name: a card is published, and folders of this machine mean nothing there.
    source = Path(pretrained).name if pretrained and Path(pretrained).exists() else pretrained
    start = f"from the pretrained weights {source}" if source else "from scratch"
    colour = "grey" if preprocess.channels == 1 else "RGB"
    counts = split.counts
    return f"""---
library_name: nunbit
pipeline_tag: image-classification
---

# {facts["model"]} on {facts["dataset"]}

Trained with nunbit {__version__} {start}, seed {facts["seed"]}; \
{facts["parameters"]:,} trainable parameters.

**Right on {test.correct:,} of {test.n:,} test images: {test.accuracy:.1%}** \
(95 % interval {low:.1%} to {high:.1%}; always answering "{test.baseline.name}" gives \
{test.baseline.accuracy:.1%}). The test images were used once, after training.

| class | precision | recall | F1 | test images |
| --- | --- | --- | --- | --- |
{rows}

{_confidence(facts["calibration"])}

## Data

{counts["train"]:,} training, {counts["validation"]:,} validation and {counts["test"]:,} test \
images; {counts["excluded"]:,} files excluded. The numbers hold for images like these: taken in \
another way, by another camera or of other classes, expect worse, and measure it with \
`nunbit evaluate`.

## Input

{preprocess.height} x {preprocess.width} pixels, {colour}, fit "{preprocess.fit}". The whole input \
contract is in nunbit.json; `nunbit.load` applies it.{_MIRRORED if mirrored else ""}

## Use

```python
import nunbit

classifier = nunbit.load("path/to/this/folder")
classifier.predict(["image.jpg"])
```
"""


def _confidence(calibration: Mapping[str, Any]) -> str:
    """What the probabilities are worth, and from where answers are as good as wanted."""
    before, after = calibration["test"]["before"], calibration["test"]["after"]
    why = calibration.get("why_no_temperature")
    lines = ["## Confidence", ""]
    if why:
        lines.append(
            f"Not calibrated: {why}. Calibration error on the test images: {_error(after)}."
        )
    else:
        lines.append(
            f"Outputs are divided by the temperature {calibration['temperature']:.3f}, fitted on "
            f"{calibration['n_validation']:,} validation images (Guo et al. 2017); readers other "
            "than nunbit must do so themselves. Calibration error on the test images: "
            f"{_error(after)}, before {_error(before)}."
        )
    if calibration["answering"]:
        lines += [
            "",
            "| wanted accuracy | answer from a confidence of | test images answered | right |",
            "| --- | --- | --- | --- |",
        ]
    for target, at in calibration["answering"].items():
        right = "-" if at["accuracy"] is None else f"{at['accuracy']:.1%}"
        lines.append(
            f"| {float(target):.0%} | {at['threshold']:.4f} | {at['coverage']:.1%} | {right} |"
        )
    return "\n".join(lines)


def _error(confidence: Mapping[str, Any]) -> str:
    low, high = confidence["ece_ci95"]
    return f"{confidence['ece']:.3f} (95 % interval {low:.3f} to {high:.3f})"
