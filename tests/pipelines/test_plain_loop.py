"""The fast path against a loop as a textbook has it: the same batches give the same weights.

Fast is what a run does: pixels kept as bytes, batches gathered at once, channels last, fused
optimisers. The loop converts image by image, and uses torch's optimisers step by step.

Both compute in float64. In float32 the two paths' roundings differ by processor, and training
multiplies them: every ReLU and every maximum that one of them tips over moves the next step. From
one part in 10^7 that came to a tenth of the way the weights went; from one in 10^16 it cannot.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import nunbit
from nunbit.bundle import Bundle
from nunbit.data.augment import PRESETS
from nunbit.data.preprocess import Preprocess
from nunbit.pipelines.dataset import reopen_dataset
from nunbit.progress import SILENT
from nunbit.seeds import Purpose, derive_seed
from nunbit.training import loop
from nunbit.training.losses import Loss

EPOCHS, BATCH_SIZE, SIDE = 2, 64, 8
RATE = {"sgd": 0.02, "adamw": 0.002}


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it trains, a run has weights, images and losses in float64 in place of float32."""
    fit = loop.Trainer.fit

    def normalise(contract: Preprocess, pixels: Tensor) -> Tensor:
        mean, std = (
            torch.tensor(v, dtype=torch.float64)[:, None, None]
            for v in (contract.mean, contract.std)
        )
        return (pixels.double() / 255 - mean) / std

    def loss_of_output(loss: Loss, output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return loss(output, targets), output

    def fit_in_double(trainer: loop.Trainer) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Preprocess, "normalise", normalise)
            patch.setattr(loop, "loss_of_output", loss_of_output)
            trainer.state.model.double()
            fit(trainer)
            trainer.state.model.float()

    monkeypatch.setattr(loop.Trainer, "fit", fit_in_double)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_run_and_a_plain_loop_end_with_the_same_weights(optimizer: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    nunbit.train(
        "digits",
        model="smallcnn",
        epochs=EPOCHS,
        out=out,
        settings={
            "augment.preset": "none",
            "split.test_fraction": 0.8,  # so that few train, and no step is more than needed
            "split.validation_fraction": 0.3,
            "checkpoint.deploy": "last",
            "pixels.image_size": SIDE,
            "training.batch_size": BATCH_SIZE,
            "training.optimizer": optimizer,
            "training.learning_rate": RATE[optimizer],
            "training.precision": "float32",
            "training.schedule": "constant",
        },
    )
    bundle = nunbit.load(out, device="cpu").bundle
    start, plain = trained_plainly(out, bundle, optimizer)
    assert sum(w.numel() for w in plain.values()) > 1_000_000
    for name, weights in bundle.model.state_dict().items():
        if weights.is_floating_point():
            moved = (plain[name] - start[name]).norm()
            assert moved > 0, name
            rounding = plain[name].norm() * 2**-24  # a bundle holds float32
            assert (weights - plain[name]).norm() <= 1e-6 * moved + rounding, name


def trained_plainly(
    run: Path, bundle: Bundle, optimizer: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights before and after the loop, on the batches of the run."""
    model = nunbit.create_model(
        "smallcnn",
        classes=10,
        channels=1,
        height=SIDE,
        width=SIDE,
        generator_seed=derive_seed(0, Purpose.WEIGHTS),
    ).double()
    start = {name: weights.clone() for name, weights in model.state_dict().items()}
    decay = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    slow = {"fused": False, "foreach": False, "lr": RATE[optimizer]}
    stepper = (
        torch.optim.SGD(groups, momentum=0.9, **slow)
        if optimizer == "sgd"
        else torch.optim.AdamW(groups, **slow)
    )
    digits = load_digits()
    mean, std = bundle.preprocess.mean[0], bundle.preprocess.std[0]
    _, parts = reopen_dataset(run, bundle, device=torch.device("cpu"), progress=SILENT)
    batches = parts.training_batches(batch_size=BATCH_SIZE, seed=0, augmentation=PRESETS["none"])
    model.train()
    for epoch in range(1, EPOCHS + 1):
        for rows in [batch.indices for batch in batches.epoch(epoch)]:
            images = torch.stack(
                [
                    torch.from_numpy(np.round(digits.images[row] * 255 / 16) / 255 - mean) / std
                    for row in rows
                ]
            )
            labels = torch.tensor([int(digits.target[row]) for row in rows])
            loss = nn.functional.cross_entropy(model(images[:, None]), labels)
            stepper.zero_grad()
            loss.backward()
            stepper.step()
    return start, model.state_dict()
