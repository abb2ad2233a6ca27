"""The one module that turns canvases into answers."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor, nn

import nunbit
from nunbit.bundle import Bundle
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Answers, Deployed, predict_canvases
from nunbit.models import create_model
from nunbit.types import CanvasBatch

CONTRACT = Preprocess(height=3, width=4, channels=3, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
SOURCES = Path(nunbit.__file__).parent


class Linear(nn.Module):
    """Logits that can be computed by hand; different for an image and its mirror image."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(5, 36, generator=generator))
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        return self.dropout(images.flatten(1)) @ self.weight.T


def canvases(n: int, contract: Preprocess = CONTRACT) -> np.ndarray:
    shape = (n, contract.height, contract.width, contract.channels)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def by_hand(given: np.ndarray, network: Linear) -> np.ndarray:
    """Logits in float64: channels first, (x / 255 - mean) / std, a matrix product."""
    pixels = (given.astype(np.float64) / 255 - CONTRACT.mean) / CONTRACT.std
    weight = network.weight.detach().double().numpy()
    return np.moveaxis(pixels, 3, 1).reshape(len(given), -1) @ weight.T


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_answers_by_hand(mirrored: bool, dtype: torch.dtype) -> None:
    network, given = Linear(), canvases(6)
    expected = by_hand(given, network)
    if mirrored:
        expected = (expected + by_hand(given[:, :, ::-1], network)) / 2
    deployed = Deployed(
        network,
        preprocess=CONTRACT,
        temperature=2.5,
        mirrored=mirrored,
        probability_dtype=dtype,
    )
    answers = deployed.answer(torch.from_numpy(given))
    assert answers.logits.dtype == torch.float32
    assert answers.probabilities.dtype == dtype
    assert not answers.logits.requires_grad
    np.testing.assert_allclose(answers.logits, expected, atol=1e-4)
    np.testing.assert_allclose(answers.probabilities, softmax(expected / 2.5, axis=1), atol=1e-5)
    assert deployed.network is network


def test_a_pass_leaves_modes_and_takes_no_notice_of_autocast() -> None:
    network = Linear()
    network.dropout.eval()
    deployed = Deployed(network, preprocess=CONTRACT)
    given = torch.from_numpy(canvases(4))
    expected = by_hand(given.numpy(), network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = deployed.answer(given).logits
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert network.training
    assert not network.dropout.training


def test_batches_are_put_together_in_order() -> None:
    deployed = Deployed(Linear(), preprocess=CONTRACT, temperature=3.0)
    given = torch.from_numpy(canvases(7))
    rows = np.array([4, 0, 6, 2, 1, 3, 5])
    batches = [
        CanvasBatch(canvases=given[some], targets=torch.from_numpy(some % 5), indices=some)
        for some in (rows[:3], rows[3:])
    ]
    found, whole = predict_canvases(deployed, batches), deployed.answer(given)
    assert found.indices.tolist() == rows.tolist()
    assert found.labels.tolist() == (rows % 5).tolist()
    assert found.temperature == 3.0
    np.testing.assert_allclose(found.logits, whole.logits[rows], atol=1e-4)
    np.testing.assert_allclose(found.probabilities, whole.probabilities[rows], atol=1e-5)
    # The formula that what is not deployed yet uses says the same.
    np.testing.assert_allclose(
        found.probabilities, softmax(found.logits.astype(np.float64) / 3, axis=1), atol=1e-12
    )
    at_one = found.at_temperature(1.0).probabilities
    np.testing.assert_allclose(at_one, softmax(found.logits.astype(np.float64), axis=1), atol=1e-12)
    np.testing.assert_array_equal(
        found.subset(rows > 3).probabilities, found.probabilities[rows > 3]
    )
    with pytest.raises(ValueError, match="no image"):
        predict_canvases(deployed, [])


@pytest.mark.parametrize("mirrored", [False, True])
def test_it_can_be_exported_for_batches_of_any_size(mirrored: bool) -> None:
    contract = Preprocess(height=20, width=24, channels=1, mean=(0.3,), std=(0.4,))
    model = create_model(
        "smallcnn", classes=3, channels=1, height=20, width=24, generator_seed=1
    ).eval()
    bundle = Bundle(
        model=model,
        architecture="smallcnn",
        classes=("a", "b", "c"),
        preprocess=contract,
        temperature=1.7,
        mirrored=mirrored,
    )
    deployed = Deployed.of(bundle).eval()
    program = torch.export.export(
        deployed,
        (torch.from_numpy(canvases(2, contract)),),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
    )
    assert set(program.state_dict) == {
        f"answering.{'network.' if mirrored else ''}{name}" for name in model.state_dict()
    }
    exported = program.module()
    for n in (1, 2, 7):
        given = torch.from_numpy(canvases(n, contract))
        expected = deployed.answer(given)
        logits, probabilities = exported(given)
        torch.testing.assert_close(logits, expected.logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(probabilities, expected.probabilities, atol=1e-5, rtol=0)


def test_another_network_takes_the_place_of_the_first() -> None:
    first, second = Linear(), Linear()
    with torch.no_grad():
        second.weight.mul_(2)
    deployed = Deployed(first, preprocess=CONTRACT, temperature=2.0, mirrored=True)
    given = torch.from_numpy(canvases(3))
    other: Answers = deployed.with_network(second).answer(given)
    torch.testing.assert_close(other.logits, deployed.answer(given).logits * 2)


def called(tree: ast.AST) -> set[str]:
    """Names of the functions and methods that a file calls."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls
    }


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        # Softmax: the deployed answer; the loss; blur's kernel; and logits that have no bundle.
        (
            {"softmax"},
            {
                "deployed.py",
                "training/losses.py",
                "data/augment/blur.py",
                "advisor/evidence.py",
                "export/hub.py",  # what timm's readers answer, who know no temperature
            },
        ),
        # Pixels become input of a network: the contract, training's batches, and a report's
        # picture of what that does.
        (
            {"normalise", "scaled_and_shifted"},
            {
                "deployed.py",
                "data/preprocess.py",
                "data/batches.py",
                "pipelines/evaluation/preprocessing_steps.py",
            },
        ),
    ],
)
def test_nothing_else_does_what_deployed_does(names: set[str], allowed: set[str]) -> None:
    calling = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if names & called(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert calling == allowed
