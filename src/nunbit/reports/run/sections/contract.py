"""The input contract: its rules, and a few images on their way through it."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.reports.kit import Section, is_pixelated, render, thumbnail_address
from nunbit.reports.kit.contract import contract_rows
from nunbit.reports.run.preprocessing_steps import Example, Step
from nunbit.reports.run.run_result import RunResult


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A step of one image in the page."""

    name: str
    caption: str
    source: str
    """data: address; '' where there is no picture."""
    description: str
    """Alternative text."""
    pixelated: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """One image."""

    path: str
    steps: list[Shown]


def contract(report: RunResult) -> Section | None:
    """Describe how a file becomes the network's input, in words and in pictures."""
    if not report.contract:
        return None
    strip = report.strip
    body = render(
        "run/contract",
        rows=contract_rows(report.contract),
        strip=strip,
        examples=[] if strip is None else [_row(example) for example in strip.examples],
    )
    return Section(name="contract", title="Input", body=body)


def _row(example: Example) -> Row:
    return Row(path=example.path, steps=[_shown(example.path, step) for step in example.steps])


def _shown(path: str, step: Step) -> Shown:
    picture = step.picture
    return Shown(
        name=step.name,
        caption=step.caption,
        source="" if picture is None else thumbnail_address(picture),
        description=f"{path}, {step.name}" + (f": {step.caption}" if step.caption else ""),
        pixelated=picture is not None and is_pixelated(picture),
    )
