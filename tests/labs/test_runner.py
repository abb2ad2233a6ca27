from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from nunbit.errors import DataError, RunInterrupted, TrainingError, UsageError
from nunbit_labs.comparison import Comparison
from nunbit_labs.exercises import CheckedAnswer
from nunbit_labs.lesson import read_lesson
from nunbit_labs.outputs import Fragment, Picture, PrintedText, SkipNotice
from nunbit_labs.publish import publish
from nunbit_labs.record import read_result, state_of
from nunbit_labs.runner import LabRun, run_lesson
from nunbit_labs.table import results_page
from tests.labs.small import LAB, NAME, write_small_lab


def run_with(folder: Path, code: str) -> LabRun:
    write_small_lab(folder, lab=LAB + f"\n# %%\n{code}\n")
    return run_lesson(read_lesson(NAME), quick=True)


def last_outputs(folder: Path, code: str) -> tuple[object, ...]:
    return run_with(folder, code).outputs[-1]


def test_what_a_cell_shows_is_kept_in_its_order(small_course: Path) -> None:
    done = run_lesson(read_lesson(NAME), quick=True)
    first, comparisons, checked = (done.outputs[number] for number in (1, 3, 5))
    assert first == (PrintedText("first\n"), PrintedText("range(0, 2)"))
    assert [type(item) for item in comparisons] == [Comparison, Comparison]
    assert checked == (CheckedAnswer(name="sum", state="open"),)
    assert [number for number, shown in enumerate(done.outputs) if shown] == [1, 3, 5]


def test_prints_and_shown_things_keep_their_order(small_course: Path) -> None:
    code = "print('a'); lab.show('b'); print('c')\nlab.show('d')"
    assert [item.plain() for item in last_outputs(small_course, code)] == list("abcd")


@pytest.mark.parametrize("code", ["x = 5", "None"])
def test_nothing_is_shown_where_there_is_nothing(small_course: Path, code: str) -> None:
    assert last_outputs(small_course, code) == ()


def test_tables_and_figures_become_html_and_svg(small_course: Path) -> None:
    code = (
        "import pandas as pd\n"
        "figure, axes = lab.subplots(size=(3, 2))\naxes.plot([0, 1], [1, 0])\n"
        "lab.show(figure, description='a line')\npd.DataFrame({'a': [1]})"
    )
    picture, table = last_outputs(small_course, code)
    assert isinstance(picture, Picture)
    assert picture.width == 300
    assert 'aria-label="a line"' in (picture.svg or "")
    assert "var(--accent)" in (picture.svg or "")
    assert isinstance(table, Fragment)
    assert "<style" not in table.markup
    assert "<td>1</td>" in table.markup


def test_a_value_with_its_spread_stays_on_one_line(small_course: Path) -> None:
    code = "import pandas as pd\npd.DataFrame({'a': ['84.2 ± 0.6'], 'b': ['wrong ± or not']})"
    (table,) = last_outputs(small_course, code)
    assert isinstance(table, Fragment)
    assert "84.2\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.6" in table.markup
    assert "wrong ± or not" in table.markup


def test_a_picture_must_be_described(small_course: Path) -> None:
    with pytest.raises(UsageError, match="needs a description"):
        run_with(small_course, "lab.show(lab.subplots()[0])")


def test_the_reader_s_matplotlib_settings_neither_show_nor_change(small_course: Path) -> None:
    with mpl.rc_context({"lines.linewidth": 9}):
        code = "import matplotlib\nprint(matplotlib.rcParams['lines.linewidth'])"
        assert [item.plain() for item in last_outputs(small_course, code)] == ["1.8"]
        assert mpl.rcParams["lines.linewidth"] == 9


def test_a_failing_cell_is_named(small_course: Path) -> None:
    with pytest.raises(TrainingError, match="cell 7 of lab 07 failed: ZeroDivisionError") as failed:
        run_with(small_course, "1 / 0")
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert "nunbit_lab" not in sys.modules


def test_a_bad_translation_is_told_before_anything_runs(small_course: Path) -> None:
    write_small_lab(small_course, korean="# 07 ·\n", lab=LAB + "\n# %%\n1 / 0\n")
    with pytest.raises(DataError, match="the translation has 1 text cells, the lab 2"):
        run_lesson(read_lesson(NAME), quick=True)


def test_an_interruption_says_how_to_go_on(small_course: Path) -> None:
    with pytest.raises(RunInterrupted) as stopped:
        run_with(small_course, "raise KeyboardInterrupt")
    assert stopped.value.remedy == "continue with: nunbit lab 07 --quick"


def test_the_lab_s_functions_can_be_inspected_and_pickled(small_course: Path) -> None:
    code = (
        "import inspect, pickle\ndef double(x):\n    return 2 * x\n"
        "print(inspect.getsource(double))\nprint(pickle.loads(pickle.dumps(double))(2))"
    )
    shown = last_outputs(small_course, code)
    assert [item.plain() for item in shown] == ["def double(x):\n    return 2 * x\n\n4"]


def test_result_and_pages_are_written(small_course: Path) -> None:
    lesson = read_lesson(NAME)
    assert state_of(lesson, quick=True) == "not run"
    pages = publish(run_lesson(lesson, quick=True))
    assert pages == {
        "en": Path("runs/labs/07/quick/lab.html"),
        "ko": Path("runs/labs/07/quick/lab.ko.html"),
    }
    content = json.loads(Path("runs/labs/07/quick/result.json").read_text(encoding="utf-8"))
    assert content["checks"] == {"sum": "open"}
    assert [row["verdict"] for row in content["comparisons"]] == ["agrees", "quick"]
    result = read_result(Path("runs/labs/07/quick/result.json"))
    assert result is not None
    assert result.command == "nunbit lab 07 --quick"
    assert state_of(lesson, quick=True) == "done"
    assert state_of(lesson, quick=False) == "not run"


def test_a_changed_lab_is_no_longer_done(small_course: Path) -> None:
    publish(run_lesson(read_lesson(NAME), quick=False))
    assert state_of(read_lesson(NAME), quick=False) == "done"
    write_small_lab(small_course, lab=LAB.replace("1 + 1", "2"))
    assert state_of(read_lesson(NAME), quick=False) == "changed"


def test_a_solved_run_leaves_a_page_of_its_own_and_no_result(small_course: Path) -> None:
    done = run_lesson(read_lesson(NAME, solved=True), quick=True)
    assert done.result.checks == {"sum": "right"}
    assert publish(done)["ko"] == Path("runs/labs/07/quick/solution.ko.html")
    assert not Path("runs/labs/07/quick/result.json").exists()


def test_what_needs_missing_data_is_left_out_and_said(small_course: Path) -> None:
    code = (
        "from nunbit_labs.data_paths import LabData\n"
        "lab.needs(LabData(name='x', source='', kind='missing', why='x is nowhere'))\n\n"
        "# %%\n1 / 0"
    )
    done = run_with(small_course, code)
    assert done.outputs[-2:] == ((SkipNotice("x is nowhere"),), ())
    assert len(done.result.comparisons) == 2  # of the cells before
    page = publish(done)["ko"].read_text(encoding="utf-8")
    assert "여기서부터는 실행하지 않음: x is nowhere." in page
    assert state_of(read_lesson(NAME), quick=True) == "begun"
    told = results_page([read_lesson(NAME)], {NAME: done.result})
    assert "Only the beginning was run here: x is nowhere." in told


def test_what_nobody_has_published_goes_on_record_and_not_on_the_page(small_course: Path) -> None:
    code = 'lab.record("accuracy lost", [-0.02, -0.03], unit="points", images=100)'
    done = run_with(small_course, code)
    page = publish(done)["en"].read_text(encoding="utf-8")
    assert "-2.5 points" not in page
    told = results_page([read_lesson(NAME)], {NAME: done.result})
    assert "| accuracy lost | – | -2.5 points ± 0.7 (n = 2 seeds" in told
    assert "with nothing published beside them: 1." in told
