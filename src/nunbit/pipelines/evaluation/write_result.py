"""Writing a run's results: summary.json, predictions.csv and report.html."""

from __future__ import annotations

import json
from typing import Any

from nunbit.advisor.plans import Advice, advice_from_dict
from nunbit.bundle import Bundle
from nunbit.data.augment import Augmentation
from nunbit.data.dataset import Dataset
from nunbit.documents import read_json_object
from nunbit.errors import DataError, UsageError
from nunbit.evaluation.predictions import write_predictions
from nunbit.evaluation.summary import Summary
from nunbit.files import write_atomically
from nunbit.formatting import timestamp
from nunbit.models.catalog import model_info
from nunbit.models.summary import Summary as LayerSummary
from nunbit.models.summary import summarise as summarise_layers
from nunbit.pipelines.evaluation.pictures import canvases_as_seen, originals_of
from nunbit.pipelines.evaluation.preprocessing_steps import contract_strip
from nunbit.pipelines.evaluation.test_pass import EvaluatedPart
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress
from nunbit.reports.run import RunResult, build_report
from nunbit.types import Part
from nunbit.versions import versions


def gather_result(
    dataset: Dataset,
    bundle: Bundle,
    tested: EvaluatedPart,
    summary: Summary,
    *,
    shown_part: Part,
    augmentation: Augmentation | None,
    **known: Any,
) -> RunResult:
    """The result of a bundle on the test part, with the pictures that its report shows.

    Args:
        dataset: the data, with the bundle's contract.
        bundle: what was tested.
        tested: what it said of the test part.
        summary: the numbers.
        shown_part: of which some images are shown on their way through the contract.
        augmentation: shown with them; None shows none.
        known: further fields of `RunResult`.
    """
    originals = originals_of(dataset.samples, dataset.inspection, dataset.preprocess)
    return RunResult(
        summary=summary,
        split=dataset.split,
        predictions=tested.predictions,
        attributes=tested.attributes,
        features=tested.features,
        no_features=tested.no_features,
        pictures=canvases_as_seen(dataset.pixels, dataset.preprocess),
        originals=originals,
        strip=contract_strip(
            dataset,
            originals,
            part=shown_part,
            augmentation=augmentation,
            seed=summary.seed or 0,
        ),
        layers=layer_table(bundle),
        contract=dataset.preprocess.to_dict(),
        versions=versions(),
        finished=timestamp(),
        **known,
    )


def write_result(folder: RunFolder, result: RunResult, progress: Progress) -> None:
    """Write predictions and report, then the summary, which says that the run has ended."""
    write_predictions(folder.predictions, result.predictions, result.split.paths, result.classes)
    write_atomically(folder.report, build_report(result, progress=progress))
    content = json.dumps(result.summary.to_dict(), indent=2, ensure_ascii=False)
    write_atomically(folder.summary, content + "\n")


def recorded_advice(folder: RunFolder) -> Advice | None:
    """Advice of the adviser before the training; None if it was not asked."""
    if not folder.advice.is_file():
        return None
    try:
        return advice_from_dict(read_json_object(folder.advice))
    except (OSError, ValueError, DataError):  # a damaged file costs a section, not the report
        return None


def layer_table(bundle: Bundle) -> LayerSummary | None:
    """Table of `nunbit summary`; None where a pass without values cannot be watched."""
    shape = bundle.preprocess.shape
    # The zoos' networks hide more from a real pass, such as a fused attention.
    own = model_info(bundle.architecture).origin == "nunbit"
    try:
        return summarise_layers(
            bundle.model, shape, name=bundle.architecture, with_real_tensors=own
        )
    except UsageError:
        return None
