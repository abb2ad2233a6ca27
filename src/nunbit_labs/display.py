"""Conversion of objects to outputs, and showing them outside `nunbit lab`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nunbit.errors import UsageError
from nunbit_labs.drawing import picture_of, picture_of_pixels
from nunbit_labs.outputs import Animation, Fragment, Output, Picture, PrintedText


def as_output(
    thing: Any, *, description: str = "", caption: str = "", width: int | None = None
) -> Output:
    """Convert an object to an output; see `Lab.show`.

    Raises:
        UsageError: for a picture without a description, or an array that is not an image.
    """
    if isinstance(thing, Figure | np.ndarray) and not description:
        raise UsageError(
            "a picture needs a description for those who cannot see it",
            remedy="lab.show(figure, description='what it shows')",
        )
    if isinstance(thing, Figure):
        return picture_of(thing, description=description, caption=caption)
    if isinstance(thing, np.ndarray):
        if thing.dtype != np.uint8 or thing.ndim not in (2, 3):
            raise UsageError(
                f"an image is uint8 of shape [H, W] or [H, W, C], not {thing.dtype} of shape "
                f"{list(thing.shape)}"
            )
        return picture_of_pixels(thing, description=description, width=width, caption=caption)
    if isinstance(thing, Output):
        return thing
    if hasattr(thing, "_repr_html_") and (markup := thing._repr_html_()):
        return Fragment(_plain_table(thing) or str(markup), str(thing))
    return PrintedText(str(thing))


def _plain_table(thing: Any) -> str:
    """A DataFrame without the notebook's border and style; '' for anything else."""
    if type(thing).__name__ != "DataFrame":
        return ""
    numbered = type(thing.index).__name__ == "RangeIndex"
    markup = str(thing.to_html(border=0, index=not numbered, justify="left", classes="frame"))
    # "84.2 ± 0.6" and "14 × 14" are one thing, and stay on one line on a narrow page.
    return re.sub(r"(?<=\d) ([±×]) (?=\d)", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", markup)


def show_here(output: Output, path: Path) -> None:
    """Show an output in a notebook, or print it; a script's pictures are files named `path`."""
    if in_notebook():
        from IPython.display import HTML, Image, display

        if isinstance(output, Animation):
            display(Image(data=output.gif, format="gif", alt=output.description))
        elif isinstance(output, Picture):
            display(Image(data=output.png, width=output.width, alt=output.description))
        elif isinstance(output, PrintedText):
            print(output.plain())
        else:
            display(HTML(str(output.html("en"))))
        return
    print(output.plain())
    if isinstance(output, Picture | Animation):
        content, ending = (
            (output.gif, ".gif") if isinstance(output, Animation) else (output.png, ".png")
        )
        target = path.with_suffix(ending)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        print(f"  {target}")


def in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this, not a plain interpreter or IPython's terminal."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return type(shell).__name__ in ("ZMQInteractiveShell", "Shell")
