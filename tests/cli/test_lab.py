from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.cli import main
from tests.labs.small import LAB, small_course, write_small_lab

__all__ = ["small_course"]


def test_the_labs_are_listed_with_time_and_state(
    small_course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab"]) == 0
    assert "07 · A small lab  2 min  3.0 s  not run" in capsys.readouterr().out
    assert main(["lab", "7", "--quick", "--quiet"]) == 0
    assert main(["lab", "--lang", "ko"]) == 0
    out = capsys.readouterr().out
    assert "07 · 작은 실습" in out
    assert "quick done" in out


def test_a_lab_is_run_with_its_progress_results_and_page(
    small_course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "small", "--lang", "ko", "--out", "elsewhere"]) == 0
    shown = capsys.readouterr()
    assert "[3/6] 부분" in shown.err
    assert "exercise sum: not answered yet" in shown.out
    assert "page: elsewhere/07/lab.ko.html" in shown.out
    assert Path("elsewhere/07/lab.html").is_file()


def test_the_solution_has_a_page_of_its_own(
    small_course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "small", "--quick", "--solution"]) == 0
    shown = capsys.readouterr().out
    assert "exercise sum: right" in shown
    assert "quick/solution.html" in shown


def test_all_runs_what_is_not_done_and_goes_on_after_a_failure(
    small_course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, code in (("05", "1 / 0"), ("09", "2 / 1")):
        lab = LAB.replace("07_small", f"{number}_other").replace("07 ·", f"{number} ·")
        folder = write_small_lab(small_course.parent / number, lab=f"{lab}\n# %%\n{code}\n")
        for path in list(folder.rglob("07_small.*")):
            place = small_course / path.parent.relative_to(folder)
            path.rename(place / f"{number}_other{path.suffix}")
    assert main(["lab", "all", "--quick"]) == 1
    shown = capsys.readouterr()
    assert "1 of the labs failed: 05" in shown.err
    assert "quick/lab.html" in shown.out
    assert main(["lab", "all", "--quick"]) == 1
    assert capsys.readouterr().err.count("done already") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99"], "there is no lab '99'"),
        (["7", "--lang", "de"], "the labs do not exist in 'de'"),
    ],
)
def test_wrong_usage_is_told(
    small_course: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["lab", *arguments]) == 2
    assert message in capsys.readouterr().err
