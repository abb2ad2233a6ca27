"""Damaged files of every kind: read, or refused in one block; never a crash, a hang or a trace.

`make fuzz` does the same for hours with other seeds. A failure names target, seed and number.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from nunbit.cli.failure import explain_failure
from nunbit.errors import NunbitError, TrainingError
from tests.fuzz.mutations import mutate, mutate_json
from tests.fuzz.targets import TARGETS, Target

MUTATIONS = int(os.environ.get("NUNBIT_FUZZ_MUTATIONS", "40"))
"""Of each file."""
SEED = int(os.environ.get("NUNBIT_FUZZ_SEED", "0"))
MAX_SECONDS = 30
"""For reading one file of a few kilobytes, on a machine that has other things to do."""
MAX_CHARACTERS = 6000
"""Of one block, which may list class names and paths."""


@contextlib.contextmanager
def no_hang(what: str) -> Iterator[None]:
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise AssertionError(f"{what} hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged(target: Target, data: bytes, number: int) -> bytes:
    """The content after the changes of this number, the same wherever it is computed."""
    draw = random.Random(f"{target.name} {SEED} {number}")
    if target.is_json and number % 2:
        data = mutate_json(data, draw)
        if target.reseal is not None and number % 4 == 1:
            with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
                data = target.reseal(data)
        return data
    return mutate(data, draw)


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_damaged_file_is_read_or_refused(
    target: Target,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, work, home = (tmp_path / name for name in ("whole", "work", "home"))
    for folder in (whole, home):
        folder.mkdir()
    monkeypatch.chdir(home)
    at = target.make(whole).relative_to(whole)
    shutil.copytree(whole, work)
    target.read(work / at)  # whole, it is read
    data, faults = (whole / at).read_bytes(), []
    for number in range(MUTATIONS):
        shutil.rmtree(work)
        shutil.copytree(whole, work)
        (work / at).write_bytes(damaged(target, data, number))
        what = f"{target.name}, seed {SEED}, number {number}"
        try:
            with no_hang(what), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target.read(work / at)
        except NunbitError as error:
            if fault := _fault_of(error, capsys):
                faults.append(f"{what}: {fault}: {str(error)[:300]!r}")
        except Exception as error:
            faults.append(f"{what}: {type(error).__name__}: {str(error)[:300]!r}")
        assert listing(tmp_path) == {"whole", "work", "home"}, what
        assert listing(home) == set(), what
    assert not faults, "\n".join(faults)


def _fault_of(error: NunbitError, capsys: pytest.CaptureFixture[str]) -> str:
    """What the block lacks that the command line would show; '' where it is as it must be."""
    capsys.readouterr()
    code = explain_failure(error, debug=False)
    told = capsys.readouterr().err
    if code not in (1, 2):
        return f"exit code {code}"
    if told.count("error: ") != 1 or "Traceback" in told:
        return "not one block"
    if "where: " not in told:
        return "no file is named"
    if "what to do: " not in told:
        return "no remedy"
    if len(told) > MAX_CHARACTERS:
        return f"{len(told)} characters"
    return ""


def test_a_block_that_is_not_as_it_must_be_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """The harness can fail."""
    assert _fault_of(NunbitError("x", path="a", remedy="b"), capsys) == ""
    assert _fault_of(NunbitError("x", remedy="b"), capsys) == "no file is named"
    assert _fault_of(TrainingError("x", path="a"), capsys) == "no remedy"
    assert _fault_of(NunbitError("x y " * 5000, path="a" * 7000, remedy="b"), capsys)


def test_no_change_is_drawn_twice() -> None:
    """Mutations differ from each other and from the file, and are the same in every run."""
    target, data = TARGETS[0], b"[training]\nepochs = 3\nminutes = 5\n" * 20
    made = [damaged(target, data, number) for number in range(100)]
    assert len(set(made)) > 80
    assert sum(content == data for content in made) < 10
    assert made == [damaged(target, data, number) for number in range(100)]
