"""Restricted Boltzmann machines, alone and stacked to a deep belief network.

B images in a batch, C channels, H height, W width, V visible and U hidden units, K classes.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models.info import Dropout, ModelInfo, Shape


class BoltzmannMachine(nn.Module):
    """Visible and hidden units that are 0 or 1, joined by weights between the two layers only.

    As a layer of a network: visible values [B, V] in 0 … 1 -> P(hidden = 1) [B, U]. The biases of
    the visible units are a buffer, because no gradient of a classifier reaches them; they, too,
    are learned by contrastive divergence.
    """

    visible_bias: Tensor

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(visible, hidden)
        # Hinton 2010, "A practical guide to training restricted Boltzmann machines", section 8.
        nn.init.normal_(self.up.weight, std=0.01)
        nn.init.zeros_(self.up.bias)
        self.register_buffer("visible_bias", torch.zeros(visible))

    def forward(self, visible: Tensor) -> Tensor:
        """P(hidden = 1 | visible): [B, V] -> [B, U]."""
        return torch.sigmoid(self.up(visible))

    def reconstruct(self, hidden: Tensor) -> Tensor:
        """P(visible = 1 | hidden): [B, U] -> [B, V]."""
        return torch.sigmoid(F.linear(hidden, self.up.weight.t(), self.visible_bias))

    def free_energy(self, visible: Tensor) -> Tensor:
        """[B, V] -> [B], low for what is likely: P(visible) is exp(-energy) / a constant."""
        below: Tensor = visible @ self.visible_bias
        return -below - F.softplus(self.up(visible)).sum(dim=1)

    @torch.no_grad()
    def contrastive_divergence(
        self, visible: Tensor, *, learning_rate: float, steps: int = 1, generator: torch.Generator
    ) -> float:
        """One update on a batch [B, V] (Hinton 2002); returns the squared error of reconstruction.

        What the machine does when shown the batch is strengthened, what it does by itself after
        `steps` exchanges between the layers is weakened. `generator` must be on the device of the
        batch. The error is the mean over pixels, before the update.
        """
        shown = self(visible)
        hidden = torch.bernoulli(shown, generator=generator)
        first = dreamt = self.reconstruct(hidden)
        for _ in range(steps - 1):
            hidden = torch.bernoulli(self(dreamt), generator=generator)
            dreamt = self.reconstruct(hidden)
        believed = self(dreamt)
        rate = learning_rate / len(visible)
        self.up.weight.add_(shown.t() @ visible - believed.t() @ dreamt, alpha=rate)
        self.up.bias.add_((shown - believed).sum(dim=0), alpha=rate)
        self.visible_bias.add_((visible - dreamt).sum(dim=0), alpha=rate)
        return float(F.mse_loss(first, visible))


class DeepBeliefNetwork(nn.Module):
    """Boltzmann machines on top of each other and a linear layer: [B, C, H, W] -> logits [B, K].

    `pretrain` learns the machines without labels; then, or without it, the whole is trained like
    any network. For images to be what binary units take, both need pixels in 0 … 1.
    """

    def __init__(self, widths: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.machines = nn.Sequential(*(BoltzmannMachine(a, b) for a, b in pairwise(widths)))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> logits [B, K]."""
        logits: Tensor = self.head(self.machines(self.flatten(images)))
        return logits

    @torch.no_grad()
    def pretrain(
        self,
        images: Tensor,
        *,
        epochs: int,
        generator: torch.Generator,
        learning_rate: float = 0.1,
        batch_size: int = 100,
        steps: int = 1,
    ) -> tuple[tuple[float, ...], ...]:
        """Learn one machine after the other, each on what the one below makes of the images.

        Hinton, Osindero and Teh 2006. `images` are float [N, C, H, W] in 0 … 1, on the device of
        the network and of `generator`, which decides order and draws. Returns the mean squared
        error of reconstruction of each epoch, for each machine.

        Raises UsageError for no images, or pixels outside 0 … 1.
        """
        if len(images) == 0:
            raise UsageError("pretraining needs at least one image")
        if images.min() < 0 or images.max() > 1:
            raise UsageError(
                f"binary units take pixels from 0 to 1, not {images.min():.3g} to "
                f"{images.max():.3g}",
                remedy="pretrain on pixels / 255, without subtracting a mean",
            )
        errors = []
        seen = self.flatten(images)
        for machine in self.machines:
            assert isinstance(machine, BoltzmannMachine)
            of_machine = []
            for _ in range(epochs):
                order = torch.randperm(len(seen), generator=generator, device=seen.device)
                total = 0.0
                for rows in torch.split(order, batch_size):
                    total += len(rows) * machine.contrastive_divergence(
                        seen[rows], learning_rate=learning_rate, steps=steps, generator=generator
                    )
                of_machine.append(total / len(seen))
            errors.append(tuple(of_machine))
            seen = machine(seen)
        return tuple(errors)


def belief_network(
    shape: Shape,
    classes: int,
    dropout: Dropout = None,  # noqa: ARG001
    *,
    hidden: tuple[int, ...],
) -> nn.Module:
    """A machine for each number of hidden units: [B, C, H, W] -> logits [B, K]."""
    pixels = shape.channels * shape.height * shape.width
    return DeepBeliefNetwork((pixels, *hidden), classes)


MODELS = (
    ModelInfo(
        name="rbm",
        build=partial(belief_network, hidden=(500,)),
        input=Shape(1, 28, 28),
        min_size=1,
        parameters=397_510,
        multiply_adds=397_000,
        source="Hinton 2002: one Boltzmann machine under a linear classifier",
    ),
    ModelInfo(
        name="dbn",
        build=partial(belief_network, hidden=(500, 500, 2000)),
        input=Shape(1, 28, 28),
        min_size=1,
        parameters=1_665_010,
        multiply_adds=1_662_000,
        source="Hinton, Osindero and Teh 2006: stacked Boltzmann machines",
    ),
)
