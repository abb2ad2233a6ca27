"""The memory that a training takes: within the budget of decoded pixels, whatever their number.

    python benchmarks/memory.py [--images 6000] [--quick] [--json FILE]

Whole commands `nunbit train` for one epoch of the small network `lenet5` on made-up pictures of 64
pixels, shown to it at 128 x 128 in colour: 49 kB of decoded pixels each. What counts is the peak of
anonymous memory of the process and its children (Pss_Anon in /proc, Linux): pages of a file that is
mapped can be given back at any moment, and are not counted; pages that a process shares with a
child count once.

    base             so few images that their pixels hardly count
    in memory        all images, with a budget above their pixels
    mapped           all images, with a budget of a tenth of their pixels: they are kept in a file
    mapped, half     half of the images with the same budget
    decoded anew     as mapped, but the disk may keep nothing: decoded again for each use

Each but the last finds the pixels that an earlier run has decoded. What else a run takes (records
of the files, pictures for the report, vectors for the nearest neighbour) is bounded, but not yet
reached with the few images of the base; so the share of the pixels is told from the run that has
them all in memory. Exit code 1 when that share is above the budget beyond it, when twice the images
take more by as much as the budget, or a run does not finish.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import arguments, bound, finish, ratio, record, row
from PIL import Image

SIDE, SHOWN, BASE = 64, 128, 400
BYTES = 3 * SHOWN**2
BATCH = 64
"""The same for all: what a batch takes would otherwise follow the number of images."""
TENTH = 10


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, repeats=1)
    parser.add_argument("--images", type=int, default=12_000)
    given = parser.parse_args()
    count = 600 if given.quick else given.images
    budget = count * BYTES // TENTH
    plenty = 2 * count * BYTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, number in (("base", BASE), ("half", count // 2), ("all", count)):
            write_pictures(folder / place, number)
        kinds = {
            "base": ("base", plenty, True),
            "in memory": ("all", plenty, True),
            "mapped, half": ("half", budget, True),
            "mapped": ("all", budget, True),
            "decoded anew": ("all", budget, False),
        }
        for place in ("base", "half", "all"):
            train(folder, place, ram_bytes=plenty, on_disk=True)
        found = {
            name: train(folder, place, ram_bytes=ram, on_disk=on_disk)
            for name, (place, ram, on_disk) in kinds.items()
        }
    return finish(judged(found, count=count), given)


def judged(found: dict[str, tuple[float, float]], *, count: int) -> dict[str, Any]:
    """Rows and ratios of all five runs, each with its seconds and its peak in MiB."""
    seconds = {name: value for name, (value, _) in found.items()}
    peak = {name: mib for name, (_, mib) in found.items()}
    pixels = count * BYTES / 2**20
    budget = pixels / TENTH
    without_pixels = peak["in memory"] - pixels
    beyond = ("mapped", "decoded anew")
    return record(
        "memory",
        repeats=1,
        rows=[row(f"{name}, peak", "MiB", [value]) for name, value in peak.items()]
        + [row(name, "s", [value]) for name, value in seconds.items()],
        ratios=[
            bound(
                f"{name}: pixels in memory / budget",
                [(peak[name] - without_pixels) / budget],
                target=1.0,
            )
            for name in beyond
        ]
        + [
            bound(
                "mapped: growth from half of the images to all / budget",
                [(peak["mapped"] - peak["mapped, half"]) / budget],
                target=1.0,
            )
        ]
        + [bound(f"{name}: beyond the base, MiB", [peak[name] - peak["base"]]) for name in beyond]
        + [
            ratio(f"seconds, {name} / in memory", [seconds[name]], [seconds["in memory"]])
            for name in beyond
        ],
        notes=[
            f"{count:,} images, {pixels:.0f} MiB; budget {budget:.0f} MiB; base: {BASE} images",
            "pixels in memory: what a run takes beyond the run in memory less all pixels",
        ],
    )


def write_pictures(folder: Path, count: int) -> None:
    """Noise, darker in one class than in the other."""
    generator = np.random.default_rng(count)
    for number in range(count):
        file = folder / str(number % 2) / f"{number:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        most = (128, 256)[number % 2]
        pixels = generator.integers(0, most, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, compress_level=1)


def train(folder: Path, place: str, *, ram_bytes: int, on_disk: bool) -> tuple[float, float]:
    """Seconds and the greatest memory in MiB of one training."""
    out = tempfile.mkdtemp(dir=folder)
    command = [sys.executable, "-m", "nunbit", "train", str(folder / place), "--quiet"]
    command += ["--model", "lenet5", "--epochs", "1", "--image-size", str(SHOWN)]
    command += ["--set", f"pixels.ram_budget_bytes={ram_bytes}"]
    command += ["--set", f"training.batch_size={BATCH}"]
    command += ["--set", "split.near_duplicates=ignore", "--out", f"{out}/run"]
    if not on_disk:
        command += ["--set", "pixels.disk_budget_bytes=0"]
    env = {**os.environ, "NUNBIT_CACHE": str(folder / "cache")}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env)
    peak = 0
    while process.poll() is None:
        peak = max(peak, anonymous_bytes(process.pid))
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"nunbit ended with {process.returncode}")
    return time.perf_counter() - began, peak / 2**20


def anonymous_bytes(pid: int) -> int:
    """Pss_Anon of a process and of its children."""
    total = 0
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        for line in rollup.splitlines():
            if line.startswith("Pss_Anon:"):
                total += 1024 * int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text(encoding="ascii").split()
            total += sum(anonymous_bytes(int(child)) for child in children)
    except OSError:  # it has ended
        return total
    return total


if __name__ == "__main__":
    sys.exit(main())
