"""Callbacks: best, kept epochs, plateau and stopping, on histories written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.errors import ConfigError
from nunbit.training.callbacks import (
    ACCURACY,
    EarlyStopping,
    KeepEpochs,
    Monitor,
    ReduceOnPlateau,
    SaveBest,
)
from nunbit.training.checkpoint import load_newest_checkpoint, load_weights, save_checkpoint
from nunbit.training.state import TrainingState
from tests.training.parts import make_state, make_trainer


def feed(callback, values: list[float], state: TrainingState | None = None) -> TrainingState:
    state = state or make_state()
    for epoch, value in enumerate(values, start=len(state.history) + 1):
        record = {"epoch": float(epoch), "validation_accuracy": value}
        state.history.append(record)
        callback.epoch_ended(state, record)
    return state


def test_the_best_epoch_is_kept_and_a_tie_goes_to_the_later(tmp_path: Path) -> None:
    best = SaveBest(monitor=ACCURACY, folder=tmp_path / "best")
    state = feed(best, [0.5, 0.8, 0.8, 0.7])
    assert (state.best.value, state.best.epoch) == (0.8, 3)
    assert load_weights(tmp_path / "best", make_state().model) == 3


def within_one_error(folder: Path, *, monitor: Monitor = ACCURACY) -> SaveBest:
    """At 50 %, the standard error of 25 images is ten points."""
    return SaveBest(monitor=monitor, folder=folder / "best", tolerance=1.0, images=25)


def test_the_latest_epoch_within_one_standard_error_of_the_best_is_kept(tmp_path: Path) -> None:
    state = feed(within_one_error(tmp_path), [0.3, 0.5, 0.45, 0.41, 0.39])
    assert (state.best.value, state.best.reached, state.best.epoch) == (0.5, 2, 4)
    assert load_weights(tmp_path / "best", make_state().model) == 4


def test_epochs_that_sink_little_by_little_are_held_against_the_best_of_all(tmp_path: Path) -> None:
    state = feed(within_one_error(tmp_path), [0.5, 0.45, 0.39, 0.38])
    assert (state.best.value, state.best.epoch) == (0.5, 2)


def test_a_run_resumed_between_keeps_the_same_epoch(tmp_path: Path) -> None:
    best = within_one_error(tmp_path)
    save_checkpoint(tmp_path / "last", feed(best, [0.5, 0.45]))
    resumed = make_state()
    load_newest_checkpoint(tmp_path / "last", resumed)
    assert (resumed.best.value, resumed.best.reached, resumed.best.epoch) == (0.5, 1, 2)
    feed(best, [0.38, 0.42], resumed)
    assert (resumed.best.value, resumed.best.epoch) == (0.5, 4)
    assert load_weights(tmp_path / "best", make_state().model) == 4


def test_a_state_of_before_the_rule_can_be_resumed() -> None:
    state = make_state()
    position = state.position()
    position["best"] = {"value": 0.5, "epoch": 3}
    state.restore_position(position)
    assert (state.best.value, state.best.epoch) == (0.5, 3)


def test_only_the_validation_accuracy_has_a_standard_error(tmp_path: Path) -> None:
    """A record may hold other numbers under the monitored name: what counts is the monitor."""
    for name in ("validation_loss", "train_accuracy"):
        monitor = Monitor(name=name, mode="min" if name.endswith("loss") else "max")
        state = make_state()
        for epoch, value in enumerate([0.5, 0.51, 0.49], start=1):
            record = {"epoch": float(epoch), name: value}
            state.history.append(record)
            within_one_error(tmp_path / name, monitor=monitor).epoch_ended(state, record)
        assert state.best.epoch == (3 if name == "validation_loss" else 2)


def test_a_best_epoch_that_a_killed_process_saved_does_not_outlive_its_repetition(
    tmp_path: Path,
) -> None:
    """Timed runs, and runs on a GPU, may repeat an epoch with a worse end."""
    best = SaveBest(monitor=ACCURACY, folder=tmp_path / "best")
    state = feed(best, [0.5])
    save_checkpoint(tmp_path / "last", state)
    feed(best, [0.9], state)  # killed here: the state of epoch 2 was never saved
    for repeated in (0.4, 0.6):
        resumed = make_state()
        load_newest_checkpoint(tmp_path / "last", resumed)
        feed(best, [repeated], resumed)
        wanted = 1 if repeated < 0.5 else 2
        assert resumed.best.epoch == wanted
        assert load_weights(tmp_path / "best", make_state().model) == wanted


def test_a_missing_validation_part_is_explained(tmp_path: Path) -> None:
    best = SaveBest(monitor=ACCURACY, folder=tmp_path / "best")
    with pytest.raises(ConfigError, match="validation_accuracy cannot be monitored"):
        best.epoch_ended(make_state(), {"epoch": 1.0, "train_loss": 1.0})


def test_the_learning_rate_falls_on_a_plateau_down_to_its_minimum() -> None:
    plateau = ReduceOnPlateau(
        monitor=ACCURACY, patience=2, factor=0.1, base_learning_rate=1.0, minimum=0.05
    )
    state = make_state()
    factors = []
    for value in [0.5, 0.6, 0.6, 0.6, 0.7, 0.6, 0.6, 0.6, 0.6]:
        feed(plateau, [value], state)
        factors.append(state.plateau.factor)
    assert factors == [1, 1, 1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05]
    why = "of what it was: no better validation accuracy in 2 epochs"
    # At its minimum it falls no more, and nothing has happened.
    assert state.events == [
        {"epoch": 4, "kind": "plateau", "text": f"learning rate lowered to 0.1 {why}"},
        {"epoch": 7, "kind": "plateau", "text": f"learning rate lowered to 0.5 {why}"},
    ]


def test_training_stops_when_the_best_lies_too_far_back() -> None:
    stopping = EarlyStopping(monitor=ACCURACY, patience=2)
    state = feed(stopping, [0.5, 0.6, 0.6])
    assert not state.finished
    assert not state.events
    feed(stopping, [0.55], state)
    assert state.finished
    text = "stopped early: no better validation accuracy in 2 epochs"
    assert state.events == [{"epoch": 4, "kind": "stop", "text": text}]


def test_kept_epochs_are_named_by_the_template(tmp_path: Path) -> None:
    keep = KeepEpochs(
        folder=tmp_path / "epochs",
        template="{epoch:02d}-{validation_accuracy:.2f}",
        weights_only=True,
        only_improved=False,
    )
    state = make_state()
    make_trainer(state, tmp_path, epochs=2, callbacks=[keep]).fit()
    names = sorted(path.name for path in (tmp_path / "epochs").iterdir())
    assert [event["text"] for event in state.events] == [f"kept as {name}" for name in names]
    resumed = make_state()
    load_newest_checkpoint(tmp_path / "checkpoints" / "last", resumed)
    assert resumed.events == state.events
    assert [name[:3] for name in names] == ["01-", "02-"]
    assert load_weights(tmp_path / "epochs" / names[1], make_state().model) == 2


def test_only_improved_epochs_are_kept(tmp_path: Path) -> None:
    best = within_one_error(tmp_path)
    keep = KeepEpochs(
        folder=tmp_path / "epochs", template="{epoch}", weights_only=True, only_improved=True
    )
    state = make_state()
    for value in [0.5, 0.45, 0.6]:
        feed(best, [value], state)
        keep.epoch_ended(state, state.history[-1])
    assert sorted(path.name for path in (tmp_path / "epochs").iterdir()) == ["1", "3"]


def test_a_template_with_an_unknown_field_lists_the_fields(tmp_path: Path) -> None:
    keep = KeepEpochs(
        folder=tmp_path, template="{accuracy}", weights_only=True, only_improved=False
    )
    with pytest.raises(ConfigError, match="cannot be filled in") as caught:
        feed(keep, [0.5])
    assert "validation_accuracy" in caught.value.remedy
