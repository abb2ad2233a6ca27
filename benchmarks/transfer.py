"""What `--transfer head` costs as a whole command, beside one pass and beside the plain loop.

    python benchmarks/transfer.py [--repeats 3] [--json FILE] [--quick]
    python benchmarks/transfer.py --table [--seeds 3] [--sizes 500 5000] [--json FILE]

About 370 pictures in five classes (`benchmarks/pictures.py`) and the packaged EfficientNet-lite0.
Each repeat runs, one right after the other so that the machine's mood is shared, as processes of
their own whose wall time counts from start to end:

    head      nunbit train PHOTOS --pretrained efficientnet-lite0 --transfer head, with an empty
              cache: checks, split, decoding, features, head, bundle, test, report
    again     the same once more, with what the first left in the cache
    one pass  start of Python and torch, the weights, and each picture decoded and shown to the
              backbone once
    plain     the loop of the course's notes: 13 epochs over the training and the validation part,
              each picture opened, transformed and shown to the frozen backbone anew, the same head
              (one linear layer), batches of 32, Adam at 1e-3

on the same division of the pictures, another in each repeat. Exit code 1 when `head` takes more
than 1.5 times `one pass` or more than a tenth of `plain`, or is less accurate than `plain` over all
repeats. `--table` is explained in benchmarks/transfer_table.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from pictures import write_photographs

WEIGHTS = "efficientnet-lite0"
MAX_OF_ONE_PASS, MIN_OF_PLAIN = 1.5, 10.0
EPOCHS, BATCH, LEARNING_RATE = 13, 32, 1e-3
QUICK_PER_CLASS = 8
KINDS = ("head", "again", "one pass", "plain")


def main() -> int:
    """Measure, print and keep; or one of the processes that are measured."""
    given = arguments()
    if given.table:
        from transfer_table import table

        return table(given)
    if given.one_pass is not None:
        return one_pass(given.one_pass)
    if given.plain is not None:
        return plain_loop(
            given.plain,
            given.split,
            seed=given.seed,
            epochs=given.epochs,
            workers=given.workers,
        )
    repeats, epochs = (1, 1) if given.quick else (given.repeats, given.epochs)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        counts = write_photographs(photos, most=QUICK_PER_CLASS if given.quick else None)
        rows = [
            measure(
                Path(folder) / str(number),
                photos,
                seed=number,
                epochs=epochs,
                workers=given.workers,
            )
            for number in range(repeats)
        ]
    found = summarised(rows, counts, epochs=epochs)
    print(as_text(found))
    if given.json is not None:
        write_new(given.json, found)
    return int(not given.quick and not all(found["met"].values()))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the plain loop")
    parser.add_argument("--workers", type=int, default=0, help="of the plain loop's DataLoader")
    parser.add_argument("--json", type=Path, help="write the numbers into a new file")
    parser.add_argument("--quick", action="store_true", help="40 pictures and one epoch: a trial")
    parser.add_argument("--table", action="store_true", help="accuracies on Fashion-MNIST instead")
    parser.add_argument("--seeds", type=int, default=3, help="of --table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 5000], help="of --table")
    parser.add_argument("--test-images", type=int, default=2000, help="of --table")
    parser.add_argument("--markdown", type=Path, help="of --table: write it into a new file")
    parser.add_argument("--model-epochs", type=int, help="of --table: instead of nunbit's own")
    # The processes that are measured, started by this program itself:
    parser.add_argument("--one-pass", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--split", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    for file in (given.json, given.markdown):
        if file is not None and file.exists():
            parser.error(f"{file} exists, and nothing is written over")
    return given


def measure(
    folder: Path, photos: Path, *, seed: int, epochs: int, workers: int
) -> dict[str, dict[str, Any]]:
    """Seconds, and accuracies on the test part, of each kind."""
    folder.mkdir()
    cache = folder / "cache"
    train = [sys.executable, "-m", "nunbit", "train", str(photos), "--pretrained", WEIGHTS]
    train += ["--transfer", "head", "--seed", str(seed), "--quiet", "--out"]
    own = [sys.executable, __file__]
    split = folder / "head" / "split.csv"
    plain = [*own, "--plain", str(photos), "--split", str(split)]
    plain += ["--epochs", str(epochs), "--workers", str(workers), "--seed", str(seed)]
    found = {}
    for kind, command in {
        "head": [*train, str(folder / "head")],
        "again": [*train, str(folder / "again")],
        "one pass": [*own, "--one-pass", str(photos)],
        "plain": plain,
    }.items():
        seconds, output = timed(command, cache)
        found[kind] = {"seconds": seconds}
        if kind == "plain":
            found[kind] |= json.loads(output.splitlines()[-1])
        elif kind != "one pass":
            summary = json.loads((folder / kind / "summary.json").read_text(encoding="utf-8"))
            found[kind] |= {"accuracy": summary["test"]["accuracy"], "n": summary["n"]["test"]}
            found[kind] |= {"stages": summary["seconds"]}
    return found


def timed(command: list[str], cache: Path) -> tuple[float, str]:
    """Wall seconds and output of a process; SystemExit with what it said if it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        env={**os.environ, "NUNBIT_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def one_pass(photos: Path) -> int:
    """Each picture decoded and shown to the backbone once, without anything else."""
    import torch

    from nunbit.config import load_config
    from nunbit.data.batches import Batches, inference_batch_size
    from nunbit.inference import predict
    from nunbit.models.create import create_model
    from nunbit.pipelines.dataset import decode_data, inspect_data

    settings = {"model.pretrained": WEIGHTS, "pixels.disk_budget_bytes": 0}
    config = load_config(data=str(photos), recipe=None, settings=settings)
    device = torch.device("cpu")
    data, chosen, _ = decode_data(*inspect_data(config), config, device=device)
    contract = data.preprocess
    model = create_model(chosen.model.name, classes=len(data.classes), pretrained=WEIGHTS).to(
        memory_format=torch.channels_last
    )
    labels = data.labels
    batches = Batches(
        pixels=data.pixels,
        preprocess=contract,
        rows=(labels >= 0).nonzero()[0],
        labels=labels,
        batch_size=inference_batch_size(contract.height, contract.width, device),
        device=device,
    )
    print(len(predict(model, batches)))
    return 0


def plain_loop(photos: Path, split: Path, *, seed: int, epochs: int, workers: int) -> int:
    """The notes' loop; its last line is JSON with the accuracy on the test part."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from nunbit.models.create import create_model

    with split.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["label"] for row in rows})
    transform = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.5,) * 3, (0.5,) * 3),
        ]
    )

    class Photos(Dataset):  # type: ignore[type-arg]
        def __init__(self, part: str) -> None:
            self.rows = [row for row in rows if row["split"] == part]

        def __len__(self) -> int:
            return len(self.rows)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            from PIL import Image

            row = self.rows[index]
            image = Image.open(photos / row["path"]).convert("RGB")
            return transform(image), classes.index(row["label"])

    torch.manual_seed(seed)
    loaders = {
        part: DataLoader(Photos(part), BATCH, shuffle=part == "train", num_workers=workers)
        for part in ("train", "validation", "test")
    }
    model = create_model(
        "timm/efficientnet_lite0", classes=len(classes), generator_seed=seed, pretrained=WEIGHTS
    )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier.")
    model.eval()  # or the statistics of the frozen backbone would move
    optimizer = torch.optim.Adam(model.classifier.parameters(), lr=LEARNING_RATE)
    loss_of = nn.CrossEntropyLoss()

    def accuracy(part: str) -> float:
        with torch.no_grad():
            right = sum(int((model(x).argmax(1) == y).sum()) for x, y in loaders[part])
        return right / len(loaders[part].dataset)  # type: ignore[arg-type]

    for _ in range(epochs):
        for images, targets in loaders["train"]:
            optimizer.zero_grad()
            loss = loss_of(model(images), targets)
            loss.backward()
            optimizer.step()
        validation = accuracy("validation")
    test = accuracy("test")
    print(
        json.dumps({"accuracy": test, "validation": validation, "n": len(loaders["test"].dataset)})
    )
    return 0


def summarised(
    rows: list[dict[str, dict[str, Any]]], counts: dict[str, int], *, epochs: int
) -> dict[str, Any]:
    """Medians, ratios pair by pair, and whether what is promised is kept."""
    ratios = {
        "head / one pass": [r["head"]["seconds"] / r["one pass"]["seconds"] for r in rows],
        "plain / head": [r["plain"]["seconds"] / r["head"]["seconds"] for r in rows],
    }
    accuracy = {kind: [r[kind]["accuracy"] for r in rows] for kind in ("head", "plain")}
    return {
        "pictures": counts,
        "weights": WEIGHTS,
        "epochs_of_plain": epochs,
        "seconds": {kind: [round(r[kind]["seconds"], 2) for r in rows] for kind in KINDS},
        "ratios": {name: [round(value, 3) for value in values] for name, values in ratios.items()},
        "accuracy": accuracy,
        "test_images": rows[0]["head"]["n"],
        "stages_of_head": [r["head"]["stages"] for r in rows],
        "met": {
            f"head at most {MAX_OF_ONE_PASS} times one pass": statistics.median(
                ratios["head / one pass"]
            )
            <= MAX_OF_ONE_PASS,
            f"plain at least {MIN_OF_PLAIN:g} times head": statistics.median(ratios["plain / head"])
            >= MIN_OF_PLAIN,
            "accuracy not below that of plain": statistics.mean(accuracy["head"])
            >= statistics.mean(accuracy["plain"]),
        },
        "machine": machine(),
    }


def as_text(found: dict[str, Any]) -> str:
    """The numbers for people."""
    lines = [f"{sum(found['pictures'].values())} pictures, {found['machine']['text']}"]
    for kind, seconds in found["seconds"].items():
        accuracy = found["accuracy"].get(kind)
        said = ""
        if accuracy is not None:
            among = f"of {found['test_images']} pictures in each repeat"
            said = f", accuracy {statistics.mean(accuracy):.1%} {among}"
        lines.append(f"  {kind:10s}{spread(seconds)} s{said}")
    lines += [f"  {name:18s}{spread(values)}" for name, values in found["ratios"].items()]
    lines += [f"  {'met' if met else 'MISSED'}: {what}" for what, met in found["met"].items()]
    return "\n".join(lines)


def spread(values: list[float]) -> str:
    """Median, and least and greatest in brackets."""
    return f"{statistics.median(values):8.2f} ({min(values):.2f} to {max(values):.2f})"


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    import timm
    import torch
    import torchvision

    versions = {"python": platform.python_version(), "torch": torch.__version__}
    versions |= {"torchvision": torchvision.__version__, "timm": timm.__version__}
    threads = torch.get_num_threads()
    text = f"{platform.machine()}, {threads} threads, torch {torch.__version__}"
    return {
        "text": text,
        "threads": threads,
        "versions": versions,
        "date": date.today().isoformat(),
    }


def write_new(path: Path, values: dict[str, Any]) -> None:
    """JSON into a file that is not there yet."""
    with path.open("x", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
