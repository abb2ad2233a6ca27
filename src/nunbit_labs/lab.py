"""The object that a lab's code works with: settings, and ways to show, cache, compare and check.

The same code runs cell by cell under `nunbit lab`, in a notebook, and as a plain script.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure

from nunbit.pipelines.train import Run
from nunbit.progress import SILENT, Progress
from nunbit_labs.comparison import Comparison, Goal, Published, Unit
from nunbit_labs.course import find_lab
from nunbit_labs.data_paths import DataMissing, LabData, lab_data
from nunbit_labs.display import as_output, show_here
from nunbit_labs.drawing import film
from nunbit_labs.exercises import CheckedAnswer, check
from nunbit_labs.experiment_cache import Repeated, repeat, train_repeatedly
from nunbit_labs.outputs import Animation, Output, Picture
from nunbit_labs.record import folder_of
from nunbit_labs.style import apply_style

T = TypeVar("T")
QUICK_VARIABLE = "NUNBIT_LAB_QUICK"
QUICK_IMAGES = 500


class Lab:
    """One run of one lab."""

    def __init__(
        self,
        name: str,
        *,
        quick: bool,
        folder: Path,
        progress: Progress = SILENT,
        emit: Callable[[Output], None] | None = None,
    ) -> None:
        self.name = name
        self.quick = quick
        """True if everything should take seconds, on little data and few seeds."""
        self.folder = folder
        """Folder that the lab may write to, below runs/labs."""
        self.progress = progress
        """Listener to progress; pass it to what takes long."""
        self.comparisons: list[Comparison] = []
        self.checks: dict[str, CheckedAnswer] = {}
        self.kept_seconds = 0.0
        """Time of the experiments that had run before."""
        self._emit = emit or self._show_here
        self._pictures = 0

    def pick(self, full: T, *, quick: T) -> T:
        """Return the first in a full run, the second in a quick one."""
        return quick if self.quick else full

    def seeds(self, full: int, *, quick: int = 2) -> range:
        """The seeds 0, 1, 2 …: so many in a full run, so many in a quick one."""
        return range(self.pick(full, quick=quick))

    def data(self, name: str, *, quick_images: int = QUICK_IMAGES) -> LabData:
        """Images of mnist, fashion-mnist or cifar10: all, or a few in a quick run.

        The result is false where a full run cannot have them. In a quick run, generated files of
        the same format replace them; `real` is then false.
        """
        return lab_data(name, quick=self.quick, images=quick_images, folder=self.folder / "data")

    def needs(self, data: LabData) -> None:
        """Leave out the rest of the lab where `data` cannot be had: the page says "not run here".

        Raises:
            DataMissing: without the data; in a script or notebook, that is the end.
        """
        if not data:
            remedy = "docs/data.md says where it is looked for; a quick run needs none"
            raise DataMissing(data.why, remedy=remedy)

    def subplots(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        size: tuple[float, float] | None = None,
        **options: Any,
    ) -> tuple[Figure, Any]:
        """A new figure with its axes, as `Figure.subplots` gives them; `size` in inches.

        The page is 9.6 inches wide.
        """
        figure = Figure(figsize=size or (4.6 * columns, 3.0 * rows), layout="constrained")
        return figure, figure.subplots(rows, columns, **options)

    def show(
        self, thing: Any, *, description: str = "", caption: str = "", width: int | None = None
    ) -> None:
        """Show a figure, a table of pandas, an image, text, or anything with an HTML form.

        Args:
            thing: a matplotlib Figure; a DataFrame; pixels, uint8 [H, W] or [H, W, C]; ...
            description: what a picture shows, for those who cannot see it; a picture needs one.
            caption: below a picture.
            width: of an image of pixels, in the page.
        """
        self._emit(as_output(thing, description=description, caption=caption, width=width))

    def animate(
        self,
        draw: Callable[[Figure, T], object],
        moments: Iterable[T],
        *,
        description: str,
        size: tuple[float, float] = (4.6, 3.0),
        seconds: float = 0.2,
        caption: str = "",
    ) -> None:
        """Show a film: `draw(figure, moment)` fills an empty figure for each moment."""
        self._emit(
            film(
                draw, moments, size=size, description=description, seconds=seconds, caption=caption
            )
        )

    def repeat(
        self, name: str, function: Callable[..., T], *, seeds: Iterable[int], **settings: Any
    ) -> Repeated[T]:
        """The results of `function(seed=..., **settings)`, one for each seed, stored on disk.

        They must be numbers, texts, lists or dictionaries of them. A stored result is used as
        long as name, settings and the function's own text are the same.
        """
        found = repeat(
            name,
            function,
            seeds=seeds,
            settings=settings,
            folder=self.folder / "kept",
            progress=self.progress,
        )
        self.kept_seconds += found.kept_seconds
        return found

    def train(
        self, name: str, data: LabData | str | Path, *, seeds: Iterable[int] = (0,), **options: Any
    ) -> Repeated[Run]:
        """A run of `nunbit.train(data, seed=..., **options)` for each seed.

        A finished one is not repeated, an interrupted one continues.
        """
        found = train_repeatedly(
            name,
            data.source if isinstance(data, LabData) else data,
            seeds=seeds,
            options=options,
            folder=self.folder / "kept",
            progress=self.progress,
        )
        self.kept_seconds += found.kept_seconds
        return found

    def compare(  # noqa: PLR0913 - a row of the table of results
        self,
        what: str,
        ours: Sequence[float] | float | str | None,
        published: Published,
        *,
        goal: Goal = "equal",
        tolerance: float | None = None,
        comparable: bool | None = None,
        images: int | None = None,
        seconds: float | None = None,
        remark: str = "",
    ) -> None:
        """Show our number beside the published one, with a verdict, and record it.

        Args:
            what: the experiment or quantity, in words.
            ours: one number for each seed; one number; text; None where it could not be run.
            published: what others have reported.
            goal: `equal` for arithmetic, `higher` or `lower` for what is better that way.
            tolerance: permitted difference for `equal`; None means half a unit of the last
                published digit.
            comparable: whether ours was measured as the published number was; None means in a
                full run only.
            images: test images that each number was measured on.
            seconds: total of all seeds.
            remark: what the reader must know, such as an error in the source.
        """
        numbers = _numbers(ours)
        row = Comparison(
            what=what,
            published=published,
            ours=numbers,
            goal=goal,
            tolerance=tolerance,
            comparable=not self.quick if comparable is None else comparable,
            images=images,
            seconds=seconds,
            remark=remark,
        )
        self.comparisons.append(row)
        self._emit(row)

    def record(
        self,
        what: str,
        ours: Sequence[float] | float,
        *,
        unit: Unit = "%",
        digits: int = 1,
        images: int | None = None,
        seconds: float | None = None,
        remark: str = "",
    ) -> None:
        """Put a number that nobody has published into the table of all results.

        The page does not show it: it has its own picture or table of what was measured. Arguments
        are those of `compare` and `Published`.
        """
        self.comparisons.append(
            Comparison(
                what=what,
                published=Published(None, source="", digits=digits, unit=unit),
                ours=_numbers(ours),
                goal="equal",
                tolerance=None,
                comparable=not self.quick,
                images=images,
                seconds=seconds,
                remark=remark,
            )
        )

    def check(self, name: str, answer: Any, test: Callable[[Any], object]) -> None:
        """Test the answer to an exercise, and show what came of it; see `nunbit_labs.check`."""
        checked = check(name, answer, test)
        self.checks[name] = checked
        self._emit(checked)

    def _show_here(self, output: Output) -> None:
        self._pictures += isinstance(output, Picture | Animation)
        show_here(output, self.folder / f"picture-{self._pictures}")


_ACTIVE: list[Lab] = []


def open_lab(name: str) -> Lab:
    """The running lab; in a script or notebook, a new one.

    There it is quick with `--quick` on the command line, or NUNBIT_LAB_QUICK=1 in the environment.
    """
    if _ACTIVE:
        return _ACTIVE[-1]
    quick = "--quick" in sys.argv[1:] or os.environ.get(QUICK_VARIABLE, "") not in ("", "0")
    full_name = find_lab(name)
    apply_style()
    return Lab(full_name, quick=quick, folder=folder_of(full_name, quick=quick).path)


@contextmanager
def running(lab: Lab) -> Iterator[Lab]:
    """Inside, `open_lab` gives this lab."""
    _ACTIVE.append(lab)
    try:
        yield lab
    finally:
        _ACTIVE.remove(lab)


def accuracies(runs: Iterable[Run], part: str = "test") -> list[float]:
    """The accuracy of each run on a part, 0 to 1."""
    return [float(run.summary[part]["accuracy"]) for run in runs]


def _numbers(ours: Sequence[float] | float | str | None) -> tuple[float, ...] | str | None:
    if ours is None or isinstance(ours, str):
        return ours
    return tuple(float(value) for value in np.atleast_1d(ours))
