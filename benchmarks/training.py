"""Five epochs of one network on Fashion-MNIST, from the command to the saved model, side by side.

    python benchmarks/training.py [--repeats 3] [--only NAME ...] [--epochs 5] [--quick]

All train `fashion-cnn` (1,475,338 parameters, checked) in batches of 100 with Adam at 1e-3 or their
own default, and answer the same 10,000 test images. Each is a process, timed from start to end:

    nunbit      nunbit train fashion-mnist --model fashion-cnn --epochs 5, with an empty cache:
                checks, split, training, validation, the saved model, test, report. 55,000 of the
                60,000 images train, the others validate
    plain       the loop of the course: torchvision's data set, ToTensor, DataLoader, Adam
    keras, fastai, skorch, lightning, timm
                benchmarks/peers, each in the environment that `make bench-peers` makes

Each repeat's result is kept in --kept (build/training), so that the command may be stopped, given
again, and given for some of the contestants; remove the folder to measure anew. A repeat also
measures the limits and the step (benchmarks/step.py). Exit code 1 when a target is missed: 1.6
times faster than the plain loop, faster than Keras and fastai, at least half of the matrix peak in
the step, and accuracies not below the others' within the noise of 10,000 images.
"""

from __future__ import annotations

import gzip
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import step
from measuring import (
    ROOT,
    Finished,
    alternate,
    arguments,
    bound,
    commit,
    finish,
    kept,
    ratio,
    record,
    row,
)
from measuring import run_command as run

PEERS = Path(__file__).parent / "peers"
ENVIRONMENTS = ROOT / "build" / "peers"
ENVIRONMENT_OF = {
    "keras": "keras",
    "fastai": "torch",
    "skorch": "torch",
    "lightning": "torch",
    "timm": "torch",
}
CONTESTANTS = ("step", "nunbit", "plain", *ENVIRONMENT_OF)
TARGETS = {"plain": 1.6, "keras": 1.0, "fastai": 1.0}
TEST_IMAGES = 10_000
IDX_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
SOURCES = (Path("/usr/share/datasets/fashion-mnist"),)
QUICK_IMAGES = 500
DISTURBED = 0.05
"""Share of a process's CPU time that others may take before it is told."""

Found = dict[str, Any]


def main() -> int:
    """Measure what is not kept yet, and judge all that is."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "training")
    given = parser.parse_args()
    if given.quick:
        given.repeats, given.epochs, given.only = 1, 1, ("step", "plain")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "kept" if given.quick else given.kept / f"{given.epochs}-epochs"
        data = torchvision_data(Path(folder) / "data")
        images = QUICK_IMAGES if given.quick else None
        wanted = [name for name in given.only if is_here(name)]
        alternate(
            {name: contestant(name, store, data, given.epochs, images) for name in wanted},
            repeats=given.repeats,
        )
        found = {name: results(store, name) for name in CONTESTANTS}
    return finish(judged(found, epochs=given.epochs), given)


def is_here(name: str) -> bool:
    """Whether a contestant can run; says so, if not."""
    if name not in ENVIRONMENT_OF or python_of(name).exists():
        return True
    print(f"{name} is not installed: make bench-peers", file=sys.stderr)
    return False


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment; the plain loop runs in nunbit's own."""
    if name == "plain":
        return Path(sys.executable)
    return ENVIRONMENTS / ENVIRONMENT_OF[name] / "bin" / "python"


def contestant(
    name: str, store: Path, data: Path, epochs: int, images: int | None
) -> Callable[[int], Found]:
    """A call that measures one repeat, or finds it kept."""

    def measure(number: int) -> Found:
        if name == "step":
            found = step.measure(quick=images is not None)
        elif name == "nunbit":
            found = run_nunbit(seed=number, epochs=epochs)
        else:
            found = run_peer(name, data, seed=number, epochs=epochs, images=images)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return {"commit": commit(), "date": now, **found}

    def call(number: int) -> Found:
        found = kept(store / f"{name}-{number}.json", lambda: measure(number))
        print(f"{name}, repeat {number + 1}: {json.dumps(found)}", file=sys.stderr)
        return found

    return call


def run_nunbit(*, seed: int, epochs: int) -> Found:
    """The command as its user gives it, with nothing prepared."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "nunbit", "train", "fashion-mnist"]
        command += ["--model", "fashion-cnn", "--epochs", str(epochs), "--seed", str(seed)]
        done = run(
            [*command, "--quiet", "--out", out],
            env={"NUNBIT_CACHE": str(Path(folder) / "cache")},
        )
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return {
        **measured(done),
        "accuracy": summary["test"]["accuracy"],
        "train_images": summary["n"]["train"],
        "test_images": summary["n"]["test"],
        "stages": summary["seconds"],
        "versions": {},
    }


def run_peer(name: str, data: Path, *, seed: int, epochs: int, images: int | None) -> Found:
    """A peer's program; its last line says how well it did."""
    file = "plain.py" if name == "plain" else f"with_{name}.py"
    with tempfile.TemporaryDirectory() as folder:
        command = [python_of(name), PEERS / file, "--data", data, "--out", Path(folder) / "out"]
        command += ["--epochs", str(epochs), "--seed", str(seed)]
        done = run([*command, *(() if images is None else ("--images", str(images)))])
    return measured(done) | done.said


def measured(done: Finished) -> Found:
    """What is kept of a process."""
    return {
        "seconds": done.seconds,
        "cpu_seconds": done.cpu_seconds,
        "others_seconds": done.others_seconds,
        "peak_mib": done.peak_mib,
    }


def torchvision_data(folder: Path) -> Path:
    """Fashion-MNIST unpacked as torchvision keeps it, which no one's time includes.

    Raises:
        SystemExit: where the data are not on this machine.
    """
    source = next((place for place in SOURCES if place.is_dir()), None)
    if source is None:
        raise SystemExit(f"{SOURCES[0]} is missing: install Debian's dataset-fashion-mnist")
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in IDX_FILES:
        packed = source / f"{name}-ubyte.gz"
        with gzip.open(packed) as file, (raw / f"{name}-ubyte").open("wb") as out:
            shutil.copyfileobj(file, out)
    return folder


def results(store: Path, name: str) -> dict[int, Found]:
    """What is kept of a contestant, by repeat."""
    files = store.glob(f"{name}-*.json")
    return {int(file.stem.rpartition("-")[2]): kept(file, dict) for file in sorted(files)}


def judged(found: dict[str, dict[int, Found]], *, epochs: int) -> Found:
    """Rows and ratios of all that is kept."""
    steps, own = found["step"], found["nunbit"]
    others = [name for name in CONTESTANTS[2:] if found[name]]
    rows, ratios = [], []
    for name in ("nunbit", *others):
        mine = list(found[name].values())
        if mine:
            rows.append(row(f"{name}: whole command", "s", [one["seconds"] for one in mine]))
            rows.append(row(f"{name}: accuracy", "%", [100 * one["accuracy"] for one in mine]))
            rows.append(row(f"{name}: peak memory", "MiB", [one["peak_mib"] for one in mine]))
    for name in others:
        ratios += against(name, found[name], own)
    if steps:
        rows += step.rows(list(steps.values()))
        ratios += step.shares(list(steps.values()))
        ratios += over_bounds(found, steps, ["nunbit", *others], epochs)
    repeats = max((len(kept) for kept in found.values()), default=0)
    made = record("training", repeats=repeats, rows=rows, ratios=ratios, notes=notes(found))
    made["versions"] |= {
        package: version
        for name in others
        for one in found[name].values()
        for package, version in one["versions"].items()
    }
    return made


def against(name: str, theirs: dict[int, Found], own: dict[int, Found]) -> list[Found]:
    """Their time over nunbit's, the same for each image that trains, and the accuracies."""
    both = sorted(theirs.keys() & own.keys())
    if not both:
        return []
    pairs = [(theirs[number], own[number]) for number in both]
    seconds = [[one["seconds"] for one in side] for side in zip(*pairs, strict=True)]
    each = [
        [one["seconds"] / one["train_images"] for one in side] for side in zip(*pairs, strict=True)
    ]
    points = [100 * (mine["accuracy"] - their["accuracy"]) for their, mine in pairs]
    return [
        ratio(f"{name} / nunbit, time", *seconds, target=TARGETS.get(name)),
        ratio(f"{name} / nunbit, time per training image", *each),
        bound(
            f"nunbit - {name}, accuracy in points",
            points,
            target=-noise_in_points(pairs[0][0]["accuracy"]),
            better="more",
        ),
    ]


def noise_in_points(accuracy: float) -> float:
    """Two networks that are equally good differ by less in 95 of 100 cases."""
    return round(196 * math.sqrt(2 * accuracy * (1 - accuracy) / TEST_IMAGES), 2)


def over_bounds(
    found: dict[str, dict[int, Found]], steps: dict[int, Found], names: list[str], epochs: int
) -> list[Found]:
    """Time of the whole command over what its multiply-adds would take at the matrix peak."""
    work = step.PASSES * step.multiply_adds() * epochs
    ratios = []
    for name in names:
        both = sorted(found[name].keys() & steps.keys())
        if both:
            precision = step.precision_of("nunbit" if name == "nunbit" else "plain")
            peaks = [steps[n]["limits"][precision] for n in both]
            images = [found[name][n]["train_images"] for n in both]
            least = [work * n / peak for n, peak in zip(images, peaks, strict=True)]
            seconds = [found[name][n]["seconds"] for n in both]
            what = f"{name}: time over the bound in {precision}"
            ratios.append(ratio(what, seconds, least, better="less"))
    return ratios


def notes(found: dict[str, dict[int, Found]]) -> list[str]:
    """What a reader must know besides."""
    said = [
        "each as its own documentation says: nunbit and fastai with one cycle of the learning "
        "rate, the others with a constant one (timm: half a cosine); nunbit trains with 55,000 "
        "images and validates after each epoch, the others train with all 60,000"
    ]
    stages = [one["stages"] for one in found["nunbit"].values()]
    if stages:
        last = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages[-1].items())
        said.append(f"stages of the last run of nunbit: {last}")
    every = [one for kept in found.values() for one in kept.values()]
    if every:
        dates = sorted(one["date"] for one in every)
        commits = ", ".join(sorted({one["commit"] for one in every}))
        said.append(f"measured from {dates[0]} to {dates[-1]} at {commits}")
    disturbed = disturbances(found)
    if disturbed:
        said.append(f"other processes took CPU time meanwhile: {', '.join(disturbed)} of their own")
    missing = [name for name in CONTESTANTS if not found[name]]
    if missing:
        said.append(f"not measured here: {', '.join(missing)}")
    return said


def disturbances(found: dict[str, dict[int, Found]]) -> list[str]:
    """Who was disturbed, and the greatest share of its own CPU time that went to others."""
    said = []
    for name, kept_ones in found.items():
        times = [one for one in kept_ones.values() if "others_seconds" in one]
        share = max((one["others_seconds"] / one["cpu_seconds"] for one in times), default=0.0)
        if share > DISTURBED:
            said.append(f"{name} {share:.0%}")
    return said


if __name__ == "__main__":
    sys.exit(main())
