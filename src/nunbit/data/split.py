"""The honest split: seeded, stratified, and no image on both sides.

What is split is a set of samples that must stay together: one group of the user, all
byte-identical copies of an image, near-duplicates that were found, or these chained. Units are
split class by class, so that each class has its fraction of each part; parts that the user has
given are kept as they are.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.data.csv_io import csv_bytes, read_own_csv
from nunbit.data.sources.exclusions import CORRECTED_AWAY, TEST_CORRECTED_AWAY
from nunbit.data.sources.tables.content import SPLIT_COLUMNS
from nunbit.errors import DataError
from nunbit.files import write_atomically
from nunbit.seeds import Purpose, rng_for
from nunbit.types import PARTS, Samples, Split

COLUMNS = SPLIT_COLUMNS


@dataclass(frozen=True, kw_only=True)
class Fractions:
    """Sizes of the parts where the data do not say."""

    test: float = 0.2
    """Fraction of all samples."""
    validation: float = 0.2
    """Fraction of what is left after the test part."""
    max_validation: int = 5000


def make_split(
    samples: Samples,
    *,
    sha256: Sequence[str],
    reasons: Sequence[str],
    fractions: Fractions,
    seed: int,
    copies: NDArray[np.int64] | None = None,
) -> Split:
    """Give every sample its part.

    The result depends on paths, labels, groups, bytes and the seed, never on the order in which
    a folder is listed. A class always keeps one unit for training; one with fewer than three units
    gives none to the test part.

    Args:
        samples: everything that was found.
        sha256: [N] digest of each image's bytes; equal digests stay together.
        reasons: [N] '' for a usable sample, else why it is excluded.
        fractions: the parts' sizes.
        seed: of the run.
        copies: int64 [P, 2] pairs of rows that show one picture; they stay together.

    Raises:
        DataError: when nothing usable is left for training.
    """
    usable = [i for i, reason in enumerate(reasons) if not reason]
    parts = ["excluded"] * len(samples)
    for i in usable:
        parts[i] = samples.parts[i]
    given = {parts[i] for i in usable} - {""}
    units = _units(samples, sha256, usable, [] if copies is None else copies.tolist())
    for unit in units:
        _join_given_part(parts, unit)
    rng = rng_for(seed, Purpose.SPLIT)
    if "test" not in given:
        free = [unit for unit in units if not parts[unit[0]]]
        pool = free or [unit for unit in units if all(parts[i] == "train" for i in unit)]
        _assign(parts, _choose(samples, pool, fractions.test, keep=2, rng=rng), "test")
    if "validation" not in given:
        pool = _within(units, {i for i in usable if parts[i] in ("", "train")})
        fraction = min(fractions.validation, fractions.max_validation / max(1, sum(map(len, pool))))
        _assign(parts, _choose(samples, pool, fraction, keep=1, rng=rng), "validation")
    parts = [part or "train" for part in parts]
    if "train" not in parts:
        raise DataError(
            "no usable image is left for training",
            path=samples.location,
            remedy="run `nunbit check` on the data to see why images are excluded",
        )
    return Split(
        paths=samples.paths,
        labels=tuple(samples.label_name(i) for i in range(len(samples))),
        parts=tuple(parts),
        groups=samples.groups,
        sha256=tuple(sha256),
        reasons=tuple(reasons),
    )


def given_parts(samples: Samples, *, sha256: Sequence[str], reasons: Sequence[str]) -> Split:
    """The table before the split: the parts that the data give, '' where they give none."""
    pairs = zip(samples.parts, reasons, strict=True)
    return Split(
        paths=samples.paths,
        labels=tuple(samples.label_name(i) for i in range(len(samples))),
        parts=tuple("excluded" if reason else part for part, reason in pairs),
        groups=samples.groups,
        sha256=tuple(sha256),
        reasons=tuple(reasons),
    )


def with_exclusions(split: Split, reasons: Sequence[str]) -> Split:
    """The same split without the images [N] that there is a reason against by now."""
    return replace(
        split,
        parts=tuple(
            "excluded" if reason else part
            for part, reason in zip(split.parts, reasons, strict=True)
        ),
        reasons=tuple(
            before or reason for before, reason in zip(split.reasons, reasons, strict=True)
        ),
    )


def small_classes(split: Split) -> dict[str, Counter[str]]:
    """Classes that miss one of the three parts, with their count in each part."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, part in zip(split.labels, split.parts, strict=True):
        if part != "excluded":
            counts[label][part] += 1
    return {
        label: counter
        for label, counter in sorted(counts.items())
        if any(counter[part] == 0 for part in ("train", "validation", "test"))
    }


def manifest_csv(split: Split) -> bytes:
    """The content of `split.csv`: path,label,split,group,sha256,reason."""
    columns = (
        split.paths,
        split.labels,
        split.parts,
        split.groups,
        split.sha256,
        split.reasons,
    )
    return csv_bytes([COLUMNS, *zip(*columns, strict=True)])


def write_manifest(path: Path, split: Split) -> None:
    """Write `split.csv`, in place of an older one."""
    write_atomically(path, manifest_csv(split))


def read_manifest(path: Path) -> Split:
    """Read a `split.csv`.

    Raises:
        DataError: when the file is missing or is not a manifest.
    """
    try:
        rows = read_own_csv(path)
    except OSError as error:
        raise DataError(
            f"the split manifest cannot be read: {error.strerror}",
            path=path,
            remedy="give the split.csv of a run",
        ) from None
    except csv.Error as error:
        raise DataError(
            f"the split manifest is damaged: {error}", path=path, remedy="give the file as it was"
        ) from None
    if not rows or tuple(rows[0][1]) != COLUMNS:
        raise DataError(
            "the file is not a split manifest",
            path=path,
            remedy=f"its first line must be {','.join(COLUMNS)}",
        )
    for number, row in rows[1:]:
        if len(row) != len(COLUMNS) or row[2] not in PARTS:
            raise DataError(
                f"line {number} of the split manifest is damaged",
                path=path,
                remedy=f"it needs {len(COLUMNS)} columns, and a split of {', '.join(PARTS)}",
            )
    cells = [row for _, row in rows[1:]]
    columns = [tuple(column) for column in zip(*cells, strict=True)] or [()] * len(COLUMNS)
    repeated = [name for name, times in Counter(columns[0]).items() if times > 1]
    if repeated:
        raise DataError(
            f"{repeated[0]} appears in the split manifest more than once",
            path=path,
            remedy="keep one row for each image",
        )
    return Split(
        paths=columns[0],
        labels=columns[1],
        parts=columns[2],
        groups=columns[3],
        sha256=columns[4],
        reasons=columns[5],
    )


def apply_manifest(
    samples: Samples,
    manifest: Split,
    *,
    sha256: Sequence[str],
    reasons: Sequence[str],
    manifest_path: Path,
) -> Split:
    """The parts of a manifest for the samples at hand, matched by path.

    A sample that has become unusable is excluded; one that the manifest excludes stays excluded,
    with the reason given there. A group that the samples do not name is taken from the manifest.

    Raises:
        DataError: when samples are missing from either side, or an image's bytes or label have
            changed since the manifest was written.
    """
    row_of = {name: row for row, name in enumerate(manifest.paths)}
    missing = [name for name in samples.paths if name not in row_of]
    gone = sorted(set(manifest.paths) - set(samples.paths))
    for names, what in ((missing, "are not in the manifest"), (gone, "are no longer there")):
        if names:
            raise DataError(
                f"{len(names)} of the images {what}, such as {names[0]}",
                path=manifest_path,
                remedy="make a new split (leave the manifest out), or give the same data",
            )
    parts, groups, merged = [], [], []
    for i, name in enumerate(samples.paths):
        row = row_of[name]
        changed = (
            bool(manifest.sha256[row]) and bool(sha256[i]) and manifest.sha256[row] != sha256[i]
        )
        relabelled = manifest.labels[row] != samples.label_name(i)
        excluded = manifest.parts[row] == "excluded"
        if not excluded and (changed or relabelled):
            raise DataError(
                f"{name} has another {'content' if changed else 'label'} than in the manifest",
                path=manifest_path,
                remedy="make a new split (leave the manifest out), or give the same data",
            )
        reason = reasons[i]
        if excluded and not reason:
            reason = manifest.reasons[row] or "excluded by the manifest"
        reason = _reason_of_test_image(reason, manifest, row)
        merged.append(reason)
        groups.append(samples.groups[i] or manifest.groups[row])
        parts.append("excluded" if reason else manifest.parts[row])
    return Split(
        paths=samples.paths,
        labels=tuple(samples.label_name(i) for i in range(len(samples))),
        parts=tuple(parts),
        groups=tuple(groups),
        sha256=tuple(sha256),
        reasons=tuple(merged),
    )


def _reason_of_test_image(reason: str, manifest: Split, row: int) -> str:
    """The reason, which says so where corrections take an image out of the manifest's test part.

    The manifest of a run that goes on, or is evaluated again, has it that way already.
    """
    was_test = manifest.parts[row] == "test" or manifest.reasons[row].startswith(
        TEST_CORRECTED_AWAY
    )
    if not was_test or not reason.startswith(CORRECTED_AWAY):
        return reason
    why = reason.removeprefix(TEST_CORRECTED_AWAY).removeprefix(CORRECTED_AWAY)
    return f"{TEST_CORRECTED_AWAY}{why}"


def _assign(parts: list[str], units: Iterable[list[int]], part: str) -> None:
    for unit in units:
        for i in unit:
            parts[i] = part


def _units(
    samples: Samples, sha256: Sequence[str], rows: list[int], pairs: Iterable[tuple[int, int]]
) -> list[list[int]]:
    """Sets of rows that share a group, bytes or a pair, directly or through others; by path."""
    parent = {i: i for i in rows}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str], int] = {}
    for i in rows:
        for key in (("group", samples.groups[i]), ("bytes", sha256[i])):
            if key[1]:
                parent[root(i)] = root(first.setdefault(key, i))
    for one, other in pairs:
        if one in parent and other in parent:
            parent[root(one)] = root(other)
    members: dict[int, list[int]] = defaultdict(list)
    for i in sorted(rows, key=lambda row: samples.paths[row]):
        members[root(i)].append(i)
    return list(members.values())


def _join_given_part(parts: list[str], unit: list[int]) -> None:
    """Rows without a part follow those of their unit that have one; test draws most strongly."""
    held = {parts[i] for i in unit}
    part = next((name for name in ("test", "validation", "train") if name in held), "")
    for i in unit:
        parts[i] = parts[i] or part


def _within(units: list[list[int]], rows: set[int]) -> list[list[int]]:
    """Each unit's members among `rows`; units without any are left out."""
    members = ([i for i in unit if i in rows] for unit in units)
    return [unit for unit in members if unit]


def _choose(
    samples: Samples,
    units: list[list[int]],
    fraction: float,
    *,
    keep: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Units, drawn at random, that make up about `fraction` of each class.

    A class never gives its last `keep` units, and gives at least one where it has more. A unit
    that is too large for what its classes still need is passed over, unless one of them would
    give none at all; then the smallest will do.
    """
    size = Counter(int(samples.labels[i]) for unit in units for i in unit)
    left = Counter(label for unit in units for label in {int(samples.labels[i]) for i in unit})
    need = {label: max(1, round(fraction * n)) for label, n in size.items()}
    chosen, passed_over = [], []
    served: set[int] = set()
    for position in rng.permutation(len(units)):
        unit = units[position]
        held = Counter(int(samples.labels[i]) for i in unit)
        gain = sum(min(n, need[label]) for label, n in held.items())
        if 2 * gain < len(unit):
            passed_over.append(unit)
        elif all(left[label] > keep for label in held):
            chosen.append(unit)
            served.update(held)
            for label, n in held.items():
                need[label] = max(0, need[label] - n)
                left[label] -= 1
    for unit in sorted(passed_over, key=len):
        labels = {int(samples.labels[i]) for i in unit}
        if labels - served and all(left[label] > keep for label in labels):
            chosen.append(unit)
            served |= labels
            left.subtract(labels)
    return chosen
