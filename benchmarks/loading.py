"""What loading costs: training batches against the same passes over one resident batch.

    python benchmarks/loading.py [--repeats 30] [--batches 50]

Network `fashion-cnn`, batches of 100, Fashion-MNIST, as `nunbit train` trains it (same loop, same
defaults). Each repeat times, one right after the other so that the machine's mood is shared:

    loop       the training loop: gather, augment, normalise, forward, backward, optimiser, counting
    step       forward, backward and optimiser on one batch that stays in memory
    passes     forward and backward alone on that batch

and prints the medians, their spread, the ratios (pair by pair) and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from nunbit.config import load_config
from nunbit.config.resolve import resolve_training
from nunbit.config.resolved import Decision
from nunbit.device import resolve_device
from nunbit.pipelines.dataset import open_dataset
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fit_network import make_plan
from nunbit.pipelines.training.network import new_model, new_state
from nunbit.progress import SILENT
from nunbit.training.interrupt import StopRequest
from nunbit.training.loop import Trainer
from nunbit.training.losses import make_loss
from nunbit.training.speedups.conv_weight_grad import fast_conv_weight_grad
from nunbit.training.state import TrainingState
from nunbit.types import Batch

LIMIT = 1.10
BATCH_SIZE = 100


def main() -> int:
    """Measure and print; exit code 1 when the loop costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--batches", type=int, default=50, help="batches of a repeat")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainer, state = make_trainer(Path(folder), given.batches)
        (batch, *_) = trainer.train.epoch(1)
        repeat(lambda: step(trainer, state, batch), given.batches)  # warms up kernels and caches
        rows = [measure(trainer, state, batch, given.batches) for _ in range(given.repeats)]
    print(
        f"fashion-cnn, {given.repeats} repeats of {given.batches} batches of {BATCH_SIZE}, ", end=""
    )
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in ("loop", "step", "passes"):
        milliseconds = [1000 * row[name] / given.batches for row in rows]
        print(f"  {name:14s}{spread(milliseconds)} ms per batch")
    ratios = {name: [row["loop"] / row[name] for row in rows] for name in ("step", "passes")}
    for name, values in ratios.items():
        print(f"  loop / {name:7s}{spread(values)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of the process {peak:,.0f} MiB")
    return int(statistics.median(ratios["step"]) > LIMIT)


def measure(trainer: Trainer, state: TrainingState, batch: Batch, batches: int) -> dict[str, float]:
    """Seconds of so many batches through the loop, and of steps and passes over one batch."""
    state.epoch, state.batch = 1, 0
    began = time.perf_counter()
    trainer._train_epoch()
    loop = time.perf_counter() - began
    return {
        "loop": loop,
        "step": repeat(lambda: step(trainer, state, batch), batches),
        "passes": repeat(lambda: passes(trainer, state, batch), batches),
    }


def repeat(call: Callable[[], None], times: int) -> float:
    """Seconds that so many calls take together."""
    began = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - began


def forward_backward(trainer: Trainer, state: TrainingState, batch: Batch) -> None:
    """Both passes, as the loop does them."""
    plan = trainer.plan
    with fast_conv_weight_grad(batch.images.device.type, plan.autocast_dtype):
        logits = state.model(batch.images)
    plan.loss(logits.float(), batch.targets).backward()


def passes(trainer: Trainer, state: TrainingState, batch: Batch) -> None:
    """Forward and backward alone."""
    forward_backward(trainer, state, batch)
    state.optimizer.zero_grad()


def step(trainer: Trainer, state: TrainingState, batch: Batch) -> None:
    """Forward, backward and optimiser."""
    forward_backward(trainer, state, batch)
    state.optimizer.step()
    state.optimizer.zero_grad()


def make_trainer(folder: Path, batches: int) -> tuple[Trainer, TrainingState]:
    """The trainer that `nunbit train fashion-mnist --model fashion-cnn --epochs 5` makes."""
    config = load_config(data=None, recipe="fashion-cnn", settings={})
    device = resolve_device(config.device)
    dataset, chosen, _ = open_dataset(config, device=device)
    run = RunFolder(folder)
    model = new_model(chosen.model, dataset, seed=config.seed)[0]
    resolved = resolve_training(
        config,
        chosen,
        Decision("transfer.mode", "none", "there are no pretrained weights"),
        preprocess=dataset.preprocess,
        network=model,
        device=device,
        data_name=dataset.name,
        counts=dataset.split.counts,
    )
    state = new_state(model, resolved.training, device=device)
    training = dataset.training_batches(
        batch_size=BATCH_SIZE,
        seed=config.seed,
        augmentation=resolved.augmentation,
    )
    shortened = type(training)(**{**vars(training), "rows": training.rows[: batches * BATCH_SIZE]})
    trainer = Trainer(
        make_plan(
            state.model,
            resolved.training,
            loss=make_loss(resolved.training.loss),
            seed=config.seed,
            folder=run,
            checkpoint_seconds=60 * config.checkpoint.minutes,
        ),
        state,
        train=shortened,
        validation=None,
        callbacks=[],
        progress=SILENT,
        stop=StopRequest(),
    )
    return trainer, state


def spread(values: list[float]) -> str:
    """Median, and least and greatest in brackets."""
    return f"{statistics.median(values):8.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    sys.exit(main())
