"""From DATA to decoded pixels: refusals and corrections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.config import load_config
from nunbit.errors import DataError
from nunbit.pipelines.loading.prepare import decode, find, refuse_too_many_bad
from nunbit.progress import SILENT
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
    prepared = decode(find(config, SILENT), config, device_type="cpu", progress=SILENT)
    refuse_too_many_bad(prepared, 0.25)
    with pytest.raises(DataError) as refusal:
        refuse_too_many_bad(prepared, 0.2)
    first, *listed = refusal.value.what.splitlines()
    assert first == "2 of 8 images (25.0%) cannot be used, more than 20.0%:"
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
    prepared = decode(find(config, SILENT), config, device_type="cpu", progress=SILENT)
    refuse_too_many_bad(prepared, 0.0)
    samples = prepared.samples
    assert samples.label_name(samples.paths.index("cat/001.png")) == "dog"
    excluded = samples.paths.index("dog/002.png")
    assert prepared.reasons[excluded] == "excluded by the corrections: broken"
    assert {path: path.read_bytes() for path in folder.rglob("*.png")} == before
