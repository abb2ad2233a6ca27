"""The two streams of the terminal, and text that is safe to show on them."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

WIDE = 4096  # columns where nobody looks: a pipe or file gets its lines whole


class StreamConsole(Console):
    """A console that goes on in silence when its reader has left, as `head` does."""

    def on_broken_pipe(self) -> None:
        """Send the rest nowhere: a training must not die because nobody listens."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def stdout_console() -> Console:
    """Where results go."""
    return _console(sys.stdout)


def stderr_console() -> Console:
    """Where errors go, and remarks of commands whose results may be piped on."""
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
