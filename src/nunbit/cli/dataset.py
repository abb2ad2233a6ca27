"""What `check` and `split` do first: find the images and look at each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nunbit.config import Config
    from nunbit.data.inspect import Inspection
    from nunbit.progress import Progress
    from nunbit.types import Samples


def data_settings(
    *, label_from: str | None, label_map: Path | None, group_from: str | None
) -> dict[str, object | None]:
    """The settings behind the options that say how DATA is to be read."""
    return {
        "data.label_from": label_from,
        "data.label_map": None if label_map is None else str(label_map),
        "data.group_from": group_from,
    }


def look_at(config: Config, progress: Progress) -> tuple[Samples, Inspection]:
    """The samples of the configured data, and what their files are.

    Raises DataError when the data cannot be read at all.
    """
    from joblib import cpu_count

    from nunbit.data.inspect import inspect
    from nunbit.data.sources import load_samples

    data = config.data
    samples = load_samples(
        data.path,
        label_from=data.label_from,
        label_map=None if data.label_map is None else Path(data.label_map),
        group_from=data.group_from,
    )
    for note in samples.notes:
        progress.note(note)
    return samples, inspect(samples, workers=cpu_count(), progress=progress)
