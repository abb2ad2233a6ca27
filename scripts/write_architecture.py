"""The picture of docs/architecture.md, drawn from the import rules in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

GAP, LINE, BOX = 8, 20, 26
"""Pixels between boxes, of a line of text, and of a box's height."""
STACK_WIDTH, LETTER = 430, 7.3
FONT = "font-family='ui-monospace, SFMono-Regular, Menlo, Consolas, monospace' font-size='12'"
COLOURS = {"|": "#dbe9f6", ":": "#e8e8e8"}
"""Of boxes whose modules do not know each other, and of those that may."""


def layer_rules() -> list[dict[str, Any]]:
    """The contracts of kind "layers", in the order of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return [contract for contract in contracts if contract["type"] == "layers"]


def modules_of(layer: str) -> list[str]:
    """Names in a layer such as "advisor | (checks)", without the brackets of optional ones."""
    return [name.strip(" ()") for name in re.split(r"[|:]", layer)]


def picture() -> str:
    """SVG: a stack of layers for each rule, side by side."""
    parts: list[str] = []
    bottoms: list[int] = []
    for number, contract in enumerate(layer_rules()):
        (container,) = contract["containers"]
        left = GAP + number * (STACK_WIDTH + 2 * GAP)
        drawn, bottom = _stack(container, contract["layers"], left)
        parts += drawn
        bottoms.append(bottom)
    width, height = GAP + len(bottoms) * (STACK_WIDTH + 2 * GAP), max(bottoms)
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'"
            f" viewBox='0 0 {width} {height}' {FONT}>",
            "<title>Layers of nunbit: each may import what stands below it</title>",
            f"<rect width='{width}' height='{height}' fill='white'/>",
            "<marker id='tip' markerWidth='8' markerHeight='8' refX='4' refY='4' orient='auto'>"
            "<path d='M1,1 L7,4 L1,7' fill='none' stroke='#555'/></marker>",
            *parts,
            "</svg>",
            "",
        ]
    )


def _stack(container: str, layers: list[str], left: int) -> tuple[list[str], int]:
    """The layers of one package, and where they end."""
    parts = [_text(left, LINE, f"{container}: a layer imports what stands below it")]
    top = LINE + GAP
    ends: list[tuple[int, int]] = []
    for layer in layers:
        drawn, bottom = _row(layer, left, top)
        ends.append((top, bottom))
        parts += drawn
        top = bottom + GAP
    for (_, above), (below, _) in pairwise(ends):
        x = left + 10
        parts.append(f"<path d='M{x},{above} V{below - 1}' stroke='#555' marker-end='url(#tip)'/>")
    return parts, top


def _row(layer: str, start: int, top: int) -> tuple[list[str], int]:
    """The modules of one layer side by side, and where the row ends."""
    parts: list[str] = []
    colour = COLOURS[":" if ":" in layer else "|"]
    left = start
    for name in modules_of(layer):
        width = round(len(name) * LETTER) + 22
        if left + width > start + STACK_WIDTH:
            left, top = start, top + BOX + GAP // 2
        parts.append(
            f"<rect x='{left}' y='{top}' width='{width}' height='{BOX}' rx='4' fill='{colour}'"
            " stroke='#888'/>"
        )
        parts.append(_text(left + 11, top + BOX - 9, name))
        left += width + GAP
    return parts, top + BOX


def _text(x: int, y: int, text: str) -> str:
    return f"<text x='{x}' y='{y}'>{escape(text)}</text>"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
