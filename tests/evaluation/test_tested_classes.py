from __future__ import annotations

from pathlib import Path

from rich.console import Console

from nunbit.cli.results import print_run
from nunbit.evaluation.tested_classes import barely_tested_classes, untested_classes
from nunbit.reports.run import build_report
from tests.evaluation.cases import names, random_predictions, report_input
from tests.reports.run.page import Page


def test_classes_are_named() -> None:
    sizes = {"cat": 10, "dog": 9, "fox": 0, "owl": 1}
    assert untested_classes(sizes) == (
        "1 class was not tested: 'fox'; means over classes leave out what has no images."
    )
    assert barely_tested_classes(sizes) == (
        "2 classes have fewer than 10 test images, so little is known of them: "
        "'owl' (1), 'dog' (9)."
    )
    many = barely_tested_classes({f"kind {k}": 3 for k in range(7)})
    assert many.startswith("7 classes have")
    assert many.endswith("'kind 4' (3) and 2 more.")


def test_nothing_is_said_where_all_are_tested() -> None:
    assert untested_classes({"cat": 10}) == barely_tested_classes({"cat": 10}) == ""
    assert untested_classes({"cat": 0}) == ""  # nothing was tested: the headline says so


def test_report_and_terminal_say_it() -> None:
    predictions = random_predictions(43, 3, labels=[0] * 40 + [1] * 3)
    given = report_input(predictions, names(3))
    result = Page(build_report(given)).section("result")
    assert "1 class was not tested: 'kind 2'" in result
    assert "so little is known of them: 'kind 1' (3)." in result
    assert "without 1 class that no image is of" in result
    console = Console(width=300, record=True, quiet=False)
    with console.capture() as captured:
        print_run(console, Path("run"), given.summary.to_dict())
    assert "not tested     1 class was not tested: 'kind 2'" in captured.get()
    assert "barely tested  1 class has fewer than 10 test images" in captured.get()
