"""`nunbit models`: the names that --model accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.options import Debug

if TYPE_CHECKING:
    from rich.table import Table

    from nunbit.models.info import ModelInfo


def models(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="[PATTERN]",
            show_default=False,
            help="Part of the name, also of torchvision's and timm's models.",
        ),
    ] = "",
    debug: Debug = False,
) -> None:
    """List the models: nunbit's own, or all whose name holds PATTERN."""
    from nunbit.cli.terminal import stdout_console
    from nunbit.errors import UsageError
    from nunbit.models.catalog import list_models

    found = list_models(pattern)
    shown = found if pattern else tuple(info for info in found if info.origin == "nunbit")
    if not shown:
        raise UsageError(
            f"no model's name holds '{pattern}'",
            remedy="nunbit models lists nunbit's own; nunbit models resnet shows a whole family",
        )
    console = stdout_console()
    console.print(_table(shown))
    if hidden := len(found) - len(shown):
        console.print(
            f"{hidden:,} more come from torchvision and timm: nunbit models resnet", soft_wrap=True
        )


def _table(models: tuple[ModelInfo, ...]) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("name", overflow="fold")
    table.add_column("parameters", justify="right")
    table.add_column("input")
    table.add_column("source", overflow="fold")
    for info in models:
        parameters = "" if info.parameters is None else f"{info.parameters:,}"
        source = info.source or info.origin
        table.add_row(info.name, parameters, info.input_in_words, source)
    return table
