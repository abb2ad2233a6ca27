"""How near one training step comes to the machine's limits, and where its time goes.

    python benchmarks/step.py [--repeats 5] [--quick] [--json FILE]

A step of `fashion-cnn` on one batch of 100 that stays in memory: forward, backward, optimiser. Side
by side, each in a process of its own: as `nunbit train` does it, the same in float32, and as the
plain loop of the course does it. The time of a step is the median of 100.

A step needs 3 x the multiply-adds that `nunbit summary` counts for the images (forward, gradients
of weights, gradients of inputs). Its share of the peak is what it does of them in a second, over
the fastest matrix product measured in the same repeat and precision. 3 x a little overstates: the
first layer needs no gradients of inputs.
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

from measuring import arguments, bound, finish, ratio, record, row, run_command

HERE = Path(__file__).parent
PASSES = 3
BATCH_SIZE = 100
MIN_SHARE = 0.5
STEPS = 100
KINDS = {
    "convolution": "convolutions",
    "mkldnn_linear": "linear layers",
    "addmm": "linear layers",
    "aten::mm": "linear layers",
    "batch_norm": "batch normalisation",
    "max_pool": "pooling",
    "fill_": "pooling",
    "threshold": "ReLU",
    "relu": "ReLU",
    "clamp_min": "ReLU",
    "bernoulli": "dropout",
    "adam": "optimiser",
    "copy": "copies and casts",
}
"""Parts of operations' names, and what they belong to; zeros are filled in for pooling's
gradients."""

Found = dict[str, Any]


def main() -> int:
    """Measure and print; or one of the processes that are measured."""
    parser = arguments(__doc__, repeats=5)
    parser.add_argument("--of", choices=MAKERS, help="only this step, in this process, as JSON")
    given = parser.parse_args()
    if given.of:
        print(json.dumps(measure_step(given.of, 2 if given.quick else STEPS)))
        return 0
    repeats = 1 if given.quick else given.repeats
    measured = [measure(quick=given.quick) for _ in range(repeats)]
    found = record(
        "step", repeats=repeats, rows=rows(measured), ratios=shares(measured), notes=notes(measured)
    )
    return finish(found, given)


def measure(*, quick: bool = False) -> Found:
    """One repeat: the limits, and each step in a process of its own."""
    more = ["--quick"] if quick else []
    found = {"limits": run_command([sys.executable, HERE / "limits.py", "--one-line", *more]).said}
    for name in MAKERS:
        found[name] = run_command([sys.executable, __file__, "--of", name, *more]).said
    return found


def measure_step(name: str, steps: int) -> Found:
    """Median seconds of a step, and the shares of what it does."""
    from loading import repeat

    with tempfile.TemporaryDirectory() as folder:
        call = MAKERS[name](Path(folder))
        repeat(call, max(2, steps // 5))  # kernels are chosen and caches filled
        seconds = statistics.median(repeat(call, 1) for _ in range(steps))
        return {"seconds": seconds, "shares": where_time_goes(call, max(2, steps // 5))}


def own_step(folder: Path) -> Callable[[], None]:
    """As the trainer of `nunbit train` does it."""
    from loading import make_trainer, step

    from nunbit.training.speedups.process import keep_freed_memory

    keep_freed_memory()
    trainer, state = make_trainer(folder, 1)
    (batch,) = trainer.train.epoch(1)
    return lambda: step(trainer, state, batch)


def float32_step(folder: Path) -> Callable[[], None]:
    """The same without matrix units."""
    from loading import make_trainer, step

    from nunbit.training.speedups.process import keep_freed_memory

    keep_freed_memory()
    trainer, state = make_trainer(folder, 1)
    trainer.plan = replace(trainer.plan, autocast_dtype=None)
    (batch,) = trainer.train.epoch(1)
    return lambda: step(trainer, state, batch)


def plain_step(_: Path) -> Callable[[], None]:
    """As the loop of the course does it; made-up pixels cost the same."""
    import torch
    from torch import nn

    sys.path.insert(0, str(HERE / "peers"))
    from network import network
    from task import LEARNING_RATE

    model = network()
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    images, labels = torch.rand(BATCH_SIZE, 1, 28, 28), torch.randint(10, (BATCH_SIZE,))

    def step() -> None:
        optimizer.zero_grad()
        loss = loss_of(model(images), labels)
        loss.backward()
        optimizer.step()

    return step


MAKERS: dict[str, Callable[[Path], Callable[[], None]]] = {
    "nunbit": own_step,
    "nunbit in float32": float32_step,
    "plain": plain_step,
}


def where_time_goes(call: Callable[[], None], steps: int) -> dict[str, float]:
    """Shares of a step's time by kind of operation, the greatest first."""
    from loading import repeat
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        repeat(call, steps)
    spent: Counter[str] = Counter()
    for event in profiler.key_averages():
        key = event.key.lower()
        kind = next((kind for part, kind in KINDS.items() if part in key), "the rest")
        spent[kind] += event.self_cpu_time_total
    total = sum(spent.values())
    return {kind: round(time / total, 3) for kind, time in spent.most_common()}


def precision_of(name: str) -> str:
    """In which the matrices of a step are multiplied on this machine."""
    import torch

    from nunbit.device import fast_precision
    from nunbit.models.create import create_model

    if name != "nunbit":
        return "float32"
    model = create_model("fashion-cnn", classes=10)
    return fast_precision(torch.device("cpu"), model)


def multiply_adds() -> int:
    """Of one image, forward."""
    from nunbit.models.summary import summarise_name

    return summarise_name("fashion-cnn").multiply_adds


def rows(measured: Sequence[Found]) -> list[Found]:
    """The limits, and milliseconds of the steps."""
    limits = [one["limits"] for one in measured]
    found = [
        row(f"peak in {name}", "billion multiply-adds/s", [one[name] / 1e9 for one in limits])
        for name in ("float32", "bfloat16")
    ]
    found.append(row("memory", "GB/s", [one["memory"] / 1e9 for one in limits]))
    for name in MAKERS:
        values = [1000 * one[name]["seconds"] for one in measured]
        found += [row(f"step, {name}", "ms", values)]
    return found


def shares(measured: Sequence[Found]) -> list[Found]:
    """Ratios of the steps, and their shares of the peaks."""
    work = PASSES * BATCH_SIZE * multiply_adds()
    seconds = {name: [one[name]["seconds"] for one in measured] for name in MAKERS}
    found = [ratio("plain step / nunbit's step", seconds["plain"], seconds["nunbit"])]

    def share(name: str, precision: str, what: str, target: float | None = None) -> None:
        values = [work / one[name]["seconds"] / one["limits"][precision] for one in measured]
        found.append(bound(what, values, target=target, better="more"))

    for name in MAKERS:
        precision = precision_of(name)
        what = f"{name}: share of the peak in {precision}"
        share(name, precision, what, MIN_SHARE if name == "nunbit" else None)
    if precision_of("nunbit") != "float32":
        share("nunbit", "float32", "nunbit: over the peak in float32")
    return found


def notes(measured: Sequence[Found]) -> list[str]:
    """Work, threads and where the time goes."""
    said = [
        f"{measured[-1]['limits']['threads']} threads; a step needs {PASSES} x {BATCH_SIZE} x "
        f"{multiply_adds():,} multiply-adds"
    ]
    for name in MAKERS:
        parts = measured[-1][name]["shares"].items()
        said.append(f"{name}: " + ", ".join(f"{kind} {part:.0%}" for kind, part in parts))
    return said


if __name__ == "__main__":
    sys.exit(main())
