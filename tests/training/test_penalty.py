"""Penalties per layer against their closed forms, and what they do in the loop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from nunbit.config import load_config
from nunbit.errors import ConfigError
from nunbit.training.optim import parameter_groups
from nunbit.training.penalty import make_penalty
from tests.training.parts import make_state, make_trainer


def network() -> nn.Sequential:
    """Weights 1, -2, 3, -4 in the first layer, 0.5 four times in the second."""
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, -2.0], [3.0, -4.0]]))
        model[2].weight.fill_(0.5)
        model[0].bias.fill_(100)
    return model


@pytest.mark.parametrize(
    ("l1", "l2", "expected"),
    [
        ({"0": 0.1}, {}, 0.1 * 10),
        ({}, {"0": 0.1}, 0.1 * 30),
        ({"0": 0.1}, {"2": 0.01}, 0.1 * 10 + 0.01 * 1),
        ({"*": 0.1}, {}, 0.1 * (10 + 2)),
        ({"*": 0.1, "2": 0.2}, {}, 0.1 * 12 + 0.2 * 2),
        ({"[02]": 1.0}, {"0": 0.0}, 12.0),
    ],
)
def test_closed_form(l1: dict[str, float], l2: dict[str, float], expected: float) -> None:
    model = network()
    penalty = make_penalty(model, l1=l1, l2=l2)
    assert penalty is not None
    assert penalty(model).item() == pytest.approx(expected, rel=1e-6)


def test_gradients_are_the_sign_and_twice_the_weight() -> None:
    model = network()
    penalty = make_penalty(model, l1={"0": 0.1}, l2={"2": 0.3})
    assert penalty is not None
    penalty(model).backward()
    expected = torch.tensor([[0.1, -0.1], [0.1, -0.1]])
    torch.testing.assert_close(model[0].weight.grad, expected)
    torch.testing.assert_close(model[2].weight.grad, torch.full((2, 2), 0.3))
    assert model[0].bias.grad is None
    assert model[1].weight.grad is None


def test_no_strength_is_no_penalty() -> None:
    assert make_penalty(network(), l1={}, l2={}) is None
    assert make_penalty(network(), l1={"*": 0.0}, l2={}) is None


def test_a_pattern_that_meets_no_layer_is_refused() -> None:
    model = nn.Sequential()
    model.add_module("features", nn.Conv2d(1, 2, 3))
    model.add_module("norm", nn.BatchNorm2d(2))
    with pytest.raises(
        ConfigError, match=r"training\.l2: no layer with weights is called"
    ) as error:
        make_penalty(model, l1={}, l2={"feature": 1.0})
    assert "did you mean features?" in error.value.remedy
    with pytest.raises(ConfigError, match="'norm'"):
        make_penalty(model, l1={"norm": 1.0}, l2={})


def test_a_step_moves_the_weights_by_the_penaltys_gradient_too(tmp_path: Path) -> None:
    """One plain step each, without and with L2: the difference is the rate times 2 l2 w."""

    def last_weights(strength: float, name: str) -> tuple[torch.Tensor, float]:
        state = make_state("sgd")
        for group in state.optimizer.param_groups:
            group.update(momentum=0.0, weight_decay=0.0)
        trainer = make_trainer(state, tmp_path / name, epochs=1)
        (batch, *_) = trainer.train.epoch(1, start=0)
        plan = trainer.plan
        penalty = make_penalty(state.model, l1={}, l2={"5": strength})
        object.__setattr__(plan, "penalty", penalty)
        object.__setattr__(plan, "gradient_clip", 0.0)
        trainer._step(batch)
        trainer._read_losses()
        return state.model[5].weight.detach().clone(), state.sums.loss

    before = make_state("sgd").model[5].weight.detach()
    (plain, plain_loss), (pulled, pulled_loss) = last_weights(0.0, "a"), last_weights(0.5, "b")
    rate = 0.01 / 25  # one-cycle begins at a 25th
    torch.testing.assert_close(plain - pulled, rate * 2 * 0.5 * before, rtol=1e-3, atol=1e-7)
    assert pulled_loss == plain_loss  # recorded without the penalty


@pytest.mark.parametrize("everything", [False, True])
def test_decay_of_biases_and_norms_is_a_choice(everything: bool) -> None:
    model = network()
    groups = parameter_groups(model, 0.1, decay_biases_and_norms=everything)
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay[id(model[0].weight)] == 0.1
    others = [decay[id(p)] for p in (model[0].bias, model[1].weight, model[1].bias)]
    assert others == [0.1 if everything else 0.0] * 3


def test_strengths_are_tables_or_text() -> None:
    text = load_config(
        data=None, recipe=None, settings={"training.l2": "head.*=1e-5, features.0=0.1"}
    )
    assert text.training.l2 == {"head.*": 1e-5, "features.0": 0.1}
    table = load_config(data=None, recipe=None, settings={"training.l1": {"*": 0.5}})
    assert table.training.l1 == {"*": 0.5}


@pytest.mark.parametrize(
    ("value", "words"), [("head", "layer=strength"), ("head=-1", "a number of at least 0")]
)
def test_impossible_strengths(value: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(data=None, recipe=None, settings={"training.l1": value})


def test_strengths_survive_the_file(tmp_path: Path) -> None:
    from nunbit.config import read_config

    config = load_config(data=None, recipe=None, settings={"training.l2": "a.*=0.25"})
    (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    assert read_config(tmp_path / "config.toml") == config
