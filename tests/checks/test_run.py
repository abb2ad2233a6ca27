"""The whole examination of data with planted faults, and its one pass over the pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.finding import Finding
from nunbit.checks.registry import CHECKS
from nunbit.checks.run import MAX_BATCH_IMAGES, examine, examine_quickly
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageArrays
from nunbit.types import Samples, Split
from tests.checks.cases import FACTS

N = 900
COPIES = {890: 30, 891: 31}
CONTRACT = Preprocess(height=16, width=16, channels=1, fit="squash", mean=(0.5,), std=(0.5,))
GIVEN = Finding(kind="given", severity="note", title="found before", count=0)


class CountedPixels:
    """An array of canvases that remembers which rows were asked for, and in which steps."""

    def __init__(self, array: NDArray[np.uint8], reasons: tuple[str, ...]) -> None:
        self.array, self.reasons, self.preprocess = array, reasons, CONTRACT
        self.asked: list[NDArray[np.int64]] = []

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[torch.Tensor]:
        for rows in index_batches:
            self.asked.append(rows)
            yield torch.from_numpy(self.array[rows])


def digits(n: int, *, wrong: dict[int, int], copies: dict[int, int], flat: int) -> Any:
    """Digits of 16 x 16 pixels with labels changed, copies planted and one image of one colour."""
    from PIL import Image

    images, labels = load_digits(return_X_y=True)
    images = (images[:n].reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    large = np.array([np.asarray(Image.fromarray(i).resize((16, 16))) for i in images])
    for row, source in copies.items():
        large[row] = np.clip(large[source] * 0.9 + 8, 0, 255).astype(np.uint8)
        labels[row] = labels[source]
    large[flat] = 40
    for row, label in wrong.items():
        labels[row] = label
    return large[..., None], labels[:n].astype(np.int64)


@pytest.fixture(scope="module")
def planted() -> tuple[Any, Split, dict[int, int]]:
    n, flat, torn = N, 7, 9
    _, labels = load_digits(return_X_y=True)
    wrong = {row: int((labels[row] + 5) % 10) for row in (20, 77, 210, 305, 333)}
    array, labels = digits(n, wrong=wrong, copies=COPIES, flat=flat)
    reasons = tuple("torn" if row == torn else "" for row in range(n))
    samples = Samples(
        name="digits",
        location="digits",
        classes=tuple("0123456789"),
        images=ImageArrays(array=array),
        paths=tuple(f"{row:05d}" for row in range(n)),
        labels=labels,
        parts=tuple("test" if row >= 880 else "train" for row in range(n)),
        groups=("",) * n,
        reasons=reasons,
    )
    inspection = Inspection(
        sha256=tuple(f"{row:064x}" for row in range(n)),
        facts=(replace(FACTS, width=16, height=16, mode="L"),) * n,
        reasons=reasons,
        bad_rows=(torn,),
        considered=n,
        remarks=(),
    )
    split = Split(
        paths=samples.paths,
        labels=tuple(samples.label_name(row) for row in range(n)),
        parts=tuple(
            "excluded" if reason else part
            for reason, part in zip(reasons, samples.parts, strict=True)
        ),
        groups=samples.groups,
        sha256=inspection.sha256,
        reasons=reasons,
    )
    pixels = CountedPixels(array, reasons)
    return SimpleNamespace(samples=samples, inspection=inspection, pixels=pixels), split, wrong


@pytest.fixture(scope="module")
def diagnosis(planted: tuple[Any, Split, dict[int, int]]) -> Diagnosis:
    data, split, _ = planted
    return examine(data, split, findings=(GIVEN,), preprocess=CONTRACT)


def test_every_usable_image_is_looked_at_once_and_in_order(
    diagnosis: Diagnosis, planted: tuple[Any, Split, dict[int, int]]
) -> None:
    asked = np.concatenate(planted[0].pixels.asked)
    np.testing.assert_array_equal(asked, np.delete(np.arange(N), 9))
    assert max(map(len, planted[0].pixels.asked)) <= MAX_BATCH_IMAGES


def test_what_was_planted_is_found(
    diagnosis: Diagnosis, planted: tuple[Any, Split, dict[int, int]]
) -> None:
    of_kind = {finding.kind: finding for finding in diagnosis.findings}
    assert of_kind["one-colour"].groups == ((7,),)
    assert set(of_kind["near-duplicates-across-parts"].groups) >= {(30, 890), (31, 891)}
    wrong = planted[2]
    suspected = {group[0] for group in of_kind["suspected-labels"].groups}
    assert len(suspected & wrong.keys()) >= 3  # how many of them is the labels' own test
    assert len(suspected) <= 2 * len(wrong)
    assert of_kind["given"] == GIVEN


def test_findings_are_ordered_by_severity(diagnosis: Diagnosis) -> None:
    order = [("error", "warning", "note").index(f.severity) for f in diagnosis.findings]
    assert order == sorted(order)


def test_the_fix_list_follows_the_findings(
    diagnosis: Diagnosis, planted: tuple[Any, Split, dict[int, int]]
) -> None:
    chosen = {c.path: c for c in diagnosis.corrections}
    assert [*chosen] == sorted(chosen)
    assert chosen["00007"].action == "exclude"
    assert chosen["00030"].reason == "a near-duplicate is in the test part"
    truth = load_digits(return_X_y=True)[1]
    relabelled = [chosen[path] for row in planted[2] if (path := f"{row:05d}") in chosen]
    assert len(relabelled) >= 3
    relabelled = [correction for correction in relabelled if correction.action == "relabel"]
    assert len(relabelled) >= 2  # of the others it is unclear what they show
    for correction in relabelled:
        assert correction.new_label == str(truth[int(correction.path)])


def test_statistics_are_those_of_the_pixels(
    diagnosis: Diagnosis, planted: tuple[Any, Split, dict[int, int]]
) -> None:
    assert diagnosis.statistics is not None
    train = planted[0].pixels.array[planted[1].indices("train")]
    assert diagnosis.statistics.part("train").mean[0] == pytest.approx(train.mean(), rel=1e-12)
    of_pixels = {check.name for check in CHECKS if check.needs != "metadata"}
    assert set(diagnosis.seconds) == {"pixels", *of_pixels}


def test_the_result_fits_into_json(diagnosis: Diagnosis) -> None:
    import json

    report = json.loads(json.dumps(diagnosis.to_dict()))
    assert report["usable"] == N - 1
    (copies,) = [f for f in report["findings"] if f["kind"] == "near-duplicates-across-parts"]
    assert ["00030", "00890"] in copies["groups"]
    assert sum(report["statistics"]["pixels"]["all"]["histogram"][0]) == (N - 1) * 256


def test_the_same_data_give_the_same_diagnosis(
    diagnosis: Diagnosis, planted: tuple[Any, Split, dict[int, int]]
) -> None:
    again = examine(planted[0], planted[1], findings=(GIVEN,), preprocess=CONTRACT)
    assert again.findings == diagnosis.findings
    assert again.corrections == diagnosis.corrections


def test_the_quick_part_looks_at_no_pixel(planted: tuple[Any, Split, dict[int, int]]) -> None:
    data, split, _ = planted
    unseen = SimpleNamespace(**{**vars(data), "pixels": CountedPixels(data.pixels.array, ())})
    quick = examine_quickly(unseen, split, findings=(GIVEN,), preprocess=CONTRACT)
    assert quick.findings == (GIVEN,)
    assert quick.statistics is None
    assert unseen.pixels.asked == []


def test_data_without_a_usable_image_are_no_crash(
    planted: tuple[Any, Split, dict[int, int]],
) -> None:
    data, split, _ = planted
    n = len(split)
    none = replace(split, parts=("excluded",) * n, reasons=("torn",) * n)
    found = examine(data, none, findings=(GIVEN,), preprocess=CONTRACT)
    assert (found.usable, found.statistics, found.findings) == (0, None, (GIVEN,))
