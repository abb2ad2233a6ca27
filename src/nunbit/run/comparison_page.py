"""The page of a comparison, with the images from the data of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nunbit.evaluation.comparison.build import build_comparison
from nunbit.evaluation.comparison.inputs import PageInput
from nunbit.evaluation.comparison.values import Comparison
from nunbit.evaluation.report.inputs import Original
from nunbit.progress import SILENT, Progress
from nunbit.run.outcome import versions
from nunbit.run.recorded import RecordedRun
from nunbit.run.tested_images import tested_images


def comparison_page(
    comparison: Comparison,
    runs: Sequence[RecordedRun],
    *,
    command: str = "",
    progress: Progress = SILENT,
) -> str:
    """The comparison of `runs` as self-contained HTML.

    Images are read from where the runs found them; what is gone or changed is said in their place.
    """

    def pictures(paths: Sequence[str]) -> dict[str, Original]:
        return tested_images(runs, paths)

    return build_comparison(
        PageInput(
            comparison=comparison,
            pictures=pictures,
            command=command,
            versions=versions(),
            finished=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        ),
        progress=progress,
    )
