"""Files that hold more than one picture, or more channels than red, green and blue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.types import ImageFacts

_Used: TypeAlias = Sequence[tuple[str, ImageFacts]]
_FRAMES = {
    "first": "the first is used",
    "middle": "the middle one is used",
    "max": "the brightest of each pixel is used",
    "mean": "their mean is used",
}


class Layers(Check):
    """Pages, planes and channels, by the names that the files give them."""

    name = "layers"
    needs = "metadata"

    def run(self, context: Context) -> Iterator[Finding]:
        """Findings of what is not looked at; a warning where that is so in every file."""
        rows = zip(context.samples.paths, context.inspection.facts, context.reasons, strict=True)
        used = [(path, fact) for path, fact, reason in rows if fact is not None and not reason]
        yield from _several_frames(used, context.frame)
        yield from _many_channels(used)
        yield from _called_transparency(used)


def _several_frames(used: _Used, frame: str) -> Iterator[Finding]:
    # A camera's MPO file is one photograph with previews beside it.
    those = [(path, fact) for path, fact in used if fact.frames > 1 and fact.format != "MPO"]
    if not those:
        return
    named = Counter(fact.layers or f"{fact.frames} frames" for _, fact in those)
    everywhere = len(those) == len(used)
    told, _ = named.most_common(1)[0]
    like = "" if len(named) == 1 else " or other numbers of them"
    yield Finding(
        kind="several-frames",
        severity="warning" if everywhere and frame == "first" else "note",
        title=f"{_files(len(those), everywhere)} of {told}{like}: {_FRAMES[frame]}",
        count=len(those),
        examples=tuple(path for path, _ in those[:EXAMPLES]),
        why="Each image is one picture. What the other pages, planes or channels show is not seen.",
        remedy="choose with --set pixels.frame=first, middle, max or mean, or save the plane that "
        "matters as files of their own",
    )


def _many_channels(used: _Used) -> Iterator[Finding]:
    those = [
        (path, fact)
        for path, fact in used
        if fact.channels > 3 and fact.mode.startswith("RGB") and not fact.transparent
    ]
    if not those:
        return
    everywhere = len(those) == len(used)
    channels = "/".join(str(n) for n in sorted({fact.channels for _, fact in those}))
    yield Finding(
        kind="further-channels",
        severity="warning" if everywhere else "note",
        title=f"{_files(len(those), everywhere)} of {channels} channels: the first three, red, "
        "green and blue, are used",
        count=len(those),
        examples=tuple(path for path, _ in those[:EXAMPLES]),
        why="A network sees three channels. Further bands, such as near infrared, are left out.",
        remedy="to use others, save the three that matter as RGB",
    )


def _called_transparency(used: _Used) -> Iterator[Finding]:
    """TIFFs whose fourth channel calls itself alpha, as programs for maps write near infrared."""
    those = [
        path
        for path, fact in used
        if fact.format == "TIFF" and fact.channels == 4 and fact.transparent
    ]
    if not those or len(those) < len(used):
        return
    yield Finding(
        kind="transparent-band",
        severity="warning",
        title=f"{_files(len(those), True)} TIFFs whose fourth channel is called transparency: the "
        "background shows through it",
        count=len(those),
        examples=tuple(those[:EXAMPLES]),
        why="Programs for maps mark a fourth band, such as near infrared, in the same way. Taken "
        "for transparency it hides the picture.",
        remedy="if it is a band, --set pixels.transparency=ignore",
    )


def _files(count: int, everywhere: bool) -> str:
    if everywhere:
        return f"all {count:,} files are"
    return "1 file is" if count == 1 else f"{count:,} files are"
