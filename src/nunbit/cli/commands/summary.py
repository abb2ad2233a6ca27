"""`nunbit summary`: shapes, parameters and costs of a network, layer by layer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nunbit.cli.options import Debug
from nunbit.errors import UsageError

if TYPE_CHECKING:
    from nunbit.models.summary import Layer, Summary

Row = tuple[str, ...]
NUMBERS = ("trainable", "frozen", "multiply-adds")


def summary(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="A name that nunbit models lists, or the folder of a run or of a saved model.",
        ),
    ],
    *,
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="CxHxW",
            show_default=False,
            help="Channels, height and width of the image, such as 3x224x224; the model's own if "
            "not given.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            "--classes", metavar="N", show_default=False, help="Classes; as published if not given."
        ),
    ] = None,
    form: Annotated[
        Literal["table", "markdown", "json"], typer.Option("--format", help="How to print it.")
    ] = "table",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the formulae with their numbers.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show a network layer by layer: shapes, parameters, multiply-adds, receptive fields.

    Sizes count an image, all activations with their gradients, and the parameters, in float32.
    """
    shape = None if input_shape is None else read_shape(input_shape)
    found = _summary_of(model, shape=shape, classes=classes)
    if form == "json":
        typer.echo(json.dumps(_as_json(found, explain=explain), indent=2, ensure_ascii=False))
    elif form == "markdown":
        typer.echo("\n".join(_markdown(found, explain=explain)))
    else:
        _print_table(found, explain=explain)


def read_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width from text such as 3x224x224. Raises UsageError for other text."""
    parts = re.fullmatch(r"([1-9]\d*)[xX×]([1-9]\d*)[xX×]([1-9]\d*)", text.strip())
    if parts is None:
        raise UsageError(
            f"{text!r} is not an image shape",
            remedy="give channels, height and width, such as --input 3x224x224",
        )
    channels, height, width = map(int, parts.groups())
    return channels, height, width


def _summary_of(model: str, *, shape: tuple[int, int, int] | None, classes: int | None) -> Summary:
    """Summarise a folder if there is one of this name, else a model of this name."""
    from nunbit.models.summary import summarise, summarise_name

    if not Path(model).exists():
        return summarise_name(model, shape=shape, classes=classes)
    if classes is not None:
        raise UsageError(
            "the classes of a trained model are fixed",
            path=model,
            remedy="leave --classes out, or name the architecture instead of the folder",
        )
    from nunbit.classifier import load

    classifier = load(model, device="cpu")
    own = classifier.preprocess.shape
    name = f"{classifier.bundle.architecture} in {model}"
    return summarise(classifier.model, shape or own, name=name)


def _as_json(found: Summary, *, explain: bool) -> dict[str, Any]:
    content = found.to_dict()
    if not explain:
        for layer in content["layers"]:
            del layer["formulas"]
    return content


def _header() -> Row:
    return ("layer", "type", "output", *NUMBERS, "receptive field", "stride")


def _row(layer: Layer) -> Row:
    """A layer in words."""
    name = layer.name or "(the model itself)"
    return (
        f"{name} ({layer.turn})" if layer.turn > 1 else name,
        layer.kind,
        times(layer.output_shape) if layer.runs else "not run by itself",
        f"{layer.trainable:,}" if layer.trainable else "",
        f"{layer.frozen:,}" if layer.frozen else "",
        f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        _sees(layer),
        "" if layer.stride is None else _alike(layer.stride),
    )


def _sees(layer: Layer) -> str:
    if layer.receptive_field is None:
        return ""
    if not isinstance(layer.receptive_field, tuple):
        return layer.receptive_field
    return ("~" if layer.measured else "") + times(layer.receptive_field)


def times(numbers: tuple[int, ...]) -> str:
    """Numbers as a shape."""
    return "x".join(map(str, numbers))


def _alike(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else times(numbers)


def _totals(found: Summary) -> Iterator[tuple[str, str]]:
    yield "input", times(found.input_shape)
    yield (
        "parameters",
        f"{found.parameters:,} ({found.trainable:,} trainable, {found.frozen:,} frozen)",
    )
    yield "multiply-adds", f"{found.multiply_adds:,}"
    yield (
        "size in MB",
        f"input {found.input_mb:.2f}, forward/backward {found.activations_mb:.2f}, "
        f"parameters {found.parameters_mb:.2f}, total {found.total_mb:.2f}",
    )


def _remarks(found: Summary) -> Iterator[str]:
    """Explanations of the signs that occur in the table."""
    if any(layer.measured for layer in found.layers):
        yield "~: measured with gradients in the middle of the image, as what follows is"
    if any(layer.receptive_field == "unknown" for layer in found.layers):
        yield "unknown: no rule gives this receptive field, and there are too many to measure"
    if any(not layer.runs for layer in found.layers):
        yield "not run by itself: used in training only, or its weights are read by its parent"


def _formulas(found: Summary) -> Iterator[tuple[str, tuple[str, ...]]]:
    for layer in found.layers:
        if layer.formulas and layer.turn == 1:
            yield f"{layer.name} {layer.kind}".strip(), layer.formulas


def _print_table(found: Summary, *, explain: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from nunbit.cli.terminal import printable, stdout_console

    rows = [_row(layer) for layer in found.layers]
    shown = [i for i, name in enumerate(_header()) if name != "frozen" or found.frozen]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for index in shown:
        name = _header()[index]
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    console = stdout_console()
    console.print(Text(printable(found.name), "bold"), soft_wrap=True)
    console.print(table)
    for name, value in _totals(found):
        console.print(f"{name}: {value}", soft_wrap=True)
    for remark in _remarks(found):
        console.print(remark, soft_wrap=True)
    for title, lines in _formulas(found) if explain else ():
        console.print(Text(title, "bold"), soft_wrap=True)
        for line in lines:
            console.print(f"  {line}", soft_wrap=True)


def _markdown(found: Summary, *, explain: bool) -> Iterator[str]:
    yield f"## {found.name}"
    yield ""
    yield f"| {' | '.join(_header())} |"
    yield f"| {' | '.join('---:' if name in NUMBERS else '---' for name in _header())} |"
    for layer in found.layers:
        yield f"| {' | '.join(_row(layer))} |"
    yield ""
    for name, value in _totals(found):
        yield f"- {name}: {value}"
    for remark in _remarks(found):
        yield f"- {remark}"
    if explain:
        yield ""
        yield "### Formulae"
        for title, lines in _formulas(found):
            yield ""
            yield f"**{title}**"
            yield ""
            yield from (f"- `{line}`" for line in lines)
