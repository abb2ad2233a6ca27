"""What decoded pixels may cost where the settings leave it open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nunbit.config import PixelsConfig
from nunbit.config.budget import decide_budget


def test_the_disk_budget_is_of_the_disk_that_the_cache_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage, asked = shutil.disk_usage(tmp_path), []

    def disk_usage(path: Path) -> object:
        asked.append(Path(path))
        if not Path(path).exists():
            raise FileNotFoundError(path)
        return usage._replace(free=4000)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setenv("HOME", str(tmp_path / "no such home"))
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "not yet" / "cache"))
    assert decide_budget(PixelsConfig()).disk_bytes == 1000
    assert asked[-1] == tmp_path
