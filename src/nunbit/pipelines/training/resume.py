"""The configuration that a resumed run goes on with: the recorded one, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nunbit.config import Config, read_config
from nunbit.errors import UsageError
from nunbit.pipelines.run_folder import RunFolder, resume_command


def recorded_config(folder: RunFolder) -> Config:
    """The configuration of an interrupted run.

    Raises:
        UsageError: when there is no run in the folder.
    """
    if not folder.config.is_file():
        raise UsageError(
            "there is no run to resume",
            path=folder.path,
            remedy="check the path, or name DATA to begin: nunbit train DATA --out DIR",
        )
    config = read_config(folder.config)
    if "range" not in config.pixels.model_fields_set:
        # Written before ranges were stated: its epochs have seen the full one.
        config = config.with_settings({"pixels.range": "full"})
    return config


def config_to_resume(wanted: Config, recorded: Config, folder: Path) -> Config:
    """The recorded configuration, after making sure that the user asks for nothing else.

    Raises:
        UsageError: naming the setting that differs.
    """
    then = dict(_leaves(_in_recorded_form(recorded).model_dump()))
    for key, value in _leaves(_in_recorded_form(wanted).model_dump(exclude_unset=True)):
        if key == "augment.preset" and _set_aside(wanted, recorded):
            continue
        if value not in ("auto", then.get(key)):
            raise UsageError(
                f"a resumed run keeps its settings: {key} is {then.get(key)!r}, not {value!r}",
                path=folder,
                remedy=f"leave it out ({resume_command(folder)}), or begin a new run",
            )
    return recorded


def _set_aside(wanted: Config, recorded: Config) -> bool:
    """Tell whether the run dropped its augmentation because the adviser chose the head."""
    return wanted.transfer.mode == "auto" and recorded.transfer.mode == "head"


def _in_recorded_form(config: Config) -> Config:
    """The same configuration with a square size as (height, width), the way a run records it."""
    size = config.pixels.image_size
    if not isinstance(size, int):
        return config
    return config.with_settings({"pixels.image_size": (size, size)})


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
