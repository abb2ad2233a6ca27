"""Diagnosis: all findings as one frozen value for terminal, page and programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.finding import Finding
from nunbit.checks.measurements.statistics import Statistics
from nunbit.data.corrections import Correction
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.types import Samples, Split

PictureGetter: TypeAlias = Callable[[NDArray[np.int64]], NDArray[np.uint8]]
"""Row numbers of the data set [B] to pictures as the network sees them, uint8 [B, H, W, C]."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Everything that a check found; row i is sample i of the `Samples`."""

    samples: Samples
    inspection: Inspection
    split: Split
    """The parts as a training would divide them."""
    preprocess: Preprocess
    """The input contract, with the statistics of the training part."""
    findings: tuple[Finding, ...]
    """Errors first, then warnings, then notes."""
    corrections: tuple[Correction, ...]
    """Proposals of the fix list: at most one for each image, sorted by path."""
    pictures: PictureGetter
    statistics: Statistics | None = None
    """None where only the quick part was done, or no image can be used."""
    remarks: tuple[str, ...] = ()
    """Sentences on how it was looked, where there was a choice, and on what was left out."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage."""

    @property
    def usable(self) -> int:
        """Images that a training can use."""
        return len(self.split) - self.split.counts["excluded"]

    def count(self, severity: str) -> int:
        """Findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; groups are lists of paths."""
        return {
            "data": self.samples.name,
            "found": len(self.samples),
            "usable": self.usable,
            "classes": len(self.samples.classes),
            "parts": dict(self.split.counts),
            "findings": [self._finding(finding) for finding in self.findings],
            "corrections": [asdict(correction) for correction in self.corrections],
            "statistics": None if self.statistics is None else self.statistics.to_dict(),
            "remarks": list(self.remarks),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }

    def _finding(self, finding: Finding) -> dict[str, Any]:
        paths = self.samples.paths
        groups = [[paths[row] for row in group] for group in finding.groups]
        return {**asdict(finding), "groups": groups}
