"""A folder with every kind of odd and broken file beside good ones: each is accounted for."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.odd_images import OddImage, write_odd_images
from tests.end_to_end.commands import nunbit_here

GOOD = 60


def good_image(seed: int, bright: bool) -> Image.Image:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (24, 24, 3)) + (150 if bright else 0)
    return Image.fromarray(pixels.astype(np.uint8))


def write_photos(folder: Path) -> dict[str, OddImage]:
    """Two classes of good pictures; the odd ones stand in the first."""
    for name, bright in (("dark", False), ("bright", True)):
        (folder / name).mkdir(parents=True)
        for i in range(GOOD):
            good_image(i + 1000 * bright, bright).save(folder / name / f"good{i:02d}.png")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "dark" / "Thumbs.db").write_bytes(b"x")
    return {f"dark/odd/{name}": odd for name, odd in write_odd_images(folder / "dark/odd").items()}


def digests(folder: Path) -> dict[Path, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, OddImage]]:
    folder = tmp_path_factory.mktemp("data") / "photos"
    return folder, write_photos(folder)


def test_the_others_train_and_every_bad_file_is_named(photos, tmp_path: Path) -> None:
    folder, odd = photos
    before = digests(folder)
    told = nunbit_here(
        *("train", str(folder), "--out", "run", "--epochs", "2", "--verbose"),
        *("--set", "data.max_bad_fraction=0.5"),
        cwd=tmp_path,
    )
    assert "2 hidden" in told
    assert digests(folder) == before

    with (tmp_path / "run" / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    found = [p for p in before if p.name not in (".DS_Store", "Thumbs.db")]
    assert len(rows) == len(found)
    for path, image in odd.items():
        row = rows[path]
        assert row["label"] == "dark"
        assert row["reason"].startswith(image.reason), path
        assert (row["split"] == "excluded") == bool(image.reason), path
        assert bool(row["reason"]) == bool(image.reason), path
        assert row["sha256"] in ("", hashlib.sha256((folder / path).read_bytes()).hexdigest())

    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    unusable = sum(bool(image.reason) for image in odd.values())
    assert unusable > 5
    assert summary["n"]["excluded"] == unusable
    assert sum(summary["n"].values()) == len(found)
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    for path, image in odd.items():
        if image.reason:
            assert path.rpartition("/")[2] in report


def test_too_many_bad_files_stop_the_training(photos, tmp_path: Path) -> None:
    folder, odd = photos
    told = nunbit_here("train", str(folder), "--out", "run", cwd=tmp_path, code=2)
    bad = sum(bool(image.reason) and image.counts for image in odd.values())
    assert f"{bad} of " in told
    assert "more than 5.0 %" in told
    assert "data.max_bad_fraction" in told
    assert not (tmp_path / "run").exists()


def test_check_reports_them_and_exits_with_one(photos, tmp_path: Path) -> None:
    folder, _ = photos
    before = digests(folder)
    told = nunbit_here("check", str(folder), "--json", cwd=tmp_path, code=1)
    report = json.loads(told[told.index("{\n") :])
    assert report["findings"][0]["severity"] == "error"
    assert "cannot be used" in report["findings"][0]["title"]
    assert digests(folder) == before
