"""A run on digits and its export, made once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.commands import nunbit_here


@dataclass(frozen=True)
class Exported:
    """A run and its exported folder."""

    run: Path
    folder: Path
    printed: str
    """What `nunbit export` said."""


@pytest.fixture(scope="package")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A run on digits, mirrored and calibrated, and its export beside it."""
    place = tmp_path_factory.mktemp("export")
    settings = ("--model", "lenet5", "--epochs", "1", "--set", "model.test_time_mirror=true")
    nunbit_here("train", "digits", *settings, "--out", "run", "--quiet", cwd=place)
    printed = nunbit_here("export", "run", cwd=place)
    return Exported(run=place / "run", folder=place / "run-onnx", printed=printed)
