"""The adviser against the truth: every plan really trained, and what it had said of each before.

    python benchmarks/adviser.py [--quick] [--runs runs/adviser] [--image-size 64] [--seeds 1]
                                 [--full] [--collect] [--json FILE] [SET …]

Data sets, with their own or a drawn test part that only the truth uses:

    fashion-500, fashion-5000   so many training images of Fashion-MNIST, others for each seed, and
                                2,000 of its test part, the same for all
    digits                      scikit-learn's 1,797 digits
    photos                      Debian's tuxpaint-stamps-default: photographs in five classes

Weights: efficientnet-lite0 of the package, at --image-size (64 pixels so that one core is done in
half an hour). Training from scratch takes the default network at its own size, photographs at
--image-size. All of it in float32, so that processors with other units come to the same. Numbers of
epochs are short and stand in EPOCHS below; --full leaves them to nunbit and takes hours. A run that
is there is not repeated, and an interrupted one is gone on with.

Prints a table for each data set and one of agreement (agreement.py): Spearman's rank correlation
between expectation and truth over all plans, the share of pairs of plans in the right order among
those that the truth decides, the regret (how many points the recommended plan lies below the best
of the plans with these weights) with its standard error, and how many expectations held.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import Seed, answers_of, judged, overall

from nunbit.advisor.evidence import stratified_order
from nunbit.advisor.plans import SCRATCH, Z95, advice_from_dict, describe
from nunbit.cli.display import display_on
from nunbit.cli.terminal import stderr_console
from nunbit.config import Config, load_config
from nunbit.data.sources import load_samples
from nunbit.files import write_atomically
from nunbit.pipelines.advise import advise_data
from nunbit.pipelines.train import train
from nunbit.reports.advice import draw_advice

WEIGHTS = "efficientnet-lite0"
TEST_IMAGES = 2000
PHOTOS_TEST_FRACTION = 0.3
"""More than usual: of 370 photographs, a fifth would tell little."""
EPOCHS = {
    "fashion-500": (12, 40),
    "fashion-5000": (5, 12),
    "digits": (5, 15),
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
    length = "full" if given.full else "short"
    found = []
    for name in names:
        seeds = []
        for seed in range(given.seeds):
            folder = given.runs / f"{name}-{size}px-{length}-seed{seed}"
            one = compare(
                name, folder, size=size, seed=seed, full=given.full, collect=given.collect
            )
            seeds += [] if one is None else [one]
        if not seeds:
            print(f"{name} is not run here\n")
            continue
        found.append(judged(name, seeds))
        print(table(found[-1]))
    if found:
        print(agreement(found))
    if given.json:
        content = {"machine": machine(), "image_size": size, "sets": found}
        write_atomically(given.json, json.dumps(content, indent=2) + "\n")
    return 0


def compare(
    name: str, folder: Path, *, size: int, seed: int, full: bool, collect: bool
) -> Seed | None:
    """The advice and the truth of one seed; None where the data or the runs are not here."""
    settings = SETS[name](folder / "data", seed)
    if settings is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**settings, "seed": seed, "training.precision": "float32"}
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
    truth, answers = {}, {}
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
        else:
            return None
        answers[plan.plan] = answers_of(out / "predictions.csv")
    return Seed(advice=advice, answers=answers, summaries=truth)


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


def table(measured: Mapping[str, Any]) -> str:
    """One data set as markdown: what was expected of each plan, over the seeds, and the truth."""
    seeds = measured["seeds"]
    lines = [
        f"### {measured['name']}: {measured['training_images']:,} training images, "
        f"{measured['test_images']:,} test images, seeds: {len(seeds)}",
        "",
        "| plan | expected accuracy | test accuracy | recommended | held | expected time | time |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for plan, accuracy in sorted(measured["truth"].items(), key=lambda item: -item[1]):
        rows = [row for seed in seeds for row in seed["plans"] if row["plan"] == plan]
        times = [
            statistics.mean(row[key] for row in rows) for key in ("expected_seconds", "seconds")
        ]
        chosen = sum(seed["recommended"] == plan for seed in seeds)
        held = sum(row["verdict"] == "met" for row in rows)
        lines.append(
            f"| {describe(plan)} | {several([row['expected'] for row in rows])} "
            f"| {several([row['accuracy'] for row in rows], mean=accuracy)} "
            f"| {chosen} of {len(seeds)} | {held} of {len(rows)} "
            f"| {times[0]:.0f} s | {times[1]:.0f} s |"
        )
    return "\n".join([*lines, ""])


def agreement(found: Sequence[Mapping[str, Any]]) -> str:
    """All data sets in one table of markdown, and their means."""
    lines = [
        "### Agreement",
        "",
        "| data | seeds | rank correlation | decided pairs in order | recommended | regret "
        "| rule of thumb | its regret | head's regret | held | advice took |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        seeds = row["seeds"]
        plans = [plan for seed in seeds for plan in seed["plans"]]
        held = sum(plan["verdict"] == "met" for plan in plans)
        recommended, thumb = (
            ", ".join(dict.fromkeys(describe(seed[key]) for seed in seeds))
            for key in ("recommended", "table")
        )
        lines.append(
            f"| {row['name']} | {len(seeds)} | {signed(row['rank_correlation'])} "
            f"| {row['pairs_in_order'][0]} of {row['pairs_in_order'][1]} "
            f"| {recommended} | {points(row['regret'])} | {thumb} | {points(row['table_regret'])} "
            f"| {points(row['head_regret'])} | {held} of {len(plans)} "
            f"| {statistics.mean(seed['advice_seconds'] for seed in seeds):.0f} s |"
        )
    whole = overall(found)
    right, pairs = whole["pairs_in_order"]
    lines += [
        "",
        f"Mean rank correlation {signed(whole['rank_correlation'])}; {right} of {pairs} decided "
        f"pairs in order, which is a rank correlation of {signed(whole['decided_correlation'])}. "
        f"Mean regret {points(whole['regret'])} points, of the rule of thumb "
        f"{points(whole['table_regret'])}, of always the head {points(whole['head_regret'])} "
        f"(95 % intervals). {machine()}.",
    ]
    return "\n".join([*lines, ""])


def several(shares: Sequence[float], *, mean: float | None = None) -> str:
    """Shares as '92.1', of several seeds as '92.1 (90.8 to 93.2)': mean, least and greatest."""
    middle = statistics.mean(shares) if mean is None else mean
    spread = f" ({100 * min(shares):.1f} to {100 * max(shares):.1f})" if len(shares) > 1 else ""
    return f"{100 * middle:.1f}{spread}"


def points(regret: Mapping[str, float]) -> str:
    """A regret as '2.8 ± 3.1', its 95 % interval."""
    return f"{regret['points']:.1f} ± {Z95 * regret['error']:.1f}"


def signed(value: float | None) -> str:
    """A correlation with two decimals; a dash for none."""
    return "–" if value is None else f"{value:.2f}"


def machine() -> str:
    """What the times belong to."""
    from importlib import metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {versions}"


Source = Callable[[Path, int], dict[str, object] | None]
"""From a folder to write into and a seed to the settings of the data; None where it is not here."""


def fashion(images: int) -> Source:
    """Settings for so many training images of Fashion-MNIST, written as one file of arrays."""

    def settings(folder: Path, seed: int) -> dict[str, object] | None:
        from nunbit.errors import DataError

        file = folder / "fashion.npz"
        if not file.is_file():
            try:
                samples = load_samples("fashion-mnist")
            except DataError:
                return None
            pixels = getattr(samples.images, "array")  # noqa: B009 - files have none
            chosen = {}
            for part, count, drawn in (("train", images, seed), ("test", TEST_IMAGES, 0)):
                rows = np.flatnonzero(np.array(samples.parts) == part)
                rows = rows[stratified_order(samples.labels[rows], seed=drawn)[:count]]
                chosen |= {f"x_{part}": pixels[rows], f"y_{part}": samples.labels[rows]}
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(file, class_names=np.array(samples.classes), **chosen)
        return {"data.path": str(file)}

    return settings


def digits(_folder: Path, _seed: int) -> dict[str, object] | None:
    """scikit-learn's digits, with a drawn test part."""
    return {"data.path": "digits"}


def few_digits(folder: Path, _seed: int) -> dict[str, object] | None:
    """A few of them, even against odd, to see the benchmark run."""
    file = folder / "digits.npz"
    if not file.is_file():
        samples = load_samples("digits")
        rows = stratified_order(samples.labels, seed=0)[:120]
        folder.mkdir(parents=True, exist_ok=True)
        images = getattr(samples.images, "array")  # noqa: B009 - files have none
        np.savez(file, x=images[rows], y=samples.labels[rows] % 2)
    return {"data.path": str(file)}


def photographs(folder: Path, _seed: int) -> dict[str, object] | None:
    """Photographs in five classes, written as JPEG files."""
    from pictures import STAMPS, write_photographs

    if not STAMPS.is_dir():
        return None
    if not folder.is_dir():
        write_photographs(folder)
    return {"data.path": str(folder), "split.test_fraction": PHOTOS_TEST_FRACTION}


SETS: dict[str, Source] = {
    "fashion-500": fashion(500),
    "fashion-5000": fashion(5000),
    "digits": digits,
    "photos": photographs,
    "quick": few_digits,
}


if __name__ == "__main__":
    sys.exit(main())
