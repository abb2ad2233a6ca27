"""What a command costs beside its work: imports, start and end of the process.

    python benchmarks/startup.py [--repeats 5] [--quick] [--json FILE]

Whole commands, as processes of their own, alternating:

    import torch     python -c "import torch": what every command that computes must pay
    help             nunbit --help
    models           nunbit models
    digits           nunbit train digits --epochs 1
    its imports      a process that imports the modules that `digits` had imported at its end, in
                     the same order, and ends as nunbit does
    one image        nunbit predict RUN IMAGE, with the run that `digits` left

and, from these, pair by pair: what `digits` spends outside its imports and its training (as the
run's summary states it), which should be less than 2 s, and what `one image` takes beyond `import
torch`, which should be less than 1.5 s. Exit code 1 when either takes more.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from measuring import alternate, arguments, bound, finish, record, row, run_command
from PIL import Image

MAX_OUTSIDE, MAX_FOR_ONE_IMAGE = 2.0, 1.5
NAMES_OF_MODULES = """
import json, sys
from nunbit.cli import main
code = main(sys.argv[2:])
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump([name for name in sys.modules if name != "__main__"], file)
sys.exit(code)
"""
IMPORTS = """
import gc, importlib, json, os, sys, warnings
gc.set_threshold(50_000, 20, 20)
warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8") as file:
    names = json.load(file)
for name in names:
    try:
        importlib.import_module(name)
    except Exception:  # not every entry of sys.modules is a module that can be asked for
        pass
os._exit(0)
"""


def main() -> int:
    """Measure and print."""
    given = arguments(__doc__, repeats=5).parse_args()
    repeats = 1 if given.quick else given.repeats
    with tempfile.TemporaryDirectory() as name:
        seconds, training = measure(Path(name), repeats)
    outside = [
        whole - imports - train
        for whole, imports, train in zip(
            seconds["digits"], seconds["its imports"], training, strict=True
        )
    ]
    beyond = [
        one - torch
        for one, torch in zip(seconds["one image"], seconds["import torch"], strict=True)
    ]
    found = record(
        "startup",
        repeats=repeats,
        rows=[row(name, "s", values) for name, values in seconds.items()]
        + [row("training of digits", "s", training)],
        ratios=[
            bound("digits outside imports and training, s", outside, target=MAX_OUTSIDE),
            bound("one image beyond import torch, s", beyond, target=MAX_FOR_ONE_IMAGE),
        ],
        notes=["the data are in the cache, as after a first run"],
    )
    return finish(found, given)


def measure(folder: Path, repeats: int) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds of every command, and of the training stage of `digits`."""
    nunbit = [sys.executable, "-m", "nunbit"]
    digits = ["train", "digits", "--epochs", "1", "--quiet", "--out"]
    env = {**os.environ, "NUNBIT_CACHE": str(folder / "cache")}
    image = folder / "8.png"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(image)
    modules = folder / "modules.json"
    first = [sys.executable, "-c", NAMES_OF_MODULES, str(modules), *digits]
    run_command([*first, str(folder / "first")], env=env)
    training = []

    def train(number: int) -> float:
        out = folder / f"run-{number}"
        seconds = run_command([*nunbit, *digits, str(out)], env=env).seconds
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        training.append(summary["seconds"]["train"])
        return seconds

    commands = {
        "import torch": [sys.executable, "-c", "import torch"],
        "help": [*nunbit, "--help"],
        "models": [*nunbit, "models"],
        "its imports": [sys.executable, "-c", IMPORTS, str(modules)],
        "one image": [*nunbit, "predict", str(folder / "first"), str(image)],
    }
    contestants = {
        name: lambda _, command=command: run_command(command, env=env).seconds
        for name, command in commands.items()
    }
    return alternate({**contestants, "digits": train}, repeats=repeats), training


if __name__ == "__main__":
    sys.exit(main())
