from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nunbit.checks.finding import Finding
from nunbit.cli import main
from nunbit.data.corrections import Correction
from tests.checks.cases import made_diagnosis
from tests.cli.conftest import FakeModule
from tests.fixtures_data import write_images

NOTE = Finding(severity="note", title="3 hidden files ignored", count=0)
WARNING = Finding(severity="warning", title="a class is small", count=1, remedy="add images")
ERROR = Finding(
    kind="duplicates-across-parts",
    severity="error",
    title="images [/b] in two parts",
    count=2,
    examples=("a[b].png", "c.png"),
    groups=((0, 2),),
    why="the test would be too easy",
    remedy="split anew",
    corrections=(Correction(path="a[b].png", action="exclude", label="a", reason="a copy"),),
)


def with_findings(fake_module: FakeModule, *findings: Finding) -> None:
    diagnosis = made_diagnosis(findings=findings)
    fake_module("nunbit.pipelines.check", check_data=lambda config, **options: diagnosis)


def test_findings_are_grouped_and_errors_give_exit_code_1(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    with_findings(fake_module, ERROR, WARNING, NOTE, NOTE)
    assert main(["check", "photos"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 error",
        "  images [/b] in two parts",
        "    why: the test would be too easy",
        "    for example: a[b].png, c.png",
        "    what to do: split anew",
        "1 warning",
        "  a class is small",
        "    what to do: add images",
        "2 notes",
        "  3 hidden files ignored",
        "  3 hidden files ignored",
        "photos: 3 images found, 2 usable, 2 classes",
        "proposed: 1 image to leave out, 0 images to relabel (--fix-list FILE writes the list)",
    ]


def test_examples_that_hold_commas_are_told_apart(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = ("a.png: 99% not cat, rather dog", "b.png: 98% not cat, rather dog")
    with_findings(fake_module, replace(WARNING, examples=examples))
    assert main(["check", "photos"]) == 0
    assert f"for example: {'; '.join(examples)}" in capsys.readouterr().out


def test_warnings_alone_are_no_fault(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    with_findings(fake_module, WARNING)
    assert main(["check", "photos", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_holds_the_same_and_nothing_else_is_on_stdout(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    with_findings(fake_module, ERROR)
    assert main(["check", "photos", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert {key: report[key] for key in ("data", "found", "usable", "classes")} == {
        "data": "photos",
        "found": 3,
        "usable": 2,
        "classes": 2,
    }
    assert report["parts"] == {"train": 2, "validation": 0, "test": 0, "excluded": 1}
    proposal = {
        "path": "a[b].png",
        "action": "exclude",
        "label": "a",
        "new_label": "",
        "reason": "a copy",
    }
    assert report["corrections"] == [proposal]
    assert report["findings"] == [
        {
            "kind": "duplicates-across-parts",
            "severity": "error",
            "title": "images [/b] in two parts",
            "count": 2,
            "examples": ["a[b].png", "c.png"],
            "everything": [],
            "groups": [["a[b].png", "c.png"]],
            "captions": [],
            "why": "the test would be too easy",
            "remedy": "split anew",
            "corrections": [proposal],
        }
    ]


def test_the_fix_list_and_the_page_are_new_files(
    fake_module: FakeModule, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_findings(fake_module, ERROR)
    page, fixes = tmp_path / "page.html", tmp_path / "fix list.csv"
    words = ["check", "my photos", "--page", str(page), "--fix-list", str(fixes)]
    assert main(words) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[-3:] == [
        f"fix list: {fixes} (1 image to leave out, 0 images to relabel); delete lines that you "
        "disagree with, then",
        f"  nunbit train 'my photos' --corrections '{fixes}'",
        f"page: {page}",
    ]
    assert fixes.read_text() == "path,action,label,new_label,reason\na[b].png,exclude,a,,a copy\n"
    assert "images [/b] in two parts" in page.read_text()
    assert "nunbit check &#39;my photos&#39; --page" in page.read_text()
    assert main(words) == 2
    assert "--page names something that exists already" in capsys.readouterr().err


def test_the_proposed_training_reads_the_data_as_the_check_did(
    fake_module: FakeModule, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_findings(fake_module, NOTE)
    fixes = tmp_path / "fix.csv"
    options = ["--label-from", "{label}.{number}.jpg", "--set", "seed=3"]
    assert main(["check", "photos", *options, "--fix-list", str(fixes)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"  nunbit train photos --label-from '{{label}}.{{number}}.jpg' --set seed=3 "
        f"--corrections {fixes}"
    )


@pytest.mark.parametrize("option", ["--page", "--fix-list"])
def test_nothing_is_looked_at_when_a_result_could_not_be_written(
    fake_module: FakeModule, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("looked")

    fake_module("nunbit.pipelines.check", check_data=never)
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    assert main(["check", "photos", option, str(mine)]) == 2
    assert main(["check", "photos", option, str(tmp_path / "nowhere" / "new")]) == 2
    assert main(["check", "photos", "--page", "same", "--fix-list", "same"]) == 2
    assert mine.read_text() == "mine"
    assert "--page and --fix-list name the same file" in capsys.readouterr().err


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(8):
            image = Image.new("L", (8, 8), color=number + 100 * (name == "dog"))
            image.save(tmp_path / "pets" / name / f"{number}.png")
    (tmp_path / "pets" / "cat" / "torn.png").write_bytes(b"")
    return tmp_path / "pets"


def test_real_images_are_checked_and_left_as_they_are(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in pets.rglob("*")}
    assert main(["check", str(pets), "--set", "data.max_bad_fraction=0.5"]) == 0
    out = capsys.readouterr().out
    assert "cat/torn.png (zero bytes)" in out
    assert "pets: 17 images found, 16 usable, 2 classes" in out
    assert main(["check", str(pets), "--set", "data.max_bad_fraction=0.01"]) == 1
    assert {path: path.stat().st_mtime_ns for path in pets.rglob("*")} == before


def test_split_copies_every_image_and_names_what_it_left_out(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, manifest = tmp_path / "parts", tmp_path / "parts.csv"
    words = ["split", str(pets), "--out", str(out), "--seed", "3", "--manifest", str(manifest)]
    assert main(words) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "excluded: cat/torn.png: zero bytes" in printed
    assert printed[-1] == f"folder: {out}"
    counted = {part.name: len(list(part.rglob("*.png"))) for part in out.iterdir()}
    assert printed[-2] == (
        f"{counted['train']} train, {counted['validation']} validation, "
        f"{counted['test']} test, 1 excluded"
    )
    assert sum(counted.values()) == 16
    assert len(manifest.read_text().splitlines()) == 18
    assert len(list(pets.rglob("*.png"))) == 17


@pytest.mark.parametrize("option", ["--out", "--manifest"])
def test_split_overwrites_nothing(
    pets: Path, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    words = {"--out": str(tmp_path / "new"), option: str(mine)}
    arguments = [word for pair in words.items() for word in pair]
    assert main(["split", str(pets), *arguments]) == 2
    assert f"{option} names something that exists already" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_split_into_the_data_is_refused_before_the_images_are_decoded(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nunbit.pipelines import split as pipeline

    monkeypatch.setattr(pipeline, "decode_data", None)
    before = sorted(pets.rglob("*"))
    assert main(["split", str(pets), "--out", str(pets / "parts")]) == 2
    assert "lies inside the data" in capsys.readouterr().err
    assert sorted(pets.rglob("*")) == before


def test_split_says_what_may_make_a_result_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_images(tmp_path / "pets", {"cat": 6, "dog": 6})
    rows = [f"{path.relative_to(folder)},{path.parent.name},p{number // 3}"
            for number, path in enumerate(sorted(folder.rglob("*.png")))]  # fmt: skip
    table = folder / "pets.csv"
    table.write_text("\n".join(["path,label,patient_id", *rows]))
    assert main(["split", str(table), "--out", str(tmp_path / "parts")]) == 0
    said = capsys.readouterr().err
    assert "warning: column 'patient_id' tells what belongs together" in said


def test_data_that_cannot_be_read_are_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert str(tmp_path / "nowhere") in capsys.readouterr().err
