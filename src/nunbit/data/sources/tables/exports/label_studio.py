"""Label Studio's JSON exports: tasks with all annotations, or the short form of one object each.

See https://labelstud.io/guide/export: a choice stands in `value.choices`, drawn regions in
`value.rectanglelabels` and the like; the short form has them under the names of the interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nunbit.data.sources.tables.cells import Table, as_text
from nunbit.data.sources.tables.exports.coco import check_one_label
from nunbit.errors import DataError
from nunbit.formatting import count, examples

_REGIONS = "labels"
"""End of the keys under which regions have their classes: rectanglelabels, polygonlabels, …"""


def is_task_list(document: object) -> bool:
    """Tell whether a JSON document is a list of tasks with annotations."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(task, Mapping)
            and isinstance(task.get("data"), Mapping)
            and isinstance(task.get("annotations", task.get("completions")), list)
            for task in document
        )
    )


def tasks_table(tasks: Sequence[Mapping[str, Any]], path: Path) -> Table:
    """A row for each task: its image, its choice, and the other texts of its data.

    Raises:
        DataError: where tasks name no image, have several labels, or their annotators disagree.
    """
    files, found, notes = [], [], []
    boxed, disagreeing, unlabelled = False, [], 0
    for task in tasks:
        answers, regions = _answers(task)
        boxed = boxed or regions
        file = _image_of(task, path)
        files.append(file)
        distinct = {frozenset(answer) for answer in answers}
        if len(distinct) > 1:
            disagreeing.append(file)
        found.append(set(answers[0]) if answers else set())
        unlabelled += not found[-1]
    if disagreeing:
        raise DataError(
            f"the annotators of {count(len(disagreeing), 'image')} disagree, e.g. "
            f"{examples(disagreeing[:1])}",
            path=path,
            remedy="settle them in Label Studio, or export one annotation of each task",
        )
    check_one_label(dict(zip(files, found, strict=True)), boxed=boxed, path=path)
    if unlabelled:
        notes.append(f"{count(unlabelled, 'task')} of Label Studio without an annotation")
    columns = {"path": files, "label": [min(labels, default="") for labels in found]}
    if boxed:
        columns["bbox"] = ["yes"] * len(files)
    return Table(
        columns=columns,
        lines=list(range(1, len(files) + 1)),
        line_word="task",
        notes=tuple(notes),
    )


def _answers(task: Mapping[str, Any]) -> tuple[list[set[str]], bool]:
    """The classes that each annotator gave, and whether they are those of regions."""
    answers, drawn = [], []
    for annotation in task.get("annotations", task.get("completions", [])):
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        values = [
            result["value"]
            for result in _results(annotation)
            if isinstance(result.get("value"), Mapping)
        ]
        chosen = {c for value in values for c in _texts(value.get("choices"))}
        regions = {
            text
            for value in values
            for key, given in value.items()
            if str(key).endswith(_REGIONS)
            for text in _texts(given)
        }
        if chosen:
            answers.append(chosen)
        elif regions:
            drawn.append(regions)
    return (answers, False) if answers or not drawn else (drawn, True)


def _results(annotation: object) -> list[Mapping[str, Any]]:
    results = annotation.get("result") if isinstance(annotation, Mapping) else None
    return [r for r in results if isinstance(r, Mapping)] if isinstance(results, list) else []


def _texts(value: object) -> list[str]:
    return [as_text(each) for each in value] if isinstance(value, list) else []


def _image_of(task: Mapping[str, Any], path: Path) -> str:
    """The path or address in a task's data: what `to_name` means, else the first text."""
    data = task["data"]
    named = [
        str(result.get("to_name"))
        for annotation in task.get("annotations", [])
        for result in _results(annotation)
    ]
    for key in (*named[:1], "image", "img", "path", "file", "filename", "file_name", *data):
        if isinstance(data.get(key), str) and data[key]:
            return str(data[key])
    raise DataError(f"task {task.get('id')} names no image", path=path)


def short_cell(value: object) -> list[str] | None:
    """The classes of a cell of the short form; None for a cell that is not a choice or regions."""
    if isinstance(value, Mapping) and set(value) == {"choices"}:
        return _texts(value["choices"])
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        regions = {
            text
            for each in value
            for key, given in each.items()
            if str(key).endswith(_REGIONS)
            for text in _texts(given)
        }
        return sorted(regions) or None
    return None
