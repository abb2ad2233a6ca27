"""Options by which DATA is read, the same for every command that reads it."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer


def _option(flag: str, metavar: str, help: str) -> Any:
    return typer.Option(flag, metavar=metavar, show_default=False, help=help)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Options for reading DATA; each field becomes an option of the command line."""

    label_from: Annotated[
        str | None,
        _option(
            "--label-from",
            "PATTERN",
            'Labels are in the file names, such as "{label}.{number}.jpg".',
        ),
    ] = None
    label_map: Annotated[
        Path | None,
        _option(
            "--label-map",
            "FILE",
            "JSON or CSV that renames or merges classes: old name, new name; or imagenet, for "
            "words in place of WordNet's numbers.",
        ),
    ] = None
    group_from: Annotated[
        str | None,
        _option(
            "--group-from",
            "PATTERN",
            "Groups of images that the split keeps together: a regular expression with one "
            "group, searched in the path, or a column of the table.",
        ),
    ] = None
    parts: Annotated[
        str | None,
        _option(
            "--parts",
            "FOLDER=PART,…",
            "Folders that are parts, as fold1=train,fold2=test; none where folders are classes.",
        ),
    ] = None
    exclude: Annotated[
        str | None,
        _option(
            "--exclude",
            "PATTERN,…",
            'Files to leave out, by name or path, such as "*_mask*".',
        ),
    ] = None
    path_column: Annotated[
        str | None, _option("--path-column", "NAME", "Column of the table that names the images.")
    ] = None
    label_column: Annotated[
        str | None, _option("--label-column", "NAME", "Column of the table that holds the labels.")
    ] = None
    image_root: Annotated[
        Path | None,
        _option(
            "--image-root", "DIR", "Folder of the images that the table names; its own otherwise."
        ),
    ] = None
    no_header: Annotated[
        bool,
        typer.Option("--no-header", help="The table has no first line with names of columns."),
    ] = False

    def settings(self) -> dict[str, object | None]:
        """The same as dotted settings; None for what is not given."""
        return {
            "data.label_from": self.label_from,
            "data.label_map": None if self.label_map is None else str(self.label_map),
            "data.group_from": self.group_from,
            "data.parts": self.parts,
            "data.exclude": self.exclude,
            "data.path_column": self.path_column,
            "data.label_column": self.label_column,
            "data.image_root": None if self.image_root is None else str(self.image_root),
            "data.header": False if self.no_header else None,
        }

    def words(self) -> list[str]:
        """The options as they are typed."""
        words = []
        for name, value in vars(self).items():
            if value is not None and value is not False:
                flag = "--" + name.replace("_", "-")
                words += [flag] if value is True else [flag, str(value)]
        return words


NOTHING_SAID = DataOptions()


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `DataOptions` in place of its parameter `reading`."""
    # Typer makes options of a function's parameters: these stand where `reading` stands.
    fields = typing.get_type_hints(DataOptions, include_extras=True)
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name != "reading":
            parameters.append(parameter)
            continue
        parameters += [
            inspect.Parameter(
                field,
                inspect.Parameter.KEYWORD_ONLY,
                default=getattr(DataOptions, field),
                annotation=annotation,
            )
            for field, annotation in fields.items()
        ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        reading = DataOptions(**{field: given.pop(field) for field in fields})
        command(**given, reading=reading)

    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options
