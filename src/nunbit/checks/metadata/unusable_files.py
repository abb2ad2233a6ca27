"""Files that cannot be used, or that the user takes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.data.inspect import Inspection
from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.formatting import percentage
from nunbit.types import Samples


class UnusableFiles(Check):
    """Files that are left out, with every reason."""

    name = "unusable-files"
    needs = "metadata"

    def run(self, context: Context) -> Iterator[Finding]:
        """See `unusable`."""
        limit = context.max_bad_fraction
        return unusable(context.samples, context.inspection, context.reasons, limit)


def bad_images(inspection: Inspection, reasons: Sequence[str]) -> tuple[list[int], int]:
    """Rows of the images that cannot be used, and how many images there should be.

    Sidecar files are neither.
    """
    pairs = enumerate(zip(inspection.reasons, reasons, strict=True))
    decoded_badly = [row for row, (before, after) in pairs if after and not before]
    return sorted([*inspection.bad_rows, *decoded_badly]), inspection.considered


def unusable(
    samples: Samples, inspection: Inspection, reasons: Sequence[str], max_bad_fraction: float
) -> Iterator[Finding]:
    """Files that are left out, with reasons; an error where too many cannot be used."""
    given = [i for i, reason in enumerate(reasons) if reason.startswith(EXCLUDED_BY)]
    if given:
        yield _taken_out(samples, reasons, given)
    bad_rows, considered = bad_images(inspection, reasons)
    bad = len(bad_rows)
    rows = [i for i, reason in enumerate(reasons) if reason and not reason.startswith(EXCLUDED_BY)]
    if not rows:
        return
    too_many = considered > 0 and bad / considered > max_bad_fraction
    kinds = Counter(reasons[i].partition(":")[0] for i in rows).most_common()
    listed = tuple(f"{samples.paths[i]} ({reasons[i]})" for i in rows)
    yield Finding(
        kind="unusable-files",
        severity="error" if too_many else "warning",
        title=f"{len(rows):,} of {len(samples):,} files cannot be used"
        + (f", among them {percentage(bad / considered)} of the images" if bad else ""),
        count=len(rows),
        examples=listed[:EXAMPLES],
        everything=listed,
        why="They are left out and listed in split.csv: "
        + ", ".join(f"{count} {kind}" for kind, count in kinds),
        remedy=f"Fix or remove them (`nunbit check --json` lists all); a training stops above "
        f"{percentage(max_bad_fraction)} bad images (data.max_bad_fraction).",
    )


def _taken_out(samples: Samples, reasons: Sequence[str], rows: list[int]) -> Finding:
    """Files that the user's own table or corrections leave out."""
    listed = tuple(f"{samples.paths[i]} ({reasons[i]})" for i in rows)
    return Finding(
        kind="left-out-files",
        severity="note",
        title=f"{len(rows):,} of {len(samples):,} files {'is' if len(rows) == 1 else 'are'} left "
        "out, as your table, options or corrections say",
        count=len(rows),
        examples=listed[:EXAMPLES],
        everything=listed,
    )
