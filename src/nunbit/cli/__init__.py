"""The command line: a thin file for each command; nothing heavy is imported before one runs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from nunbit.cli.commands import (
    advise,
    augment,
    check,
    compare,
    evaluate,
    explain,
    export,
    lab,
    models,
    predict,
    serve,
    split,
    summary,
    train,
)
from nunbit.cli.failure import explain_failure
from nunbit.cli.invocation import Invocation
from nunbit.cli.options import Debug, Version
from nunbit.training.interrupt import Terminated, terminated_as_interrupted
from nunbit.training.speedups.process import (
    collect_garbage_rarely,
    end_process,
    keep_freed_memory,
)

app = typer.Typer(
    name="nunbit",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.command("train")(train.train)
app.command("check")(check.check)
app.command("augment")(augment.augment)
app.command("advise")(advise.advise)
app.command("split")(split.split)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("models")(models.models)
app.command("summary")(summary.summary)
app.command("lab")(lab.lab)


@app.callback()
def nunbit(version: Version = False, debug: Debug = False) -> None:
    """Labelled images in; a classifier out that its owner can trust, understand and ship.

    DATA is a folder of class folders (also below train, validation and test), a flat folder with
    labels in the file names (--label-from), a folder with metadata.csv or metadata.jsonl, a zip or
    tar archive of class folders, tar shards of WebDataset, a folder of Parquet files that hold the
    images, a published data set as it is unpacked (Tiny-ImageNet, SVHN, EMNIST, …), a folder of
    CIFAR files, a folder of IDX files (MNIST), an .npz file, a CSV, JSON or Parquet table, or a
    known name: digits, fashion-mnist, mnist, cifar10, cifar100
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done; 1 the command ran and found a fault; 2 wrong usage or unusable input; 130 interrupted.
    """
    if arguments is None:
        return _main_of_process()
    words = list(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A file name need not be valid UTF-8: show such bytes as escapes, whatever the locale.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    invocation = Invocation(command=shlex.join(["nunbit", *words]))
    try:
        with terminated_as_interrupted() as terminated:
            code = app(args=words, prog_name="nunbit", standalone_mode=False, obj=invocation)
    except BaseException as error:  # the one place where every failure becomes a message
        return explain_failure(error, debug=invocation.debug)
    if code == 130:  # what Typer makes of KeyboardInterrupt
        stopped = Terminated() if terminated.requested else KeyboardInterrupt()
        return explain_failure(stopped, debug=False)
    return int(code or 0)


def _main_of_process() -> NoReturn:
    """Run the command line's command, in a process that ends with it."""
    collect_garbage_rarely()
    keep_freed_memory()
    end_process(main(sys.argv[1:]))
