"""Errors as the user sees them: one short block on stderr, and an exit code."""

from __future__ import annotations

import traceback

import typer
from rich.text import Text

from nunbit.cli.terminal import printable, stderr_console
from nunbit.errors import DataError, NunbitError, RunInterrupted, TrainingError, UsageError
from nunbit.extras import missing_extra
from nunbit.files import is_full, storage_error
from nunbit.formatting import quoted
from nunbit.training.interrupt import Terminated

_NEEDED = {
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of at most {le}",
    "less_than": "a number below {lt}",
}
"""Kinds of values that an option takes, by the name of pydantic's error."""
LOOK_AT_IT = "correct it, or give another one"
"""Remedy where the place is all that can be said."""


def explain_failure(error: BaseException, *, debug: bool) -> int:
    """Print what went wrong, where and what to do; returns the exit code of the program."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if debug and isinstance(error, Exception):
        stderr_console().out("".join(traceback.format_exception(error)), end="", highlight=False)
    failure = _as_nunbit_error(error, debug=debug)
    if failure.path is not None and not failure.remedy and failure.exit_code == 2:
        failure.remedy = LOOK_AT_IT
    if failure.what:
        _print_block(failure)
    return failure.exit_code


def _as_nunbit_error(error: BaseException, *, debug: bool) -> NunbitError:
    """Convert a failure to the form that is shown."""
    known = error if isinstance(error, NunbitError) else missing_extra(error)
    if known is not None:
        return known
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        why = "stopped by SIGTERM" if isinstance(error, Terminated) else "interrupted"
        return RunInterrupted(f"{why} before it was done")
    if isinstance(error, typer.TyperException):
        return _wrong_words(error)
    if isinstance(error, OSError) and error.strerror:
        remedy = "check that it exists, and can be read or written"
        other = DataError(error.strerror, path=error.filename, remedy=remedy)
        return storage_error(error) if is_full(error) else other
    if _is_out_of_memory(error):
        return TrainingError(
            "out of memory",
            remedy="use a smaller --image-size or --set training.batch_size=N",
        )
    what = f"internal error in nunbit: {type(error).__name__}: {error}"
    remedy = "" if debug else "repeat the command with --debug and report what it shows"
    return TrainingError(what, remedy=remedy)


def _wrong_words(error: typer.TyperException) -> UsageError:
    """Convert an error about the words of the command line."""
    context = getattr(error, "ctx", None)
    command = "nunbit" if context is None else context.command_path
    if wrong := _wrong_value(error, command):
        return wrong
    near = getattr(error, "possibilities", None)  # names like that of an option that is not there
    if near:
        question = f"did you mean {' or '.join(sorted(near))}?"
        return UsageError(error.message, remedy=f"{question} {command} --help lists all")
    return UsageError(error.format_message(), remedy=f"see {command} --help")


def _wrong_value(error: typer.TyperException, command: str) -> UsageError | None:
    """Name the value of an option that pydantic refuses, in words of our own; None for others."""
    cause, option = error.__cause__, getattr(error, "param", None)
    errors = getattr(cause, "errors", None)
    if option is None or errors is None:
        return None
    first = errors()[0]
    wanted = _NEEDED.get(first["type"])
    if wanted is None:
        return None
    return UsageError(
        f"{'/'.join(option.opts)} {quoted(str(first['input']))} is not possible",
        remedy=f"give {wanted.format(**first.get('ctx', {}))}; {command} --help says more",
    )


def _is_out_of_memory(error: BaseException) -> bool:
    """Python's error, and torch's for an accelerator and for the CPU, without importing torch."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )


def _print_block(failure: NunbitError) -> None:
    stopped = isinstance(failure, RunInterrupted)
    word, style = ("stopped", "bold yellow") if stopped else ("error", "bold red")
    text = printable(str(failure))
    rest = text.removeprefix(f"{word} ")  # "stopped by SIGTERM ..." says it itself
    block = Text.assemble((f"{word} " if rest != text else f"{word}: ", style), rest)
    stderr_console().print(block, soft_wrap=True)
