from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from nunbit.cli import main
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.predictor import OPERATING_POINT
from tests.cli.conftest import FakeModule

CLASSES = ("cat", "[dog]", "cow")
NAMES = ("[dog]", "cow", "cat")


@dataclass
class Row:
    path: Path
    names: tuple[str, ...]
    probabilities: tuple[float, ...]
    error: str
    unsure: bool = False


class FakeClassifier:
    classes = CLASSES

    def predict_files(
        self,
        files: Sequence[Path],
        *,
        top_k: int,
        accuracy: float | None,
        threshold: float | str | None,
        batch_size: int,
    ) -> list[Row]:
        assert threshold in (None, 0.25, OPERATING_POINT)
        assert batch_size == 64
        unsure = accuracy is not None
        return [
            Row(path, (), (), "truncated: ends early")
            if "bad" in path.name
            else Row(
                path,
                ("[dog]", "cow", "cat")[:top_k],
                (0.1, 0.7, 0.2),
                "",
                "b" in path.name and unsure,
            )
            for path in files
        ]

    def point_at(self, threshold: float | str) -> OperatingPoint:
        at = 0.4 if threshold == OPERATING_POINT else float(threshold)
        return OperatingPoint(positive="[dog]", threshold=at, rule="youden", n_validation=9)


@pytest.fixture(autouse=True)
def classifier(fake_module: FakeModule) -> None:
    fake_module("nunbit.loading", load_predictor=lambda path, engine=None: FakeClassifier())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b[1].png"):
        Image.new("L", (2, 2)).save(tmp_path / name)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[str], str]:
    out, err = capsys.readouterr()
    return [" ".join(line.split()) for line in out.splitlines()], err


def test_a_table_names_file_class_and_confidence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "run", "a.png", "b[1].png", "--quiet"]) == 0
    assert printed(capsys) == ([], "")
    assert main(["predict", "run", "a.png", "b[1].png"]) == 0
    lines, _ = printed(capsys)
    assert lines == ["file predicted", "a.png [dog] 70.0 %", "b[1].png [dog] 70.0 %"]


def test_top_shows_the_runners_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", "a.png", "--top", "2"]) == 0
    assert printed(capsys)[0] == ["file predicted 2.", "a.png [dog] 70.0 % cow 20.0 %"]
    assert main(["predict", "run", "a.png", "--top", "99"]) == 0
    assert printed(capsys)[0][1] == "a.png [dog] 70.0 % cow 20.0 % cat 10.0 %"


def test_the_csv_holds_every_probability_and_every_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.png").write_bytes(b"")
    assert main(["predict", "run", "*.png", "--csv", "out.csv", "--quiet"]) == 1
    assert printed(capsys)[1].splitlines() == [
        "error: bad.png: truncated: ends early",
        "1 of 3 files could not be used",
    ]
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["path", "predicted", "confidence", "prob_cat", "prob_[dog]", "prob_cow", "error"],
        ["a.png", "[dog]", "0.7", "0.1", "0.7", "0.2", ""],
        ["b[1].png", "[dog]", "0.7", "0.1", "0.7", "0.2", ""],
        ["bad.png", "", "", "", "", "", "truncated: ends early"],
    ]


def test_an_existing_csv_is_never_overwritten(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.csv").write_text("mine")
    assert main(["predict", "run", "a.png", "--csv", "out.csv"]) == 2
    assert (
        "--csv names something that exists already, and nothing is overwritten"
        in printed(capsys)[1]
    )
    assert Path("out.csv").read_text() == "mine"


def test_nothing_usable_is_wrong_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.png").write_bytes(b"")
    assert main(["predict", "run", "bad.png"]) == 2
    lines, err = printed(capsys)
    assert lines == ["file predicted", "bad.png unusable"]
    assert "1 of 1 files could not be used" in err


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_utf8_is_predicted_and_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"caf\xe9.png")
    (folder / odd).write_bytes((folder / "a.png").read_bytes())
    assert main(["predict", "run", odd, "--csv", "out.csv"]) == 0
    assert "caf\\udce9.png" in printed(capsys)[0][1]
    assert Path("out.csv").read_bytes().splitlines()[1].startswith(b"caf\xe9.png,")


def test_a_missing_path_is_named_before_the_model_is_loaded(
    folder: Path, fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_module("nunbit.loading")
    assert main(["predict", "run", "missing.png"]) == 2
    assert "missing.png" in printed(capsys)[1]


def test_many_files_are_passed_on_in_pieces(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nunbit.cli.commands.predict.CHUNK_FILES", 1)
    assert main(["predict", "run", "."]) == 0
    assert [line.split()[0] for line in printed(capsys)[0]] == ["file", "a.png", "b[1].png"]


def test_a_csv_in_a_missing_folder_is_refused_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "run", "a.png", "--csv", "missing/out.csv"]) == 2
    lines, err = printed(capsys)
    assert lines == []
    assert "--csv names a file in a folder that does not exist" in err
    assert main(["predict", "run", "a.png", "--csv", "."]) == 2


def test_answers_that_are_not_sure_enough_are_marked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["predict", "run", "a.png", "b[1].png", "--accuracy", "0.95", "--csv", "o.csv"]) == 0
    )
    lines, _ = printed(capsys)
    assert lines[1].startswith("a.png [dog]")
    assert "unsure" not in lines[1]
    assert lines[2].startswith("b[1].png [dog]")
    assert lines[2].endswith("unsure")
    assert lines[3] == (
        "1 of 2 answers are unsure; of the others, at least 95 % should be right on images like "
        "those of the training"
    )
    with (folder / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["unsure"] for row in rows] == ["no", "yes"]
    assert list(rows[0])[-2:] == ["unsure", "error"]


@pytest.mark.parametrize(("share", "says"), [("95", "give 0.95 for 95 %"), ("-1", "0.95")])
def test_an_accuracy_is_a_share(
    share: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "run", "a.png", "--accuracy", share]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("given", "at"), [("0.25", "0.25"), ("operating-point", "0.4")])
def test_a_threshold_is_passed_on_and_its_effect_is_said(
    given: str, at: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "run", str(folder / "a.png"), "--threshold", given]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"1 of 1 answers are [dog], which is answered from a probability of {at} on" in said
