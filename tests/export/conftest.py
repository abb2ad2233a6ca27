"""A run on digits and its export, made once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.commands import nunbit as run_nunbit


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
    cache = place / "cache"
    settings = ("--model", "lenet5", "--epochs", "1", "--set", "model.test_time_mirror=true")
    run_nunbit("train", "digits", *settings, "--out", "run", "--quiet", cwd=place, cache=cache)
    printed = run_nunbit("export", "run", cwd=place, cache=cache)
    return Exported(run=place / "run", folder=place / "run-onnx", printed=printed)
