"""The parity gate: an export is only kept when it answers raw files as nunbit does.

Each file goes the whole way twice, through nunbit and through the export: decoded, brought to a
canvas, answered. Where they part is named: when decoding, when resizing, or in the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import ExportError, UnusableImage

FLOAT32_TOLERANCE = 1e-4
"""Greatest difference of a probability in float32; networks of the catalogue stay below 5e-5."""
NAMED_FILES = 10

Canvas = NDArray[np.uint8]
Answer = Callable[[list[Canvas]], NDArray[Any]]
"""Function from canvases, uint8 [H, W, C] each, to probabilities [n, K]."""
_BATCH = 32


@dataclass(frozen=True)
class RawFile:
    """A file as the user has it."""

    name: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One way of using the export."""

    name: str
    canvas: Callable[[bytes], Canvas]
    """Function from the bytes of a file; raises UnusableImage."""
    answer: Answer
    tolerance: float = FLOAT32_TOLERANCE
    exact_canvases: bool = True
    """True if its canvases must be nunbit's to the byte."""


@dataclass
class Parity:
    """Differences between an engine's answers and nunbit's."""

    engine: str
    tolerance: float
    files: int = 0
    unusable: int = 0
    """Files that both refuse, for the same reason or another."""
    canvases_equal: int = 0
    greatest_level: int = 0
    """Greatest difference between two canvases, in grey levels of 255."""
    labels_equal: int = 0
    greatest_difference: float = 0.0
    """Greatest difference of a probability."""
    mean_difference: float = 0.0
    departures: list[dict[str, str]] = field(default_factory=list)
    """Files whose answer is not the same within the tolerance, and at which step they part."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for parity.json."""
        return asdict(self)


class Gate:
    """Compares engines with nunbit file by file; holds a few canvases at a time."""

    def __init__(self, reference: Engine, engines: Sequence[Engine]) -> None:
        self.reference = reference
        self.engines = engines
        self.results = tuple(Parity(engine=e.name, tolerance=e.tolerance) for e in engines)

    def run(self, files: Iterable[RawFile]) -> tuple[Parity, ...]:
        """The parity of each engine on all files."""
        some: list[RawFile] = []
        for file in files:
            some.append(file)
            if len(some) == _BATCH:
                self._compare(some)
                some = []
        if some:
            self._compare(some)
        for result in self.results:
            answered = result.files - result.unusable
            result.mean_difference /= max(1, answered)
        return self.results

    def _compare(self, files: Sequence[RawFile]) -> None:
        wanted = [_canvas(self.reference, file) for file in files]
        truth = _answers(self.reference, wanted)
        for engine, result in zip(self.engines, self.results, strict=True):
            got = [_canvas(engine, file) for file in files]
            answers = _answers(engine, got)
            for number, file in enumerate(files):
                result.files += 1
                a, b = wanted[number], got[number]
                if isinstance(a, str) or isinstance(b, str):
                    self._one_refused(engine, result, file, a, b)
                    continue
                self._one_answered(engine, result, file, (a, b), (truth[number], answers[number]))

    def _one_refused(
        self, engine: Engine, result: Parity, file: RawFile, a: Canvas | str, b: Canvas | str
    ) -> None:
        if isinstance(a, str) and isinstance(b, str):
            result.unusable += 1
            return
        who = "nunbit" if isinstance(a, str) else engine.name
        result.departures.append(
            {
                "file": file.name,
                "step": "decode",
                "what": f"only {who} refuses it: {a if isinstance(a, str) else b}",
            }
        )

    def _one_answered(
        self,
        engine: Engine,
        result: Parity,
        file: RawFile,
        canvases: tuple[Canvas, Canvas],
        answers: tuple[NDArray[Any], NDArray[Any]],
    ) -> None:
        levels = np.abs(canvases[0].astype(np.int16) - canvases[1].astype(np.int16)).max()
        same_canvas = bool(levels == 0)
        difference = float(np.abs(answers[0] - answers[1]).max())
        if not np.isfinite(difference):  # a comparison with nan finds nothing
            difference = math.inf
        same_label = int(answers[0].argmax()) == int(answers[1].argmax())
        result.canvases_equal += same_canvas
        result.greatest_level = max(result.greatest_level, int(levels))
        result.labels_equal += same_label
        result.greatest_difference = max(result.greatest_difference, difference)
        result.mean_difference += difference
        if not same_canvas and engine.exact_canvases:
            what = f"canvases differ by up to {levels} grey levels"
            result.departures.append({"file": file.name, "step": "decode or resize", "what": what})
        elif same_canvas and difference > engine.tolerance:
            what = f"probabilities differ by up to {difference:.2g}"
            result.departures.append({"file": file.name, "step": "network", "what": what})


def check_parity(results: Sequence[Parity]) -> None:
    """Refuse an export that answers differently.

    Raises:
        ExportError: with a table of files and the step at which each departs.
    """
    for result in results:
        if result.departures:
            rows = "".join(
                f"\n    {row['file']}: {row['step']}: {row['what']}"
                for row in result.departures[:NAMED_FILES]
            )
            more = len(result.departures) - NAMED_FILES
            raise ExportError(
                f"the exported model answers {len(result.departures):,} of {result.files:,} files "
                f"differently ({result.engine}):{rows}"
                + (f"\n    and {more:,} more" if more > 0 else ""),
                remedy="nothing was written; report it with these lines and the versions of "
                "`nunbit --version`",
            )


def _canvas(engine: Engine, file: RawFile) -> Canvas | str:
    """The engine's canvas of a file, or why there is none."""
    try:
        return engine.canvas(file.data)
    except UnusableImage as error:
        return error.what


def _answers(engine: Engine, canvases: Sequence[Canvas | str]) -> dict[int, NDArray[Any]]:
    """Probabilities of the usable ones by their place."""
    usable = [number for number, canvas in enumerate(canvases) if not isinstance(canvas, str)]
    if not usable:
        return {}
    rows = engine.answer([c for c in canvases if not isinstance(c, str)])
    return dict(zip(usable, np.asarray(rows), strict=True))
