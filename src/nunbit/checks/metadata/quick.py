"""The quick check in its order: everything that needs no pixel."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.checks.finding import Finding
from nunbit.checks.metadata.class_from_metadata import metadata
from nunbit.checks.metadata.classes import classes
from nunbit.checks.metadata.duplicates import duplicates
from nunbit.checks.metadata.files import remarks, unusable
from nunbit.checks.metadata.groups import torn_groups
from nunbit.checks.metadata.properties import properties
from nunbit.checks.metadata.shortcuts import shortcuts, tables_of
from nunbit.checks.metadata.sizes import sizes
from nunbit.data.inspect import Inspection
from nunbit.types import Samples


def check(
    samples: Samples,
    inspection: Inspection,
    *,
    reasons: Sequence[str],
    max_bad_fraction: float,
    test_fraction: float = 0.2,
    input_size: tuple[int, int] | None = None,
) -> tuple[Finding, ...]:
    """Findings about the samples, errors first.

    Args:
        samples: everything that was found.
        inspection: what the files' bytes and headers say.
        reasons: [N] '' for a usable sample, else why not, after decoding.
        max_bad_fraction: share of unusable images above which they are an error.
        test_fraction: share that a new split would test with, where the data give no test part.
        input_size: height and width of the network's input; None takes the median image.
    """
    files = properties(samples, inspection, reasons)
    found = [
        *unusable(samples, inspection, reasons, max_bad_fraction),
        *duplicates(samples, inspection.sha256, reasons),
        *torn_groups(samples, reasons),
        *classes(samples, reasons, test_fraction=test_fraction),
        *shortcuts(tables_of(samples, files), samples.classes),
        *metadata(samples, files),
        *sizes(samples, inspection, reasons, input_size=input_size),
        *remarks(samples, inspection),
    ]
    order = ("error", "warning", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
