"""Several finished runs held against each other: image by image, over seeds, and by their cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from nunbit.bundle import load_bundle
from nunbit.errors import BundleError, UsageError
from nunbit.evaluation.comparison.seed_variance import spread
from nunbit.evaluation.comparison.values import Comparison, ConfigurationRow, RunRow, Setting
from nunbit.evaluation.f1 import macro_f1
from nunbit.evaluation.metrics import Evidence, measured, metrics_in
from nunbit.evaluation.summary import Summary
from nunbit.pipelines.comparison.configurations import (
    Configuration,
    differing_settings,
    group_by_configuration,
)
from nunbit.pipelines.comparison.pairs import compare_pairs
from nunbit.pipelines.comparison.same_images import (
    check_same_data,
    check_same_test_images,
    other_test_images,
    seen_in_training,
)
from nunbit.pipelines.comparison.seeds import compare_over_seeds, matched_by_seed, overlap_of
from nunbit.pipelines.comparison.speed import Speeds, measure_speeds
from nunbit.pipelines.comparison.verdicts import spread_sentence
from nunbit.pipelines.recorded_run import RecordedRun, read_run
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import SILENT, Progress


def read_runs(paths: Sequence[Path], *, progress: Progress = SILENT) -> tuple[RecordedRun, ...]:
    """The runs in some folders, in their order; nothing is written there.

    Raises:
        UsageError: for fewer than two runs, the same one twice, or an unfinished one.
        DataError: when the files of a run are damaged or do not belong together.
    """
    named = list(zip(paths, _names(paths), strict=True))
    steps = progress.track(named, total=len(named), title="Reading runs")
    return tuple(read_run(path, name=name) for path, name in steps)


def compare_runs(
    runs: Sequence[RecordedRun], *, device: str = "auto", progress: Progress = SILENT
) -> Comparison:
    """Compare finished runs, or results of `nunbit evaluate`; the first is what others are held to.

    Runs tested on the same images are compared image by image. Runs that differ in their seed only
    are summarised by mean and spread, and configurations with several seeds each are compared over
    these; their test images may differ.

    Args:
        runs: what `read_runs` gives.
        device: where speed is measured.
        progress: listener to progress.

    Raises:
        UsageError: for runs that cannot be compared, naming what differs.
    """
    check_same_data(runs)
    configurations = group_by_configuration(runs)
    same_images = not any(other_test_images(runs[0], other) for other in runs[1:])
    if not same_images:
        _check_seeds(runs, configurations)
    speeds, notes = _speeds(configurations, device=device, progress=progress)
    pairs = compare_pairs(_pairs_of(configurations, same_images=same_images))
    over_seeds = compare_over_seeds(configurations, same_images=same_images)
    rows = tuple(_configuration_row(c, same_images=same_images) for c in configurations)
    return Comparison(
        dataset=runs[0].summary.dataset,
        same_images=same_images,
        runs=tuple(_run_row(run, configurations, speeds) for run in runs),
        pairs=pairs,
        configurations=rows,
        over_seeds=over_seeds,
        settings=tuple(
            Setting(key=key, values=values) for key, values in differing_settings(configurations)
        ),
        verdicts=(
            *(row.verdict for row in over_seeds),
            *(spread_sentence(row.name, row.accuracy) for row in rows if row.accuracy.n > 1),
            *(row.verdict for row in pairs),
        ),
        speed_measured_on=speeds.measured_on,
        notes=(*_leak_notes(runs), *notes),
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Short names: the folders' own where they are unique, else the paths as given."""
    if len(paths) < 2:
        raise UsageError(
            "a comparison needs at least two runs", remedy="nunbit compare RUN OTHER-RUN"
        )
    places = [path.resolve() for path in paths]
    for one, two in combinations(range(len(paths)), 2):
        if places[one] == places[two]:
            raise UsageError(
                "the same run is given twice", path=paths[two], remedy="name each run once"
            )
    names = [place.name for place in places]
    return [
        name if names.count(name) == 1 else str(path)
        for name, path in zip(names, paths, strict=True)
    ]


def _check_seeds(runs: Sequence[RecordedRun], configurations: Sequence[Configuration]) -> None:
    """Other test images tell something only where the spread over seeds is known."""
    alone = next((c.runs[0] for c in configurations if not c.has_spread), None)
    if alone is not None:
        place = runs.index(alone)
        for earlier in runs[:place]:
            check_same_test_images(earlier, alone)
        for later in runs[place + 1 :]:
            check_same_test_images(alone, later)


def _pairs_of(
    configurations: Sequence[Configuration], *, same_images: bool
) -> list[tuple[RecordedRun, RecordedRun]]:
    """Pairs in the order of `Comparison.pairs`."""
    first, *others = configurations
    if not same_images:
        matched = [matched_by_seed(first.runs, other.runs) for other in others]
        return [pair for pairs in matched for pair in pairs or ()]
    others_runs = [run for other in others for run in other.runs]
    return [(first.runs[0], run) for run in others_runs or first.runs[1:]]


def _configuration_row(configuration: Configuration, *, same_images: bool) -> ConfigurationRow:
    overlap = 0.0 if same_images else overlap_of(configuration)
    return ConfigurationRow(
        name=configuration.name,
        runs=tuple(run.name for run in configuration.runs),
        seeds=tuple(run.seed for run in configuration.runs),
        accuracy=spread([_accuracy(run) for run in configuration.runs], overlap=overlap),
        macro_f1=spread([_macro_f1(run) for run in configuration.runs], overlap=overlap),
    )


def _run_row(run: RecordedRun, configurations: Sequence[Configuration], speeds: Speeds) -> RunRow:
    found = Evidence(run.answers)
    training = _training_summary(run)
    index = next(k for k, c in enumerate(configurations) if any(run is member for member in c.runs))
    return RunRow(
        name=run.name,
        folder=str(run.folder),
        configuration=index,
        model=run.summary.model,
        seed=run.seed,
        n=found.n,
        correct=found.correct,
        numbers=measured(found, metrics_in("compare")),
        parameters=run.summary.parameters,
        model_bytes=_bytes_of(run.model_folder),
        train_seconds=training.seconds.get("train"),
        device=training.device or run.summary.device,
        images_per_second=speeds.images_per_second.get(configurations[index].name),
    )


def _speeds(
    configurations: Sequence[Configuration], *, device: str, progress: Progress
) -> tuple[Speeds, list[str]]:
    """Speeds of one run of each configuration, as seeds change nothing; and the unknown ones."""
    bundles, notes = {}, []
    for configuration in configurations:
        folder = next((run.model_folder for run in configuration.runs if run.model_folder), None)
        if folder is None:
            notes.append(f"The speed of {configuration.name} is not known: its model is gone.")
            continue
        try:
            bundles[configuration.name] = load_bundle(folder)
        except BundleError as error:
            notes.append(f"The speed of {configuration.name} is not known: {error.what}.")
    if not bundles:
        return Speeds(images_per_second={}, measured_on=""), notes
    for _ in progress.track((None,), total=1, title="Measuring speed"):
        speeds = measure_speeds(bundles, device=device)
    return speeds, notes


def _leak_notes(runs: Sequence[RecordedRun]) -> list[str]:
    """A warning for each run that has learned from images that it is tested on."""
    seen = {run.name: (seen_in_training(run), len(run.paths)) for run in runs}
    return [
        f"{name} has learned from {count:,} of its {n:,} test images: its numbers are too good."
        for name, (count, n) in seen.items()
        if count
    ]


def _accuracy(run: RecordedRun) -> float:
    return float(run.answers.right.mean())


def _macro_f1(run: RecordedRun) -> float:
    return macro_f1(Evidence(run.answers).confusion)


def _training_summary(run: RecordedRun) -> Summary:
    """summary.json of the training; empty where it is gone, for only its time is taken from it."""
    if run.trained_in is None:
        return Summary()
    try:
        return RunFolder(run.trained_in).read_summary()
    except UsageError:
        return Summary()


def _bytes_of(folder: Path | None) -> int | None:
    if folder is None:
        return None
    return sum(item.stat().st_size for item in folder.rglob("*") if item.is_file())
