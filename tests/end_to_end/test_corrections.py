"""From the check's list of proposals to a training that follows it."""

from __future__ import annotations

import csv
import json
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


def test_a_run_is_not_evaluated_on_other_images_than_its_own(
    home: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list that leaves out one more image would change the test part without a word."""
    tested = next(path for path, row in rows_of(run).items() if row["split"] == "test")
    fixes, out = home / "fix.csv", home / "changed"
    label = tested.partition("/")[0]
    try:
        fixes.write_text(f"{FIXES}{tested},exclude,{label},,hard\n")
        assert main(["evaluate", str(run), "--out", str(out), "-q"]) == 2
    finally:
        fixes.write_text(FIXES)
    said = capsys.readouterr().err
    assert f"the corrections have changed since the run began: {tested} is excluded" in said
    assert not out.exists()


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


def test_corrections_cannot_raise_the_score_of_a_given_test_part_unsaid(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list that gives every test image the class that the model answers: all right, and told."""
    plain, corrected = tmp_path / "plain", tmp_path / "corrected"
    pets = str(home / "pets")
    assert main(["train", pets, "--out", str(plain), *QUICK]) == 0
    truth = {path: row["label"] for path, row in rows_of(plain).items() if row["split"] == "test"}
    victim, *others = sorted(truth)
    fixes = [f"{victim},exclude,{truth[victim]},,too hard"]
    # All become dogs, so that whoever always answers dog is always right.
    fixes += [f"{path},relabel,cat,dog," for path in others if truth[path] == "cat"]
    (tmp_path / "fix.csv").write_text(HEADER + "\n".join(fixes) + "\n")
    words = ["--split", str(plain / "split.csv"), "--corrections", str(tmp_path / "fix.csv")]
    words = ["train", pets, "--out", str(corrected), *words, *QUICK[:-1]]
    capsys.readouterr()
    assert main(words) == 0
    told, relabelled = capsys.readouterr(), len(fixes) - 1
    assert f"the corrections change the test part: {relabelled} test image" in told.err
    assert "untouched test" in told.out
    assert f"{relabelled} relabelled, 1 left out" in told.out
    block = json.loads((corrected / "summary.json").read_text())["corrected_test"]
    assert (block["relabelled"], block["left_out"]) == (relabelled, 1)
    # Beside it stands what the table of answers gives for the untouched images, counted here.
    with (corrected / "predictions.csv").open(newline="") as file:
        answers = {row["path"]: row["predicted"] for row in csv.DictReader(file)}
    assert set(answers) == set(others)
    untouched = [path for path in others if truth[path] == "dog"]
    assert block["untouched"] == len(untouched) > 0
    right = sum(answers[path] == truth[path] for path in untouched)
    assert block["test_untouched"]["accuracy"] == pytest.approx(right / len(untouched))
    before = sum(answers[path] == truth[path] for path in others)
    assert block["test_with_former_labels"]["accuracy"] == pytest.approx(before / len(others))
    page = (corrected / "report.html").read_text()
    assert "The corrections changed the test part" in page
    assert "untouched test image" in page
    # A run that goes on, and one that is evaluated again, say the same.
    assert rows_of(corrected)[victim]["reason"] == (
        "excluded by the corrections from the test part: too hard"
    )
    (corrected / "summary.json").unlink()
    assert main(["train", "--resume", "--out", str(corrected), "-q"]) == 0
    assert json.loads((corrected / "summary.json").read_text())["corrected_test"] == block
    again = tmp_path / "again"
    assert main(["evaluate", str(corrected), "--out", str(again), "-q"]) == 0
    assert json.loads((again / "summary.json").read_text())["corrected_test"] == block


def test_corrections_of_a_test_part_that_the_data_give_are_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, n in (("train", 8), ("val", 3), ("test", 4)):
        write_images(tmp_path / "data" / part, {"cat": n, "dog": n}, seed=n)
    lines = ["test/cat/000.png,exclude,cat,,", "test/cat/001.png,relabel,cat,dog,"]
    (tmp_path / "fix.csv").write_text(HEADER + "\n".join(lines) + "\n")
    words = ["train", str(tmp_path / "data"), "--corrections", str(tmp_path / "fix.csv")]
    assert main([*words, "--out", str(tmp_path / "run"), *QUICK[:-1]]) == 0
    told = capsys.readouterr()
    assert "change the test part: 1 test image has another class, 1 is left out" in told.err
    block = json.loads((tmp_path / "run" / "summary.json").read_text())["corrected_test"]
    assert (block["relabelled"], block["left_out"], block["untouched"]) == (1, 1, 6)
