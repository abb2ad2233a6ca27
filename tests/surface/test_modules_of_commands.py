"""Which of the heavy modules each command imports: no more than it needs.

What must not appear costs a second or more of every command: torch's compiler (with sympy),
scikit-learn (with pandas), and the zoos. `scipy.stats` takes 0.3 s, for Fisher's exact test.

The extra map is kept out: whoever installs it asks for a second map in every report, which UMAP
draws, and that brings scikit-learn along.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WATCHED = (
    "captum",
    "jinja2",
    "kornia",
    "matplotlib",
    "pandas",
    "pyarrow",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "sklearn",
    "sympy",
    "timm",
    "torch",
    "torch._dynamo",
    "torchvision",
)
PROBE = """
import sys
sys.modules["umap"] = None
from nunbit.cli import main
code = main(sys.argv[2:])
print(*(name for name in sys.argv[1].split() if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def imported_by(*arguments: str | Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, " ".join(WATCHED), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="module")
def modules_of_training(folder: Path) -> set[str]:
    return imported_by("train", "digits", "--epochs", "1", "--quiet", "--out", folder / "run")


def test_training(modules_of_training: set[str]) -> None:
    assert modules_of_training == {
        *("torch", "scipy.special", "scipy.optimize"),  # the temperature is fitted with the last
        "scipy.stats",  # slices of the test part are tested
        *("jinja2", "matplotlib"),  # the report
    }


@pytest.mark.usefixtures("modules_of_training")
def test_predicting(folder: Path) -> None:
    image = folder / "8.png"
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(image)
    assert imported_by("predict", folder / "run", image, "--quiet") == {"torch"}


def test_listing_the_models() -> None:
    assert imported_by("models") == {"torch"}
