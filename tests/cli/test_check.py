from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from nunbit.cli import main
from tests.cli.conftest import FakeModule


@dataclass(frozen=True, kw_only=True)
class Finding:
    severity: str
    title: str
    count: int = 1
    examples: tuple[str, ...] = ()
    why: str = ""
    remedy: str = ""


NOTE = Finding(severity="note", title="3 hidden files ignored", count=0)
WARNING = Finding(severity="warning", title="a class is small", remedy="add images")
ERROR = Finding(
    severity="error",
    title="images [/b] in two parts",
    count=2,
    examples=("a[b].png", "c.png"),
    why="the test would be too easy",
    remedy="split anew",
)


def with_findings(fake_module: FakeModule, *findings: Finding) -> None:
    samples = type("Samples", (), {"name": "photos", "classes": ("a", "b"), "__len__": _three})()
    prepared = SimpleNamespace(samples=samples, reasons=("", "truncated", ""), findings=findings)
    fake_module(
        "nunbit.run.prepare",
        find=lambda config, progress: config,
        decode=lambda found, config, **options: prepared,
    )
    fake_module(
        "nunbit.run.dividing", findings_with_split=lambda prepared, config: prepared.findings
    )


def _three(self: object) -> int:
    return 3


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
    ]


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
    assert report["findings"] == [
        {
            "severity": "error",
            "title": "images [/b] in two parts",
            "count": 2,
            "examples": ["a[b].png", "c.png"],
            "why": "the test would be too easy",
            "remedy": "split anew",
        }
    ]


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
    assert f"{option} names what exists already" in capsys.readouterr().err
    assert mine.read_text() == "mine"


def test_data_that_cannot_be_read_are_wrong_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "nowhere")]) == 2
    assert str(tmp_path / "nowhere") in capsys.readouterr().err
