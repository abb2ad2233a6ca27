from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nunbit.evaluation import predictions as predictions_file
from nunbit.evaluation.metrics import evaluate
from nunbit.evaluation.predictions import write_predictions
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions


def test_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    predictions = random_predictions(40, 3)
    # the rows stand anywhere in the data set
    rows = np.arange(99, 59, -1, dtype=np.int64)
    predictions = Predictions(logits=predictions.logits, labels=predictions.labels, indices=rows)
    paths = [f"part/{i:05d}" for i in range(100)]
    write_predictions(tmp_path / "predictions.csv", predictions, paths, names(3))
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert list(table) == [
        "path",
        "label",
        "predicted",
        "confidence",
        "prob_kind 0",
        "prob_kind 1",
        "prob_kind 2",
    ]
    assert table["path"].tolist() == [f"part/{i:05d}" for i in rows]
    assert table["label"].tolist() == [f"kind {k}" for k in predictions.labels]
    assert table["predicted"].tolist() == [f"kind {k}" for k in predictions.predicted]
    np.testing.assert_allclose(table.iloc[:, 4:], predictions.probabilities, rtol=1e-8)
    np.testing.assert_allclose(
        table["confidence"], predictions.probabilities.max(axis=1), rtol=1e-8
    )
    assert [p.name for p in tmp_path.iterdir()] == ["predictions.csv"]


def test_every_number_can_be_computed_from_the_file(tmp_path: Path) -> None:
    predictions = random_predictions(300, 4)
    write_predictions(tmp_path / "p.csv", predictions, [str(i) for i in range(300)], names(4))
    table = pd.read_csv(tmp_path / "p.csv")
    metrics = evaluate(predictions, names(4))
    assert (table["label"] == table["predicted"]).mean() == metrics.accuracy
    loss = np.mean([-np.log(row[f"prob_{row['label']}"]) for _, row in table.iterrows()])
    assert loss == pytest.approx(metrics.loss, rel=1e-7)


def test_names_with_commas_quotes_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    odd = 'a,"b"\n \udcff.png'
    predictions = random_predictions(1, 2, labels=[0])
    write_predictions(tmp_path / "p.csv", predictions, [odd], ("café, 고양이", "=1+1"))
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        header, row = list(csv.reader(file))
    assert header[-2:] == ["prob_café, 고양이", "prob_=1+1"]
    assert row[:2] == [odd, "café, 고양이"]


def test_unknown_labels_are_left_empty_and_no_rows_leave_the_header(tmp_path: Path) -> None:
    predictions = random_predictions(2, 2)
    unknown = Predictions(
        logits=predictions.logits, labels=np.array([-1, 1]), indices=predictions.indices
    )
    write_predictions(tmp_path / "p.csv", unknown, ["a", "b"], ("x", "y"))
    rows = (tmp_path / "p.csv").read_text().splitlines()
    assert rows[1].startswith("a,,")
    assert rows[2].startswith("b,y,")
    write_predictions(tmp_path / "p.csv", unknown.subset(np.array([], dtype=int)), [], ("x", "y"))
    assert (tmp_path / "p.csv").read_text() == "path,label,predicted,confidence,prob_x,prob_y\n"


def test_the_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """It grows with images times classes."""
    predictions = random_predictions(1000, 200)
    _ = predictions.probabilities
    tracemalloc.start()
    write_predictions(tmp_path / "p.csv", predictions, [""] * 1000, names(200))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (tmp_path / "p.csv").stat().st_size  # as text and as bytes it was six times that


def test_many_rows_are_those_of_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, paths = random_predictions(200, 3), [str(i) for i in range(200)]
    write_predictions(tmp_path / "pieces.csv", predictions, paths, names(3))
    monkeypatch.setattr(predictions_file, "CHUNK_SIZE", 1000)
    write_predictions(tmp_path / "piece.csv", predictions, paths, names(3))
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "piece.csv").read_bytes()
    assert len((tmp_path / "piece.csv").read_text().splitlines()) == 201
