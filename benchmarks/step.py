"""How near one training step comes to the machine's limits, and where its time goes.

    python benchmarks/step.py [--repeats 5] [--quick] [--json FILE]

A step of `fashion-cnn` on one batch of 100 that stays in memory: forward, backward, optimiser. Side
by side: as `nunbit train` does it, the same in float32, and as the plain loop does it. A step needs
3 x the multiply-adds that `nunbit summary` counts for the images (forward, gradients of weights,
gradients of inputs). Its share of the peak is what it does of them in a second, over the fastest
matrix product that was measured between the steps in the same precision.

`--one-line` prints the numbers of one repeat as JSON, for benchmarks/training.py.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from limits import (
    ARRAY_BYTES,
    QUICK_SHAPES,
    SHAPES,
    memory_bytes_per_second,
    multiply_adds_per_second,
)
from loading import BATCH_SIZE, make_trainer, repeat, step
from measuring import arguments, bound, finish, ratio, record, row
from torch import nn
from torch.profiler import ProfilerActivity, profile

from nunbit.models.summary import summarise_name

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from network import network
from task import LEARNING_RATE

PASSES = 3
LEAST_SHARE = 0.5
BATCHES = 50
KINDS = {
    "convolution": "convolutions",
    "mkldnn_linear": "linear layers",
    "addmm": "linear layers",
    "aten::mm": "linear layers",
    "mkldnn_bf16": "linear layers",
    "batch_norm": "batch normalisation",
    "max_pool": "pooling",
    "threshold": "ReLU",
    "relu": "ReLU",
    "clamp": "ReLU",
    "clip": "ReLU",
    "dropout": "dropout",
    "bernoulli": "dropout",
    "adam": "optimiser",
    "copy": "copies and casts",
}
"""Parts of operations' names, and what they belong to."""

Steps = dict[str, Callable[[], None]]


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("--one-line", action="store_true", help="one repeat, as JSON")
    given = parser.parse_args()
    batches = 2 if given.quick else BATCHES
    with tempfile.TemporaryDirectory() as folder:
        steps = make_steps(Path(folder))
        for call in steps.values():
            repeat(call, batches)  # kernels are chosen and caches filled
        if given.one_line:
            print(json.dumps(measure(steps, batches)))
            return 0
        repeats = 1 if given.quick else given.repeats
        measured = [measure(steps, batches, quick=given.quick) for _ in range(repeats)]
        notes = [f"{torch.get_num_threads()} threads; {PASSES} x {multiply_adds():,} multiply-adds"]
        notes += [f"{name}: {where_time_goes(call, batches)}" for name, call in steps.items()]
    found = record("step", repeats=repeats, rows=rows(measured), ratios=shares(measured))
    return finish(found | {"notes": notes}, given)


def make_steps(folder: Path) -> Steps:
    """One call, one step, by name."""
    trainer, state = make_trainer(folder, BATCHES)
    (batch, *_) = trainer.train.epoch(1)
    in_float32, other = make_trainer(folder, BATCHES)
    in_float32.plan = replace(in_float32.plan, autocast_dtype=None)

    model = network()
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    images, targets = batch.images.contiguous(), batch.targets

    def plain() -> None:
        optimizer.zero_grad()
        loss_of(model(images), targets).backward()
        optimizer.step()

    return {
        "nunbit": lambda: step(trainer, state, batch),
        "nunbit, float32": lambda: step(in_float32, other, batch),
        "plain": plain,
    }


def precision_of(name: str) -> str:
    """In which the matrices of a step are multiplied on this machine."""
    from nunbit.device import resolve_precision

    return resolve_precision("auto", torch.device("cpu")) if name == "nunbit" else "float32"


def multiply_adds() -> int:
    """Of one image, forward."""
    return summarise_name("fashion-cnn").multiply_adds


def measure(steps: Steps, batches: int, *, quick: bool = False) -> dict[str, float]:
    """Seconds of each step, and the limits, one after the other."""
    shapes = QUICK_SHAPES if quick else SHAPES
    seconds, size = (0.02, 2**20) if quick else (0.5, ARRAY_BYTES)
    found = {
        dtype: multiply_adds_per_second(getattr(torch, dtype), seconds=seconds, shapes=shapes)
        for dtype in ("float32", "bfloat16")
    }
    found["memory"] = memory_bytes_per_second(seconds=seconds, array_bytes=size)
    return found | {name: median_seconds(call, batches) for name, call in steps.items()}


def median_seconds(call: Callable[[], None], times: int) -> float:
    """Of a call that is done so many times."""
    return statistics.median(repeat(call, 1) for _ in range(times))


def share(name: str, one: dict[str, float], precision: str) -> float:
    """What a step does of multiply-adds in a second, over the peak in that precision."""
    return PASSES * BATCH_SIZE * multiply_adds() / one[name] / one[precision]


def rows(measured: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """Milliseconds of the steps, and the peaks."""
    found = []
    for name in measured[0]:
        values = [one[name] for one in measured]
        if name in ("float32", "bfloat16"):
            giga = [value / 1e9 for value in values]
            found.append(row(f"peak, {name}", "billion multiply-adds/s", giga))
        elif name == "memory":
            found.append(row("memory", "GB/s", [value / 1e9 for value in values]))
        else:
            found.append(row(f"step, {name}", "ms", [1000 * value for value in values]))
    return found


def shares(measured: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """Ratios of the steps, and their shares of the peaks."""
    own = [one["nunbit"] for one in measured]
    plain = [one["plain"] for one in measured]
    found = [ratio("plain step / nunbit's step", plain, own)]
    for name in ("nunbit", "nunbit, float32", "plain"):
        precision = precision_of(name)
        target = LEAST_SHARE if name == "nunbit" else None
        values = [share(name, one, precision) for one in measured]
        what = f"{name}: share of {precision}'s peak"
        found.append(bound(what, values, target=target, better="more"))
    values = [share("nunbit", one, "float32") for one in measured]
    if precision_of("nunbit") != "float32":
        found.append(bound("nunbit: over float32's peak", values, better="more"))
    return found


def where_time_goes(call: Callable[[], None], batches: int) -> str:
    """Shares of a step's time by kind of operation, in words."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        repeat(call, batches)
    spent: Counter[str] = Counter()
    for event in profiler.key_averages():
        key = event.key.lower()
        kind = next((kind for part, kind in KINDS.items() if part in key), "the rest")
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return ", ".join(f"{kind} {time / total:.0%}" for kind, time in spent.most_common())


if __name__ == "__main__":
    sys.exit(main())
