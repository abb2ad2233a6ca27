"""Format, colour mode, size or shape that differ between the classes: what a network learns first.

n usable files with a label, K classes, V values of one property.

The measure is the advantage of a class: the fraction of its images that have one of the property's
telling values, less that fraction among all others. 1 gives the class away, 0 tells nothing. The
rule holds the whole check to at most one false alarm in a hundred data sets without any shortcut:
the telling values are chosen after looking, so Fisher's exact p-value of "telling or not" against
"this class or not" is multiplied by the number of choices (the sets of values), by the classes and
by the properties (Bonferroni). No approximation is made for small numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.properties import Properties, one_of_each_group, properties
from nunbit.data.inspect import Inspection
from nunbit.formatting import percentage
from nunbit.types import Samples

FALSE_ALARMS = 0.01
"""Probability of any finding here when nothing depends on the class."""
MIN_ADVANTAGE = 0.3
"""Differences below this are not worth a warning, however certain."""
PROPERTIES = 4
"""Tables that are looked at."""
MAX_VALUES = 8
"""Rarer values are counted together, numbers in so many ranges of equal count."""


class Shortcuts(Check):
    """Single properties of files that give a class away."""

    name = "shortcuts"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `shortcuts`."""
        tables = tables_of(context.samples, context.properties)
        return shortcuts(tables, context.samples.classes)


@dataclass(frozen=True, kw_only=True)
class PropertyTable:
    """Distribution of one property over the classes."""

    name: str
    """`format`, `mode`, `size` or `aspect`."""
    title: str
    """Such as "file format"."""
    values: tuple[str, ...]
    """[V]"""
    counts: NDArray[np.int64]
    """[K, V] images."""
    advantage: NDArray[np.float64]
    """[K] of each class; 0 where it has no image or all of them."""
    p_value: NDArray[np.float64]
    """[K] corrected for all that was tried, at most 1."""

    @property
    def given_away(self) -> NDArray[np.int64]:
        """Classes of which the property tells too much, the plainest first."""
        found = (self.p_value < FALSE_ALARMS) & (self.advantage >= MIN_ADVANTAGE)
        order = np.argsort(-self.advantage.round(9), kind="stable")
        return np.asarray(order[found[order]], dtype=np.int64)

    @property
    def accuracy(self) -> float:
        """Fraction of images whose class is the most frequent one among those of the same value."""
        return float(self.counts.max(axis=0).sum() / self.counts.sum())

    @property
    def baseline(self) -> float:
        """Fraction of the largest class."""
        return float(self.counts.sum(axis=1).max() / self.counts.sum())


def property_tables(
    samples: Samples, inspection: Inspection, reasons: Sequence[str]
) -> tuple[PropertyTable, ...]:
    """A table for each property of the files that varies; none for arrays.

    Of each group only the first image of a class counts. `reasons` is [N].
    """
    return tables_of(samples, properties(samples, inspection, reasons))


def tables_of(samples: Samples, found: Properties) -> tuple[PropertyTable, ...]:
    """The tables of properties that are at hand; see `property_tables`."""
    found = one_of_each_group(samples, found)
    if len(found) == 0:
        return ()
    tables = [
        _table(name, title, values, found.labels, len(samples.classes))
        for name, title, values in _columns(found)
    ]
    return tuple(table for table in tables if len(table.values) > 1)


def shortcuts(tables: Sequence[PropertyTable], classes: Sequence[str]) -> Iterator[Finding]:
    """A warning for each property that gives a class away."""
    for table in tables:
        given_away = table.given_away
        if len(given_away):
            yield _finding(table, given_away, classes)


def _columns(found: Properties) -> Iterator[tuple[str, str, NDArray[np.str_]]]:
    """Name, title and values [n] of each property."""
    facts = found.facts
    yield "format", "file format", _common(np.array([fact.format for fact in facts]))
    yield "mode", "colour mode", _common(np.array([fact.mode for fact in facts]))
    pairs = np.array([f"{fact.width} × {fact.height} pixels" for fact in facts])
    if len(np.unique(pairs)) > MAX_VALUES:
        # The side of a square of the same area.
        pairs = _ranges(np.sqrt(found.width * found.height), "{:.0f}", "pixels a side")
    yield "size", "image size", pairs
    aspect = found.width / found.height
    named = np.array([f"{value:.2f} wide for 1 high" for value in aspect])
    if len(np.unique(named)) > MAX_VALUES:
        named = _ranges(aspect, "{:.2f}", "wide for 1 high")
    yield "aspect", "aspect ratio", named


def _common(values: NDArray[np.str_]) -> NDArray[np.str_]:
    """The values [n], with the rarest called `other` where there are many."""
    names, counts = np.unique(values, return_counts=True)
    if len(names) <= MAX_VALUES:
        return values
    kept = names[np.argsort(-counts, kind="stable")[: MAX_VALUES - 1]]
    return np.where(np.isin(values, kept), values, "other")


def _ranges(values: NDArray[np.float64], form: str, unit: str) -> NDArray[np.str_]:
    """Numbers [n] as the names of ranges with about equal counts, cut without regard to classes."""
    cuts = np.unique(np.quantile(values, np.arange(1, MAX_VALUES) / MAX_VALUES, method="lower"))
    bin_of = np.searchsorted(cuts, values, side="left")
    names: list[str] = []
    for number in range(len(cuts) + 1):
        within = values[bin_of == number]
        if len(within) == 0:
            names.append("")
            continue
        low, high = form.format(within.min()), form.format(within.max())
        names.append(f"{low} {unit}" if low == high else f"{low} to {high} {unit}")
    return np.array(names)[bin_of]


def _table(
    name: str, title: str, values: NDArray[np.str_], labels: NDArray[np.int64], classes: int
) -> PropertyTable:
    names, codes = np.unique(values, return_inverse=True)
    order = np.argsort(-np.bincount(codes), kind="stable")
    counts = np.zeros((classes, len(names)), dtype=np.int64)
    np.add.at(counts, (labels, codes), 1)
    counts = counts[:, order]
    own = counts.sum(axis=1, keepdims=True)
    others = counts.sum() - own
    fraction = counts / np.maximum(own, 1)
    fraction_of_others = (counts.sum(axis=0) - counts) / np.maximum(others, 1)
    judged = (own > 0) & (others > 0)
    telling = (fraction > fraction_of_others) & judged
    advantage = np.where(telling, fraction - fraction_of_others, 0.0).sum(axis=1)
    told = np.where(telling, counts, 0).sum(axis=1)
    having = np.where(telling, counts.sum(axis=0), 0).sum(axis=1)
    from scipy.stats import hypergeom  # imported here because it takes 0.3 s

    # Fisher's exact test: so many of the class's images among those that have a telling value.
    p_value = hypergeom.sf(told - 1, int(counts.sum()), having, own[:, 0])
    tried = (2.0 ** len(names) - 2) * classes * PROPERTIES
    return PropertyTable(
        name=name,
        title=title,
        values=tuple(names[order].tolist()),
        counts=counts,
        advantage=np.asarray(advantage),
        p_value=np.asarray(np.where(judged[:, 0], np.minimum(1.0, p_value * tried), 1.0)),
    )


def _finding(
    table: PropertyTable, given_away: NDArray[np.int64], classes: Sequence[str]
) -> Finding:
    listed = tuple(_told(table, int(label), classes) for label in given_away)
    return Finding(
        kind=f"{table.name}-shortcut",
        severity="warning",
        title=_title(table, given_away, classes),
        count=int(table.counts[given_away].sum()),
        examples=listed[:EXAMPLES],
        everything=listed,
        why="The network can learn this instead of what the pictures show, and fails where it no "
        f"longer holds. From the {table.title} alone {percentage(table.accuracy, 0)} of these "
        "images could be given their class; always answering the largest class is right for "
        f"{percentage(table.baseline, 0)}.",
        remedy=_REMEDIES[table.name],
    )


def _title(table: PropertyTable, given_away: NDArray[np.int64], classes: Sequence[str]) -> str:
    """The accuracy against chance; of few classes among many, where it says little, their names."""
    told, chance = f"{percentage(table.accuracy, 0)}", f"{percentage(table.baseline, 0)}"
    if 2 * len(given_away) > len(classes) and told != chance:
        return f"The {table.title} tells the class of {told} of the images; chance is {chance}"
    names = [classes[label] for label in given_away]
    if len(names) > 2:
        names = [names[0], f"{len(names) - 1:,} other classes"]
    return f"The {table.title} gives {' and '.join(names)} away"


def _told(table: PropertyTable, label: int, classes: Sequence[str]) -> str:
    """Describe the most telling value: "98 % of dog and 1 % of the others are PNG"."""
    own, others = table.counts[label], table.counts.sum(axis=0) - table.counts[label]
    fraction, fraction_of_others = own / own.sum(), others / others.sum()
    value = int(np.argmax(fraction - fraction_of_others))
    return (
        f"{percentage(fraction[value], 0)} of {classes[label]} and "
        f"{percentage(fraction_of_others[value], 0)} of the others "
        f"{_HAVE[table.name]} {table.values[value]}"
    )


_HAVE = {"format": "are", "mode": "are", "size": "have", "aspect": "are"}
_REMEDIES = {
    "format": "Save all images in one format, at one quality, from the originals if you have them: "
    "traces of an earlier compression stay in the pixels.",
    "mode": "Bring all images to one mode, or set pixels.colour=grey where colour must not count.",
    "size": "Look how each class was collected, and take originals of like size for all: made "
    "equal later, large and small ones still differ in sharpness.",
    "aspect": "Look how each class was collected, or cut all images to one shape: squashing bends "
    "one class more than the other, and padding gives it broader borders.",
}
