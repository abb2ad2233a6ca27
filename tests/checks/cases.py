"""Made-up diagnoses for the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.finding import Finding
from nunbit.checks.fix_list import proposals
from nunbit.checks.measurements.statistics import StatisticsObserver
from nunbit.data.corrections import Correction
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageArrays
from nunbit.types import ImageFacts, Samples, Split

FACTS = ImageFacts(
    width=40,
    height=30,
    mode="RGB",
    format="PNG",
    frames=1,
    bytes=99,
    rotated=False,
    transparent=False,
)


def noise(height: int, width: int, channels: int) -> Any:
    """A picture getter: each row's own noise."""

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        shape = (height, width, channels)
        drawn = [np.random.default_rng(int(r)).integers(0, 256, shape) for r in rows]
        return np.array(drawn, dtype=np.uint8).reshape(len(rows), *shape)

    return pictures


def made_diagnosis(
    *,
    paths: tuple[str, ...] = ("a[b].png", "b.png", "c.png"),
    labels: tuple[int, ...] = (0, 0, 1),
    classes: tuple[str, ...] = ("a", "b"),
    parts: tuple[str, ...] = ("train", "excluded", "train"),
    given: tuple[str, ...] | None = None,
    findings: tuple[Finding, ...] = (),
    size: tuple[int, int, int] = (12, 10, 3),
    with_statistics: bool = False,
    **changes: Any,
) -> Diagnosis:
    """A diagnosis of images that are noise; row i is image i."""
    n = len(paths)
    reasons = tuple("torn" if part == "excluded" else "" for part in parts)
    samples = Samples(
        name="photos",
        location="my/photos",
        classes=classes,
        images=ImageArrays(array=np.zeros((n, 2, 2, 1), dtype=np.uint8)),
        paths=paths,
        labels=np.array(labels, dtype=np.int64),
        parts=given or ("",) * n,
        groups=("",) * n,
        reasons=reasons,
    )
    inspection = Inspection(
        sha256=tuple(f"{i:064x}" for i in range(n)),
        facts=(FACTS,) * n,
        reasons=reasons,
        bad_rows=(),
        considered=n,
        remarks=(),
    )
    split = Split(
        paths=paths,
        labels=tuple(classes[label] for label in labels),
        parts=parts,
        groups=("",) * n,
        sha256=inspection.sha256,
        reasons=reasons,
    )
    height, width, channels = size
    pictures = noise(*size)
    statistics = None
    if with_statistics:
        observer = StatisticsObserver(parts=parts, channels=channels)
        rows = np.flatnonzero([not reason for reason in reasons])
        observer.observe(rows, pictures(rows))
        statistics = observer.statistics(samples, inspection)
    diagnosis = Diagnosis(
        samples=samples,
        inspection=inspection,
        split=split,
        preprocess=Preprocess(
            height=height,
            width=width,
            channels=1 if channels == 1 else 3,
            mean=(0.5,) * channels,
            std=(0.25,) * channels,
        ),
        findings=findings,
        corrections=proposals(findings, samples),
        pictures=pictures,
        statistics=statistics,
        seconds={"files": 0.25},
    )
    return replace(diagnosis, **changes)


def relabel(path: str, label: str, new: str, reason: str = "looks so") -> Correction:
    return Correction(path=path, action="relabel", label=label, new_label=new, reason=reason)
