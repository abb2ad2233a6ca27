"""The split of a data set: the one that a run recorded, a given one, or a new one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nunbit.config import Config
from nunbit.data.corrections import read_corrections, with_new_labels
from nunbit.data.dataset import Dataset
from nunbit.data.sources.exclusions import CORRECTED_AWAY
from nunbit.data.split import Fractions, apply_manifest, make_split, read_manifest
from nunbit.errors import DataError
from nunbit.pipelines.splitting.near_duplicate_pairs import near_duplicate_pairs
from nunbit.progress import SILENT, Progress
from nunbit.types import Split


def make_or_load_split(
    dataset: Dataset,
    config: Config,
    *,
    recorded: Path | None = None,
    progress: Progress = SILENT,
) -> Split:
    """The recorded split of a resumed run, a given manifest's, or a new one.

    `recorded` is the manifest of a run that goes on; it need not exist yet.

    Raises:
        DataError: when a manifest does not fit the data, or nothing is left for training.
    """
    sha256, reasons = dataset.sha256, dataset.reasons
    manifest = recorded if recorded is not None and recorded.is_file() else None
    if manifest is None and config.data.manifest is not None:
        manifest = Path(config.data.manifest)
    if manifest is not None:
        split = read_manifest(manifest)
        if manifest == recorded:
            _check_same_corrections(split, dataset, config)
        elif config.data.corrections is not None:
            split = with_new_labels(split, read_corrections(Path(config.data.corrections)))
        try:
            return apply_manifest(
                dataset.samples, split, sha256=sha256, reasons=reasons, manifest_path=manifest
            )
        except DataError as error:
            if manifest != recorded:
                raise
            raise DataError(
                f"the data have changed since the run began: {error.what}",
                path=manifest,
                remedy="put the data back as they were, or begin a new run with another --out",
            ) from error
    fractions = Fractions(
        test=config.split.test_fraction,
        validation=config.split.validation_fraction,
        max_validation=config.split.max_validation,
    )
    return make_split(
        dataset.samples,
        sha256=sha256,
        reasons=reasons,
        fractions=fractions,
        seed=config.seed,
        copies=near_duplicate_pairs(dataset, config, progress),
    )


def _check_same_corrections(recorded: Split, dataset: Dataset, config: Config) -> None:
    """Check that a run goes on with, and is measured on, the images that it began with.

    Labels that the corrections have changed are noticed by `apply_manifest`.

    Raises:
        DataError: when the corrections leave out other images than in the recorded split.
    """
    now = _corrected_away(dataset.paths, dataset.reasons)
    different = sorted(now ^ _corrected_away(recorded.paths, recorded.reasons))
    if different:
        raise DataError(
            f"the corrections have changed since the run began: {different[0]} "
            f"{'is' if different[0] in now else 'is no longer'} excluded",
            path=config.data.corrections,
            remedy="restore the file, or begin a new run",
        )


def _corrected_away(paths: Sequence[str], reasons: Sequence[str]) -> set[str]:
    pairs = zip(paths, reasons, strict=True)
    return {path for path, reason in pairs if reason.startswith(CORRECTED_AWAY)}
