"""`Samples` of what a source found: class names cleaned, mapped, ordered and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources import class_names, wordnet
from nunbit.data.sources.exclusions import NO_LABEL
from nunbit.data.sources.label_map import apply_label_map, read_label_map
from nunbit.data.sources.patterns.groups import groups_from_paths
from nunbit.data.sources.raw_samples import RawSamples
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import examples
from nunbit.types import ClassNames, Samples


@dataclass(frozen=True, kw_only=True)
class SourceName:
    """Name of a source in messages and in the run's folder."""

    name: str
    location: str


def build_samples(
    found: RawSamples,
    *,
    source: SourceName,
    label_map: Path | None,
    group_from: str | None,
    evaluating: bool = False,
) -> Samples:
    """The finished `Samples`; for `evaluating` a finished model, one class is enough.

    Raises DataError for fewer than two classes, for classes that differ only in case and for a
    class that the training part lacks; ConfigError for a wrong label map or group pattern.
    """
    notes = list(found.notes) + class_names.merge_notes(found.names)
    names = [class_names.clean(name) for name in found.names]
    if label_map is None:
        notes += wordnet.note_on_numbers(names)
    else:
        wanted = (
            wordnet.words_as_label_map(names)
            if wordnet.is_asked_for(label_map)
            else read_label_map(label_map)
        )
        names, remarks = apply_label_map(names, wanted, path=label_map)
        notes += remarks
    classes, labels, remarks = _number_classes(found, names)
    notes += remarks
    class_names.check_case(classes, location=source.location)
    check = class_names.check_unicode
    check(classes, what="class name", location=source.location)
    check(set(found.groups), what="group's name", location=source.location)
    check(found.paths, what="path", location=source.location, files=True)
    reasons = _with_missing_labels(found.reasons, labels)
    if len(classes) < (1 if evaluating else 2):
        _raise_fewer_than_two(classes, reasons, source=source, hint=found.hint)
    if not evaluating:
        _check_trained_classes(classes, labels, found.parts, reasons, location=source.location)
    groups, remarks = _groups(found, group_from)
    return Samples(
        name=source.name,
        location=source.location,
        classes=classes,
        images=found.images,
        paths=found.paths,
        labels=labels,
        parts=found.parts,
        groups=groups,
        reasons=reasons,
        notes=tuple(notes + remarks),
        warnings=found.warnings,
        columns=found.columns,
    )


def _number_classes(
    found: RawSamples, names: list[str]
) -> tuple[ClassNames, NDArray[np.int64], list[str]]:
    """Classes in their order, labels [N] as indices into them, and remarks.

    Classes without a row go: a network cannot learn them, and an output for them would never
    be tested.
    """
    used = {int(raw) for raw in np.unique(found.labels) if raw >= 0 and names[raw]}
    kept = [name for raw, name in enumerate(names) if raw in used]
    classes = tuple(dict.fromkeys(kept) if found.in_order else class_names.in_order(kept))
    index = {name: number for number, name in enumerate(classes)}
    lookup = np.array([index.get(name, -1) for name in names] + [-1], dtype=np.int64)
    unused = [name for name in dict.fromkeys(names) if name and name not in index]
    notes = [f"no image of class {examples(unused)}: not used as a class"] if unused else []
    return classes, lookup[found.labels], notes


def _with_missing_labels(reasons: tuple[str, ...], labels: NDArray[np.int64]) -> tuple[str, ...]:
    if (labels >= 0).all():
        return reasons
    return tuple(
        reason or ("" if label >= 0 else NO_LABEL)
        for reason, label in zip(reasons, labels, strict=True)
    )


def _raise_fewer_than_two(
    classes: ClassNames, reasons: tuple[str, ...], *, source: SourceName, hint: str
) -> None:
    if classes:
        what = f"only one class, '{classes[0]}': there is nothing to tell apart"
    elif reasons:
        what = f"none of the {len(reasons):,} rows found has a label, e.g. {reasons[0]}"
    else:
        what = "no images found"
    raise DataError(
        what, path=source.location, remedy=hint or "give images of at least two classes"
    )


def _check_trained_classes(
    classes: ClassNames,
    labels: NDArray[np.int64],
    parts: tuple[str, ...],
    reasons: tuple[str, ...],
    *,
    location: str,
) -> None:
    if not any(parts):
        return
    part = np.array(parts, dtype=object)
    usable = np.array([not reason for reason in reasons], dtype=bool) & (labels >= 0)
    trainable = set(labels[usable & ((part == "train") | (part == ""))].tolist())
    if not trainable:
        return
    for which in ("validation", "test"):
        lacking = set(labels[usable & (part == which)].tolist()) - trainable
        if lacking:
            raise DataError(
                f"the {which} part has images of classes that the training part lacks: "
                + examples(classes[label] for label in sorted(lacking)),
                path=location,
                remedy="put images of them into the training part, take them out of the "
                f"{which} part, or give them the name of a trained class with a label map",
            )


def _groups(found: RawSamples, group_from: str | None) -> tuple[tuple[str, ...], list[str]]:
    if group_from is None or found.groups_settled:
        return found.groups, []
    if found.images.decoded:
        raise ConfigError(
            "groups are read from paths, and images from arrays have none",
            remedy="leave the group pattern out",
        )
    return groups_from_paths(found.paths, group_from)
