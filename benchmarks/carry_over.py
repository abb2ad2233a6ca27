"""What the recipes tuned on Fashion-MNIST do on other data, against nunbit's defaults there.

    python benchmarks/carry_over.py [--repeats 3] [--only digits] [--kept FOLDER] [--quick]

The digits and about 370 pictures in five classes. On each, `nunbit train` as it is, and with a
recipe's network, learning rate and batch size; on the pictures also with the default network for
small images, which is not judged. The number of epochs is the default's. Each seed draws a split,
which all share.

A way is no worse when the mean of its differences is not below 0 by more than chance allows: half a
95 % interval by Student's t over the seeds. Each result is kept in --kept (build/carry_over), so
that the command may be stopped and given again; remove the folder to measure anew.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import ROOT, arguments, bound, commit, finish, kept, record, row, run_command
from pictures import write_photographs
from scipy.stats import t as student

Found = dict[str, Any]

WAYS: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "patchcnn": (
        "model.name=patchcnn",
        "training.learning_rate=0.004",
        "training.batch_size=125",
    ),
    "patchcnn-wide": (
        "model.name=patchcnn-wide",
        "training.learning_rate=0.003",
        "training.batch_size=125",
    ),
    "smallcnn": ("model.name=smallcnn",),
}
RECIPES = ("patchcnn", "patchcnn-wide")
WAYS_OF = {"digits": ("defaults", *RECIPES), "photos": ("defaults", *RECIPES, "smallcnn")}
"""`smallcnn`, the default network for small images, is the default of the digits anyway."""


def main() -> int:
    """Measure what is not kept yet, and judge all."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("--only", nargs="+", choices=WAYS_OF, default=list(WAYS_OF))
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "carry_over")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "photos", most=10 if given.quick else None)
        store = folder / "kept" if given.quick else given.kept
        data = {"digits": "digits", "photos": str(folder / "photos")}
        repeats = 1 if given.quick else given.repeats
        found = {
            place: {
                way: [
                    trained(store, place, path, way, seed, given.quick) for seed in range(repeats)
                ]
                for way in WAYS_OF[place]
            }
            for place, path in data.items()
            if place in given.only
        }
    return finish(judged(found, repeats), given)


def trained(store: Path, place: str, data: str, way: str, seed: int, quick: bool) -> Found:
    """One run: accuracy on its test part."""

    def measure() -> Found:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            command = [sys.executable, "-m", "nunbit", "train", data, "--seed", str(seed)]
            command += [word for setting in WAYS[way] for word in ("--set", setting)]
            command += ["--epochs", "1"] if quick else []
            run_command([*command, "--quiet", "--out", str(out)])
            summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        return {
            "commit": commit(),
            "accuracy": summary["test"]["accuracy"],
            "n": summary["n"]["test"],
        }

    one = kept(store / f"{place}-{way}-{seed}.json", measure)
    print(f"{place}, {way}, seed {seed}: {json.dumps(one)}", file=sys.stderr)
    return one


def judged(found: dict[str, dict[str, list[Found]]], repeats: int) -> Found:
    """Rows and ratios."""
    rows, ratios, notes = [], [], []
    for place, ways in found.items():
        default = ways["defaults"]
        notes.append(f"{place}: {default[0]['n']} test images for each seed")
        for way, runs in ways.items():
            rows.append(row(f"{place}, {way}: accuracy", "%", [100 * r["accuracy"] for r in runs]))
            if way == "defaults":
                continue
            pairs = zip(runs, default, strict=True)
            points = [100 * (mine["accuracy"] - theirs["accuracy"]) for mine, theirs in pairs]
            rows.append(row(f"{place}, {way} - defaults", "points", points))
            mean = statistics.mean(points)
            half = half_interval(points) if way in RECIPES else None
            ratios.append(
                bound(
                    f"{place}: {way} - defaults, mean of the seeds in points",
                    [mean],
                    target=None if half is None else -round(half, 2),
                    better="more",
                )
            )
    commits = {r["commit"] for ways in found.values() for runs in ways.values() for r in runs}
    notes.append(f"measured at {', '.join(sorted(commits))}")
    return record("carry_over", repeats=repeats, rows=rows, ratios=ratios, notes=notes)


def half_interval(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean; None for a single value."""
    if len(values) < 2:
        return None
    error = statistics.stdev(values) / len(values) ** 0.5
    return float(student.ppf(0.975, len(values) - 1)) * error


if __name__ == "__main__":
    sys.exit(main())
