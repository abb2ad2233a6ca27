"""`nunbit evaluate EXPORT --data DATA`: the numbers are those of the run, without torch."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.commands import nunbit_here
from tests.export.conftest import Exported
from tests.surface.test_extras import without_extras

EVALUATE = "from nunbit.cli import main\nsys.exit(main(['evaluate', *sys.argv[2:]]))"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty drawn images of four digits, twenty of no digit, and a broken file."""
    place = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for name in ("0", "3", "7", "9", "other"):
        (place / name).mkdir()
        for number in range(20):
            size = (8 + number, 9 + number, 3)
            picture = rng.integers(0, 256, size).astype(np.uint8)
            Image.fromarray(picture).save(place / name / f"{number}.png")
    (place / "0" / "broken.png").write_bytes(b"no image")
    return place


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_its_numbers_are_those_of_the_run(exported: Exported, photos: Path, tmp_path: Path) -> None:
    for source, out in ((exported.run, "run"), (exported.folder, "export")):
        nunbit_here("evaluate", str(source), "--data", str(photos), "--out", out, cwd=tmp_path)
    ours, theirs = (tmp_path / name for name in ("run", "export"))
    assert (theirs / "report.html").stat().st_size > 10_000
    assert table(ours / "split.csv") == table(theirs / "split.csv")
    for a, b in zip(*(table(p / "predictions.csv") for p in (ours, theirs)), strict=True):
        assert (a["path"], a["label"], a["predicted"]) == (b["path"], b["label"], b["predicted"])
        assert float(a["confidence"]) == pytest.approx(float(b["confidence"]), abs=1e-5)
    run, export = (read(p / "summary.json") for p in (ours, theirs))
    assert export["n"] == run["n"] == {"train": 0, "validation": 0, "test": 80, "excluded": 21}
    assert export["test"]["accuracy_ci95"] == run["test"]["accuracy_ci95"]
    assert export["test"]["per_class"] == run["test"]["per_class"]
    assert export["test"]["loss"] == pytest.approx(run["test"]["loss"], abs=1e-4)
    assert export["calibration"]["test"]["after"]["ece"] == pytest.approx(
        run["calibration"]["test"]["after"]["ece"], abs=1e-4
    )


def test_it_needs_no_torch(exported: Exported, photos: Path, tmp_path: Path) -> None:
    """Where only the light installation is there, all but the page and the slices is the same."""
    words = (str(exported.folder), "--data", str(photos))
    full = nunbit_here("evaluate", *words, "--out", "full", cwd=tmp_path)
    light = without_extras(EVALUATE, *words, "--out", "light", cwd=tmp_path)
    assert light.returncode == 0, light.stderr
    assert "report.html is left out" in light.stderr
    assert "nunbit[train]" in light.stderr
    assert "report:" in full
    assert "folder: light" in light.stdout
    names = {path.name for path in (tmp_path / "light").iterdir()}
    assert names == {"summary.json", "predictions.csv", "split.csv"}
    for name in ("predictions.csv", "split.csv"):
        assert (tmp_path / "light" / name).read_bytes() == (tmp_path / "full" / name).read_bytes()
    summaries = [read(tmp_path / name / "summary.json") for name in ("light", "full")]
    for summary in summaries:
        for measured in ("seconds", "images_per_second", "slices"):
            summary.pop(measured, None)
    assert summaries[0] == summaries[1]


def test_what_cannot_be_evaluated_leaves_nothing(
    exported: Exported, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "data" / "elephant").mkdir(parents=True)
    Image.new("L", (9, 9)).save(tmp_path / "data" / "elephant" / "1.png")
    (tmp_path / "there").mkdir()
    folder = str(exported.folder)
    for words, said in (
        ((folder,), "does not include its test images"),
        ((folder, "--data", "data"), "does not know 1 of the classes"),
        ((folder, "--data", str(photos), "--out", "there"), "already there"),
        ((folder, "--data", "nowhere"), "nowhere"),
    ):
        done = without_extras(EVALUATE, *words, cwd=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert done.stderr.splitlines()[0].startswith(("error: ", "note: "))
    assert {path.name for path in tmp_path.iterdir()} == {"data", "there"}
