"""The tables at the end of a command."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nunbit.cli.terminal import printable
from nunbit.formatting import duration, percentage

if TYPE_CHECKING:
    from nunbit.types import Split

SHOWN_EXCLUDED = 10


def print_run(console: Console, folder: Path, summary: Mapping[str, Any]) -> None:
    """Print the most important numbers of `summary.json`, and where the report is."""
    test = summary.get("test") or {}
    low, high = test.get("accuracy_ci95") or (math.nan, math.nan)
    leaks = summary.get("leaks")
    if leaks and (summary.get("evaluated") or {}).get("data") is not None:
        accuracy = _rows_of_seen_images(console, leaks, test, n=int(summary["n"]["test"]))
    else:
        accuracy = [
            (
                "test accuracy",
                f"{_percent(test, 'accuracy')}  (95 %: {percentage(low)} to {percentage(high)})",
            ),
            *_without_leaks(leaks),
        ]
    rows = [
        ("model", str(summary.get("model", "?"))),
        ("images", counts_line(summary.get("n") or {})),
        *accuracy,
        *_without_corrections(summary.get("corrected_test")),
        *_little_tested(test),
        *_operating_point(summary.get("operating_point")),
        ("macro F1", _decimal(test, "macro_f1")),
        ("baseline", _baseline(summary, test)),
        ("loss", _decimal(test, "loss")),
        ("time", duration(float((summary.get("seconds") or {}).get("total", math.nan)))),
    ]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(printable(value)))
    console.print(table)
    report = folder / "report.html"
    where = f"report: {report}" if report.exists() else f"folder: {folder}"
    console.print(Text(printable(where)), soft_wrap=True)


def print_next(console: Console, folder: Path) -> None:
    """Print the two commands that follow a training: use the model, and see what it looks at."""
    console.print("next:")
    for command in ("predict", "explain"):
        words = shlex.join(["nunbit", command, str(folder), "new.jpg"])
        console.print(Text(f"  {printable(words)}"), soft_wrap=True)


def counts_line(n: Mapping[str, int]) -> str:
    """The sizes of the parts on one line, such as `1,078 train, 270 validation`."""
    parts = ("train", "validation", "test", "excluded")
    return ", ".join(f"{n[part]:,} {part}" for part in parts if part in n)


def print_parts(console: Console, split: Split, out: Path) -> None:
    """Print the sizes of the parts, and what was left out and why."""
    left_out = split.indices("excluded")
    for row in left_out[:SHOWN_EXCLUDED]:
        line = f"excluded: {split.paths[row]}: {split.reasons[row]}"
        console.print(Text(printable(line)), soft_wrap=True)
    if len(left_out) > SHOWN_EXCLUDED:
        console.print(f"excluded: {len(left_out) - SHOWN_EXCLUDED:,} more (--manifest lists them)")
    console.print(counts_line(split.counts), soft_wrap=True)
    console.print(Text(f"folder: {printable(str(out))}"), soft_wrap=True)


def _rows_of_seen_images(
    console: Console, leaks: Mapping[str, Any], test: Mapping[str, Any], *, n: int
) -> list[tuple[str, str]]:
    """Print first that a model is evaluated on images that it learned from; the two accuracies."""
    seen, near = int(leaks["test_images"]), int(leaks.get("near_copies", 0))
    as_copies = f" ({near:,} as near-duplicates)" if near else ""
    console.print(
        Text(
            f"WARNING: the model was trained on {seen:,} of these {n:,} images{as_copies}. A score "
            "on them says how well it remembers, not how well it classifies.",
            "bold red",
        ),
        soft_wrap=True,
    )
    clean = leaks["test_without_leaks"]
    remembered = f"{_percent(test, 'accuracy')}  (all {n:,}, {seen:,} of them seen in training)"
    if clean is None:
        return [("test accuracy", "-  (no image is new to the model)"), ("remembered", remembered)]
    low, high = clean["accuracy_ci95"]
    new = (
        f"{_percent(clean, 'accuracy')}  "
        f"(95 %: {percentage(low)} to {percentage(high)}; {n - seen:,} new images)"
    )
    return [("test accuracy", new), ("with seen ones", remembered)]


def _without_leaks(leaks: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Accuracy on the test images that do not also occur in training, where some do."""
    if not leaks:
        return []
    clean = leaks["test_without_leaks"]
    accuracy = "-" if clean is None else _percent(clean, "accuracy")
    return [("without leaks", f"{accuracy}  ({leaks['test_images']:,} leaked images left out)")]


def _without_corrections(corrected: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Accuracy on the test images that corrections left as they were, where they changed some."""
    if not corrected:
        return []
    clean, before = corrected["test_untouched"], corrected["test_with_former_labels"]
    changed = f"{corrected['relabelled']:,} relabelled, {corrected['left_out']:,} left out"
    rows = [
        (
            "untouched test",
            f"{'-' if clean is None else _percent(clean, 'accuracy')}  "
            f"({corrected['untouched']:,} images; the corrections changed the test: {changed})",
        )
    ]
    if corrected["relabelled"] and before is not None:
        rows.append(("former labels", f"{_percent(before, 'accuracy')}  (test before relabelling)"))
    return rows


def _operating_point(block: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Threshold of two classes, with sensitivity and specificity on the test images."""
    if not block:
        return []
    from nunbit.evaluation.operating_point import OperatingResult

    found = OperatingResult.from_dict(block)
    rates = [
        f"{name} {'-' if value is None else percentage(value)} "
        f"({percentage(low)} to {percentage(high)})"
        for name, value, (low, high) in (
            ("sensitivity", found.sensitivity, found.sensitivity_ci95),
            ("specificity", found.specificity, found.specificity_ci95),
        )
    ]
    at = f"{found.point.positive} from {found.point.threshold:.3f}"
    return [("operating point", f"{at}: {', '.join(rates)}")]


def _little_tested(test: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The classes that the test images say nothing or little about."""
    from nunbit.evaluation.tested_classes import barely_tested_classes, untested_classes

    sizes = {name: int(entry["n"]) for name, entry in (test.get("per_class") or {}).items()}
    rows = (
        ("not tested", untested_classes(sizes)),
        ("barely tested", barely_tested_classes(sizes)),
    )
    return [(title, sentence) for title, sentence in rows if sentence]


def _percent(numbers: Mapping[str, Any], key: str) -> str:
    return percentage(float(numbers.get(key, math.nan)))


def _decimal(numbers: Mapping[str, Any], key: str) -> str:
    value = float(numbers.get(key, math.nan))
    return f"{value:.4f}" if math.isfinite(value) else "-"


def _baseline(summary: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """Best baseline; for an older run, the accuracy of always answering one class."""
    from nunbit.evaluation.baselines import baseline_from_dict

    known = [baseline_from_dict(entry) for entry in summary.get("baselines") or ()]
    if known:
        best = max(known, key=lambda baseline: baseline.accuracy)
        doubt = "" if best.clearly_beaten else "; not clearly beaten"
        return f"{percentage(best.accuracy)}  ({best.detail}{doubt})"
    sizes = {name: int(entry["n"]) for name, entry in (test.get("per_class") or {}).items()}
    total = sum(sizes.values())
    if not total:
        return "-"
    largest = max(sizes, key=lambda name: sizes[name])
    return f"{percentage(sizes[largest] / total)}  (always answering {largest})"
