"""Does anything but the pixels give the class away? A small model is fitted to find out.

n usable files with a label. The model is a decision tree on format, colour mode, width, height,
camera, colour profile, date and sub-folder, judged on images that it was not fitted on. A warning
needs both: an accuracy certainly above that of always answering the largest class, and by a margin
that matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.properties import Properties
from nunbit.evaluation.intervals import wilson_interval
from nunbit.formatting import percentage
from nunbit.seeds import Purpose, rng_for, sklearn_seed
from nunbit.types import Samples

MAX_IMAGES = 20_000
"""Limit of the images looked at: of more, so many are drawn, always the same; the interval is then
below one point."""
MIN_IMAGES = 30
FOLDS = 5
FALSE_ALARMS = 0.001
"""Probability of a finding when nothing depends on the class."""
MIN_GAIN = 0.1
"""Share of what the largest class leaves wrong that metadata must put right."""
MAX_CATEGORIES = 30
"""Rarer cameras or folders are counted together."""


class ClassFromMetadata(Check):
    """All properties of files together, as a small model sees them."""

    name = "class-from-metadata"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `metadata`."""
        return metadata(context.samples, context.properties)


@dataclass(frozen=True, kw_only=True)
class MetadataFit:
    """Quality of predicting the class from metadata alone."""

    n: int
    """Images it was judged on."""
    correct: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    """Wilson's interval; with groups, as if each group were one image."""
    baseline: float
    """Accuracy of always answering the largest class."""
    largest: str
    """The largest class."""
    p_value: float
    """Probability of such an accuracy if metadata said nothing about the class."""
    single: tuple[tuple[str, float], ...]
    """Accuracy of each property alone, the best first; empty where nothing was found."""

    @property
    def matters(self) -> bool:
        """The accuracy is certainly above the baseline, and by a margin that matters."""
        gain = (self.accuracy - self.baseline) / max(1 - self.baseline, 1e-12)
        return self.p_value < FALSE_ALARMS and gain >= MIN_GAIN


def metadata(samples: Samples, found: Properties) -> Iterator[Finding]:
    """Findings about metadata that predict the class; nothing where there are no files."""
    if len(found) > MAX_IMAGES:
        drawn = rng_for(0, Purpose.SAMPLE).choice(len(found), MAX_IMAGES, replace=False)
        found = found.at(np.sort(drawn))
    nested = _folders_of_one_class(samples, found)
    if nested:
        yield _nested_folders(samples, nested)
    fit = fit_metadata(samples, found, with_folders=not nested)
    if fit is not None and fit.matters:
        yield _finding(fit)


def fit_metadata(
    samples: Samples, found: Properties, *, with_folders: bool = True
) -> MetadataFit | None:
    """The cross-validated fit; None where no property varies or there are too few images."""
    found = found.at(_rows_of_large_classes(found.labels))
    columns = _columns(found, with_folders=with_folders)
    if len(found) < MIN_IMAGES or len(np.unique(found.labels)) < 2 or not columns:
        return None
    labels = found.labels
    groups = _group_numbers(samples, found)
    predicted = _out_of_fold(np.hstack(list(columns.values())), labels, groups)
    if predicted is None:
        return None
    from scipy.stats import binomtest

    counts = np.bincount(labels)
    n, correct = len(labels), int((predicted == labels).sum())
    baseline = float(counts.max() / n)
    # Images of one group are right or wrong together, so only the groups are counted as evidence.
    witnesses = n if groups is None else len(np.unique(groups))
    right = round(correct / n * witnesses)
    test = binomtest(right, witnesses, baseline, alternative="greater")
    fit = MetadataFit(
        n=n,
        correct=correct,
        accuracy=correct / n,
        accuracy_ci95=wilson_interval(right, witnesses),
        baseline=baseline,
        largest=samples.classes[int(counts.argmax())],
        p_value=float(test.pvalue),
        single=(),
    )
    if not fit.matters:
        return fit
    return replace(fit, single=_each_alone(columns, labels, groups))


def _each_alone(
    columns: dict[str, NDArray[np.float64]],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
) -> tuple[tuple[str, float], ...]:
    found = []
    for name, values in columns.items():
        predicted = _out_of_fold(values, labels, groups)
        assert predicted is not None, "the folds are those of the whole fit"
        found.append((name, float((predicted == labels).mean())))
    return tuple(sorted(found, key=lambda item: -item[1]))


def _out_of_fold(
    values: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> NDArray[np.int64] | None:
    """[n] classes predicted for images that the tree was not fitted on; None for too few groups."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    if groups is not None and len(np.unique(groups)) < FOLDS:
        return None
    fold = StratifiedKFold if groups is None else StratifiedGroupKFold
    tree = DecisionTreeClassifier(
        min_samples_leaf=max(5, len(labels) // 1000), random_state=sklearn_seed(0, Purpose.FOLDS)
    )
    folds = fold(FOLDS, shuffle=True, random_state=sklearn_seed(0, Purpose.FOLDS))
    return np.asarray(cross_val_predict(tree, values, labels, groups=groups, cv=folds))


def _columns(found: Properties, *, with_folders: bool) -> dict[str, NDArray[np.float64]]:
    """The properties that vary, each as numbers [n, any]."""
    facts = found.facts
    numbers = {"width": found.width, "height": found.height, "date": found.days}
    words = {
        "format": [fact.format for fact in facts],
        "colour mode": [fact.mode for fact in facts],
        "camera": [fact.camera for fact in facts],
        "colour profile": [fact.profile for fact in facts],
        "sub-folder": list(found.folders) if with_folders else [""] * len(facts),
    }
    columns = {name: v[:, None] for name, v in numbers.items() if len(np.unique(v)) > 1}
    columns |= {name: _one_hot(v) for name, v in words.items() if len(set(v)) > 1}
    return columns


def _one_hot(values: list[str]) -> NDArray[np.float64]:
    """[n, categories]; labels play no part in it, so it may see all folds."""
    from sklearn.preprocessing import OneHotEncoder

    encoder = OneHotEncoder(max_categories=MAX_CATEGORIES, sparse_output=False)
    return np.asarray(encoder.fit_transform(np.array(values, dtype=object)[:, None]))


def _rows_of_large_classes(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the images whose class has one for each fold."""
    counts = np.bincount(labels, minlength=1)
    return np.flatnonzero(counts[labels] >= FOLDS).astype(np.int64)


def _group_numbers(samples: Samples, found: Properties) -> NDArray[np.int64] | None:
    """[n] a number for each group, an image without one being its own; None without any group."""
    if not any(samples.groups[row] for row in found.rows):
        return None
    names = [samples.groups[row] or f"\0{row}" for row in found.rows]
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)


def _folders_of_one_class(samples: Samples, found: Properties) -> dict[str, int]:
    """Sub-folder to class where every sub-folder holds one class, and most images are in one.

    Such a folder may be a finer class (a breed) or a source (a camera, a site): its name cannot
    tell. Images that already have groups are left out of it.
    """
    classes_of: dict[str, set[int]] = defaultdict(set)
    inside = 0
    for row, label, folder in zip(found.rows, found.labels, found.folders, strict=True):
        if folder and not samples.groups[row]:
            classes_of[folder].add(int(label))
            inside += 1
    one_each = all(len(labels) == 1 for labels in classes_of.values())
    if not one_each or len(classes_of) < 2 or 2 * inside < len(found):
        return {}
    return {folder: labels.pop() for folder, labels in classes_of.items()}


def _nested_folders(samples: Samples, class_of: dict[str, int]) -> Finding:
    listed = tuple(f"{folder}: {samples.classes[label]}" for folder, label in class_of.items())
    return Finding(
        kind="folders-of-one-class",
        severity="note",
        title=f"Each of the {len(class_of):,} sub-folders holds images of one class only",
        count=0,
        examples=listed[:EXAMPLES],
        everything=listed,
        why="If they are sources (a camera, a place, a day, a person), the network may learn the "
        "source instead of the class, and images of one source on both sides of the split make "
        "the score too good. If they are finer classes, all is well.",
        remedy="If they are sources, keep each whole in one part: --group-from.",
    )


def _finding(fit: MetadataFit) -> Finding:
    low, high = fit.accuracy_ci95
    listed = tuple(f"{name} alone {percentage(accuracy, 0)}" for name, accuracy in fit.single)
    return Finding(
        kind="metadata-predicts-label",
        severity="warning",
        title=f"Metadata alone tell the class of {percentage(fit.accuracy, 0)} of the images; "
        f"chance is {percentage(fit.baseline, 0)}",
        count=fit.correct,
        examples=listed[:EXAMPLES],
        everything=listed,
        why="Format, colour mode, size, camera, date or sub-folder differ between the classes. "
        "What made them differ usually shows in the pixels too, and the network learns it instead "
        f"of the class. Measured on {fit.n:,} images that the model was not fitted on; 95 % "
        f"interval {percentage(low)} to {percentage(high)}. Chance is always answering "
        f"{fit.largest}.",
        remedy="Collect all classes in the same way, or test on images of a camera, day or folder "
        "that training has not seen (--group-from).",
    )
