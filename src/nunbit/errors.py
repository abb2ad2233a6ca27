"""The exceptions of nunbit, all under one root.

NunbitError                one short block: what happened, to which file, what to do
├── UsageError             the command or call was wrong                        exit 2
│   └── ConfigError        an unknown or impossible setting                     exit 2
├── DataError              the data cannot be used as they are                  exit 2
├── UnusableImage          one image cannot be decoded; becomes its exclusion   (never ends a run)
├── BundleError            a model folder is incomplete, damaged or foreign     exit 2
├── StorageError           a disk is full, or a quota is used up                exit 2
├── CheckpointError        no usable checkpoint where one is needed             exit 2
├── WeightsError           pretrained weights are missing, damaged or misfits   exit 2
├── ExportError            a model cannot leave, or would answer differently     exit 1
├── TrainingError          training ran and failed (a loss that is not finite)  exit 1
└── RunInterrupted         the user stopped the run; its state is saved         exit 130
"""

from __future__ import annotations

import re
from pathlib import Path

_MAX_WORD, _MAX_LINE = 200, 2000
"""Characters without a blank, and of a line, that a message quotes: files may hold anything."""


def _shortened(what: str) -> str:
    """Message without the rest of what a file may hold by the megabyte."""
    lines = (
        line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]} ..." for line in what.split("\n")
    )
    word = rf"(\S{{{_MAX_WORD - 4}}})\S+"
    return "\n".join(
        re.sub(word, r"\1 ...", line) if len(line) > _MAX_WORD else line for line in lines
    )


class NunbitError(Exception):
    """Root of all errors that nunbit raises on purpose.

    `what` says what happened, `path` names the file or folder concerned, `remedy` says what the
    user can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, path: str | Path | None = None, remedy: str = "") -> None:
        self.what = _shortened(what)
        super().__init__(self.what)
        self.path = None if path is None else str(path)
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.what]
        if self.path is not None:
            lines.append(f"  where: {self.path}")
        if self.remedy:
            lines.append(f"  what to do: {self.remedy}")
        return "\n".join(lines)


class UsageError(NunbitError):
    """The command or call was wrong."""


class ConfigError(UsageError):
    """A setting is unknown or impossible."""


class DataError(NunbitError):
    """The data cannot be used as they are."""


class UnusableImage(NunbitError):
    """One image cannot be decoded under the input contract; `what` is the reason."""


class BundleError(NunbitError):
    """A model folder is incomplete, damaged or was not written by nunbit."""


class StorageError(NunbitError):
    """A disk is full, or a quota is used up; `path` is the place."""


class CheckpointError(NunbitError):
    """No usable checkpoint where one is needed."""


class WeightsError(NunbitError):
    """Pretrained weights are missing, damaged, or do not fit the network."""


class ExportError(NunbitError):
    """A model cannot be expressed for another runtime, or answers differently there."""

    exit_code = 1


class TrainingError(NunbitError):
    """Training ran and failed."""

    exit_code = 1


class RunInterrupted(NunbitError):
    """The user stopped the run; what was reached is saved."""

    exit_code = 130
