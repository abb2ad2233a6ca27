"""`nunbit train` on small real data, held against the contract of the run's folder."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    roc_auc_score,
    top_k_accuracy_score,
)
from sklearn.preprocessing import label_binarize

import nunbit as library
from nunbit.config import read_config
from nunbit.evaluation.abstention import choose_thresholds
from nunbit.evaluation.calibration import fit_temperature
from nunbit.formatting import confidence
from nunbit.types import Predictions
from tests.end_to_end.commands import nunbit_here
from tests.end_to_end.report_numbers import Tables, Truth, percents
from tests.reports.run.page import Page


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as a folder of PNG files."""
    folder = tmp_path_factory.mktemp("digits") / "digits"
    samples = library.load_data("digits").samples
    for i in range(len(samples)):
        target = folder / samples.label_name(i)
        target.mkdir(parents=True, exist_ok=True)
        Image.fromarray(samples.images.array[i, :, :, 0]).save(target / f"{i:04d}.png")
    return folder


@pytest.fixture(scope="module")
def few(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve of each, where nothing need be learned."""
    folder = tmp_path_factory.mktemp("few") / "digits"
    for file in (file for label in digits.iterdir() for file in sorted(label.iterdir())[:12]):
        (folder / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.parent.name)
    return folder


@pytest.fixture(scope="module")
def run(digits: Path) -> Path:
    nunbit_here("train", str(digits), "--out", "run", "--epochs", "2", cwd=digits.parent)
    return digits.parent / "run"


@pytest.fixture(scope="module")
def summary(run: Path) -> dict:
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def predictions(run: Path) -> list[dict[str, str]]:
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_what_the_contract_names(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "config.toml",
        "split.csv",
        "metrics.jsonl",
        "summary.json",
        "predictions.csv",
        "report.html",
        "checkpoints",
        "model",
    }
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"last", "best"}
    assert {path.name for path in (run / "model").iterdir()} == {
        "config.json",
        "model.safetensors",
        "README.md",
        "nunbit.json",
    }


def test_digits_are_learned(summary: dict) -> None:
    assert summary["test"]["accuracy"] >= 0.95  # five seeds: 0.980 to 0.997


def test_the_summary_has_the_contracts_fields(summary: dict) -> None:
    assert set(summary) == {
        "nunbit",
        "model",
        "dataset",
        "classes",
        "n",
        "test",
        "validation",
        "seconds",
        "images_per_second",
        "device",
        "seed",
        "parameters",
        "kept",
        "baselines",
        "calibration",
        "slices",
    }
    assert summary["classes"] == [str(i) for i in range(10)]
    assert set(summary["n"]) == {"train", "validation", "test", "excluded"}
    assert sum(summary["n"].values()) == 1797
    intervals = {"accuracy_ci95", "macro_f1_ci95", "ece_ci95"}
    numbers = {"accuracy", "macro_f1", "loss", "ece", "per_class"} | intervals
    chance = {"balanced_accuracy", "matthews_correlation", "cohens_kappa"}
    numbers |= chance | {f"{name}_ci95" for name in chance}
    numbers |= {"top5_accuracy", "top5_accuracy_ci95", "roc_auc", "average_precision", "notes"}
    for part in ("test", "validation"):  # too few mistakes for some intervals
        assert set(summary[part]) - {"roc_auc_ci95", "average_precision_ci95"} == numbers
    of_class = {"precision", "recall", "f1", "roc_auc", "average_precision", "n"}
    assert set(summary["test"]["per_class"]["3"]) == of_class
    assert set(summary["seconds"]) == {"total", "check", "decode", "train", "evaluate"}


def test_the_numbers_are_those_of_the_predictions(summary: dict, predictions: list) -> None:
    labels = [row["label"] for row in predictions]
    predicted = [row["predicted"] for row in predictions]
    probabilities = [[float(row[f"prob_{i}"]) for i in range(10)] for row in predictions]
    assert len(labels) == summary["n"]["test"]
    assert summary["test"]["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert summary["test"]["macro_f1"] == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    assert summary["test"]["loss"] == pytest.approx(log_loss(labels, probabilities), abs=1e-5)
    expected = {
        "balanced_accuracy": balanced_accuracy_score(labels, predicted),
        "matthews_correlation": matthews_corrcoef(labels, predicted),
        "cohens_kappa": cohen_kappa_score(labels, predicted),
        "top5_accuracy": top_k_accuracy_score(labels, probabilities, k=5),
        "roc_auc": roc_auc_score(labels, probabilities, multi_class="ovr"),
        "average_precision": average_precision_score(
            label_binarize(labels, classes=sorted(set(labels))), probabilities
        ),
    }
    for name, value in expected.items():
        assert summary["test"][name] == pytest.approx(value, abs=1e-6), name


def test_every_number_of_the_report_is_that_of_the_files(run: Path, digits: Path) -> None:
    html = (run / "report.html").read_text(encoding="utf-8")
    page, tables, truth = Page(html), Tables(html).tables, Truth(run)
    (headline,) = page.all("p", class_="headline")
    assert headline.words == truth.headline()
    for name, value in truth.tiles().items():
        assert f"{name} {value} " in page.section("result")
    largest, nearest = tables["Baselines"][1:]
    assert largest[1:4] == truth.largest_class()
    assert nearest[1:4] == truth.nearest_neighbour(digits)
    by_part = {row[0]: row[1:] for row in tables["Numbers by part"]}
    assert by_part["validation"] == truth.validation(digits)
    assert by_part["test"] == [
        str(truth.n),
        truth.headline().partition(": ")[2],
        truth.tiles()["Loss"],
    ]
    by_class = {
        row[0]: [row[1], row[5], row[2], row[3], row[6]] for row in tables["Numbers by class"][1:]
    }
    assert by_class == truth.per_class()

    counts = tables["Confusion matrix: number of test images"]
    order = [truth.classes.index(name) for name in counts[0][1:]]
    matrix = truth.matrix[np.ix_(order, order)]
    assert [row[1:] for row in counts[1:]] == [[str(cell) for cell in row] for row in matrix]
    shares = tables["Confusion matrix: percent of the row"]
    assert [row[1:] for row in shares[1:]] == percents(matrix)
    pairs = {(row[0], row[1]): row[2:4] for row in tables["Most frequent confusions"][1:]}
    confused = truth.pairs()
    assert pairs.items() <= confused.items()
    assert len(pairs) == min(10, len(confused))

    # The last one: with the temperature, where there is one, as predictions.csv is.
    surest = truth.probabilities.max(axis=1)
    trust = tables["Calibration error"][-1]
    assert trust[1].startswith(f"{truth.tiles()['Calibration error']} (")
    assert trust[2] == truth.tiles()["Loss"]
    assert trust[3:] == [confidence(surest.mean()), truth.headline().partition(": ")[2]]
    bins = [rows for name, rows in tables.items() if name.startswith("Bins, ")][-1]
    assert bins[1:] == truth.reliability()
    answered = {row[0]: row[2:] for row in tables["Fraction of images that can be answered"]}
    expected = truth.answered()
    assert {name: answered[name] for name in expected} == expected

    captions = truth.captions()
    shown = [c.words.replace("\xa0", " ") for c in page.all("figcaption")]
    shown = [words for words in shown if words[0] in "✓✗"]
    assert len(shown) >= 36
    assert {words.replace(") ", ")", 1) for words in shown} <= set(captions.values())

    slices = tables["Accuracy by slice"]
    start = next(i for i, row in enumerate(slices) if row[0].startswith("Brightness")) + 1
    group = slices[start : start + 5]
    sizes = [int(row[1]) for row in group]
    assert sum(sizes) == truth.n
    assert [row[3] for row in group] == truth.accuracy_by_brightness(digits, sizes)

    by_class = {row[0]: row[1:] for row in tables["Images by class and part"][1:-1]}
    assert by_class == truth.parts_of_classes()


def test_the_predictions_are_of_the_test_part(run: Path, predictions: list) -> None:
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        split = {row["path"]: row for row in csv.DictReader(file)}
    assert {row["path"] for row in predictions} == {
        path for path, row in split.items() if row["split"] == "test"
    }
    assert all(split[row["path"]]["label"] == row["label"] for row in predictions)


def test_the_loaded_model_gives_the_same_probabilities_on_raw_files(
    run: Path, digits: Path, predictions: list
) -> None:
    classifier = library.load(run)
    files = [digits / row["path"] for row in predictions[:40]]
    probabilities = classifier.predict_proba(files)
    wanted = [[float(row[f"prob_{i}"]) for i in range(10)] for row in predictions[:40]]
    np.testing.assert_allclose(probabilities, wanted, atol=1e-5)
    assert list(classifier.predict(files)) == [row["predicted"] for row in predictions[:40]]


def test_the_confidence_is_set_right_on_the_validation_part(
    run: Path, digits: Path, summary: dict, predictions: list
) -> None:
    facts, classifier = summary["calibration"], library.load(run)
    bundle = classifier.bundle
    with (run / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "validation"]
    chances = classifier.predict_proba([digits / row["path"] for row in rows])
    said = Predictions(
        logits=(np.log(chances) * bundle.temperature).astype(np.float32),  # up to a constant
        labels=np.array([int(row["label"]) for row in rows]),
        indices=np.arange(len(rows)),
    )
    assert facts["n_validation"] == len(rows) == summary["n"]["validation"]
    assert (
        facts["temperature"] == bundle.temperature == pytest.approx(fit_temperature(said), abs=2e-4)
    )
    assert bundle.thresholds == pytest.approx(
        choose_thresholds(said.at_temperature(bundle.temperature)), abs=1e-5
    )
    assert facts["test"]["after"]["loss"] == summary["test"]["loss"]
    assert facts["test"]["after"]["ece_ci95"] == summary["test"]["ece_ci95"]
    sure = np.array([float(row["confidence"]) for row in predictions])
    right = np.array([row["label"] == row["predicted"] for row in predictions])
    assert bundle.thresholds  # 95 % is within reach on the digits
    for target, threshold in bundle.thresholds.items():
        at, taken = facts["answering"][target], sure >= threshold
        assert at["coverage"] == taken.mean()
        assert at["accuracy"] == right[taken].mean()
        files = [digits / row["path"] for row in predictions[:40]]
        given = classifier.predict(files, accuracy=float(target))
        assert ((given != "unsure") == taken[:40]).all()
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    assert "## Confidence" in card
    assert f"| 95 % | {bundle.thresholds['0.95']:.4f} | " in card


def test_the_configuration_repeats_the_run_bit_for_bit(run: Path) -> None:
    nunbit_here("train", "--recipe", str(run / "config.toml"), "--out", "again", cwd=run.parent)
    again = run.parent / "again"
    for name in ("model/model.safetensors", "split.csv", "predictions.csv"):
        assert (again / name).read_bytes() == (run / name).read_bytes(), name
    recorded = read_config(run / "config.toml")
    assert recorded == read_config(again / "config.toml")
    assert recorded.training.epochs == 2


def test_a_manifest_can_be_given_to_the_next_run(run: Path, digits: Path) -> None:
    nunbit_here(
        *("train", str(digits), "--split", str(run / "split.csv"), "--seed", "99"),
        *("--epochs", "1", "--out", "other-seed"),
        cwd=run.parent,
    )
    assert (run.parent / "other-seed" / "split.csv").read_bytes() == (
        run / "split.csv"
    ).read_bytes()


def test_evaluating_again_gives_the_same_numbers(run: Path, summary: dict) -> None:
    nunbit_here("evaluate", str(run), "--out", "evaluated", cwd=run.parent)
    again = json.loads((run.parent / "evaluated" / "summary.json").read_text(encoding="utf-8"))
    assert again["test"] == summary["test"]
    assert again["n"] == summary["n"]
    for key in ("temperature", "test", "answering"):
        assert again["calibration"][key] == summary["calibration"][key]


def test_evaluating_changed_images_is_refused(run: Path, digits: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    changed = tmp_path / "digits"
    shutil.copytree(digits, changed)
    victim = next(changed.glob("3/*.png"))
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(victim)
    config = (moved / "config.toml").read_text(encoding="utf-8")
    (moved / "config.toml").write_text(config.replace(str(digits), str(changed)), encoding="utf-8")
    told = nunbit_here("evaluate", "run", cwd=tmp_path, code=2)
    assert f"3/{victim.name} has another content" in told


def test_predict_answers_for_files_folders_and_globs(run: Path, digits: Path) -> None:
    told = nunbit_here(
        *("predict", str(run), str(digits / "0"), str(digits / "1" / "*.png")),
        *("--csv", "answers.csv", "--top", "2"),
        cwd=run.parent,
    )
    assert "0001.png" in told
    with (run.parent / "answers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list((digits / "0").iterdir())) + len(list((digits / "1").iterdir()))
    right = sum(Path(row["path"]).parent.name == row["predicted"] for row in rows)
    assert right / len(rows) > 0.95


def test_leaks_between_given_parts_are_told_and_scored_without(
    digits: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for label in "0123456789":
        files = sorted((digits / label).iterdir())[:20]
        for part, chosen in (("train", files[:12]), ("val", files[12:15]), ("test", files[15:])):
            (data / part / label).mkdir(parents=True)
            for file in chosen:
                shutil.copy(file, data / part / label / file.name)
        shutil.copy(files[0], data / "test" / label / "copied.png")
    told = nunbit_here("train", "data", "--out", "run", "--epochs", "2", cwd=tmp_path)
    assert "10 test images also appear in the training or validation part" in told
    assert "10 leaked images left out" in told
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["n"] == {"train": 120, "validation": 30, "test": 60, "excluded": 0}
    leaks = summary["leaks"]
    assert leaks["test_images"] == 10
    assert sum(c["n"] for c in leaks["test_without_leaks"]["per_class"].values()) == 50


def test_nothing_is_overwritten(run: Path, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    told = nunbit_here("train", str(digits), "--out", "mine", cwd=tmp_path, code=2)
    assert "not empty" in told
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    before = hashlib.sha256((run / "summary.json").read_bytes()).hexdigest()
    told = nunbit_here("train", str(digits), "--out", str(run), cwd=tmp_path, code=2)
    assert "--resume" in told
    assert hashlib.sha256((run / "summary.json").read_bytes()).hexdigest() == before


def test_two_runs_of_one_name_get_folders_of_their_own(few: Path, tmp_path: Path) -> None:
    for _ in range(2):
        nunbit_here("train", str(few), "--epochs", "1", cwd=tmp_path)
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["digits-smallcnn", "digits-smallcnn-2"]


def test_a_timm_model_is_loaded_by_timm(few: Path, tmp_path: Path) -> None:
    nunbit_here(
        *("train", str(few), "--model", "timm/resnet10t", "--epochs", "1", "--out", "run"),
        *("--image-size", "32"),
        cwd=tmp_path,
    )
    bundle = tmp_path / "run" / "model"
    theirs = timm.create_model(f"local-dir:{bundle}", pretrained=True).eval()
    ours = library.load(tmp_path / "run").model
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(theirs(images), ours(images))


def test_the_python_face_trains_too(few: Path, tmp_path: Path) -> None:
    data = library.load_data(few)
    assert data.classes == tuple("0123456789")
    told = library.train(
        data,
        out=tmp_path / "run",
        epochs=1,
        model="lenet5",
        settings={"training.batch_size": 64},
    )
    assert told.summary["parameters"] == 61_706
    assert told.summary["model"] == "lenet5"
    assert library.load(told.folder).classes == data.classes
