"""Settings of the transfer: which go together, and what `auto` becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

import pytest
import torch
from torch import nn

from nunbit.backbone.extract import VIEWS
from nunbit.config import Config, build_config
from nunbit.config.sections import TransferConfig
from nunbit.errors import ConfigError
from nunbit.finetune.finetune import FineTuning
from nunbit.pipelines.resolving.defaults import resolve_training
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.transfer import (
    FEEDING,
    VIEWS_OF,
    Backbone,
    HeadStart,
    idle_tuning,
    keep_start,
    kept_start,
    with_feeding,
)
from nunbit.pipelines.transfer_mode import is_open, refuse_contradictions
from nunbit.training.checkpoint import previous_of
from nunbit.training.state import Best, TrainingState

LITE = {"model.pretrained": "efficientnet-lite0"}


def configured(**settings: object) -> Config:
    return build_config({}, settings, origin="the test")


def resolved(
    mode: str, *, n_train: int = 240, data: str = "photos", **settings: object
) -> tuple[Config, str]:
    config = configured(**{**LITE, "transfer.mode": mode, **settings})
    found, notes = resolve_training(config, data_name=data, n_train=n_train)
    return found, " ".join(notes)


@pytest.mark.parametrize("mode", ["auto", "none", "head", "last-stage", "stages:3", "all"])
def test_modes_that_there_are(mode: str) -> None:
    assert configured(**{"transfer.mode": mode}).transfer.mode == mode


@pytest.mark.parametrize(
    ("mode", "hint"),
    [
        ("heads", "did you mean head"),
        ("last_stage", "did you mean last-stage"),
        ("stages:0", "did you mean stages:N"),
        ("stages:N", "where N counts stages from the last one"),
        ("3", "modes: auto, none, head, last-stage, stages:N, all"),
    ],
)
def test_a_mode_that_there_is_not(mode: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"transfer.mode = '{mode}' is not possible") as caught:
        configured(**{"transfer.mode": mode})
    assert hint in str(caught.value)


def test_transfer_needs_weights() -> None:
    with pytest.raises(ConfigError, match="'last-stage' needs pretrained weights") as caught:
        refuse_contradictions(configured(**{"transfer.mode": "last-stage"}))
    assert "--pretrained efficientnet-lite0" in caught.value.remedy
    for mode in ("auto", "none"):
        refuse_contradictions(configured(**{"transfer.mode": mode}))


def test_a_head_and_changing_images_exclude_each_other() -> None:
    config = configured(**{**LITE, "transfer.mode": "head", "augment.preset": "photos"})
    with pytest.raises(ConfigError, match="each image passes through the network once") as caught:
        refuse_contradictions(config)
    assert "transfer.views=mirror" in caught.value.remedy
    refuse_contradictions(config.with_settings({"augment.preset": "none"}))
    refuse_contradictions(config.with_settings({"transfer.mode": "all"}))


def test_the_adviser_is_asked_only_with_weights_and_without_a_mode() -> None:
    assert is_open(configured(**LITE))
    assert not is_open(configured())
    assert not is_open(configured(**LITE, **{"transfer.mode": "head"}))


def test_frozen_stages_see_images_once_unless_told_otherwise() -> None:
    found, notes = resolved("last-stage")
    assert found.augment.preset == "none"
    assert "--augment shift would suit the data, at that cost" in notes
    assert resolved("last-stage", data="fashion-mnist")[0].augment.preset == "clothes"
    assert resolved("last-stage", **{"augment.preset": "photos"})[0].augment.preset == "photos"
    assert resolved("all")[0].augment.preset == "shift"
    assert resolved("head", data="cifar10")[0].augment.preset == "none"


@pytest.mark.parametrize(
    ("mode", "n_train", "epochs"),
    [("all", 240, 20), ("all", 2_500, 8), ("all", 60_000, 4), ("none", 240, 100)],
)
def test_fine_tuning_from_a_fitted_head_needs_fewer_epochs(
    mode: str, n_train: int, epochs: int
) -> None:
    assert resolved(mode, n_train=n_train)[0].training.epochs == epochs


def test_a_logistic_head_knows_no_epochs_and_a_trained_one_its_own() -> None:
    assert resolved("head")[0].training.epochs == "auto"
    assert isinstance(resolved("head", **{"transfer.head": "mlp"})[0].training.epochs, int)


@pytest.mark.parametrize(
    ("mode", "statistics"),
    [("all", "frozen"), ("last-stage", "frozen"), ("head", "trained"), ("none", "trained")],
)
def test_tuning_keeps_the_statistics_that_the_head_was_fitted_under(
    mode: str, statistics: str
) -> None:
    found, notes = resolved(mode, n_train=60_000)
    assert found.transfer.batch_norm == statistics
    assert ("under which the head was fitted" in notes) == (statistics == "frozen")
    told, _ = resolved(mode, **{"transfer.batch_norm": "trained"})
    assert told.transfer.batch_norm == "trained"


def test_small_steps_for_weights_that_know_something() -> None:
    found, notes = resolved("all")
    assert found.training.learning_rate == 0.0005
    assert "pretrained weights want small steps" in notes
    assert resolved("head")[0].training.learning_rate == 0.002


def state_after(epochs: int, *, best: int, value: float | None = 0.9) -> TrainingState:
    model = nn.Linear(1, 1)
    state = TrainingState(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    state.history = [{"epoch": float(epoch)} for epoch in range(1, epochs + 1)]
    state.best = Best(value=value, epoch=best)
    return state


def test_tuning_that_does_not_improve_on_its_head_is_told() -> None:
    (told,) = idle_tuning(configured(), state_after(4, best=0))
    assert "None of 4 epochs did as well on the validation part as the fitted head" in told
    assert idle_tuning(configured(), state_after(4, best=2)) == []
    assert idle_tuning(configured(), state_after(4, best=0, value=None)) == []
    last = configured(**{"checkpoint.deploy": "last"})
    assert idle_tuning(last, state_after(4, best=0)) == []


@pytest.mark.parametrize(
    ("settings", "unused"),
    [
        ({"training.minutes": 5}, "training.minutes is not used"),
        ({"training.epochs": 5}, "training.epochs is not used"),
        ({"training.epochs": 5, "transfer.head": "mlp"}, ""),
        ({}, ""),
    ],
)
def test_a_length_that_a_fitted_head_cannot_follow_is_told(
    settings: dict[str, object], unused: str
) -> None:
    _, notes = resolved("head", **settings)
    assert unused in notes
    assert ("is not used" in notes) == bool(unused)
    assert "is not used" not in resolved("all", **settings)[1]


def test_a_run_killed_between_two_checkpoints_keeps_its_start(tmp_path: Path) -> None:
    # The newest checkpoint moves away before the next takes its name: a kill can leave that alone.
    folder, nothing = RunFolder(tmp_path), dict[str, Any](store=None, parts=None, split_points=())
    backbone = Backbone(model=nn.Linear(1, 1), **nothing)
    start = HeadStart(model=backbone.model, record={"epoch": 1}, facts={"head": "logistic"})
    keep_start(folder, start)
    assert kept_start(configured(**LITE), backbone, folder) is None
    previous_of(folder.last).mkdir(parents=True)
    assert kept_start(configured(**LITE), backbone, folder) == start


def test_a_resumed_run_is_fed_as_it_began_whatever_memory_is_free(tmp_path: Path) -> None:
    backbone = Backbone(
        model=nn.Linear(1, 1), **dict[str, Any](store=None, parts=None, split_points=())
    )
    facts = {FEEDING: "images: what they make of the images would take 9.0 GB"}
    start = HeadStart(model=backbone.model, record={"epoch": 1}, facts=facts)
    tuning = cast(FineTuning, None)  # looking at it would be deciding again
    assert with_feeding(configured(**LITE), backbone, tuning, start, RunFolder(tmp_path)) is start


def test_every_setting_of_views_says_what_is_shown() -> None:
    for name in get_args(TransferConfig.model_fields["views"].annotation):
        assert VIEWS_OF[name][0] == "centre"
        assert {*VIEWS_OF[name]} <= {*VIEWS}
    assert VIEWS_OF["crops"] == VIEWS
