"""From DATA to decoded pixels: refusals, corrections and the columns of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nunbit.config import load_config
from nunbit.errors import DataError
from nunbit.pipelines.dataset import check_bad_fraction, decode_data, inspect_data, open_dataset
from nunbit.types import PARTS
from tests.fixtures_data import write_images


def test_a_refusal_names_the_bad_images_and_not_what_was_never_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((8, 8), 20 * number, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    for number in range(6):  # sidecars, listed first
        (tmp_path / "photos" / "cat" / f"0{number}.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "photos" / "dog" / "2.png").write_bytes(b"")
    whole = (tmp_path / "photos" / "dog" / "3.png").read_bytes()
    (tmp_path / "photos" / "dog" / "3.png").write_bytes(whole[:-30])

    config = load_config(data=str(tmp_path / "photos"), recipe=None, settings={})
    dataset = decode_data(*inspect_data(config), config, device=torch.device("cpu")).dataset
    check_bad_fraction(dataset, 0.25)
    with pytest.raises(DataError) as refusal:
        check_bad_fraction(dataset, 0.2)
    first, *listed = refusal.value.what.splitlines()
    assert first == "2 of 8 images (25.0 %) cannot be used, more than 20.0 %:"
    assert [line.split(":")[0].strip() for line in listed] == ["dog/2.png", "dog/3.png"]


def test_corrections_reach_the_samples_and_are_no_fault_of_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    folder = write_images(tmp_path / "photos", {"cat": 4, "dog": 4})
    (folder / "dog" / "002.png").write_bytes(b"")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    fixes = tmp_path / "fix.csv"
    fixes.write_text(
        "path,action,label,new_label,reason\n"
        "dog/002.png,exclude,dog,,broken\ncat/001.png,relabel,cat,dog,\n"
    )
    settings = {"data.corrections": str(fixes)}
    config = load_config(data=str(folder), recipe=None, settings=settings)
    dataset = decode_data(*inspect_data(config), config, device=torch.device("cpu")).dataset
    check_bad_fraction(dataset, 0.0)
    samples = dataset.samples
    assert samples.label_name(samples.paths.index("cat/001.png")) == "dog"
    excluded = samples.paths.index("dog/002.png")
    assert dataset.reasons[excluded] == "excluded by the corrections: broken"
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before


def test_the_table_of_a_data_set_has_each_column_once(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "photos", {"cat": 20, "dog": 20})
    whole = (folder / "dog" / "003.png").read_bytes()
    (folder / "dog" / "003.png").write_bytes(whole[:-30])
    config = load_config(data=str(folder), recipe=None, settings={})
    cpu = torch.device("cpu")
    before = decode_data(*inspect_data(config), config, device=cpu).dataset
    with pytest.raises(ValueError, match="not split yet"):
        before.rows("train")
    dataset = open_dataset(config, device=cpu).dataset
    assert [
        path for path, reason in zip(dataset.paths, dataset.reasons, strict=True) if reason
    ] == ["dog/003.png"]
    assert dataset.reasons == before.reasons
    columns = (dataset.paths, dataset.labels, dataset.parts, dataset.groups, dataset.sha256)
    assert {len(column) for column in (*columns, dataset.reasons, dataset.facts)} == {40}
    rows = np.concatenate([dataset.rows(part) for part in PARTS])
    assert sorted(rows.tolist()) == list(range(40))
    for part in ("train", "validation", "test"):
        batches = dataset.batches(part)
        assert batches is not None
        seen = [row for batch in batches for row in batch.indices.tolist()]
        assert seen == dataset.rows(part).tolist()
