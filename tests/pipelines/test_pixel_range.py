"""One range of pixel values for a data set: measured on what trains, and carried by the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

import nunbit
from nunbit.config import load_config, read_config
from nunbit.data.preprocess import Preprocess
from nunbit.data.value_range import MeasuredRange
from nunbit.errors import ConfigError
from nunbit.pipelines import input_contract
from nunbit.pipelines.check import check_data
from nunbit.pipelines.dataset import OpenedDataset, decode_data, inspect_data, open_dataset
from nunbit.pipelines.input_contract import measured_range

CPU = torch.device("cpu")


def write_cells(folder: Path, *, count: int = 12, largest: int = 4095, first: int = 0) -> None:
    """Two classes of grey pictures of 12 bits: many small spots, or few large ones."""
    rows, columns = np.mgrid[0:24, 0:24]
    for kind, name in enumerate(("large", "small")):
        (folder / name).mkdir(parents=True)
        for number in range(first, first + count):
            random = np.random.default_rng(1000 * kind + number)
            field = np.full((24, 24), 0.05)
            for y, x in random.uniform(0, 24, (3 + 9 * kind, 2)):
                width = 2 if kind else 18
                field += 0.7 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / width)
            field = np.clip(field, 0, 1)
            field[0, 0] = 1
            tifffile.imwrite(folder / name / f"{number}.tif", (field * largest).astype(np.uint16))


def opened(data: Path, **settings: object) -> OpenedDataset:
    changed = {"pixels.disk_budget_bytes": 0, **settings}
    return open_dataset(load_config(data=str(data), recipe=None, settings=changed), device=CPU)


def test_twelve_bits_keep_their_grey_levels(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells")
    found = opened(tmp_path / "cells")
    assert found.dataset.preprocess.range == (0, 4095)
    (canvas,) = found.dataset.pixels.stream([np.arange(1)])
    assert len(np.unique(canvas.numpy())) > 100
    (decision,) = [d for d in found.chosen.decisions if d.setting == "pixels.range"]
    assert "0 becomes black and 4095 white" in decision.note


def test_the_test_part_is_not_measured(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells" / "train", largest=1000)
    write_cells(tmp_path / "cells" / "test", largest=60_000, first=50)
    assert opened(tmp_path / "cells").dataset.preprocess.range == (0, 1023)


def test_after_a_new_split_the_range_is_that_of_the_training_part(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    write_cells(folder)
    where = opened(folder).dataset
    bright = where.paths[where.rows("test")[0]]
    values = tifffile.imread(folder / bright)
    values[0, :3] = 60_000
    tifffile.imwrite(folder / bright, values)
    config = load_config(data=str(folder), recipe=None, settings={"pixels.disk_budget_bytes": 0})
    samples, inspection = inspect_data(config)
    before = measured_range(config, samples, inspection, rows=None)
    assert before is not None
    assert before.value == "full"
    found = open_dataset(config, device=CPU)
    assert found.dataset.parts[found.dataset.paths.index(bright)] == "test"
    assert found.dataset.preprocess.range == (0, 4095)
    assert check_data(config, quick=True).preprocess.range == (0, 4095)


def test_what_the_range_of_the_training_part_cannot_show_is_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of another scale that fitted the range before the split and do not fit the final."""
    folder = tmp_path / "cells"
    write_cells(folder)
    for number, file in enumerate(sorted(folder.rglob("*.tif"))):
        scale = 0.001 if number in (3, 15) else 1
        tifffile.imwrite(file, (scale * tifffile.imread(file) / 4095).astype(np.float32))

    def measured(images: Any, facts: Any, rows: Any, **_: Any) -> MeasuredRange:
        return MeasuredRange((0.0, 0.1 if len(rows) == len(images) else 1.0), "a test")

    monkeypatch.setattr(input_contract, "measure_range", measured)
    dataset = opened(folder).dataset
    assert dataset.preprocess.range == (0, 1)
    left_out = [row for row, part in enumerate(dataset.parts) if part == "excluded"]
    assert left_out == [3, 15]
    assert all("another scale" in dataset.reasons[row] for row in left_out)
    assert sum(dataset.split.counts.values()) == 24


@pytest.mark.parametrize(
    ("said", "value"),
    [("full", "full"), ("0,4095", (0.0, 4095.0)), ([100, 600.5], (100.0, 600.5))],
)
def test_a_range_that_is_set_stays(said: Any, value: Any, tmp_path: Path) -> None:
    write_cells(tmp_path / "cells", count=4)
    found = opened(tmp_path / "cells", **{"pixels.range": said})
    assert found.dataset.preprocess.range == value


def test_an_impossible_range_is_refused() -> None:
    for said in ("5,5", "7,1", "half", "1,2,3"):
        with pytest.raises(ConfigError, match=r"pixels\.range"):
            load_config(data="x", recipe=None, settings={"pixels.range": said})


def test_eight_bits_are_read_as_before_and_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nunbit.data import value_range

    write_cells(tmp_path / "cells", count=4, largest=255)
    for file in (tmp_path / "cells").rglob("*.tif"):
        tifffile.imwrite(file, tifffile.imread(file).astype(np.uint8))
    monkeypatch.setattr(value_range, "wide_values", None)
    config = load_config(data=str(tmp_path / "cells"), recipe=None, settings={})
    samples, inspection = inspect_data(config)
    dataset = decode_data(samples, inspection, config, device=CPU).dataset
    assert dataset.preprocess.range == "full"
    (canvas,) = dataset.pixels.stream([np.arange(1)])
    first = tifffile.imread(tmp_path / "cells" / dataset.paths[0])
    np.testing.assert_array_equal(canvas[0, ..., 0].numpy(), first)


def test_a_run_carries_its_range(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells", count=10)
    run = nunbit.train(
        str(tmp_path / "cells"), out=tmp_path / "run", epochs=1, model="smallcnn", device="cpu"
    )
    contract = json.loads((tmp_path / "run" / "model" / "nunbit.json").read_text())["preprocess"]
    assert contract["range"] == [0, 4095]
    assert read_config(tmp_path / "run" / "config.toml").pixels.range == (0, 4095)
    classifier = nunbit.load(tmp_path / "run")
    file = tmp_path / "cells" / "large" / "0.tif"
    from_file = classifier.predict_proba(file)
    np.testing.assert_allclose(classifier.predict_proba(tifffile.imread(file)), from_file)
    # An old contract, in which no range stands, means the full one.
    del contract["range"]
    assert Preprocess.from_dict(contract).range == "full"
    assert run is not None
