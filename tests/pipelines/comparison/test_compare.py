"""Comparing finished runs: which are compared with which, what is refused, what is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import f1_score

import nunbit
from nunbit.errors import DataError, UsageError
from nunbit.evaluation.comparison.values import Comparison
from nunbit.pipelines.compare import compare_runs, read_runs
from nunbit.pipelines.comparison.page import comparison_page
from nunbit.pipelines.recorded_run import read_run
from tests.pipelines.finished_runs import CLASSES, IMAGES, add_model, write_images, write_run
from tests.reports.run.page import Page

DEEPER = {"model.name": "resnet18"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "insects")


def compare(*folders: Path) -> Comparison:
    return compare_runs(read_runs(folders))


def page_of(*folders: Path) -> Page:
    read = read_runs(folders)
    return Page(comparison_page(compare_runs(read), read, command="nunbit compare a b"))


def test_a_pair_on_the_same_images(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, wrong=range(20))
    b = write_run(tmp_path / "b", data, wrong=[0, 1, 2, 3, 50], settings=DEEPER)
    found = compare(a, b)
    assert found.same_images
    (row,) = found.pairs
    assert (row.first, row.second, row.better) == ("a", "b", "second")
    counts = (row.pair.both, row.pair.neither, row.pair.only_first, row.pair.only_second)
    assert counts == (39, 4, 1, 16)
    assert row.pair.accuracy.value == pytest.approx(15 / 60)
    assert [image.path for image in row.only_first] == ["NA/050.png"]
    assert {image.path[-7:-4] for image in row.only_second} == {f"{i:03d}" for i in range(4, 20)}
    (missed,) = row.only_first
    assert (missed.label, missed.first, missed.second) == ("NA", "NA", "ant")
    assert found.verdicts == (row.verdict,)
    assert row.verdict.startswith("b is better than a: 25.0 points (")
    assert [setting.key for setting in found.settings] == ["model.name"]
    assert found.settings[0].values == ("auto", "resnet18")


def test_the_numbers_of_a_run_are_those_of_its_predictions(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, wrong=[3, 7])
    run = read_run(a, name="a")
    labels = [path.partition("/")[0] for path in run.paths]
    answered = [run.classes[k] for k in run.answers.predicted]
    right = np.array(labels) == np.array(answered)
    assert (~right).sum() == 2
    (row, _) = compare(a, write_run(tmp_path / "b", data)).runs
    assert (row.n, row.correct, row.accuracy) == (60, 58, 58 / 60)
    assert row.macro_f1 == pytest.approx(f1_score(labels, answered, average="macro"))
    assert row.loss == pytest.approx(-np.log(run.true_probability).mean())
    assert (row.parameters, row.train_seconds, row.model_bytes) == (1234, 12.5, None)


def test_no_difference_says_how_many_images_would_tell_one(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, wrong=[1, 2, 3])
    b = write_run(tmp_path / "b", data, wrong=[3, 4], settings=DEEPER)
    (row,) = compare(a, b).pairs
    assert row.better == ""
    assert row.verdict.startswith("No clear difference between a and b: b gets 1.7 points (")
    assert row.verdict.endswith("about 1,500 test images would be needed")


def test_runs_that_are_equally_right_say_what_would_have_been_noticed(
    data: Path, tmp_path: Path
) -> None:
    a = write_run(tmp_path / "a", data, wrong=[1])
    b = write_run(tmp_path / "b", data, wrong=[2], settings=DEEPER)
    (row,) = compare(a, b).pairs
    assert "both get 59 of 60 right; with so many test images, a difference of about" in row.verdict


def test_several_runs_are_held_against_the_first_and_corrected(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, wrong=range(6))
    others = [
        write_run(tmp_path / name, data, settings={"model.name": model}, wrong=wrong)
        for name, model, wrong in (
            ("b", "vgg16", range(30)),
            ("c", "lenet5", [0]),
            ("d", "alexnet", range(5)),
        )
    ]
    found = compare(a, *others)
    assert [row.first for row in found.pairs] == ["a", "a", "a"]
    p = [row.pair.p_value for row in found.pairs]
    assert [row.p_adjusted for row in found.pairs] == pytest.approx(
        [3 * p[0], 2 * p[1], max(2 * p[1], p[2])]
    )
    assert [row.better for row in found.pairs] == ["first", "", ""]
    assert p[1] < 0.05 < found.pairs[1].p_adjusted
    assert "for 3 comparisons were made" in found.pairs[1].verdict


def test_seeds_of_one_configuration_are_summarised(data: Path, tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / f"run-{s}", data, seed=s, wrong=range(s), test=range(10 * s, 60))
        for s in (1, 2, 3)
    ]
    found = compare(*runs)
    (row,) = found.configurations
    assert (row.name, row.seeds, row.accuracy.n) == ("run", (1, 2, 3), 3)
    assert not found.same_images
    assert (found.pairs, found.over_seeds) == ((), ())
    accuracies = [run.accuracy for run in found.runs]
    assert row.accuracy.mean == pytest.approx(np.mean(accuracies))
    assert row.accuracy.sd == pytest.approx(np.std(accuracies, ddof=1))
    assert found.verdicts[0].startswith("run over 3 seeds: ")


@pytest.mark.parametrize(
    ("parts", "basis"),
    [
        ([range(60)] * 4, "same images"),
        ([range(40), range(20, 60)] * 2, "same images seed by seed"),
        ([range(40), range(20, 60), range(10, 50), range(5, 45)], "other images"),
    ],
)
def test_configurations_with_seeds_are_compared_over_them(
    parts: list[range], basis: str, data: Path, tmp_path: Path
) -> None:
    a = [write_run(tmp_path / f"a-{s}", data, seed=s, test=parts[s]) for s in (0, 1)]
    b = [
        write_run(
            tmp_path / f"b-{s}",
            data,
            seed=s,
            test=parts[2 + s],
            wrong=range(25, 35 + s),
            settings=DEEPER,
        )
        for s in (0, 1)
    ]
    found = compare(*a, *b)
    (row,) = found.over_seeds
    assert (row.first, row.second, row.found.basis) == ("a", "b", basis)
    means = [np.mean([r.accuracy for r in found.runs if r.configuration == k]) for k in (0, 1)]
    assert row.found.difference.value == pytest.approx(means[1] - means[0])
    assert found.verdicts[0] == row.verdict
    pairs = [(pair.first, pair.second) for pair in found.pairs]
    assert (
        pairs
        == {
            "same images": [("a-0", "b-0"), ("a-0", "b-1")],
            "same images seed by seed": [("a-0", "b-0"), ("a-1", "b-1")],
            "other images": [],
        }[basis]
    )


def test_other_test_images_are_refused_and_named(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, test=range(40))
    b = write_run(tmp_path / "b", data, test=range(10, 50), settings=DEEPER)
    with pytest.raises(UsageError, match="not tested on the same images") as caught:
        compare(a, b)
    assert "10 of the 40 test images of a are not among those of b" in caught.value.what
    assert f"nunbit train DATA --split {a / 'split.csv'}" in caught.value.remedy


def test_a_single_run_beside_seeds_with_other_images_is_refused(data: Path, tmp_path: Path) -> None:
    a = [write_run(tmp_path / f"a-{s}", data, seed=s, test=range(40 + s)) for s in (0, 1)]
    b = write_run(tmp_path / "b", data, test=range(40), settings=DEEPER)
    with pytest.raises(UsageError, match="1 of the 41 test images of a-1 are not among"):
        compare(*a, b)


def test_a_changed_image_is_refused(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data)
    changed = tmp_path / "changed"
    shutil.copytree(data, changed)
    Image.new("RGB", (5, 5)).save(changed / "bee" / "001.png")
    b = write_run(tmp_path / "b", changed)
    with pytest.raises(UsageError, match=r"bee/001.png was not the same file for a and b"):
        compare(a, b)


def test_other_labels_are_refused(data: Path, tmp_path: Path) -> None:
    a, b = (write_run(tmp_path / name, data) for name in "ab")
    for name in ("split.csv", "predictions.csv"):
        text = (b / name).read_text().replace("ant/000.png,ant,", "ant/000.png,bee,")
        (b / name).write_text(text)
    with pytest.raises(UsageError, match=r"ant/000.png is 'ant' for a and 'bee' for b"):
        compare(a, b)


def test_other_data_and_classes_are_refused(data: Path, tmp_path: Path) -> None:
    a, b, c = (write_run(tmp_path / name, data) for name in "abc")
    for name in ("split.csv", "predictions.csv"):
        (b / name).write_text((b / name).read_text().replace("/0", "/x"))
        (c / name).write_text((c / name).read_text().replace("bee", "wasp"))
    with pytest.raises(UsageError, match="a found none of the test images of b"):
        compare(a, b)
    with pytest.raises(UsageError, match="a knows 'bee', c does not"):
        compare(a, c)


def test_what_is_no_finished_run_is_called_so(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data)
    with pytest.raises(UsageError, match="at least two runs"):
        read_runs([a])
    with pytest.raises(UsageError, match="the same run is given twice"):
        read_runs([a, tmp_path / "." / "a"])
    with pytest.raises(UsageError, match="there is no such run"):
        read_runs([a, tmp_path / "b"])
    with pytest.raises(UsageError, match=r"not a finished run: it has no summary.json"):
        read_runs([a, data])
    b = write_run(tmp_path / "b", data)
    (b / "summary.json").unlink()
    with pytest.raises(UsageError, match="has not ended") as caught:
        read_runs([a, b])
    assert "nunbit train --resume --out" in caught.value.remedy


def test_damaged_files_are_named(data: Path, tmp_path: Path) -> None:
    a, b, c, d = (write_run(tmp_path / name, data) for name in "abcd")
    lines = (b / "predictions.csv").read_text().splitlines(keepends=True)
    (b / "predictions.csv").write_text("".join(lines[:-1]))
    with pytest.raises(DataError, match="do not name the same test images"):
        compare(a, b)
    (c / "predictions.csv").write_text("path;label\n1;2\n")
    with pytest.raises(DataError, match="predictions"):
        compare(a, c)
    for number in ("none", "nan", "1.5", "0.1,0.1"):
        broken = [lines[0], lines[1].rpartition(",")[0] + f",{number}\n", *lines[2:]]
        (d / "predictions.csv").write_text("".join(broken))
        with pytest.raises(DataError, match="the predictions cannot be read"):
            compare(a, d)


def test_edited_predictions_are_not_believed(data: Path, tmp_path: Path) -> None:
    """Every cell of an answer, edited alone, contradicts another one."""
    a, b = (write_run(tmp_path / name, data, wrong=[0, 1, 2]) for name in "ab")
    file = b / "predictions.csv"
    written = file.read_text()
    header, first, *others = written.splitlines()
    path, label, predicted, confidence, *chances = first.split(",")
    assert label != predicted  # the first image is one of the wrong ones
    low = chances[-1] if chances[-1] != confidence else chances[0]
    for edited, told in (
        ([path, label, label, confidence, *chances], "has the highest probability"),
        ([path, label, predicted, low, *chances], "confidence is not that of the answer"),
        ([path, label, predicted, confidence, *["0.9"] * 3], "confidence is not that"),
        ([path, label, predicted, "0.9", *["0.9"] * 3], "do not add up to 1"),
        ([path, predicted, predicted, confidence, *chances], "do not name the same test images"),
    ):
        file.write_text("\n".join([header, ",".join(edited), *others]) + "\n")
        with pytest.raises(DataError, match=told):
            compare(a, b)
    file.write_text(written)
    compare(a, b)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"n": {"test": IMAGES - 1}}, "the number of test images is 59 in the one and 60"),
        ({"classes": ["ant", "bee"]}, "the number of classes is 2 in the one and 3"),
        ({"test": {"accuracy": 1.0}}, "the accuracy is 1 in the one and 0.95 in the other"),
        ({"test": {"per_class": {"ant": {"n": 19}}}}, "the number of test images of 'ant' is 19"),
        ({"test": {"per_class": {"bee": {"recall": 1.0}}}}, "the recall of 'bee' is 1 in the one"),
    ],
)
def test_a_summary_that_contradicts_the_answers_is_refused(
    edit: dict[str, object], told: str, data: Path, tmp_path: Path
) -> None:
    a, b = (write_run(tmp_path / name, data, wrong=[0, 1, 2]) for name in "ab")
    content = json.loads((b / "summary.json").read_text())
    (b / "summary.json").write_text(json.dumps(content | edit))
    with pytest.raises(DataError, match=told):
        compare(a, b)


def test_runs_of_one_name_are_told_apart_by_their_paths(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "x" / "run", data)
    b = write_run(tmp_path / "y" / "run", data, settings=DEEPER)
    assert [run.name for run in compare(a, b).runs] == [str(a), str(b)]


def test_speed_and_size_are_those_of_the_models(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data)
    b = write_run(tmp_path / "b", data, settings=DEEPER)
    add_model(a)
    found = compare(a, b)
    with_model, without = found.runs
    assert with_model.images_per_second is not None
    assert with_model.images_per_second > 0
    sizes = [file.stat().st_size for file in (a / "model").iterdir()]
    assert with_model.model_bytes == sum(sizes)
    assert (without.images_per_second, without.model_bytes) == (None, None)
    assert found.notes == ("The speed of b is not known: its model is gone.",)
    assert found.speed_measured_on.startswith("cpu")


def test_an_evaluation_is_compared_as_the_run_that_it_is_of(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data)
    b = write_run(tmp_path / "b", data, settings=DEEPER)
    again = write_run(tmp_path / "b-evaluation", data, wrong=range(9))
    (again / "config.toml").unlink()
    summary = json.loads((again / "summary.json").read_text())
    summary["evaluated"] = {"run": str(b), "data": str(data)}
    (again / "summary.json").write_text(json.dumps(summary))
    found = compare(a, again)
    assert found.runs[1].correct == IMAGES - 9
    assert found.settings[0].values == ("auto", "resnet18")
    shutil.rmtree(b)
    assert compare(a, again).settings == ()


def test_images_that_a_run_has_learned_from_are_no_test(data: Path, tmp_path: Path) -> None:
    trained = write_run(tmp_path / "trained", data, test=range(20))
    a = write_run(tmp_path / "a", data)
    (a / "config.toml").unlink()
    summary = json.loads((a / "summary.json").read_text())
    summary["evaluated"] = {"run": str(trained), "data": str(data)}
    (a / "summary.json").write_text(json.dumps(summary))
    found = compare(a, write_run(tmp_path / "b", data))
    warning = "a has learned from 40 of its 60 test images: its numbers are too good."
    assert found.notes[0] == warning
    assert not any(note.startswith("b has learned") for note in found.notes)


def test_numbers_that_allow_for_chance_are_paired_in_json_and_on_the_page(
    data: Path, tmp_path: Path
) -> None:
    a = write_run(tmp_path / "a", data, wrong=range(20))
    b = write_run(tmp_path / "b", data, wrong=[0, 1, 2, 3, 50], settings=DEEPER)
    (pair,) = json.loads(json.dumps(compare(a, b).to_dict(), allow_nan=False))["pairs"]
    # Classes of 20 images are too small for intervals; all are of one size, so the mean recall
    # is the accuracy.
    assert pair["balanced_accuracy"]["difference"] == pytest.approx(15 / 60)
    assert pair["balanced_accuracy"]["ci95"] is None
    assert set(pair) >= {"matthews_correlation", "cohens_kappa", "roc_auc", "average_precision"}
    words = page_of(a, b).section("pairs")
    assert "Balanced accuracy Matthews correlation Cohen's kappa" in words
    assert "b a +0.2500" in words


def test_json_has_plain_values_and_the_paths(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data, wrong=[1])
    b = write_run(tmp_path / "b", data, wrong=[2], settings=DEEPER)
    content = json.loads(json.dumps(compare(a, b).to_dict(), allow_nan=False))
    (pair,) = content["pairs"]
    assert pair["only_first_right"] == ["NA/002.png"]
    assert pair["only_second_right"] == ["bee/001.png"]
    assert (pair["n"], pair["both_right"], pair["neither_right"]) == (60, 58, 0)
    assert pair["better"] is None
    assert content["settings"] == {"model.name": ["auto", "resnet18"]}
    assert [run["name"] for run in content["runs"]] == ["a", "b"]


def test_the_page_shows_images_that_one_gets_and_the_other_does_not(
    data: Path, tmp_path: Path
) -> None:
    a = write_run(tmp_path / "a", data, wrong=range(20))
    b = write_run(tmp_path / "b", data, wrong=[50], settings=DEEPER)
    page = page_of(a, b)
    expected = ["result", "runs", "pairs", "images", "settings", "method"]
    assert page.section_names == expected
    assert "b is better than a: 31.7 points" in page.section("result")
    assert "b right, a wrong: 20 images, 18 shown" in page.section("images")
    assert "a right, b wrong: 1 image" in page.section("images")
    pictures = page.all("img")
    assert len(pictures) == 19
    assert all(picture.attributes["alt"] for picture in pictures)
    assert "NA/050.png: truly NA; a says NA" in pictures[-1].attributes["alt"]
    assert all(chart.attributes["aria-label"] for chart in page.all("svg"))


def test_the_page_says_what_it_cannot_show(data: Path, tmp_path: Path) -> None:
    moved = tmp_path / "data"
    shutil.copytree(data, moved)
    a = write_run(tmp_path / "a", moved, wrong=[0, 1])
    b = write_run(tmp_path / "b", moved, settings=DEEPER)
    Image.new("RGB", (5, 5)).save(moved / "ant" / "000.png")
    (moved / "bee" / "001.png").unlink()
    shown = page_of(a, b).section("images")
    assert "the file has changed since the run read it" in shown
    assert "the image is not where it was" in shown
    shutil.rmtree(moved)
    assert "the image is not where it was: " in page_of(a, b).section("images")


def test_the_page_of_seeds_shows_their_spread(data: Path, tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / f"{name}-{s}", data, seed=s, settings=settings, wrong=range(n + s))
        for name, settings, n in (("a", {}, 3), ("b", DEEPER, 9))
        for s in (0, 1, 2)
    ]
    page = page_of(*runs)
    assert "seeds" in page.section_names
    assert "All runs were tested on the same images." in page.section("seeds")
    assert "over the seeds" in page.section("result")


def test_from_python(data: Path, tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", data)
    b = write_run(tmp_path / "b", data, wrong=range(30), settings=DEEPER)
    found = nunbit.compare([a, str(b)], out=tmp_path / "page.html")
    assert found.verdicts[0].startswith("a is better than b: 50.0 points")
    assert "a is better" in (tmp_path / "page.html").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        nunbit.compare([a, b], out=tmp_path / "page.html")


def test_a_name_that_looks_like_nothing_is_a_class(data: Path, tmp_path: Path) -> None:
    assert CLASSES[-1] == "NA"
    assert read_run(write_run(tmp_path / "a", data), name="a").classes == ("NA", "ant", "bee")
