"""The guide's claim: a model is one file and one line. Both are taken from it, word for word."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import nunbit
from nunbit.models.catalog import CATALOGUE
from tests.end_to_end.commands import nunbit as run_nunbit
from tests.surface.readme import ROOT

GUIDE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def fenced(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.fixture
def with_tinynet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package with the guide's file and line in it, found before the real one."""
    package = tmp_path / "src" / "nunbit"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(nunbit.__file__).parent, package, ignore=ignored)
    (package / "models" / "networks" / "tinynet.py").write_text(fenced("py"), encoding="utf-8")

    changed = fenced("diff")
    before = "".join(line[1:] + "\n" for line in changed.splitlines() if line[0] == " ")
    after = "".join(line[1:] + "\n" for line in changed.splitlines())
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    catalog = package / "models" / "catalog.py"
    text = catalog.read_text(encoding="utf-8")
    assert text.count(before) == 1
    catalog.write_text(text.replace(before, after), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return tmp_path


def test_commands_know_the_new_model(with_tinynet: Path) -> None:
    assert "4,138" in run_nunbit("models", "tinynet", cwd=with_tinynet)
    digits = load_digits()
    images = np.round(digits.images[:120] * (255 / 16)).astype(np.uint8)
    np.savez(with_tinynet / "some.npz", images=images, labels=digits.target[:120])
    told = run_nunbit(
        *("train", "some.npz", "--model", "tinynet", "--epochs", "1", "--out", "run"),
        cwd=with_tinynet,
    )
    assert "tinynet" in told


@pytest.mark.slow
def test_the_tests_over_the_table_check_the_new_model(with_tinynet: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-k", "tinynet"),
            *(f"tests/models/{name}.py" for name in ("test_table", "test_table_trains")),
            "tests/models/test_catalog.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 7  # type: ignore[index]


def test_the_guide_lists_the_whole_table() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([\d,]+) \|", GUIDE, re.MULTILINE)
    assert rows == [
        (info.name, info.input_in_words, f"{info.parameters:,}") for info in CATALOGUE.values()
    ]
