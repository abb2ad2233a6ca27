"""The folder of a run: where everything stands, and who may write into it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from nunbit.config import Config, read_config
from nunbit.data.augment import PRESETS
from nunbit.documents import read_json_object
from nunbit.errors import ConfigError, RunInterrupted, StorageError, UsageError
from nunbit.files import check_can_write, flush_folder, is_full, storage_error, write_atomically
from nunbit.training.interrupt import reason_of

if TYPE_CHECKING:
    from nunbit.evaluation.summary import Summary

NOTE = "# note: "


@dataclass(frozen=True)
class RunFolder:
    """Names in a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """The whole resolved configuration."""
        return self.path / "config.toml"

    @property
    def split(self) -> Path:
        """The part of each image, and why some have none."""
        return self.path / "split.csv"

    @property
    def metrics(self) -> Path:
        """One JSON object per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def transfer(self) -> Path:
        """Record of the head that was fitted on features, if pretrained weights were used."""
        return self.path / "transfer.json"

    @property
    def advice(self) -> Path:
        """The adviser's evidence, as JSON and, with the ending .png, as a picture."""
        return self.path / "advice.json"

    @property
    def summary(self) -> Path:
        """The numbers; present when the run has ended."""
        return self.path / "summary.json"

    @property
    def predictions(self) -> Path:
        """Answers of the network for each test image."""
        return self.path / "predictions.csv"

    @property
    def report(self) -> Path:
        """The page to read."""
        return self.path / "report.html"

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.path / "checkpoints" / "last"

    @property
    def best(self) -> Path:
        """The checkpoint of the best epoch."""
        return self.path / "checkpoints" / "best"

    @property
    def kept(self) -> Path:
        """Epochs kept under names of their own."""
        return self.path / "checkpoints" / "epochs"

    @property
    def model(self) -> Path:
        """The bundle."""
        return self.path / "model"

    def read_summary(self) -> Summary:
        """The content of summary.json.

        Raises:
            UsageError: when the run has not ended, or the file is damaged.
        """
        from nunbit.evaluation.summary import Summary

        try:
            return Summary.from_dict(read_json_object(self.summary))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                "the run's summary.json is missing or damaged",
                path=self.summary,
                remedy="remove it, and finish the run again with: " + resume_command(self.path),
            ) from None


def run_name(data: str, model: str, *, mode: str | None) -> str:
    """Name that says what a run does: its data, and its network or what it tunes of one.

    `mode` is the mode of transfer, None without pretrained weights.
    """
    what = model.rpartition("/")[2] if mode in (None, "auto", "none") else mode
    return f"{data}-{what}".replace(":", "-")


def claim(name: str) -> RunFolder:
    """Make `runs/<name>`, or the next free of `runs/<name>-2`, `runs/<name>-3` and so on."""
    plain = name.replace("/", "-")
    for number in count(1):
        path = Path("runs") / (plain if number == 1 else f"{plain}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return RunFolder(path)
    raise AssertionError("count never ends")


def rename_claimed(folder: RunFolder, name: str) -> RunFolder:
    """Give a run's folder its name, as `claim` would; a lock on it stays."""
    target = claim(name)
    if sys.platform == "win32":  # which renames onto nothing, not even an empty folder
        target.path.rmdir()
    folder.path.rename(target.path)
    flush_folder(target.path.parent)
    return target


def make_folder(path: Path) -> tuple[Path, ...]:
    """Make a folder and those above it; returns what was not there before, the deepest first."""
    made = tuple(each for each in (path, *path.parents) if not each.exists())
    path.mkdir(parents=True, exist_ok=True)
    return made


@contextmanager
def taken_back_where_refused(folder: RunFolder, made: Sequence[Path] | None) -> Iterator[None]:
    """Remove what a new run has written where an error shows that it cannot begin.

    `made` are the folders that were made for it, the deepest first; None for a run that had begun
    before, which keeps everything. So does one that was interrupted, or whose disk is full: it goes
    on from there.
    """
    try:
        yield
    except Exception as error:
        goes_on = isinstance(error, RunInterrupted | StorageError) or (
            isinstance(error, OSError) and is_full(error)
        )
        if made is not None and not goes_on:
            with suppress(OSError):  # something else is in there by now
                for written in (folder.config, folder.advice, folder.advice.with_suffix(".png")):
                    written.unlink(missing_ok=True)
                for each in made:
                    each.rmdir()
        raise


def check_writable_name(out: Path) -> None:
    """Raise UsageError for a folder whose name is not UTF-8: pages and commands must name it."""
    try:
        str(out).encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            f"the output folder's name is not valid Unicode: {str(out)!a}",
            remedy="choose another --out",
        ) from None


def check_output_folder(out: Path) -> None:
    """Check that a folder is empty, new, or holds no more than the configuration of a run.

    Raises:
        UsageError: when it holds something else, or nothing may be written there.
    """
    check_writable_name(out)
    folder = RunFolder(out)
    if out.is_dir():
        content = {item.name for item in out.iterdir() if not item.name.startswith(".config.toml")}
        begun = folder.config.name in content and _is_config(folder.config)
        if content and not (begun and len(content) == 1):
            raise UsageError(
                "the output folder is not empty, and nothing in it is overwritten",
                path=out,
                remedy="choose another --out"
                + (f", or continue the run in it: {resume_command(out)}" if begun else ""),
            )
    elif out.exists():
        raise UsageError("the output path is a file", path=out, remedy="choose another --out")
    check_can_write(out)


def with_absolute_paths(config: Config) -> Config:
    """Paths that still hold when config.toml is used from another folder."""
    data = config.data
    named = {
        "data.path": data.path,
        "data.label_map": data.label_map,
        "data.image_root": data.image_root,
        "data.manifest": data.manifest,
        "data.corrections": data.corrections,
        "model.pretrained": config.model.pretrained,
        "augment.preset": "" if config.augment.preset in PRESETS else config.augment.preset,
    }
    absolute = {
        key: str(Path(value).resolve())
        for key, value in named.items()
        if value and Path(value).exists()
    }
    return config.with_settings(absolute)


def save_config(folder: RunFolder, config: Config, *, notes: Sequence[str] = ()) -> None:
    """Write config.toml; above it, as comments, why `auto` values were decided as they are."""
    comments = "".join(f"{NOTE}{note}\n" for note in notes)
    write_atomically(folder.config, comments + config.to_toml())


def recorded_notes(folder: RunFolder) -> list[str]:
    """The notes that `save_config` has written; none where there is no config.toml."""
    if not folder.config.is_file():
        return []
    lines = folder.config.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(NOTE) for line in lines if line.startswith(NOTE)]


def resume_command(path: Path) -> str:
    """Command that continues an interrupted run."""
    return shlex.join(["nunbit", "train", "--resume", "--out", str(path)])


@contextmanager
def alone_in(folder: RunFolder) -> Iterator[None]:
    """Keep other processes out of a run's folder; the lock goes with the process.

    Raises:
        UsageError: when another process works there.
    """
    if sys.platform == "win32":  # it has no advisory locks on folders
        yield
        return
    import fcntl

    descriptor = os.open(folder.path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                "another process works in this run",
                path=folder.path,
                remedy="wait until it has ended, or choose another --out",
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def resumable(folder: RunFolder) -> Iterator[None]:
    """Report how to go on when the user interrupts anything but a training step.

    Raises:
        RunInterrupted: in place of KeyboardInterrupt.
        StorageError: where a disk is full.
    """
    command = resume_command(folder.path)
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise storage_error(error, then=f"continue with: {command}") from error
        raise
    except KeyboardInterrupt as stopped:
        raise RunInterrupted(
            f"{reason_of(stopped)} before the run had ended; what was saved is kept",
            path=folder.path,
            remedy=f"continue with: {command}",
        ) from None


def _is_config(path: Path) -> bool:
    try:
        read_config(path)
    except ConfigError:
        return False
    return True
