"""The numbers of a report, read from its HTML, and the same from the files of its run.

What is expected is computed by scikit-learn or a plain loop from predictions.csv, split.csv, the
bundle and the images, and not by the code that made the report.
"""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)
from sklearn.neighbors import KNeighborsClassifier

import nunbit
from nunbit.formatting import confidence, count, decimal, percent, percent_with_range

Z = 1.959963984540054


class Tables(HTMLParser):
    """Every table by the name of the region around it: rows of cells' words."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: dict[str, str] = {}
        self._region = ""
        self._cell: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("role") == "region":
            self._region = found["aria-label"] or ""
            self.tables[self._region] = []
        if tag == "tr":
            self.tables[self._region].append([])
        if tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            words = re.sub(r"\s+", " ", "".join(self._cell)).strip()
            self.tables[self._region][-1].append(words)
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


class Truth:
    """A run's predictions, read as a stranger would."""

    def __init__(self, run: Path) -> None:
        self.run = run
        rows = _rows(run / "predictions.csv")
        self.classes = [name[5:] for name in rows[0] if name.startswith("prob_")]
        self.paths = [row["path"] for row in rows]
        self.true = [row["label"] for row in rows]
        self.said = [row["predicted"] for row in rows]
        self.probabilities = np.array(
            [[float(row[f"prob_{name}"]) for name in self.classes] for row in rows]
        )
        self.split = _rows(run / "split.csv")
        self.matrix = confusion_matrix(self.true, self.said, labels=self.classes)

    @property
    def n(self) -> int:
        return len(self.true)

    @property
    def right(self) -> list[bool]:
        return [true == said for true, said in zip(self.true, self.said, strict=True)]

    def headline(self) -> str:
        share = accuracy_score(self.true, self.said)
        images = f"{count(sum(self.right))} of {count(self.n)} test images"
        return f"Right on {images}: {percent_with_range(share, wilson(sum(self.right), self.n))}"

    def tiles(self) -> dict[str, str]:
        return {
            "Macro F1": decimal(f1_score(self.true, self.said, average="macro")),
            "Loss": decimal(log_loss(self.true, self.probabilities, labels=self.classes)),
            "Calibration error": decimal(self.calibration_error()),
        }

    def calibration_error(self, bins: int = 15) -> float:
        total = 0.0
        surest = self.probabilities.max(axis=1)
        for b in range(bins):
            inside = [i for i in range(self.n) if b / bins < surest[i] <= (b + 1) / bins]
            total += abs(sum(surest[i] - self.right[i] for i in inside))
        return total / self.n

    def reliability(self, bins: int = 15) -> list[list[str]]:
        """Images, mean confidence and share of right answers of each bin that has images."""
        surest, rows = self.probabilities.max(axis=1), []
        for b in range(bins):
            inside = [i for i in range(self.n) if b / bins < surest[i] <= (b + 1) / bins]
            if inside:
                hits, of = sum(self.right[i] for i in inside), len(inside)
                name = f"{100 * b / bins:.0f} to {100 * (b + 1) / bins:.0f} %"
                mean = confidence(sum(surest[i] for i in inside) / of)
                share = percent_with_range(hits / of, wilson(hits, of))
                rows.append([name, count(of), mean, share])
        return rows

    def answered(self) -> dict[str, list[str]]:
        """Images answered and right at each threshold of the bundle."""
        bundle = json.loads((self.run / "model" / "nunbit.json").read_text(encoding="utf-8"))
        shown = {}
        for target, threshold in bundle["thresholds"].items():
            sure = [i for i in range(self.n) if self.probabilities[i].max() >= threshold]
            hits, of = sum(self.right[i] for i in sure), len(sure)
            coverage = percent_with_range(of / self.n, wilson(of, self.n))
            accuracy = percent_with_range(hits / of, wilson(hits, of))
            shown[f"{100 * float(target):g} %"] = [
                f"{count(of)} of {count(self.n)}, {coverage}",
                f"{count(hits)} of {count(of)}, {accuracy}",
            ]
        return shown

    def per_class(self) -> dict[str, list[str]]:
        """Images, recall, answers, precision and F1 of each class as the table shows them."""
        precision, recall, f1, n = precision_recall_fscore_support(
            self.true, self.said, labels=self.classes, zero_division=0
        )
        answers = [self.said.count(name) for name in self.classes]
        shown = {}
        for k, name in enumerate(self.classes):
            hits = int(self.matrix[k, k])
            either = sum(
                name in pair for pair in zip(self.true, self.said, strict=True)
            )  # of the class, or said to be
            low, high = (2 * j / (1 + j) for j in wilson(hits, either))
            shown[name] = [
                count(int(n[k])),
                percent_with_range(recall[k], wilson(hits, int(n[k]))),
                count(answers[k]),
                percent_with_range(precision[k], wilson(hits, answers[k])),
                f"{decimal(f1[k])} ({low:.2f} to {high:.2f})",
            ]
        return shown

    def pairs(self) -> dict[tuple[str, str], list[str]]:
        """Images and share of every confusion."""
        found: dict[tuple[str, str], list[str]] = {}
        for true in self.classes:
            of = self.true.count(true)
            for said in self.classes:
                times = list(zip(self.true, self.said, strict=True)).count((true, said))
                if true != said and times:
                    share = percent_with_range(times / of, wilson(times, of))
                    found[true, said] = [f"{times} of {of}", share]
        return found

    def captions(self) -> dict[str, str]:
        """What stands below the picture of each path."""
        surest = self.probabilities.max(axis=1)
        return {
            path: f"{'✓' if said == true else '✗'} {said}({true}){confidence(surest[i])} {path}"
            for i, (path, true, said) in enumerate(
                zip(self.paths, self.true, self.said, strict=True)
            )
        }

    def largest_class(self) -> list[str]:
        trained = [row["label"] for row in self.split if row["split"] == "train"]
        largest = max(self.classes, key=trained.count)
        hits = self.true.count(largest)
        share = percent_with_range(hits / self.n, wilson(hits, self.n))
        return [count(self.n), count(hits), share]

    def nearest_neighbour(self, data: Path) -> list[str]:
        contract = nunbit.load(self.run, device="cpu").preprocess
        known = [row for row in self.split if row["split"] == "train"]

        def vectors(paths: list[str]) -> Any:
            canvases = [contract.canvas((data / path).read_bytes()) for path in paths]
            return np.stack(canvases).reshape(len(paths), -1).astype(np.float64)

        nearest = KNeighborsClassifier(1, algorithm="brute")
        nearest.fit(vectors([row["path"] for row in known]), [row["label"] for row in known])
        answers = nearest.predict(vectors(self.paths))
        hits = int((answers == np.array(self.true)).sum())
        return [count(self.n), count(hits), percent_with_range(hits / self.n, wilson(hits, self.n))]

    def validation(self, data: Path) -> list[str]:
        rows = [row for row in self.split if row["split"] == "validation"]
        classifier = nunbit.load(self.run, device="cpu")
        probabilities = classifier.predict_proba([data / row["path"] for row in rows])
        labels = [row["label"] for row in rows]
        said = [self.classes[k] for k in probabilities.argmax(axis=1)]
        share, hits = accuracy_score(labels, said), sum(map(str.__eq__, labels, said))
        loss = log_loss(labels, probabilities, labels=self.classes)
        n = len(rows)
        return [count(n), percent_with_range(share, wilson(hits, n)), decimal(loss)]

    def accuracy_by_brightness(self, data: Path, sizes: list[int]) -> list[str]:
        """Accuracy of so many images at a time, the darkest first."""
        contract = nunbit.load(self.run, device="cpu").preprocess
        means = [contract.canvas((data / path).read_bytes()).mean() for path in self.paths]
        order = sorted(range(self.n), key=means.__getitem__)
        shown, start = [], 0
        for size in sizes:
            hits = sum(self.right[i] for i in order[start : start + size])
            shown.append(percent_with_range(hits / size, wilson(hits, size)))
            start += size
        return shown

    def parts_of_classes(self) -> dict[str, list[str]]:
        parts = ("train", "validation", "test", "excluded")
        pairs = [(row["label"], row["split"]) for row in self.split]
        return {name: [count(pairs.count((name, part))) for part in parts] for name in self.classes}


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The closed form (Wilson 1927)."""
    p = correct / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    # At the ends the difference of two equal numbers need not be zero.
    return max(0.0, round(centre - half, 12)), min(1.0, round(centre + half, 12))


def percents(matrix: Any) -> list[list[str]]:
    """The matrix in percent of its rows."""
    return [[percent(cell / row.sum()).removesuffix(" %") for cell in row] for row in matrix]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
