"""The adviser against the truth: every plan really trained, and what it had said of each before.

    python benchmarks/adviser.py [--quick] [--runs runs/adviser] [--image-size 64] [--seeds 1]
                                 [--full] [--collect] [--json FILE] [SET …]

Data sets, with their own or a drawn test part that only the truth uses:

    fashion-500, fashion-5000   so many training images of Fashion-MNIST, 2,000 of its test part
    digits                      scikit-learn's 1,797 digits
    photos                      Debian's tuxpaint-stamps-default: photographs in five classes

Weights: efficientnet-lite0 of the package, at --image-size (64 pixels so that two cores are done in
a quarter of an hour). Training from scratch takes the default network at its own size, photographs
at --image-size. Numbers of epochs are short and stand in EPOCHS below; --full leaves them to nunbit
and takes hours. A run that is there is not repeated, and an interrupted one is gone on with.

Prints a table for each data set and one of agreement: Spearman's rank correlation between
expectation and truth over all plans, the share of pairs of plans in the right order, the regret
(how many points the recommended plan lies below the best of the plans with these weights), and how
many expectations held.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from nunbit.cli.display import display_on
from nunbit.cli.terminal import stderr_console
from nunbit.config import Config, load_config
from nunbit.data.sources import load_samples
from nunbit.files import write_atomically
from nunbit.run.advising import advise_data
from nunbit.run.spine import train
from nunbit.transfer.chart import draw_advice
from nunbit.transfer.evidence import stratified_order
from nunbit.transfer.plans import SCRATCH, Advice, advice_from_dict, spoken, verdict

WEIGHTS = "efficientnet-lite0"
TEST_IMAGES = 2000
PHOTOS_TEST_FRACTION = 0.3
"""More than usual: of 370 photographs, a fifth would tell little."""
EPOCHS = {
    "fashion-500": (20, 60),
    "fashion-5000": (3, 6),
    "digits": (10, 22),
    "photos": (20, 40),
    "quick": (3, 10),
}
"""Of fine-tuning and of training from scratch, without --full: fewer than nunbit itself takes."""
PACKAGES = ("torch", "timm", "scikit-learn", "numpy")


def main() -> int:
    """Train what is missing, ask the adviser where it was not asked, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/adviser"))
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="120 digits, 32 pixels, to see it run")
    parser.add_argument("--full", action="store_true", help="as many epochs as nunbit would take")
    parser.add_argument("--collect", action="store_true", help="train nothing: use what is there")
    parser.add_argument("--json", type=Path, help="write all numbers there")
    given = parser.parse_args()
    if unknown := set(given.sets) - set(SETS):
        parser.error(f"unknown data sets: {', '.join(sorted(unknown))}; known: {', '.join(SETS)}")
    names = ["quick"] if given.quick else given.sets or [name for name in SETS if name != "quick"]
    size = 32 if given.quick else given.image_size
    found = []
    for name, seed in itertools.product(names, range(given.seeds)):
        length = "full" if given.full else "short"
        folder = given.runs / f"{name}-{size}px-{length}-seed{seed}"
        measured = compare(
            name, folder, size=size, seed=seed, full=given.full, collect=given.collect
        )
        if measured is None:
            print(f"{name} is not run here\n")
            continue
        found.append(measured)
        print(table(measured))
    if found:
        print(agreement(found))
    if given.json:
        content = {"machine": machine(), "image_size": size, "sets": found}
        write_atomically(given.json, json.dumps(content, indent=2) + "\n")
    return 0


def compare(
    name: str, folder: Path, *, size: int, seed: int, full: bool, collect: bool
) -> dict[str, Any] | None:
    """The advice and the truth of one data set; None where the data or the runs are not here."""
    settings = SETS[name](folder / "data")
    if settings is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**settings, "seed": seed}
    pretrained = {
        **settings,
        **epochs_of(name, full=full),
        "model.pretrained": WEIGHTS,
        "pixels.image_size": size,
    }
    recorded = folder / "advice.json"
    if not recorded.is_file():
        if collect:
            return None
        progress = display_on(stderr_console(), quiet=False)
        advised = advise_data(config_of(pretrained), progress)
        write_atomically(recorded, json.dumps(advised.to_dict(), indent=2) + "\n")
        write_atomically(folder / "advice.png", draw_advice(advised))
    advice = advice_from_dict(json.loads(recorded.read_text(encoding="utf-8")))
    truth = {}
    for plan in advice.plans:
        chosen = {**pretrained, "transfer.mode": plan.plan}
        if plan.plan == SCRATCH:
            chosen = {**settings, **epochs_of(name, full=full, scratch=True)}
            if name == "photos":
                chosen["pixels.image_size"] = size
        out = folder / plan.plan.replace(":", "-")
        if not collect:
            truth[plan.plan] = finished(config_of(chosen), out)
        elif (out / "summary.json").is_file():
            truth[plan.plan] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    if len(truth) < len(advice.plans):
        return None
    return judged(name, seed, advice, truth, full=full)


def epochs_of(name: str, *, full: bool, scratch: bool = False) -> dict[str, object]:
    """The setting of the number of epochs; none where nunbit is to decide."""
    return {} if full else {"training.epochs": EPOCHS[name][int(scratch)]}


def config_of(settings: dict[str, object]) -> Config:
    """A configuration from dotted settings."""
    return load_config(data=None, recipe=None, settings=settings)


def finished(config: Config, out: Path) -> dict[str, Any]:
    """The summary of a run, trained now if need be."""
    progress = display_on(stderr_console(), quiet=False)
    try:
        return train(config, out=out, resume=True, progress=progress).summary
    finally:
        progress.training_ended()


def judged(
    name: str, seed: int, advice: Advice, truth: dict[str, dict[str, Any]], *, full: bool = False
) -> dict[str, Any]:
    """Expectations beside what came of them."""
    short = EPOCHS[name][1] / EPOCHS[name][0] if name in EPOCHS and not full else 1.0
    plans = [
        {
            "plan": plan.plan,
            "expected": plan.accuracy.estimate,
            "expected_ci95": [plan.accuracy.low, plan.accuracy.high],
            # The adviser was told the epochs of fine-tuning; those from scratch differ.
            "expected_seconds": plan.seconds * (short if plan.plan == SCRATCH else 1.0),
            "accuracy": truth[plan.plan]["test"]["accuracy"],
            "accuracy_ci95": truth[plan.plan]["test"]["accuracy_ci95"],
            "seconds": truth[plan.plan]["seconds"]["train"],
            "verdict": verdict(plan.accuracy, tuple(truth[plan.plan]["test"]["accuracy_ci95"])),
        }
        for plan in advice.plans
    ]
    expected = [plan["expected"] for plan in plans]
    accuracies = [plan["accuracy"] for plan in plans]
    transfers = {plan["plan"]: plan["accuracy"] for plan in plans if plan["plan"] != SCRATCH}
    best = max(transfers.values())
    ordered = [
        (expected[i] - expected[j]) * (accuracies[i] - accuracies[j]) > 0
        for i, j in itertools.combinations(range(len(plans)), 2)
        if accuracies[i] != accuracies[j]
    ]
    return {
        "name": name,
        "seed": seed,
        "test_images": next(iter(truth.values()))["n"]["test"],
        "training_images": next(iter(truth.values()))["n"]["train"],
        "plans": plans,
        "recommended": advice.recommended,
        "table": advice.table_plan,
        "much": advice.much.yes,
        "similar": advice.similar.yes,
        "rank_correlation": correlation(expected, accuracies),
        "pairs_in_order": [sum(ordered), len(ordered)],
        "regret_points": 100 * (best - transfers[advice.recommended]),
        "table_regret_points": 100 * (best - transfers.get(advice.table_plan, transfers["all"])),
        "head_regret_points": 100 * (best - transfers["head"]),
        "advice_seconds": advice.seconds,
    }


def correlation(expected: Sequence[float], truth: Sequence[float]) -> float | None:
    """Spearman's; None where all are equal."""
    if len(set(expected)) < 2 or len(set(truth)) < 2:
        return None
    return float(spearmanr(expected, truth).statistic)


def table(measured: dict[str, Any]) -> str:
    """One data set as markdown."""
    lines = [
        f"### {measured['name']}, seed {measured['seed']}: {measured['training_images']:,} "
        f"training images, {measured['test_images']:,} test images",
        "",
        "| plan | expected accuracy | test accuracy | held | expected time | time |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for plan in measured["plans"]:
        mark = " (recommended)" if plan["plan"] == measured["recommended"] else ""
        lines.append(
            f"| {spoken(plan['plan'])}{mark} | {percent(plan['expected'], plan['expected_ci95'])} "
            f"| {percent(plan['accuracy'], plan['accuracy_ci95'])} | {plan['verdict']} "
            f"| {plan['expected_seconds']:.0f} s | {plan['seconds']:.0f} s |"
        )
    return "\n".join([*lines, ""])


def agreement(found: list[dict[str, Any]]) -> str:
    """All data sets in one table of markdown."""
    lines = [
        "### Agreement",
        "",
        "| data | rank correlation | pairs in order | recommended | regret | rule of thumb "
        "| its regret | head's regret | expectations held | advice took |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        right, pairs = row["pairs_in_order"]
        held = sum(plan["verdict"] == "met" for plan in row["plans"])
        rho = row["rank_correlation"]
        lines.append(
            f"| {row['name']}, seed {row['seed']} | {'–' if rho is None else f'{rho:.2f}'} "
            f"| {right} of {pairs} | {spoken(row['recommended'])} | {row['regret_points']:.1f} "
            f"| {spoken(row['table'])} | {row['table_regret_points']:.1f} "
            f"| {row['head_regret_points']:.1f} | {held} of {len(row['plans'])} "
            f"| {row['advice_seconds']:.0f} s |"
        )
    known = [row["rank_correlation"] for row in found if row["rank_correlation"] is not None]
    mean = f"{statistics.mean(known):.2f}" if known else "–"
    regret = statistics.mean(row["regret_points"] for row in found)
    lines += ["", f"Mean rank correlation {mean}, mean regret {regret:.1f} points. {machine()}."]
    return "\n".join([*lines, ""])


def percent(share: float, interval: Sequence[float]) -> str:
    """0.921 as '92.1 (90.8 to 93.2)'."""
    return f"{100 * share:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def machine() -> str:
    """What the times belong to."""
    from importlib import metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {versions}"


def fashion(images: int) -> Callable[[Path], dict[str, object] | None]:
    """Settings for so many training images of Fashion-MNIST, written as one file of arrays."""

    def settings(folder: Path) -> dict[str, object] | None:
        from nunbit.errors import DataError

        file = folder / "fashion.npz"
        if not file.is_file():
            try:
                samples = load_samples("fashion-mnist")
            except DataError:
                return None
            pixels = getattr(samples.images, "array")  # noqa: B009 - files have none
            chosen = {}
            for part, count in (("train", images), ("test", TEST_IMAGES)):
                rows = np.flatnonzero(np.array(samples.parts) == part)
                rows = rows[stratified_order(samples.labels[rows], seed=0)[:count]]
                chosen |= {f"x_{part}": pixels[rows], f"y_{part}": samples.labels[rows]}
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(file, class_names=np.array(samples.classes), **chosen)
        return {"data.path": str(file)}

    return settings


def digits(_: Path) -> dict[str, object] | None:
    """scikit-learn's digits, with a drawn test part."""
    return {"data.path": "digits"}


def few_digits(folder: Path) -> dict[str, object] | None:
    """A few of them, even against odd, to see the benchmark run."""
    file = folder / "digits.npz"
    if not file.is_file():
        samples = load_samples("digits")
        rows = stratified_order(samples.labels, seed=0)[:120]
        folder.mkdir(parents=True, exist_ok=True)
        images = getattr(samples.images, "array")  # noqa: B009 - files have none
        np.savez(file, x=images[rows], y=samples.labels[rows] % 2)
    return {"data.path": str(file)}


def photographs(folder: Path) -> dict[str, object] | None:
    """Photographs in five classes, written as JPEG files."""
    from pictures import STAMPS, write_photographs

    if not STAMPS.is_dir():
        return None
    if not folder.is_dir():
        write_photographs(folder)
    return {"data.path": str(folder), "split.test_fraction": PHOTOS_TEST_FRACTION}


SETS: dict[str, Callable[[Path], dict[str, object] | None]] = {
    "fashion-500": fashion(500),
    "fashion-5000": fashion(5000),
    "digits": digits,
    "photos": photographs,
    "quick": few_digits,
}


if __name__ == "__main__":
    sys.exit(main())
