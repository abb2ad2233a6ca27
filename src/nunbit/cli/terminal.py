"""The two streams of the terminal, and text that is safe to show on them."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

WIDE = 4096  # columns of a pipe or file, so that lines are not broken


class StreamConsole(Console):
    """Console that falls silent when its reader is gone, as after `| head`."""

    def on_broken_pipe(self) -> None:
        """Discard the rest: a training must not end because its reader did."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def stdout_console() -> Console:
    """Console for results."""
    return _console(sys.stdout)


def stderr_console() -> Console:
    """Console for errors, progress and remarks."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    console = StreamConsole(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def printable(text: str) -> str:
    """The text with control characters shown as escapes, for a file name may contain any."""
    return "".join(
        character
        if character == "\n" or character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
