"""How fast a folder of JPEG photographs becomes canvases the first time, beside other decoders.

    python benchmarks/decoding.py [--photographs 1000] [--repeats 5] [--quick] [--json FILE]

Made-up photographs of 500 x 375 pixels (`limits.photographs`) in a folder of class folders, and
canvases of 224 x 224 in colour. Of all contestants the wall time from files to one array [N, 224,
224, 3] counts, on all cores, in this process and with the files in the system's cache:

    nunbit           what `nunbit train` does at first: the files opened and decoded, each compared
                     with its digest, the canvases written into an empty cache and read back
    a decoder        of those installed here: Pillow, torchvision, OpenCV, simplejpeg (the last two
                     with `pip install opencv-python-headless simplejpeg`), in as many threads as
                     there are cores, whole, and then resized and cropped by Pillow as the contract
                     says; Pillow also in processes, which are started before
    decoding alone   the same decoders without the resize, as a bound: no target

and, beside these, what a second run needs until it trains:

    second run       the seconds that `nunbit train` spends on reading, checking, decoding and
                     dividing 20,000 tiny images that an earlier run has read. The target is 2

Exit code 1 when nunbit gives less than 90 % of the fastest decoder's canvases a second, or the
second run takes longer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from limits import decoders, photographs
from measuring import alternate, arguments, bound, cores, finish, ratio, record, row, run_command
from PIL import Image, ImageOps

SIDE, DIFFERENT = 224, 64
MIN_OF_FASTEST, MAX_SECONDS = 0.9, 2.0
TINY, TINY_SIDE = 20_000, 28


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("--photographs", type=int, default=1000)
    given = parser.parse_args()
    count, tiny = (64, 200) if given.quick else (given.photographs, TINY)
    repeats = 1 if given.quick else given.repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_photographs(folder / "photographs", count)
        with ProcessPoolExecutor(cores()) as processes, ThreadPoolExecutor(cores()) as threads:
            list(processes.map(_start, range(4 * cores())))
            times = alternate(
                {
                    "nunbit": lambda number: nunbit_seconds(folder, number),
                    **contestants(files, threads, processes),
                },
                repeats=repeats,
            )
        second = second_runs(folder, tiny, repeats=min(repeats, 3))
    rates = {name: [count / seconds for seconds in values] for name, values in times.items()}
    rows = [row(name, "photographs/s", values) for name, values in rates.items()]
    rows.append(row(f"second run on {tiny:,} files", "s", second))
    whole = {name: values for name, values in rates.items() if name.startswith("canvases")}
    alone = {name: values for name, values in rates.items() if name.startswith("decoding")}
    fastest, bare = (max(group, key=lambda name: max(group[name])) for group in (whole, alone))
    found = record(
        "decoding",
        repeats=repeats,
        rows=rows,
        ratios=[
            ratio(f"nunbit / {fastest}", rates["nunbit"], rates[fastest], target=MIN_OF_FASTEST),
            ratio(f"nunbit / {bare}", rates["nunbit"], rates[bare]),
            bound("second run, seconds until it trains", second, target=MAX_SECONDS),
        ],
        notes=[
            f"{count} photographs of 500 x 375 pixels to canvases of {SIDE} x {SIDE}",
            "the contract's resize, antialiased, takes Pillow about as long as decoding; without "
            "it no decoder makes canvases",
        ],
    )
    return finish(found, given)


def write_photographs(folder: Path, count: int) -> list[Path]:
    """So many files, some of them with the same content, in two classes."""
    contents = photographs(min(count, DIFFERENT))
    files = []
    for number in range(count):
        file = folder / ("one", "two")[number % 2] / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents[number % len(contents)])
        files.append(file)
    return files


def nunbit_seconds(folder: Path, number: int) -> float:
    """Of `open_pixels` with an empty cache; the digests are known, as they are in a run."""
    from nunbit.data.inspect import inspect
    from nunbit.data.pixels import Budget, open_pixels
    from nunbit.data.preprocess import Preprocess
    from nunbit.data.sources import load_samples
    from nunbit.progress import SILENT

    samples = load_samples(folder / "photographs")
    found = inspect(samples, workers=cores(), progress=SILENT)
    contract = Preprocess(height=SIDE, width=SIDE, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    budget = Budget(
        ram_bytes=10**10,
        disk_bytes=10**10,
        workers=cores(),
        cache_folder=folder / f"cache-{number}",
    )
    began = perf_counter()
    pixels = open_pixels(
        samples,
        sha256=found.sha256,
        reasons=found.reasons,
        preprocess=contract,
        budget=budget,
        progress=SILENT,
    )
    seconds = perf_counter() - began
    assert not any(pixels.reasons)
    return seconds


def contestants(
    files: list[Path], threads: Executor, processes: Executor
) -> dict[str, Callable[[int], float]]:
    """What else decodes, by name."""
    found: dict[str, Callable[[int], float]] = {}
    for name, decode in decoders().items():
        found[f"canvases, {name}"] = _timed(threads, _Canvas(decode), files)
        found[f"decoding alone, {name}"] = _timed(threads, _Alone(decode), files)
    found["canvases, Pillow in processes"] = _timed(processes, _with_pillow, files)
    return found


def _timed(
    pool: Executor, work: Callable[[Path], Any], files: list[Path]
) -> Callable[[int], float]:
    def measure(_: int) -> float:
        began = perf_counter()
        results = pool.map(work, files, chunksize=8)
        array = np.empty((len(files), SIDE, SIDE, 3), dtype=np.uint8)
        for place, canvas in enumerate(results):
            if canvas is not None:
                array[place] = canvas
        return perf_counter() - began

    return measure


class _Canvas:
    """A file decoded, and resized and cropped as the contract says."""

    def __init__(self, decode: Callable[[bytes], object]) -> None:
        self._decode = decode

    def __call__(self, file: Path) -> Any:
        return _fitted(Image.fromarray(_as_array(self._decode(file.read_bytes()))))


class _Alone:
    """A file decoded, and no more."""

    def __init__(self, decode: Callable[[bytes], object]) -> None:
        self._decode = decode

    def __call__(self, file: Path) -> None:
        self._decode(file.read_bytes())


def _as_array(decoded: Any) -> Any:
    """[H, W, 3]; torchvision's has its channels first."""
    return decoded.permute(1, 2, 0).numpy() if hasattr(decoded, "permute") else decoded


def _with_pillow(file: Path) -> Any:
    with Image.open(file) as image:
        return _fitted(image.convert("RGB"))


def _fitted(image: Image.Image) -> Any:
    return np.asarray(ImageOps.fit(image, (SIDE, SIDE), method=Image.Resampling.BILINEAR))


def _start(number: int) -> int:
    return number


def second_runs(folder: Path, count: int, *, repeats: int) -> list[float]:
    """Seconds of the stages before the training, in runs that find what an earlier one left."""
    generator = np.random.default_rng(0)
    for number in range(count):
        file = folder / "tiny" / str(number % 4) / f"{number:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (TINY_SIDE, TINY_SIDE), dtype=np.uint8)
        pixels[: TINY_SIDE // 2] //= 1 + number % 4
        Image.fromarray(pixels).save(file, compress_level=1)
    seconds = []
    for number in range(repeats + 1):
        out = folder / f"run-{number}"
        command = [sys.executable, "-m", "nunbit", "train", str(folder / "tiny"), "--quiet"]
        command += ["--model", "mlp-100", "--epochs", "1", "--out", str(out)]
        run_command(command, env={**os.environ, "NUNBIT_CACHE": str(folder / "cache")})
        stages = json.loads((out / "summary.json").read_text(encoding="utf-8"))["seconds"]
        seconds.append(stages["check"] + stages["decode"])
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main())
