"""What augmentation costs: flip, shift and erase on a batch against one training step with it.

    python benchmarks/augment.py [--repeats 30] [--calls 20] [--json FILE]

A batch of 256 images of 28 × 28 (random pixels: the time does not depend on them) and the network
`fashion-cnn` with the optimiser, precision and memory layout of `nunbit train`. Each repeat times,
one right after the other so that the machine's mood is shared:

    step         normalise, forward, backward and optimiser on the batch
    augment      horizontal-flip, shift and erase of the batch
    every other  each operation by itself, for comparison (--operations)

and prints the medians, their spread, and the ratio pair by pair. Exit code 1 when the median ratio
is above the limit of 5 %.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
import torchvision
from torch import Tensor

from nunbit.config import load_config
from nunbit.data.augment import OPERATIONS, Augmentation
from nunbit.data.preprocess import Preprocess
from nunbit.device import fast_precision, resolve_device
from nunbit.models.create import create_model
from nunbit.training.losses import make_loss
from nunbit.training.optim import USUAL_LEARNING_RATE, make_optimizer, parameter_groups

LIMIT = 0.05
BATCH, SIDE, CLASSES = 256, 28, 10
PREPROCESS = Preprocess(height=SIDE, width=SIDE, channels=1, mean=(0.286,), std=(0.353,))
MEASURED = Augmentation(
    name="measured",
    assumption="",
    operations=tuple(OPERATIONS[name]() for name in ("horizontal-flip", "shift", "erase")),
)


def main() -> int:
    """Measure and print; exit code 1 when augmentation costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--calls", type=int, default=20, help="batches of a repeat")
    parser.add_argument("--operations", action="store_true", help="measure every operation too")
    parser.add_argument("--json", type=Path, help="write the numbers into a new file")
    given = parser.parse_args()
    device = resolve_device("auto")
    images, targets = make_batch(device)
    step = make_step(images, targets)
    augment = make_augment(MEASURED, images)
    repeat(step, 3, device)  # warms up kernels and caches
    repeat(augment, 3, device)
    rows = [
        (repeat(step, given.calls, device), repeat(augment, given.calls, device))
        for _ in range(given.repeats)
    ]
    ratios = [cost / whole for whole, cost in rows]
    numbers = {
        "step_ms": [1000 * whole for whole, _ in rows],
        "augment_ms": [1000 * cost for _, cost in rows],
    }
    if given.operations:
        numbers |= each_operation(images, given.calls, device)
    report(numbers, ratios, device)
    if given.json is not None:
        write(given.json, numbers, ratios, device)
    return int(statistics.median(ratios) > LIMIT)


def make_batch(device: torch.device) -> tuple[Tensor, Tensor]:
    """uint8 [256, 1, 28, 28] as it comes from memory, and targets int64 [256]."""
    generator = torch.Generator().manual_seed(0)
    stored = torch.randint(0, 256, (BATCH, SIDE, SIDE, 1), dtype=torch.uint8, generator=generator)
    targets = torch.randint(0, CLASSES, (BATCH,), generator=generator)
    return stored.to(device).permute(0, 3, 1, 2), targets.to(device)


def make_step(images: Tensor, targets: Tensor) -> Callable[[], None]:
    """One training step of `fashion-cnn`, as `nunbit train` takes it."""
    training = load_config(data=None, recipe="fashion-cnn", settings={}).training
    layout = torch.channels_last if training.channels_last else torch.contiguous_format
    model = create_model("fashion-cnn", classes=CLASSES, channels=1, height=SIDE, width=SIDE)
    model = model.to(images.device).to(memory_format=layout).train()
    optimizer = make_optimizer(
        training.optimizer,
        parameter_groups(model, training.weight_decay),
        learning_rate=USUAL_LEARNING_RATE[training.optimizer],
    )
    loss = make_loss(training.loss)
    half = fast_precision(images.device, model) == "bfloat16"

    def step() -> None:
        kind = images.device.type
        with torch.autocast(kind, dtype=torch.bfloat16 if half else None, enabled=half):
            logits = model(PREPROCESS.normalise(images))
        loss(logits.float(), targets).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def make_augment(augmentation: Augmentation, images: Tensor) -> Callable[[], None]:
    """The operations of an augmentation on the batch."""
    generator = torch.Generator(device=images.device).manual_seed(0)
    return lambda: augmentation(images, generator)


def repeat(call: Callable[[], None], times: int, device: torch.device) -> float:
    """Seconds of one of so many calls."""
    wait(device)
    began = time.perf_counter()
    for _ in range(times):
        call()
    wait(device)
    return (time.perf_counter() - began) / times


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def each_operation(images: Tensor, calls: int, device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of each operation, as if it happened to every image."""
    found = {}
    for name, kind in OPERATIONS.items():
        alone = Augmentation(name=name, assumption="", operations=(kind(probability=1.0),))
        augment = make_augment(alone, images)
        repeat(augment, 2, device)
        found[f"{name}_ms"] = [1000 * repeat(augment, calls, device) for _ in range(3)]
    return found


def report(numbers: dict[str, list[float]], ratios: list[float], device: torch.device) -> None:
    """Print medians with least and greatest."""
    print(
        f"{BATCH} images of {SIDE}x{SIDE}, fashion-cnn, {len(ratios)} repeats, {device}, ", end=""
    )
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, values in numbers.items():
        print(f"  {name.removesuffix('_ms'):24s}{spread(values)} ms per batch")
    print(f"  augment / step          {spread([100 * ratio for ratio in ratios])} %")


def spread(values: list[float]) -> str:
    """Median, and least and greatest in brackets."""
    return f"{statistics.median(values):8.3f} ({min(values):.3f} to {max(values):.3f})"


def write(
    path: Path, numbers: dict[str, list[float]], ratios: list[float], device: torch.device
) -> None:
    """All numbers with machine and versions; an existing file is left alone."""
    content = {
        "what": "horizontal-flip, shift and erase against one training step of fashion-cnn",
        "batch": [BATCH, 1, SIDE, SIDE],
        "ratio_median": statistics.median(ratios),
        "limit": LIMIT,
        "ratios": ratios,
        "milliseconds": {name.removesuffix("_ms"): values for name, values in numbers.items()},
        "machine": platform.machine(),
        "processor": platform.processor(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "date": date.today().isoformat(),
    }
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
