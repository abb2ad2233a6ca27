"""How much of each attribution map lies where the evidence is known to be.

    python benchmarks/explain.py [--seeds 3] [--model NAME] [--json FILE] [--quick]

A network learns to tell four small shapes apart, each at a drawn place on noise
(`benchmarks/evidence.py`): nothing else in an image says what its class is. Then, on images that it
has not seen, for each method and for two that know nothing (a detector of edges, and noise):

    inside     share of the map's positive part that lies in the square with the shape, mean over
               the images and standard deviation over the seeds; `chance` is the square's share of
               the image
    hit        share of the maps whose highest value lies there (the pointing game)
    depends    share of the maps that change when all weights are randomized
    matter     share whose pixels matter more than random ones
    trusted    share for which both hold

Networks, images and orders differ between the seeds. Exit code 1 when a method's `inside` is below
three times chance (gradients: twice), a map of edges is ever trusted, or noise in more than a tenth
of the images (one in forty is expected).
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from evidence import SHAPES, Evidence, accuracy, draw, fit, mass_inside, small_network
from torch import Tensor, nn

from nunbit.explain.attribution import METHODS, Explainer, Maps, explainer
from nunbit.explain.sanity import check_attribution, random_reference
from nunbit.models import create_model

TRAINING, TEST, CHECKED = 1000, 100, 25
EPOCHS = 4
MIN_TIMES_CHANCE = {"gradients": 2.0}
USUAL_TIMES_CHANCE = 3.0
MAX_NOISE = 0.1
_NOISE = np.random.default_rng(0)
NUMBERS = ("inside", "hit", "depends", "matter", "trusted")


def main() -> int:
    """Measure, print and keep."""
    given = arguments()
    seeds = range(1 if given.quick else given.seeds)
    found = summarised([measure(seed, given.model, quick=given.quick) for seed in seeds], given)
    print(as_text(found))
    if given.json is not None:
        with given.json.open("x", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
    return int(not given.quick and not all(found["met"].values()))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="small", help="or a name of the catalogue: smallcnn")
    parser.add_argument("--json", type=Path, help="write the numbers into a new file")
    parser.add_argument("--quick", action="store_true", help="one seed, few images: a trial")
    given = parser.parse_args()
    if given.json is not None and given.json.exists():
        parser.error(f"{given.json} exists, and nothing is written over")
    return given


def measure(seed: int, model_name: str, *, quick: bool) -> dict[str, Any]:
    """One network, and all kinds of maps of its own test images."""
    model = network(model_name, seed)
    fit(model, draw(300 if quick else TRAINING, seed=seed), epochs=EPOCHS, seed=seed)
    shown = draw(10 if quick else TEST, seed=1000 + seed)
    kinds = {name: explainer(name) for name in METHODS} | {"edges": edges, "noise": noise}
    return {
        "seed": seed,
        "accuracy": accuracy(model, shown),
        "chance": float(shown.inside.mean()),
        "kinds": of_kinds(model, shown, kinds, checked=3 if quick else CHECKED),
    }


def network(name: str, seed: int) -> nn.Module:
    """The small one, or one of the catalogue."""
    if name == "small":
        return small_network(seed=seed)
    return create_model(
        name, classes=len(SHAPES), channels=1, height=28, width=28, generator_seed=seed
    )


def of_kinds(
    model: nn.Module, shown: Evidence, kinds: dict[str, Explainer], *, checked: int
) -> dict[str, dict[str, float]]:
    """The numbers of each kind of map; the checks are made of the first images."""
    images, labels = shown.images[:checked], shown.labels[:checked]
    reference = random_reference(model, images, labels)
    found = {}
    for name, explain in kinds.items():
        maps = explain(model, shown.images, shown.labels)
        checks = check_attribution(
            explain, model, images, labels, maps=maps[:checked], reference=reference
        )
        found[name] = {
            "inside": float(np.nanmean(mass_inside(maps, shown.inside))),
            "hit": float(np.mean(hits(maps, shown.inside))),
            "depends": float(np.mean([check.depends_on_model for check in checks])),
            "matter": float(np.mean([check.beats_random for check in checks])),
            "trusted": float(np.mean([check.trusted for check in checks])),
        }
    return found


def hits(maps: Maps, inside: np.ndarray) -> list[bool]:
    """Whether the highest value of each map lies in the evidence (Zhang et al. 2016)."""
    return [bool(mask.ravel()[values.argmax()]) for values, mask in zip(maps, inside, strict=True)]


def edges(_: nn.Module, images: Tensor, __: Tensor) -> Maps:
    """Where neighbouring pixels differ."""
    down = images.diff(dim=2, append=images[:, :, -1:])
    right = images.diff(dim=3, append=images[..., -1:])
    return np.asarray((down**2 + right**2).sum(dim=1).sqrt().numpy())


def noise(_: nn.Module, images: Tensor, __: Tensor) -> Maps:
    """Drawn anew at each call, as if it depended on the network."""
    return _NOISE.random((len(images), *images.shape[2:]), dtype=np.float32)


def summarised(seeds: Sequence[dict[str, Any]], given: argparse.Namespace) -> dict[str, Any]:
    """Mean and spread over the seeds, and what is met."""
    chance = float(np.mean([seed["chance"] for seed in seeds]))
    kinds: dict[str, Any] = {}
    for kind in seeds[0]["kinds"]:
        rows = {n: [seed["kinds"][kind][n] for seed in seeds] for n in NUMBERS}
        kinds[kind] = {name: float(np.mean(row)) for name, row in rows.items()}
        kinds[kind]["inside_sd"] = float(np.std(rows["inside"], ddof=min(1, len(seeds) - 1)))
    met = {
        f"{name} inside": kinds[name]["inside"]
        >= chance * MIN_TIMES_CHANCE.get(name, USUAL_TIMES_CHANCE)
        for name in METHODS
    }
    met["edges never trusted"] = kinds["edges"]["trusted"] == 0
    met["noise rarely trusted"] = kinds["noise"]["trusted"] <= MAX_NOISE
    return {
        "model": given.model,
        "seeds": len(seeds),
        "images": {"test": TEST, "checked": CHECKED},
        "accuracy": [seed["accuracy"] for seed in seeds],
        "chance": chance,
        "kinds": kinds,
        "met": met,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "machine": platform.processor() or platform.machine(),
    }


def as_text(found: dict[str, Any]) -> str:
    """The table for a terminal."""
    right = ", ".join(f"{100 * share:.0f} %" for share in found["accuracy"])
    lines = [
        f"{found['model']}, {found['seeds']} seed(s), right on {right} of the test images",
        f"chance: {found['chance']:.3f} of the map inside the evidence",
        "",
        f"{'map':22}{'inside':>16}{'hit':>8}{'depends':>9}{'matter':>8}{'trusted':>9}",
    ]
    for name, row in found["kinds"].items():
        inside = f"{row['inside']:.3f} ± {row['inside_sd']:.3f}"
        others = "".join(
            f"{row[number]:>{wide}.2f}"
            for number, wide in zip(NUMBERS[1:], (8, 9, 8, 9), strict=True)
        )
        lines.append(f"{name:22}{inside:>16}{others}")
    missed = [name for name, is_met in found["met"].items() if not is_met]
    return "\n".join([*lines, "", f"not met: {', '.join(missed)}" if missed else "all met"])


if __name__ == "__main__":
    raise SystemExit(main())
