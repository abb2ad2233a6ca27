"""Folders and tables that were once misread in silence, as the command line reports them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.commands import nunbit_here


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    Image.fromarray(random.integers(0, 256, (12, 12)).astype(np.uint8)).save(path)


def classes(folder: Path, *, first: int = 0, number: int = 6) -> None:
    for n in range(first, first + number):
        picture(folder / ("sea" if n % 2 else "forest") / f"{n}.png", n)


def test_parts_above_the_classes_and_pictures_for_predict(tmp_path: Path) -> None:
    """The layout of a set of scenes: the network must never learn train from test."""
    classes(tmp_path / "scenes/seg_train/seg_train", number=12)
    classes(tmp_path / "scenes/seg_test/seg_test", first=100)
    for n in range(4):
        picture(tmp_path / f"scenes/seg_pred/seg_pred/{n}.png", 200 + n)
    options = ["--model", "smallcnn", "--epochs", "1", "--out", "run"]
    told = nunbit_here("train", "scenes", *options, cwd=tmp_path)
    assert "'seg_pred' holds 4 images without a class" in told
    summary = json.loads((tmp_path / "run/summary.json").read_text(encoding="utf-8"))
    assert summary["classes"] == ["forest", "sea"]
    assert summary["n"]["test"] == 6
    assert summary["n"]["excluded"] == 4


def test_folds_are_refused_until_the_user_says_what_they_are(tmp_path: Path) -> None:
    for fold in (1, 2):
        classes(tmp_path / f"folds/fold{fold}", first=50 * fold)
    told = nunbit_here("check", "folds", "--quick", cwd=tmp_path, code=2)
    assert "--parts fold1=train,fold2=test" in told
    parts = ["--parts", "fold1=train,fold2=test"]
    told = nunbit_here("check", "folds", "--quick", *parts, cwd=tmp_path)
    assert "12 images found, 12 usable, 2 classes" in told


def test_masks_are_left_out_on_request(tmp_path: Path) -> None:
    classes(tmp_path / "scans")
    for image in list((tmp_path / "scans").rglob("*.png")):
        picture(image.with_name(f"{image.stem}_mask.png"), 300 + int(image.stem))
    told = nunbit_here("check", "scans", "--quick", cwd=tmp_path, code=2)
    assert '--exclude "*_mask.*"' in told
    told = nunbit_here("check", "scans", "--quick", "--exclude", "*_mask.*", cwd=tmp_path)
    assert "12 images found, 6 usable, 2 classes" in told


@pytest.mark.parametrize(
    ("column", "says"),
    [("patient_id", "--group-from 'patient_id'"), ("fold", "--group-from 'fold'")],
)
def test_what_a_table_knows_is_said(tmp_path: Path, column: str, says: str) -> None:
    for n in range(24):
        picture(tmp_path / f"images/{n}.png", n)
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as opened:
        rows = [(n, "ab"[n % 2], f"p{n // 6}") for n in range(24)]
        csv.writer(opened).writerows([("id", "diagnosis", column), *rows])
    told = nunbit_here("check", "labels.csv", "--quick", cwd=tmp_path)
    assert says in told
    told = nunbit_here("check", "labels.csv", "--quick", "--group-from", column, cwd=tmp_path)
    assert says not in told


def test_a_table_elsewhere_without_a_header(tmp_path: Path) -> None:
    for n in range(8):
        picture(tmp_path / f"images/{n}.png", n)
    (tmp_path / "lists").mkdir()
    with (tmp_path / "lists/all.csv").open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows((f"{n}.png", "x", "ab"[n % 2]) for n in range(8))
    options = ["--no-header", "--image-root", "images", "--path-column", "1", "--label-column", "3"]
    told = nunbit_here("check", "lists/all.csv", "--quick", *options, cwd=tmp_path)
    assert "8 images found, 8 usable, 2 classes" in told
