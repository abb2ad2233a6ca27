from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from nunbit.checks.finding import Finding
from nunbit.evaluation.metrics import Measured, Scores, evaluate
from nunbit.evaluation.summary import SelectedEpoch
from nunbit.formatting import count, decimal, percent, percent_with_range
from nunbit.reports.run import RunResult, build_report
from nunbit.types import Predictions
from tests.evaluation.cases import names, noise, random_predictions, report_input
from tests.reports.run.page import Page

EVERY_SECTION = [
    "result",
    "learning",
    "classes",
    "confusion",
    "thresholds",
    "calibration",
    "gallery",
    "data",
    "split",
    "contract",
    "model",
    "repeat",
]
CASES: dict[str, RunResult] = {
    "ten classes": report_input(random_predictions(200, 10), names(10)),
    "two classes": report_input(random_predictions(40, 2), names(2)),
    "a class without test images": report_input(
        random_predictions(40, 3, labels=[0, 2] * 20), names(3)
    ),
    "100 classes": report_input(random_predictions(300, 100), names(100)),
    "300 classes": report_input(random_predictions(300, 300), names(300)),
    "zero mistakes": report_input(random_predictions(40, 4, skill=60), names(4)),
    "all wrong": report_input(random_predictions(40, 4, skill=-60), names(4)),
    "one test image": report_input(random_predictions(1, 3, labels=[1]), names(3)),
    "no validation part": report_input(random_predictions(40, 3), names(3), validation=False),
    "excluded files": report_input(
        random_predictions(40, 3),
        names(3),
        excluded=("truncated: 3 of 28 rows", "not an image", "truncated: all") * 6,
    ),
    "no test part": report_input(random_predictions(0, 3), names(3)),
    "only evaluated": report_input(
        random_predictions(40, 3), names(3), epochs=(), best_epoch=None, train=1, contract={}
    ),
    "grey pictures of one pixel": report_input(
        random_predictions(9, 3), names(3), pictures=noise(1, 1, 1)
    ),
    "large pictures": report_input(random_predictions(9, 3), names(3), pictures=noise(300, 200, 3)),
}
INSIDE = ("data:image/png;base64,", "data:image/jpeg;base64,")


@cache
def made(case: str) -> str:
    """The page of a case: making one takes seconds."""
    return build_report(CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_page_stands_alone_and_every_picture_is_described(case: str) -> None:
    html = made(case)
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|@import|<script|<link", html, flags=re.IGNORECASE)
    for element in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert element.attributes.get(name, "#").startswith(("#", *INSIDE))
    assert not re.search(r"\b(NaN|nan|inf|None(?!: no mistakes))\b", page.all("main")[0].words)
    for image in page.all("img"):
        assert image.attributes["src"].startswith(INSIDE)
        assert image.attributes["alt"]
    for drawing in page.all("svg"):
        assert drawing.attributes["role"] == "img"
        assert drawing.attributes["aria-label"]
    for nested in page.all("image"):
        assert nested.attributes["href"].startswith("data:image/png;base64,")
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for reference in re.findall(r"(?:url\(|href=\")#([^\")]+)", html):
        assert reference in ids


@pytest.mark.parametrize("case", CASES)
def test_headline_and_numbers_equal_the_summary(case: str) -> None:
    report = CASES[case]
    page, scores = Page(made(case)), report.summary.test
    if scores is None:
        assert "No test images, so nothing was measured" in page.section("result")
        assert "classes" not in page.section_names
        return
    test = scores.to_dict()
    n = len(report.predictions)
    correct = round(test["accuracy"] * n)
    share = percent_with_range(test["accuracy"], test["accuracy_ci95"])
    images = "test image" if n == 1 else "test images"
    headline = f"Right on {count(correct)} of {count(n)} {images}: {share}"
    (shown,) = page.all("p", class_="headline")
    assert shown.words == headline
    (description,) = page.all("meta", name="description")
    assert description.attributes["content"] == headline
    for key in ("macro_f1", "loss", "ece"):
        assert decimal(test[key]) in page.section("result")
    rows = {e.words for e in page.all("tr")}
    for name, numbers in test["per_class"].items():
        (row,) = [r for r in rows if re.match(rf"{name} {numbers['n']} \d+ (.*% \(|never)", r)]
        if not numbers["n"]:
            assert "no test images" in row
            continue
        assert re.search(rf" {percent(numbers['recall'])} \(.*\) ", row)
        assert f" {decimal(numbers['f1'])} " in row
        if numbers["recall"]:
            assert f" {percent(numbers['precision'])} " in row


@pytest.mark.parametrize("case", [case for case in CASES if case != "no test part"])
def test_confusion_matrix_shows_every_count(case: str) -> None:
    report = CASES[case]
    page = Page(made(case))
    counted: dict[str, int] = {}
    predictions = report.predictions
    for true, predicted in zip(predictions.labels, predictions.predicted, strict=True):
        key = f"{report.classes[true]} predicted as {report.classes[predicted]}"
        counted[key] = counted.get(key, 0) + 1
    cells = [e for e in page.all("td") if " predicted as " in e.attributes.get("title", "")]
    if len(report.classes) > 20:
        assert not cells
        assert page.all("svg", class_="big-matrix")
        return
    assert len(cells) == len(report.classes) ** 2
    for cell in cells:
        name, _, numbers = cell.attributes["title"].partition(": ")
        assert cell.words == count(counted.get(name, 0))
        assert numbers.startswith(f"{cell.words}, ")


def test_gallery_names_predicted_and_true_class_of_every_picture() -> None:
    report = CASES["ten classes"]
    page = Page(made("ten classes"))
    answers = {
        report.path(row): (report.classes[p], report.classes[t])
        for row, (p, t) in enumerate(
            zip(report.predictions.predicted, report.predictions.labels, strict=True)
        )
    }
    captions = page.all("figcaption")
    assert len(captions) == 24 + 12 + 24
    for caption in captions:
        verdict, path = re.fullmatch(r"(.*\)) ?>?[\d.]+ % (.*)", caption.words).groups()  # type: ignore[union-attr]
        predicted, true = answers[path]
        mark = "✓" if predicted == true else "✗"
        assert verdict.replace("\xa0", " ") == f"{mark} {predicted}({true})"
    wrong = [e for e in page.all("figure") if e.attributes["class"] == "card wrong"]
    assert all(e.words.startswith("✗") for e in wrong)


def test_zero_mistakes_are_said() -> None:
    page = Page(made("zero mistakes"))
    assert "100 % (91.2 to 100)" in page.section("result")
    assert "No mistakes: every test image was given its class" in page.section("confusion")
    assert "None: no mistakes were made" in page.section("gallery")


def test_missing_parts_are_said_or_left_out() -> None:
    no_validation = Page(made("no validation part"))
    assert "There is no validation part" in no_validation.section("learning")
    assert "0 validation" in no_validation.section("data")
    assert Page(made("ten classes")).section_names == EVERY_SECTION
    evaluated = Page(made("only evaluated")).section_names
    assert evaluated == [s for s in EVERY_SECTION if s not in ("learning", "contract")]


def test_every_file_is_accounted_for() -> None:
    page = Page(made("excluded files"))
    data = page.section("data")
    assert "88 images and files found = 29 training + 1 validation + 40 test + 18 excluded" in data
    rows = [e.words for e in page.all("tr")]
    assert "truncated 12 folder/00070.png" in rows
    assert "not an image 6 folder/00071.png" in rows
    assert "folder/00072.png truncated: all" in rows
    assert "All 29 1 40 18" in rows
    assert "Nothing was excluded" in Page(made("two classes")).section("data")


def test_leaks_are_told_with_the_score_without_them() -> None:
    report = CASES["ten classes"]
    sha256 = list(report.split.sha256)
    wrong = np.flatnonzero(report.predictions.predicted != report.predictions.labels)
    sha256[wrong[0]] = sha256[wrong[1]] = sha256[210]
    leaking = replace(report, split=replace(report.split, sha256=tuple(sha256)))
    page = Page(build_report(leaking))
    kept = np.setdiff1d(np.arange(200), wrong[:2])
    rest = evaluate(report.predictions.subset(kept), report.classes)
    assert "2 test images are also in the training or validation part" in page.section("result")
    assert f"Without them: right on {rest.correct} of 198" in page.section("result")
    assert percent_with_range(rest.accuracy, rest.accuracy_ci95) in page.section("result")
    assert "2 test images are byte for byte the same" in page.section("data")
    all_leak = replace(report.split, sha256=("same",) * len(report.split))
    assert "no honest number" in Page(build_report(replace(report, split=all_leak))).section(
        "result"
    )


def test_a_result_no_better_than_the_baseline_is_said() -> None:
    labels = [0] * 80 + [1] * 20
    blind = report_input(random_predictions(100, 2, labels=labels, skill=0), names(2))
    assert "Not clearly better than always answering “kind 0”" in build_report(blind)
    assert "Not clearly better" not in made("zero mistakes")


def test_setup_is_told() -> None:
    finding = Finding(
        severity="warning",
        title="twins with different labels",
        count=3,
        examples=("a.png", "b.png"),
        why="They contradict.",
        remedy="Correct one.",
    )
    report = replace(
        CASES["ten classes"],
        findings=(finding,),
        notes=("Ignored 2 hidden files",),
        versions={"torch": "9.9"},
        finished="1 May 2025, 10:00",
        model_reason="it is small",
        summary=replace(
            CASES["ten classes"].summary,
            kept=SelectedEpoch(epoch=2, why="the highest validation accuracy of all, 81.0 %"),
        ),
    )
    page = Page(build_report(report))
    assert "Warning: twins with different labels (3)" in page.section("data")
    assert "They contradict. Correct one." in page.section("data")
    assert "Ignored 2 hidden files" in page.section("data")
    assert "12 × 10 pixels (height × width), colour" in page.section("contract")
    assert "0.5, 0.25" in page.section("contract")
    assert "12,345 trainable parameters" in page.section("model")
    assert "3 epochs; weights of epoch 2 kept" in page.section("model")
    assert "it is small" in page.section("model")
    taken = "epoch 2, whose weights were taken: the highest validation accuracy of all, 81.0 %."
    assert taken in page.section("learning")
    repeat = page.section("repeat")
    for words in (
        "nunbit train things --seed 7",
        'name = "a < b"',
        "Seed7",
        "torch9.9",
        "total1 min 15 s",
        "1 May 2025, 10:00",
    ):
        assert words.replace(" ", "") in repeat.replace(" ", "")


HOSTILE = '<img src=x onerror="alert(1)">&$x_1^2$'


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    report = report_input(random_predictions(40, 2), (HOSTILE, "b"), excluded=(HOSTILE,))
    paths = (f"{HOSTILE}.png", *report.split.paths[1:-1], f"{HOSTILE}\udcff.png")
    report = replace(
        report,
        split=replace(report.split, paths=paths),
        summary=replace(report.summary, dataset=HOSTILE, model=HOSTILE),
        notes=(HOSTILE,),
        command=HOSTILE,
        settings=HOSTILE,
    )
    html = build_report(report)
    html.encode("utf-8")
    page = Page(html)
    assert not [e for e in page.elements if "onerror" in e.attributes]
    assert "<img src=x" not in html
    for section in ("classes", "confusion", "data", "repeat"):
        assert HOSTILE in page.section(section)
    assert HOSTILE in page.all("h1")[0].words


def test_hostile_names_in_the_large_matrix() -> None:
    classes = (HOSTILE, "</text><b>", *names(40))
    html = build_report(report_input(random_predictions(100, 42), classes))
    assert "<b>" not in html
    Page(html)


def test_the_same_input_gives_the_same_page() -> None:
    assert build_report(CASES["ten classes"]) == made("ten classes")


def test_one_epoch_is_a_number_and_no_curve() -> None:
    row = {"epoch": 1, "train_loss": 0.25, "train_accuracy": 0.9, "validation_loss": 0.5}
    report = report_input(random_predictions(9, 3), names(3), epochs=(row,), best_epoch=1)
    page = build_report(report)
    assert "0.25" in Page(page).section("learning")
    assert "Dotted line" not in page
    assert 'id="loss-chart' not in page


def test_the_readers_own_chart_settings_change_nothing() -> None:
    import matplotlib as mpl

    before = made("ten classes")
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        assert build_report(CASES["ten classes"]) == before


def test_values_that_do_not_belong_together_are_refused() -> None:
    report = CASES["ten classes"]
    altered = replace(report.summary, test=Scores(values={"accuracy": Measured(1.0)}, per_class={}))
    with pytest.raises(ValueError, match=r"summary and predictions disagree: accuracy 1\.0 and"):
        replace(report, summary=altered)
    far = Predictions(
        logits=report.predictions.logits,
        labels=report.predictions.labels,
        indices=report.predictions.indices + 1000,
    )
    with pytest.raises(ValueError, match="images that the split does not have"):
        replace(report, predictions=far)


def test_ten_thousand_images_of_a_hundred_classes_stay_small_and_quick() -> None:
    report = report_input(
        random_predictions(10_000, 100), names(100), pictures=noise(224, 224, 3), train=30_000
    )
    # What the processor works, whatever else it does meanwhile: a second or two.
    start = time.process_time()
    html = build_report(report)
    assert time.process_time() - start < 60
    assert len(html.encode()) < 15_000_000


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _contrast(a: str, b: str) -> float:
    low, high = sorted((_luminance(a), _luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_colours_have_the_contrast_of_wcag_aa_in_both_themes() -> None:
    html = made("two classes")
    themes = re.findall(r":root \{(.*?)\}", html, flags=re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colour = dict(re.findall(r"--(\w+): (#\w{6})", theme))
        for text in ("ink", "soft", "accent", "right", "wrong"):
            assert _contrast(colour[text], colour["paper"]) >= 4.5, text
        assert _contrast(colour["soft"], colour["card"]) >= 4.5
        assert _contrast(colour["ink"], colour["warning"]) >= 4.5
        cap = float(re.search(r"--cap: (\d+)%", theme)[1]) / 100  # type: ignore[index]
        for hue in ("accent", "warm"):
            mixed = [
                round(
                    cap * int(colour[hue][i : i + 2], 16)
                    + (1 - cap) * int(colour["card"][i : i + 2], 16)
                )
                for i in (1, 3, 5)
            ]
            cell = "#" + "".join(f"{c:02x}" for c in mixed)
            assert _contrast(colour["ink"], cell) >= 4.5, hue
