"""What 8 bits keep of the answers of each network that is meant for photographs.

    python benchmarks/int8.py [--epochs 6] [--size 32] [--quick] [NAME ...]

Each network starts from random weights and is trained on scikit-learn's digits, enlarged to
`--size`: small pictures, but answers that differ, where so short a training on photographs would
leave networks that always say the same. EfficientNet-lite0 is measured a second time from its
published weights: its head is trained on the pictures of `pictures.py` (Debian's
tuxpaint-stamps-default, five classes) at 224 × 224 pixels. Then `nunbit export --quantize int8`
counts how many validation images keep their class. Prints a row of docs/export.md for each network
as it is found, so a run that was stopped is not lost.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from measuring import run_command
from pictures import write_photographs

PRETRAINED = "efficientnet-lite0"
NETWORKS = (
    *("timm/mobilenetv3_small_100", "timm/efficientnet_lite0", "timm/resnet18", PRETRAINED),
    *("timm/convnext_atto", "timm/vit_tiny_patch16_224"),
    *("xai-cnn", "alexnet", "alexnet-small", "lenet-224", "googlenet-keras"),
    *("resnet50-keras", "vgg16-gap", "vgg16-head"),
)
PARTS = ("--set", "split.test_fraction=0.05", "--set", "split.validation_fraction=0.3")
"""More images for counting than usual: the fewer they are, the wider the intervals."""
QUICK = {"pictures": 6, "epochs": 1}
HEADINGS = ("network", "trained", "n", "same class", "95 %", "accuracy, float32", "int8", "size")


def main() -> int:
    """Train, export and print, one network after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=NETWORKS)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--size", type=int, default=32, help="of those that start at random")
    parser.add_argument("--quick", action="store_true", help="little data: does it run?")
    given = parser.parse_args()
    if given.quick:
        given.epochs = QUICK["epochs"]
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NUNBIT_CACHE"] = str(folder / "cache")
        if PRETRAINED in given.names:
            most = QUICK["pictures"] if given.quick else None
            write_photographs(folder / "photographs", most=most)
        for number, network in enumerate(given.names):
            try:
                cells = measured(folder, str(number), network, given.epochs, given.size)
            except SystemExit as error:  # of a command; the other networks are still wanted
                cells = [str(error).strip().splitlines()[-1]]
            print(f"| {' | '.join([network, *cells])} |", flush=True)
    return 0


def measured(folder: Path, run: str, network: str, epochs: int, size: int) -> list[str]:
    """The cells of a network's row."""
    nunbit = [sys.executable, "-m", "nunbit"]
    chosen = ["digits", "--model", network, "--image-size", str(size), "--epochs", str(epochs)]
    how = f"digits, {epochs} epochs at {size} × {size}"
    if network == PRETRAINED:
        chosen = ["photographs", "--pretrained", network, "--transfer", "head"]
        how = "photographs, head, at 224 × 224"
    train = [*nunbit, "train", *chosen, *PARTS, "--out", run, "--quiet"]
    run_command(train, cwd=folder, env={"NUNBIT_CACHE": str(folder / "cache")})
    export = [*nunbit, "export", run, "--quantize", "int8", "--min-agreement", "0", "--quiet"]
    run_command(export, cwd=folder)
    found = json.loads((folder / f"{run}-int8" / "parity.json").read_text(encoding="utf-8"))
    found = found["quantization"]
    low, high = found["agreement_ci95"]
    plain, small = found["float32"], found["int8"]
    return [
        *(how, f"{found['n']:,}", f"{100 * found['agreement']:.1f} %"),
        f"{100 * low:.1f} % to {100 * high:.1f} %",
        *(f"{100 * each['accuracy']:.1f} %" for each in (plain, small)),
        f"{100 * small['bytes'] / plain['bytes']:.0f} %",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
