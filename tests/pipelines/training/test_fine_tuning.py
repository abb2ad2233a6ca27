"""The head on features, and what fine-tuning starts from and is fed with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import nn

from nunbit.backbone.extract import VIEWS
from nunbit.config.sections import TransferConfig
from nunbit.data.augment import PRESETS
from nunbit.finetune.finetune import FineTuning
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fine_tuning import FEEDING, decide_feeding, notes_of_idle_tuning
from nunbit.pipelines.training.head_on_features import (
    VIEWS_OF,
    Backbone,
    HeadStart,
    load_head_start,
    save_head_start,
)
from nunbit.training.checkpoint import previous_of
from nunbit.training.state import Best, TrainingState
from tests.config.resolving import resolved_config


def state_after(epochs: int, *, best: int, value: float | None = 0.9) -> TrainingState:
    model = nn.Linear(1, 1)
    state = TrainingState(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    state.history = [{"epoch": float(epoch)} for epoch in range(1, epochs + 1)]
    state.best = Best(value=value, epoch=best)
    return state


def test_tuning_that_does_not_improve_on_its_head_is_told() -> None:
    (told,) = notes_of_idle_tuning(state_after(4, best=0), deploy="best")
    assert "None of 4 epochs did as well on the validation part as the fitted head" in told
    assert notes_of_idle_tuning(state_after(4, best=2), deploy="best") == []
    assert notes_of_idle_tuning(state_after(4, best=0, value=None), deploy="best") == []
    assert notes_of_idle_tuning(state_after(4, best=0), deploy="last") == []


def test_a_run_killed_between_two_checkpoints_keeps_its_start(tmp_path: Path) -> None:
    # The newest checkpoint moves away before the next takes its name: a kill can leave that alone.
    folder, nothing = (
        RunFolder(tmp_path),
        dict[str, Any](store=None, budget=None, dataset=None, split_points=()),
    )
    backbone = Backbone(model=nn.Linear(1, 1), **nothing)
    start = HeadStart(model=backbone.model, record={"epoch": 1}, facts={"head": "logistic"})
    save_head_start(folder, start)
    resolved = resolved_config()
    wishes: dict[str, Any] = {"model": resolved.model, "transfer": resolved.transfer, "seed": 0}
    assert load_head_start(backbone, folder, **wishes) is None
    previous_of(folder.last).mkdir(parents=True)
    assert load_head_start(backbone, folder, **wishes) == start


def test_a_resumed_run_is_fed_as_it_began_whatever_memory_is_free(tmp_path: Path) -> None:
    backbone = Backbone(
        model=nn.Linear(1, 1),
        **dict[str, Any](store=None, budget=None, dataset=None, split_points=()),
    )
    facts = {FEEDING: "images: what they make of the images would take 9.0 GB"}
    start = HeadStart(model=backbone.model, record={"epoch": 1}, facts=facts)
    tuning = cast(FineTuning, None)  # looking at it would be deciding again
    fed = decide_feeding(
        start,
        backbone,
        tuning,
        augmentation=PRESETS["none"],
        cache_activations=True,
        folder=RunFolder(tmp_path),
    )
    assert fed is start


def test_every_setting_of_views_says_what_is_shown() -> None:
    for name in get_args(TransferConfig.model_fields["views"].annotation):
        assert VIEWS_OF[name][0] == "centre"
        assert {*VIEWS_OF[name]} <= {*VIEWS}
    assert VIEWS_OF["crops"] == VIEWS
