"""Train every recipe with several seeds and write docs/results.md from the runs' summary.json.

    python benchmarks/recipes.py [--seeds 3] [--runs runs/recipes] [--collect] [RECIPE …]

A run that is already there is not repeated, and an interrupted one is gone on with, so the command
may be stopped and given again. Recipes whose data are not on this machine are listed as not run.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from nunbit.cli.display import display_on
from nunbit.cli.terminal import stdout_console
from nunbit.config import load_config, recipe_names
from nunbit.errors import DataError
from nunbit.pipelines.train import train

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"
INTRODUCTION = """\
# Measured results

Written by `python benchmarks/recipes.py` from the summary.json of its runs. Accuracy is on the test
part, which is used once at the end of each run: mean over the seeds, with the standard deviation
between seeds and, for a single run, the half width of the 95 % interval that its number of test
images allows. Differences smaller than these mean nothing.
"""


def main() -> int:
    """Train what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=recipe_names())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--collect", action="store_true", help="train nothing: use what is there")
    given = parser.parse_args()
    if given.collect:
        rows = [row(name, finished(name, given.runs)) for name in given.recipes]
    else:
        rows = [row(name, summaries(name, given.runs, given.seeds)) for name in given.recipes]
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    header = (
        "| recipe | what for | test images | seeds | accuracy | between seeds | 95 % of one run | "
        "training | parameters |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    footer = f"\nMachine: {machine}, no GPU. Date: {date.today().isoformat()}.\n"
    PAGE.write_text(INTRODUCTION + "\n" + header + "".join(rows) + footer, encoding="utf-8")
    print(f"{PAGE} written")
    return 0


def summaries(recipe: str, runs: Path, seeds: int) -> list[dict[str, Any]]:
    """The summary of each seed's run; none where the data are not here."""
    found = []
    for seed in range(seeds):
        out = runs / f"{recipe}-seed{seed}"
        config = load_config(data=None, recipe=recipe, settings={"seed": seed})
        progress = display_on(stdout_console(), quiet=False)
        try:
            train(config, out=out, resume=True, progress=progress)
        except DataError as error:
            print(f"{recipe} is not run here: {error.what}")
            return []
        finally:
            progress.training_ended()
        found.append(json.loads((out / "summary.json").read_text(encoding="utf-8")))
    return found


def finished(recipe: str, runs: Path) -> list[dict[str, Any]]:
    """The summaries of the runs that have ended."""
    files = sorted(runs.glob(f"{recipe}-seed*/summary.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def row(recipe: str, found: list[dict[str, Any]]) -> str:
    """One line of the table."""
    purpose = about(recipe)
    if not found:
        return f"| `{recipe}` | {purpose} | not run here | | | | | | |\n"
    accuracies = [summary["test"]["accuracy"] for summary in found]
    low, high = found[0]["test"]["accuracy_ci95"]
    seconds = statistics.median(summary["seconds"]["train"] for summary in found)
    between = f"± {statistics.stdev(accuracies):.2%}" if len(accuracies) > 1 else "one seed"
    return (
        f"| `{recipe}` | {purpose} | {found[0]['n']['test']:,} | {len(found)} | "
        f"{statistics.mean(accuracies):.2%} | {between} | ± {(high - low) / 2:.2%} | "
        f"{seconds:.0f} s | {found[0]['parameters']:,} |\n"
    )


def about(recipe: str) -> str:
    """What a recipe is for, from the first line of its file."""
    text = (resources.files("nunbit") / "recipes" / f"{recipe}.toml").read_text(encoding="utf-8")
    return text.splitlines()[0].partition(":")[2].strip()


if __name__ == "__main__":
    sys.exit(main())
