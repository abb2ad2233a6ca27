"""From the check's list of proposals to a training that follows it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from nunbit.cli import main
from nunbit.config import read_config
from tests.fixtures_data import write_images

HEADER = "path,action,label,new_label,reason\n"
FIXES = HEADER + "cat/003.png,exclude,cat,,not a cat\ncat/004.png,relabel,cat,dog,it barks\n"
QUICK = ["--model", "smallcnn", "--epochs", "1", "--quiet"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("corrections")
    write_images(home / "pets", {"cat": 12, "dog": 12})
    (home / "fix.csv").write_text(FIXES)
    return home


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)  # the list is given by a relative path
        words = ["train", "pets", "--corrections", "fix.csv", "--out", "run", *QUICK]
        assert main(words) == 0
    return home / "run"


def rows_of(run: Path) -> dict[str, dict[str, str]]:
    with (run / "split.csv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_a_training_follows_its_corrections(home: Path, run: Path) -> None:
    rows = rows_of(run)
    excluded = rows["cat/003.png"]
    assert (excluded["split"], excluded["reason"]) == (
        "excluded",
        "excluded by the corrections: not a cat",
    )
    assert rows["cat/004.png"]["label"] == "dog"
    assert sum(row["split"] == "excluded" for row in rows.values()) == 1
    report = (run / "report.html").read_text()
    assert "exclude 1 image and give 1 image another class" in report
    assert read_config(run / "config.toml").data.corrections == str(home / "fix.csv")


def test_a_recorded_run_is_evaluated_on_the_corrected_data(home: Path, run: Path) -> None:
    assert main(["evaluate", str(run), "--out", str(home / "again"), "--quiet"]) == 0
    # Other data are read without the corrections, which name the run's own images.
    write_images(home / "others", {"cat": 3, "dog": 3}, seed=5)
    out = str(home / "elsewhere")
    assert main(["evaluate", str(run), "--data", str(home / "others"), "--out", out, "-q"]) == 0


def test_a_resumed_run_keeps_to_the_corrections_that_it_began_with(
    home: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = tmp_path / "begun"
    shutil.copytree(run, begun)
    (begun / "summary.json").unlink()
    fixes = home / "fix.csv"
    try:
        fixes.write_text(FIXES + "dog/001.png,exclude,dog,,\n")
        assert main(["train", "--resume", "--out", str(begun), "-q"]) == 2
        told = capsys.readouterr().err
        assert "the corrections have changed since the run began: dog/001.png is excluded" in told
        fixes.write_text(HEADER + "cat/004.png,relabel,cat,dog,it barks\n")
        assert main(["train", "--resume", "--out", str(begun), "-q"]) == 2
        assert "cat/003.png is no longer excluded" in capsys.readouterr().err
        fixes.write_text(HEADER + "cat/003.png,exclude,cat,,\n")
        assert main(["train", "--resume", "--out", str(begun), "-q"]) == 2
        assert "cat/004.png has another label" in capsys.readouterr().err
    finally:
        fixes.write_text(FIXES)
    assert main(["train", "--resume", "--out", str(begun), "-q"]) == 0
    assert rows_of(begun) == rows_of(run)


def test_the_division_of_a_run_without_corrections_serves_one_with_them(
    home: Path, tmp_path: Path
) -> None:
    plain, corrected = tmp_path / "plain", tmp_path / "corrected"
    assert main(["train", str(home / "pets"), "--out", str(plain), *QUICK]) == 0
    words = ["--split", str(plain / "split.csv"), "--corrections", str(home / "fix.csv")]
    assert main(["train", str(home / "pets"), "--out", str(corrected), *words, *QUICK]) == 0
    before, after = rows_of(plain), rows_of(corrected)
    assert before.keys() == after.keys()
    changed = {path for path, row in before.items() if row != after[path]}
    assert changed == {"cat/003.png", "cat/004.png"}
    assert after["cat/004.png"] == before["cat/004.png"] | {"label": "dog"}


def test_a_list_that_does_not_fit_stops_the_training(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(HEADER + "cat/003.png,relabel,cat,dgo,\n")
    words = ["train", str(home / "pets"), "--corrections", str(wrong), "--out", str(tmp_path / "r")]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "line 2 of the corrections: there is no class 'dgo'" in told
    assert "did you mean 'dog'?" in told
    assert "Traceback" not in told
