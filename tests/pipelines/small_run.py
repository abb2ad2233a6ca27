"""A run of seconds on a few pictures, which tests stop, starve and resume."""

from __future__ import annotations

from pathlib import Path

from nunbit.cli import main
from tests.fixtures_data import write_images

MODEL = ("--model", "smallcnn")


def small_run(folder: Path, *options: str) -> Path:
    """The run `whole` on the pictures `photos`, both new in a folder, which nothing disturbed."""
    photos = write_images(folder / "photos", {"cat": 9, "dog": 9})
    words = ["train", str(photos), "--out", str(folder / "whole"), *MODEL, *options, "-q"]
    assert main(words) == 0
    return folder / "whole"


def outcome(run: Path) -> dict[str, bytes]:
    """All that must not depend on what happened on the way."""
    names = ("model/model.safetensors", "predictions.csv", "split.csv", "config.toml")
    return {name: (run / name).read_bytes() for name in names}
