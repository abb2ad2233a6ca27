"""A run stopped in any stage, with and without --out, goes on with the command that it names."""

from __future__ import annotations

import errno
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nunbit.cli import main
from nunbit.config import Config
from nunbit.errors import DataError, RunInterrupted, WeightsError
from nunbit.pipelines.run_folder import (
    RunFolder,
    alone_in,
    claim,
    make_folder,
    rename_claimed,
    taken_back_where_refused,
)
from tests.fixtures_data import write_images
from tests.pipelines.small_run import MODEL, outcome, small_run

QUICK = (*MODEL, "--epochs", "1")
STAGES = {
    "inspecting": "nunbit.pipelines.dataset.inspect",
    "decoding": "nunbit.pipelines.dataset.open_pixels",
    "splitting": "nunbit.pipelines.dataset.make_or_load_split",
    "statistics": "nunbit.pipelines.dataset.training_statistics",
    "network": "nunbit.pipelines.train.new_model",
    "settings": "nunbit.pipelines.train.resolve_training",
    "before the split is written": "nunbit.pipelines.train.write_manifest",
    "bundle": "nunbit.pipelines.train.deploy",
    "test pass": "nunbit.pipelines.train.pass_over_test",
    "baselines": "nunbit.pipelines.train.baselines_of",
    "model card": "nunbit.pipelines.train.model_card",
    "report": "nunbit.pipelines.evaluation.write_result.build_report",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals to itself")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody stops."""
    return small_run(tmp_path_factory.mktemp("home"), "--epochs", "1")


@pytest.fixture(scope="module")
def photos(whole: Path) -> Path:
    return whole.parent / "photos"


STOPPED = """
import importlib, os, signal, sys

def stop(*_, **__):
    os.kill(os.getpid(), signal.Signals[sys.argv[2]])
    raise AssertionError("the signal had no effect")

signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells let their children ignore it
module, _, name = sys.argv[1].rpartition(".")
setattr(importlib.import_module(module), name, stop)
from nunbit.cli import main
sys.exit(main(sys.argv[3:]))
"""


def stopped_at(function: str, number: signal.Signals, words: Sequence[str], folder: Path) -> str:
    """Run a command in a process that sends itself a signal where a stage begins; give its stderr.

    It ends with 130, as what a signal stops, and not by the signal.
    """
    call = [sys.executable, "-c", STOPPED, function, number.name, *words]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    return done.stderr


def named_command(told: str) -> list[str]:
    """Words of the command that a message names, without `nunbit`."""
    (line,) = (line for line in told.splitlines() if "continue with: " in line)
    words = shlex.split(line.partition("continue with: ")[2])
    assert words[0] == "nunbit"
    return words[1:]


FAST_STAGES = ("inspecting", "before the split is written", "report")
"""The first one, one in the middle, and the last one."""


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(stage, marks=[] if stage in FAST_STAGES else pytest.mark.slow)
        for stage in STAGES
    ],
)
def test_sigterm_in_any_stage_names_the_command_that_goes_on(
    stage: str, photos: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no --out: below runs/ in the current folder
    words = ("train", str(photos), "-q", *QUICK)
    told = stopped_at(STAGES[stage], signal.SIGTERM, words, tmp_path)
    assert told.count("stopped by SIGTERM before the run had ended") == 1
    (run,) = (tmp_path / "runs").iterdir()
    assert main([*named_command(told), "-q"]) == 0
    assert outcome(run) == outcome(whole)
    assert list((tmp_path / "runs").iterdir()) == [run]


@pytest.mark.parametrize("stage", [pytest.param("inspecting", marks=pytest.mark.slow), "report"])
def test_ctrl_c_with_out(stage: str, photos: Path, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "my run"
    words = ("train", str(photos), "--out", str(run), "-q", *QUICK)
    told = stopped_at(STAGES[stage], signal.SIGINT, words, tmp_path)
    assert main([*named_command(told), "-q"]) == 0
    assert outcome(run) == outcome(whole)


def test_a_run_stopped_while_it_asks_the_adviser_goes_on(
    photos: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("train", str(photos), "--pretrained", str(whole), "--epochs", "1")
    adviser = "nunbit.pipelines.train.advise_and_record"
    told = stopped_at(adviser, signal.SIGTERM, (*words, "--transfer", "auto", "-q"), tmp_path)
    (run,) = (tmp_path / "runs").iterdir()

    def cannot_measure(*_: object) -> None:  # in place of its half minute; then a rule decides
        raise DataError("too few images")

    monkeypatch.setattr("nunbit.pipelines.train.advise_and_record", cannot_measure)
    assert main([*named_command(told), "-q"]) == 0
    assert (run / "summary.json").is_file()


def test_any_other_command_says_so_too(photos: Path, tmp_path: Path) -> None:
    told = stopped_at(STAGES["inspecting"], signal.SIGTERM, ("check", str(photos)), tmp_path)
    assert "\nstopped by SIGTERM before it was done" in "\n" + told


def test_the_handler_of_before_is_in_force_again(photos: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["check", str(photos)]) in (0, 1)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("stage", ["inspecting", "settings"])
def test_a_run_without_out_is_locked_from_the_beginning(
    stage: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever resumes a run that works is told so, and the first goes on unharmed."""
    monkeypatch.chdir(tmp_path)
    codes = []
    module, _, name = STAGES[stage].rpartition(".")
    real: Callable[..., object] = getattr(sys.modules[module], name)

    def meddle(*given: object, **named: object) -> object:
        (run,) = (tmp_path / "runs").iterdir()
        assert RunFolder(run).config.is_file()
        codes.append(main(["train", "--resume", "--out", str(run), "-q"]))
        return real(*given, **named)

    monkeypatch.setattr(STAGES[stage], meddle)
    assert main(["train", str(photos), "-q", *QUICK]) == 0
    assert codes == [2]
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name == "photos-smallcnn"
    assert (run / "summary.json").is_file()


def test_data_that_cannot_be_used_leave_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["train", "empty", "-q"]) == 2
    assert main(["train", "nowhere", "-q"]) == 2
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("nowhere", ()),
        ("empty", ()),
        ("one_class", ()),
        ("few", ()),
        ("photos", ("--device", "abacus")),
        ("photos", ("--model", "nosuch")),
        ("photos", ("--pretrained", "nosuch")),
        ("photos", ("--augment", "nosuch.toml")),
        ("photos", ("--split", "nosuch.csv")),
    ],
)
def test_a_refused_run_leaves_nothing_new(
    data: str, words: tuple[str, ...], photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    write_images(tmp_path / "one_class", {"cat": 5})
    write_images(tmp_path / "few", {"cat": 1, "dog": 1})
    where = str(photos if data == "photos" else tmp_path / data)
    before = sorted(tmp_path.rglob("*"))
    for out in ("runs/below/one", "mine", "mine/one"):
        assert main(["train", where, "--out", str(tmp_path / out), "-q", *words]) == 2
        assert sorted(tmp_path.rglob("*")) == before


def test_a_run_refused_while_its_settings_are_settled_leaves_nothing_new(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that do not fit are noticed after the images have been read."""
    monkeypatch.chdir(tmp_path)

    def misfit(*_: object, **__: object) -> object:
        (run,) = (path for path in tmp_path.rglob("*") if path.name in ("one", "photos-smallcnn"))
        RunFolder(run).advice.write_text("{}", encoding="utf-8")
        raise WeightsError("they do not fit")

    monkeypatch.setattr(STAGES["settings"], misfit)
    for words in (("--out", "one"), ()):
        assert main(["train", str(photos), "-q", *QUICK, *words]) == 2
        assert list(tmp_path.iterdir()) == []


def test_a_run_that_had_begun_stays_where_its_data_are_gone(photos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ("train", str(photos), "--out", str(run), "-q", *QUICK)
    stopped_at(STAGES["inspecting"], signal.SIGTERM, words, tmp_path)
    recorded = (run / "config.toml").read_bytes()
    photos.rename(tmp_path / "elsewhere")
    try:
        assert main(["train", "--resume", "--out", str(run), "-q"]) == 2
    finally:
        (tmp_path / "elsewhere").rename(photos)
    assert (run / "config.toml").read_bytes() == recorded


def test_what_somebody_put_into_the_folder_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    made = make_folder(folder.path)
    assert made == (folder.path,)
    (folder.path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError), taken_back_where_refused(folder, made):
        raise DataError("unusable")
    assert (folder.path / "thesis.txt").read_text() == "years of work"
    (folder.path / "thesis.txt").unlink()
    for error in (RunInterrupted("stopped"), OSError(errno.ENOSPC, "full")):
        with pytest.raises(type(error)), taken_back_where_refused(folder, made):
            raise error
        assert folder.path.is_dir()


def test_a_claimed_folder_is_renamed_with_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    claim("photos-smallcnn")
    first = claim("photos")
    first.config.write_text(Config().to_toml())
    with alone_in(first):
        named = rename_claimed(first, "photos-smallcnn")
        assert named.path == Path("runs/photos-smallcnn-2")
        assert named.config.is_file()
        assert not first.path.exists()
        with pytest.raises(Exception, match="another process works in this run"), alone_in(named):
            pass
    shutil.rmtree("runs")
