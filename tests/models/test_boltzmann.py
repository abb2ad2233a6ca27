"""Boltzmann machines small enough to be summed up exactly, and the stack of them on real digits."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from nunbit.errors import UsageError
from nunbit.models import create_model
from nunbit.models.networks.boltzmann import BoltzmannMachine, DeepBeliefNetwork
from tests.models.inputs import two_digits

VISIBLE, HIDDEN = 6, 4


def all_states(units: int) -> Tensor:
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=units)))


def drawn_machine() -> BoltzmannMachine:
    torch.manual_seed(0)
    machine = BoltzmannMachine(VISIBLE, HIDDEN)
    for tensor in (machine.up.weight, machine.up.bias, machine.visible_bias):
        torch.nn.init.normal_(tensor.data, std=0.7)
    return machine


@torch.no_grad()
def minus_energy(machine: BoltzmannMachine) -> Tensor:
    """v W h + v a + h b of all pairs of states, [2^V, 2^U]."""
    visible, hidden = all_states(VISIBLE), all_states(HIDDEN)
    pairs = visible @ machine.up.weight.t() @ hidden.t()
    return pairs + (visible @ machine.visible_bias)[:, None] + hidden @ machine.up.bias


@torch.no_grad()
def log_likelihood(machine: BoltzmannMachine, visible: Tensor) -> float:
    """Mean over the rows, with the partition function summed up."""
    constant = torch.logsumexp(minus_energy(machine).flatten(), dim=0)
    return float((-machine.free_energy(visible) - constant).mean())


@torch.no_grad()
def test_free_energy_and_conditionals_are_sums_over_all_states() -> None:
    machine = drawn_machine()
    pairs = minus_energy(machine)
    torch.testing.assert_close(
        -machine.free_energy(all_states(VISIBLE)), torch.logsumexp(pairs, dim=1)
    )
    joint = torch.softmax(pairs.flatten(), dim=0).reshape(pairs.shape)
    hidden_given = (joint / joint.sum(dim=1, keepdim=True)) @ all_states(HIDDEN)
    torch.testing.assert_close(machine(all_states(VISIBLE)), hidden_given)
    visible_given = (joint / joint.sum(dim=0)).t() @ all_states(VISIBLE)
    torch.testing.assert_close(machine.reconstruct(all_states(HIDDEN)), visible_given)


@pytest.mark.parametrize("steps", [1, 5])
def test_contrastive_divergence_makes_the_data_likelier(steps: int) -> None:
    machine = drawn_machine()
    data = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]).repeat(10, 1)
    generator = torch.Generator().manual_seed(0)
    before = log_likelihood(machine, data)
    for _ in range(500):
        machine.contrastive_divergence(data, learning_rate=0.1, steps=steps, generator=generator)
    # The best that any model can do with two equally frequent rows is log 1/2 = -0.69.
    assert before < -3
    assert -1.2 < log_likelihood(machine, data) < -0.69


def stack(seed: int = 0) -> DeepBeliefNetwork:
    network = create_model("dbn", classes=2, height=8, width=8, generator_seed=seed)
    assert isinstance(network, DeepBeliefNetwork)
    return network


def test_pretraining_learns_every_machine_and_only_the_generator_decides() -> None:
    images, _ = two_digits()
    first, second = stack(), stack()
    head = first.head.weight.clone()
    state = torch.get_rng_state()
    errors = first.pretrain(images, epochs=5, generator=torch.Generator().manual_seed(3))
    again = second.pretrain(images, epochs=5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), state)
    assert errors == again
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )
    assert [len(of_machine) for of_machine in errors] == [5, 5, 5]
    assert all(of_machine[-1] < of_machine[0] for of_machine in errors)
    assert torch.equal(first.head.weight, head)  # no label was seen


def test_after_pretraining_one_linear_layer_tells_the_digits_apart() -> None:
    images, labels = two_digits()
    network = stack()
    network.pretrain(images, epochs=5, batch_size=10, generator=torch.Generator().manual_seed(0))
    network.machines.requires_grad_(False)
    optimizer = torch.optim.Adam(network.head.parameters(), lr=1e-2)
    for _ in range(50):
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    # Six seeds: 0.986 to 0.992.
    assert (network(images).argmax(dim=1) == labels).float().mean() > 0.95


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.full((2, 1, 8, 8), -0.5), "pixels from 0 to 1, not -0.5"),
        (torch.empty(0, 1, 8, 8), "at least one image"),
    ],
)
def test_impossible_images(images: Tensor, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        stack().pretrain(images, epochs=1, generator=torch.Generator())
