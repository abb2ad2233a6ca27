"""What `auto` becomes in transfer and training, and which of their settings go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.config import Config, build_config, read_config
from nunbit.config.contradictions import check_class_balance, check_transfer
from nunbit.config.resolve import asks_adviser
from nunbit.config.resolved import ResolvedConfig
from nunbit.errors import ConfigError
from tests.config.resolving import notes_of, resolved_config

LITE = {"model.pretrained": "efficientnet-lite0"}


def configured(**settings: object) -> Config:
    return build_config({}, settings, origin="the test")


def resolved(
    mode: str, *, n_train: int = 240, data: str = "photos", **settings: object
) -> tuple[ResolvedConfig, str]:
    wishes = {**LITE, "transfer.mode": mode, **settings}
    found = resolved_config(wishes, n_train=n_train, data_name=data)
    return found, notes_of(found)


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
        check_transfer(configured(**{"transfer.mode": "last-stage"}))
    assert "--pretrained efficientnet-lite0" in caught.value.remedy
    for mode in ("auto", "none"):
        check_transfer(configured(**{"transfer.mode": mode}))


def test_a_head_and_changing_images_exclude_each_other() -> None:
    config = configured(**{**LITE, "transfer.mode": "head", "augment.preset": "photos"})
    with pytest.raises(ConfigError, match="each image passes through the network once") as caught:
        check_transfer(config)
    assert "transfer.views=mirror" in caught.value.remedy
    check_transfer(config.with_settings({"augment.preset": "none"}))
    check_transfer(config.with_settings({"transfer.mode": "all"}))


def test_the_adviser_is_asked_only_with_weights_and_without_a_mode() -> None:
    assert asks_adviser(configured(**LITE))
    assert not asks_adviser(configured())
    assert not asks_adviser(configured(**LITE, **{"transfer.mode": "head"}))


def test_frozen_stages_see_images_once_unless_told_otherwise() -> None:
    found, notes = resolved("last-stage")
    assert found.settings.augment.preset == "none"
    assert "--augment shift would suit the data, at that cost" in notes
    assert resolved("last-stage", data="fashion-mnist")[0].settings.augment.preset == "clothes"
    assert (
        resolved("last-stage", **{"augment.preset": "photos"})[0].settings.augment.preset
        == "photos"
    )
    assert resolved("all")[0].settings.augment.preset == "shift"
    assert resolved("head", data="cifar10")[0].settings.augment.preset == "none"


@pytest.mark.parametrize(
    ("mode", "n_train", "epochs"),
    [("all", 240, 20), ("all", 2_500, 8), ("all", 60_000, 4), ("none", 240, 100)],
)
def test_fine_tuning_from_a_fitted_head_needs_fewer_epochs(
    mode: str, n_train: int, epochs: int
) -> None:
    assert resolved(mode, n_train=n_train)[0].training.epochs == epochs


def test_a_logistic_head_knows_no_epochs_and_a_trained_one_its_own() -> None:
    assert resolved("head")[0].settings.training.epochs == "auto"
    assert resolved("head")[0].training.epochs == 0
    assert resolved("head", **{"transfer.head": "mlp"})[0].training.epochs > 0


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
    assert "pretrained weights need small steps" in notes
    assert resolved("head")[0].training.learning_rate == 0.002


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


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (
            {"training.class_weights": "balanced", "training.sampling": "balanced"},
            "each make the classes count the same",
        ),
        (
            {"training.logit_adjustment": 1, "training.class_weights": "balanced"},
            "each make the classes count the same",
        ),
        (
            {"training.logit_adjustment": 1, "training.loss": "focal"},
            "needs the cross entropy, not training.loss=focal",
        ),
        ({"training.prior_correction": True}, "has nothing to correct"),
        (
            {
                "training.prior_correction": True,
                "training.loss": "focal",
                "training.class_weights": "balanced",
            },
            "is not known for training.loss=focal",
        ),
    ],
)
def test_levers_for_rare_classes_that_exclude_each_other(
    settings: dict[str, object], match: str
) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        check_class_balance(configured(**settings))
    assert caught.value.remedy


def test_class_weights_are_words_or_a_table_and_come_back_from_toml(tmp_path: Path) -> None:
    for given in ("none", "balanced", "cat=2, dog in snow=0.5", {"cat": 2, "dog in snow": 0.5}):
        config = configured(**{"training.class_weights": given})
        check_class_balance(config)
        (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
        assert read_config(tmp_path / "config.toml").training == config.training
    assert config.training.class_weights == {"cat": 2, "dog in snow": 0.5}


@pytest.mark.parametrize("given", ["heavy", "cat=0", "cat=-1", "cat=two", {}])
def test_class_weights_that_there_are_not(given: object) -> None:
    with pytest.raises(ConfigError, match=r"training\.class_weights"):
        configured(**{"training.class_weights": given})
