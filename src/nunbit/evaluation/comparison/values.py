"""Results of a comparison: plain values, from which terminal, JSON and page are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from nunbit.evaluation.comparison.paired import Better, Difference, Pair
from nunbit.evaluation.comparison.paired_numbers import PairedNumber
from nunbit.evaluation.comparison.seed_variance import SeedDifference, Spread
from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import Measured, Scores


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run: what it reached on its test images, and what it costs."""

    name: str
    """Short and unique among the runs compared."""
    folder: str
    configuration: int
    """Index into the configurations."""
    model: str
    seed: int | None
    n: int
    """Test images."""
    correct: int
    numbers: Mapping[str, Measured]
    """Numbers by the name of the metric, those that the registry of metrics shows in
    comparisons."""
    parameters: int | None
    model_bytes: int | None
    """Size of the files in the model's folder; None where there is none."""
    train_seconds: float | None
    """None for a finished model that was evaluated again."""
    device: str
    """Device on which it was trained, or evaluated again."""
    images_per_second: float | None
    """Measured now, side by side with the others; None where there is no model to run."""

    @property
    def accuracy(self) -> float:
        """Fraction of right answers."""
        return self.correct / self.n

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson_interval(self.correct, self.n)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur among the labels or the answers."""
        return self.numbers["macro_f1"].value

    @property
    def loss(self) -> float:
        """Mean cross entropy, in nats."""
        return self.numbers["loss"].value

    def to_dict(self) -> dict[str, Any]:
        """Plain values; each number under its name, its interval under the name and `_ci95`."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        names = list(values)
        at = names.index("numbers")
        flat = Scores(values=self.numbers, per_class={}).to_dict()
        del flat["per_class"]
        before, after = names[:at], names[at + 1 :]
        return {n: values[n] for n in before} | flat | {n: values[n] for n in after}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A test image that only one of two runs gets right, and what each said."""

    path: str
    label: str
    first: str
    first_confidence: float
    second: str
    second_confidence: float


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """Two runs on the same test images; differences are the second's number less the first's."""

    first: str
    second: str
    pair: Pair
    p_adjusted: float
    """The pair's p value, by Holm's correction for all pairs of the comparison."""
    better: Better
    verdict: str
    """Verdict in words."""
    only_first: tuple[Answered, ...]
    """Images that only the first gets right, most telling first."""
    only_second: tuple[Answered, ...]


@dataclass(frozen=True, kw_only=True)
class ConfigurationRow:
    """Runs that differ in nothing but their seed."""

    name: str
    runs: tuple[str, ...]
    seeds: tuple[int | None, ...]
    accuracy: Spread
    macro_f1: Spread


@dataclass(frozen=True, kw_only=True)
class SeedRow:
    """Two configurations over their seeds; the difference is the second's mean less the first's."""

    first: str
    second: str
    found: SeedDifference
    p_adjusted: float
    """Probability after Holm's correction for all such comparisons."""
    better: Better
    verdict: str
    """Verdict in words."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting in which the configurations differ."""

    key: str
    values: tuple[str, ...]
    """One of each configuration; '' where it does not say."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The result of comparing runs; `nunbit.compare` makes it."""

    dataset: str
    same_images: bool
    """True if all runs were tested on the same images."""
    runs: tuple[RunRow, ...]
    pairs: tuple[PairRow, ...]
    """The first run against each run of another configuration, or of its own where there is no
    other. Where test images differ: runs of the first configuration against those of the others
    with the same seed and its test images, if all have such partners."""
    configurations: tuple[ConfigurationRow, ...]
    over_seeds: tuple[SeedRow, ...]
    """The first configuration against each other one, where both have several seeds."""
    settings: tuple[Setting, ...]
    verdicts: tuple[str, ...]
    """Verdicts in words, most important first."""
    speed_measured_on: str = ""
    """Device and batch size; '' where nothing was measured."""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain values for JSON; images that only one of a pair gets right by path."""
        return {
            "dataset": self.dataset,
            "same_images": self.same_images,
            "verdicts": list(self.verdicts),
            "runs": [run.to_dict() for run in self.runs],
            "pairs": [_pair_to_dict(pair) for pair in self.pairs],
            "configurations": [asdict(row) for row in self.configurations],
            "over_seeds": [_seeds_to_dict(row) for row in self.over_seeds],
            "settings": {setting.key: list(setting.values) for setting in self.settings},
            "speed_measured_on": self.speed_measured_on,
            "notes": list(self.notes),
        }


def _pair_to_dict(row: PairRow) -> dict[str, Any]:
    pair = row.pair
    return {
        "first": row.first,
        "second": row.second,
        "n": pair.n,
        "both_right": pair.both,
        "neither_right": pair.neither,
        "accuracy": _difference(pair.accuracy),
        "macro_f1": _difference(pair.macro_f1),
        "loss": _difference(pair.loss),
        **{name: _number(found) for name, found in pair.numbers.items()},
        "p_value": pair.p_value,
        "p_adjusted": row.p_adjusted,
        "better": {"first": row.first, "second": row.second}.get(row.better),
        "verdict": row.verdict,
        "only_first_right": _paths(row.only_first),
        "only_second_right": _paths(row.only_second),
    }


def _seeds_to_dict(row: SeedRow) -> dict[str, Any]:
    return {
        "first": row.first,
        "second": row.second,
        "accuracy": _difference(row.found.difference),
        "compared_on": row.found.basis,
        "p_value": row.found.p_value,
        "p_adjusted": row.p_adjusted,
        "better": {"first": row.first, "second": row.second}.get(row.better),
        "verdict": row.verdict,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {"difference": difference.value, "ci95": list(difference.ci95)}


def _number(found: PairedNumber) -> dict[str, Any]:
    return {"difference": found.value, "ci95": None if found.ci95 is None else list(found.ci95)}


def _paths(images: Sequence[Answered]) -> list[str]:
    return [image.path for image in images]
