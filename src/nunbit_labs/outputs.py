"""Outputs of a cell: each kind as HTML for the page, and as text for a terminal."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from markupsafe import Markup

from nunbit_labs.i18n import Language, word

MIN_WIDTH = 480
"""Pixels below which a wider picture is not scaled down."""


@runtime_checkable
class Output(Protocol):
    """Something to show."""

    def html(self, language: Language) -> Markup:
        """HTML for the page."""
        ...

    def plain(self) -> str:
        """Text for a terminal."""
        ...


@dataclass(frozen=True)
class PrintedText:
    """Text as it was printed."""

    text: str

    def html(self, language: Language) -> Markup:  # noqa: ARG002
        """HTML in a fixed-width font."""
        return Markup('<pre class="printed">{}</pre>').format(self.text.rstrip("\n"))

    def plain(self) -> str:
        """The text itself."""
        return self.text.rstrip("\n")


@dataclass(frozen=True)
class SkipNotice:
    """Reason why the rest of a lab was not run."""

    why: str

    def html(self, language: Language) -> Markup:
        """HTML of a remark of the frame."""
        said = word("left-out", language, self.why)
        return Markup('<p class="small"><strong>{}</strong></p>').format(said)

    def plain(self) -> str:
        """One line."""
        return word("left-out", "en", self.why)


@dataclass(frozen=True)
class Fragment:
    """HTML that something else has made, such as a table of pandas."""

    markup: str
    text: str

    def html(self, language: Language) -> Markup:  # noqa: ARG002
        """HTML in a box that scrolls on its own."""
        # The markup comes from the lab's own objects, as in a notebook.
        return Markup('<div class="scroll">{}</div>').format(Markup(self.markup))

    def plain(self) -> str:
        """The same as text."""
        return self.text


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing or a photograph."""

    png: bytes
    """Pixels, for notebooks and for pages without an SVG."""
    description: str
    """Alternative text."""
    svg: Markup | None = None
    """Follows the theme of the page."""
    width: int
    """Width in the page, in pixels."""
    caption: str = ""

    def html(self, language: Language) -> Markup:  # noqa: ARG002
        """A figure, never wider than the page."""
        inner = _image(self.png, "png", self.description) if self.svg is None else self.svg
        return _figure(inner, self.width, self.caption)

    def plain(self) -> str:
        """Its description."""
        return f"[picture] {self.description}"


@dataclass(frozen=True, kw_only=True)
class Animation:
    """A short film; readers who want no movement see its last frame."""

    gif: bytes
    last_frame: bytes
    """PNG."""
    description: str
    width: int
    caption: str = ""

    @property
    def png(self) -> bytes:
        """Still image for places where nothing moves."""
        return self.last_frame

    def html(self, language: Language) -> Markup:  # noqa: ARG002
        """The film, or the last frame for those who have asked for less movement."""
        still = base64.b64encode(self.last_frame).decode("ascii")
        inner = Markup(
            '<picture><source media="(prefers-reduced-motion: reduce), print" '
            'srcset="data:image/png;base64,{}">{}</picture>'
        ).format(still, _image(self.gif, "gif", self.description))
        return _figure(inner, self.width, self.caption)

    def plain(self) -> str:
        """Its description."""
        return f"[animation] {self.description}"


def _image(content: bytes, kind: str, description: str) -> Markup:
    encoded = base64.b64encode(content).decode("ascii")
    label = html.escape(description)
    return Markup(f'<img src="data:image/{kind};base64,{encoded}" alt="{label}">')


def _figure(inner: Markup, width: int, caption: str) -> Markup:
    below = Markup("<figcaption>{}</figcaption>").format(caption) if caption else Markup("")
    # Words in a wide drawing would be too small on a telephone: it scrolls there.
    min_width = MIN_WIDTH if width > MIN_WIDTH else 0
    form = '<figure style="max-width: {}px; --min-width: {}px"><div>{}</div>{}</figure>'
    return Markup(form).format(width, min_width, inner, below)
