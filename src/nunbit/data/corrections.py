"""Corrections: a list of images to leave out or to give another class, beside the images.

`nunbit check --fix-list` proposes such a list, its owner strikes out what he disagrees with, and
`nunbit train --corrections` applies it. A list that somebody wrote needs two columns only, the path
and the new label. The images themselves are never touched. N samples.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from nunbit.data.csv_io import csv_bytes, read_own_csv
from nunbit.data.sources.exclusions import CORRECTED_AWAY, NO_LABEL, TEST_CORRECTED_AWAY
from nunbit.errors import DataError
from nunbit.formatting import count, examples
from nunbit.suggest import suggest
from nunbit.types import Samples, Split

COLUMNS = ("path", "action", "label", "new_label", "reason")
ACTIONS = ("exclude", "relabel")


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One proposed change of the list of images; the image itself is never touched."""

    path: str
    """Path as in `Samples.paths`."""
    action: Literal["exclude", "relabel"]
    label: str
    """The class that the image has now."""
    new_label: str = ""
    """The class proposed by `relabel`."""
    reason: str
    """Reason, in words for its owner."""


@dataclass(frozen=True)
class CorrectionLine:
    """A correction and the line of the file that it is in."""

    line: int
    correction: Correction
    states_label: bool = True
    """True if the line says which label the image has now."""


def corrections_csv(corrections: Iterable[Correction]) -> bytes:
    """The content of a list of corrections, as UTF-8 CSV: path,action,label,new_label,reason."""
    rows = ((c.path, c.action, c.label, c.new_label, c.reason) for c in corrections)
    return csv_bytes([COLUMNS, *rows])


def read_corrections(path: Path) -> tuple[CorrectionLine, ...]:
    """The corrections of a file that `corrections_csv` made and its owner may have edited.

    Or of one with some of its columns, in any order: path, and new_label or action. Without
    actions, every line relabels; without labels, the images may have any.

    Raises:
        DataError: when the file cannot be read or is not such a list, with the line at fault.
    """
    try:
        rows = read_own_csv(path)
    except OSError as error:
        raise DataError(
            f"the corrections cannot be read: {error.strerror or error}",
            path=path,
            remedy="check the path; `nunbit check DATA --fix-list FILE` writes such a list",
        ) from None
    except csv.Error as error:
        raise DataError(
            f"the corrections are damaged: {error}", path=path, remedy="fix the file"
        ) from None
    columns = tuple(cell.strip() for cell in rows[0][1]) if rows else ()
    if not _is_list(columns):
        raise DataError(
            "the file is not a list of corrections",
            path=path,
            remedy=f"its first line must be path,new_label or {','.join(COLUMNS)}",
        )
    lines = tuple(
        CorrectionLine(line, _correction(cells, columns, line, path), "label" in columns)
        for line, cells in rows[1:]
    )
    seen: dict[str, int] = {}
    for item in lines:
        first = seen.setdefault(item.correction.path, item.line)
        if first != item.line:
            raise _fault(
                path, item.line, f"{item.correction.path} is corrected already in line {first}"
            )
    return lines


def apply_corrections(samples: Samples, lines: Sequence[CorrectionLine], *, path: Path) -> Samples:
    """The samples with exclusions as reasons, new labels, and a note that counts both.

    Args:
        samples: everything that a source found.
        lines: what `read_corrections` gave.
        path: the file of the corrections, for messages.

    Raises:
        DataError: with the line, when an image is not there, has another label than the line
            states, or is to become a class that does not exist.
    """
    row_of = {name: row for row, name in enumerate(samples.paths)}
    labels, reasons = samples.labels.copy(), list(samples.reasons)
    former: dict[str, str] = {}
    kept = 0
    for item in lines:
        correction = item.correction
        row = row_of.get(correction.path)
        if row is None:
            raise _not_there(samples, item, path)
        if item.states_label and samples.label_name(row) != correction.label:
            raise _fault(
                path,
                item.line,
                f"{correction.path} is {_named(samples.label_name(row))}, "
                f"not {_named(correction.label)}",
                remedy="the list was made for other labels: make it again, or correct the line",
            )
        if correction.action == "exclude":
            why = f": {correction.reason}" if correction.reason else ""
            begin = TEST_CORRECTED_AWAY if samples.parts[row] == "test" else CORRECTED_AWAY
            reasons[row] = f"{begin}{why}"
            continue
        labels[row] = _class_number(samples, item, path)
        if labels[row] == samples.labels[row]:
            kept += 1
            continue
        former[correction.path] = samples.label_name(row)
        if reasons[row] == NO_LABEL:
            reasons[row] = ""
    rows = [row_of[item.correction.path] for item in lines]
    note = _note(samples, rows, lines, path, kept=kept)
    return replace(
        samples,
        labels=labels,
        reasons=tuple(reasons),
        notes=(*samples.notes, note),
        former_labels=former,
    )


def with_new_labels(split: Split, lines: Sequence[CorrectionLine]) -> Split:
    """A split made before the corrections, with the labels that they give.

    So the same split serves a training without and one with them.
    """
    new = {item.correction.path: item for item in lines if item.correction.action == "relabel"}

    def label_of(path: str, label: str) -> str:
        item = new.get(path)
        if item is None or (item.states_label and item.correction.label != label):
            return label
        return item.correction.new_label

    pairs = zip(split.paths, split.labels, strict=True)
    return replace(split, labels=tuple(label_of(*pair) for pair in pairs))


def left_out_of_test(split: Split) -> int:
    """Number of images that corrections took out of a test part that was given."""
    return sum(reason.startswith(TEST_CORRECTED_AWAY) for reason in split.reasons)


def _is_list(columns: tuple[str, ...]) -> bool:
    known = set(columns) <= set(COLUMNS) and len(set(columns)) == len(columns)
    return known and "path" in columns and ("new_label" in columns or "action" in columns)


def _correction(cells: list[str], columns: tuple[str, ...], line: int, path: Path) -> Correction:
    if len(cells) != len(columns):
        raise _fault(
            path,
            line,
            f"there {'is' if len(cells) == 1 else 'are'} {count(len(cells), 'column')}, "
            f"not {len(columns)}",
            remedy=f"write {','.join(columns)}; quote what contains the separator",
        )
    given = dict(zip(columns, cells, strict=True))
    name, reason = given["path"], given.get("reason", "")
    action = given.get("action", "relabel").strip()
    label, new_label = given.get("label", "").strip(), given.get("new_label", "").strip()
    if action == "exclude":
        if new_label:
            raise _fault(path, line, f"{name} is to be excluded and yet has a new label")
        return Correction(path=name, action="exclude", label=label, reason=reason)
    if action == "relabel":
        if not new_label or ("label" in columns and new_label == label):
            what = "no new label" if not new_label else f"the label '{label}' that it has"
            raise _fault(path, line, f"{name} is to be relabelled with {what}")
        return Correction(
            path=name, action="relabel", label=label, new_label=new_label, reason=reason
        )
    raise _fault(
        path,
        line,
        f"there is no action '{action}'",
        remedy=suggest(action, ACTIONS, rest=f"actions: {', '.join(ACTIONS)}"),
    )


def _class_number(samples: Samples, item: CorrectionLine, path: Path) -> int:
    name = item.correction.new_label
    if name in samples.classes:
        return samples.classes.index(name)
    raise _fault(
        path,
        item.line,
        f"there is no class '{name}'",
        remedy=suggest(name, samples.classes, form="'{}'")
        or f"the classes are {examples(samples.classes, max_shown=20)}",
    )


def _not_there(samples: Samples, item: CorrectionLine, path: Path) -> DataError:
    name = item.correction.path
    same = [p for p in samples.paths if PurePosixPath(p).name == PurePosixPath(name).name]
    meant = f"did you mean {same[0]}? " if len(same) == 1 else ""
    return _fault(
        path,
        item.line,
        f"{name} is not among the images of {samples.location}",
        remedy=f"{meant}the list must be made for these data; delete the line otherwise",
    )


def _note(
    samples: Samples, rows: list[int], lines: Sequence[CorrectionLine], path: Path, *, kept: int
) -> str:
    excluded = sum(item.correction.action == "exclude" for item in lines)
    relabelled = len(lines) - excluded - kept
    in_test = sum(samples.parts[row] == "test" for row in rows)
    note = (
        f"the corrections in {path.name} exclude {count(excluded, 'image')} "
        f"and give {count(relabelled, 'image')} another class"
    )
    if kept:
        note += f", and name for {count(kept, 'image')} the class that it has"
    return f"{note}, {in_test:,} of them in the given test part" if in_test else note


def _named(label: str) -> str:
    return f"labelled '{label}'" if label else "without a label"


def _fault(path: Path, line: int, what: str, *, remedy: str = "correct the line") -> DataError:
    return DataError(f"line {line} of the corrections: {what}", path=path, remedy=remedy)
