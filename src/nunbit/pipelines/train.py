"""The spine: from labelled images to a trained, evaluated, documented classifier.

`_run` names the stages in order; what a stage does stands in a module of its own, which takes plain
values or its section of the settings. `train` and `resume` see to the folder that a run owns.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from nunbit.bundle import Bundle
from nunbit.config import Config, build_config
from nunbit.config.budget import decide_budget
from nunbit.config.contradictions import check_settings
from nunbit.config.resolve import asks_adviser, resolve_training, resolve_transfer_mode
from nunbit.config.resolved import Decision, ModelAndInput, ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.data.sources import dataset_name
from nunbit.data.split import write_manifest
from nunbit.device import deterministic_algorithms, resolve_device
from nunbit.evaluation.baselines import Baseline
from nunbit.evaluation.summary import Summary, scores_of
from nunbit.files import remove_leftovers, write_atomically
from nunbit.pipelines.advise import advise_and_record
from nunbit.pipelines.dataset import check_still_there, open_dataset
from nunbit.pipelines.evaluation.baselines import baselines_of
from nunbit.pipelines.evaluation.summarise import summarise
from nunbit.pipelines.evaluation.test_pass import EvaluatedPart, pass_over_test, predict_part
from nunbit.pipelines.evaluation.write_result import (
    gather_result,
    recorded_advice,
    write_result,
)
from nunbit.pipelines.run_folder import (
    RunFolder,
    alone_in,
    check_output_folder,
    claim,
    make_folder,
    recorded_notes,
    rename_claimed,
    resumable,
    run_name,
    save_config,
    taken_back_where_refused,
    with_absolute_paths,
)
from nunbit.pipelines.stopwatch import Stopwatch
from nunbit.pipelines.training.card import model_card
from nunbit.pipelines.training.deploy import calibrate, calibration_summary, deploy
from nunbit.pipelines.training.epochs import events_of, images_per_second, select_epoch
from nunbit.pipelines.training.linear_probe import linear_probe
from nunbit.pipelines.training.network import check_batches_of_one, new_model
from nunbit.pipelines.training.objective import Objective, check_correctable, objective_of
from nunbit.pipelines.training.operating_rule import operating_rule_of
from nunbit.pipelines.training.resume import config_to_resume, recorded_config
from nunbit.pipelines.training.training_stage import TrainingResult, run_training
from nunbit.progress import SILENT, Progress
from nunbit.training.checkpoint import previous_of
from nunbit.training.speedups.process import keep_freed_memory
from nunbit.types import Predictions


@dataclass(frozen=True)
class Run:
    """A finished run."""

    folder: Path
    summary: dict[str, Any]


def train(
    config: Config,
    *,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress = SILENT,
    command: str = "",
) -> Run:
    """Check, split, train, evaluate and report.

    Args:
        config: what to do; `auto` values are decided here and written to config.toml.
        out: the run's folder; None makes a new one under runs/.
        resume: go on with the run in `out` where it was interrupted, or begin it.
        progress: where what happens is reported.
        command: what the user typed, for the report.

    Raises:
        DataError: when the data cannot be used.
        UsageError: when a setting, the device or the output folder cannot be used.
        TrainingError: when the loss is not a number any more.
        RunInterrupted: when the user stopped it; `remedy` says how to go on.
    """
    keep_freed_memory()
    config = with_absolute_paths(config)
    if out is None:
        return _train_in_new_folder(config, progress=progress, command=command)
    folder = RunFolder(out)
    config = _config_for(config, folder, resume=resume)
    if not folder.summary.is_file():
        check_settings(config)
        resolve_device(config.device)
        made = make_folder(out)
        with alone_in(folder), resumable(folder):
            # Again, now that nobody else can begin or end a run here.
            config = _config_for(config, folder, resume=resume)
            if not folder.summary.is_file():
                for left in (folder.path, folder.last.parent, folder.kept):
                    remove_leftovers(left)
                begins = None if folder.config.is_file() else made
                save_config(folder, config, notes=recorded_notes(folder))
                return _run(config, folder, made=begins, progress=progress, command=command)
    progress.note("the run has already ended")
    return Run(folder=out, summary=folder.read_summary().to_dict())


def _config_for(config: Config, folder: RunFolder, *, resume: bool) -> Config:
    """The configuration for a run in a folder: the recorded one of a run that goes on.

    Raises:
        UsageError: when the folder holds something else, or the run has other settings.
        DataError: when the data of a run that goes on are gone.
    """
    if resume and folder.config.is_file():
        config = config_to_resume(config, recorded_config(folder), folder.path)
        if not folder.summary.is_file():
            check_still_there(config, then="or begin a new run on what lies elsewhere")
        return config
    if not resume or folder.path.exists():
        check_output_folder(folder.path)
    return config


def _train_in_new_folder(config: Config, *, progress: Progress, command: str) -> Run:
    """Begin a run in a folder below runs/, which is ours before anything long starts.

    Until the network is chosen, it has the name of the data alone.
    """
    check_settings(config)
    resolve_device(config.device)
    folder = claim(dataset_name(config.data.path))
    made = (folder.path, folder.path.parent)
    with alone_in(folder):
        with taken_back_where_refused(folder, made):
            save_config(folder, config)
        return _run(config, folder, made=made, named=False, progress=progress, command=command)


def resume(out: Path, *, settings: Mapping[str, object], progress: Progress = SILENT) -> Run:
    """Go on with the run in `out`, with the settings that it recorded.

    Raises:
        UsageError: when there is no run, or a setting differs from the recorded one; and what
            `train` raises.
    """
    recorded = recorded_config(RunFolder(out))
    wanted = build_config({}, settings, origin="the settings")
    config_to_resume(with_absolute_paths(wanted), recorded, out)
    return train(recorded, out=out, resume=True, progress=progress)


def _run(
    wishes: Config,
    folder: RunFolder,
    *,
    made: Sequence[Path] | None,
    named: bool = True,
    progress: Progress,
    command: str,
) -> Run:
    """The stages, in order, in a folder that is locked; one that is not `named` gets a name.

    `made` are the folders that were made for a new run, None of one that had begun before.
    """
    watch = Stopwatch()
    device = resolve_device(wishes.device)
    check_settings(wishes)

    # --- Data: inspected, decoded, split ---
    with resumable(folder), taken_back_where_refused(folder, made):
        dataset, chosen, findings = open_dataset(
            wishes,
            device=device,
            recorded=folder.split,
            report=True,
            progress=progress,
            watch=watch,
        )
    if not named:
        mode = wishes.transfer.mode if chosen.model.weights is not None else None
        folder = rename_claimed(folder, run_name(dataset.name, chosen.model.name, mode=mode))
        made = (folder.path, folder.path.parent)

    # --- Network and settings: nothing stays open, and the folder records why ---
    with resumable(folder), taken_back_where_refused(folder, made):
        network, config, objective, notes = _settle(
            wishes, chosen, dataset, folder, watch=watch, progress=progress
        )
        write_manifest(folder.split, dataset.split)

    # --- Training ---
    with watch.stage("train"), deterministic_algorithms(config.deterministic), resumable(folder):
        budget = decide_budget(wishes.pixels)
        trained = run_training(
            config, dataset, network, objective, folder, budget=budget, progress=progress
        )
    watch.seconds["train"] += trained.earlier_seconds

    # --- Bundle, calibrated on the validation part; then the test part, once ---
    with watch.stage("evaluate"), resumable(folder):
        evaluated = _evaluate(config, dataset, trained, objective, folder, progress)

    # --- Numbers, model card and report ---
    with resumable(folder):
        summary = _summarise(
            config,
            dataset,
            trained,
            evaluated,
            seconds=watch.summary(),
            class_balance=objective.sentence or None,
        )
        command = command or shlex.join(["nunbit", "train", "--recipe", str(folder.config)])
        told = {"notes": (*notes, *trained.notes), "findings": findings, "command": command}
        _write_down(config, dataset, trained, evaluated, summary, folder, progress, **told)
    for checkpoint in (folder.best, folder.last):
        shutil.rmtree(previous_of(checkpoint), ignore_errors=True)  # only a running one needs it
    return Run(folder=folder.path, summary=summary.to_dict())


def _settle(
    wishes: Config,
    chosen: ModelAndInput,
    dataset: Dataset,
    folder: RunFolder,
    *,
    watch: Stopwatch,
    progress: Progress,
) -> tuple[nn.Module, ResolvedConfig, Objective, list[str]]:
    """The network with its first weights, the settings without `auto`, the objective, the notes.

    Settings and notes are recorded in the folder before the training begins, so that a run that
    goes on does as it began; what a run that goes on decides again, it has reported before.
    """
    objective = objective_of(wishes.training, dataset)
    operating_rule_of(wishes.training, dataset)  # says what cannot be before minutes of work
    network, remarks = new_model(chosen.model, dataset, seed=wishes.seed)
    if wishes.training.prior_correction:
        check_correctable(network, dataset.preprocess.shape)
    recorded = recorded_notes(folder)
    notes = recorded or [*_notes(chosen.decisions), *remarks]
    if recorded:
        _report(notes, progress)
    else:
        for note in _notes(chosen.decisions):
            progress.note(note)
        _report(remarks, progress)
    with watch.stage("advise" if asks_adviser(wishes) else "train"):
        mode = resolve_transfer_mode(
            wishes,
            lambda: advise_and_record(wishes, chosen.model, dataset, network, folder, progress),
        )
    config = resolve_training(
        wishes,
        chosen,
        mode,
        preprocess=dataset.preprocess,
        network=network,
        device=dataset.device,
        data_name=dataset.name,
        counts=dataset.split.counts,
    )
    if config.transfer.mode == "none":
        check_batches_of_one(
            network,
            dataset.preprocess.shape,
            model=config.model.name,
            batch_size=config.training.batch_size,
        )
    if not recorded:
        later = [
            *_notes(config.decisions[len(chosen.decisions) :]),
            *([objective.sentence] if objective.sentence else []),
        ]
        _report(later, progress)
        notes += later
    save_config(folder, config.settings, notes=notes)
    return network, config, objective, notes


class _Evaluated(NamedTuple):
    """The bundle, and what it says of validation and test part."""

    bundle: Bundle
    validation: Predictions | None
    """Answers before the calibration; None without a validation part."""
    tested: EvaluatedPart
    baselines: tuple[Baseline, ...]


def _evaluate(
    config: ResolvedConfig,
    dataset: Dataset,
    trained: TrainingResult,
    objective: Objective,
    folder: RunFolder,
    progress: Progress,
) -> _Evaluated:
    """Write the bundle, calibrate it, and look at the test part for the first and only time."""
    bundle = deploy(config, dataset, trained.state, objective, folder, progress=progress)
    validation = trained.validation or predict_part(dataset, bundle, "validation")
    operating = operating_rule_of(config.training, dataset)
    bundle = calibrate(folder.model, bundle, validation, operating=operating)
    tested = pass_over_test(dataset, bundle, seed=config.seed)
    assert tested is not None  # a data set without test images is refused before training
    test, budget = tested.predictions, decide_budget(config.settings.pixels)
    baselines = (
        *baselines_of(dataset, test, seed=config.seed, progress=progress),
        *linear_probe(dataset, test, config, folder, budget=budget, progress=progress),
    )
    return _Evaluated(bundle, validation, tested, baselines)


def _summarise(
    config: ResolvedConfig,
    dataset: Dataset,
    trained: TrainingResult,
    evaluated: _Evaluated,
    *,
    seconds: dict[str, float],
    class_balance: str | None,
) -> Summary:
    """The content of summary.json."""
    bundle, validation, tested, baselines = evaluated
    kept, weights = None, config.settings.model.pretrained
    if config.transfer.mode != "head":  # a fitted head knows no epochs
        images = dataset.split.counts["validation"]
        kept = select_epoch(trained.state, config.checkpoint, validation_images=images)
    return summarise(
        dataset,
        bundle,
        tested,
        validation=scores_of(
            validation and validation.at_temperature(bundle.temperature), bundle.classes
        ),
        seconds=seconds,
        images_per_second=images_per_second(trained.state),
        seed=config.seed,
        baselines=baselines,
        calibration=calibration_summary(bundle, tested.predictions, validation),
        pretrained=None if weights == "none" else weights,
        kept=kept,
        transfer=trained.transfer,
        class_balance=class_balance,
    )


def _write_down(
    config: ResolvedConfig,
    dataset: Dataset,
    trained: TrainingResult,
    evaluated: _Evaluated,
    summary: Summary,
    folder: RunFolder,
    progress: Progress,
    **told: Any,
) -> None:
    """Write model card, predictions, report, and at last the summary: the run has ended.

    `told` are the notes, the findings and the command for the report.
    """
    card = model_card(summary, preprocess=dataset.preprocess, mirrored=evaluated.bundle.mirrored)
    write_atomically(folder.model / "README.md", card)
    result = gather_result(
        dataset,
        evaluated.bundle,
        evaluated.tested,
        summary,
        shown_part="train",
        augmentation=config.augmentation,
        settings=config.settings.to_toml(),
        model_reason=config.model.reason,
        # A fitted head has no curve; of a tuned network, epoch 0 is the head it began with.
        epochs=[] if summary.kept is None else trained.state.history,
        events=events_of(trained.state, trained.tuning),
        advice=recorded_advice(folder),
        **told,
    )
    write_result(folder, result, progress)


def _notes(decisions: Iterable[Decision[Any]]) -> list[str]:
    """Notes on the decisions of a run."""
    return [decision.note for decision in decisions if decision.note]


def _report(notes: Iterable[str], progress: Progress) -> None:
    """Show warnings to everyone, the rest to those who ask for details; the report has all."""
    for note in notes:
        (progress.note if note.startswith("warning") else progress.detail)(note)
