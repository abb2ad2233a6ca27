from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from nunbit.training.optim import make_optimizer
from nunbit.training.speedups.without_compiler import without_compiler

KINDS = [
    torch.optim.SGD,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.RMSprop,
    torch.optim.Adam,
    torch.optim.AdamW,
]


def steps(kind: type[torch.optim.Optimizer], *, broken_off: bool = False) -> torch.Tensor:
    weight = nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4))
    optimizer = kind([weight], lr=0.1)  # type: ignore[call-arg]
    for number in range(4):
        if broken_off and number == 2:
            state = optimizer.state_dict()
            optimizer = kind([weight], lr=0.5)  # type: ignore[call-arg]
            optimizer.load_state_dict(state)
        (weight.square().sum() * (number + 1)).backward()
        optimizer.step()
        optimizer.zero_grad()
        assert weight.grad is None
    return weight.detach()


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_are_those_of_torch(kind: type[torch.optim.Optimizer]) -> None:
    expected = steps(kind)
    assert not torch.equal(expected, torch.linspace(-1, 1, 12).reshape(3, 4))
    assert torch.equal(steps(without_compiler(kind)), expected)
    assert torch.equal(steps(without_compiler(kind), broken_off=True), expected)


def test_it_is_one_of_torchs_own_kind() -> None:
    kind = without_compiler(torch.optim.AdamW)
    assert issubclass(kind, torch.optim.AdamW)
    assert kind.__name__ == "AdamW"
    groups = [{"params": [nn.Parameter(torch.zeros(2))], "weight_decay": 0.0}]
    assert isinstance(make_optimizer("adamw", groups, learning_rate=0.1), torch.optim.AdamW)


def test_torchs_compiler_is_not_imported() -> None:
    program = """
import sys
import torch
from nunbit.training.optim import make_optimizer
for name in ("sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw"):
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = make_optimizer(name, [{"params": [weight]}], learning_rate=0.1)
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
