from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nunbit.errors import UsageError
from nunbit.progress import SILENT
from nunbit_labs.experiment_cache import repeat, train_repeatedly

CALLS: list[int] = []


def measure(seed: int, factor: int = 2) -> dict[str, Any]:
    CALLS.append(seed)
    return {"value": np.float64(seed * factor), "curve": np.arange(2)}


def run(folder: Path, seeds: range, **settings: Any) -> list[Any]:
    found = repeat("test", measure, seeds=seeds, settings=settings, folder=folder, progress=SILENT)
    assert found.seconds >= 0
    assert found.seeds == tuple(seeds)
    return [result["value"] for result in found]


def test_what_is_kept_is_not_run_again(tmp_path: Path) -> None:
    CALLS.clear()
    assert run(tmp_path, range(2)) == [0, 2]
    assert run(tmp_path, range(3)) == [0, 2, 4]
    assert CALLS == [0, 1, 2]


def test_other_settings_are_another_experiment(tmp_path: Path) -> None:
    CALLS.clear()
    assert run(tmp_path, range(2), factor=3) == [0, 3]
    assert run(tmp_path, range(2), factor=4) == [0, 4]
    assert CALLS == [0, 1, 0, 1]


def test_a_damaged_file_is_measured_anew(tmp_path: Path) -> None:
    run(tmp_path, range(1))
    (file,) = tmp_path.rglob("seed-0.json")
    file.write_text("{", encoding="utf-8")
    assert run(tmp_path, range(1)) == [0]


def test_results_must_be_plain(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be stored"):
        repeat("odd", lambda seed: {1, 2}, seeds=[0], settings={}, folder=tmp_path, progress=SILENT)


def test_a_training_is_finished_and_not_repeated(tmp_path: Path) -> None:
    options = {"model": "mlp-64-128", "epochs": 1, "image_size": 28}
    first, second = (
        train_repeatedly(
            "digits", "digits", seeds=[3], options=options, folder=tmp_path, progress=SILENT
        )
        for _ in range(2)
    )
    assert first[0].summary == second[0].summary
    assert first[0].summary["seed"] == 3
    assert first.seconds > 0
    assert len(list(tmp_path.rglob("summary.json"))) == 1


def test_the_file_of_an_augmentation_counts_by_what_it_says(tmp_path: Path) -> None:
    def trained(place: str, degrees: int) -> int:
        file = tmp_path / place / "turned.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'[[operations]]\nname = "rotation"\ndegrees = {degrees}\n')
        options = {"model": "mlp-64-128", "epochs": 1, "image_size": 28, "augment": str(file)}
        train_repeatedly(
            "turned", "digits", seeds=[0], options=options, folder=tmp_path, progress=SILENT
        )
        return len(list(tmp_path.rglob("summary.json")))

    assert trained("here", 5) == 1
    assert trained("there", 5) == 1
    assert trained("here", 6) == 2


def test_time_that_was_spent_before_is_told_apart(tmp_path: Path) -> None:
    def again() -> Any:
        return repeat(
            "test", measure, seeds=range(2), settings={}, folder=tmp_path, progress=SILENT
        )

    first, second = again(), again()
    assert first.kept_seconds == 0 < first.seconds
    assert second.kept_seconds == second.seconds == first.seconds
