"""Numbers and report for a finished run or a bundle, on its own test part or on other data."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from nunbit.bundle import Bundle, load_bundle
from nunbit.classifier import bundle_folder
from nunbit.config import Config, read_config
from nunbit.data.dataset import Dataset
from nunbit.data.split import write_manifest
from nunbit.device import resolve_device
from nunbit.errors import DataError, UsageError
from nunbit.evaluation.confidence import summarise_calibration
from nunbit.evaluation.summary import Evaluated, Summary
from nunbit.files import check_can_write, folder_written_atomically, free_beside
from nunbit.pipelines.dataset import (
    decode_under,
    findings_of,
    inspect_data,
    reopen_dataset,
    report_data,
)
from nunbit.pipelines.evaluation.baselines import baselines_of
from nunbit.pipelines.evaluation.known_classes import all_as_test, keep_known_classes
from nunbit.pipelines.evaluation.near_copies import with_near_copies
from nunbit.pipelines.evaluation.other_data import (
    ABOUT_LEARNING,
    other_data,
    own_run,
    with_trained_images,
)
from nunbit.pipelines.evaluation.summarise import summarise
from nunbit.pipelines.evaluation.test_pass import EvaluatedPart, pass_over_test
from nunbit.pipelines.evaluation.write_result import (
    gather_result,
    recorded_advice,
    write_result,
)
from nunbit.pipelines.run_folder import RunFolder, check_output_folder
from nunbit.pipelines.stopwatch import Stopwatch
from nunbit.pipelines.train import Run
from nunbit.progress import SILENT, Progress
from nunbit.training.speedups.process import keep_freed_memory


def evaluate_run(
    run: Path,
    *,
    data: str | None = None,
    reading: Mapping[str, object] | None = None,
    out: Path | None = None,
    device: str = "auto",
    progress: Progress = SILENT,
) -> Run:
    """Evaluate a run or a bundle again; write its summary, split, predictions and report.

    Without `data`, the run's own test part is used, and refused when its images have changed. Of
    other data, the test part is used where they have one, else all images.

    Args:
        run: folder of a run or of a bundle.
        data: other labelled images, read as the run's own were.
        reading: dotted settings that say how `data` is read, instead of the run's own.
        out: new folder for the results; None makes one beside the run, `<run>-evaluation-<data>`.
        device: where the network runs.
        progress: listener to progress.

    Raises:
        BundleError: when there is no usable model.
        DataError: when the data cannot be used, or hold none of the model's classes.
        UsageError: when `reading` is given without `data`, `run` is a bundle and `data` is
            missing, or `out` is not empty or cannot be written to.
    """
    keep_freed_memory()
    _check_request(run, data=data, reading=reading, out=out)
    config, is_run = _recorded_config(run)
    bundle = load_bundle(bundle_folder(run))
    watch, on = Stopwatch(), resolve_device(device)
    if data is None:
        config, dataset = reopen_dataset(run, bundle, device=on, progress=progress, watch=watch)
    else:
        config = other_data(config, data, reading or {})
        dataset = _open_other(config, bundle, device=on, progress=progress, watch=watch)
        if (own := own_run(run)) is not None:
            dataset = with_trained_images(dataset, own, progress)
            dataset = with_near_copies(dataset, read_config(own.config), bundle, progress=progress)
    findings = tuple(
        finding
        for finding in findings_of(dataset, config)
        if data is None or finding.kind not in ABOUT_LEARNING
    )
    report_data(dataset, findings, progress)
    target = RunFolder(out or free_beside(run, f"evaluation-{dataset.name}"))
    tested, summary = _measure(
        dataset,
        bundle,
        seed=config.seed,
        evaluated=Evaluated(run=str(run.resolve()), data=data),
        watch=watch,
        progress=progress,
    )
    result = gather_result(
        dataset,
        bundle,
        tested,
        summary,
        shown_part="test",
        augmentation=None,
        settings=config.to_toml() if is_run else "",
        command=shlex.join(
            ["nunbit", "evaluate", str(run), *([] if data is None else ["--data", data])]
        ),
        findings=findings,
        advice=recorded_advice(target),
    )
    with _appearing(target.path) as unfinished:
        write_manifest(unfinished.split, dataset.split)
        write_result(unfinished, result, progress)
    return Run(folder=target.path, summary=summary.to_dict())


def _check_request(
    run: Path, *, data: str | None, reading: Mapping[str, object] | None, out: Path | None
) -> None:
    """Stop before any work on what cannot be done.

    Raises:
        BundleError: when there is no model.
        UsageError: as `evaluate_run` says.
    """
    bundle_folder(run)
    if data is None and not RunFolder(run).config.is_file():
        raise UsageError(
            "a model folder does not include its test images",
            path=run,
            remedy="name labelled images with --data, or give the run's folder",
        )
    if data is None and reading:
        raise UsageError(
            "how data are read can be said for other data only",
            remedy="name them with --data; the run's own are read as they were",
        )
    if out is None:
        check_can_write(free_beside(run, "evaluation"))
    else:
        check_output_folder(out)


def _recorded_config(run: Path) -> tuple[Config, bool]:
    """Settings of the run, or the defaults for a model folder; whether it is a run."""
    recorded = RunFolder(run).config
    return (read_config(recorded), True) if recorded.is_file() else (Config(), False)


def _measure(
    dataset: Dataset,
    bundle: Bundle,
    *,
    seed: int,
    evaluated: Evaluated,
    watch: Stopwatch,
    progress: Progress,
) -> tuple[EvaluatedPart, Summary]:
    """One pass over the test part, and its numbers beside the baselines.

    Raises:
        DataError: when there is no usable image.
    """
    with watch.stage("evaluate"):
        tested = pass_over_test(dataset, bundle, seed=seed)
    if tested is None:
        raise DataError(
            "there is no usable image to evaluate on",
            path=dataset.samples.location,
            remedy="run `nunbit check` on the data to see why images are excluded",
        )
    test = tested.predictions
    images_per_second = round(len(test) / watch.seconds["evaluate"], 1)
    with watch.stage("evaluate"):
        baselines = baselines_of(dataset, test, seed=seed, progress=progress)
    summary = summarise(
        dataset,
        bundle,
        tested,
        seconds=watch.summary(),
        images_per_second=images_per_second,
        seed=seed,
        baselines=baselines,
        calibration=summarise_calibration(
            test, temperature=bundle.temperature, thresholds=bundle.thresholds
        ),
        evaluated=evaluated,
    )
    return tested, summary


@contextmanager
def _appearing(path: Path) -> Iterator[RunFolder]:
    """A folder of results, which appears with all of them or not at all.

    Raises UsageError where somebody else has written there in the meantime.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        path.rmdir()  # an empty one
    if path.exists():  # empty, too, but the root of a disk, or the folder that one stands in
        check_output_folder(path)
        yield RunFolder(path)
        return
    try:
        with folder_written_atomically(path) as unfinished:
            yield RunFolder(unfinished)
    except FileExistsError:
        check_output_folder(path)
        raise


def _open_other(
    config: Config, bundle: Bundle, *, device: torch.device, progress: Progress, watch: Stopwatch
) -> Dataset:
    """Other labelled images than the run's own: their test part, or all of them, under the bundle.

    Raises:
        DataError: when they cannot be read, or hold none of the model's classes.
    """
    with watch.stage("check"):
        samples, inspection = inspect_data(config, progress, evaluating=True)
        samples, inspection = keep_known_classes(bundle.classes, samples, inspection)
    with watch.stage("decode"):
        dataset = decode_under(
            bundle.preprocess, samples, inspection, config, device=device, progress=progress
        )
    return dataset.with_split(all_as_test(samples, dataset.split))
