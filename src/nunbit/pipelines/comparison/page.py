"""The page of a comparison, with the images from the data of the runs."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.evaluation.comparison.values import Comparison
from nunbit.formatting import timestamp
from nunbit.pipelines.comparison.tested_images import tested_images
from nunbit.pipelines.recorded_run import RecordedRun
from nunbit.progress import SILENT, Progress
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.comparison.page import build_comparison
from nunbit.reports.kit.pictures import Original
from nunbit.versions import versions


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
            finished=timestamp(),
        ),
        progress=progress,
    )
