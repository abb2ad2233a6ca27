"""What an exported model costs, beside the run that it was exported from.

    python benchmarks/export.py [--repeats 3] [--pictures 1000] [--quick] [--json FILE]

Two runs on the pictures of `pictures.py` (Debian's tuxpaint-stamps-default): `lite0`, which is
EfficientNet-lite0 from its published weights, of which the head is trained, and resnet18 from
random weights, both at 224 × 224. Each is exported, the first in 8 bits too. Then, as whole
commands that alternate, with one thread, with two, and with two beside a process that keeps one
core busy:

    one picture      nunbit predict RUN FILE beside nunbit predict EXPORT FILE, and the memory
    many pictures    the same of a folder; the seconds for one picture are taken off

and, inside one process of one thread each, canvas to answer: float32 beside int8, one at a time.
Exit code 1 when the export takes more than `MAX_OF_RUN` of the run's seconds for one picture or
more than `MAX_MIB`, gives fewer than `MIN_OF_RUN` times its pictures a second, or 8 bits are less
than `MIN_OF_FLOAT32` times as fast on a processor that has instructions for them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measuring import Finished, alternate, arguments, bound, finish, ratio, record, row, run_command
from pictures import write_photographs

MAX_OF_RUN, MAX_MIB, MIN_OF_RUN, MIN_OF_FLOAT32 = 0.35, 250.0, 1.5, 1.8
MODELS = {
    "lite0": ("--pretrained", "efficientnet-lite0", "--transfer", "head"),
    "resnet18": ("--model", "timm/resnet18", "--image-size", "224", "--epochs", "1"),
}
SITUATIONS = {"1 thread": (1, False), "2 threads": (2, False), "2 threads, busy": (2, True)}
NUNBIT = (sys.executable, "-m", "nunbit")
ANSWERS = 200
"""Of each network, for the time of one."""


def main() -> int:
    """Measure and print; or one of the processes that are measured."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("--pictures", type=int, default=1000, help="in the folder")
    parser.add_argument("--one-by-one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one_by_one is not None:
        return one_by_one(given.one_by_one)
    repeats, pictures = (1, 12) if given.quick else (given.repeats, given.pictures)
    rows, ratios = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, pictures, most=8 if given.quick else None)
        for model in MODELS:
            for situation, (threads, busy) in SITUATIONS.items():
                with busy_process(busy):
                    found = predicted(folder, model, threads, repeats=repeats)
                more = judged(f"{model}, {situation}", found, pictures)
                rows += more[0]
                ratios += more[1]
        more = in_8_bits(folder, repeats=repeats)
        rows += more[0]
        ratios += more[1]
    notes = [f"{pictures} pictures, longer side 500 pixels, networks at 224 × 224"]
    return finish(record("export", repeats=repeats, rows=rows, ratios=ratios, notes=notes), given)


def prepare(folder: Path, pictures: int, *, most: int | None) -> None:
    """The runs, their exports, a folder with one picture, and one with so many."""
    write_photographs(folder / "photographs", most=most)
    env = {"NUNBIT_CACHE": str(folder / "cache")}
    for model, chosen in MODELS.items():
        words = ("train", "photographs", *chosen, "--out", model, "--quiet")
        run_command([*NUNBIT, *words], cwd=folder, env=env)
        run_command([*NUNBIT, "export", model, "--quiet"], cwd=folder, env=env)
    words = (
        "export",
        "lite0",
        "--quantize",
        "int8",
        "--min-agreement",
        "0",
        "--quiet",
    )
    run_command([*NUNBIT, *words], cwd=folder, env=env)
    files = sorted((folder / "photographs").rglob("*.jpg"))
    for name, count in (("one", 1), ("many", pictures)):
        (folder / name).mkdir()
        for number in range(count):
            data = files[number % len(files)].read_bytes()
            (folder / name / f"{number:05d}.jpg").write_bytes(data)


def predicted(
    folder: Path, model: str, threads: int, *, repeats: int
) -> dict[str, list[tuple[Finished, Finished]]]:
    """The commands for one picture and for many, of the run and of its export."""
    env = {"OMP_NUM_THREADS": str(threads)}

    def ask(place: str) -> tuple[Finished, Finished]:
        words = [[*NUNBIT, "predict", place, which, "--quiet"] for which in ("one", "many")]
        one, many = (run_command(each, cwd=folder, env=env) for each in words)
        return one, many

    contestants = {"run": lambda _: ask(model), "export": lambda _: ask(f"{model}-onnx")}
    return alternate(contestants, repeats=repeats)


def judged(
    what: str, found: dict[str, list[tuple[Finished, Finished]]], pictures: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows and ratios of a situation."""
    one = {name: [pair[0].seconds for pair in pairs] for name, pairs in found.items()}
    rates = {
        name: [(pictures - 1) / max(1e-9, many.seconds - single.seconds) for single, many in pairs]
        for name, pairs in found.items()
    }
    memory = [pair[0].peak_mib for pair in found["export"]]
    rows = [row(f"{what}, one picture, {name}", "s", values) for name, values in one.items()]
    rows += [row(f"{what}, {name}", "pictures/s", values) for name, values in rates.items()]
    rows.append(row(f"{what}, one picture, export", "MiB", memory))
    return rows, [
        ratio(
            f"{what}: one picture, export / run",
            one["export"],
            one["run"],
            target=MAX_OF_RUN,
            better="less",
        ),
        bound(f"{what}: memory of the export", memory, target=MAX_MIB),
        ratio(f"{what}: rate, export / run", rates["export"], rates["run"], target=MIN_OF_RUN),
    ]


def in_8_bits(
    folder: Path, *, repeats: int
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Seconds of one answer in float32 and in 8 bits."""

    def ask(place: str) -> float:
        command = [sys.executable, __file__, "--one-by-one", folder / place]
        return float(run_command(command).said["seconds"])

    places = {"float32": "lite0-onnx", "int8": "lite0-int8"}
    contestants = {name: lambda _, place=place: ask(place) for name, place in places.items()}
    found = alternate(contestants, repeats=repeats)
    target = MIN_OF_FLOAT32 if has_vnni() else None
    rows = [row(f"one answer, {name}", "s", values) for name, values in found.items()]
    return rows, [
        ratio("one answer, float32 / int8", found["float32"], found["int8"], target=target)
    ]


def one_by_one(folder: Path) -> int:
    """Print the median seconds of an answer to one canvas, on one thread."""
    import numpy as np

    from nunbit.runtime.engine import OnnxEngine
    from nunbit.runtime.exported import read_export

    exported = read_export(folder)
    contract, engine = exported.preprocess, OnnxEngine(exported, threads=1)
    canvas = np.zeros((1, contract.height, contract.width, contract.channels), dtype=np.uint8)
    seconds = []
    for _ in range(ANSWERS):
        began = time.perf_counter()
        engine.answer(canvas)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": statistics.median(seconds)}))
    return 0


def has_vnni() -> bool:
    """Tell whether the processor multiplies 8-bit numbers four at a time; False if unknown."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@contextmanager
def busy_process(wanted: bool) -> Iterator[None]:
    """Keep one core busy by a process of its own meanwhile, where that is wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    raise SystemExit(main())
