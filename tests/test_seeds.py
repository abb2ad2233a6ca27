"""Streams of random numbers: repeatable for ever, and different from each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

import nunbit
from nunbit.seeds import Purpose, derive_seed, rng_for, sklearn_seed, torch_rng, torch_rng_for

SOURCE = Path(nunbit.__file__).parent
GENERATORS = {"default_rng", "SeedSequence", "RandomState", "PCG64", "MT19937", "Random"}
GLOBAL = {
    # The global generator of torch, inside of fork_rng: layers' weights and dropout have no other.
    "models/create.py": "a seed that the caller derived, or gives for this network alone",
    "training/loop.py": "a seed derived for dropout",
}


def test_old_runs_can_be_repeated() -> None:
    assert [derive_seed(0, Purpose.WEIGHTS), derive_seed(7, Purpose.AUGMENTATION, 3, 12)] == [
        2_494_635_221_133_837_528,
        7_400_041_189_138_921_276,
    ]


def test_every_use_has_a_stream_of_its_own() -> None:
    seeds = [
        derive_seed(seed, purpose, epoch, batch)
        for seed, purpose, epoch, batch in product((0, 1, 2**62), Purpose, (1, 2, 3), range(20))
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_generators_are_those_of_the_derived_seed() -> None:
    derived = derive_seed(5, Purpose.SAMPLE, 2)
    expected = np.random.default_rng(derived).random(4)
    np.testing.assert_array_equal(rng_for(5, Purpose.SAMPLE, 2).random(4), expected)
    drawn = torch.rand(4, generator=torch.Generator().manual_seed(derived))
    assert torch.equal(torch.rand(4, generator=torch_rng_for(5, Purpose.SAMPLE, 2)), drawn)
    assert torch.equal(torch.rand(4, generator=torch_rng(derived)), drawn)
    assert sklearn_seed(5, Purpose.SAMPLE, 2) == derived % 2**32


def test_a_split_draws_from_the_bare_seed_as_before_there_were_purposes() -> None:
    expected = np.random.default_rng(5).random(4)
    np.testing.assert_array_equal(rng_for(5, Purpose.SPLIT).random(4), expected)


def offences(tree: ast.AST) -> Iterator[str]:
    """Generators that a file makes from a seed by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(name.name == "random" for name in node.names):
            yield "import random"
        if isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
            yield f"from {node.module} import"
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        derived = node.args and ast.unparse(node.args[0]).startswith("derive_seed(")
        if name in GENERATORS or (name in ("manual_seed", "seed") and not derived):
            yield ast.unparse(node)
        if ast.unparse(node.func).startswith("np.random."):
            yield ast.unparse(node)
        for keyword in node.keywords:
            text = ast.unparse(keyword.value)
            if keyword.arg == "random_state" and not text.startswith("sklearn_seed("):
                yield ast.unparse(node)


def test_generators_are_made_from_purposes_only() -> None:
    found = {
        path.relative_to(SOURCE).as_posix(): list(
            offences(ast.parse(path.read_text(encoding="utf-8")))
        )
        for path in SOURCE.rglob("*.py")
    }
    assert {path for path, calls in found.items() if calls} == {"seeds.py", *GLOBAL}


@pytest.mark.parametrize(
    "line",
    [
        "rng = np.random.default_rng(seed)",
        "rng = numpy.random.default_rng(0)",
        "np.random.seed(0)",
        "torch.Generator().manual_seed(seed)",
        "import random",
        "from numpy.random import default_rng",
        "KMeans(3, random_state=0)",
    ],
)
def test_the_rule_sees_what_it_forbids(line: str) -> None:
    assert list(offences(ast.parse(line)))
