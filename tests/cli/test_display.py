from __future__ import annotations

import io
import math
from collections.abc import Iterator

import pytest
from rich.console import Console

from nunbit.cli.display import LiveDisplay, PlainDisplay, display_on
from nunbit.formatting import percentage
from nunbit.progress import SILENT, Progress

RECORD = {
    "epoch": 1,
    "train_loss": 0.5,
    "train_accuracy": 0.8125,
    "validation_loss": 0.25,
    "validation_accuracy": 0.9,
    "learning_rate": 0.001,
    "seconds": 61.0,
    "images_per_second": 1234.5,
}


def plain(*, verbose: bool = False) -> tuple[PlainDisplay, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, width=4096, color_system=None)
    return PlainDisplay(console, verbose=verbose), stream


def terminal(width: int, height: int = 24) -> tuple[LiveDisplay, io.StringIO]:
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=True, width=width, height=height, color_system=None
    )
    return LiveDisplay(console), stream


def whole_training(display: Progress, epochs: int = 2) -> None:
    display.note("a file named [bold]x[/bold].png")
    assert list(display.track(range(3), total=3, title="decoding [1/2]")) == [0, 1, 2]
    display.training_started(model="smallcnn", epochs=epochs, minutes=None)
    for epoch in range(1, epochs + 1):
        display.step(epoch=epoch, fraction=0.5, images_per_second=1000.0, left=3.0)
        display.epoch_ended({**RECORD, "epoch": epoch})
    display.training_ended()


def test_percentage_of_nothing_is_a_dash() -> None:
    assert (percentage(0.9214), percentage(0.98, 0), percentage(math.nan)) == (
        "92.1 %",
        "98 %",
        "-",
    )


def test_quiet_is_silent_and_the_console_decides_otherwise() -> None:
    console = Console(file=io.StringIO())
    assert display_on(console, quiet=True) is SILENT
    assert isinstance(display_on(console, quiet=False), PlainDisplay)
    in_terminal = Console(file=io.StringIO(), force_terminal=True)
    assert isinstance(display_on(in_terminal, quiet=False), LiveDisplay)


def test_plain_lines_hold_every_number_and_no_control_codes() -> None:
    display, stream = plain(verbose=True)
    whole_training(display)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "note: a file named [bold]x[/bold].png"
    assert lines[1] == "decoding [1/2]: 3 in 0.0 s"
    assert lines[2] == "training smallcnn for 2 epochs"
    assert lines[3] == (
        "epoch 1/2  loss 0.5000  accuracy 81.2 %  validation loss 0.2500  "
        "validation accuracy 90.0 %  1,234 images/s  1 min 1 s  3.0 s left"
    )
    assert len(lines) == 5
    assert "\x1b" not in stream.getvalue()


def test_a_long_training_prints_few_plain_lines_and_the_last_epoch() -> None:
    display, stream = plain()
    for detail in range(30):
        display.detail(f"detail {detail}")
    whole_training(display, epochs=100)
    lines = stream.getvalue().splitlines()
    assert lines[:2] == [
        "note: a file named [bold]x[/bold].png",
        "training smallcnn for 100 epochs",
    ]
    shown = [line.split()[1] for line in lines[2:]]
    assert shown == ["1/100", "20/100", "40/100", "60/100", "80/100", "100/100"]


def test_a_training_that_stops_early_ends_with_its_last_epoch() -> None:
    display, stream = plain()
    display.training_started(model="m", epochs=100, minutes=None)
    for epoch in range(1, 34):
        display.epoch_ended({**RECORD, "epoch": epoch})
    display.training_ended()
    assert stream.getvalue().splitlines()[-1].startswith("epoch 33/100  ")


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_details_appear_only_when_asked_for(kind: type, verbose: bool) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    kind(console, verbose=verbose).detail("the reason")
    assert ("the reason" in stream.getvalue()) == verbose


def test_long_work_reports_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 9.0, 11.0, 12.0, 22.5, 23.0])
    monkeypatch.setattr("nunbit.cli.display.time.monotonic", lambda: next(seconds))
    display, stream = plain()
    assert list(display.track(range(4), total=4000, title="reading")) == [0, 1, 2, 3]
    assert stream.getvalue().splitlines() == [
        "reading: 2 of 4,000",
        "reading: 4 of 4,000",
        "reading: 4,000 in 23 s",
    ]


def test_plain_lines_without_a_validation_part_or_a_number_of_epochs() -> None:
    display, stream = plain()
    display.training_started(model="lenet5", epochs=None, minutes=2.5)
    display.epoch_ended({"epoch": 7, "train_loss": 1.0})
    assert stream.getvalue().splitlines() == [
        "training lenet5 for 2.5 minutes",
        "epoch 7  loss 1.0000",
    ]


@pytest.mark.parametrize("width", [1, 8, 20, 40, 71, 72, 80, 200])
def test_the_live_picture_fits_any_terminal(width: int) -> None:
    display, stream = terminal(width)
    whole_training(display, epochs=20)
    assert stream.getvalue()


def test_the_live_picture_ends_with_the_last_epochs_and_restores_the_cursor() -> None:
    display, stream = terminal(100)
    whole_training(display, epochs=20)
    last = stream.getvalue().rpartition("epoch ")[2]
    assert "val. accuracy" in last
    assert "90.0 %" in last
    assert "  20  " in last.replace("\n", " ")
    assert stream.getvalue().endswith("\x1b[?25h")


def test_names_are_never_read_as_markup() -> None:
    display, stream = terminal(100)
    whole_training(display)
    assert "note: a file named [bold]x[/bold].png" in stream.getvalue()


@pytest.mark.parametrize("make", [plain, lambda: terminal(80)])
def test_work_inside_work_is_passed_through(make: object) -> None:
    display, _ = make()  # type: ignore[operator]
    inner: list[int] = []
    for _ in display.track(range(2), total=2, title="outer"):
        inner += display.track(range(3), total=3, title="inner")
    assert inner == [0, 1, 2, 0, 1, 2]
    display.training_started(model="m", epochs=1, minutes=None)
    assert list(display.track("ab", total=2, title="while training")) == ["a", "b"]
    display.training_ended()
    display.training_ended()


def test_an_error_in_tracked_work_passes_and_leaves_the_display_usable() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    display, _ = terminal(80)
    with pytest.raises(ValueError, match="broken"):
        list(display.track(broken(), total=2, title="first"))
    assert list(display.track([1], total=1, title="second")) == [1]


def test_steps_and_epochs_outside_a_training_are_ignored() -> None:
    display, _ = terminal(80)
    display.step(epoch=1, fraction=0.1, images_per_second=1.0, left=1.0)
    display.epoch_ended(RECORD)
    display.training_ended()


def test_the_live_picture_counts_epochs_in_which_no_step_was_shown() -> None:
    display, _ = terminal(100)
    display.training_started(model="m", epochs=20, minutes=None)
    display.epoch_ended({**RECORD, "epoch": 7})
    assert isinstance(display, LiveDisplay)
    assert display._training is not None
    assert display._training.done == pytest.approx(7 / 20)
    display.training_ended()
