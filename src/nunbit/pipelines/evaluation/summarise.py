"""The numbers of a bundle on its test part, as summary.json has them."""

from __future__ import annotations

from typing import Any

from nunbit import __version__
from nunbit.bundle import Bundle
from nunbit.data.corrections import left_out_of_test
from nunbit.data.dataset import Dataset
from nunbit.device import describe_device
from nunbit.evaluation.operating_point import operating_result
from nunbit.evaluation.slices import slice_accuracy
from nunbit.evaluation.summary import Summary, corrected_test_of, leaks_of, scores_of
from nunbit.pipelines.evaluation.test_pass import EvaluatedPart


def summarise(dataset: Dataset, bundle: Bundle, tested: EvaluatedPart, **known: Any) -> Summary:
    """The summary of a pass over the test part; `known` are further fields of it.

    Raises what `evaluate` raises.
    """
    test, attributes = tested.predictions, tested.attributes
    return Summary(
        nunbit=__version__,
        model=bundle.architecture,
        dataset=dataset.name,
        classes=bundle.classes,
        n=dataset.split.counts,
        test=scores_of(test, bundle.classes),
        operating_point=None
        if bundle.operating_point is None
        else operating_result(bundle.operating_point, test, bundle.classes),
        device=describe_device(dataset.device),
        parameters=sum(p.numel() for p in bundle.model.parameters() if p.requires_grad),
        slices=slice_accuracy(test, attributes).summary if attributes else None,
        leaks=leaks_of(test, dataset.split, bundle.classes),
        corrected_test=corrected_test_of(
            test,
            dataset.split,
            bundle.classes,
            former_labels=dataset.samples.former_labels,
            left_out=left_out_of_test(dataset.split),
        ),
        **known,
    )
