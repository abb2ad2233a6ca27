"""A full disk: the place is named and the command that goes on, and nothing is half written."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import SafetensorError

from nunbit.cli import main
from nunbit.data import inspection_cache
from nunbit.files import new_file_written_atomically, write_new_file
from tests.pipelines.small_run import MODEL, outcome, small_run

TRAIN = (*MODEL, "--epochs", "2", "-q")


@pytest.fixture(scope="module", autouse=True)
def _files_are_never_too_new() -> Iterator[None]:
    """What is in them is remembered by the first run, however fast it is: all flush as often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspection_cache, "RACY_SECONDS", 0.0)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that had room."""
    return small_run(tmp_path_factory.mktemp("home"), "--epochs", "2")


@pytest.fixture(scope="module")
def photos(whole: Path) -> Path:
    return whole.parent / "photos"


@pytest.fixture(scope="module")
def flushed(photos: Path, whole: Path) -> int:
    """Number of times that a whole run flushes; pixels are cached already, as in the tests."""
    assert whole.is_dir()
    with pytest.MonkeyPatch.context() as patch:
        counted = Disk(patch, full_from=10**9, code=0)
        assert main(["train", str(photos), "--out", str(photos.parent / "counted"), *TRAIN]) == 0
    return counted.flushed


def check_told(told: str, run: Path) -> list[str]:
    """One block that names the place and the command; returns the command's words."""
    assert told.count("error: ") == 1, told
    assert "the disk is full" in told or "the disk quota is used up" in told
    assert "Traceback" not in told
    place = next(line for line in told.splitlines() if "where: " in line).partition("where: ")[2]
    assert Path(place).is_dir()
    assert Path(place).is_relative_to(run.parent)
    return shlex.split(told.partition("continue with: ")[2].partition(";")[0])[1:]


class Disk:
    """Counts what is flushed to the disk, and is full from one of these on."""

    def __init__(self, patch: pytest.MonkeyPatch, *, full_from: int, code: int) -> None:
        self.flushed = 0
        flush = os.fsync

        def fsync(descriptor: int) -> None:
            self.flushed += 1
            if self.flushed >= full_from:
                raise OSError(code, os.strerror(code))
            flush(descriptor)

        patch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize(
    "fraction",
    [0.0, 0.5, 0.99, *(pytest.param(f, marks=pytest.mark.slow) for f in (0.1, 0.3, 0.7, 0.9))],
)
def test_a_run_goes_on_when_there_is_room_again(
    fraction: float,
    flushed: int,
    photos: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, words = tmp_path / "run", ["train", str(photos), "--out", str(tmp_path / "run"), *TRAIN]
    with monkeypatch.context() as patch:
        code = errno.ENOSPC if fraction < 0.6 else errno.EDQUOT
        Disk(patch, full_from=1 + int(fraction * flushed), code=code)
        assert main(words) == 2
    again = check_told(capsys.readouterr().err, run)
    # Whatever stands there is whole: no file under a temporary name, no half CSV or JSON.
    assert not list(run.rglob("*.tmp"))
    if (run / "summary.json").exists():
        json.loads((run / "summary.json").read_text())
    assert main([*again, "-q"] if (run / "config.toml").exists() else words) == 0
    assert outcome(run) == outcome(whole)


def test_a_checkpoint_that_does_not_fit(
    photos: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The writer of weights has an error of its own, in its own words."""

    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("nunbit.training.checkpoint.save_file", full)
        assert main(["train", str(photos), "--out", str(run), *TRAIN]) == 2
    again = check_told(capsys.readouterr().err, run)
    assert main([*again, "-q"]) == 0
    assert outcome(run) == outcome(whole)


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "RUN", "--out", "NEW"),
        ("check", "DATA", "--page", "NEW.html"),
        ("check", "DATA", "--fix-list", "NEW.csv"),
        ("compare", "RUN", "COPY", "--out", "NEW.html"),
        ("predict", "RUN", "DATA", "--csv", "NEW.csv"),
        ("augment", "DATA", "--out", "NEW.html"),
        ("split", "DATA", "--out", "NEW", "--manifest", "NEW.csv"),
    ],
    ids=" ".join,
)
def test_no_command_leaves_half_a_file(
    words: tuple[str, ...],
    photos: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(whole, tmp_path / "copy")
    places = {"RUN": str(whole), "DATA": str(photos), "COPY": str(tmp_path / "copy")}
    given = [places.get(word, word.replace("NEW", "new")) for word in words]
    with monkeypatch.context() as patch:
        Disk(patch, full_from=1, code=errno.ENOSPC)
        assert main(given) == 2
    told = capsys.readouterr().err
    assert "error: the disk is full" in told
    left = {path.name for path in tmp_path.iterdir()} - {"copy", "cache"}
    assert left <= ({"new"} if words[0] == "split" else set())  # the images were copied before
    if words[0] != "split":
        assert main(given) in (0, 1)


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_new_file(path, "one")
    with pytest.raises(FileExistsError):
        write_new_file(path, "two")
    with (
        pytest.raises(UnicodeEncodeError),
        new_file_written_atomically(tmp_path / "other", encoding="ascii") as file,
    ):
        file.write("half, and then \u00e9")
    assert path.read_text() == "one"
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="only root may mount"
)
@pytest.mark.parametrize("kilobytes", [4, 16, 64, 200, 400, 700, 1000, 1500, 2200, 3000])
def test_a_real_disk_of_ten_sizes(
    kilobytes: int,
    photos: Path,
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        words = ["train", str(photos), "--out", str(disk / "run"), *TRAIN]
        code = main(words)
        if code:
            assert code == 2
            again = check_told(capsys.readouterr().err, disk / "run")
            room = ["mount", "-o", "remount,size=64M", str(disk)]
            subprocess.run(room, check=True)
            begun = (disk / "run" / "config.toml").exists()
            assert main([*again, "-q"] if begun else words) == 0
        assert outcome(disk / "run") == outcome(whole)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
