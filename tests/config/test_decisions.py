"""Every setting that may be `auto` is decided once, with a reason, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from nunbit.config import Config, Section, build_config
from nunbit.config.resolve import (
    resolve_model_and_input,
    resolve_training,
    resolve_transfer_mode,
)
from nunbit.config.resolved import SET
from nunbit.errors import DataError, UsageError
from tests.config.resolving import inspection_of, not_asked, resolved_config

FROM_WHAT_IS_FREE = {
    "pixels.ram_budget_bytes",
    "pixels.disk_budget_bytes",
    "pixels.workers",
}
"""Decided by budget.py whenever pixels are kept."""
FROM_THE_CLASSES = {"training.operating_point"}
"""Stays open: it is about two classes, and the same settings serve data of more."""
WITH_SCALING = {"pixels.mean", "pixels.std"}


def settings_that_may_be_auto() -> Iterator[str]:
    for name, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            for key, inner in kind.model_fields.items():
                if inner.default == "auto":
                    yield f"{name}.{key}"
        elif field.default == "auto":
            yield name


def test_each_open_setting_is_decided_once_and_with_a_reason() -> None:
    decisions = resolved_config().decisions
    decided = [decision.setting for decision in decisions]
    assert len(decided) == len(set(decided))
    later = FROM_WHAT_IS_FREE | FROM_THE_CLASSES
    assert {*decided} | later | WITH_SCALING == {*settings_that_may_be_auto()}
    assert all(decision.reason and decision.reason != SET for decision in decisions)


def test_what_is_set_stays_and_is_not_reported() -> None:
    settings: dict[str, object] = {
        "device": "cpu",
        "model.name": "smallcnn",
        "model.dropout": 0.1,
        "model.initialisation": "he-normal",
        "pixels.image_size": [20, 24],
        "pixels.colour": "rgb",
        "pixels.fit": "squash",
        "pixels.crop_share": 0.9,
        "pixels.interpolation": "bicubic",
        "pixels.scaling": "imagenet",
        "pixels.range": [0, 4095],
        "augment.preset": "photos",
        "transfer.mode": "none",
        "transfer.batch_norm": "frozen",
        "training.epochs": 7,
        "training.batch_size": 11,
        "training.learning_rate": 0.5,
        "training.precision": "float32",
        "checkpoint.mode": "max",
    }
    resolved = resolved_config(settings)
    assert {decision.reason for decision in resolved.decisions} == {SET}
    assert not any(decision.note for decision in resolved.decisions)
    assert resolved.settings == build_config({}, settings, origin="the test")


def test_a_recorded_configuration_resolves_to_itself() -> None:
    recorded = resolved_config().settings
    again = resolved_config(dict(_leaves(recorded)))
    assert again.settings == recorded
    assert again.training == resolved_config().training


def _leaves(config: Config) -> Iterator[tuple[str, object]]:
    for name, value in config.model_dump(exclude_none=True).items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def test_minutes_leave_no_epochs() -> None:
    resolved = resolved_config({"training.minutes": 5})
    assert resolved.training.epochs == 0
    assert (resolved.settings.training.epochs, resolved.settings.training.minutes) == ("auto", 5)


@pytest.mark.parametrize(("n_train", "batch_size"), [(1999, 32), (2000, 100)])
def test_batches_of_few_images_are_small(n_train: int, batch_size: int) -> None:
    assert resolved_config(n_train=n_train).training.batch_size == batch_size


def test_without_validation_images_the_training_loss_decides() -> None:
    checkpoint = resolved_config(n_validation=0).checkpoint
    assert (checkpoint.monitor, checkpoint.mode) == ("train_loss", "min")
    assert "train_loss" in checkpoint.template
    named = resolved_config({"checkpoint.monitor": "validation_loss"}, n_validation=0).checkpoint
    assert (named.monitor, named.mode) == ("validation_loss", "min")
    assert resolved_config().checkpoint.mode == "max"


@pytest.mark.parametrize(
    ("monitor", "mode", "wanted"),
    [
        ("validation_loss", "auto", "min"),
        ("train_loss", "auto", "min"),
        ("validation_accuracy", "auto", "max"),
        ("validation_accuracy", "min", "min"),
        ("validation_loss", "max", "max"),
    ],
)
def test_the_monitor_says_whether_less_or_more_is_better(
    monitor: str, mode: str, wanted: str
) -> None:
    settings: dict[str, object] = {"checkpoint.monitor": monitor, "checkpoint.mode": mode}
    assert resolved_config(settings).checkpoint.mode == wanted


@pytest.mark.parametrize(
    ("error", "mode", "words"),
    [
        (UsageError("it does not end in a linear layer", remedy="-"), "none", "all of it learns"),
        (DataError("a class has one image", remedy="-"), "head", "cannot measure here"),
    ],
)
def test_where_the_adviser_cannot_measure_a_rule_decides(
    error: Exception, mode: str, words: str
) -> None:
    def advise() -> None:
        raise error

    config = build_config({}, {"model.pretrained": "efficientnet-lite0"}, origin="the test")
    decision = resolve_transfer_mode(config, advise)  # type: ignore[arg-type]
    assert decision.value == mode
    assert words in decision.note


def test_an_augmentation_that_an_advised_head_cannot_use_is_laid_aside() -> None:
    settings = {"model.pretrained": "efficientnet-lite0", "augment.preset": "photos"}
    config = build_config({}, settings, origin="the test")
    chosen = resolve_model_and_input(config, inspection_of(300, 300), device_type="cpu")

    def advise() -> None:
        raise DataError("a class has one image", remedy="-")

    resolved = resolve_training(
        config,
        chosen,
        resolve_transfer_mode(config, advise),  # type: ignore[arg-type]
        preprocess=chosen.preprocess,
        network=nn.Linear(1, 1),
        device=torch.device("cpu"),
        data_name="photos",
        counts={"train": 100, "validation": 10},
    )
    assert resolved.settings.augment.preset == "none"
    notes = [decision.note for decision in resolved.decisions if decision.note]
    assert any("'photos' is not used" in note for note in notes)


def test_no_section_of_a_resolved_configuration_accepts_auto() -> None:
    resolved = resolved_config()
    for section in (resolved.training, resolved.transfer, resolved.checkpoint):
        kept = {f"training.{key}": value for key, value in section.model_dump().items()}
        assert {key for key, value in kept.items() if value == "auto"} <= FROM_THE_CLASSES
    for key in ("epochs", "batch_size", "learning_rate", "precision"):
        with pytest.raises(ValidationError):
            TypeAdapter(type(resolved.training)).validate_python(
                {**resolved.training.model_dump(), key: "auto"}
            )


def test_the_adviser_is_not_asked_where_the_mode_is_set() -> None:
    config = build_config({}, {}, origin="the test")
    assert resolve_transfer_mode(config, not_asked).value == "none"
