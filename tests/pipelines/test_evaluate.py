"""Evaluating again: what is said at once, and where the results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nunbit.bundle import Bundle, save_bundle
from nunbit.config import Config
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError, UsageError
from nunbit.files import free_beside
from nunbit.models import create_model
from nunbit.pipelines import evaluate as reevaluate
from nunbit.pipelines.evaluate import evaluate_run
from nunbit.pipelines.run_folder import RunFolder, save_config


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    preprocess = Preprocess(height=16, width=16, channels=1, mean=(0.5,), std=(0.5,))
    model = create_model("smallcnn", classes=10, channels=1, height=16, width=16, generator_seed=1)
    save_bundle(
        tmp_path / "model",
        Bundle(
            model=model,
            architecture="smallcnn",
            classes=tuple("0123456789"),
            preprocess=preprocess,
        ),
    )
    return tmp_path / "model"


@pytest.fixture(autouse=True)
def nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*arguments: object) -> None:
        raise AssertionError("reading the data takes long")

    monkeypatch.setattr(reevaluate, "inspect_data", read)
    monkeypatch.setattr(reevaluate, "reopen_dataset", read)


def test_what_is_not_there_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no such run or model"):
        evaluate_run(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="neither a run nor a model"):
        evaluate_run(tmp_path)


def test_a_run_without_a_model_says_how_to_finish_it(tmp_path: Path) -> None:
    save_config(RunFolder(tmp_path), Config())
    with pytest.raises(BundleError, match="no finished model") as caught:
        evaluate_run(tmp_path)
    assert "nunbit train --resume --out" in caught.value.remedy


def test_a_model_alone_needs_data(bundle: Path) -> None:
    with pytest.raises(UsageError, match="does not include its test images"):
        evaluate_run(bundle)


def test_a_folder_in_use_is_refused_before_the_work(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        evaluate_run(bundle, data="digits", out=tmp_path / "mine")


def test_a_place_to_read_only_is_noticed_before_the_work(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, how: path != tmp_path)
    for out in (None, tmp_path / "new"):
        with pytest.raises(UsageError, match="nothing may be written here"):
            evaluate_run(bundle, data="digits", out=out)


@pytest.mark.parametrize("run", [".", "..", "../x", "../../runs/x"])
def test_results_never_stand_within_the_run(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "runs" / "x" / "model"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    Path(run).mkdir(parents=True, exist_ok=True)
    path = free_beside(Path(run), "evaluation-digits").resolve()
    place = Path(run).resolve()
    assert path == place.parent / f"{place.name}-evaluation-digits"
