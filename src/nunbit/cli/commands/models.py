"""`nunbit models`: the names that --model accepts, and what is known of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.options import Debug

if TYPE_CHECKING:
    from rich.table import Table

    from nunbit.models.info import ModelInfo
    from nunbit.models.listing import KnownWeights, ListedModel


def models(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="[PATTERN]",
            show_default=False,
            help="Part of the name, also of torchvision's and timm's models; may hold * and ?.",
        ),
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List the models: nunbit's own, or all whose name contains PATTERN.

    With parameters, multiply-adds for one input, and the pretrained weights that exist: whether
    they are here, and their licence.
    """
    from nunbit.cli.terminal import stdout_console
    from nunbit.models.listing import describe

    shown = _chosen(pattern)
    rows = describe(shown, asked=pattern)
    if as_json:
        content = [row.to_dict() for row in rows]
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = stdout_console()
    console.print(_table(rows))
    for remark in _remarks(rows, more=not pattern):
        console.print(remark, soft_wrap=True)


def _chosen(pattern: str) -> tuple[ModelInfo, ...]:
    """The models to show; without a pattern without the zoos, whose import takes seconds."""
    from nunbit.errors import UsageError
    from nunbit.models.catalog import CATALOGUE, list_models

    if not pattern:
        return tuple(CATALOGUE.values())
    shown = list_models(pattern)
    if not shown:
        raise UsageError(
            f"no model's name contains '{pattern}'",
            remedy="nunbit models lists nunbit's own; nunbit models resnet shows a whole family",
        )
    return shown


def _remarks(rows: tuple[ListedModel, ...], *, more: bool) -> Iterator[str]:
    if any(row.multiply_adds is None for row in rows):
        yield "-: not counted in a long list; nunbit models with the full name counts it"
    if any(known.here for row in rows for known in row.weights):
        yield "*: these weights are on this machine"
    if more:
        yield "many more come from torchvision and timm: nunbit models resnet"


def _table(rows: tuple[ListedModel, ...]) -> Table:
    from rich.table import Table

    with_weights = any(row.weights for row in rows)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("name", overflow="fold")
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("multiply-adds", justify="right", no_wrap=True)
    table.add_column("input")
    if with_weights:
        table.add_column("weights", overflow="fold")
        table.add_column("licence", overflow="fold")
    table.add_column("source", overflow="fold")
    for row in rows:
        info = row.info
        cells = [
            info.name,
            "-" if row.parameters is None else f"{row.parameters:,}",
            "-" if row.multiply_adds is None else shortened(row.multiply_adds),
            info.input_in_words,
        ]
        if with_weights:
            cells += [
                ", ".join(_tag(known) for known in row.weights),
                "; ".join(dict.fromkeys(known.licence or "unknown" for known in row.weights)),
            ]
        table.add_row(*cells, info.source or info.origin)
    return table


def shortened(count: int) -> str:
    """A count in three figures: 1.81 G, 48.6 M."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= factor:
            return f"{count / factor:.3g}{unit}"
    return str(count)


def _tag(known: KnownWeights) -> str:
    """The weights' own name, with a star if they are here."""
    bare = known.name.rpartition("/")[2]
    return (bare.partition(".")[2] or bare) + ("*" if known.here else "")
