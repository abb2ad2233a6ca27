"""What the adviser's benchmark makes of expectations and truths; its numbers are nobody's test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nunbit.advisor.evidence import gain
from nunbit.advisor.plans import Z95
from tests.advisor.advice import ADVICE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import adviser
import agreement
from agreement import Seed, difference, judged, overall

RIGHT = {"last-stage": 182, "stages:2": 190, "head": 172, "all": 168, "none": 100}
"""Of 200 test images, the first so many."""


def seed_with(right: dict[str, int], *, n: int = 200) -> Seed:
    return Seed(
        advice=ADVICE,
        answers={plan: {f"{i}.png": i < count for i in range(n)} for plan, count in right.items()},
        summaries={
            plan: {
                "test": {
                    "accuracy": count / n,
                    "accuracy_ci95": [count / n - 0.01, count / n + 0.01],
                },
                "n": {"train": 400, "test": n},
                "seconds": {"train": 12.3},
            }
            for plan, count in right.items()
        },
    )


@pytest.fixture
def measured() -> dict[str, Any]:
    return judged("birds", [seed_with(RIGHT)])


def test_regret_and_order_are_counted(measured: dict[str, Any]) -> None:
    assert measured["best"] == "stages:2"
    assert measured["regret"]["points"] == pytest.approx(4)  # 95 could be had, 91 was recommended
    assert measured["table_regret"]["points"] == pytest.approx(9)  # the table says head
    # 182 and 190 of 200 are decided, the only pair in the wrong order; 172 and 168 are, too.
    assert measured["pairs_in_order"] == [9, 10]
    assert measured["rank_correlation"] == pytest.approx(0.9)
    verdicts = {plan["plan"]: plan["verdict"] for plan in measured["seeds"][0]["plans"]}
    assert verdicts == {
        "last-stage": "met",
        "stages:2": "above",
        "head": "met",
        "all": "met",
        "none": "below",
    }


def test_pairs_that_chance_could_have_ordered_do_not_count() -> None:
    measured = judged("birds", [seed_with({**RIGHT, "stages:2": 183})])
    pairs = [set(pair["plans"]) for pair in measured["pairs"]]
    assert {"last-stage", "stages:2"} not in pairs
    assert {"head", "stages:2"} in pairs
    assert measured["pairs_in_order"] == [9, 9]


def test_the_error_of_one_seed_is_that_of_paired_shares() -> None:
    generator = np.random.default_rng(0)
    one, two = generator.random(500) < 0.8, generator.random(500) < 0.7
    seed = Seed(
        advice=ADVICE,
        answers={
            name: {str(i): bool(value) for i, value in enumerate(right)}
            for name, right in (("all", one), ("head", two))
        },
        summaries={},
    )
    mean, error = difference([seed], "all", "head")
    reference = gain(two, one)
    assert mean == pytest.approx(reference.estimate)
    assert Z95 * error == pytest.approx((reference.high - reference.low) / 2, rel=0.02)


def test_the_same_images_again_make_no_seed_more_certain_and_other_trainings_less() -> None:
    same = [seed_with(RIGHT)] * 4
    (mean, error), (again, of_four) = (difference(s, "all", "head") for s in (same[:1], same))
    assert again == pytest.approx(mean)
    assert of_four == pytest.approx(error)
    lucky = [seed_with({**RIGHT, "all": count}) for count in (150, 190, 130, 199)]
    spread = np.std([(150 - 172) / 200, 0.09, -0.21, 27 / 200], ddof=1) / 2
    assert difference(lucky, "all", "head")[1] > 0.9 * spread


def test_equal_truths_have_no_order() -> None:
    measured = judged("birds", [seed_with(dict.fromkeys(RIGHT, 180))])
    assert measured["rank_correlation"] is None
    assert measured["pairs_in_order"] == [0, 0]
    assert overall([measured])["decided_correlation"] is None
    assert "| – | 0 of 0 |" in adviser.agreement([measured])


def test_data_sets_count_alike(measured: dict[str, Any]) -> None:
    other = judged("bees", [seed_with(dict.fromkeys(RIGHT, 180))] * 2)
    both = overall([measured, other])
    assert both["regret"]["points"] == pytest.approx(2)
    assert both["regret"]["error"] == pytest.approx(measured["regret"]["error"] / 2)
    assert both["pairs_in_order"] == [9, 10]
    assert both["decided_correlation"] == pytest.approx(0.8)


def test_the_tables_name_every_plan(measured: dict[str, Any]) -> None:
    text = adviser.table(measured)
    assert "birds: 400 training images, 200 test images, seeds: 1" in text
    assert "| last stage and head | 92.0 | 91.0 | 1 of 1 | 1 of 1 | 30 s | 12 s |" in text
    assert text.count("\n| ") == len(RIGHT) + 2
    said = adviser.agreement([measured])
    assert "| birds | 1 | 0.90 | 9 of 10 | last stage and head | 4.0 ± 2.7 | head | 9.0" in said
    assert "9 of 10 decided pairs in order, which is a rank correlation of 0.80" in said


def test_answers_are_read_from_a_runs_predictions(tmp_path: Path) -> None:
    file = tmp_path / "predictions.csv"
    file.write_text('path,label,predicted,confidence\n"a, b.png",x,x,0.9\nc.png,x,y,0.6\n')
    assert agreement.answers_of(file) == {"a, b.png": True, "c.png": False}


def test_data_sets_are_written_once_and_have_their_test_part(
    tmp_path: Path, fashion_mnist: Path
) -> None:
    settings = adviser.SETS["fashion-500"](tmp_path, 0)
    assert settings == {"data.path": str(tmp_path / "fashion.npz")}
    with np.load(tmp_path / "fashion.npz") as arrays:
        assert arrays["x_train"].shape == (500, 28, 28, 1)
        assert np.bincount(arrays["y_train"]).tolist() == [50] * 10
        assert len(arrays["y_test"]) == adviser.TEST_IMAGES
        assert len(arrays["class_names"]) == 10
        first = {name: arrays[name] for name in ("x_train", "x_test")}
    before = (tmp_path / "fashion.npz").stat().st_mtime_ns
    adviser.SETS["fashion-500"](tmp_path, 0)
    assert (tmp_path / "fashion.npz").stat().st_mtime_ns == before
    adviser.SETS["fashion-500"](tmp_path / "other", 1)
    with np.load(tmp_path / "other" / "fashion.npz") as arrays:
        assert (arrays["x_test"] == first["x_test"]).all()
        assert (arrays["x_train"] != first["x_train"]).any()
