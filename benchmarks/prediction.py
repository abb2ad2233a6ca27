"""What `nunbit predict` takes for a folder of pictures, beside the plain loop in evaluation mode.

    python benchmarks/prediction.py [--repeats 3] [--copies 2] [--quick] [--json FILE]

A run of `nunbit train PHOTOS --pretrained efficientnet-lite0 --transfer head` on the pictures of
`pictures.py` (Debian's tuxpaint-stamps-default), and then, as processes of their own, alternating,
on so many copies of the same pictures:

    nunbit           nunbit predict RUN FOLDER --csv FILE --quiet
    plain            the run's network in evaluation mode, torchvision's transforms (Resize,
                     CenterCrop, ToTensor, Normalize) and a DataLoader with batches of 64, in
                     float32, without workers
    plain, workers   the same with one worker for each core

Each also runs on `ONE_BATCH` pictures, whose seconds are taken off: the throughput is that of the
pictures, not of the start. nunbit is held against the faster of the two plain loops. Of the same
canvases, nunbit's probabilities differ from those of the plain network by at most `TOLERANCE`. Exit
code 1 when that is not so, or when nunbit's throughput is less than twice that of the plain loop.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import alternate, arguments, bound, cores, finish, ratio, record, row, run_command
from pictures import write_photographs

MIN_OF_PLAIN, TOLERANCE, BATCH, ONE_BATCH = 2.0, 1e-4, 64, 8


def main() -> int:
    """Measure and print; or one of the processes that are measured."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("--copies", type=int, default=2, help="of each picture")
    for name in ("--plain", "--same"):
        parser.add_argument(name, type=Path, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain is not None:
        return plain_loop(*given.plain, workers=given.workers)
    if given.same is not None:
        return same_canvases(*given.same)
    repeats, copies = (1, 1) if given.quick else (given.repeats, given.copies)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, few, many = prepare(folder, copies, most=8 if given.quick else None)
        count = len(list(many.iterdir()))
        found = measure(folder, run, few, many, repeats=repeats)
        apart = run_command([sys.executable, __file__, "--same", run, few]).said["difference"]
    rates = {
        name: [(count - ONE_BATCH) / (whole - start) for start, whole in pairs]
        for name, pairs in found.items()
    }
    peer = max(("plain", "plain, workers"), key=lambda name: statistics.median(rates[name]))
    rows = [row(name, "pictures/s", values) for name, values in rates.items()]
    rows += [
        row(f"{name}, whole command", "s", [whole for _, whole in pairs])
        for name, pairs in found.items()
    ]
    result = record(
        "prediction",
        repeats=repeats,
        rows=rows,
        ratios=[
            ratio(f"nunbit / {peer}", rates["nunbit"], rates[peer], target=MIN_OF_PLAIN),
            bound("probabilities apart, same canvases", [apart], target=TOLERANCE),
        ],
        notes=[f"{count} pictures, EfficientNet-lite0 at 224 x 224"],
    )
    return finish(result, given)


def prepare(folder: Path, copies: int, *, most: int | None) -> tuple[Path, Path, Path]:
    """The run, a folder with `ONE_BATCH` pictures, and one with all of them."""
    photographs, run = folder / "photographs", folder / "run"
    write_photographs(photographs, most=most)
    train = [sys.executable, "-m", "nunbit", "train", str(photographs), "--quiet"]
    train += ["--pretrained", "efficientnet-lite0", "--transfer", "head", "--out", str(run)]
    run_command(train, env={**os.environ, "NUNBIT_CACHE": str(folder / "cache")})
    few, many = folder / "few", folder / "many"
    files = sorted(photographs.rglob("*.jpg"))
    for place, chosen in ((few, files[:ONE_BATCH]), (many, files * copies)):
        place.mkdir()
        for number, file in enumerate(chosen):
            (place / f"{number:05d}.jpg").write_bytes(file.read_bytes())
    return run, few, many


def measure(
    folder: Path, run: Path, few: Path, many: Path, *, repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds for the few and for the many of each contestant and repeat."""

    def nunbit(number: int) -> tuple[float, float]:
        command = [sys.executable, "-m", "nunbit", "predict", run]
        few_out, many_out = (folder / f"{number}-{name}.csv" for name in ("few", "many"))
        return (
            run_command([*command, few, "--csv", few_out, "--quiet"]).seconds,
            run_command([*command, many, "--csv", many_out, "--quiet"]).seconds,
        )

    def plain(workers: int) -> tuple[float, float]:
        command = [sys.executable, __file__, "--workers", str(workers), "--plain", run]
        return run_command([*command, few]).seconds, run_command([*command, many]).seconds

    contestants = {
        "nunbit": nunbit,
        "plain": lambda _: plain(0),
        "plain, workers": lambda _: plain(cores()),
    }
    return alternate(contestants, repeats=repeats)


def plain_loop(run: Path, folder: Path, *, workers: int) -> int:
    """The answers of the plain loop, into a file that is thrown away."""
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from nunbit.bundle import load_bundle

    bundle = load_bundle(run / "model")
    contract, model = bundle.preprocess, bundle.model.eval()
    side = contract.height
    transform = transforms.Compose(
        [
            transforms.Resize(round(side / contract.crop_share)),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize(contract.mean, contract.std),
        ]
    )

    class Pictures(Dataset):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.files = sorted(folder.iterdir())

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, index: int) -> torch.Tensor:
            image: torch.Tensor = transform(Image.open(self.files[index]).convert("RGB"))
            return image

    pictures = Pictures()
    with torch.no_grad():
        batches = DataLoader(pictures, BATCH, num_workers=workers)
        rows = torch.cat([model(images).softmax(dim=1) for images in batches]).tolist()
    with tempfile.TemporaryFile("w+", newline="") as file:
        named = zip(pictures.files, rows, strict=True)
        csv.writer(file).writerows([picture.name, *row] for picture, row in named)
    print(len(rows))
    return 0


def same_canvases(run: Path, folder: Path) -> int:
    """The greatest difference of probabilities between nunbit, for many images, and the network."""
    import numpy as np
    import torch

    import nunbit
    from nunbit.bundle import load_bundle

    files = sorted(folder.iterdir())
    many: Any = nunbit.load(run).predict_proba(files * 20)[: len(files)]
    bundle = load_bundle(run / "model")
    contract = bundle.preprocess
    canvases = np.stack([contract.canvas(file.read_bytes()) for file in files])
    images = contract.normalise(torch.from_numpy(canvases).permute(0, 3, 1, 2)).contiguous()
    with torch.no_grad():
        plain = (bundle.model.eval()(images) / bundle.temperature).softmax(dim=1)
    print(json.dumps({"difference": float(np.abs(many - plain.numpy()).max())}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
