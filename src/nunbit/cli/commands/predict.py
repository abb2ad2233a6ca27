"""`nunbit predict`: a model's answers on images."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from nunbit.chunks import chunks
from nunbit.cli.options import Debug, Quiet, Run
from nunbit.cli.outputs import check_new_file
from nunbit.files import new_file_written_atomically
from nunbit.formatting import neutral_cell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nunbit.evaluation.operating_point import OperatingPoint
    from nunbit.predictor import FilePrediction, Predictor, Threshold

CHUNK_FILES = 512  # so that progress shows, and workers are still kept busy


def predict(
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", show_default=False, help="Image files, folders of them, or globs."
        ),
    ],
    *,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="OUT",
            show_default=False,
            help="Write all probabilities into a new CSV file.",
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="K", min=1, help="How many classes to show.")
    ] = 1,
    accuracy: Annotated[
        float | None,
        typer.Option(
            "--accuracy",
            metavar="FRACTION",
            show_default=False,
            help="Mark answers as unsure whose confidence is too low for this accuracy, "
            "such as 0.95.",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            metavar="operating-point|P",
            show_default=False,
            help="Of two classes: answer the positive one from this probability on.",
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="N", min=1, help="Images at a time.")
    ] = 64,
    engine: Annotated[
        Literal["onnxruntime", "openvino"] | None,
        typer.Option(
            "--engine",
            show_default=False,
            help="What runs an exported model; onnxruntime unless given.",
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Classify images. Exit code 1 when some could not be read, 2 when none could."""
    check_new_file(csv_file, option="--csv")

    from nunbit.cli.display import display_on
    from nunbit.cli.inputs import expand
    from nunbit.cli.terminal import printable, stderr_console, stdout_console

    progress = display_on(stderr_console(), quiet=quiet)
    files = expand(paths, progress)

    from nunbit.loading import load_predictor  # after what can fail at once
    from nunbit.predictor import check_accuracy

    if accuracy is not None:
        check_accuracy(accuracy)
    classifier = load_predictor(run, engine=engine)
    top_k = min(top, len(classifier.classes))
    limit = None if threshold is None else _threshold(threshold)
    answers = _answers(
        classifier,
        files,
        top_k=top_k,
        accuracy=accuracy,
        threshold=limit,
        batch_size=batch_size,
    )
    rows = list(progress.track(answers, total=len(files), title="Classifying images"))
    if csv_file is not None:
        _write_csv(csv_file, rows, classifier.classes, with_unsure=accuracy is not None)
    if not quiet:
        table = _table(rows, classifier.classes, top_k=top_k, with_unsure=accuracy is not None)
        stdout_console().print(table)
        if accuracy is not None:
            stdout_console().print(_unsure_message(rows, accuracy), soft_wrap=True)
        if limit is not None:
            message = _threshold_message(rows, classifier.point_at(limit))
            stdout_console().print(printable(message), soft_wrap=True, markup=False)
    failed = [row for row in rows if row.error]
    if failed:
        _name_failed(stderr_console(), failed, total=len(rows))
        raise typer.Exit(2 if len(failed) == len(rows) else 1)


def _answers(
    classifier: Predictor,
    files: Sequence[Path],
    *,
    top_k: int,
    accuracy: float | None,
    threshold: Threshold | None,
    batch_size: int,
) -> Iterator[FilePrediction]:
    for some in chunks(files, CHUNK_FILES):
        yield from classifier.predict_files(
            some, top_k=top_k, accuracy=accuracy, threshold=threshold, batch_size=batch_size
        )


def _threshold(text: str) -> Threshold:
    """The number, or `operating-point`; what is neither stays for the model to refuse."""
    try:
        return float(text)
    except ValueError:
        return cast("Threshold", text)


def _threshold_message(rows: Sequence[FilePrediction], point: OperatingPoint) -> str:
    readable = [row for row in rows if not row.error]
    positive = sum(row.names[0] == point.positive for row in readable)
    return (
        f"{positive:,} of {len(readable):,} answers are {point.positive}, which is answered from a "
        f"probability of {point.threshold:.4g} on"
    )


def _by_class(row: FilePrediction, classes: Sequence[str]) -> dict[str, float]:
    return dict(zip(classes, row.probabilities, strict=True))


def _unsure_message(rows: Sequence[FilePrediction], accuracy: float) -> str:
    readable = [row for row in rows if not row.error]
    unsure = sum(row.unsure for row in readable)
    return (
        f"{unsure:,} of {len(readable):,} answers are unsure; of the others, at least "
        f"{100 * accuracy:g} % should be right on images like those of the training"
    )


def _table(
    rows: Sequence[FilePrediction], classes: Sequence[str], *, top_k: int, with_unsure: bool
) -> Table:
    from rich.table import Table
    from rich.text import Text

    from nunbit.cli.terminal import printable
    from nunbit.formatting import percentage

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("file", overflow="fold")
    for rank in range(1, top_k + 1):
        table.add_column("predicted" if rank == 1 else f"{rank}.", overflow="fold")
        table.add_column("", justify="right", no_wrap=True)
    if with_unsure:
        table.add_column("", no_wrap=True)
    for row in rows:
        if row.error:
            cells = [Text("unusable", "red")]
        else:
            chances = _by_class(row, classes)
            cells = [
                Text(text)
                for name in row.names[:top_k]
                for text in (printable(name), percentage(chances[name]))
            ]
            if row.unsure:
                cells.append(Text("unsure", "yellow"))
        table.add_row(Text(printable(str(row.path))), *cells)
    return table


def _name_failed(console: Console, failed: Sequence[FilePrediction], *, total: int) -> None:
    from rich.text import Text

    from nunbit.cli.terminal import printable

    for row in failed:
        line = Text.assemble(("error: ", "bold red"), printable(f"{row.path}: {row.error}"))
        console.print(line, soft_wrap=True)
    console.print(f"{len(failed):,} of {total:,} files could not be used", soft_wrap=True)


def _write_csv(
    path: Path, rows: Sequence[FilePrediction], classes: Sequence[str], *, with_unsure: bool
) -> None:
    with new_file_written_atomically(path, errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [f"prob_{name}" for name in classes]
        extra = ["unsure"] if with_unsure else []
        writer.writerow(["path", "predicted", "confidence", *names, *extra, "error"])
        for row in rows:
            place = neutral_cell(str(row.path))
            if row.error:
                empty = ("" for _ in (*classes, *extra))
                writer.writerow([place, "", "", *empty, neutral_cell(row.error)])
                continue
            chances = _by_class(row, classes)
            numbers = [f"{chances[name]:.9g}" for name in (row.names[0], *classes)]
            marks = ["yes" if row.unsure else "no" for _ in extra]
            answer = neutral_cell(row.names[0])
            writer.writerow([place, answer, *numbers, *marks, ""])
