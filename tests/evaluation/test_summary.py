"""summary.json as a value: what is written is read again, by this version and from older ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import evaluate
from nunbit.evaluation.summary import Summary
from tests.evaluation.cases import names, random_predictions

INTERVAL = [0.25, 0.75]


def written() -> dict[str, Any]:
    """All that a summary can hold, as the first release wrote it, in its order."""
    block = {
        "accuracy": 0.5,
        "accuracy_ci95": INTERVAL,
        "macro_f1": 0.5,
        "macro_f1_ci95": INTERVAL,
        "loss": 0.75,
        "ece": 0.125,
        "ece_ci95": INTERVAL,
        "per_class": {"ant": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "n": 4}},
    }
    confidence = {"ece": 0.125, "ece_ci95": INTERVAL, "loss": 0.75}
    return {
        "nunbit": "0.1.0",
        "model": "smallcnn",
        "dataset": "insects",
        "classes": ["ant"],
        "n": {"train": 9, "validation": 4, "test": 4, "excluded": 0},
        "test": block,
        "validation": None,
        "seconds": {"total": 2.5, "train": 1.5},
        "images_per_second": 12.5,
        "device": "cpu",
        "seed": 7,
        "parameters": 1234,
        "baselines": [
            {
                "kind": "largest-class",
                "detail": "always “ant”, the largest class",
                "n": 4,
                "correct": 2,
                "network_correct": 2,
                "p_value": 1.0,
                "accuracy": 0.5,
                "accuracy_ci95": list(wilson_interval(2, 4)),
            }
        ],
        "calibration": {
            "n_validation": 4,
            "why_no_temperature": "4 validation images are fewer than the 100 that it takes",
            "temperature": 1.0,
            "test": {"before": confidence, "after": confidence},
            "answering": {
                "0.95": {
                    "threshold": 0.5,
                    "n": 4,
                    "answered": 0,
                    "correct": 0,
                    "coverage": 0.0,
                    "coverage_ci95": list(wilson_interval(0, 4)),
                    "accuracy": None,
                    "accuracy_ci95": None,
                }
            },
        },
        "pretrained": "efficientnet-lite0",
        "kept": {"epoch": 2, "why": "the highest validation accuracy of all, 50 %"},
        "transfer": {"mode": "head", "seconds": 0.5},
        "evaluated": {"run": "runs/insects", "data": None},
        "slices": [
            {
                "attribute": "mode",
                "slice": "grey",
                "n": 4,
                "accuracy": 0.5,
                "accuracy_ci95": INTERVAL,
                "accuracy_elsewhere": 1.0,
                "accuracy_expected_of_its_classes": 1.0,
                "p_value": 0.01,
            }
        ],
        "leaks": {"test_images": 1, "test_without_leaks": block},
    }


def test_a_file_is_written_again_as_it_was_read() -> None:
    content = written()
    again = Summary.from_dict(content).to_dict()
    assert list(again) == list(content)
    assert again == content
    json.dumps(again, allow_nan=False)


@pytest.mark.parametrize("key", list(written()))
def test_an_entry_may_be_missing(key: str) -> None:
    content = written()
    del content[key]
    again = Summary.from_dict(content).to_dict()
    assert {k: again[k] for k in content} == content


def test_entries_of_another_version_are_kept() -> None:
    content = written() | {"carbon": {"grams": 3}}
    content["test"] = content["test"] | {"brier": 0.25, "brier_ci95": INTERVAL}
    del content["test"]["macro_f1_ci95"]
    summary = Summary.from_dict(content)
    assert summary.others == {"carbon": {"grams": 3}}
    assert summary.test is not None
    assert summary.test.value("brier") == 0.25
    assert summary.test.values["macro_f1"].ci95 is None
    assert summary.to_dict() == content


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("test", {"accuracy": "high"}),
        ("test", 3),
        ("baselines", [{"kind": "largest-class"}]),
        ("kept", {"epoch": 2}),
        ("calibration", {"temperature": 1.0}),
    ],
)
def test_a_damaged_file_is_an_error(key: str, value: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Summary.from_dict(written() | {key: value})


def test_the_block_of_a_part_is_read_as_it_was_measured() -> None:
    scores = evaluate(random_predictions(60, 3), names(3)).scores
    assert type(scores).from_dict(json.loads(json.dumps(scores.to_dict()))) == scores
