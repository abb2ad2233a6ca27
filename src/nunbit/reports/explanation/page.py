"""The explanations as one self-contained page.

K classes, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from nunbit.explain.attribution import METHODS, Method
from nunbit.explain.feature_maps import FeatureMaps
from nunbit.explain.filters import Filters
from nunbit.explain.images import Attribution, Explanation
from nunbit.explain.layers import Layer
from nunbit.formatting import confidence, count
from nunbit.reports.explanation.checks_chart import draw_checks
from nunbit.reports.explanation.feature_strips import Shown, Strip, filter_strips, map_strip, shown
from nunbit.reports.explanation.pictures import as_rgb, overlay, scale_end
from nunbit.reports.kit import Section, document, render, style_of

SIDE = 224
"""Pixels of the longer side of a picture that is looked at closely."""
TOP = 5
"""Classes whose probability is shown."""


@dataclass(frozen=True, kw_only=True)
class PageInput:
    """All that the page shows."""

    model: str
    """Name of the architecture."""
    source: str
    """Run, model folder or name of the weights."""
    explanations: Sequence[Explanation]
    originals: Sequence[NDArray[np.uint8] | None] = ()
    """Images as they were, [h, w, 1 or 3], one for each explanation; None where it is not known."""
    filters: Sequence[Filters] = ()
    methods: Sequence[Method] = ()
    grad_cam_layer: str | None = None
    neighbours: str = ""
    """Sentence on where the resembling images come from, or why there are none."""
    notes: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    """Facts of what was done: (name, value)."""
    command: str = ""
    version: str = ""
    finished: str = ""


@dataclass(frozen=True, kw_only=True)
class _Map:
    """One attribution map in the page."""

    picture: Shown
    title: str
    trusted: bool | None
    """None where it was not checked."""
    verdict: str
    chart: Markup = field(default_factory=Markup)
    similarity: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class _Class:
    """The maps of one class."""

    name: str
    confidence: str
    predicted: bool
    maps: Sequence[_Map]


def build_page(given: PageInput) -> str:
    """The page as self-contained HTML, ready to be written as UTF-8. Raises ValueError for none."""
    if not given.explanations:
        raise ValueError("no explanation to show")
    limits = scale_ends(given.explanations)
    images = [_image(given, number, limits) for number in range(len(given.explanations))]
    sections = [_overview(given, limits), *images]
    if given.filters:
        sections.append(_filters(given.filters))
    sections.append(_how(given))
    shown_images = count(len(given.explanations), "image")
    return document(
        title=f"{given.source} explained · nunbit",
        heading="What the network looks at",
        aside=f"{given.model}, {shown_images}",
        description=f"What {given.source} makes of {shown_images}: maps, filters, "
        "and whether to trust",
        finished=given.finished,
        version=given.version,
        sections=sections,
        style=style_of("explanation"),
    )


def scale_ends(explanations: Sequence[Explanation]) -> dict[Method, float]:
    """Ends of the colour scale, for each method: one for all images and classes."""
    values: dict[Method, list[NDArray[np.float32]]] = {}
    for explanation in explanations:
        for found in explanation.attributions:
            values.setdefault(found.method, []).append(found.values.ravel())
    return {method: scale_end(np.concatenate(parts)) for method, parts in values.items()}


def _overview(given: PageInput, limits: dict[Method, float]) -> Section:
    rows = [
        (
            f"image-{number + 1}",
            explanation.name,
            explanation.predicted,
            confidence(float(explanation.probabilities.max())),
            _trusted(explanation),
        )
        for number, explanation in enumerate(given.explanations)
    ]
    methods = [(METHODS[m].title, METHODS[m].what, METHODS[m].signed) for m in given.methods]
    checks = [found.checks for e in given.explanations for found in e.attributions if found.checks]
    body = render(
        "explanation/overview",
        rows=rows,
        methods=methods,
        ends=[(METHODS[method].title, f"{end:.3g}") for method, end in limits.items()],
        checked=len(checks),
        trusted=sum(check.trusted for check in checks),
        notes=given.notes,
        grad_cam_layer=given.grad_cam_layer,
        signed=any(METHODS[method].signed for method in given.methods),
    )
    return Section(name="overview", title="In short", body=body)


def _trusted(explanation: Explanation) -> str:
    checks = [found.checks for found in explanation.attributions if found.checks]
    return f"{sum(check.trusted for check in checks)} of {len(checks)}" if checks else "–"


def _image(given: PageInput, number: int, limits: dict[Method, float]) -> Section:
    explanation = given.explanations[number]
    canvas = as_rgb(explanation.canvas)
    original = given.originals[number] if given.originals else None
    order = np.argsort(-explanation.probabilities, kind="stable")[:TOP]
    body = render(
        "explanation/image",
        seen=shown(canvas, f"{explanation.name} as the network sees it", side=SIDE),
        original=None
        if original is None
        else shown(as_rgb(original), f"{explanation.name} as it is", side=SIDE),
        path=explanation.name,
        chances=[
            (explanation.classes[k], float(explanation.probabilities[k]), confidence(float(p)))
            for k, p in zip(order, explanation.probabilities[order], strict=True)
        ],
        classes=_classes(explanation, limits, name=f"image-{number + 1}"),
        layers=[_layer(maps, explanation.name) for maps in explanation.maps],
        neighbours=[
            (
                shown(
                    as_rgb(near.canvas),
                    f"{near.path}, a training image of class {near.label}",
                    side=SIDE // 2,
                ),
                near.label,
                f"{near.similarity:.2f}",
                near.path,
                near.label == explanation.predicted,
            )
            for near in explanation.neighbours
        ],
        where=given.neighbours,
    )
    title = explanation.name.replace("\\", "/").rpartition("/")[2]
    return Section(name=f"image-{number + 1}", title=title, body=body)


def _classes(explanation: Explanation, limits: dict[Method, float], *, name: str) -> list[_Class]:
    targets = dict.fromkeys(found.target for found in explanation.attributions)
    return [
        _Class(
            name=explanation.classes[target],
            confidence=confidence(float(explanation.probabilities[target])),
            predicted=explanation.classes[target] == explanation.predicted,
            maps=[
                _map(explanation, found, limits[found.method], name=name)
                for found in explanation.attributions
                if found.target == target
            ],
        )
        for target in targets
    ]


def _map(explanation: Explanation, found: Attribution, limit: float, *, name: str) -> _Map:
    info, target = METHODS[found.method], explanation.classes[found.target]
    picture = shown(
        overlay(explanation.canvas, found.values, limit),
        f"{info.title} for {target} over {explanation.name}",
        side=SIDE,
    )
    checks = found.checks
    if checks is None:
        return _Map(picture=picture, title=info.title, trusted=None, verdict="Not checked.")
    return _Map(
        picture=picture,
        title=info.title,
        trusted=checks.trusted,
        verdict=checks.verdict,
        chart=draw_checks(checks, name=f"{name}-{found.target}-{found.method}", target=target),
        similarity=[
            (depth, f"{round(value, 2) + 0.0:.2f}") for depth, value in checks.similarity.items()
        ],
    )


def _layer(maps: FeatureMaps, image: str) -> tuple[str, str, Strip]:
    return maps.layer.stage, layer_words(maps.layer), map_strip(maps, image)


def layer_words(layer: Layer) -> str:
    """'layer1 (Sequential): 64 maps of 56 × 56'."""
    if layer.places is None:
        return f"{layer.name} ({layer.kind}): {count(layer.channels, 'unit')}, no places"
    height, width = layer.places
    maps = count(layer.channels, "map")
    again = f", the last of its {layer.turns} uses" if layer.turn == layer.turns > 1 else ""
    return f"{layer.name} ({layer.kind}): {maps} of {height} × {width}{again}"


def _filters(filters: Sequence[Filters]) -> Section:
    body = render("explanation/filters", layers=[filter_strips(each) for each in filters])
    return Section(name="filters", title="Filters", body=body)


def _how(given: PageInput) -> Section:
    sources = [(METHODS[method].title, METHODS[method].source) for method in given.methods]
    body = render("explanation/how", rows=list(given.facts), command=given.command, sources=sources)
    return Section(name="how", title="What was done", body=body)
