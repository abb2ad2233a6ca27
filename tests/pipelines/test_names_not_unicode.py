"""Names that are not Unicode are refused before anything long starts, wherever they come from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nunbit.cli import main
from nunbit.data.sources import load_samples
from nunbit.errors import DataError
from tests.fixtures_data import write_images

ODD = os.fsdecode(b"odd-\xff")
LONE = "\ud800"

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="file systems there hold no such names"
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photos", {"cat": 6, "dog": 6})


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object, **__: object) -> None:
        pytest.fail("it was noticed too late")

    monkeypatch.setattr("nunbit.pipelines.train.new_model", train)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("place", ["data", "out", "split", "label map"])
def test_a_path_that_is_not_utf8(
    place: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / ODD
    words = ["train", str(photos), "--out", str(tmp_path / "run")]
    if place == "data":
        photos.rename(odd)
        words[1] = str(odd)
    elif place == "out":
        words[3] = str(odd)
    else:
        odd.write_text("old,new\ncat,lion\n")
        words += ["--split" if place == "split" else "--label-map", str(odd)]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "not valid Unicode" in told
    assert "udcff" in told
    assert "what to do: " in told
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_training")
def test_a_label_map_with_half_a_surrogate_pair(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.json").write_text(json.dumps({"cat": LONE}))
    words = ["train", str(photos), "--label-map", str(tmp_path / "map.json")]
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "a name in the label map is not valid Unicode" in told
    assert str(tmp_path / "map.json") in told


def test_class_names_of_an_array(tmp_path: Path) -> None:
    labels = np.array(["cat", LONE] * 3)
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 4, 4), np.uint8), y=labels)
    with pytest.raises(DataError, match="a class name is not valid Unicode"):
        load_samples(tmp_path / "a.npz")


def test_image_files_of_other_bytes_are_used_or_told(tmp_path: Path, photos: Path) -> None:
    (photos / "cat" / "000.png").rename(photos / "cat" / f"{ODD}.png")
    assert len(load_samples(photos)) == 12
    quick = ("--model", "mlp-100", "--epochs", "1", "-q")
    assert main(["train", str(photos), "--out", str(tmp_path / "run"), *quick]) == 0


def test_a_locale_that_is_not_utf8(tmp_path: Path) -> None:
    """Names and pages stay UTF-8 where the locale is forced to ASCII."""
    write_images(tmp_path / "photos", {"grün": 6, "weiß": 6})
    forced = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ("train", "photos", "--model", "mlp-100", "--epochs", "1", "--out", "run")
    done = subprocess.run(
        [sys.executable, "-m", "nunbit", *words],
        cwd=tmp_path,
        env={**os.environ, **forced},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["classes"] == ["grün", "weiß"]
