"""What would spoil a training, found before it: the quick part that every training runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from nunbit.data.check.finding import Finding
from nunbit.data.inspect import Inspection
from nunbit.types import Samples

EXAMPLES = 5
SMALLEST_CLASS = 3
"""Fewer images than parts leave a class without one in some part."""
IMBALANCE = 20
"""Largest class over smallest class from which accuracy alone misleads."""


def check(
    samples: Samples,
    inspection: Inspection,
    *,
    reasons: Sequence[str],
    max_bad_fraction: float,
) -> tuple[Finding, ...]:
    """Findings about the samples, errors first.

    Args:
        samples: everything that was found.
        inspection: what the files' bytes and headers say.
        reasons: [N] '' for a usable sample, else why not, after decoding.
        max_bad_fraction: share of unusable images above which they are an error.
    """
    found = [
        *_unusable(samples, inspection, reasons, max_bad_fraction),
        *_duplicates(samples, inspection.sha256, reasons),
        *_torn_groups(samples, reasons),
        *_classes(samples, reasons),
        *(Finding(severity="note", title=text, count=0) for text in inspection.remarks),
        *(Finding(severity="note", title=text, count=0) for text in samples.notes),
    ]
    order = ("error", "warning", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def bad_images(inspection: Inspection, reasons: Sequence[str]) -> tuple[list[int], int]:
    """Rows of the images that cannot be used, and how many images there should be.

    Sidecar files are neither.
    """
    pairs = enumerate(zip(inspection.reasons, reasons, strict=True))
    decoded_badly = [row for row, (before, after) in pairs if after and not before]
    return sorted([*inspection.bad_rows, *decoded_badly]), inspection.considered


def _unusable(
    samples: Samples, inspection: Inspection, reasons: Sequence[str], max_bad_fraction: float
) -> Iterator[Finding]:
    bad_rows, considered = bad_images(inspection, reasons)
    bad = len(bad_rows)
    rows = [i for i, reason in enumerate(reasons) if reason]
    if not rows:
        return
    too_many = considered > 0 and bad / considered > max_bad_fraction
    kinds = Counter(reasons[i].partition(":")[0] for i in rows).most_common()
    listed = tuple(f"{samples.paths[i]} ({reasons[i]})" for i in rows)
    yield Finding(
        severity="error" if too_many else "warning",
        title=f"{len(rows):,} of {len(samples):,} files cannot be used"
        + (f", among them {bad / considered:.1%} of the images" if bad else ""),
        count=len(rows),
        examples=listed[:EXAMPLES],
        everything=listed,
        why="They are left out and listed in split.csv: "
        + ", ".join(f"{count} {kind}" for kind, count in kinds),
        remedy=f"Mend or remove them (`nunbit check --json` lists all); a training stops above "
        f"{max_bad_fraction:.1%} bad images (data.max_bad_fraction).",
    )


def _duplicates(
    samples: Samples, sha256: Sequence[str], reasons: Sequence[str]
) -> Iterator[Finding]:
    copies: dict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(sha256):
        if digest and not reasons[i]:
            copies[digest].append(i)
    groups = [rows for rows in copies.values() if len(rows) > 1]
    # A copy without a part follows the others, so it leaks nothing.
    leaks = [rows for rows in groups if len({samples.parts[i] for i in rows} - {""}) > 1]
    if leaks:
        yield Finding(
            severity="error",
            title="The same image stands in several of the given parts",
            count=sum(map(len, leaks)),
            examples=_pairs(samples, leaks),
            why="A network is rewarded for remembering what it has seen: the score is too good.",
            remedy="Remove the copies from one part; the run also states the score without them.",
        )
    contradictions = [rows for rows in groups if len({int(samples.labels[i]) for i in rows}) > 1]
    if contradictions:
        yield Finding(
            severity="warning",
            title="The same image stands in several classes",
            count=sum(map(len, contradictions)),
            examples=_pairs(samples, contradictions),
            why="At most one of the labels is right.",
            remedy="Remove the wrong ones. Until then all copies stay in one part.",
        )
    if groups:
        yield Finding(
            severity="note",
            title="Byte-identical images",
            count=sum(map(len, groups)),
            examples=_pairs(samples, groups),
            why="Copies weigh an image more; a new split keeps them in one part.",
            remedy="Nothing must be done.",
        )


def _torn_groups(samples: Samples, reasons: Sequence[str]) -> Iterator[Finding]:
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(samples.groups):
        if group and samples.parts[i] and not reasons[i]:
            members[group].append(i)
    torn = [group for group, rows in members.items() if len({samples.parts[i] for i in rows}) > 1]
    if torn:
        yield Finding(
            severity="error",
            title=f"{len(torn):,} of the groups stand in several of the given parts",
            count=sum(len(members[group]) for group in torn),
            examples=tuple(torn[:EXAMPLES]),
            why="Images of one group resemble each other, so the score is too good.",
            remedy="Give each group one part, or leave the parts out: a new split keeps groups "
            "whole.",
        )


def _classes(samples: Samples, reasons: Sequence[str]) -> Iterator[Finding]:
    counts = Counter(dict.fromkeys(samples.classes, 0))
    counts.update(samples.label_name(i) for i, reason in enumerate(reasons) if not reason)
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        yield Finding(
            severity="error",
            title=f"{len(empty)} of the classes have no usable image",
            count=0,
            examples=tuple(empty[:EXAMPLES]),
            why="A class without images cannot be learned.",
            remedy="Add images, or remove the class.",
        )
    small = {name: count for name, count in counts.items() if 0 < count < SMALLEST_CLASS}
    if small:
        yield Finding(
            severity="warning",
            title=f"{len(small)} of the classes have fewer than {SMALLEST_CLASS} images",
            count=sum(small.values()),
            examples=tuple(f"{name} ({count})" for name, count in list(small.items())[:EXAMPLES]),
            why="They cannot stand in training, validation and test at once.",
            remedy="Add images, or merge classes with --label-map.",
        )
    present = [count for count in counts.values() if count]
    if present and max(present) > IMBALANCE * min(present):
        (most, many), (least, few) = counts.most_common(1)[0], _smallest(counts)
        yield Finding(
            severity="note",
            title=f"The classes are unbalanced: {most} has {many:,} images, {least} {few:,}",
            count=0,
            why="Accuracy is then mostly that of the large classes.",
            remedy="Look at macro F1 and at the recall of each class.",
        )


def _smallest(counts: Counter[str]) -> tuple[str, int]:
    return min(((name, n) for name, n in counts.items() if n), key=lambda item: item[1])


def _pairs(samples: Samples, groups: Iterable[Sequence[int]]) -> tuple[str, ...]:
    shown = list(groups)[:EXAMPLES]
    return tuple(" = ".join(samples.paths[i] for i in rows[:3]) for rows in shown)
