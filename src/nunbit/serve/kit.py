"""The conformance kit answered before anything is served: does this machine answer as it should?

An exported folder holds raw files and the answers that were recorded when it was written. A model
served from a run has none recorded; there the drawn files must have finite answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nunbit.documents import DocumentError, read_json_object
from nunbit.errors import BundleError, UnusableImage
from nunbit.export.conformance import kit_files
from nunbit.export.parity import FLOAT32_TOLERANCE
from nunbit.predictor import NOT_FINITE, Predictor

KIT, EXPECTED = "conformance", "expected.json"
MAX_FILE_BYTES = 64 << 20
NAMED_FILES = 5
_TOGETHER = (
    "restore the folder as `nunbit export` wrote it, or export the run again on this machine"
)


@dataclass(frozen=True)
class KitAnswers:
    """The kit as this machine answers it."""

    files: int
    recorded: bool
    """False where there was nothing to compare with."""
    greatest_difference: float = 0.0
    """Greatest difference of a probability from the recorded one."""


def check_drawn_kit(predictor: Predictor) -> KitAnswers:
    """Answer the drawn files with a model that has no recorded answers.

    Raises BundleError where an answer is not finite.
    """
    files = kit_files()
    for file in files:
        canvas = predictor.preprocess.canvas(file.data)
        if not np.isfinite(predictor.predict_canvases([canvas])).all():
            raise BundleError(f"{NOT_FINITE} ({file.name})")
    return KitAnswers(files=len(files), recorded=False)


def check_recorded_kit(predictor: Predictor, folder: Path) -> KitAnswers:
    """Answer the kit of an exported folder and compare.

    Raises BundleError naming the files whose answers differ from the recorded ones.
    """
    rows = _recorded(folder)
    differences = [_difference(predictor, folder / KIT, row) for row in rows]
    strange = [f"{row['file']}: {d}" for row, d in zip(rows, differences, strict=True) if _bad(d)]
    if strange:
        more = len(strange) - NAMED_FILES
        named = "".join(f"\n    {line}" for line in strange[:NAMED_FILES])
        raise BundleError(
            f"{len(strange)} of {len(rows)} files of the conformance kit are answered differently "
            f"from what was recorded:{named}" + (f"\n    and {more} more" if more > 0 else ""),
            path=folder,
            remedy=_TOGETHER,
        )
    numbers = [d.number for d in differences]
    return KitAnswers(len(rows), recorded=True, greatest_difference=max(numbers, default=0.0))


@dataclass(frozen=True)
class _Difference:
    number: float = 0.0
    said: str = ""

    def __str__(self) -> str:
        return self.said or f"a probability differs by {self.number:.2g}"


def _bad(difference: _Difference) -> bool:
    return bool(difference.said) or not difference.number <= FLOAT32_TOLERANCE


def _difference(predictor: Predictor, kit: Path, row: Mapping[str, Any]) -> _Difference:
    try:
        canvas = predictor.preprocess.canvas(_kit_bytes(kit, row["file"]))
    except UnusableImage as error:
        return _Difference(said="" if "unusable" in row else error.what)
    if "unusable" in row:
        return _Difference(said=f"it has an answer, where there was none: {row['unusable']}")
    (got,) = predictor.predict_canvases([canvas])
    wanted = np.asarray(row["probabilities"], dtype=np.float64)
    if wanted.shape != got.shape:
        return _Difference(said=f"{len(got)} probabilities, where there were {len(wanted)}")
    return _Difference(number=float(np.abs(got - wanted).max()))


def _recorded(folder: Path) -> list[dict[str, Any]]:
    path = folder / KIT / EXPECTED
    try:
        rows = read_json_object(path).get("files")
    except (OSError, DocumentError) as error:
        raise BundleError(
            f"the conformance kit cannot be read: {error}", path=path, remedy=_TOGETHER
        ) from error
    if not isinstance(rows, list) or not rows or not all(map(_is_row, rows)):
        raise BundleError(
            "the conformance kit names no files with their answers", path=path, remedy=_TOGETHER
        )
    return rows


def _is_row(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    name, numbers = row.get("file"), row.get("probabilities")
    plain = isinstance(name, str) and name == Path(name).name and name not in ("", ".", "..")
    answered = isinstance(numbers, list) and all(isinstance(n, int | float) for n in numbers)
    return plain and (answered or isinstance(row.get("unusable"), str))


def _kit_bytes(kit: Path, name: str) -> bytes:
    path = kit / name
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BundleError(
            f"a file of the conformance kit cannot be read: {error.strerror}",
            path=path,
            remedy=_TOGETHER,
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise BundleError("a file of the conformance kit is too large", path=path, remedy=_TOGETHER)
    return data
