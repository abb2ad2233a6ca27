"""Fine-tuning in the training loop: on activations as on images, stopped as never stopped."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nunbit.backbone.extract import extract
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.data.augment import PRESETS
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess
from nunbit.errors import RunInterrupted
from nunbit.finetune.cached_activations import ActivationBatches, Activations, TrainingActivations
from nunbit.finetune.finetune import (
    FineTuning,
    activation_bytes,
    boundary,
    fine_tuning,
)
from nunbit.progress import SILENT
from nunbit.training.callbacks import Monitor, SaveBest
from nunbit.training.checkpoint import load_newest_checkpoint
from nunbit.training.interrupt import StopRequest
from nunbit.training.loop import Duration, Trainer, TrainingPlan
from nunbit.training.losses import make_loss
from nunbit.training.optim import make_optimizer, parameter_groups
from nunbit.training.state import TrainingState, make_average
from tests.training.test_loop import StopAfter

N, SHAPE = 41, (3, 16, 16)
ROWS, HELD_OUT = np.arange(N), np.arange(N, N + 9)
LABELS = np.arange(N + 9) % 3
PREPROCESS = Preprocess(height=16, width=16, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
CPU = torch.device("cpu")


def network() -> nn.Module:
    def block(inside: int, out: int) -> list[nn.Module]:
        return [nn.Conv2d(inside, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]

    with torch.random.fork_rng():
        torch.manual_seed(4)
        return nn.Sequential(
            *block(3, 4),
            nn.MaxPool2d(2),
            *block(4, 6),
            nn.Dropout(0.1),
            nn.MaxPool2d(2),
            *block(6, 8),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(8, 3),
        ).to(memory_format=torch.channels_last)


def pixels() -> ArrayPixels:
    array = np.random.default_rng(0).integers(0, 80, (N + 9, 16, 16, 3)).astype(np.uint8)
    for row, label in enumerate(LABELS):
        array[row, :, 4 * label : 4 * label + 5] += 120
    return ArrayPixels(array, reasons=("",) * (N + 9), preprocess=PREPROCESS)


class Problem:
    """A network to tune, fed with images or with activations at the boundary."""

    def __init__(
        self,
        folder: Path,
        *,
        cached: bool,
        mode: str = "stages:2",
        unfreeze_epochs: int = 0,
        preset: str = "clothes",
        average: bool = True,
    ) -> None:
        self.model = network()
        self.split_points = find_split_points(self.model, SHAPE)
        self.tuning = fine_tuning(
            self.model, self.split_points, mode=mode, unfreeze_epochs=unfreeze_epochs
        )
        self.split_point = boundary(self.tuning, self.split_points)
        scope: FineTuning = self.tuning
        self.train, self.validation = self._images(preset)
        if cached:
            assert self.split_point is not None
            self._cache(self.split_point, preset)
            scope = FineTuning(**{**vars(self.tuning), "entry": self.split_point})
        self.tuning.freeze(self.model, self.tuning.always_frozen)
        groups = parameter_groups(self.model, 0.01, scales=self.tuning.stages.scales(0.5))
        self.state = TrainingState(
            model=self.model,
            optimizer=make_optimizer("adamw", groups, learning_rate=0.01),
            average=make_average(self.model, 0.8 if average else 0.0),
        )
        self.folder, self.scope = folder, scope

    def _images(self, preset: str):
        common = {"pixels": pixels(), "preprocess": PREPROCESS, "labels": LABELS, "device": CPU}
        train = TrainingBatches(
            rows=ROWS, classes=3, batch_size=8, seed=3, augmentation=PRESETS[preset], **common
        )
        return train, Batches(rows=HELD_OUT, batch_size=4, **common)

    def _cache(self, split_point: SplitPoint, preset: str) -> None:
        body = feature_extractor(self.model, split_point)
        plain = Batches(
            pixels=pixels(),
            preprocess=PREPROCESS,
            rows=ROWS,
            labels=LABELS,
            batch_size=16,
            device=CPU,
        )
        views = {
            False: Activations(values=extract(body, plain), rows=ROWS),
            True: Activations(values=extract(body, plain, view="mirror"), rows=ROWS),
        }
        held_out = Activations(values=extract(body, self.validation), rows=HELD_OUT)
        self.validation = ActivationBatches(batches=self.validation, activations=held_out)
        self.train = TrainingActivations(
            rows=ROWS,
            labels=LABELS,
            batch_size=8,
            device=CPU,
            seed=3,
            augmentation=PRESETS[preset],
            views=views,
        )

    def fit(self, stop: StopRequest | None = None, epochs: int = 4) -> None:
        self.folder.mkdir(exist_ok=True)
        plan = TrainingPlan(
            duration=Duration(epochs=epochs),
            loss=make_loss("cross-entropy"),
            learning_rate=0.02,
            schedule="one-cycle",
            warmup_fraction=0.2,
            gradient_clip=1.0,
            autocast_dtype=None,
            seed=3,
            checkpoint_folder=self.folder / "last",
            checkpoint_seconds=1e9,
            metrics_file=self.folder / "metrics.jsonl",
        )
        monitor = Monitor(name="validation_loss", mode="min")
        Trainer(
            plan,
            self.state,
            train=self.train,
            validation=self.validation,
            callbacks=[SaveBest(monitor=monitor, folder=self.folder / "best")],
            progress=SILENT,
            stop=stop or StopRequest(),
            scope=self.scope,
        ).fit()

    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}


def assert_close(one: dict[str, Tensor], other: dict[str, Tensor], *, exactly: bool) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        if exactly:
            assert torch.equal(tensor, other[name]), name
        else:
            torch.testing.assert_close(tensor, other[name], rtol=1e-4, atol=1e-5)


def test_the_network_has_three_stages() -> None:
    assert len(find_split_points(network(), SHAPE)) == 3


@pytest.mark.parametrize("preset", ["none", "clothes"])
@pytest.mark.parametrize("unfreeze_epochs", [0, 1])
def test_activations_train_the_network_that_images_train(
    tmp_path: Path, preset: str, unfreeze_epochs: int
) -> None:
    settings = {"preset": preset, "unfreeze_epochs": unfreeze_epochs}
    images = Problem(tmp_path / "images", cached=False, **settings)
    kept = Problem(tmp_path / "kept", cached=True, **settings)
    first = images.weights()
    for problem in (images, kept):
        problem.fit()
    assert_close(images.weights(), kept.weights(), exactly=False)
    assert_close(
        images.state.average.module.state_dict(),
        kept.state.average.module.state_dict(),
        exactly=False,
    )
    for one, other in zip(images.state.history, kept.state.history, strict=True):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-3)
    changed = {n for n, tensor in images.weights().items() if not torch.equal(tensor, first[n])}
    assert changed == {n for n in first if int(n.partition(".")[0]) > 3}


@pytest.mark.parametrize("cached", [False, True])
def test_the_frozen_stages_are_bit_identical_in_network_and_average(
    tmp_path: Path, cached: bool
) -> None:
    problem = Problem(tmp_path / "run", cached=cached)
    first = problem.weights()
    problem.fit()
    average = problem.state.average.module.state_dict()
    for name in ("0.weight", "0.bias", "1.weight", "1.running_mean", "1.num_batches_tracked"):
        assert torch.equal(problem.weights()[name], first[name])
        assert torch.equal(average[name], first[name])
    assert not torch.equal(problem.weights()["5.running_mean"], first["5.running_mean"])


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("unfreeze_epochs", [0, 2])
def test_stopped_and_resumed_ends_bit_for_bit_as_never_stopped(
    tmp_path: Path, cached: bool, unfreeze_epochs: int
) -> None:
    settings = {"cached": cached, "unfreeze_epochs": unfreeze_epochs}
    whole = Problem(tmp_path / "whole", **settings)
    whole.fit()
    for times in (1, 5, 11):
        folder, stops = tmp_path / f"stopped{times}", 0
        while True:
            again = Problem(folder, **settings)
            load_newest_checkpoint(folder / "last", again.state)
            with contextlib.suppress(RunInterrupted):
                again.fit(StopAfter(times))
                break
            stops += 1
        assert stops > 0
        assert_close(again.weights(), whole.weights(), exactly=True)
        assert_close(
            again.state.average.state_dict(), whole.state.average.state_dict(), exactly=True
        )


def test_the_batches_enter_at_the_end_of_what_never_learns(tmp_path: Path) -> None:
    problem = Problem(tmp_path, cached=True, mode="last-stage")
    assert problem.split_point == problem.split_points[1]
    assert boundary(problem.tuning, problem.split_points) == problem.split_points[1]
    everything = fine_tuning(network(), problem.split_points, mode="all")
    assert boundary(everything, problem.split_points) is None
    assert everything.part(problem.model) is problem.model


def test_what_activations_take() -> None:
    split_point = find_split_points(network(), SHAPE)[0]
    assert activation_bytes(split_point, 10) == 10 * int(np.prod(split_point.shape)) * 4
