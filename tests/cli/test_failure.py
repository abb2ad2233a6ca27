from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from nunbit.cli import main
from nunbit.cli.failure import explain_failure
from nunbit.errors import DataError, RunInterrupted, TrainingError

ERRORS: list[tuple[BaseException, int, str]] = [
    (
        DataError("no image", path="a[b]/c", remedy="add some"),
        2,
        "error: no image\n  where: a[b]/c\n  what to do: add some\n",
    ),
    (TrainingError("the loss is not finite"), 1, "error: the loss is not finite\n"),
    (
        RunInterrupted("stopped in epoch 3", remedy="nunbit train --resume --out runs/x"),
        130,
        "stopped in epoch 3\n  what to do: nunbit train --resume --out runs/x\n",
    ),
    (KeyboardInterrupt(), 130, "stopped: interrupted before it was done\n"),
    (
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/x.npy"),
        2,
        "error: the disk is full\n  where: .\n"
        "  what to do: free some space there, then give the command again; nothing is left half "
        "written\n",
    ),
    (
        OSError(errno.EACCES, os.strerror(errno.EACCES), "out/x.npy"),
        2,
        "error: Permission denied\n  where: out/x.npy\n"
        "  what to do: check that it exists, and can be read or written\n",
    ),
    (
        MemoryError(),
        1,
        "error: out of memory\n"
        "  what to do: use a smaller --image-size or --set training.batch_size=N\n",
    ),
    (
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
        1,
        "error: out of memory\n"
        "  what to do: use a smaller --image-size or --set training.batch_size=N\n",
    ),
    (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        1,
        "error: out of memory\n"
        "  what to do: use a smaller --image-size or --set training.batch_size=N\n",
    ),
    (
        KeyError("x"),
        1,
        "error: internal error in nunbit: KeyError: 'x'\n"
        "  what to do: repeat the command with --debug and report what it shows\n",
    ),
]


@pytest.mark.parametrize(("error", "code", "block"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_failure_is_one_block_on_stderr(
    error: BaseException, code: int, block: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain_failure(error, debug=False) == code
    assert capsys.readouterr() == ("", block)


def test_debug_shows_the_traceback_before_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    error = DataError("no image")
    error.__cause__ = ValueError("the cause [red]")
    assert explain_failure(error, debug=True) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("ValueError: the cause [red]")
    assert "nunbit.errors.DataError: no image" in printed
    assert printed.endswith("error: no image\n")


def test_long_and_odd_names_are_shown_whole_and_harmless(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "x" * 300 + "\x1b[2J\udce9[/red].png"
    explain_failure(DataError("truncated", path=name), debug=False)
    assert f"where: {'x' * 300}\\x1b[2J\\udce9[/red].png\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'?", "see nunbit --help"),
        (
            ["train", "x", "--epoch", "3"],
            "No such option: --epoch",
            "did you mean --epochs? nunbit train --help lists all",
        ),
        (["train", "x", "--qqq"], "No such option: --qqq", "see nunbit train --help"),
        (
            ["train", "x", "--epochs", "many"],
            "training.epochs = 'many' is not possible",
            "set training.epochs (--epochs) to auto, or a whole number of at least 1",
        ),
        (
            ["split", "x", "--out", "y", "--seed", "z"],
            "--seed z is not possible",
            "give a whole number; nunbit split --help says more",
        ),
        (
            ["predict", "run", "x.png", "--top", "0"],
            "--top 0 is not possible",
            "give a number of at least 1; nunbit predict --help says more",
        ),
        (["split", "x"], "'--out'", "see nunbit split --help"),
        (["check"], "'DATA'", "see nunbit check --help"),
        (["predict", "run"], "PATH", "see nunbit predict --help"),
    ],
)
def test_wrong_words_are_explained_in_the_same_form(
    arguments: Sequence[str], message: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.endswith(f"  what to do: {remedy}\n")


def test_the_bare_name_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: nunbit" in out
    assert err == ""


def test_interrupting_a_command_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nunbit.cli.inputs.expand", interrupted)
    assert main(["predict", "run", "x.png"]) == 130
    assert capsys.readouterr().err.strip() == "stopped: interrupted before it was done"


@pytest.mark.parametrize("order", [["--debug", "train"], ["train", "--debug"]])
def test_debug_may_stand_before_or_after_the_command(
    order: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(order) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_nothing() -> None:
    code = (
        "import os, sys\n"
        "from nunbit.cli.terminal import stdout_console\n"
        "console = stdout_console()\n"
        "for line in range(20_000): console.print('a line of output')\n"
        "print('still alive', file=sys.stderr)\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "still alive\n")
