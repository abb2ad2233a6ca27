"""Displays of work in progress: a live picture in a terminal, plain lines elsewhere.

Both implement `nunbit.progress.Progress`. A display never ends the work it shows.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from nunbit.cli.terminal import printable
from nunbit.formatting import duration, percentage
from nunbit.progress import SILENT, Progress

T = TypeVar("T")
SHOWN_EPOCHS = 8
NARROW = 72  # columns below which only the most telling numbers are shown
NARROW_COLUMNS = ("epoch", "loss", "val. accuracy")
REPORT_SECONDS = 10.0  # before the first plain line of one piece of work; the next come rarer
LONG_SECONDS = 2.0  # of work whose end is worth a line
EPOCH_LINES = 5
"""Plain lines for the epochs of a training, beside the first; more would hide what matters."""


def display_on(console: Console, *, quiet: bool, verbose: bool = False) -> Progress:
    """Choose the display that suits the console; none with `quiet`, all details with `verbose`."""
    if quiet:
        return SILENT
    kind = LiveDisplay if console.is_terminal else PlainDisplay
    return kind(console, verbose=verbose)


def _number(record: Mapping[str, float], key: str) -> float:
    value = record.get(key)
    return math.nan if value is None else float(value)


_PLAIN: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("train_loss", "loss {:.4f}".format),
    ("train_accuracy", lambda fraction: f"accuracy {percentage(fraction)}"),
    ("validation_loss", "validation loss {:.4f}".format),
    ("validation_accuracy", lambda fraction: f"validation accuracy {percentage(fraction)}"),
    ("images_per_second", "{:,.0f} images/s".format),
)


class PlainDisplay:
    """Plain lines for logs and pipes: about twenty for a training, all of them if verbose."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._training: _Training | None = None
        self._printed = -1
        """Fifths of the training whose line is printed; -1 before the first epoch."""

    def _line(self, text: str) -> None:
        self._console.print(Text(printable(text)), soft_wrap=True)

    def note(self, message: str) -> None:
        """The remark on a line of its own."""
        self._line(f"note: {message}")

    def detail(self, message: str) -> None:
        """The remark on a line of its own, if verbose."""
        if self._verbose:
            self.note(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        """A line at the end of long work, and now and then before; of any work if verbose."""
        started = time.monotonic()
        wait = REPORT_SECONDS
        for count, item in enumerate(items, start=1):
            yield item
            seconds = time.monotonic() - started
            if seconds >= wait:
                wait = seconds + (REPORT_SECONDS if self._verbose else seconds)
                self._line(f"{title}: {count:,} of {total:,}")
        seconds = time.monotonic() - started
        if self._verbose or seconds >= LONG_SECONDS:
            self._line(f"{title}: {total:,} in {duration(seconds)}")

    def training_started(self, *, model: str, epochs: int | None, minutes: float | None) -> None:
        """Says what is trained and for how long."""
        self._training = _Training(model, epochs, minutes, time.monotonic(), [])
        self._printed = -1
        length = f"{minutes:g} minutes" if minutes is not None else _epochs_in_words(epochs)
        self._line(f"training {model} for {length}")

    def step(self, *, epoch: int, fraction: float, images_per_second: float, left: float) -> None:  # noqa: ARG002
        """Remembered for the next line."""
        if self._training is not None:
            self._training.left = left

    def epoch_ended(self, record: Mapping[str, float]) -> None:
        """The epoch's numbers on one line, for some of the epochs or, if verbose, each."""
        training = self._training
        if training is None:
            return
        training.rows.append(dict(record))
        training.epoch, training.fraction = int(record["epoch"]), 1.0
        reached = int(training.done * EPOCH_LINES + 1e-9)
        if self._verbose or reached > self._printed:
            self._printed = reached
            self._print_last_epoch(training)

    def training_ended(self) -> None:
        """The last epoch, if its line was held back; the results follow."""
        training, self._training = self._training, None
        if training is not None and training.rows:
            self._print_last_epoch(training)

    def _print_last_epoch(self, training: _Training) -> None:
        record = training.rows[-1]
        training.rows.clear()
        goal = "" if training.epochs is None else f"/{training.epochs}"
        parts = [
            f"epoch {int(record['epoch'])}{goal}",
            *(in_words(record[key]) for key, in_words in _PLAIN if key in record),
        ]
        if "seconds" in record:
            parts.append(duration(record["seconds"]))
        if training.left >= 1:
            parts.append(f"{duration(training.left)} left")
        self._line("  ".join(parts))


def _epochs_in_words(epochs: int | None) -> str:
    return "1 epoch" if epochs == 1 else f"{epochs} epochs"


@dataclass
class _Training:
    """State of a training, for the live picture."""

    model: str
    epochs: int | None
    minutes: float | None
    started: float
    rows: list[Mapping[str, float]]
    epoch: int = 1
    fraction: float = 0.0
    images_per_second: float = math.nan
    left: float = math.nan

    @property
    def done(self) -> float:
        """Fraction of the whole training."""
        if self.epochs is not None and self.minutes is None:
            return min(1.0, (self.epoch - 1 + self.fraction) / max(1, self.epochs))
        spent = time.monotonic() - self.started
        return spent / (spent + self.left) if math.isfinite(self.left) and spent > 0 else 0.0


class LiveDisplay:
    """Bars, and for training a table of the last epochs over a bar, redrawn in place."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._training: _Training | None = None
        self._live: Live | None = None
        self._busy = False

    def note(self, message: str) -> None:
        """The remark, above whatever is being redrawn."""
        self._console.print(Text.assemble(("note: ", "bold cyan"), printable(message)))

    def detail(self, message: str) -> None:
        """The remark, if verbose."""
        if self._verbose:
            self.note(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        """A bar that goes away when all is done."""
        if self._busy or self._live is not None:  # one redrawn picture at a time
            yield from items
            return
        wide = [MofNCompleteColumn(), TimeRemainingColumn()]
        columns = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            *(wide if self._console.width >= NARROW else []),
        ]
        self._busy = True
        try:
            with Bars(*columns, console=self._console, transient=True) as bars:
                yield from bars.track(items, total=total, description=printable(title))
        finally:
            self._busy = False

    def training_started(self, *, model: str, epochs: int | None, minutes: float | None) -> None:
        """Opens the picture; a second start, as after an interruption, opens a new one."""
        self.training_ended()
        self._training = _Training(model, epochs, minutes, time.monotonic(), [])
        self._live = Live(
            console=self._console,
            get_renderable=self._picture,
            refresh_per_second=4,
            vertical_overflow="ellipsis",
        )
        self._live.start()

    def step(self, *, epoch: int, fraction: float, images_per_second: float, left: float) -> None:
        """Numbers for the bar; drawn a few times a second, however often steps come."""
        if (training := self._training) is not None:
            training.epoch, training.fraction = epoch, fraction
            training.images_per_second, training.left = images_per_second, left

    def epoch_ended(self, record: Mapping[str, float]) -> None:
        """A new row of the table."""
        if self._training is not None:
            self._training.rows.append(dict(record))
            # An epoch of few batches may end without a step shown.
            self._training.epoch, self._training.fraction = int(record["epoch"]), 1.0

    def training_ended(self) -> None:
        """Leaves the last picture, without its bar, in the terminal."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()
        self._training = None

    def _picture(self) -> RenderableType:
        training = self._training
        if training is None:
            return Text("")
        table = _epoch_table(training.rows[-SHOWN_EPOCHS:], narrow=self._console.width < NARROW)
        if self._live is None:
            return table
        return Group(table, _training_line(training, self._console.width))


def _epoch_table(rows: Sequence[Mapping[str, float]], *, narrow: bool) -> Table:
    fields: list[tuple[str, Callable[[Mapping[str, float]], str]]] = [
        ("epoch", lambda row: f"{row['epoch']:.0f}"),
        ("loss", lambda row: f"{_number(row, 'train_loss'):.4f}"),
        ("accuracy", lambda row: percentage(_number(row, "train_accuracy"))),
        ("val. loss", lambda row: f"{_number(row, 'validation_loss'):.4f}"),
        ("val. accuracy", lambda row: percentage(_number(row, "validation_accuracy"))),
        ("images/s", lambda row: f"{_number(row, 'images_per_second'):,.0f}"),
        ("time", lambda row: duration(_number(row, "seconds"))),
    ]
    shown = [field for field in fields if field[0] in NARROW_COLUMNS] if narrow else fields
    columns = (Column(title, justify="right", no_wrap=True) for title, _ in shown)
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(show(row) for _, show in shown))
    return table


def _training_line(training: _Training, width: int) -> RenderableType:
    goal = "" if training.epochs is None else f"/{training.epochs}"
    words = [f"epoch {training.epoch}{goal}"]
    if width >= NARROW:
        words.append(percentage(training.done))
        if math.isfinite(training.images_per_second):
            words.append(f"{training.images_per_second:,.0f} images/s")
    if math.isfinite(training.left):
        words.append(f"{duration(training.left)} left")
    line = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=1.0, completed=training.done, width=max(5, min(30, width // 4)))
    line.add_row(bar, Text("  ".join(words), no_wrap=True, overflow="ellipsis"))
    return line
