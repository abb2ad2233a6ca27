"""What this machine can do at most: multiplying matrices, moving memory, decoding pictures.

    python benchmarks/limits.py [--repeats 5] [--quick] [--json FILE]

Other benchmarks measure in the same run what they need of it, with the functions below or, as a
process of its own, with `python benchmarks/limits.py --one-line`, which prints one line of JSON.
All rates but those of decoding use all threads that torch takes by itself.

    multiply-adds    of the fastest of some large matrix products, in float32 and in bfloat16. A
                     multiply-add is one multiplication and one addition: two operations
    memory           bytes a second read and written by a sum of two arrays of 256 MiB into a third
    decoding         JPEG photographs a second on one core, of 500 x 375 pixels, by decoders that
                     are installed here
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from measuring import arguments, finish, record, row
from PIL import Image

SHAPES = ((2048, 2048, 2048), (4096, 4096, 4096), (8192, 1024, 2048))
QUICK_SHAPES = ((512, 512, 512),)
ARRAY_BYTES = 256 * 2**20
"""Larger than a cache; of server processors with a larger one a part is used by others."""
PHOTOGRAPHS, WIDTH, HEIGHT, QUALITY = 16, 500, 375, 90


def multiply_adds_per_second(
    dtype: torch.dtype, *, seconds: float = 0.5, shapes: Sequence[tuple[int, int, int]] = SHAPES
) -> float:
    """Multiply-adds a second of the best of several products [m, k] x [k, n].

    Args:
        dtype: of both matrices and of their product.
        seconds: spent on each shape, at least.
        shapes: of the products: m, k, n.
    """
    best = 0.0
    for m, k, n in shapes:
        a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
        out = torch.empty(m, n, dtype=dtype)
        fastest = _fastest(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), seconds)
        best = max(best, m * k * n / fastest)
    return best


def memory_bytes_per_second(*, seconds: float = 0.5, array_bytes: int = ARRAY_BYTES) -> float:
    """Bytes a second of a + b -> c, two read and one written: 3 x the size of an array."""
    length = array_bytes // 4
    a, b, out = torch.rand(length), torch.rand(length), torch.empty(length)
    return 3 * 4 * length / _fastest(lambda: torch.add(a, b, out=out), seconds)


def decodings_per_second(*, seconds: float = 0.5) -> dict[str, float]:
    """JPEG photographs a second on one core, by decoder; those that are not here are left out."""
    files = photographs()
    found = {}
    for name, decode in decoders().items():
        fastest = _fastest(lambda decode=decode: [decode(file) for file in files], seconds)
        found[name] = len(files) / fastest
    return found


def decoders() -> dict[str, Callable[[bytes], object]]:
    """Functions from a JPEG file's bytes to an RGB array of its full size.

    torchvision and Pillow decode on one thread; OpenCV is told to.
    """
    found: dict[str, Callable[[bytes], object]] = {"Pillow": _with_pillow}
    try:
        from torchvision.io import ImageReadMode, decode_jpeg

        found["torchvision"] = lambda data: decode_jpeg(
            torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB
        )
    except ImportError:
        pass
    try:
        import cv2

        cv2.setNumThreads(1)
        found["OpenCV"] = lambda data: cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB
        )
    except (ImportError, AttributeError):
        pass
    try:
        import simplejpeg

        found["simplejpeg"] = lambda data: simplejpeg.decode_jpeg(data, "RGB")
    except ImportError:
        pass
    return found


def photographs(
    count: int = PHOTOGRAPHS, *, width: int = WIDTH, height: int = HEIGHT
) -> list[bytes]:
    """Made-up photographs as JPEG files: smooth colours with grain, 60 kB each as cameras' are."""
    files = []
    for number in range(count):
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        grain = generator.normal(0, 6, (height, width, 1))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
        files.append(file.getvalue())
    return files


def _with_pillow(data: bytes) -> object:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _fastest(call: Callable[[], object], seconds: float) -> float:
    """The least seconds of a call, repeated for so long, after one call to warm up."""
    call()
    least, ends = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - began)
    return least


def rates(*, quick: bool = False, decoding: bool = True) -> dict[str, float]:
    """Everything once: multiply-adds, bytes and photographs a second."""
    shapes, seconds = (QUICK_SHAPES, 0.02) if quick else (SHAPES, 0.5)
    size = 2**20 if quick else ARRAY_BYTES
    found = {
        "float32": multiply_adds_per_second(torch.float32, seconds=seconds, shapes=shapes),
        "bfloat16": multiply_adds_per_second(torch.bfloat16, seconds=seconds, shapes=shapes),
        "memory": memory_bytes_per_second(seconds=seconds, array_bytes=size),
    }
    if decoding:
        by_decoder = decodings_per_second(seconds=seconds)
        found |= {f"decoding, {name}": rate for name, rate in by_decoder.items()}
    return found


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("--one-line", action="store_true", help="once, without decoding, as JSON")
    given = parser.parse_args()
    if given.one_line:
        found = rates(quick=given.quick, decoding=False) | {"threads": torch.get_num_threads()}
        print(json.dumps(found))
        return 0
    repeats = 1 if given.quick else given.repeats
    measured = [rates(quick=given.quick) for _ in range(repeats)]
    notes = [
        f"{torch.get_num_threads()} threads; decoding on one core, {WIDTH} x {HEIGHT} pixels, "
        f"quality {QUALITY}"
    ]
    return finish(record("limits", repeats=repeats, rows=_rows(measured), notes=notes), given)


def _rows(measured: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """The rates in units that can be read."""
    rows = []
    for name in measured[0]:
        values = [one[name] for one in measured]
        if name.startswith("decoding"):
            rows.append(row(name, "photographs/s per core", values))
        elif name == "memory":
            rows.append(row("memory, read and written", "GB/s", [v / 1e9 for v in values]))
        else:
            said = f"matrix product, {name}"
            rows.append(row(said, "billion multiply-adds/s", [v / 1e9 for v in values]))
    return rows


if __name__ == "__main__":
    sys.exit(main())
