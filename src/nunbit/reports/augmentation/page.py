"""The gallery as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from nunbit.data.augment import Augmentation, Mixing, Operation
from nunbit.data.augment.compose import Combined
from nunbit.data.augment.parameters import description, rules
from nunbit.formatting import count, plain
from nunbit.reports.augmentation.gallery import Panel, Pictures, panels, spoken_shares
from nunbit.reports.kit import Section, document, is_pixelated, render, style_of, thumbnail_address

RESULTS = 5
"""Results of each picture and operation."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture in the page."""

    source: str
    """data: address."""
    description: str
    """Alternative text."""
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An original and what became of it."""

    original: Shown
    path: str
    results: tuple[Shown, ...]


def build_gallery(
    pictures: Pictures,
    augmentation: Augmentation,
    *,
    seed: int,
    whole: bool = True,
    results: int = RESULTS,
    notes: Sequence[str] = (),
    version: str = "",
) -> str:
    """The page as self-contained HTML, ready to be written as UTF-8.

    Args:
        pictures: the originals.
        augmentation: what is shown: each operation alone, and then the whole.
        seed: of all that is drawn; the same seed makes the same page.
        whole: whether the whole is shown too.
        results: of each picture and operation.
        notes: remarks for the reader.
        version: of nunbit.
    """
    sections = [_introduction(pictures, augmentation, notes=notes, whole=whole)]
    dataset = pictures.dataset
    found = panels(augmentation, pictures, results=results, seed=seed, whole=whole)
    for number, panel in enumerate(found):
        name, title = "whole", "All together"
        if panel.step is not None:
            name, title = f"operation-{number + 1}", panel.step.name
        sections.append(Section(name=name, title=title, body=_body(panel, pictures)))
    return document(
        title=f"{augmentation.name} · {dataset} · nunbit",
        heading=f"Augmentation {augmentation.name}",
        aside=f"on {dataset}",
        description=f"What the augmentation {augmentation.name} does to images of {dataset}",
        finished="",
        version=version,
        sections=sections,
        style=style_of("augmentation"),
    )


def _introduction(
    pictures: Pictures, augmentation: Augmentation, *, notes: Sequence[str], whole: bool
) -> Section:
    height, width, channels = pictures.canvases.shape[1:]
    body = render(
        "augmentation/introduction",
        assumption=augmentation.assumption,
        operations=count(len(augmentation.operations) + len(augmentation.mixing), "operation"),
        canvas=f"{height} × {width} pixels, {'grey' if channels == 1 else 'colour'}",
        pictures=count(len(pictures.paths), "image"),
        notes=notes,
        whole=whole,
    )
    return Section(name="assumption", title="What it assumes", body=body)


def _body(panel: Panel, pictures: Pictures) -> Markup:
    return render(
        "augmentation/panel",
        step=None if panel.step is None else spoken(panel.step),
        rows=_rows(panel, pictures),
        pixelated=is_pixelated(pictures.canvases[0]),
        results=panel.results.shape[1],
        certain=panel.certain,
    )


@dataclass(frozen=True, kw_only=True)
class SpokenStep:
    """An operation in words."""

    name: str
    description: str
    probability: float
    happens: str
    """Fraction of the images that an operation changes."""
    mixes: bool
    parameters: tuple[tuple[str, str, str], ...]
    """Name, value and meaning of each but the probability."""
    parts: tuple[SpokenStep, ...]
    """Operations of which it is made."""


def spoken(step: Operation | Mixing) -> SpokenStep:
    """An operation in words, with those that it is made of."""
    known = rules(type(step))
    unseen = getattr(step, "border", "constant") != "constant"  # then nothing is filled
    return SpokenStep(
        name=step.name,
        description=description(type(step)),
        probability=step.probability,
        happens="every training image"
        if step.probability == 1
        else f"{100 * step.probability:g} % of the training images",
        mixes=isinstance(step, Mixing),
        parameters=tuple(
            (name, _value(getattr(step, name)), rule.meaning)
            for name, rule in known.items()
            if name != "probability" and not (name == "fill" and unseen)
        ),
        parts=tuple(map(spoken, step.operations)) if isinstance(step, Combined) else (),
    )


def _value(value: object) -> str:
    if isinstance(value, tuple):
        low, high = map(plain, value)
        return low if low == high else f"{low} to {high}"
    return plain(value)


def _rows(panel: Panel, pictures: Pictures) -> list[Row]:
    return [_row(panel, pictures, number) for number in range(len(pictures.paths))]


def _row(panel: Panel, pictures: Pictures, number: int) -> Row:
    label = pictures.classes[int(pictures.labels[number])]
    what = "all operations" if panel.step is None else panel.step.name
    shown = panel.results[number, :1] if panel.certain else panel.results[number]
    original = Shown(
        source=thumbnail_address(pictures.canvases[number]),
        description=f"{pictures.paths[number]} ({label}), unchanged",
        caption=label,
    )
    results = tuple(
        Shown(
            source=thumbnail_address(picture),
            description=f"{label}, result {turn + 1} of {what}",
            caption=_caption(panel.shares, number, turn, pictures),
        )
        for turn, picture in enumerate(shown)
    )
    return Row(original=original, path=pictures.paths[number], results=results)


def _caption(shares: NDArray[np.float32] | None, number: int, turn: int, pictures: Pictures) -> str:
    return "" if shares is None else spoken_shares(shares[number, turn], pictures.classes)
