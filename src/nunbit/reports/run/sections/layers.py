"""The network layer by layer, as `nunbit summary` accounts for it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from nunbit.formatting import count
from nunbit.models.summary import Layer, Summary
from nunbit.reports.kit import render

SHOWN_LAYERS = 20
"""A longer table is folded up."""


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One use of one layer in words; '' where there is nothing to say."""

    name: str
    kind: str
    output: str
    parameters: str
    multiply_adds: str
    sees: str


def layer_table(layers: Summary | None, rows: list[tuple[str, str]]) -> Markup:
    """The facts of `rows`, and below them the totals and the table where it is known."""
    if layers is None:
        return render("kit/facts", rows=rows)
    totals = [
        ("Input", f"{_times(layers.input_shape)} (channels × height × width)"),
        (
            "Parameters",
            f"{count(layers.parameters)}: {count(layers.trainable)} trainable, "
            f"{count(layers.frozen)} frozen",
        ),
        ("Multiply-adds", f"{count(layers.multiply_adds)} for one image"),
        (
            "Memory",
            f"{layers.total_mb:,.2f} MB for one image in training: input {layers.input_mb:,.2f}, "
            f"results and their gradients {layers.activations_mb:,.2f}, parameters "
            f"{layers.parameters_mb:,.2f}",
        ),
    ]
    # The totals say it more exactly.
    shown = [row for row in rows if row[0] != "Size"]
    return render(
        "run/layers",
        rows=[*shown, *totals],
        layers=[_row(layer) for layer in layers.layers],
        folded=len(layers.layers) > SHOWN_LAYERS,
        measured=any(layer.measured for layer in layers.layers),
        unknown=any(layer.receptive_field == "unknown" for layer in layers.layers),
    )


def _row(layer: Layer) -> LayerRow:
    name = layer.name or "(the model itself)"
    return LayerRow(
        name=f"{name} ({layer.turn})" if layer.turn > 1 else name,
        kind=layer.kind,
        output=_times(layer.output_shape) if layer.runs else "not run by itself",
        parameters=count(layer.parameters) if layer.parameters else "",
        multiply_adds=count(layer.multiply_adds) if layer.multiply_adds else "",
        sees=_sees(layer),
    )


def _sees(layer: Layer) -> str:
    sees = layer.receptive_field
    if sees is None:
        return ""
    if not isinstance(sees, tuple):
        return "whole image" if sees == "global" else sees
    return ("~" if layer.measured else "") + _times(sees)


def _times(numbers: tuple[int, ...]) -> str:
    return " × ".join(map(str, numbers))
