"""The loop: exact resuming at every batch, stopping, lengths, sums, and a loss that breaks."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nunbit.data.batches import TrainingBatches
from nunbit.errors import RunInterrupted, TrainingError
from nunbit.progress import Silent
from nunbit.training.callbacks import (
    Callback,
    EarlyStopping,
    KeepEpochs,
    Monitor,
    ReduceOnPlateau,
    SaveBest,
)
from nunbit.training.checkpoint import load_newest_checkpoint
from nunbit.training.class_balance import class_balance
from nunbit.training.interrupt import StopRequest
from nunbit.training.losses import make_loss
from nunbit.training.state import TrainingState
from nunbit.types import Batch
from tests.training.parts import BATCH_SIZE, N, make_state, make_trainer, weights

TIMES = ("seconds", "images_per_second")


def metrics(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


class StopAfter(StopRequest):
    """Asks for a stop when it has been looked at `times` times."""

    def __init__(self, times: int) -> None:
        self.left = times

    @property
    def requested(self) -> bool:  # type: ignore[override]
        self.left -= 1
        return self.left < 0


OPTIMIZERS = ("adamw", "sgd", "rmsprop", "adadelta", "adagrad")
QUICK = [("adamw", True), ("sgd", False), ("rmsprop", True), ("adadelta", False), ("adagrad", True)]
"""Each optimiser once; half of them with averaged weights."""


@pytest.mark.parametrize(
    ("optimizer", "average"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case not in QUICK))
        for case in itertools.product(OPTIMIZERS, (False, True))
    ],
)
def test_a_run_stopped_at_any_batch_ends_like_one_never_stopped(
    tmp_path: Path, optimizer: str, average: bool
) -> None:
    whole = make_state(optimizer, average=average)
    make_trainer(whole, tmp_path / "whole").fit()
    for times in range(1, 19, 3):
        folder, stops = tmp_path / f"stopped{times}", 0
        while True:
            state = make_state(optimizer, average=average)
            load_newest_checkpoint(folder / "checkpoints" / "last", state)
            try:
                make_trainer(state, folder, stop=StopAfter(times)).fit()
                break
            except RunInterrupted:
                stops += 1
        assert stops > 0
        assert_equal(weights(state), weights(whole))
        if state.average is not None and whole.average is not None:
            assert_equal(state.average.state_dict(), whole.average.state_dict())
        assert metrics(folder) == metrics(tmp_path / "whole")


def test_a_run_with_balanced_classes_goes_on_as_one_never_stopped(tmp_path: Path) -> None:
    def fit(folder: Path, state: TrainingState, stop: StopRequest | None = None) -> None:
        trainer = make_trainer(state, folder, stop=stop)
        assert isinstance(trainer.train, TrainingBatches)
        labels = trainer.train.labels[trainer.train.rows]
        balance = class_balance(labels, ("a", "b", "c"), class_weights={"b": 3})
        trainer.plan = dataclasses.replace(trainer.plan, loss=make_loss("focal", balance=balance))
        trainer.train = dataclasses.replace(trainer.train, balanced=True)
        trainer.fit()

    whole, state = make_state(), make_state()
    fit(tmp_path / "whole", whole)
    with pytest.raises(RunInterrupted):
        fit(tmp_path / "stopped", state, StopAfter(9))
    again = make_state()
    load_newest_checkpoint(tmp_path / "stopped" / "checkpoints" / "last", again)
    fit(tmp_path / "stopped", again)
    assert_equal(weights(again), weights(whole))
    assert metrics(tmp_path / "stopped") == metrics(tmp_path / "whole")


def test_stopping_names_the_place_and_saves_it(tmp_path: Path) -> None:
    state = make_state()
    with pytest.raises(RunInterrupted, match="stopped in epoch 1, batch 3 of 6"):
        make_trainer(state, tmp_path, stop=StopAfter(2)).fit()
    again = make_state()
    assert load_newest_checkpoint(tmp_path / "checkpoints" / "last", again) == ""
    assert (again.epoch, again.batch, again.sums.images) == (1, 3, 3 * BATCH_SIZE)


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    make_trainer(make_state(), tmp_path, epochs=1).fit()
    assert torch.equal(torch.rand(3), wanted)


def test_every_image_counts_once_in_an_epoch_and_small_batches_by_their_size(
    tmp_path: Path,
) -> None:
    """The mean over images, not over batches: the last batch is larger here."""
    state = make_state()
    trainer = make_trainer(state, tmp_path, epochs=1, learning_rate=1e-12, callbacks=[])
    seen: list[Batch] = []
    step = trainer._step

    def spy(batch: Batch) -> None:
        seen.append(batch)
        step(batch)

    trainer._step = spy  # type: ignore[method-assign]
    trainer.fit()
    assert sorted(np.concatenate([b.indices for b in seen])) == list(range(N))
    assert [len(b.indices) for b in seen] == [8, 8, 8, 8, 8, 9]
    assert state.history[0]["train_accuracy"] * N == pytest.approx(
        round(state.history[0]["train_accuracy"] * N)
    )


def test_a_loss_that_is_not_finite_names_epoch_batch_and_cause(tmp_path: Path) -> None:
    state = make_state("sgd")
    trainer = make_trainer(state, tmp_path, learning_rate=1e25)
    with pytest.raises(TrainingError, match=r"the loss became .* in epoch 1, batch [2-6]\b") as e:
        trainer.fit()
    assert "learning rate" in e.value.remedy
    assert not (tmp_path / "checkpoints" / "last").exists()


def test_minutes_end_training_with_the_schedule_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock that goes on by a hundredth of a second whenever it is read, on any machine.
    hundredths = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(hundredths) / 100)
    monkeypatch.setattr("nunbit.training.loop.time", clock)
    state = make_state()
    make_trainer(state, tmp_path, epochs=None, seconds=2.0).fit()
    assert state.finished
    assert state.elapsed_seconds >= 2.0
    assert state.history[-1]["learning_rate"] == pytest.approx(0.01 * 1e-4)
    rates = [row["learning_rate"] for row in state.history]
    assert len(rates) > 2
    assert max(rates) > 0.005


def test_without_validation_there_is_no_validation_number(tmp_path: Path) -> None:
    state = make_state()
    make_trainer(state, tmp_path, epochs=1, has_validation=False).fit()
    assert set(state.history[0]) == {
        "epoch",
        "train_loss",
        "train_accuracy",
        "learning_rate",
        *TIMES,
    }


def test_the_lines_of_metrics_have_the_contracts_fields(tmp_path: Path) -> None:
    make_trainer(make_state(), tmp_path, epochs=2).fit()
    lines = [json.loads(x) for x in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert set(line) == {
            "epoch",
            "train_loss",
            "train_accuracy",
            "validation_loss",
            "validation_accuracy",
            "validation_macro_f1",
            "validation_balanced_accuracy",
            "learning_rate",
            "seconds",
            "images_per_second",
        }


def test_training_learns(tmp_path: Path) -> None:
    state = make_state()
    make_trainer(state, tmp_path, epochs=12).fit()
    assert state.history[-1]["validation_accuracy"] > 0.8
    assert state.history[-1]["train_loss"] < state.history[0]["train_loss"]


def test_every_callback_decides_the_same_after_a_stop_at_any_batch(tmp_path: Path) -> None:
    def callbacks(folder: Path) -> list[Callback]:
        monitor = Monitor(name="validation_loss", mode="min")
        checkpoints = folder / "checkpoints"
        return [
            SaveBest(monitor=monitor, folder=checkpoints / "best"),
            KeepEpochs(
                folder=checkpoints / "epochs",
                template="{epoch:02d}",
                weights_only=True,
                only_improved=True,
            ),
            ReduceOnPlateau(
                monitor=Monitor(name="validation_loss", mode="max"),  # so that it does reduce
                patience=1,
                factor=0.5,
                base_learning_rate=0.01,
                minimum=0.001,
            ),
            EarlyStopping(monitor=Monitor(name="validation_loss", mode="max"), patience=3),
        ]

    def end(folder: Path, times: int | None) -> TrainingState:
        while True:
            state = make_state(average=True)
            load_newest_checkpoint(folder / "checkpoints" / "last", state)
            stop = None if times is None else StopAfter(times)
            trainer = make_trainer(state, folder, epochs=20, callbacks=callbacks(folder), stop=stop)
            with contextlib.suppress(RunInterrupted):
                trainer.fit()
                return state

    def kept(folder: Path) -> dict[str, bytes]:
        found = (folder / "checkpoints").glob("**/weights.safetensors")
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in found
            if "previous" not in str(path)
        }

    whole = end(tmp_path / "whole", None)
    assert len(whole.history) < 20, "stopped early"
    assert whole.plateau.factor < 1
    for times in (1, 4, 9):
        state = end(tmp_path / f"stopped{times}", times)
        assert_equal(weights(state), weights(whole))
        assert (state.best, state.plateau) == (whole.best, whole.plateau)
        assert kept(tmp_path / f"stopped{times}") == kept(tmp_path / "whole")
        assert metrics(tmp_path / f"stopped{times}") == metrics(tmp_path / "whole")


def test_a_validation_loss_that_is_no_number_ends_training(tmp_path: Path) -> None:
    trainer = make_trainer(make_state(), tmp_path)
    trainer.plan = dataclasses.replace(trainer.plan, loss=_broken_without_gradients)
    with pytest.raises(TrainingError, match="the validation loss became nan in epoch 1"):
        trainer.fit()
    assert not (tmp_path / "checkpoints" / "best").exists()


def _broken_without_gradients(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    loss = torch.nn.functional.cross_entropy(logits, targets)
    return loss if logits.requires_grad else loss * float("nan")


def test_every_epoch_shows_at_least_one_step_and_the_last_has_no_time_left(
    tmp_path: Path,
) -> None:
    class Listener(Silent):
        def __init__(self) -> None:
            self.steps: list[tuple[int, float, float]] = []

        def step(
            self, *, epoch: int, fraction: float, images_per_second: float, left: float
        ) -> None:
            assert images_per_second > 0
            self.steps.append((epoch, fraction, left))

    trainer, listener = make_trainer(make_state(), tmp_path), Listener()
    trainer.progress = listener
    trainer.fit()
    ends = [step for step in listener.steps if step[1] == 1]
    assert [epoch for epoch, _, _ in ends] == [1, 2, 3]
    assert ends[0][2] > 0
    assert ends[-1][2] == 0
