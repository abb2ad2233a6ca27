"""`nunbit augment` from end to end on the digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.cli import main
from tests.reports.run.page import Page


def test_a_preset_becomes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    arguments = ["augment", "digits", "--augment", "digits", "--out", str(out), "--images", "3"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.strip() == str(out)
    page = Page(out.read_text(encoding="utf-8"))
    assert page.section_names == ["assumption", "operation-1", "operation-2", "whole"]
    assert "3 images" in page.section("assumption")
    assert len(page.all("figure", class_="original")) == 9


def test_the_same_seed_makes_the_same_page(tmp_path: Path) -> None:
    def page(name: str, seed: int) -> str:
        out = tmp_path / name
        assert main(["augment", "digits", "--out", str(out), "--seed", str(seed), "--quiet"]) == 0
        return out.read_text(encoding="utf-8")

    assert page("a", 1) == page("b", 1) != page("c", 2)


def test_without_a_preset_it_shows_what_training_would_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    assert main(["augment", "digits", "--out", str(out)]) == 0
    assert "Augmentation 'digits': it suits digits" in capsys.readouterr().err
    assert "Augmentation digits" in Page(out.read_text(encoding="utf-8")).all("h1")[0].words


def test_a_file_and_the_size_of_a_setting_are_shown(tmp_path: Path) -> None:
    file, out = tmp_path / "mine.toml", tmp_path / "page.html"
    file.write_text('[[operations]]\nname = "blur"\n', encoding="utf-8")
    arguments = ["--augment", str(file), "--set", "pixels.image_size=20", "--quiet"]
    assert main(["augment", "digits", "--out", str(out), *arguments]) == 0
    page = Page(out.read_text(encoding="utf-8"))
    assert page.section_names == ["assumption", "operation-1"]
    assert "20 × 20 pixels, grey" in page.section("assumption")


def test_all_shows_every_operation_and_no_whole(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    arguments = ["--augment", "all", "--images", "1", "--quiet"]
    assert main(["augment", "digits", "--out", str(out), *arguments]) == 0
    names = Page(out.read_text(encoding="utf-8")).section_names
    assert len(names) > 30
    assert "whole" not in names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--augment", "cloths"], "did you mean clothes?"),
        (["--augment", "none"], "the augmentation none changes nothing"),
        (["--images", "0"], "--images"),
        (["--set", "pixels.image_sise=3"], "image_size"),
    ],
)
def test_mistakes_end_before_a_page_is_begun(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    assert main(["augment", "digits", "--out", str(out), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_data_without_a_usable_image_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.png").write_bytes(b"")
    out = tmp_path / "page.html"
    assert main(["augment", str(tmp_path / "photos"), "--out", str(out)]) == 2
    assert "2 files can be used, such as ant/0.png: zero bytes" in capsys.readouterr().err
    assert not out.exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    out.write_text("mine", encoding="utf-8")
    assert main(["augment", "digits", "--out", str(out)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "mine"
    assert main(["augment", "digits", "--out", str(tmp_path / "no" / "page.html")]) == 2
    assert "folder that does not exist" in capsys.readouterr().err
