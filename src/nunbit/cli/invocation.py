"""The call of the program that a command belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import typer


@dataclass(kw_only=True)
class Invocation:
    """One call of the program."""

    command: str
    """The command line, quoted for a shell; stored in runs as the way to repeat them."""
    debug: bool = False
    """True if errors show their traceback."""


def invocation_of(context: typer.Context) -> Invocation:
    """The call that a command belongs to."""
    invocation = context.find_root().obj
    if not isinstance(invocation, Invocation):
        raise TypeError("a command was called without nunbit.cli.main")
    return invocation
